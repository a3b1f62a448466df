"""Making, granting, rotating and revoking API clients; tokens for their secrets; who a token stands for."""

import hashlib
import hmac
import secrets
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.clients import rules
from app.clients.models import ClientRow, ClientSecretRow, ClientTokenRow
from app.clients.types import (
    Calling,
    Client,
    ClientCreated,
    ClientEnded,
    ClientGranted,
    ClientId,
    ClientNameTaken,
    ClientRefused,
    ClientRevoked,
    ClientRotated,
    ClientSignedIn,
    ClientSignedOut,
    ClientSignInRefused,
    ClientToken,
    OwnGrant,
    PurposeNotAllowed,
    ScopeNotGranted,
    Told,
)
from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid, NotFound
from app.kernel.ids import new_id
from app.kernel.predicate import Policy, role
from app.platform.work import Works
from tenants.agreements import AgreementService
from tenants.scope import Principal, Scope, TenantId, current_scope, entered, new_request_id

LIFE = timedelta(minutes=5)
"""Of a token; there is no refresh token (RFC 6749, 4.4.3)."""

_MARK = "client"
_SECRETS = 2

POLICY = Policy(
    {
        "list": role("sys_admin", "sec_admin"),
        "create": role("sys_admin"),
        "rotate": role("sys_admin"),
        "grant": role("sec_admin"),
        "revoke": role("sys_admin", "sec_admin"),
    }
)


class ClientsService:
    """The county's API clients.

    Parameters
    ----------
    works : Works
    agreements : AgreementService
        Says whether a client's agreement is one of the county's.
    """

    def __init__(self, works: Works, agreements: AgreementService) -> None:
        self._work = works
        self._agreements = agreements

    def create(self, told: Told, *, client_id: uuid.UUID | None = None) -> tuple[Client, str]:
        """Make a client, and return it with its secret, shown this once; it may do nothing until granted.

        The same id again returns the client without a secret. Raises `Invalid`, `ClientNameTaken` and, for an
        agreement the county has no part in, `NotFound`.
        """
        scope = current_scope()
        POLICY.require("create", scope.principal.roles)
        told = replace(told, name=told.name.strip(), certificate=rules.fingerprint(told.certificate))
        rules.check(told, clock.now())
        if told.agreement_id is not None and not self._agreements.is_party(told.agreement_id):
            raise NotFound("agreement")
        with self._work() as work:
            if client_id and (known := work.session.get(ClientRow, (scope.tenant, client_id))):
                return _value(work.session, known), ""
            if work.session.scalar(select(ClientRow.id).where(ClientRow.name == told.name)):
                raise ClientNameTaken(told.name)
            row = ClientRow(
                tenant_id=scope.tenant,
                id=client_id or new_id(),
                name=told.name,
                purposes=list(told.purposes),
                scopes=[],
                agreement_id=told.agreement_id,
                networks=list(told.networks),
                certificate=told.certificate,
                state="waiting",
                created_by=scope.principal.id,
                created_at=clock.now(),
                expires_at=told.expires_at,
            )
            work.session.add(row)
            work.session.flush()
            secret = _new_secret(work.session, row)
            work.record(ClientCreated(row.id, purposes=",".join(told.purposes), expires_at=told.expires_at))
            return _value(work.session, row), secret

    def list(self) -> tuple[Client, ...]:
        """Return the county's clients, newest first."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            rows = work.session.scalars(select(ClientRow).order_by(ClientRow.created_at.desc(), ClientRow.id)).all()
            return tuple(_value(work.session, row) for row in rows)

    def get(self, client_id: uuid.UUID) -> Client:
        """Return one client; raises `NotFound`."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            return _value(work.session, _row(work.session, client_id))

    def grant(self, client_id: uuid.UUID, scopes: tuple[str, ...]) -> Client:
        """Set what a client may do; its tokens end. Raises `Invalid`, `OwnGrant` and `ClientRevoked`."""
        scope = current_scope()
        POLICY.require("grant", scope.principal.roles)
        with self._work() as work:
            row = _living(work.session, client_id)
            if row.created_by == scope.principal.id:
                raise OwnGrant
            granted = rules.check_scopes(scopes, bound=row.agreement_id is not None)
            former = ",".join(map(str, row.scopes))
            row.scopes, row.state = list(granted), "active" if granted else "waiting"
            _end_tokens(work.session, row.id)
            work.record(ClientGranted(row.id, former=former, scopes=",".join(granted)))
            return _value(work.session, row)

    def rotate(self, client_id: uuid.UUID, *, overlap: timedelta) -> tuple[Client, str]:
        """Give a client a new secret, and let the one before it end after the overlap.

        Raises `Invalid` for an overlap of more than thirty days, and `ClientRevoked`.
        """
        POLICY.require("rotate", current_scope().principal.roles)
        if not timedelta() <= overlap <= rules.LONGEST_OVERLAP:
            longest = rules.LONGEST_OVERLAP.days
            raise Invalid((Fault("number", "overlap_days", str(overlap.days), allowed=f"0–{longest}"),))
        with self._work() as work:
            row = _living(work.session, client_id)
            end = clock.now() + overlap
            valid = _secrets(work.session, row.id)
            for place, older in enumerate(valid):
                older.ends_at = min(older.ends_at, end) if place < _SECRETS - 1 else clock.now()
            secret = _new_secret(work.session, row)
            work.record(ClientRotated(row.id, older_ends_at=end))
            return _value(work.session, row), secret

    def revoke(self, client_id: uuid.UUID) -> Client:
        """End a client at once: its secrets and tokens are worth nothing from now on. Again changes nothing."""
        POLICY.require("revoke", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work.session, client_id, lock=True)
            if row.state != "revoked":
                row.state = "revoked"
                work.session.execute(delete(ClientSecretRow).where(ClientSecretRow.client_id == row.id))
                _end_tokens(work.session, row.id)
                work.record(ClientEnded(row.id))
            return _value(work.session, row)

    def token(
        self, oauth_id: str, secret: str, calling: Calling, *, scopes: tuple[str, ...], purpose: str
    ) -> ClientToken:
        """Hand out a token for a client's secret (RFC 6749, 4.4).

        Parameters
        ----------
        oauth_id : str
            ``<county>.<id>``, as the client was given it.
        scopes : tuple of str
            What is asked for; none asks for all that was granted.
        purpose : str
            What the calls will be for, one of the client's.

        Raises `ClientRefused`, `ScopeNotGranted` and `PurposeNotAllowed`.
        """
        tenant, client_id = _parted(oauth_id)
        scope = Scope(tenant, Principal("system:sign-in"), "sign-in", new_request_id(), calling.address)
        with entered(scope):
            refusal: DomainError | None = None
            token: ClientToken | None = None
            with self._work() as work:
                row = work.session.get(ClientRow, (tenant, client_id))
                if row is None:
                    raise ClientRefused
                refusal, cause = _judged(work.session, row, secret, calling, scopes, purpose)
                if refusal:
                    work.record(ClientSignInRefused(row.id, reason=cause))
                else:
                    token = _new_token(work.session, row, scopes, purpose)
                    told = ",".join(token.scopes)
                    work.record(ClientSignedIn(row.id, scopes=told, stated=purpose))
            if token is None:
                raise refusal or ClientRefused
            return token

    @staticmethod
    def recognises(secret: str) -> bool:
        """Say whether a bearer token has the shape of a client's, whoever it belongs to."""
        return secret.partition(".")[2].startswith(f"{_MARK}.")

    def end(self, secret: str, address: str) -> None:
        """End a client's token; an unknown one has ended already (RFC 7009, 2.2)."""
        tenant = TenantId(secret.partition(".")[0])
        if not tenant.isascii() or not tenant.isalnum():
            return
        scope = Scope(tenant, Principal("system:sign-in"), "sign-in", new_request_id(), address)
        with entered(scope), self._work() as work:
            its = delete(ClientTokenRow).where(ClientTokenRow.digest == _digest(secret))
            client = work.session.scalar(its.returning(ClientTokenRow.client_id))
            if client is not None:
                work.record(ClientSignedOut(client))

    def scope(self, secret: str, calling: Calling, *, request_id: str) -> Scope:
        """Return the scope that a client's token opens.

        Raises `ClientRefused` for a token that is unknown, expired or revoked, or comes from elsewhere.
        """
        tenant = TenantId(secret.partition(".")[0])
        if not tenant.isascii() or not tenant.isalnum():
            raise ClientRefused
        with entered(Scope(tenant, Principal("system:sign-in"), "sign-in", request_id)), self._work() as work:
            now = clock.now()
            found = work.session.execute(
                select(ClientTokenRow, ClientRow)
                .join(ClientRow, ClientRow.id == ClientTokenRow.client_id)
                .where(
                    ClientTokenRow.digest == _digest(secret),
                    ClientTokenRow.expires_at > now,
                    ClientRow.state == "active",
                    ClientRow.expires_at > now,
                )
            ).first()
            if found is None:
                raise ClientRefused
            token, row = found
            if not rules.may_call(tuple(map(str, row.networks)), row.certificate, calling):
                raise ClientRefused
            bound = {f"agreement:{row.agreement_id}"} if row.agreement_id else set[str]()
            who = Principal(f"client:{row.id}", row.name, frozenset(map(str, token.scopes)) | bound)
            return Scope(tenant, who, token.purpose, request_id, calling.address, str(token.id))


def _judged(
    session: Session, row: ClientRow, secret: str, calling: Calling, scopes: tuple[str, ...], purpose: str
) -> tuple[DomainError | None, str]:
    """Return why a client gets no token, for itself and for the log."""
    digest = _digest(secret)
    if not any(hmac.compare_digest(each.digest, digest) for each in _secrets(session, row.id)):
        return ClientRefused(), "secret"
    if row.state != "active" or row.expires_at <= clock.now():
        return ClientRefused(), "expired" if row.state == "active" else row.state
    if not rules.may_call(tuple(map(str, row.networks)), row.certificate, calling):
        return ClientRefused(), "origin"
    if not set(scopes) <= set(row.scopes):
        return ScopeNotGranted(" ".join(map(str, row.scopes))), "scope"
    if purpose not in row.purposes:
        return PurposeNotAllowed(" ".join(map(str, row.purposes))), "purpose"
    return None, ""


def _new_token(session: Session, row: ClientRow, scopes: tuple[str, ...], purpose: str) -> ClientToken:
    now = clock.now()
    session.execute(delete(ClientTokenRow).where(ClientTokenRow.client_id == row.id, ClientTokenRow.expires_at <= now))
    secret = f"{row.tenant_id}.{_MARK}.{secrets.token_urlsafe(32)}"
    granted = tuple(str(each) for each in row.scopes if each in scopes or not scopes)
    expires = min(now + LIFE, row.expires_at)
    session.add(
        ClientTokenRow(
            id=new_id(), client_id=row.id, digest=_digest(secret), created_at=now, scopes=list(granted),
            purpose=purpose, expires_at=expires,
        )
    )  # fmt: skip
    return ClientToken(secret, granted, purpose, expires)


def _new_secret(session: Session, row: ClientRow) -> str:
    secret = secrets.token_urlsafe(32)
    session.add(
        ClientSecretRow(
            id=new_id(), client_id=row.id, digest=_digest(secret), created_at=clock.now(), ends_at=row.expires_at
        )
    )
    session.flush()
    return secret


def _secrets(session: Session, client_id: uuid.UUID) -> list[ClientSecretRow]:
    """Return a client's valid secrets, newest first."""
    return list(
        session.scalars(
            select(ClientSecretRow)
            .where(ClientSecretRow.client_id == client_id, ClientSecretRow.ends_at > clock.now())
            .order_by(ClientSecretRow.created_at.desc())
        )
    )


def _end_tokens(session: Session, client_id: uuid.UUID) -> None:
    session.execute(delete(ClientTokenRow).where(ClientTokenRow.client_id == client_id))


def _row(session: Session, client_id: uuid.UUID, *, lock: bool = False) -> ClientRow:
    row = session.get(ClientRow, (current_scope().tenant, client_id), with_for_update=lock or None)
    if row is None:
        raise NotFound("client")
    return row


def _living(session: Session, client_id: uuid.UUID) -> ClientRow:
    row = _row(session, client_id, lock=True)
    if row.state == "revoked":
        raise ClientRevoked
    return row


def _parted(oauth_id: str) -> tuple[TenantId, uuid.UUID]:
    tenant, _, rest = oauth_id.partition(".")
    try:
        client_id = uuid.UUID(rest)
    except ValueError:
        raise ClientRefused from None
    if not tenant.isascii() or not tenant.isalnum():
        raise ClientRefused
    return TenantId(tenant), client_id


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _value(session: Session, row: ClientRow) -> Client:
    ends: list[datetime] = [each.ends_at for each in _secrets(session, row.id)]
    return Client(
        id=ClientId(row.id),
        oauth_id=f"{row.tenant_id}.{row.id}",
        told=Told(
            row.name,
            tuple(map(str, row.purposes)),
            row.expires_at,
            row.agreement_id,
            tuple(map(str, row.networks)),
            row.certificate,
        ),
        scopes=tuple(map(str, row.scopes)),
        state="expired" if row.state != "revoked" and row.expires_at <= clock.now() else row.state,
        created_by=row.created_by,
        created_at=row.created_at,
        secrets_end=tuple(ends),
    )
