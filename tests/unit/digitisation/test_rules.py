"""File names, matching, and boxes of words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.digitisation.rules import Claim, claims, clean_path, joined, part_of
from app.digitisation.types import TextLine, UploadRefused

CODE = "Z109-WS·2011-Y-BGS-0001"


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("a.jpg", "a.jpg"),
        ("./卷/一.jpg", "卷/一.jpg"),
        ("卷\\一.jpg", "卷/一.jpg"),
        ("卷//一.jpg", "卷/一.jpg"),
        ("e\u0301.jpg", "é.jpg"),
        ("..a.jpg", "..a.jpg"),
    ],
)
def test_a_path_is_cleaned(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@pytest.mark.parametrize(
    "path",
    ["", "/", "..", "../a.jpg", "a/../b.jpg", "a\\..\\b.jpg", "/a.jpg", "\\a.jpg", "C:\\a.jpg", "c:a.jpg", "a\x00.jpg",
     "a\n.jpg", "a?.jpg", "a*.jpg", "a|.jpg", 'a".jpg', "<a>.jpg", "名" * 67],
)  # fmt: skip
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(UploadRefused) as refusal:
        clean_path(path)
    assert refusal.value.reason == "bad_name"
    assert refusal.value.path
    assert refusal.value.path.isprintable()


@given(st.text())
def test_a_clean_path_stays_inside_and_stays_clean(path: str) -> None:
    try:
        clean = clean_path(path)
    except UploadRefused:
        return
    assert clean_path(clean) == clean
    assert not clean.startswith("/")
    assert ".." not in clean.split("/")


@pytest.mark.parametrize(
    ("path", "claim"),
    [
        (f"{CODE}-3.jpg", Claim(CODE, 3)),
        (f"盒/{CODE}-0012.tif", Claim(CODE, 12)),
        (f"{CODE}.pdf", Claim(CODE, None)),
        ("Z109-WS_2011-Y-BGS-0001-3.jpg", Claim(CODE, 3)),
        ("Z109-WS.2011-Y-BGS-0001-3.jpg", Claim(CODE, 3)),
        (f"{CODE}/007.jpg", Claim(CODE, 7)),
        ("Z109-WS_2011-Y-BGS-0001/7.jpg", Claim(CODE, 7)),
    ],
)
def test_what_a_name_says(path: str, claim: Claim) -> None:
    assert claim in claims(path)


def test_page_zero_is_no_page() -> None:
    assert {claim.page_no for claim in claims(f"{CODE}-0.jpg")} == {None}
    assert claims(f"{CODE}/0.jpg") == (Claim("0", None),)


def test_the_whole_name_comes_before_its_last_number() -> None:
    assert [claim.page_no for claim in claims(f"{CODE}.jpg")] == [None, 1]


@given(st.lists(st.text(st.characters(exclude_characters="\n"))))
def test_lines_are_found_where_they_were_joined(lines: list[str]) -> None:
    text, starts = joined(lines)
    assert [text[at : at + len(line)] for at, line in zip(starts, lines, strict=True)] == lines


LEVEL = TextLine("一二三四", 1.0, ((0, 0), (400, 0), (400, 100), (0, 100)))


def test_a_word_has_its_share_of_the_line() -> None:
    assert part_of(LEVEL, 1, 3) == ((100, 0), (300, 0), (300, 100), (100, 100))
    assert part_of(LEVEL, 0, 4) == LEVEL.quad


def test_narrow_characters_take_half() -> None:
    line = TextLine("ab一二三", 1.0, LEVEL.quad)
    assert part_of(line, 2, 3)[0] == (100, 0)


def test_a_line_that_runs_down_is_cut_across() -> None:
    down = TextLine("一二三四", 1.0, ((0, 0), (100, 0), (100, 400), (0, 400)))
    assert part_of(down, 1, 2) == ((0, 100), (100, 100), (100, 200), (0, 200))


@given(st.integers(0, 4), st.integers(0, 4))
def test_parts_lie_inside_their_line(one: int, other: int) -> None:
    start, end = sorted((one, other))
    for x, y in part_of(LEVEL, start, end):
        assert 0 <= x <= 400
        assert 0 <= y <= 100
