"""IIIF Image API 3.0 parameters, read against a page's size. Pure."""

import re
from dataclasses import dataclass

from app.digitisation.types import IiifRequest, IiifUnsupported
from workers.imaging.pyramid import Format, Quality

LARGEST_SIDE = 4000
"""Longest side of an image handed out, in pixels; told in ``info.json`` as maxWidth and maxHeight."""

QUALITIES: frozenset[Quality] = frozenset({"default", "color", "gray", "bitonal"})
FORMATS: dict[Format, str] = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_NUMBERS = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
_SIDE = re.compile(r"[0-9]{0,6}")


@dataclass(frozen=True, slots=True)
class Extract:
    """Which part of an image is wanted, how large and how turned; all in pixels."""

    x: int
    y: int
    width: int
    height: int
    out_width: int
    out_height: int
    rotation: int
    quality: Quality
    format: Format


def extract(request: IiifRequest, width: int, height: int) -> Extract:
    """Read a request for an image of the given size; raises `IiifUnsupported`. Source: IIIF Image 3.0, 4."""
    x, y, w, h = _region(request.region, width, height)
    out_width, out_height = _size(request.size, w, h)
    if request.rotation not in ("0", "90", "180", "270"):
        raise IiifUnsupported("rotation", request.rotation[:20])
    if request.quality not in QUALITIES:
        raise IiifUnsupported("quality", request.quality[:20])
    if request.format not in FORMATS:
        raise IiifUnsupported("format", request.format[:20])
    return Extract(x, y, w, h, out_width, out_height, int(request.rotation), request.quality, request.format)


def _four(text: str) -> tuple[float, float, float, float]:
    parts = text.split(",")
    if len(parts) != 4 or not all(_NUMBERS.fullmatch(p) for p in parts):  # noqa: PLR2004  # x,y,w,h
        raise IiifUnsupported("region", text[:40])
    a, b, c, d = map(float, parts)
    return a, b, c, d


def _region(text: str, width: int, height: int) -> tuple[int, int, int, int]:
    if text == "full":
        return 0, 0, width, height
    if text == "square":
        side = min(width, height)
        return (width - side) // 2, (height - side) // 2, side, side
    if text.startswith("pct:"):
        px, py, pw, ph = _four(text.removeprefix("pct:"))
        x, y = round(px * width / 100), round(py * height / 100)
        w, h = round(pw * width / 100), round(ph * height / 100)
    else:
        x, y, w, h = map(int, _four(text))
    w, h = min(w, width - x), min(h, height - y)
    if w <= 0 or h <= 0:
        raise IiifUnsupported("region", text[:40])
    return x, y, w, h


def _size(text: str, w: int, h: int) -> tuple[int, int]:
    upscale = text.startswith("^")
    asked = text.removeprefix("^")
    if asked == "max":
        scale = min(1.0, LARGEST_SIDE / max(w, h))
        return max(1, round(w * scale)), max(1, round(h * scale))
    fail = IiifUnsupported("size", text[:40])
    if asked.startswith("pct:"):
        share = asked.removeprefix("pct:")
        if not _NUMBERS.fullmatch(share):
            raise fail
        out = w * float(share) / 100, h * float(share) / 100
    else:
        within = asked.startswith("!")
        first, comma, second = asked.removeprefix("!").partition(",")
        if not comma or not (first or second) or not all(map(_SIDE.fullmatch, (first, second))):
            raise fail
        if within and not (first and second):
            raise fail
        ow, oh = int(first or 0), int(second or 0)
        if within:
            scale = min(ow / w, oh / h)
            out = (w * scale, h * scale) if upscale or scale < 1 else (w, h)
        else:
            out = (ow or w * oh / h, oh or h * ow / w)
    out_width, out_height = round(out[0]) or (1 if out[0] > 0 else 0), round(out[1]) or (1 if out[1] > 0 else 0)
    if not (0 < out_width <= LARGEST_SIDE and 0 < out_height <= LARGEST_SIDE):
        raise fail
    if not upscale and (out_width > w or out_height > h):
        raise fail
    return out_width, out_height
