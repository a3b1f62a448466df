"""IIIF: Image API 3.0, Presentation API 3.0 and Content Search 2.0 over the county's own pages."""

from uuid import UUID

from flask import Blueprint, Response, jsonify, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.digitisation.types import IiifRequest, PageNotReady, PageView
from app.portal import overlay
from app.portal.edge import language, services
from app.portal.words import named

bp = Blueprint("iiif", __name__, url_prefix="/iiif")

LARGEST_SIDE = 4000
_TILE = 512
_MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_IMAGE = "http://iiif.io/api/image/3/context.json"
_PRESENTATION = "http://iiif.io/api/presentation/3/context.json"
_SEARCH = "http://iiif.io/api/search/2/context.json"


@bp.get("/3/<uuid:page_id>")
def image(page_id: UUID) -> Answer:
    """Lead from the image's own address to its description. Source: Image API 3.0, 2."""
    return redirect(url_for(".info", page_id=page_id), 303)


@bp.get("/3/<uuid:page_id>/info.json")
def info(page_id: UUID) -> Response:
    """Describe an image. Source: Image API 3.0, 5."""
    page = _ready(page_id)
    factors = [1]
    while factors[-1] * _TILE < max(page.width, page.height):
        factors.append(factors[-1] * 2)
    told = _service(page) | {
        "@context": _IMAGE,
        "protocol": "http://iiif.io/api/image",
        "width": page.width,
        "height": page.height,
        "maxWidth": LARGEST_SIDE,
        "maxHeight": LARGEST_SIDE,
        "tiles": [{"width": _TILE, "height": _TILE, "scaleFactors": factors}],
        "extraFormats": ["png", "webp"],
        "extraQualities": ["color", "gray", "bitonal"],
        "extraFeatures": ["regionSquare", "rotationBy90s", "sizeUpscaling"],
    }
    answer = jsonify(told)
    answer.headers["Content-Type"] = f'application/ld+json;profile="{_IMAGE}"'
    return answer


@bp.get("/3/<uuid:page_id>/<region>/<size>/<rotation>/<quality>.<suffix>")
def region(
    page_id: UUID, region: str, size: str, rotation: str, quality: str, suffix: str
) -> Response:  # the standard's five
    """Return a part of a page image. Source: Image API 3.0, 4."""
    wanted = IiifRequest(region, size, rotation, quality, suffix)
    answer = make_response(services().digitisation.image(page_id, wanted))
    answer.headers["Content-Type"] = _MEDIA_TYPES[suffix]
    return _kept_a_while(answer)


@bp.get("/pages/<uuid:page_id>/thumbnail.jpg")
def thumbnail(page_id: UUID) -> Response:
    """Return the small image of a page."""
    answer = make_response(services().digitisation.thumbnail(page_id))
    answer.headers["Content-Type"] = "image/jpeg"
    return _kept_a_while(answer)


@bp.get("/pages/<uuid:page_id>/overlay.svg")
def text(page_id: UUID) -> Response:
    """Return a page's text and the query's hits, to lie over its image."""
    page = _ready(page_id)
    services().digitisation.read(page_id)
    query = request.args.get("q", "").strip()
    hits = services().digitisation.hits(page_id, query) if query else ()
    lines = services().digitisation.text(page_id).lines
    answer = make_response(str(overlay.svg(page.width, page.height, lines, hits)))
    answer.headers["Content-Type"] = "image/svg+xml; charset=utf-8"
    return answer


@bp.get("/items/<uuid:item_id>/manifest.json")
def manifest(item_id: UUID) -> Response:
    """Describe an item and its pages for any IIIF viewer. Source: Presentation API 3.0, 5.2."""
    item = services().records.view(item_id)
    pages = [page for page in services().digitisation.pages_of_item(item_id) if page.width]
    here = url_for(".manifest", item_id=item_id, _external=True)
    spoken = "zh-Hans" if language() == "zh" else "en"
    told = {name: getattr(item.described, name) for name in ("creator", "doc_no", "date", "retention")}
    told = {"ref_code": item.ref_code or "", **told}
    body = {
        "@context": _PRESENTATION,
        "id": here,
        "type": "Manifest",
        "label": {"zh-Hans": [item.described.title]},
        "metadata": [
            {"label": {spoken: [named("element", name)]}, "value": {"none": [str(value)]}}
            for name, value in told.items()
            if value
        ],
        "service": [{"id": url_for(".search", item_id=item_id, _external=True), "type": "SearchService2"}],
        "items": [_canvas(page) for page in pages],
    }
    return jsonify(body)


@bp.get("/items/<uuid:item_id>/search")
def search(item_id: UUID) -> Response:
    """Find words on an item's pages. Source: Content Search API 2.0, 3."""
    query = request.args.get("q", "").strip()
    found: list[dict[str, object]] = []
    for page in services().digitisation.pages_of_item(item_id):
        if not page.width or not query:
            continue
        for place, hit in enumerate(services().digitisation.hits(page.id, query), 1):
            for part, quad in enumerate(hit.quads, 1):
                (x, y), (right, bottom) = map(min, zip(*quad, strict=True)), map(max, zip(*quad, strict=True))
                box = f"{x:.0f},{y:.0f},{right - x:.0f},{bottom - y:.0f}"
                found.append(
                    {
                        "id": f"{_canvas_id(page)}/hits/{place}-{part}",
                        "type": "Annotation",
                        "motivation": "highlighting",
                        "body": {"type": "TextualBody", "value": hit.text, "format": "text/plain"},
                        "target": f"{_canvas_id(page)}#xywh={box}",
                    }
                )
    here = url_for(".search", item_id=item_id, q=query, _external=True)
    return jsonify({"@context": _SEARCH, "id": here, "type": "AnnotationPage", "items": found})


def _ready(page_id: UUID) -> PageView:
    page = services().digitisation.page(page_id)
    if not page.width:
        raise PageNotReady(page.state)
    return page


def _service(page: PageView) -> dict[str, object]:
    address = url_for(".image", page_id=page.id, _external=True)
    return {"id": address, "type": "ImageService3", "profile": "level2"}


def _canvas_id(page: PageView) -> str:
    return url_for("portal.viewer.page", item_id=page.item_id, page_no=page.page_no, _external=True)


def _canvas(page: PageView) -> dict[str, object]:
    size = {"width": page.width, "height": page.height}
    here = _canvas_id(page)
    picture = url_for(
        ".region", page_id=page.id, region="full", size="max", rotation="0", quality="default", suffix="jpg",
        _external=True,
    )  # fmt: skip
    body = {"id": picture, "type": "Image", "format": "image/jpeg", "service": [_service(page)], **size}
    painting = {
        "id": f"{here}/painting", "type": "Annotation", "motivation": "painting", "body": body, "target": here,
    }  # fmt: skip
    return {
        "id": here,
        "type": "Canvas",
        "label": {"none": [str(page.page_no)]},
        "thumbnail": [
            {"id": url_for(".thumbnail", page_id=page.id, _external=True), "type": "Image", "format": "image/jpeg"}
        ],
        "items": [{"id": f"{here}/content", "type": "AnnotationPage", "items": [painting]}],
        **size,
    }


def _kept_a_while(answer: Response) -> Response:
    """Let the reader's own browser keep an image while he turns pages, nobody else and not on disk for long."""
    answer.headers["Cache-Control"] = "private, max-age=600"
    answer.vary.update(("Authorization", "Cookie"))  # whoever signs in next at this browser asks anew
    return answer
