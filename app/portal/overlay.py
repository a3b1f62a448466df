"""What lies over a page image: its text, transparent but selectable, and the query's hits, boxed."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from app.digitisation.types import Hit, Quad, TextLine

_HEAD = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" id="overlay" class="overlay" viewBox="0 0 {} {}" '
    'preserveAspectRatio="none" aria-hidden="{}">'
)
_LINE = Markup(
    '<text transform="translate({:.1f} {:.1f}) rotate({:.2f})" {}font-size="{:.1f}" textLength="{:.1f}" '
    'lengthAdjust="spacingAndGlyphs">{}</text>'
)
_BOX = Markup(
    '<polygon class="{}" points="{}" fill="#f2b705" fill-opacity="0.3" stroke="#1c1b1a" stroke-width="3"></polygon>'
)
_UPRIGHT = 1.6
_FILL = 0.8


def svg(width: int, height: int, lines: Sequence[TextLine], hits: Sequence[Hit], current: int = 0) -> Markup:
    """Return one SVG in pixels of the page's canvas; stands alone, and inside a page of HTML.

    Parameters
    ----------
    width, height : int
        Of the canvas.
    current : int
        Which hit the reader is at, from 1; 0 for none.
    """
    parts = [_HEAD.format(width, height, "false" if lines else "true"), Markup('<g class="text" fill-opacity="0">')]
    parts += [_text(line) for line in lines if line.text.strip()]
    parts.append(Markup("</g>"))
    for number, hit in enumerate(hits, 1):
        name = "hit current" if number == current else "hit"
        parts += [_BOX.format(name, points(quad)) for quad in hit.quads]
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def points(quad: Quad) -> str:
    """Return the corners as an SVG polygon has them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in quad)


def _text(line: TextLine) -> Markup:
    top_left, top_right, _, bottom_left = line.quad
    along, across = math.dist(top_left, top_right), math.dist(top_left, bottom_left)
    slant = math.degrees(math.atan2(top_right[1] - top_left[1], top_right[0] - top_left[0]))
    if across > _UPRIGHT * along and len(line.text) > 1:
        middle = ((top_left[0] + top_right[0]) / 2, (top_left[1] + top_right[1]) / 2)
        return _LINE.format(*middle, slant, Markup('writing-mode="vertical-rl" '), along * _FILL, across, line.text)
    base = (
        top_left[0] + (bottom_left[0] - top_left[0]) * _FILL,
        top_left[1] + (bottom_left[1] - top_left[1]) * _FILL,
    )
    return _LINE.format(*base, slant, "", across * _FILL, along, line.text)
