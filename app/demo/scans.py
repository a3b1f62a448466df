"""The box of scans of a demo county: aged pages under the file names of the handbook."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.demo import catalogue
from app.demo.ageing import Aged, Wear, age
from app.demo.catalogue import CatalogueRow
from app.demo.chance import chance
from app.demo.documents import draw
from app.demo.fonts import Fonts
from app.demo.province import County
from app.demo.sheet import Drawn

_MINUTES = "Z109-WS·2008-Y-BGS-0001"
_LABOUR = "L052-RS-001-001"
_LAND = "G033-ZY·TD·1992·Y-001-001"
_MARRIAGES = "M021-ZY·HY·1987·Y-001-001"
SCANNED = (
    "Z109-WS·2011-Y-BGS-0001",
    _MINUTES,
    "C038-001-002-001",
    "C038-001-002-003",
    _MARRIAGES,
    _LAND,
    _LABOUR,
    "Q045-001-001-003",
)
# The stray page belongs to an entry, but its name does not say so: somebody places it by hand.
_STRAY, _STRAY_NAME = "W061-ZY·DS·1985·Y-0001", "IMG_0007.jpg"
# What the operators did differently in one county or another.
_TURNED = {("qinghe", _LABOUR): 90, ("linshan", _LAND): 180}
_FINE = {("shazhou", _MARRIAGES): 300}
_BOUND = {("qinghe", _MINUTES): "pdf", ("linshan", _MINUTES): "tif"}


@dataclass(frozen=True, slots=True)
class ScanFile:
    """A file in the box; `ref_code` is None where the name matches no entry."""

    path: Path
    ref_code: str | None
    pages: int


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page as it was written and as it was scanned."""

    drawn: Drawn
    aged: Aged


def scan(county: County, row: CatalogueRow, fonts: Fonts) -> list[ScannedPage]:
    """Draw and age every page of an item.

    Parameters
    ----------
    county : County
    row : CatalogueRow
        Any entry of the county's catalogue.
    fonts : Fonts
    """
    place = county.tenant, row.ref_code
    drawn = draw(county, row, fonts, dpi=_FINE.get(place, 200))
    turn = _TURNED.get(place, 0)
    pages: list[ScannedPage] = []
    for number, page in enumerate(drawn):
        rng = chance(*place, str(number), "wear")
        pages.append(ScannedPage(page, age(page.image, _wear(row, turn, rng), rng, dpi=page.dpi)))
    return pages


def write_scans(county: County, folder: Path, fonts: Fonts) -> list[ScanFile]:
    """Write the county's scans into a folder: mostly single JPEG pages, here and there a bound file.

    Parameters
    ----------
    county : County
    folder : Path
        Made when absent; files of the same names are replaced.
    fonts : Fonts
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = {row.ref_code: row for row in catalogue.rows(county)}
    files: list[ScanFile] = []
    for ref_code in SCANNED:
        pages = scan(county, entries[ref_code], fonts)
        bound = _BOUND.get((county.tenant, ref_code))
        if bound:
            files.append(ScanFile(_write_bound(folder / f"{ref_code}.{bound}", pages), ref_code, len(pages)))
            continue
        for number, page in enumerate(pages, 1):
            files.append(ScanFile(_write(folder / f"{ref_code}-{number:04d}.jpg", page), ref_code, 1))
    (stray,) = scan(county, entries[_STRAY], fonts)
    return [*files, ScanFile(_write(folder / _STRAY_NAME, stray), None, 1)]


def _wear(row: CatalogueRow, turn: int, rng: np.random.Generator) -> Wear:
    """Return what seventy years, or ten, and a hurried operator do to a page."""
    years = min(1.0, max(0.1, (2022 - int(row.year)) / 70))
    return Wear(
        age=years * float(rng.uniform(0.8, 1.0)),
        skew=float(rng.uniform(-3, 3)),
        turn=turn,
        stains=int(rng.integers(0, 1 + round(3 * years))),
        border=float(rng.choice((0, 0, 3, 5))),
        blur=float(rng.choice((0, 0, 0, 0.6))),
    )


def _write(path: Path, page: ScannedPage) -> Path:
    page.aged.image.save(path, "JPEG", quality=85, dpi=(page.drawn.dpi, page.drawn.dpi))
    return path


def _write_bound(path: Path, pages: list[ScannedPage]) -> Path:
    """Write all pages into one PDF or TIFF, without the time of writing."""
    first, *rest = [page.aged.image for page in pages]
    dpi = pages[0].drawn.dpi
    if path.suffix == ".pdf":
        first.save(
            path, "PDF", save_all=True, append_images=rest, resolution=dpi, quality=85, creationDate=None, modDate=None
        )
    else:
        first.save(path, "TIFF", save_all=True, append_images=rest, dpi=(dpi, dpi), compression="tiff_lzw")
    return path
