"""Deliveries of scans, their pages, and the tray."""

from typing import Any
from uuid import UUID

from flask import Response, request
from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, creation_id, sent_file, services, versioned
from app.kernel.errors import Fault, Invalid
from app.kernel.paging import PageRequest, decode_cursor

blp = blueprint("uploads", "Scans")
JPEG = "image/jpeg"


@blp.route("/uploads", endpoint="Uploads")
class UploadsView(MethodView):
    """The deliveries of the county."""

    @blp.arguments(schemas.PageArguments, location="query")
    @blp.response(200, schemas.UploadPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return deliveries, newest first."""
        after = decode_cursor(asked["cursor"], kinds="u")
        return services().digitisation.uploads(PageRequest(asked["limit"], after))

    @blp.arguments(schemas.UploadInput)
    @blp.response(201, schemas.UploadSchema)
    def post(self, told: dict[str, Any]) -> object:
        """Open a delivery; with an ``Idempotency-Key``, once."""
        return services().digitisation.begin(told["name"], upload_id=creation_id("upload"))


@blp.route("/uploads/<uuid:upload_id>", endpoint="Upload")
class UploadView(MethodView):
    """One delivery."""

    @blp.response(200, schemas.UploadSchema)
    def get(self, upload_id: UUID) -> object:
        """Return the delivery and how far it is."""
        return services().digitisation.upload(upload_id)


@blp.route("/uploads/<uuid:upload_id>/files", endpoint="UploadFiles")
class FilesView(MethodView):
    """The files of a delivery."""

    @blp.response(201, schemas.ReceivedSchema)
    def post(self, upload_id: UUID) -> object:
        """Take one file (multipart ``file``; optional ``path``, ``sha256``, ``item_id``).

        The answer means: it is on both sites and its pages are queued. The same file again is the same file.
        """
        sent = sent_file()
        item = request.form.get("item_id", "")
        try:
            item_id = UUID(item) if item else None
        except ValueError as error:
            raise Invalid((Fault("pattern", "item_id", item[:40], allowed="UUID"),)) from error
        return services().digitisation.receive(
            upload_id,
            request.form.get("path") or sent.filename or "",
            sent.stream,
            announced=request.form.get("sha256", ""),
            item_id=item_id,
        )


@blp.route("/uploads/<uuid:upload_id>/refusals", endpoint="UploadRefusals")
class RefusalsView(MethodView):
    """The files that were not taken."""

    @blp.response(200, schemas.RefusalList)
    def get(self, upload_id: UUID) -> dict[str, object]:
        """Return them with their reasons."""
        return {"rows": services().digitisation.refusals(upload_id)}


@blp.route("/uploads/<uuid:upload_id>/pages", endpoint="UploadPages")
class UploadPagesView(MethodView):
    """The pages of a delivery."""

    @blp.arguments(schemas.PageArguments, location="query")
    @blp.response(200, schemas.PagePage)
    def get(self, asked: dict[str, Any], upload_id: UUID) -> object:
        """Return pages by path."""
        after = decode_cursor(asked["cursor"], kinds="siu")
        return services().digitisation.pages_of_upload(upload_id, PageRequest(asked["limit"], after))


@blp.route("/tray", endpoint="Tray")
class TrayView(MethodView):
    """The pages that no name could place."""

    @blp.arguments(schemas.PageArguments, location="query")
    @blp.response(200, schemas.PagePage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return them by path."""
        after = decode_cursor(asked["cursor"], kinds="siu")
        return services().digitisation.tray(PageRequest(asked["limit"], after))


@blp.route("/pages/<uuid:page_id>", endpoint="Page")
class PageView(MethodView):
    """One page."""

    @blp.response(200, schemas.PageSchema)
    def get(self, page_id: UUID) -> object:
        """Return the page; its ETag is its version."""
        page = services().digitisation.page(page_id)
        return page, {"ETag": f'"{page.version}"'}


@blp.route("/pages/<uuid:page_id>/place", endpoint="Placing")
class PlacingView(MethodView):
    """Where a page belongs."""

    @blp.arguments(schemas.PlaceInput)
    @blp.response(200, schemas.PageSchema)
    def post(self, told: dict[str, Any], page_id: UUID) -> object:
        """Give a page of the tray its item and number; needs ``If-Match``."""
        page = services().digitisation.place(page_id, told["item_id"], told["page_no"], expected=versioned())
        return page, {"ETag": f'"{page.version}"'}


@blp.route("/pages/<uuid:page_id>/retry", endpoint="PageRetry")
class RetryView(MethodView):
    """Another try."""

    @blp.response(200, schemas.PageSchema)
    def post(self, page_id: UUID) -> object:
        """Put a failed page back in the queue; one that has not failed stays as it is."""
        return services().digitisation.retry(page_id)


@blp.route("/pages/<uuid:page_id>/text", endpoint="PageText")
class TextView(MethodView):
    """What OCR read."""

    @blp.response(200, schemas.TextSchema)
    def get(self, page_id: UUID) -> object:
        """Return lines with their boxes on the canvas."""
        services().digitisation.read(page_id)
        return services().digitisation.text(page_id)


@blp.route("/pages/<uuid:page_id>/thumbnail", endpoint="Thumbnail")
class ThumbnailView(MethodView):
    """A small image."""

    @blp.response(200, content_type=JPEG)
    def get(self, page_id: UUID) -> Response:
        """Return a JPEG."""
        return Response(services().digitisation.thumbnail(page_id), content_type=JPEG)
