"""The three administrators' own pages: accounts are made here by one, and given their roles by another."""

from datetime import datetime, time
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.identity.service import DORMANT, POLICY
from app.identity.types import (
    ADMINISTRATORS,
    PURPOSES,
    AccountId,
    AccountState,
    NewAccount,
    Number,
    Purpose,
)
from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid
from app.portal import words
from app.portal.edge import services, show
from app.portal.rights import may
from tenants.scope import current_scope

bp = Blueprint("admin", __name__, url_prefix="/admin")

_CHINA = ZoneInfo("Asia/Shanghai")
_HOMES = {"sys_admin", "sec_admin", "audit_admin"}


@bp.get("/")
def index() -> Answer:
    """Show the administrator's own home; raises `Refused` for anybody else."""
    roles = current_scope().principal.roles
    POLICY.require("administer", roles)
    (role,) = roles & _HOMES
    facts: dict[str, Any] = {}
    if may("identity", "list"):
        facts["accounts"] = services().identity.accounts()
    if may("jobs", "read"):
        facts["jobs"] = services().jobs.counts()
    if may("quota", "read"):
        facts["usage"] = services().quotas.usage()
    if may("alerts", "read"):
        facts["alerts"] = services().alerts.waiting()
    return show(f"admin/{role}.html", **facts)


@bp.get("/accounts")
def accounts() -> Answer:
    """List the county's accounts."""
    chosen = next((state for state in AccountState if state == request.args.get("state")), None)
    every = services().identity.accounts()
    return show(
        "admin/accounts.html",
        accounts=[account for account in every if chosen in (None, account.state)],
        counts={state: sum(account.state == state for account in every) for state in AccountState},
        states=tuple(AccountState),
        chosen=chosen,
    )


@bp.get("/accounts/new")
def new() -> Answer:
    """Ask for a new account."""
    return show("admin/new.html", given={})


@bp.post("/accounts")
def create() -> Answer:
    """Make an account that waits for its roles, and show its first password this once."""
    try:
        account, password = services().accounts.create(
            NewAccount(
                request.form.get("login", "").strip(),
                request.form.get("display_name", "").strip(),
                request.form.get("id_card", "").strip().upper(),
                request.form.get("phone", "").strip(),
                _until(request.form.get("valid_until", "")),
            )
        )
    except DomainError as error:
        return show(
            "admin/new.html", status=422, given=request.form, refusal=words.refusal(error), faults=words.faults(error)
        )
    return show("admin/handed.html", account=account, password=password)


@bp.get("/accounts/<uuid:account_id>")
def account(account_id: UUID) -> Answer:
    """Show an account, and what the administrator may do with it."""
    return _account(account_id)


@bp.post("/accounts/<uuid:account_id>/roles")
def grant(account_id: UUID) -> Answer:
    """Give the account a role."""
    try:
        services().accounts.grant(AccountId(account_id), request.form.get("role", ""))
    except DomainError as error:
        return _account(account_id, error)
    return _back(account_id)


@bp.post("/accounts/<uuid:account_id>/roles/remove")
def remove(account_id: UUID) -> Answer:
    """Take a role from the account."""
    try:
        services().accounts.remove(AccountId(account_id), request.form.get("role", ""))
    except DomainError as error:
        return _account(account_id, error)
    return _back(account_id)


@bp.post("/accounts/<uuid:account_id>/state")
def state(account_id: UUID) -> Answer:
    """Close the account of a person who left, or open it again."""
    verb = services().accounts.leave if request.form.get("state") == AccountState.LEFT else services().accounts.restore
    try:
        verb(AccountId(account_id))
    except DomainError as error:
        return _account(account_id, error)
    return _back(account_id)


@bp.post("/accounts/<uuid:account_id>/unlock")
def unlock(account_id: UUID) -> Answer:
    """Open a locked account."""
    try:
        services().accounts.unlock(AccountId(account_id))
    except DomainError as error:
        return _account(account_id, error)
    return _back(account_id)


@bp.post("/accounts/<uuid:account_id>/password")
def reset_password(account_id: UUID) -> Answer:
    """Hand out a temporary password, shown this once."""
    try:
        password = services().accounts.reset_password(AccountId(account_id))
    except DomainError as error:
        return _account(account_id, error)
    return show("admin/handed.html", account=services().accounts.get(AccountId(account_id)), password=password)


@bp.post("/accounts/<uuid:account_id>/factor")
def reset_factor(account_id: UUID) -> Answer:
    """Take away a lost authenticator."""
    try:
        services().accounts.reset_factor(AccountId(account_id))
    except DomainError as error:
        return _account(account_id, error)
    return _back(account_id)


@bp.post("/accounts/<uuid:account_id>/person")
def record_person(account_id: UUID) -> Answer:
    """Put the numbers on file by which the person is known."""
    try:
        services().accounts.record_person(
            AccountId(account_id),
            request.form.get("id_card", "").strip().upper(),
            request.form.get("phone", "").strip(),
        )
    except DomainError as error:
        return _account(account_id, error)
    return _back(account_id)


@bp.post("/accounts/<uuid:account_id>/reveal")
def reveal(account_id: UUID) -> Answer:
    """Show a number in full for a purpose."""
    number: Number = "phone" if request.form.get("number") == "phone" else "id_card"
    purpose: Purpose | None = next((each for each in PURPOSES if each == request.form.get("purpose")), None)
    if purpose is None:
        allowed = "、".join(words.named("purpose", each) for each in get_args(Purpose))
        return _account(account_id, Invalid((Fault("choice", "purpose", allowed=allowed),)))
    full = services().accounts.reveal(AccountId(account_id), number, purpose)
    return _account(account_id, revealed={number: full})


def _account(account_id: UUID, error: DomainError | None = None, revealed: dict[str, str] | None = None) -> Answer:
    accounts = services().accounts
    shown = accounts.get(AccountId(account_id))
    clashes = accounts.grantable(shown.id) if may("identity", "grant") else {}
    return show(
        "admin/account.html",
        status=error.status if error else 200,
        account=shown,
        grants=accounts.grants(shown.id),
        names={str(each.id): each.display_name for each in services().identity.accounts()},
        grantable={role: words.refusal(clash) if clash else "" for role, clash in clashes.items()},
        purposes=PURPOSES,
        administrators=ADMINISTRATORS,
        revealed=revealed or {},
        closed=bool(shown.locked_until or (shown.last_sign_in_at or shown.created_at) + DORMANT <= clock.now()),
        mine=str(shown.id) == current_scope().principal.id,
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )


def _back(account_id: UUID) -> Answer:
    return redirect(url_for(".account", account_id=account_id), 303)


def _until(written: str) -> datetime | None:
    """Return the end of a day in China; raises `Invalid` for what is no day."""
    try:
        return datetime.combine(datetime.fromisoformat(written).date(), time.max, _CHINA) if written else None
    except ValueError:
        raise Invalid((Fault("pattern", "valid_until", written[:40], allowed="2027-12-31"),)) from None
