from typing import Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.imaging.geometry import find_lines
from workers.ocr.engine import Line, OcrEngine, in_reading_order
from workers.ocr.rapid import RapidEngine


class Letter(Protocol):
    @property
    def pixels(self) -> NDArray[np.uint8]: ...

    @property
    def boxes(self) -> dict[str, tuple[float, float, float, float]]: ...


class EngineContract:
    """Subclasses provide `engine`; every engine that is offered passes."""

    def test_it_says_who_it_is(self, engine: OcrEngine) -> None:
        assert engine.name
        assert engine.version

    def test_it_reads_a_clean_letter_in_order(self, engine: OcrEngine, letter: Letter) -> None:
        lines = engine.recognise(letter.pixels)
        assert [line.text for line in lines] == list(letter.boxes)
        assert all(line.confidence > 0.8 for line in lines)

    def test_quads_lie_on_what_they_read(self, engine: OcrEngine, letter: Letter) -> None:
        for line in engine.recognise(letter.pixels):
            left, top, right, bottom = letter.boxes[line.text]
            assert line.quad[0] == pytest.approx((left, top), abs=25)
            assert line.quad[2] == pytest.approx((right, bottom), abs=40)  # a full stop at the end may stay out

    def test_a_bare_sheet_says_nothing(self, engine: OcrEngine) -> None:
        assert engine.recognise(np.full((1200, 900, 3), 240, np.uint8)) == ()

    def test_pieces_of_lines_are_legible_upright_only(self, engine: OcrEngine, letter: Letter) -> None:
        strips = find_lines(letter.pixels, 3)
        assert engine.legibility(strips) > 0.9
        assert engine.legibility([np.ascontiguousarray(strip[::-1, ::-1]) for strip in strips]) < 0.8
        assert engine.legibility([]) == 0


class TestRapid(EngineContract):
    @pytest.fixture
    def engine(self, rapid: RapidEngine) -> RapidEngine:
        return rapid


def box(text: str, left: float, top: float, right: float, bottom: float) -> Line:
    return Line(text, 1.0, ((left, top), (right, top), (right, bottom), (left, bottom)))


def texts(*lines: Line) -> str:
    return "".join(line.text for line in in_reading_order(lines))


def test_rows_are_read_from_the_left_although_one_stands_higher() -> None:
    assert texts(box("乙", 200, 98, 300, 130), box("甲", 10, 104, 150, 138), box("丙", 10, 150, 300, 180)) == "甲乙丙"


def test_cells_of_a_table_are_read_row_by_row() -> None:
    rows = [
        box(f"{row}{column}", 200 * column, 60 * row, 200 * column + 150, 60 * row + 30)
        for row in range(3)
        for column in range(3)
    ]
    assert texts(*reversed(rows)) == "000102101112202122"


def test_columns_are_read_from_the_right() -> None:
    first, second, third = (
        box(text, x, 50, x + 40, 900) for text, x in (("甲乙丙", 700), ("丁戊己", 600), ("庚辛壬", 500))
    )
    assert texts(third, first, second) == "甲乙丙丁戊己庚辛壬"


@given(st.permutations(range(6)))
def test_the_order_found_does_not_depend_on_the_order_given(order: list[int]) -> None:
    lines = [
        box(str(index), 300 * (index % 2), 80 * (index // 2), 300 * (index % 2) + 200, 80 * (index // 2) + 40)
        for index in range(6)
    ]
    assert texts(*(lines[index] for index in order)) == "012345"


def test_no_lines_have_an_order() -> None:
    assert in_reading_order([]) == ()
