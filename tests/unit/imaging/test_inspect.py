import copy
import resource
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from workers.imaging.inspect import Frame, Inspected, Limits, Unreadable, inspect

LIMITS = Limits()


@pytest.fixture(scope="module")
def page() -> Image.Image:
    """Make a sheet of paper with grain, so that compression leaves something to cut off."""
    return Image.effect_noise((413, 585), 40).convert("RGB")


def refusal(path: Path, limits: Limits = LIMITS) -> tuple[str, dict[str, object]]:
    with pytest.raises(Unreadable) as refused:
        inspect(path, limits)
    return refused.value.code, refused.value.facts


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_is_known_by_its_content(page: Image.Image, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page.dat"
    page.save(path, kind, dpi=(300, 300))
    assert inspect(path, LIMITS) == Inspected(f"image/{kind.lower()}", (Frame(413, 585, 300.0),))


def test_a_pdf_tells_the_size_of_its_scans(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "bound.jpg"
    page.save(path, "PDF", save_all=True, append_images=[page.resize((600, 400))], resolution=200)
    assert inspect(path, LIMITS) == Inspected("application/pdf", (Frame(413, 585, 200.0), Frame(600, 400, 200.0)))


def test_every_page_of_a_tiff_is_a_frame(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "bound.tif"
    rest = [page.convert("1").resize((300, 400)), page.convert("L")]
    page.save(path, save_all=True, append_images=rest, compression="tiff_lzw", dpi=(200, 200))
    assert [(frame.width, frame.height) for frame in inspect(path, LIMITS).frames] == [
        (413, 585),
        (300, 400),
        (413, 585),
    ]


def test_a_thumbnail_inside_a_tiff_is_no_page(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    small = page.resize((41, 58))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    page.save(path, save_all=True, append_images=[small, page])
    assert [frame.width for frame in inspect(path, LIMITS).frames] == [413, 413]


def test_a_frame_is_as_large_as_it_stands_upright(page: Image.Image, tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "TIFF"):
        path = tmp_path / kind
        exif = Image.Exif()
        exif[0x0112] = 6
        page.save(path, kind, exif=exif)
        (frame,) = inspect(path, LIMITS).frames
        assert (frame.width, frame.height) == (585, 413)


def test_a_ratio_is_no_resolution(tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    Image.new("L", (8, 8)).save(path)
    assert inspect(path, LIMITS).frames[0].dpi is None


def test_nothing_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    path.write_bytes(b"")
    assert refusal(path) == ("empty", {})


def zipped() -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("page.jpg", b"\xff\xd8\xff")
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [zipped(), b"\x7fELF\x02\x01\x01" + bytes(60), b"MZ" + bytes(60), b"<html><img src=page.jpg></html>", b"GIF89a"],
    ids=["zip", "elf", "exe", "html", "gif"],
)
def test_a_name_makes_no_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.jpg"
    path.write_bytes(content)
    assert refusal(path)[0] == "not_an_image"


def test_measurements_are_no_page(tmp_path: Path) -> None:
    path = tmp_path / "heights.tif"
    Image.new("F", (8, 8)).save(path)
    assert refusal(path) == ("not_an_image", {"mode": "F"})


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.995])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("PDF", {}),
    ],
    ids=["jpeg", "progressive", "png", "tiff", "tiff-lzw", "tiff-jpeg", "pdf"],
)
def test_a_file_cut_short_is_truncated(
    page: Image.Image, tmp_path: Path, kind: str, options: dict[str, str | bool], kept: float
) -> None:
    path = tmp_path / "page"
    page.save(path, kind, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    assert refusal(path)[0] == "truncated"


def test_a_fax_cut_short_is_truncated(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    page.convert("1").save(path, compression="group4", save_all=True, append_images=[page.convert("1")])
    content = path.read_bytes()
    for kept in (len(content) // 2, *range(len(content) - 200, len(content) - 12, 7)):  # it ends in 12 idle bytes
        path.write_bytes(content[:kept])
        assert refusal(path)[0] == "truncated"


def test_a_png_without_its_end_is_truncated(page: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    page.save(path)
    path.write_bytes(path.read_bytes()[:-12])
    assert refusal(path)[0] == "truncated"


def test_a_fax_that_ends_within_its_lines_is_truncated(page: Image.Image, tmp_path: Path) -> None:
    """With its directory before them, as scanners write it: a decoder would take the rest for white."""
    path = tmp_path / "page.tif"
    page.convert("1").save(path, compression="group4")
    with TiffImageFile(path) as image:
        begin, length = image.tag_v2[273][0], image.tag_v2[279][0]
    lines = path.read_bytes()[begin : begin + length]
    tags = {256: 413, 257: 585, 258: 1, 259: 4, 262: 0, 273: 200, 277: 1, 278: 585, 279: length}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    whole = (b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4)).ljust(200, b"\0") + lines
    path.write_bytes(whole)
    assert inspect(path, LIMITS).frames == (Frame(413, 585, None),)
    path.write_bytes(whole[:-10])
    assert refusal(path) == ("truncated", {"page": 1})


def test_a_directory_beyond_all_files_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    path.write_bytes(b"II+\0" + struct.pack("<HHQ", 8, 0, 2**64 - 2) + bytes(100))
    assert refusal(path)[0] == "truncated"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PDF"])
def test_a_spoilt_file_is_damaged(page: Image.Image, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page"
    page.save(path, kind, compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    if kind == "PDF":
        content[8:] = b"no objects, no pages\n%%EOF\n"
    else:
        middle = len(content) // 2
        content[middle : middle + 40] = bytes(40)
    path.write_bytes(content)
    assert refusal(path)[0] == "damaged"


def test_a_huge_header_is_refused_without_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(60_000, 60_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    facts = {"width": 60_000, "height": 60_000, "limit": 150_000_000}
    assert refusal(path) == ("too_many_pixels", facts)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_every_format_is_held_to_the_limit_of_pixels(page: Image.Image, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page"
    page.save(path, kind)
    assert refusal(path, Limits(pixels=200_000)) == (
        "too_many_pixels",
        {"width": 413, "height": 585, "limit": 200_000},
    )


def pictured(path: Path, width: int, height: int) -> None:
    """Write a PDF page of an inch, covered by a picture that claims to be so large."""
    with pikepdf.new() as pdf:
        leaf = pdf.add_blank_page(page_size=(72, 72))
        image = pdf.make_stream(
            b"x",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=width,
            Height=height,
            ColorSpace=pikepdf.Name.DeviceGray,
            BitsPerComponent=8,
        )
        leaf.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=image))
        leaf.Contents = pdf.make_stream(b"q 72 0 0 72 0 0 cm /I Do Q")
        pdf.save(path)


def test_a_huge_picture_inside_a_pdf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pdf"
    pictured(path, 60_000, 60_000)
    assert refusal(path)[0] == "too_many_pixels"


def test_a_picture_without_pixels_is_no_scan(tmp_path: Path) -> None:
    path = tmp_path / "hollow.pdf"
    pictured(path, 0, 0)
    assert inspect(path, LIMITS).frames == (Frame(300, 300, 300),)


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_too_many_frames_are_refused(page: Image.Image, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bound"
    page.save(path, kind, save_all=True, append_images=[page, page])
    assert len(inspect(path, Limits(frames=3)).frames) == 3
    code, facts = refusal(path, Limits(frames=2))
    assert (code, facts["limit"]) == ("too_many_frames", 2)


def test_a_locked_pdf_is_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert refusal(path)[0] == "encrypted"


def test_a_pdf_without_pages_is_told(tmp_path: Path) -> None:
    path = tmp_path / "empty.pdf"
    with pikepdf.new() as pdf:
        pdf.save(path)
    assert refusal(path)[0] == "no_pages"


def test_a_missing_file_is_not_the_files_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "none.jpg", LIMITS)


def test_a_refusal_crosses_processes() -> None:
    """Copying takes the way of pickling, which multiprocessing and Celery go."""
    refused = copy.deepcopy(Unreadable("too_slow", {"seconds": 30}))
    assert (refused.code, refused.facts) == ("too_slow", {"seconds": 30})
