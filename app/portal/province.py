"""The province's console: its counties, a new one, their limits, closing and opening them."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError, Fault, Invalid
from app.portal import words
from app.portal.edge import is_fragment, services, show
from tenants.directory import CLOSING, Tenant, TenantState
from tenants.divisions import province_of
from tenants.policy import as_province
from tenants.provisioning import ADMINISTRATORS, Administrator, Order, order_faults
from tenants.quotas import GB, LIMITS, Kind
from tenants.scope import ProvinceScope, TenantId, current_scope

bp = Blueprint("province", __name__, url_prefix="/province")

ENTRY = ("name", "division_code", "archive_code", "domain", "region", "home_site", "second_site")
_LOGINS = {"sys_admin": "sysadmin", "sec_admin": "secadmin", "audit_admin": "auditor"}
_DIGITS = 12


def _scope(purpose: str) -> ProvinceScope:
    return as_province(current_scope(), purpose)


def _unit(kind: Kind) -> int:
    return GB if kind == "storage" else 1


@bp.get("/")
def index() -> Response:
    """List the counties, the one that needs looking at first."""
    return show("province/counties.html", counties=services().console.counties(_scope("read")))


@bp.get("/tenants/new")
def new_form() -> Response:
    """Ask for all that a new county needs, on one page."""
    _scope("create")
    return _form(_blank())


@bp.post("/tenants/new")
def new() -> Answer:
    """Order a county, or fill in what follows from its division code; what was typed stays."""
    scope = _scope("create")
    values = _blank() | {name: value.strip() for name, value in request.form.items() if name in _blank()}
    if "fill" in request.form:
        return _form(_filled(values))
    try:
        county = services().provisioning.begin(_order(values), scope)
    except DomainError as error:
        return _form(values, error)
    return redirect(url_for(".county", tenant=county.id), 303)


@bp.get("/tenants/<tenant>")
def county(tenant: str) -> Response:
    """Show a county: state, steps of its setting up, use and limits."""
    return _county(tenant)


@bp.post("/tenants/<tenant>/retry")
def retry(tenant: str) -> Answer:
    """Take the steps of setting up where they stopped."""
    services().provisioning.retry(tenant, _scope("create"))
    return redirect(url_for(".county", tenant=tenant), 303)


@bp.post("/tenants/<tenant>/quota")
def quota(tenant: str) -> Answer:
    """Set the limits that were changed."""
    scope = _scope("quota")
    view = services().console.county(tenant, scope)
    numbers = _Numbers(request.form)
    changed: dict[Kind, tuple[int, int]] = {}
    for usage in view.usage:
        kind = usage.limit.kind
        bounds = numbers.read(kind, "soft"), numbers.read(kind, "hard")
        shown = tuple(round(bound / _unit(kind)) * _unit(kind) for bound in (usage.limit.soft, usage.limit.hard))
        if bounds != shown:
            changed[kind] = bounds
    try:
        numbers.check()
        services().quotas.set_all(view.tenant.id, changed, scope)
    except Invalid as error:
        return _county(tenant, error)
    return redirect(url_for(".county", tenant=tenant) + "#use", 303)


@bp.post("/tenants/<tenant>/suspend")
def suspend(tenant: str) -> Answer:
    """Show what closing a county does, and once confirmed close it."""
    scope = _scope("suspend")
    view = services().console.county(tenant, scope)
    mode = next((mode for mode in CLOSING if mode == request.form.get("mode")), TenantState.SUSPENDED)
    reason = request.form.get("reason", "").strip()
    if "confirmed" not in request.form and reason:
        return show("province/closing.html", view=view, mode=mode, reason=reason)
    try:
        services().directory.suspend(tenant, mode, reason, scope)
    except Invalid as error:
        return _county(tenant, error)
    return redirect(url_for(".county", tenant=tenant), 303)


@bp.post("/tenants/<tenant>/resume")
def resume(tenant: str) -> Answer:
    """Open a county again."""
    services().directory.resume(tenant, _scope("suspend"))
    return redirect(url_for(".county", tenant=tenant), 303)


@bp.post("/tenants/<tenant>/welcome")
def welcome(tenant: str) -> Response:
    """Make first passwords for the administrators and show them, this once, as a sheet to print."""
    invitations = services().provisioning.welcome(tenant, _scope("create"))
    return show(
        "province/welcome.html",
        opened=services().directory.get(tenant),
        invitations=invitations,
        address=f"{services().settings.public_url}/sign-in?county={tenant}",
    )


def _county(tenant: str, refusal: Invalid | None = None) -> Response:
    scope = _scope("read")
    view = services().console.county(tenant, scope)
    page = show(
        "province/county.html",
        part="province/_steps.html",
        status=refusal.status if refusal else 200,
        view=view,
        steps=services().provisioning.steps(tenant, scope),
        modes=CLOSING,
        typed=request.form,
        units={kind: _unit(kind) for kind in LIMITS},
        refusal=words.refusal(refusal) if refusal else "",
        faults=words.faults(refusal) if refusal else (),
    )
    if is_fragment() and view.tenant.state != TenantState.PROVISIONING:
        page.headers["HX-Refresh"] = "true"
    return page


def _blank() -> dict[str, str]:
    people = {f"{role}_{part}": "" for role in ADMINISTRATORS for part in ("name", "login")}
    limits = {f"{kind}_hard": str(limit.hard // _unit(kind)) for kind, limit in LIMITS.items()}
    return {"id": "", **dict.fromkeys(ENTRY, ""), "home_site": "a", "second_site": "b", **people, **limits}


def _filled(values: dict[str, str]) -> dict[str, str]:
    """Return the form with what follows from the division code, where nothing was typed yet."""
    code = values["division_code"]
    if not province_of(code):
        return values
    host = urlsplit(services().settings.public_url).hostname or ""
    slug = values["id"] or f"d{code}"
    defaults = {
        "id": slug,
        "domain": f"{slug}.{host}" if any(letter.isalpha() for letter in host) and "." in host else "",
        "region": f"cn-{code[:2]}",
        **{f"{role}_login": login for role, login in _LOGINS.items()},
    }
    return values | {name: values[name] or value for name, value in defaults.items()}


class _Numbers:
    """The limits of a form, with a fault for each that is no number."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.faults: list[Fault] = []

    def read(self, kind: Kind, end: Literal["soft", "hard"]) -> int:
        """Return a limit; 0 with a fault where it is no number."""
        name = f"{kind}_{end}"
        value = self._values.get(name, "").strip()
        if value.isascii() and value.isdecimal() and len(value) <= _DIGITS:
            return int(value) * _unit(kind)
        self.faults.append(Fault("number", name, value[:40], allowed="0–999999999999"))
        return 0

    def check(self) -> None:
        """Raise `Invalid` where one was no number."""
        if self.faults:
            raise Invalid(tuple(self.faults))


def _order(values: dict[str, str]) -> Order:
    """Return what is ordered; raises `Invalid` with the order's own faults too where a limit is no number."""
    entry = Tenant(TenantId(values["id"]), **{name: values[name] for name in ENTRY})  # pyright: ignore[reportArgumentType]  # texts all
    people = tuple(Administrator(role, values[f"{role}_login"], values[f"{role}_name"]) for role in ADMINISTRATORS)
    numbers = _Numbers(values)
    asked: dict[Kind, int] = {kind: numbers.read(kind, "hard") for kind in LIMITS}
    changed: dict[Kind, int] = {kind: hard for kind, hard in asked.items() if hard != LIMITS[kind].hard}
    order = Order(entry, people, changed)
    if numbers.faults:
        raise Invalid((*order_faults(order), *numbers.faults))
    return order


def _form(values: dict[str, str], error: DomainError | None = None) -> Response:
    wrong: dict[str, str] = {}
    if isinstance(error, Invalid):
        wrong = {each.field: words.fault(each) for each in error.faults}
    return show(
        "province/new.html",
        status=error.status if error else 200,
        values=values,
        wrong=wrong,
        refusal=words.refusal(error) if error else "",
        roles=ADMINISTRATORS,
        kinds=tuple(LIMITS),
        sites=services().sites,
        within=province_of(values["division_code"]),
    )
