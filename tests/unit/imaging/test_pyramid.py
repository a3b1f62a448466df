from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageSequence

from workers.imaging.inspect import Unreadable
from workers.imaging.pyramid import dimensions, region, thumbnail, write_pyramid

WIDTH, HEIGHT = 1653, 2339
WHOLE = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}


@pytest.fixture(scope="module")
def page() -> Image.Image:
    """Draw a page with soft paper and sharp strokes at known places."""
    grain = np.random.default_rng(7).normal(128, 12, (HEIGHT // 20, WIDTH // 20)).astype(np.uint8)
    paper = Image.fromarray(grain).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    image = Image.merge("RGB", (paper, paper.point(lambda v: v * 0.9), paper.point(lambda v: v * 0.7)))
    pen = ImageDraw.Draw(image)
    for y in range(100, HEIGHT - 100, 200):
        pen.line((100, y, WIDTH - 100, y + 20), fill=(20, 20, 20), width=14)
    pen.ellipse((1100, 1800, 1400, 2100), outline=(190, 20, 20), width=18)
    return image


@pytest.fixture(scope="module")
def pyramid(page: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyramid") / "page.tif"
    write_pyramid(np.asarray(page), path, dpi=200)
    return path


def cut(path: Path, **options: Any) -> Image.Image:  # noqa: ANN401  # those of region
    plain: dict[str, Any] = {"rotation": 0, "quality": "default", "format": "png"}
    return Image.open(BytesIO(region(path, **plain | options)))


def far(one: Image.Image, other: Image.Image) -> float:
    def pixels(image: Image.Image) -> NDArray[np.int16]:
        return np.asarray(image.convert("RGB")).astype(np.int16)

    assert one.size == other.size
    return float(np.abs(pixels(one) - pixels(other)).mean())


def test_a_pyramid_halves_down_to_one_tile(pyramid: Path) -> None:
    with Image.open(pyramid) as image:
        sizes = [level.size for level in ImageSequence.Iterator(image)]
        image.seek(0)
        assert [round(dpi) for dpi in image.info["dpi"]] == [200, 200]
    assert sizes == [(1653, 2339), (826, 1169), (413, 584), (206, 292), (103, 146)]
    assert dimensions(pyramid) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((512, 512, 256, 256), (256, 256)),
        ((1536, 2304, 117, 35), (117, 35)),
        ((512, 1024, 512, 512), (256, 256)),
        ((1024, 2048, 629, 291), (315, 146)),
        ((0, 1024, 1024, 1024), (256, 256)),
        ((0, 0, WIDTH, HEIGHT), (207, 293)),
        ((0, 0, WIDTH, HEIGHT), (1000, 1415)),
        ((333, 777, 500, 400), (350, 280)),
        ((327, 783, 1070, 1070), (250, 250)),
        ((1380, 1850, 40, 40), (120, 120)),
        ((100, 100, 600, 900), (300, 100)),
    ],
    ids=[
        "tile",
        "corner",
        "half",
        "half-corner",
        "quarter",
        "eighth",
        "large",
        "odd",
        "odd-quarter",
        "magnified",
        "squeezed",
    ],
)
def test_a_region_is_what_was_cut_from_the_page(
    page: Image.Image, pyramid: Path, box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    x, y, width, height = box
    shown = cut(pyramid, x=x, y=y, width=width, height=height, out_width=size[0], out_height=size[1])
    expected = page.resize(size, Image.Resampling.LANCZOS, box=(x, y, x + width, y + height))
    assert far(shown, expected) < 5  # of 255; JPEG, and strokes between two pixels
    assert far(shown, ImageChops.offset(expected, 2, 2)) > 1.5 * far(shown, expected)  # nor two pixels aside


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_region_turns_clockwise_after_it_was_sized(page: Image.Image, pyramid: Path, rotation: int) -> None:
    shown = cut(pyramid, **WHOLE, out_width=200, out_height=283, rotation=rotation)
    expected = page.resize((200, 283), Image.Resampling.LANCZOS).rotate(-rotation, expand=True)
    assert far(shown, expected) < 5  # of 255; JPEG, and strokes between two pixels


@pytest.mark.parametrize(("name", "kind"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
@pytest.mark.parametrize("quality", ["default", "color", "gray", "bitonal"])
def test_a_region_comes_in_every_quality_and_format(pyramid: Path, name: str, kind: str, quality: str) -> None:
    shown = cut(pyramid, **WHOLE, out_width=200, out_height=283, quality=quality, format=name)
    assert (shown.format, shown.size) == (kind, (200, 283))
    red, _, blue = shown.convert("RGB").split()
    assert (red.tobytes() == blue.tobytes()) == (quality in ("gray", "bitonal"))
    if quality == "bitonal" and kind == "PNG":
        assert shown.mode == "1"


def test_ink_is_black_in_two_tones(pyramid: Path) -> None:
    line = cut(pyramid, x=760, y=90, width=40, height=40, out_width=40, out_height=40, quality="bitonal")
    colours = {colour for _, colour in line.convert("L").getcolors() or []}
    assert colours in ({0}, {0, 255})


def test_a_thumbnail_fits_its_square(page: Image.Image) -> None:
    small = Image.open(BytesIO(thumbnail(np.asarray(page), 160)))
    assert (small.format, small.size) == ("JPEG", (113, 160))
    assert far(small, page.resize((113, 160), Image.Resampling.LANCZOS)) < 8  # JPEG blurs red strokes
    tiny = np.full((20, 10, 3), 255, np.uint8)
    assert Image.open(BytesIO(thumbnail(tiny))).size == (10, 20)


def test_a_tiny_page_has_a_pyramid_too(tmp_path: Path) -> None:
    path = tmp_path / "dot.tif"
    write_pyramid(np.zeros((1, 1, 3), np.uint8), path, dpi=None)
    assert dimensions(path) == (1, 1)
    assert cut(path, x=0, y=0, width=1, height=1, out_width=3, out_height=3).size == (3, 3)


def test_a_pyramid_made_again_shows_the_new_page(tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    for shade in (0, 255):
        write_pyramid(np.full((600, 600, 3), shade, np.uint8), path, dpi=None)
        shown = cut(path, x=0, y=0, width=512, height=512, out_width=256, out_height=256)
        assert abs(int(np.asarray(shown)[128, 128, 0]) - shade) < 3


def test_what_is_no_pyramid_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    path.write_bytes(b"II*\0")
    with pytest.raises(Unreadable) as refused:
        dimensions(path)
    assert refused.value.code == "damaged"
