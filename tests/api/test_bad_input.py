"""What cannot be taken: each a worded refusal of that file alone, and nothing half made."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import openpyxl
import pikepdf
import psycopg
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.settings import Settings
from tests import sheets
from tests.conftest import County

API = "/api/v1"
TABLES = ("upload_file", "page", "stored_object", "replica", "component", "job")
TINY = (240, 160)


def picture(shade: int = 255) -> bytes:
    """Return a small page that no other call with another shade returns."""
    return sheets.encoded(Image.new("L", TINY, shade))


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


def bomb() -> bytes:
    return archive({f"{n}.jpg": bytes(20 << 20) for n in range(4)}, zipfile.ZIP_DEFLATED)


def enormous_png() -> bytes:
    """Return a PNG whose header promises 60,000 by 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def pdf(encryption: pikepdf.Encryption | None = None) -> bytes:
    """Return a PDF: a locked one has a page, the other has none."""
    out = io.BytesIO()
    with pikepdf.new() as made:
        if encryption:
            made.add_blank_page()
        made.save(out, encryption=encryption or False)
    return out.getvalue()


REFUSED: dict[str, tuple[str, Callable[[], bytes], int, str]] = {
    "empty": ("空.jpg", bytes, 422, "upload.empty"),
    "truncated": ("断.jpg", lambda: picture()[:-200], 422, "upload.truncated"),
    "enormous": ("大.png", enormous_png, 413, "upload.too_many_pixels"),
    "program": ("程序.jpg", lambda: b"MZ" + bytes(500), 415, "upload.not_an_image"),
    "encrypted PDF": (
        "密.pdf",
        partial(pdf, pikepdf.Encryption(owner="o", user="u")),
        422,
        "upload.encrypted",
    ),
    "PDF without pages": ("无页.pdf", pdf, 422, "upload.no_pages"),
    "bomb": ("炸弹.zip", bomb, 413, "upload.zip_bomb"),
    "path in ZIP": ("出走.zip", lambda: archive({"../../etc/passwd": b"x"}), 422, "upload.zip_path"),
    "empty ZIP": ("空包.zip", lambda: archive({}), 422, "upload.zip_empty"),
    "damaged ZIP": ("坏包.zip", lambda: archive({"甲.jpg": picture()})[:-30], 422, "upload.damaged"),
}


class Delivery:
    """A delivery of scans, and what the county holds."""

    def __init__(self, county: County, postgres: EmbeddedPostgres, settings: Settings) -> None:
        self.county, self.client = county, county.client()
        self.address = f"{API}/uploads/{self.client.post(f'{API}/uploads', json={'name': '坏文件'}).json['id']}"
        self._dsn, self._settings = postgres.dsn(), settings

    def send(self, name: str, content: bytes, **form: str) -> TestResponse:
        spoken = form.pop("spoken", "zh-CN")
        sent = {"file": (io.BytesIO(content), "x"), "path": name, **form}
        return self.client.post(f"{self.address}/files", data=sent, headers={"Accept-Language": spoken})

    def held(self) -> dict[str, int]:
        with psycopg.connect(self._dsn) as connection:
            counts = {
                table: connection.execute(
                    f"SELECT count(*) FROM {table} WHERE tenant_id = %s".encode(),
                    (self.county.tenant,),
                ).fetchone()
                for table in TABLES
            }
        files = [
            path
            for site in (self._settings.site_a, self._settings.site_b)
            for path in (site / self.county.tenant).rglob("*")
            if path.is_file()
        ]
        return {**{table: row[0] for table, row in counts.items() if row}, "files": len(files)}


@pytest.fixture
def delivery(county: County, postgres: EmbeddedPostgres, settings: Settings) -> Delivery:
    return Delivery(county, postgres, settings)


@pytest.fixture(scope="module")
def catalogued(county: County, work_off: Callable[[], int]) -> str:
    """Return the code of an item that awaits its pages."""
    with county.acting("archivist"):
        begun = county.services.intake.begin(io.BytesIO(sheets.catalogue(sheets.catalogue_row(1))), "目录.csv")
    work_off()
    with county.acting("archivist"):
        county.services.intake.confirm(begun.id)
    work_off()
    return "Z109-WS·2011-Y-BGS-0001"


@pytest.mark.parametrize("case", REFUSED)
class TestRefused:
    """One file that cannot be taken."""

    @pytest.mark.parametrize("spoken", ["zh-CN", "en"])
    def test_is_named_in_a_sentence(self, delivery: Delivery, case: str, spoken: str) -> None:
        name, content, status, code = REFUSED[case]
        answer = delivery.send(name, content(), spoken=spoken)
        assert (answer.status_code, answer.json["code"]) == (status, code)
        assert answer.content_type == "application/problem+json"
        assert name in answer.json["detail"]
        assert answer.json["detail"] != code
        (noted,) = delivery.client.get(f"{delivery.address}/refusals").json["rows"]
        assert (noted["path"], noted["code"]) == (name, code)

    def test_leaves_nothing_behind(self, delivery: Delivery, case: str) -> None:
        name, content, _, _ = REFUSED[case]
        before = delivery.held()
        delivery.send(name, content())
        assert delivery.held() == before

    def test_holds_up_no_other(self, delivery: Delivery, case: str) -> None:
        name, content, _, _ = REFUSED[case]
        delivery.send(name, content())
        assert delivery.send("好.jpg", picture(100 + list(REFUSED).index(case))).status_code == 201
        shown = delivery.client.get(delivery.address).json
        assert (shown["files"], shown["refused"]) == (1, 1)


@pytest.mark.parametrize(
    "path", ["../出走.jpg", "/etc/passwd", "C:\\a.jpg", "a\x00b.jpg", "名" * 70 + ".jpg", "a?.jpg"]
)
def test_a_name_that_is_none_is_refused(delivery: Delivery, path: str) -> None:
    before = delivery.held()
    answer = delivery.send(path, picture())
    assert (answer.status_code, answer.json["code"]) == (422, "upload.bad_name")
    assert delivery.held() == before


def test_bytes_that_are_not_what_was_announced(delivery: Delivery) -> None:
    before = delivery.held()
    answer = delivery.send("甲.jpg", picture(), sha256="0" * 64)
    assert (answer.status_code, answer.json["code"]) == (422, "storage.digest_mismatch")
    assert delivery.held() == before


def test_names_in_gbk_inside_a_zip_are_read(delivery: Delivery, work_off: Callable[[], int]) -> None:
    """Windows in Chinese writes them without saying so."""
    name = "一九八三年婚姻登记.jpg"
    content = archive({"X" * len(name.encode("gbk")): picture(7), "坏.jpg": b"no picture"})
    content = content.replace(b"X" * len(name.encode("gbk")), name.encode("gbk"))
    answer = delivery.send("婚姻.zip", content)
    assert (answer.status_code, answer.json["outcome"]) == (201, "unpacking")
    work_off()
    pages = delivery.client.get(f"{delivery.address}/pages").json["rows"]
    assert [page["file_path"] for page in pages] == [f"婚姻/{name}"]
    (refusal,) = delivery.client.get(f"{delivery.address}/refusals").json["rows"]
    assert (refusal["path"], refusal["code"]) == ("婚姻/坏.jpg", "upload.not_an_image")


def test_the_same_page_twice(delivery: Delivery, catalogued: str) -> None:
    content, name = picture(20), f"{catalogued}-1.jpg"
    assert delivery.send(name, content).json["outcome"] == "stored"
    before = delivery.held()
    again = delivery.send(name, content)
    assert (again.status_code, again.json["outcome"]) == (201, "already_here")
    other = delivery.send(f"{catalogued}-2.jpg", content)
    assert (other.status_code, other.json["code"]) == (409, "upload.duplicate_page")
    taken = delivery.send(f"再/{name}", picture(21))
    assert (taken.status_code, taken.json["code"]) == (409, "upload.page_taken")
    changed = delivery.send(name, picture(22))
    assert (changed.status_code, changed.json["code"]) == (409, "upload.path_taken")
    assert all("Z109" in answer.json["detail"] for answer in (other, taken, changed))
    assert delivery.held() == before


def test_a_scan_for_an_item_that_is_not_there_waits_in_the_tray(delivery: Delivery, catalogued: str) -> None:
    answer = delivery.send("Z109-WS·2011-Y-BGS-9999-1.jpg", picture(30))
    (page,) = answer.json["pages"]
    assert (answer.status_code, page["item_id"], page["unplaced"]) == (201, None, "no_item")
    client = delivery.client
    assert page["id"] in {row["id"] for row in client.get(f"{API}/tray").json["rows"]}
    (item,) = client.get(f"{API}/items", query_string={"prefix": catalogued}).json["rows"]
    place = partial(client.post, f"{API}/pages/{page['id']}/place", headers={"If-Match": f'"{page["version"]}"'})
    placed = place(json={"item_id": item["id"], "page_no": 77})
    assert (placed.status_code, placed.json["page_no"]) == (200, 77)
    assert page["id"] not in {row["id"] for row in client.get(f"{API}/tray").json["rows"]}


def preview(client: FlaskClient, name: str, content: bytes, work_off: Callable[[], int]) -> dict[str, Any]:
    begun = client.post(f"{API}/imports", data={"file": (io.BytesIO(content), name)})
    assert begun.status_code == 202
    work_off()
    shown = client.get(f"{API}/imports/{begun.json['id']}", headers={"Accept-Language": "zh-CN"}).json
    assert shown is not None
    return shown


def test_a_catalogue_in_gb18030_under_a_byte_order_mark(county: County, work_off: Callable[[], int]) -> None:
    content = "\ufeff".encode("gb18030") + sheets.catalogue(
        sheets.catalogue_row(5, "关于㐱姓宗谱的函"), encoding="gb18030"
    )
    shown = preview(county.client(), "目录.csv", content, work_off)
    assert (shown["state"], shown["valid"], shown["fault_count"]) == ("previewed", 1, 0)
    assert "关于㐱姓宗谱的函" in shown["sample"][0]["cells"]


def test_a_mark_that_contradicts_its_file_is_told(county: County, work_off: Callable[[], int]) -> None:
    content = b"\xef\xbb\xbf" + sheets.catalogue(sheets.catalogue_row(5), encoding="gb18030")
    shown = preview(county.client(), "目录.csv", content, work_off)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "intake.encoding")


def test_merged_cells_are_faults_of_their_rows(county: County, work_off: Callable[[], int]) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    page = book.active
    assert page is not None
    for line in (sheets.HEADINGS, sheets.catalogue_row(6), sheets.catalogue_row(7)):
        page.append(line.split(","))
    page.merge_cells("G2:G3")
    book.save(out)
    shown = preview(county.client(), "合并.xlsx", out.getvalue(), work_off)
    assert shown["state"] == "previewed"
    assert {fault["row"] for fault in shown["faults"]} == {2, 3}
    assert all(fault["message"] for fault in shown["faults"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("空.csv", b""),
        ("程序.csv", b"MZ" + bytes(300)),
        ("断.xlsx", b"PK\x03\x04" + bytes(100)),
        ("图.csv", picture(40)),
        ("标题.csv", sheets.HEADINGS.encode()),
    ],
)
def test_what_is_no_catalogue_says_so(county: County, work_off: Callable[[], int], name: str, content: bytes) -> None:
    client = county.client()
    begun = client.post(f"{API}/imports", data={"file": (io.BytesIO(content), name)})
    if begun.status_code != 202:
        assert 400 <= begun.status_code < 500
        assert begun.json["detail"]
        return
    work_off()
    shown = client.get(f"{API}/imports/{begun.json['id']}").json
    assert (shown["state"], shown["valid"]) in {("failed", 0), ("previewed", 0)}
    assert shown["error"] or shown["state"] == "previewed"
