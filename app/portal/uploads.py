"""Deliveries of scans: sent, watched, retried; and the tray of pages that wait to be placed."""

from typing import BinaryIO, cast
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from app.digitisation.types import ReceivedFile
from app.kernel.errors import DomainError, Fault, Invalid, NotFound
from app.portal import words
from app.portal.edge import services, show, wants_json
from app.portal.listing import asked, number

bp = Blueprint("uploads", __name__, url_prefix="/desk")

_ROWS = 30


@bp.get("/uploads")
def index() -> Response:
    """List the deliveries, and offer a new one."""
    return _index()


@bp.post("/uploads")
def begin() -> Answer:
    """Open a delivery; a form without script sends its files along."""
    try:
        upload = services().digitisation.begin(request.form.get("name", ""))
    except DomainError as error:
        if wants_json():
            raise
        return _index(error)
    if wants_json():
        address = url_for(".show_upload", upload_id=upload.id)
        return jsonify(files=url_for(".receive", upload_id=upload.id), page=address)
    return _take(upload.id)


@bp.get("/uploads/<uuid:upload_id>")
def show_upload(upload_id: UUID) -> Response:
    """Show how far a delivery is, and every page of it."""
    digitisation = services().digitisation
    return show(
        "upload.html",
        part="_upload.html",
        upload=digitisation.upload(upload_id),
        page=digitisation.pages_of_upload(upload_id, asked("siu", limit=_ROWS)),
        refusals=digitisation.refusals(upload_id),
    )


@bp.post("/uploads/<uuid:upload_id>/files")
def receive(upload_id: UUID) -> Answer:
    """Take the files of a request; our script sends one at a time and reads the outcome."""
    if not wants_json():
        return _take(upload_id)
    sent = request.files.get("files")
    if sent is None:
        raise Invalid((Fault("required", "file"),))
    taken = _one(upload_id, sent, path=request.form.get("path", ""), announced=request.form.get("sha256", ""))
    return jsonify(
        path=taken.path, outcome=taken.outcome, pages=len(taken.pages), tray=sum(bool(p.unplaced) for p in taken.pages)
    )


@bp.post("/pages/<uuid:page_id>/retry")
def retry(page_id: UUID) -> Answer:
    """Put a failed page back in the queue."""
    page = services().digitisation.retry(page_id)
    return redirect(url_for(".show_upload", upload_id=page.upload_id), 303)


@bp.get("/tray")
def tray() -> Response:
    """Show the pages whose names led to no item."""
    return _tray()


@bp.post("/tray/<uuid:page_id>")
def place(page_id: UUID) -> Answer:
    """Place a page by hand."""
    code = request.form.get("code", "").strip()
    try:
        item = services().records.by_code(code)
        if item is None:
            raise NotFound("item")
        services().digitisation.place(page_id, item.id, number("page_no") or 0, expected=number("version") or 0)
    except DomainError as error:
        return _tray(page_id, error)
    return redirect(url_for(".tray"), 303)


def _index(error: DomainError | None = None) -> Response:
    return show(
        "uploads.html",
        status=error.status if error else 200,
        page=services().digitisation.uploads(asked("u", limit=20)),
        name=request.form.get("name", ""),
        refusal=" ".join(words.faults(error) or (words.refusal(error),)) if error else "",
    )


def _take(upload_id: UUID) -> Answer:
    """Take every file of a plain form, and tell of those that were refused."""
    refused: list[str] = []
    for sent in request.files.getlist("files"):
        if not sent.filename:
            continue
        try:
            _one(upload_id, sent)
        except DomainError as error:
            refused.append(" ".join(words.faults(error) or (words.refusal(error),)))
    if not refused:
        return redirect(url_for(".show_upload", upload_id=upload_id), 303)
    return show("upload_refused.html", status=422, upload=services().digitisation.upload(upload_id), refused=refused)


def _one(upload_id: UUID, sent: FileStorage, *, path: str = "", announced: str = "") -> ReceivedFile:
    stream = cast("BinaryIO", sent.stream)
    return services().digitisation.receive(upload_id, path or sent.filename or "", stream, announced=announced)


def _tray(page_id: UUID | None = None, error: DomainError | None = None) -> Response:
    return show(
        "tray.html",
        status=error.status if error else 200,
        page=services().digitisation.tray(asked("siu", limit=_ROWS)),
        size=services().digitisation.tray_size(),
        refused_page=page_id,
        refusal=" ".join(words.faults(error) or (words.refusal(error),)) if error else "",
        code=request.form.get("code", ""),
        page_no=request.form.get("page_no", ""),
    )
