from pathlib import Path

import pytest

from app.demo.catalogue import CatalogueRow, Form
from app.demo.documents import draw
from app.demo.fonts import Face, Fonts, FontsMissing
from app.demo.province import County


def one_of(entries: dict[str, CatalogueRow], form: Form) -> CatalogueRow:
    return next(row for row in entries.values() if row.form is form)


@pytest.mark.parametrize("form", Form, ids=lambda form: form.name.lower())
def test_a_record_has_as_many_pages_as_its_entry_says_and_much_to_read(
    form: Form, qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts
) -> None:
    row = one_of(entries, form)
    pages = draw(qinghe, row, fonts)
    assert len(pages) == row.page_count
    for page in pages:
        assert page.image.size == (1654, 2339)
        assert len(page.lines) >= 12
        for _, (left, top, right, bottom) in page.lines:
            assert 0 <= left < right <= page.image.width
            assert 0 <= top < bottom <= page.image.height


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (Form.NOTICE, "doc_no"),
        (Form.REPLY, "doc_no"),
        (Form.LAND, "persons"),
        (Form.LABOUR, "persons"),
        (Form.ONE_CHILD, "doc_no"),
    ],
)
def test_the_page_says_what_its_entry_says(
    form: Form, field: str, qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts
) -> None:
    row = one_of(entries, form)
    assert getattr(row, field) in [line.text for line in draw(qinghe, row, fonts)[0].lines]


def test_a_marriage_register_names_every_couple_of_its_entry(
    qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts
) -> None:
    row = one_of(entries, Form.MARRIAGE)
    words = {line.text for line in draw(qinghe, row, fonts)[0].lines}
    assert set(row.persons.split(";")) <= words


def test_a_file_list_names_the_items_of_its_file(
    qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts
) -> None:
    row = one_of(entries, Form.FILE_LIST)
    words = "".join(line.text for line in draw(qinghe, row, fonts)[0].lines)
    kept = [one for code, one in entries.items() if code.startswith(row.ref_code[:-3]) and one is not row]
    assert all(one.title in words and one.date in words for one in kept)


def test_the_ink_lies_in_the_boxes(qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts) -> None:
    page = draw(qinghe, one_of(entries, Form.CONTRACT), fonts)[0]
    for _, box in page.lines:
        assert min(page.image.convert("L").crop(box).tobytes()) < 120


def test_the_same_entry_gives_the_same_pixels(qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts) -> None:
    row = one_of(entries, Form.LETTER)
    assert draw(qinghe, row, fonts)[0].image.tobytes() == draw(qinghe, row, fonts)[0].image.tobytes()


def test_a_finer_scan_has_the_same_words_at_larger_places(
    qinghe: County, entries: dict[str, CatalogueRow], fonts: Fonts
) -> None:
    row = one_of(entries, Form.LAND)
    (page,), (fine,) = draw(qinghe, row, fonts), draw(qinghe, row, fonts, dpi=300)
    assert fine.image.size == (2480, 3508)
    assert [line.text for line in fine.lines] == [line.text for line in page.lines]


def test_missing_typefaces_tell_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match="make install"):
        Fonts(tmp_path)


def test_the_printed_face_knows_what_the_brush_does_not(fonts: Fonts) -> None:
    assert fonts.has(Face.SONG, "〇")
    assert not fonts.has(Face.BRUSH, "〇")
