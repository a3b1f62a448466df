import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.demo import catalogue
from app.demo.ageing import Aged, Wear, age
from app.demo.fonts import Face, Fonts
from app.demo.province import PROVINCE
from app.demo.scans import scan
from workers.imaging.geometry import Quarter
from workers.imaging.quality import Thresholds
from workers.imaging.seals import find_seals, reading_copy
from workers.ocr.engine import Line, OcrEngine, Quad
from workers.page import PageResult, process_page

LIMITS = Thresholds()
Box = tuple[float, float, float, float]


class Letter(Protocol):
    @property
    def pixels(self) -> NDArray[np.uint8]: ...

    @property
    def boxes(self) -> dict[str, Box]: ...


@dataclass
class Counting:
    """An engine that notes what it was given, and reads the same lines from every page."""

    name: str = "counting"
    version: str = "1"
    given: list[tuple[int, ...]] = field(default_factory=list)
    lines: tuple[Line, ...] = ()

    def recognise(self, page: NDArray[np.uint8]) -> tuple[Line, ...]:
        self.given.append(page.shape)
        return self.lines

    def legibility(self, strips: Sequence[NDArray[np.uint8]]) -> float:
        return 0.0 * len(strips)


def aged(letter: Letter, wear: Wear) -> Aged:
    return age(Image.fromarray(letter.pixels), wear, np.random.default_rng(5))


def around(quad: Quad) -> Box:
    across, down = zip(*quad, strict=True)
    return min(across), min(down), max(across), max(down)


def overlap(a: Box, b: Box) -> float:
    """Return intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.mark.parametrize("turn", get_args(Quarter))
def test_a_worn_page_comes_out_upright_and_read(letter: Letter, rapid: OcrEngine, turn: Quarter) -> None:
    scanned = aged(letter, Wear(age=0.6, skew=-1.7, turn=turn, stains=3, border=4))
    result = process_page(np.array(scanned.image), 200, rapid, LIMITS)
    assert result.orientation == (360 - turn) % 360
    assert result.angle == pytest.approx(-1.7, abs=0.15)
    assert result.pixels.shape[0] > result.pixels.shape[1]
    assert text(result) == "".join(letter.boxes)
    assert {(f.id, f.severity) for f in result.findings} == {("skew", "W")} | (
        {("orientation", "W")} if turn else set()
    )


def test_sentences_are_boxed_in_the_scan_as_it_was(letter: Letter, rapid: OcrEngine) -> None:
    scanned = aged(letter, Wear(age=0.8, skew=2.2, turn=90, stains=3, border=5))
    result = process_page(np.array(scanned.image), 200, rapid, LIMITS)
    found = {line.text: around(line.quad) for line in result.lines}
    for sentence, box in letter.boxes.items():
        assert overlap(found[sentence], scanned.moved(tuple(round(side) for side in box))) > 0.5, sentence  # pyright: ignore[reportArgumentType]


def test_the_way_back_leads_to_the_scan(letter: Letter, rapid: OcrEngine) -> None:
    scan_ = letter.pixels.copy()
    scan_[1900:1940, 1300:1340] = (20, 60, 200)
    turned = np.array(
        Image.fromarray(scan_).rotate(-2, fillcolor=(250, 248, 242)).transpose(Image.Transpose.ROTATE_180)
    )
    result = process_page(turned, 200, rapid, LIMITS)
    rows, columns = np.nonzero((result.pixels[:, :, 2] > 150) & (result.pixels[:, :, 0] < 100))
    middle = np.array(((columns.mean() + 0.5, rows.mean() + 0.5),))
    ((x, y),) = result.transform.inverse().apply(middle)
    assert turned[int(y), int(x)].tolist() == [20, 60, 200]


@pytest.mark.parametrize("turn", get_args(Quarter))
def test_writing_in_columns_is_told_from_lines_on_their_side(rapid: OcrEngine, turn: Quarter) -> None:
    columns = ("清河县历史档案馆藏光绪年间契约文书", "立卖地契人王守义今因手乏不便", "情愿将祖遗熟地一段计三亩五分")
    font = Fonts().get(Face.SONG, 48)
    image = Image.new("RGB", (1654, 2339), (250, 248, 242))
    pen = ImageDraw.Draw(image)
    for column, words in enumerate(columns):
        for row, character in enumerate(words):
            pen.text((1300 - 140 * column, 240 + 56 * row), character, (40, 38, 36), font)
    result = process_page(np.rot90(np.array(image), -turn // 90).copy(), 200, rapid, LIMITS)
    assert result.orientation == (360 - turn) % 360
    assert text(result) == "".join(columns)


def test_a_page_is_read_once_and_never_larger_than_the_engine_can_bear(letter: Letter) -> None:
    engine = Counting(
        lines=(
            Line("甲", 0.5, ((0, 0), (100, 0), (100, 50), (0, 50))),
            Line("乙丙丁", 0.9, ((0, 0), (1, 0), (1, 1), (0, 1))),
        )
    )
    drawing = np.array(Image.fromarray(letter.pixels).resize((4962, 7016)))
    result = process_page(drawing, 600, engine, LIMITS)
    assert engine.given == [(3508, 2481, 3)]
    assert result.pixels.shape == drawing.shape
    assert result.lines[0].quad == ((0, 0), (200, 0), (200, 100), (0, 100))
    assert result.mean_confidence == pytest.approx(0.8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 6000), (5000, 5), (64, 64)], ids=str)
@pytest.mark.parametrize("tone", [0, 255])
def test_a_scrap_of_any_shape_is_taken(rapid: OcrEngine, shape: tuple[int, int], tone: int) -> None:
    result = process_page(np.full((*shape, 3), tone, np.uint8), None, rapid, LIMITS)
    assert result.pixels.shape == (*shape, 3)
    assert result.lines == ()


def test_a_bare_sheet_is_a_page_too(rapid: OcrEngine) -> None:
    bare = np.full((2339, 1654, 3), 240, np.uint8)
    result = process_page(bare, 200, rapid, LIMITS)
    assert [finding.id for finding in result.findings] == ["near_blank"]
    assert (result.orientation, result.angle, result.lines, result.mean_confidence) == (0, 0, (), None)


def test_the_scan_itself_is_never_changed(letter: Letter) -> None:
    scanned = np.array(aged(letter, Wear(age=0.5, stains=1)).image)
    before = scanned.copy()
    process_page(scanned, None, Counting(), LIMITS)
    assert np.array_equal(scanned, before)


def test_a_profile_s_limits_are_the_ones_applied(letter: Letter) -> None:
    result = process_page(letter.pixels, 200, Counting(), replace(LIMITS, dpi=300))
    assert [(f.id, f.value, f.threshold) for f in result.findings] == [("dpi_low", 200, 300)]


def test_a_seal_fades_for_reading_and_a_red_head_stays(letter: Letter) -> None:
    image = Image.fromarray(letter.pixels)
    pen = ImageDraw.Draw(image)
    pen.text((200, 60), "清河县人民政府文件", (210, 40, 40), Fonts().get(Face.SONG_BOLD, 110))
    pen.ellipse((1000, 1500, 1310, 1810), outline=(200, 40, 50), width=12)
    pen.regular_polygon((1155, 1655, 60), 5, fill=(200, 40, 50))
    page = np.array(image)
    copy, scale = reading_copy(page, 3508)
    ((x, y, width, height),) = find_seals(page)
    assert scale == 1
    assert overlap((x, y, x + width, y + height), (1000, 1500, 1310, 1810)) > 0.9
    assert copy[1655, 1155].min() > 190
    assert np.array_equal(copy[:240], page[:240])
    assert page[1655, 1155].tolist() == [200, 40, 50]


@pytest.mark.parametrize(("county", "ref_code"), [(0, "Z109-WS·2011-Y-BGS-0001"), (1, "G033-ZY·TD·1992·Y-001-001")])
def test_a_page_of_the_demo_is_read_to_the_handbook_s_measure(rapid: OcrEngine, county: int, ref_code: str) -> None:
    place = PROVINCE.counties[county]
    entry = next(row for row in catalogue.rows(place) if row.ref_code == ref_code)
    page = scan(place, entry, Fonts())[0]
    result = process_page(np.array(page.aged.image), page.drawn.dpi, rapid, LIMITS)
    assert accuracy(result, [line.text for line in page.drawn.lines]) >= 0.98
    assert not [finding for finding in result.findings if finding.severity == "E"]
    assert {"blur", "cut_off", "cast"}.isdisjoint(finding.id for finding in result.findings)


def text(result: PageResult) -> str:
    """Return what was read; a punched hole reads as O."""
    return "".join(line.text for line in result.lines if len(line.text) > 1)


def accuracy(result: PageResult, expected: list[str]) -> float:
    """Return the share of characters read, line by line, wherever the line was put in order."""
    read = ["".join(line.text for line in result.lines[at : at + 2]) for at in range(len(result.lines))]
    right = sum(max(matching(text, candidate) for candidate in read) for text in map(bare, expected))
    return right / sum(len(bare(text)) for text in expected)


def matching(text: str, candidate: str) -> int:
    return sum(
        block.size
        for block in difflib.SequenceMatcher(None, text, bare(candidate), autojunk=False).get_matching_blocks()
    )


def bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def test_lines_keep_the_order_of_reading(letter: Letter, rapid: OcrEngine) -> None:
    result = process_page(letter.pixels, 200, rapid, LIMITS)
    assert all(above.quad[0][1] < below.quad[0][1] for above, below in pairwise(result.lines))
    assert result.mean_confidence is not None
    assert result.mean_confidence > 0.95
