"""Small pages drawn for tests: black Chinese print on white paper."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from app.demo.fonts import Face, Fonts

HEADINGS = "全宗号,全宗名称,门类,年度,机构或问题,档号,题名,责任者,文号,日期,保管期限,密级,人名"


def sheet(lines: Sequence[str], *, size: tuple[int, int] = (820, 420)) -> Image.Image:
    """Return a page of 150 dpi with lines of text.

    Parameters
    ----------
    lines : sequence of str
    size : (int, int)
        Width and height in pixels.
    """
    page = Image.new("L", size, 255)
    pen, font = ImageDraw.Draw(page), Fonts().get(Face.SONG, 30)
    for number, line in enumerate(lines):
        pen.text((60, 50 + 60 * number), line, fill=0, font=font)
    return page


def encoded(page: Image.Image, kind: str = "JPEG") -> bytes:
    """Return a page as a file of 150 dpi."""
    out = io.BytesIO()
    page.save(out, kind, dpi=(150, 150))
    return out.getvalue()


def jpeg(*lines: str) -> bytes:
    """Return a page as JPEG."""
    return encoded(sheet(lines))


def catalogue_row(number: int, title: str = "关于春耕的通知", *, secrecy: str = "内部", person: str = "") -> str:
    """Return a line of a catalogue under `HEADINGS`."""
    code = f"Z109-WS·2011-Y-BGS-{number:04d}"
    return (
        f"Z109,县政府办公室,WS,2011,BGS,{code},{title},县政府,县政发〔2011〕{number}号,20110305,永久,{secrecy},{person}"
    )


def catalogue(*rows: str, encoding: str = "utf-8") -> bytes:
    """Return a catalogue as CSV."""
    return "\r\n".join((HEADINGS, *rows)).encode(encoding)
