"""A ZIP in which one entry is broken: that entry is named, the others are taken."""

import io
import zipfile
from collections.abc import Callable

import pytest

from tests.conftest import County
from tests.sheets import jpeg

BREAKS: dict[str, Callable[[bytearray, int, int], None]] = {
    "unknown packing": lambda data, _local, central: data.__setitem__(slice(central + 10, central + 12), b"\x63\x00"),
    "other name before its bytes": lambda data, local, _central: data.__setitem__(local + 30, ord("X")),
    "bytes that do not unpack": lambda data, local, _central: data.__setitem__(
        slice(local + 60, local + 90), b"\xff" * 30
    ),
}


def _broken(how: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("first.jpg", "second.jpg", "third.jpg"):
            made.writestr(name, jpeg(f"{how} {name}"))
        local = made.infolist()[1].header_offset
    data = bytearray(buffer.getvalue())
    central = data.index(b"second.jpg", data.rindex(b"PK\x01\x02", 0, data.rindex(b"second.jpg"))) - 46
    BREAKS[how](data, local, central)
    return bytes(data)


@pytest.mark.parametrize("how", BREAKS)
def test_the_entries_behind_a_broken_one_are_taken(county: County, work_off: Callable[[], int], how: str) -> None:
    client = county.client()
    upload = client.post("/api/v1/uploads", json={"name": how}).json["id"]
    sent = {"file": (io.BytesIO(_broken(how)), "box.zip")}
    answer = client.post(f"/api/v1/uploads/{upload}/files", data=sent)
    assert (answer.status_code, answer.json["outcome"]) == (201, "unpacking")
    work_off()
    pages = client.get(f"/api/v1/uploads/{upload}/pages").json["rows"]
    assert [page["file_path"] for page in pages] == ["box/first.jpg", "box/third.jpg"]
    (refused,) = client.get(f"/api/v1/uploads/{upload}/refusals").json["rows"]
    assert (refused["path"], refused["code"]) == ("box/second.jpg", "upload.damaged")
