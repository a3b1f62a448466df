import io
import re
from pathlib import Path

from PIL import Image, ImageSequence

from app.demo import catalogue, scans
from app.demo.catalogue import CatalogueRow
from app.demo.fonts import Fonts
from app.demo.province import PROVINCE, County
from app.demo.scans import ScanFile, scan


def test_files_are_named_by_code_and_page(box: list[ScanFile]) -> None:
    """Domain handbook, description.md, 7."""
    for file in box:
        if file.ref_code is None:
            continue
        tail = file.path.name.removeprefix(file.ref_code)
        assert re.fullmatch(r"-\d{4}\.jpg|\.pdf|\.tif", tail)
        assert len(file.path.name.encode()) <= 200


def test_every_scanned_item_has_the_pages_of_its_entry(box: list[ScanFile], entries: dict[str, CatalogueRow]) -> None:
    for code in {file.ref_code for file in box if file.ref_code}:
        assert sum(file.pages for file in box if file.ref_code == code) == entries[code].page_count


def test_one_file_is_left_for_the_tray(box: list[ScanFile], entries: dict[str, CatalogueRow]) -> None:
    (stray,) = [file for file in box if file.ref_code is None]
    assert not any(stray.path.name.startswith(code) for code in entries)


def test_pages_carry_their_resolution(box: list[ScanFile]) -> None:
    for file in box:
        if file.path.suffix == ".jpg":
            with Image.open(file.path) as image:
                assert [round(dpi) for dpi in image.info["dpi"]] == [200, 200]


def test_a_bound_pdf_tells_no_time_and_counts_its_pages(box: list[ScanFile]) -> None:
    (bound,) = [file for file in box if file.path.suffix == ".pdf"]
    content = bound.path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"CreationDate" not in content
    assert len(re.findall(rb"/Type /Page\b", content)) == bound.pages == 2


def test_a_multi_page_tiff_is_in_the_second_county(fonts: Fonts, tmp_path: Path) -> None:
    linshan = PROVINCE.counties[1]
    row = next(row for row in catalogue.rows(linshan) if row.page_count == 2)
    path = tmp_path / "bound.tif"
    scans._write_bound(path, scan(linshan, row, fonts))  # the whole box would take seconds
    with Image.open(path) as image:
        assert len(list(ImageSequence.Iterator(image))) == 2
        assert image.info["dpi"] == (200, 200)


def test_the_same_page_comes_out_of_the_box_each_time(
    qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts, box: list[ScanFile]
) -> None:
    file = next(file for file in box if file.path.suffix == ".jpg" and file.ref_code)
    page = scan(qinghe, entries[file.ref_code or ""], fonts)[0]
    again = io.BytesIO()
    page.aged.image.save(again, "JPEG", quality=85, dpi=(200, 200))
    assert again.getvalue() == file.path.read_bytes()


def test_words_stay_on_the_page(qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts) -> None:
    page = scan(qinghe, entries["L052-RS-001-001"], fonts)[0]
    width, height = page.aged.image.size
    assert width > height  # laid down sideways
    for line in page.drawn.lines:
        left, top, right, bottom = page.aged.moved(line.box)
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
