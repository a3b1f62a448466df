"""The API as one: blueprints, error answers, OpenAPI 3.1."""

from collections.abc import Callable
from typing import Any

from apispec import APISpec
from flask import Flask, Response, request
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

from app.api import (
    accounts,
    agreements,
    alerts,
    audit,
    clients,
    departure,
    documentation,
    imports,
    items,
    jobs,
    lookups,
    me,
    problems,
    province,
    search,
    sessions,
    tenants,
    uploads,
)
from app.api.edge import PREFIX

BLUEPRINTS = (
    sessions.blp, sessions.me, tenants.blp, items.blp, imports.blp, uploads.blp, search.blp, jobs.blp, audit.blp,
    alerts.blp, province.blp, departure.blp, agreements.blp, lookups.blp, clients.blp,
    accounts.blp, me.blp,
)  # fmt: skip

_FILE = {"file": {"type": "string", "contentMediaType": "application/octet-stream"}}
_SCAN = {
    "path": {"type": "string"},
    "sha256": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
    "item_id": {"type": "string", "format": "uuid"},
}
_FILES = {f"{PREFIX}/imports": _FILE, f"{PREFIX}/uploads/{{upload_id}}/files": _FILE | _SCAN}
_CREATING = {f"{PREFIX}/{things}" for things in (
    "imports", "uploads", "items", "province/tenants", "agreements", "lookups", "clients", "accounts",
    "province/tenants/{tenant}/exports", "province/tenants/{tenant}/retirements",
)}  # fmt: skip
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}
_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 200, "pattern": "^[!-~]+$"},
}


def _multipart(properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


class ProblemSchema(Schema):
    """An error (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Dict())
    facts = fields.Dict()
    error = fields.String(metadata={"description": "of a client's token request (RFC 6749, 5.2)"})


class LantaiApi(Api):
    """flask-smorest with our errors."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Answer errors of the API as problems, and leave other pages' errors to them."""
        if request.path.startswith(problems.PATHS):
            return problems.failed(error)
        return self._elsewhere(error)

    _elsewhere: Callable[[HTTPException], Any] = staticmethod(lambda error: error)


def register(web: Flask, elsewhere: Callable[[HTTPException], Any]) -> None:
    """Add the API to the web application.

    Parameters
    ----------
    web : Flask
    elsewhere : callable
        Answers HTTP errors outside the API's addresses.
    """
    web.config.update(
        API_TITLE="兰台云 Lantai Cloud",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = LantaiApi(web)
    api._elsewhere = elsewhere  # noqa: SLF001  # our own subclass
    spec = api.spec
    assert spec  # noqa: S101  # made by the application given
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.options["security"] = [{"bearer": []}]
    for blp in BLUEPRINTS:
        api.register_blueprint(blp)
    _complete(spec)
    web.register_blueprint(documentation.page(spec))


def _complete(spec: APISpec) -> None:
    """Say in the specification what decorators cannot: problem media type, files, headers."""
    for answer in spec.components.responses.values():
        if "application/json" in answer.get("content", {}):
            answer["content"] = {problems.MEDIA_TYPE: answer["content"]["application/json"]}
    for path, operations in spec._paths.items():  # noqa: SLF001  # apispec has no door for this
        for method, operation in operations.items():
            if method == "post" and path in _FILES:
                operation["requestBody"] = _multipart(_FILES[path])
            if method == "patch" or (method == "post" and path.endswith(("/code", "/accept", "/place"))):
                operation.setdefault("parameters", []).append(_IF_MATCH)
            if method == "post" and path in _CREATING:
                operation.setdefault("parameters", []).append(_KEY)
            if path in ("/oauth/token", "/oauth/revoke", f"{PREFIX}/tenants"):
                operation["security"] = []
