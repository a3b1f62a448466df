"""Catalogue imports: file in, preview, mapping, confirmation."""

import csv
import io
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, creation_id, sent_file, services
from app.api.problems import fault_text, language
from app.intake.types import CatalogueImport, ImportId
from app.kernel.paging import PageRequest, decode_cursor
from app.kernel.tables import inert

blp = blueprint("imports", "Catalogue imports")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _told(found: CatalogueImport) -> dict[str, object]:
    spoken = language()
    faults = [asdict(f) | {"message": fault_text(f, spoken, "fault")} for f in found.faults]
    names = (
        "id", "file_name", "sha256", "state", "columns", "mapping", "total", "valid", "created", "unchanged",
        "fault_count", "notes", "sample", "error", "created_at", "finished_at", "version",
    )  # fmt: skip
    told: dict[str, object] = {name: getattr(found, name) for name in names}
    return told | {"faults": faults}


@blp.route("/imports", endpoint="Imports")
class ImportsView(MethodView):
    """The imports of the county."""

    @blp.arguments(schemas.PageArguments, location="query")
    @blp.response(200, schemas.ImportPage)
    def get(self, asked: dict[str, Any]) -> dict[str, object]:
        """Return imports, newest first."""
        after = decode_cursor(asked["cursor"], kinds="tu")
        page = services().intake.page(PageRequest(asked["limit"], after))
        return {"rows": [_told(row) for row in page.rows], "next_cursor": page.next_cursor}

    @blp.response(202, schemas.ImportSchema)
    def post(self) -> dict[str, object]:
        """Take a CSV or Excel file (multipart field ``file``); nothing is written until confirmed."""
        sent = sent_file()
        new = creation_id("import")
        begun = services().intake.begin(sent.stream, sent.filename or "", import_id=ImportId(new) if new else None)
        return _told(begun)


@blp.route("/imports/template.xlsx", endpoint="ImportTemplate")
class TemplateView(MethodView):
    """An empty catalogue with the headings that are understood."""

    @blp.response(200, content_type=XLSX)
    def get(self) -> Response:
        """Return the workbook."""
        return Response(services().intake.template(), content_type=XLSX)


@blp.route("/imports/<uuid:import_id>", endpoint="Import")
class ImportView(MethodView):
    """One import."""

    @blp.response(200, schemas.ImportSchema)
    def get(self, import_id: UUID) -> dict[str, object]:
        """Return the import with its preview."""
        return _told(services().intake.get(ImportId(import_id)))


@blp.route("/imports/<uuid:import_id>/mapping", endpoint="ImportMapping")
class MappingView(MethodView):
    """Which column holds which element."""

    @blp.arguments(schemas.MappingInput)
    @blp.response(202, schemas.ImportSchema)
    def put(self, told: dict[str, Any], import_id: UUID) -> dict[str, object]:
        """Set the mapping, remember it for these headings, and read the file again."""
        return _told(services().intake.remap(ImportId(import_id), told["mapping"]))


@blp.route("/imports/<uuid:import_id>/faults.csv", endpoint="ImportFaults")
class FaultsView(MethodView):
    """All faults of the file."""

    @blp.response(200, content_type="text/csv")
    def get(self, import_id: UUID) -> Response:
        """Return every fault as CSV: row, column, value, remedy."""
        spoken = language()
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["row", "column", "value", "message"])
        for fault in services().intake.faults(ImportId(import_id)):
            told = (fault.field, fault.value, fault_text(fault, spoken, "fault"))
            writer.writerow([fault.row, *map(inert, told)])
        return Response("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")


@blp.route("/imports/<uuid:import_id>/confirm", endpoint="ImportConfirmation")
class ConfirmationView(MethodView):
    """The go-ahead."""

    @blp.arguments(schemas.ConfirmInput)
    @blp.response(202, schemas.ImportSchema)
    def post(self, told: dict[str, Any], import_id: UUID) -> dict[str, object]:
        """Write the previewed rows in one transaction; confirmed twice, written once."""
        return _told(services().intake.confirm(ImportId(import_id), skip_faulty=told["skip_faulty"]))
