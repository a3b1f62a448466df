"""Static files: our own and a short list from the front end's packages, at addresses that name their content."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Response, abort, make_response

from app.kernel.hashes import sha256

_OWN = Path(__file__).parent / "static"
_PACKAGES = Path(__file__).parents[2] / "node_modules"
_VENDOR = {
    "vendor/htmx.js": "htmx.org/dist/htmx.min.js",
    "vendor/hx-csp.js": "htmx.org/dist/ext/hx-csp.min.js",
    "vendor/openseadragon.js": "openseadragon/build/openseadragon/openseadragon.min.js",
}


class PackagesMissing(FileNotFoundError):
    """The front end's packages have not been installed."""

    def __init__(self, missing: Path) -> None:
        super().__init__(f"{missing} is missing: run `make install`, which fetches the front end's packages")


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file in memory."""

    body: bytes
    digest: str
    media_type: str


def load() -> Mapping[str, Asset]:
    """Read every file that is served, by its name below ``/static/``; raises `PackagesMissing`."""
    paths = {path.relative_to(_OWN).as_posix(): path for path in sorted(_OWN.rglob("*")) if path.is_file()}
    paths |= {name: _PACKAGES / inside for name, inside in _VENDOR.items()}
    assets: dict[str, Asset] = {}
    for name, path in paths.items():
        if not path.is_file():
            raise PackagesMissing(path)
        body = path.read_bytes()
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        assets[name] = Asset(body, sha256(body)[:16], media_type)
    return assets


def answer(assets: Mapping[str, Asset], digest: str, name: str) -> Response:
    """Return a file for good: the address changes with the content."""
    asset = assets.get(name)
    if asset is None or asset.digest != digest:
        abort(404)
    response = make_response(asset.body)
    response.headers["Content-Type"] = asset.media_type
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
