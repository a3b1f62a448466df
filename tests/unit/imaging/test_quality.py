from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from workers.imaging.geometry import deskew
from workers.imaging.quality import Finding, Thresholds, dhash64, judge

LIMITS = Thresholds()
RNG = np.random.default_rng(7)


class Letter(Protocol):
    @property
    def pixels(self) -> NDArray[np.uint8]: ...


def findings(page: NDArray[np.uint8], dpi: float | None = 200, limits: Thresholds = LIMITS) -> dict[str, Finding]:
    """Judge a page that needed no processing."""
    return {finding.id: finding for finding in judge(page, page, dpi, 0, 0, limits)}


def toned(pixels: NDArray[Any], scale: float, shift: float) -> NDArray[np.uint8]:
    return (pixels * scale + shift).clip(0, 255).astype(np.uint8)


def test_a_good_page_gives_nothing_to_say(letter: Letter) -> None:
    assert findings(letter.pixels) == {}


def test_an_old_page_is_not_blamed_for_its_age(letter: Letter) -> None:
    brown = (letter.pixels * np.array((0.88, 0.79, 0.62))).astype(np.uint8)
    brown[600:1100, 700:1200] = (brown[600:1100, 700:1200] * 0.85).astype(np.uint8)  # a stain
    assert findings(brown) == {}


def test_a_file_must_say_its_resolution(letter: Letter) -> None:
    assert findings(letter.pixels, None)["dpi_missing"].severity == "E"


def test_a_resolution_below_the_profile_is_an_error(letter: Letter) -> None:
    found = findings(letter.pixels, 199)["dpi_low"]
    assert (found.severity, found.value, found.threshold) == ("E", 199, 200)
    assert "dpi_low" in findings(letter.pixels, 200, replace(LIMITS, dpi=300))


def test_pixels_and_resolution_must_make_a_sheet_of_paper(letter: Letter) -> None:
    assert findings(letter.pixels, 600)["dpi_size_mismatch"].severity == "W"
    assert "dpi_size_mismatch" not in findings(letter.pixels, 215)
    assert "dpi_size_mismatch" not in findings(np.ascontiguousarray(np.rot90(letter.pixels)), 200)


@pytest.mark.parametrize(
    ("scale", "shift", "expected"),
    [(0.2, 0, "dark"), (0.02, 251, "bright"), (0.08, 150, "low_contrast")],
    ids=["dark", "bright", "flat"],
)
def test_exposure_is_judged(letter: Letter, scale: float, shift: float, expected: str) -> None:
    assert expected in findings(toned(letter.pixels, scale, shift))


def test_a_blank_sheet_is_shown_to_somebody() -> None:
    bare = toned(RNG.normal(240, 3, (2339, 1654, 1)).repeat(3, axis=2), 1, 0)
    assert set(findings(bare)) == {"near_blank"}


def test_a_black_frame_is_dark(letter: Letter) -> None:
    assert "dark" in findings(np.zeros_like(letter.pixels))


def test_softness_is_found_even_under_noise(letter: Letter) -> None:
    soft = np.array(Image.fromarray(letter.pixels).filter(ImageFilter.GaussianBlur(4)))
    noisy = toned(soft + RNG.normal(0, 9, soft.shape[:2])[..., None], 1, 0)
    assert "blur" in findings(soft)
    found = findings(noisy)["blur"]
    x, y, width, height = found.box or (0, 0, 0, 0)
    assert found.value < found.threshold
    assert 0 <= x < 400
    assert 100 < y < 1700
    assert x + width <= 1654
    assert y + height <= 2339


def test_a_scanner_s_usual_softness_passes(letter: Letter) -> None:
    assert findings(np.array(Image.fromarray(letter.pixels).filter(ImageFilter.GaussianBlur(0.8)))) == {}


def test_a_corrected_page_is_a_question_never_an_error(letter: Letter) -> None:
    askew = np.array(Image.fromarray(letter.pixels).rotate(-4, Image.Resampling.BICUBIC, fillcolor=(250, 248, 242)))
    straight = deskew(askew)
    found = {f.id: f for f in judge(askew, straight.image, 200, straight.angle, 180, LIMITS)}
    assert (found["skew"].severity, found["orientation"].severity) == ("W", "W")
    assert found["skew"].value == pytest.approx(4, abs=0.1)


def test_a_slant_that_remains_is_an_error(letter: Letter) -> None:
    askew = np.array(Image.fromarray(letter.pixels).rotate(-4, Image.Resampling.BICUBIC, fillcolor=(250, 248, 242)))
    assert findings(askew)["skew"].severity == "E"


def test_a_slight_slant_passes(letter: Letter) -> None:
    assert "skew" not in {f.id for f in judge(letter.pixels, letter.pixels, 200, 0.9, 0, LIMITS)}


def test_a_frame_of_lid_that_was_left_is_reported_where_it_is(letter: Letter) -> None:
    framed = letter.pixels.copy()
    framed[:, :100] = 20
    found = findings(framed)["dark_border"]
    assert found.value == pytest.approx(100 / 1654, abs=0.005)
    assert found.box == pytest.approx((0, 0, 100, 2339), abs=4)
    assert "dark_border" not in {f.id for f in judge(framed, letter.pixels, 200, 0, 0, LIMITS)}


def test_writing_that_runs_out_of_the_frame_is_reported_where_it_is(letter: Letter) -> None:
    cut = np.ascontiguousarray(letter.pixels[:, 240:])
    found = findings(cut)["cut_off"]
    x, y, width, height = found.box or (0, 0, 0, 0)
    assert found.value < found.threshold
    assert x == 0
    assert width < 100
    assert 200 < y < 400
    assert 1000 < height < 1500


def test_a_dark_edge_of_the_sheet_is_no_writing(letter: Letter) -> None:
    shaded = letter.pixels.copy()
    shaded[:, :6] = 90
    assert "cut_off" not in findings(shaded)


def test_a_ragged_shadow_of_the_spine_is_no_writing(letter: Letter) -> None:
    shaded = letter.pixels.copy()
    for top in range(300, 1500, 150):
        shaded[top : top + 40, :30] = 200
    assert "cut_off" not in findings(shaded)


@pytest.mark.parametrize("tint", [(0.9, 1, 1), (1, 1, 0.9), (0.9, 0.9, 1), (1, 0.88, 1)])
def test_a_cast_is_told_from_yellowing(letter: Letter, tint: tuple[float, float, float]) -> None:
    found = findings((letter.pixels * np.array(tint)).astype(np.uint8))
    assert ("cast" in found) == (tint != (1, 1, 0.9))


def test_the_same_page_scanned_twice_looks_alike(letter: Letter) -> None:
    again = np.array(Image.fromarray(letter.pixels).resize((2481, 3508)).filter(ImageFilter.GaussianBlur(1)))
    again = toned(again + RNG.normal(0, 4, again.shape[:2])[..., None], 0.97, 2)
    other = np.ascontiguousarray(letter.pixels[::-1])
    assert (dhash64(letter.pixels) ^ dhash64(again)).bit_count() <= 4
    assert (dhash64(letter.pixels) ^ dhash64(other)).bit_count() > 4
    assert 0 <= dhash64(other) < 2**64
