from io import BytesIO
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from workers.imaging.frames import Raster, read_frame
from workers.imaging.inspect import Frame, Limits, Unreadable, inspect

LIMITS = Limits()


@pytest.fixture(scope="module")
def page() -> Image.Image:
    """Draw a page whose corners differ, so that a wrong turn shows."""
    image = Image.effect_noise((248, 351), 30).convert("RGB")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 60, 30), fill=(200, 20, 20))
    pen.rectangle((200, 300, 247, 350), fill=(20, 20, 160))
    return image


def read(path: Path, index: int = 0, limits: Limits = LIMITS) -> Raster:
    """Read a frame and hold it to what was told about it."""
    raster = read_frame(path, index, limits=limits)
    height, width, _ = raster.pixels.shape
    assert inspect(path, limits).frames[index] == Frame(width, height, raster.dpi)
    assert raster.pixels.dtype == np.uint8
    assert raster.pixels.shape[2] == 3
    assert raster.pixels.flags.c_contiguous
    return raster


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))


def far(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.int16) - other).mean())


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_lossless_page_comes_out_as_it_is(page: Image.Image, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page"
    page.save(path, kind, dpi=(300, 300))
    raster = read(path)
    assert np.array_equal(raster.pixels, pixels(page))
    assert raster.dpi == 300


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "turned", "mirrored"),
    [(1, 0, 0), (2, 0, 1), (3, 180, 0), (4, 180, 1), (5, 270, 1), (6, 90, 0), (7, 90, 1), (8, 270, 0)],
)
def test_a_page_stands_upright(
    page: Image.Image, tmp_path: Path, kind: str, orientation: int, turned: int, mirrored: int
) -> None:
    """A camera noted how it was held; the page was turned so many degrees to the left, then mirrored."""
    path = tmp_path / "page"
    exif = Image.Exif()
    exif[0x0112] = orientation
    held = page.rotate(turned, expand=True)
    (ImageOps.mirror(held) if mirrored else held).save(path, kind, exif=exif)
    assert far(read(path).pixels, pixels(page)) < 12  # the grain is JPEG's to lose


def test_printing_colours_become_red_green_blue(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    page.convert("CMYK").save(path, quality=95)
    assert far(read(path).pixels, pixels(page)) < 8


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    for kind in ("PNG", "TIFF"):
        path = tmp_path / kind
        Image.fromarray(grey).save(path, kind)
        assert np.array_equal(read(path).pixels[..., 1], np.arange(256).reshape(16, 16))


def test_every_page_of_a_fax_is_read(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    sheets = [page.convert("1"), page.rotate(180).convert("1"), page.resize((99, 120)).convert("1")]
    sheets[0].save(path, save_all=True, append_images=sheets[1:], compression="group4", dpi=(204, 196))
    for index, image in enumerate(sheets):
        assert np.array_equal(read(path, index).pixels, pixels(image))


def test_a_palette_becomes_its_colours(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    few = page.quantize(16)
    few.save(path)
    assert np.array_equal(read(path).pixels, pixels(few))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_on_white_paper(page: Image.Image, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "page.png"
    clear = page.convert(mode)
    clear.putalpha(0)
    clear.save(path)
    assert (read(path).pixels == 255).all()


def test_a_scan_bound_in_a_pdf_keeps_its_pixels(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "bound.pdf"
    page.save(path, save_all=True, append_images=[page.convert("L")], resolution=300, quality=90)
    with pikepdf.open(path) as pdf:
        stored = [pixels(Image.open(BytesIO(image.read_raw_bytes()))) for image in images(pdf)]
    for index, expected in enumerate(stored):
        raster = read(path, index)
        assert np.array_equal(raster.pixels, expected)
        assert raster.dpi == 300


def images(pdf: pikepdf.Pdf) -> list[pikepdf.Object]:
    return [image for leaf in pdf.pages for image in leaf.get_images().values()]


def test_a_turned_pdf_page_is_read_upright(page: Image.Image, tmp_path: Path) -> None:
    """One whose size was rounded to points, so that its pixels are not quite square."""
    path = tmp_path / "turned.pdf"
    page.save(path, resolution=300)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        leaf = pdf.pages[0]
        (name,) = leaf.get_images()
        leaf.mediabox = pikepdf.Array([0, 0, 59, 85])
        leaf.Contents = pdf.make_stream(f"q 59 0 0 85 0 0 cm {name} Do Q".encode())
        pdf.save(path)
        lying = read(path).pixels
        leaf.rotate(90, relative=False)
        pdf.save(path)
    assert lying.shape == (351, 248, 3)
    assert np.array_equal(read(path).pixels, np.rot90(lying, -1))


def test_a_filled_field_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "form.pdf"
    with pikepdf.new() as pdf:
        leaf = pdf.add_blank_page(page_size=(72, 72))
        ink = pdf.make_stream(b"0 0 72 72 re f", Subtype=pikepdf.Name.Form, BBox=[0, 0, 72, 72])
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T="f",
                V="filled",
                F=4,
                Rect=[0, 0, 72, 72],
                AP=pikepdf.Dictionary(N=ink),
            )
        )
        leaf.Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[field])
        pdf.save(path)
    assert (read(path).pixels[150, 150] < 200).any()


def typed(path: Path, text: bytes) -> None:
    """Write a PDF page of 4 by 6 inches with a line of text and no scan."""
    with pikepdf.new() as pdf:
        leaf = pdf.add_blank_page(page_size=(288, 432))
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )  # fmt: skip
        leaf.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        leaf.Contents = pdf.make_stream(b"BT /F 40 Tf 20 300 Td (" + text + b") Tj ET")
        pdf.save(path)


def test_a_typed_pdf_page_is_drawn_at_300_dpi(tmp_path: Path) -> None:
    path = tmp_path / "typed.pdf"
    typed(path, b"LANTAI")
    raster = read(path)
    assert (raster.pixels.shape, raster.dpi) == ((1800, 1200, 3), 300)
    assert raster.pixels.min() < 20
    assert raster.pixels[0, 0].tolist() == [255, 255, 255]


def test_a_typed_pdf_page_is_drawn_within_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "typed.pdf"
    typed(path, b"LANTAI")
    height, width, _ = read(path, limits=Limits(pixels=600_000)).pixels.shape
    assert 590_000 < width * height < 601_000


def test_invisible_words_over_a_scan_change_nothing(page: Image.Image, tmp_path: Path) -> None:
    """As the makers of searchable PDFs lay them."""
    path, searchable = tmp_path / "bound.pdf", tmp_path / "searchable.pdf"
    page.save(path, resolution=300)
    with pikepdf.open(path) as pdf:
        leaf = pdf.pages[0]
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        leaf.Resources.Font = pikepdf.Dictionary(F=font)
        leaf.contents_add(pdf.make_stream(b"BT 3 Tr /F 9 Tf 5 5 Td (words) Tj ET"))
        pdf.save(searchable)
    assert np.array_equal(read(searchable).pixels, read(path).pixels)


def test_a_frame_beyond_the_last_is_a_mistake_of_ours(page: Image.Image, tmp_path: Path) -> None:
    for kind in ("JPEG", "TIFF", "PDF"):
        path = tmp_path / kind
        page.save(path, kind)
        with pytest.raises(IndexError):
            read_frame(path, 1, limits=LIMITS)


def test_a_file_that_broke_since_is_refused(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    page.save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(Unreadable) as refused:
        read_frame(path, 0, limits=LIMITS)
    assert refused.value.code == "truncated"
