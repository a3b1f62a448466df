"""Catalogues from CSV and Excel: sent, previewed, mapped, confirmed."""

import csv
import io
from typing import BinaryIO, cast
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.intake.service import SYNONYMS
from app.intake.types import ImportId
from app.kernel.errors import DomainError, Fault, Invalid
from app.kernel.paging import PageRequest
from app.kernel.tables import inert
from app.platform.jobs import Job
from app.portal import words
from app.portal.edge import services, show
from app.portal.listing import asked
from app.portal.words import t

bp = Blueprint("imports", __name__, url_prefix="/desk/imports")

_FAULTS_SHOWN = 100
_JOBS_LOOKED_AT = 20
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@bp.get("")
def index() -> Response:
    """List the imports, and offer a new one."""
    return show("imports.html", page=services().intake.page(asked("tu", limit=20)))


@bp.post("")
def begin() -> Answer:
    """Take in a catalogue file; it is read in the background."""
    sent = request.files.get("file")
    try:
        if sent is None or not sent.filename:
            raise Invalid((Fault("required", "file"),))
        begun = services().intake.begin(cast("BinaryIO", sent.stream), sent.filename)
    except DomainError as error:
        page = services().intake.page(asked("tu", limit=20))
        told = words.faults(error) or (words.refusal(error),)
        return show("imports.html", status=error.status, page=page, refusal=" ".join(told))
    return redirect(url_for(".preview", import_id=begun.id), 303)


@bp.get("/template.xlsx")
def template() -> Response:
    """Return an empty workbook with a column for every element."""
    answer = Response(services().intake.template(), content_type=_EXCEL)
    answer.headers.set("Content-Disposition", "attachment", filename="template.xlsx")
    return answer


@bp.get("/<uuid:import_id>")
def preview(import_id: UUID) -> Response:
    """Show what was read, what is wrong, and how far it is."""
    return _preview(import_id)


@bp.post("/<uuid:import_id>/mapping")
def remap(import_id: UUID) -> Answer:
    """Choose the element of each column, and have the file read again."""
    columns = services().intake.get(ImportId(import_id)).columns
    mapping = {column: request.form.get(f"column-{place}", "") for place, column in enumerate(columns)}
    try:
        services().intake.remap(ImportId(import_id), mapping)
    except DomainError as error:
        return _preview(import_id, error)
    return redirect(url_for(".preview", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/confirm")
def confirm(import_id: UUID) -> Answer:
    """Have the previewed rows written."""
    try:
        services().intake.confirm(ImportId(import_id), skip_faulty="skip_faulty" in request.form)
    except DomainError as error:
        return _preview(import_id, error)
    return redirect(url_for(".preview", import_id=import_id), 303)


@bp.get("/<uuid:import_id>/faults.csv")
def faults(import_id: UUID) -> Response:
    """Return every fault as a table that Excel opens: row, column, value, remedy."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([t(f"portal.imports.{name}") for name in ("row", "column", "value", "remedy")])
    for each in services().intake.faults(ImportId(import_id)):
        cells = (each.row or "", words.named("element", each.field), each.value, words.fault(each))
        table.writerow([inert(str(cell)) for cell in cells])
    answer = Response("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename="faults.csv")
    return answer


def _job(import_id: UUID) -> Job | None:
    newest = services().jobs.page(PageRequest(_JOBS_LOOKED_AT)).rows
    return next((job for job in newest if job.subject_id == import_id), None)


def _preview(import_id: UUID, error: DomainError | None = None) -> Response:
    found = services().intake.get(ImportId(import_id))
    return show(
        "import.html",
        part="_import.html",
        status=error.status if error else 200,
        found=found,
        job=_job(import_id) if found.state in ("reading", "importing") else None,
        elements=tuple(SYNONYMS),
        faults=found.faults[:_FAULTS_SHOWN],
        refusal=" ".join(words.faults(error) or (words.refusal(error),)) if error else "",
    )
