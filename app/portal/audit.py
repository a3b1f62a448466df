"""The county's audit log, for its audit administrator."""

import csv
import io
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from uuid import UUID

from flask import Blueprint, Response, request

from app.audit.service import CHINA, FORMS, POLICY, EntryFilter, Form, Verdict
from app.kernel.errors import Fault, Invalid
from app.kernel.paging import PageRequest
from app.platform.messages import catalogue
from app.portal.edge import language, services, show
from app.portal.listing import asked, number
from app.portal.words import named, t
from tenants.scope import current_scope

bp = Blueprint("audit", __name__, url_prefix="/desk/audit")

_MONTH = 30
_YEAR = 365
_MOST_FREQUENT = 12
_CHECKPOINTS = 20
_FORMS: Mapping[str, Form] = {form: form for form in FORMS}
_KINDS = {"csv": "text/csv", "json": "application/json", "zip": "application/zip"}


@bp.get("")
def index() -> Response:
    """List the entries, newest first."""
    return _index()


@bp.post("/verify")
def verify() -> Response:
    """Hold the whole log against its hashes and signatures, and say what does not hold."""
    return _index(services().audit.verify())


@bp.get("/checkpoints")
def checkpoints() -> Response:
    """List what was signed of the log, and with which keys it is verified."""
    page = services().audit.checkpoints(asked("i", limit=_CHECKPOINTS))
    signed = [(each, datetime.fromisoformat(each.at)) for each in page.rows]
    keys, sites = services().audit.keys(), services().sites
    return show("audit/checkpoints.html", page=page, signed=signed, keys=keys, sites=sites)


@bp.get("/export")
def export() -> Response:
    """Hand out the entries that are shown, as CSV or as JSON that proves itself; or the whole log."""
    POLICY.require("export", current_scope().principal.roles)
    asked_for = request.args.get("format", "")
    form = _FORMS.get(asked_for)
    if form is None:
        raise Invalid((Fault("choice", "format", asked_for[:40], allowed="、".join(FORMS)),))
    named_so = {"Content-Disposition": f"attachment; filename=audit.{form}"}
    return Response(services().audit.handed_out(form, _wanted()), mimetype=_KINDS[form], headers=named_so)


@bp.get("/trends")
def trends() -> Response:
    """Show the log in numbers: a day each, and by what was done."""
    days = next((days for days in (7, _MONTH, 90, _YEAR) if days == number("days")), _MONTH)
    counted = services().audit.count(days)
    if request.args.get("format") == "csv":
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(("day", "acts", "refusals", "sign_in_failures"))
        rows.writerows((day.day, day.acts, day.refusals, day.sign_in_failures) for day in counted.days)
        return Response(
            "\ufeff" + table.getvalue(), content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": "attachment; filename=audit-trends.csv"},
        )  # fmt: skip
    kinds = [(action, n) for action, n in counted.actions.items()][:_MOST_FREQUENT]
    return show("audit/trends.html", days=days, counted=counted, kinds=kinds, choices=(7, _MONTH, 90, _YEAR))


def _index(verdict: Verdict | None = None) -> Response:
    POLICY.require("read", current_scope().principal.roles)
    wanted = _wanted()
    return show(
        "audit/index.html",
        page=services().audit.page(asked("i"), wanted),
        wanted=wanted,
        given={name: request.args.get(name, "").strip() for name in ("since", "until")},
        names=services().accounts.names(),
        actions=_actions(),
        newest=services().audit.checkpoints(PageRequest(1)).rows,
        verdict=verdict,
        finding=_finding,
    )


def _finding(verdict: Verdict) -> str:
    told = verdict.findings[0]
    return t(f"audit.finding.{told.kind}", seq=told.seq, until=told.until, where=told.where)


def _actions() -> list[tuple[str, str]]:
    """Return every action that has words, in their order."""
    codes = (code.removeprefix("audit.") for code in catalogue(language()) if code.startswith("audit."))
    return sorted((code, named("audit", code)) for code in codes if code.count(":") == 2)  # noqa: PLR2004  # room:subject:verb


def _wanted() -> EntryFilter:
    return EntryFilter(
        action=request.args.get("action", "").strip(),
        principal=request.args.get("principal", "").strip(),
        object_id=_object(),
        result=request.args.get("result", ""),
        since=_day("since"),
        until=_day("until", after=1),
    )


def _day(name: str, *, after: int = 0) -> datetime | None:
    """Return when the day that is asked for begins, or one so many days after it."""
    written = request.args.get(name, "").strip()
    try:
        day = date.fromisoformat(written) + timedelta(days=after) if written else None
        return day and datetime.combine(day, time(), CHINA)
    except (ValueError, OverflowError):
        raise Invalid((Fault("pattern", name, written[:40], allowed="2026-11-20"),)) from None


def _object() -> UUID | None:
    written = request.args.get("object", "").strip()
    try:
        return UUID(written) if written else None
    except ValueError:
        raise Invalid((Fault("pattern", "object", written[:40], allowed="UUID"),)) from None
