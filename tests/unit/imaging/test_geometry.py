from typing import Protocol, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from workers.imaging.geometry import (
    Quarter,
    Transform,
    crop_border,
    denoise,
    deskew,
    find_lines,
    find_quarter,
    find_slant,
    turn,
)

NUMBERS = st.floats(-5000, 5000)
POINTS = np.array(((0, 0), (1654, 0), (1654, 2339), (12.5, 700)), np.float64)


class Letter(Protocol):
    @property
    def pixels(self) -> NDArray[np.uint8]: ...


@st.composite
def transforms(draw: st.DrawFn) -> Transform:
    """Turn, scale and shift, as the steps of a page do."""
    angle, scale = np.radians(draw(st.floats(-180, 180))), draw(st.floats(0.1, 10))
    cos, sin = scale * float(np.cos(angle)), scale * float(np.sin(angle))
    return Transform((cos, -sin, draw(NUMBERS), sin, cos, draw(NUMBERS), 0.0, 0.0, 1.0))


@given(transforms())
def test_there_and_back_is_where_one_was(there: Transform) -> None:
    assert there.then(there.inverse()).apply(POINTS) == pytest.approx(POINTS, abs=1e-6)
    assert there.inverse().apply(there.apply(POINTS)) == pytest.approx(POINTS, abs=1e-6)


@given(transforms(), transforms(), transforms())
def test_steps_may_be_joined_in_any_grouping(a: Transform, b: Transform, c: Transform) -> None:
    assert a.then(b).then(c).to_list() == pytest.approx(a.then(b.then(c)).to_list(), rel=1e-9, abs=1e-6)
    assert a.then(b).apply(POINTS) == pytest.approx(b.apply(a.apply(POINTS)), rel=1e-9, abs=1e-6)


@given(transforms())
def test_a_transform_reads_back_as_written(step: Transform) -> None:
    assert Transform.from_list(step.to_list()) == step


@pytest.mark.parametrize("cells", [[], [1.0] * 8, [float("nan")] * 9], ids=["none", "eight", "no number"])
def test_a_list_that_is_no_transform_is_refused(cells: list[float]) -> None:
    with pytest.raises(ValueError, match="nine finite"):
        Transform.from_list(cells)


@pytest.mark.parametrize("degrees", get_args(Quarter))
def test_a_turn_moves_pixels_where_its_transform_says(degrees: Quarter) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[5, 50] = 255
    turned = turn(image, degrees)
    ((x, y),) = turned.transform.apply(np.array(((50.5, 5.5),)))
    assert turned.image.shape[:2] == ((40, 60) if degrees in (0, 180) else (60, 40))
    assert turned.image[int(y), int(x)].tolist() == [255, 255, 255]
    assert np.count_nonzero(turned.image) == 3


def test_lines_are_told_from_columns(letter: Letter) -> None:
    assert find_quarter(letter.pixels).degrees == 0
    assert find_quarter(turn(letter.pixels, 90).image).degrees == 90
    assert find_quarter(letter.pixels).confidence > 0.1


def test_a_bare_sheet_shows_no_direction() -> None:
    bare = np.full((1200, 900, 3), 245, np.uint8)
    assert find_quarter(bare).confidence == 0
    assert find_slant(bare).confidence == 0
    assert deskew(bare).image is bare


@pytest.mark.parametrize("degrees", get_args(Quarter))
@pytest.mark.parametrize("slant", [-11.3, -2.4, 0.6, 5.0])
def test_a_slant_is_measured_whichever_way_the_page_lies(letter: Letter, slant: float, degrees: Quarter) -> None:
    page = turn(slanted(letter.pixels, slant), degrees).image
    straight = deskew(page)
    assert straight.angle == pytest.approx(slant, abs=0.1)
    assert find_slant(straight.image).angle == pytest.approx(0, abs=0.1)


def test_a_straight_page_is_left_alone(letter: Letter) -> None:
    straight = deskew(letter.pixels)
    assert straight.image is letter.pixels
    assert straight.transform == Transform.identity()


def test_a_slant_beyond_the_limit_is_not_sought(letter: Letter) -> None:
    assert abs(deskew(slanted(letter.pixels, 4), limit=2).angle) <= 2


def test_straightening_cuts_no_corner_and_follows_its_transform() -> None:
    page = np.full((900, 700, 3), 255, np.uint8)
    page[100:800:20, 60:640] = 0
    page = slanted(page, 3)
    page[2:8, 2:8] = (200, 0, 0)
    straight = deskew(page)
    ((x, y),) = straight.transform.apply(np.array(((5.0, 5.0),)))
    assert straight.angle == pytest.approx(3, abs=0.1)
    assert straight.image[int(y), int(x)].tolist() == pytest.approx([200, 0, 0], abs=12)


def test_the_lid_is_cropped_to_three_millimetres(letter: Letter) -> None:
    framed = np.full((2339 + 160, 1654 + 200, 3), 22, np.uint8)
    framed[60 : 60 + 2339, 120 : 120 + 1654] = letter.pixels
    cropped = crop_border(framed, dpi=200)
    margin = 3 / 25.4 * 200
    assert cropped.box == pytest.approx((120 - margin, 60 - margin, 1654 + 2 * margin, 2339 + 2 * margin), abs=4)
    assert cropped.transform.apply(np.array(((120.0, 60.0),))) == pytest.approx(margin, abs=4)
    assert cropped.image.shape[:2] == (cropped.box[3], cropped.box[2])


def test_a_page_without_lid_is_not_cropped(letter: Letter) -> None:
    assert crop_border(letter.pixels, dpi=200).image is letter.pixels


def test_a_dark_picture_inside_the_sheet_is_no_lid(letter: Letter) -> None:
    page = letter.pixels.copy()
    page[1500:2300, 300:1300] = 15
    assert crop_border(page, dpi=200).box == (0, 0, 1654, 2339)


def test_a_photograph_as_dark_as_the_lid_is_kept_whole() -> None:
    night = np.full((900, 1200, 3), 20, np.uint8)
    assert crop_border(night, dpi=300).image is night


def test_a_blueprint_is_kept_whole() -> None:
    print_ = np.full((1200, 900, 3), (20, 40, 120), np.uint8)
    print_[900:, 200:] = (230, 230, 235)
    assert crop_border(print_, dpi=200).image is print_


def test_a_photograph_s_dark_sky_is_kept() -> None:
    photograph = np.full((900, 1200, 3), 120, np.uint8)
    for column in range(1200):
        photograph[: 200 + abs(column - 600) // 2, column] = 25
    assert crop_border(photograph, dpi=300).image is photograph


def test_dust_goes_and_everything_original_stays(letter: Letter) -> None:
    page = letter.pixels.copy()
    page[1900:2000, 200:400] = (214, 190, 150)  # a stain
    page[2100:2104, 500:504] = 60  # a hole a needle made
    page[100:400, 1500] = 90  # a hair line
    original = page.copy()
    page[1800, 800] = page[1801:1803, 900] = page[2200, 1100:1102] = 50
    page[4, 1000] = 50
    assert np.array_equal(denoise(page), original)


def test_dots_of_punctuation_stay(letter: Letter) -> None:
    assert np.array_equal(denoise(letter.pixels), letter.pixels)


def test_pieces_of_lines_are_cut_from_the_page(letter: Letter) -> None:
    strips = find_lines(letter.pixels, 3)
    assert len(strips) == 3
    assert all(strip.shape[1] > 3 * strip.shape[0] and strip.min() < 60 for strip in strips)


def slanted(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Turn clockwise about the middle, as a sheet laid askew; Pillow counts the other way."""
    tone = tuple(pixels[0, 0].tolist())
    return np.array(Image.fromarray(pixels).rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=tone))
