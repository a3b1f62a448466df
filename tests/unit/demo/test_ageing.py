import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.demo.ageing import Wear, age
from app.demo.chance import chance

BOX = (500, 300, 620, 380)


@pytest.fixture
def page() -> Image.Image:
    page = Image.new("RGB", (827, 1170), "white")
    ImageDraw.Draw(page).rectangle(BOX, fill="black")
    return page


@pytest.mark.parametrize(
    "wear",
    [
        Wear(age=0.2),
        Wear(age=0.2, skew=3),
        Wear(age=1, skew=-2.5, border=5, stains=3, blur=0.6),
        Wear(age=0.5, skew=1.5, turn=90, border=3),
        Wear(age=0.5, skew=-1, turn=180),
        Wear(age=0.5, skew=-1, turn=270, border=4),
    ],
    ids=str,
)
def test_the_affine_leads_to_where_the_ink_went(page: Image.Image, wear: Wear) -> None:
    aged = age(page, wear, chance("affine"), dpi=100)
    left, top, right, bottom = aged.moved(BOX)
    grey = np.asarray(aged.image.convert("L")).astype(float)
    middle = grey[round((top + bottom) / 2), round((left + right) / 2)]
    around = [grey[round(top) - 12, round(left) - 12], grey[round(bottom) + 12, round(right) + 12]]
    assert middle < 100
    assert min(around) > middle + 50


def test_the_same_seed_gives_the_same_pixels_and_another_does_not(page: Image.Image) -> None:
    wear = Wear(age=0.8, skew=1.2, stains=2, border=3, blur=0.6)
    first, again, other = (age(page, wear, chance(seed)).image.tobytes() for seed in ("a", "a", "b"))
    assert first == again
    assert first != other


def test_a_page_laid_sideways_is_wider_than_high(page: Image.Image) -> None:
    aged = age(page, Wear(age=0.5, turn=90), chance("turn"))
    assert aged.image.size == page.size[::-1]


def test_old_paper_is_yellower_than_new(page: Image.Image) -> None:
    def yellow(years: float) -> float:
        red, _, blue = np.asarray(age(page, Wear(age=years), chance("paper")).image).mean((0, 1))
        return float(red - blue)

    assert yellow(1) > yellow(0.1) + 30


def test_a_border_is_the_black_lid_of_the_scanner(page: Image.Image) -> None:
    aged = age(page, Wear(age=0.5, border=5), chance("lid"), dpi=100)
    assert aged.image.width == page.width + 40
    assert np.asarray(aged.image)[:, :8].mean() < 60
