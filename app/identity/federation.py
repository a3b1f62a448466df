"""Sign-in through the province's realm: the account is found by issuer and subject, its roles are taken anew."""

import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.identity import credentials
from app.identity.administration import roles_elsewhere, roles_of_person
from app.identity.credentials import OTP, SignIn
from app.identity.models import AccountRow, CredentialRow, LogoutTokenRow, OrganizationRow, RoleGrantRow
from app.identity.realm import LEEWAY, Access, Grant, Realm
from app.identity.rules import check_office, check_roles
from app.identity.service import IdentityService
from app.identity.types import (
    FACTOR_ROLES,
    ROLES,
    AccountCreated,
    AccountId,
    AccountState,
    Attempt,
    Caller,
    FactorMissing,
    GrantGiven,
    GrantRemoved,
    Identified,
    Kind,
    NoRole,
    NotMember,
    NotSignedIn,
    ProviderDown,
    Returned,
    RoleElsewhere,
    RolesClash,
    SessionEnded,
    SignInFailed,
    SignInRefused,
    SignInStale,
    SignsInElsewhere,
    Token,
    TokenRefused,
)
from app.kernel import clock
from app.kernel.errors import DomainError
from app.kernel.ids import derived_id, new_id
from app.platform.provincial import ProvinceWorks
from app.platform.vault import Vault
from app.platform.work import Work, Works
from tenants.quotas import Quotas
from tenants.scope import PROVINCE, Principal, ProvinceScope, TenantId

REALM = "system:realm"
"""Who gave and took the roles of an account that signs in at the realm."""

AGAIN = timedelta(seconds=15)
"""How long a renewal may take before another request tries it."""

_REFRESH = "credential.refresh"
_JWT_DOTS = 2


class FederatedIdentity(IdentityService):
    """Sign-in through the realm; sessions and accounts are otherwise as `IdentityService` keeps them.

    Parameters
    ----------
    works : Works
    vault : Vault
    realm : Realm
    province : ProvinceWorks
        Finds in which counties a session of the realm is open.
    access_minutes, session_hours, sessions : int
        As of `IdentityService`.
    """

    def __init__(  # noqa: PLR0913  # two more than the service it stands for
        self,
        works: Works,
        vault: Vault,
        realm: Realm,
        province: ProvinceWorks,
        quotas: Quotas,
        *,
        access_minutes: int,
        session_hours: int,
        sessions: int,
    ) -> None:
        super().__init__(
            works, vault, quotas, access_minutes=access_minutes, session_hours=session_hours, sessions=sessions
        )
        self._vault = vault
        self._realm = realm
        self._province = province

    def sign_in(
        self,
        tenant: TenantId,
        login: str,
        password: str,
        kinds: tuple[Kind, ...],
        *,
        otp: str = "",
        caller: Caller = Caller(),  # noqa: B008  # frozen
    ) -> NoReturn:
        """Raise `SignsInElsewhere`: passwords are the realm's."""
        del tenant, login, password, kinds, otp, caller
        raise SignsInElsewhere

    def begin(self, tenant: TenantId, login: str, password: str, caller: Caller) -> NoReturn:
        """Raise `SignsInElsewhere`: passwords are the realm's."""
        del tenant, login, password, caller
        raise SignsInElsewhere

    def depart(self, tenant: TenantId, *, strong: bool = False) -> tuple[str, Attempt]:
        """Return where the browser signs in, and what it must bring back.

        Parameters
        ----------
        tenant : TenantId
        strong : bool
            Ask for a second factor whatever the roles.

        Raises `ProviderDown`.
        """
        self._realm.keys.reach()
        attempt = Attempt(tenant, *(secrets.token_urlsafe(32) for _ in range(3)), strong=strong)
        return self._realm.authorization(attempt), attempt

    def arrive(self, attempt: Attempt, returned: Returned, caller: Caller) -> Token:
        """Open a session for whoever comes back from the realm.

        Raises `SignInStale`, `ProviderDown`, `OrganizationMissing`, `NotMember`, `NoRole`, `RolesClash`,
        `RoleElsewhere`, `SignInFailed`, and `FactorMissing` where the roles call for a second factor and the realm was
        told of none.
        """
        grant = self._realm.exchange(attempt, returned)
        with self._at_the_door(attempt.tenant, caller) as work:
            outcome = self._opened(work, grant, caller)
        if isinstance(outcome, DomainError):
            with suppress(ProviderDown):
                if not isinstance(outcome, FactorMissing):
                    self._realm.end(grant.refresh)
            raise outcome
        return outcome

    def principal(self, secret: str, kinds: tuple[Kind, ...]) -> Identified:
        """Return whom a session, a token of ours or a token of the realm stands for.

        Raises `NotSignedIn`; for the realm's tokens `ProviderDown`, `NotMember` and what its roles are refused for.
        """
        if secret.count(".") == _JWT_DOTS:
            return self._borne(secret, kinds)
        tenant = credentials.tenant_of(secret)
        with self._at_the_door(tenant, Caller()) as work:
            due = self._due(work, secret)
        if due is not None:
            self._renew(tenant, due)
        return super().principal(secret, kinds)

    def sign_out(self, secret: str) -> None:
        """End the session here and at the realm."""
        with self._at_the_door(credentials.tenant_of(secret), Caller()) as work:
            its = select(CredentialRow.refresh).where(CredentialRow.digest == credentials.digest(secret))
            sealed = work.session.scalar(its)
            refresh = self._vault.open(sealed, context=_REFRESH) if sealed else ""
        super().sign_out(secret)
        if refresh:
            with suppress(ProviderDown):  # it ends there by itself when nobody uses it
                self._realm.end(refresh)

    def leave(self, secret: str) -> None:
        """End the session here and leave that of the realm, which opens another county."""
        super().sign_out(secret)

    def end_from_realm(self, logout_token: str) -> None:
        """End the sessions, in whatever counties, of a session that ended at the realm.

        Raises `TokenRefused` and `ProviderDown`. Source: OpenID Connect Back-Channel Logout 1.0, 2.5.
        """
        told = self._realm.logout(logout_token)
        with self._at_the_door(PROVINCE, Caller()) as work:
            now = clock.now()
            work.session.execute(delete(LogoutTokenRow).where(LogoutTokenRow.expires_at < now))
            once = insert(LogoutTokenRow).values(
                jti=told.jti, expires_at=now + LEEWAY + timedelta(seconds=told.exp - told.iat)
            )
            if work.session.scalar(once.on_conflict_do_nothing().returning(LogoutTokenRow.jti)) is None:
                raise TokenRefused
        of_it = CredentialRow.sid == told.sid
        with self._province(ProvinceScope(Principal(REALM), "sign-out")) as work:
            tenants = work.session.scalars(select(CredentialRow.tenant_id).where(of_it).distinct()).all()
        for tenant in tenants:
            with self._at_the_door(TenantId(tenant), Caller()) as work:
                gone = delete(CredentialRow).where(of_it).returning(CredentialRow.account_id, CredentialRow.session_id)
                for account, session in sorted({(account, session) for account, session in work.session.execute(gone)}):
                    work.record(SessionEnded(account, session=str(session)))

    def _borne(self, token: str, kinds: tuple[Kind, ...]) -> Identified:
        """Return whom an access token of the realm stands for; its roles hold as long as it does."""
        if "access" not in kinds:
            raise NotSignedIn
        access = self._realm.access(token)
        if len(access.organization) != 1:
            raise NotMember
        (tenant,) = access.organization
        with self._at_the_door(TenantId(tenant), Caller()) as work:
            roles = self._allowed(work, access)
            if isinstance(roles, DomainError):
                raise roles
            row = self._account(work, access) or self._made(work, access, roles)
            if not _open(row):
                raise NotSignedIn
            check_roles(roles | roles_elsewhere(work.session, row))
            who = credentials.principal(row.id, row.display_name, [*sorted(roles)], " ".join(access.amr))
            return Identified(TenantId(tenant), who, access.sid)

    def _opened(self, work: Work, grant: Grant, caller: Caller) -> Token | DomainError:
        access = grant.access
        row = self._adopted(work, access)
        if isinstance(row, DomainError):
            return row
        if not access.sid or (FACTOR_ROLES & {*map(str, row.roles)} and OTP not in access.amr):
            work.record(SignInRefused(row.id, reason=FactorMissing.code))
            return FactorMissing()
        sign_in = SignIn.fresh(_factors(access), caller)
        (token,) = self._complete(work, row, ("session",), sign_in)
        self._keep(work, grant, CredentialRow.digest == credentials.digest(token.secret))
        return token

    def _adopted(self, work: Work, access: Access) -> AccountRow | DomainError:
        """Return the account of a token with the roles it has now; or why there is none, with all rights withdrawn."""
        row = self._account(work, access)
        roles = self._allowed(work, access)
        if isinstance(roles, DomainError):
            refusal = roles
        else:
            row = row or self._made(work, access, roles)
            self._grant(work, row, roles)
            row.display_name = access.name
            refusal = _refusal(work, row)
            if refusal is None:
                return row
        if row is not None:
            self._grant(work, row, frozenset())
            credentials.end(work, row.id)
        work.record(SignInRefused(row.id if row else _account_id(work, access), reason=refusal.code))
        return refusal

    def _allowed(self, work: Work, access: Access) -> frozenset[str] | DomainError:
        """Return the roles that a token gives in this county, or why it gives none."""
        ours = work.session.scalar(
            select(OrganizationRow.organization_id).where(OrganizationRow.issuer == self._realm.issuer)
        )
        if ours is None or [each.id for each in access.organization.values()] != [ours]:
            return NotMember()
        held = ROLES & frozenset(access.realm_access.roles)
        if not held:
            return NoRole()
        try:
            check_office(held, work.scope.tenant)
            return check_roles(held)
        except (RolesClash, RoleElsewhere) as refusal:
            return refusal

    def _account(self, work: Work, access: Access) -> AccountRow | None:
        named = (AccountRow.issuer == self._realm.issuer) & (AccountRow.subject == access.sub)
        return work.session.scalar(select(AccountRow).where(named))

    def _made(self, work: Work, access: Access, roles: frozenset[str]) -> AccountRow:
        """Make the account of somebody who comes for the first time; two requests at once make one."""
        account_id = _account_id(work, access)
        login = access.preferred_username or access.sub
        if work.session.scalar(select(AccountRow.id).where(AccountRow.login == login)) is not None:
            login = f"{login}.{access.sub}"
        now = clock.now()
        values: dict[str, object] = {
            "id": account_id, "login": login, "display_name": access.name, "password_hash": "", "roles": [],
            "state": AccountState.ACTIVE, "failures": 0, "created_at": now, "created_by": REALM,
            "issuer": self._realm.issuer, "subject": access.sub, "person": "",
            "password_changed_at": now, "must_change": False,
        }  # fmt: skip
        made = insert(AccountRow).values(values).on_conflict_do_nothing().returning(AccountRow.id)
        if work.session.scalar(made) is not None:
            self._quotas.spend("users", 1)
            work.record(AccountCreated(account_id, roles=",".join(sorted(roles))))
        row = work.session.get_one(AccountRow, (work.scope.tenant, account_id))
        self._grant(work, row, roles)
        return row

    @staticmethod
    def _grant(work: Work, row: AccountRow, roles: frozenset[str]) -> None:
        """Let an account hold just these roles, and note who gave and took them."""
        work.session.refresh(row, with_for_update=True)
        before, now = frozenset(map(str, row.roles)), clock.now()
        if before == roles:
            return
        row.roles = [*sorted(roles)]
        for role in sorted(before - roles):
            in_force = (RoleGrantRow.account_id == row.id) & RoleGrantRow.removed_at.is_(None)
            taken = update(RoleGrantRow).where(in_force, RoleGrantRow.role == role)
            work.session.execute(taken.values(removed_by=REALM, removed_at=now))
            work.record(GrantRemoved(AccountId(row.id), role=role))
        for role in sorted(roles - before):
            work.session.add(RoleGrantRow(id=new_id(), account_id=row.id, role=role, granted_by=REALM, granted_at=now))
            work.record(GrantGiven(AccountId(row.id), role=role))
        work.session.flush()

    def _due(self, work: Work, secret: str) -> "_Due | None":
        """Claim the renewal of a session whose time has come; whoever else asks meanwhile does not wait for it."""
        now = clock.now()
        its = (CredentialRow.digest == credentials.digest(secret)) & (CredentialRow.renew_at <= now)
        claimed = (
            update(CredentialRow)
            .where(its)
            .values(renew_at=now + AGAIN)
            .returning(CredentialRow.id, CredentialRow.account_id, CredentialRow.refresh, CredentialRow.refresh_until)
        )
        found = work.session.execute(claimed).first()
        if found is None:
            return None
        credential, account, sealed, until = found
        assert sealed is not None  # noqa: S101  # the four are kept together
        assert until is not None  # noqa: S101
        return _Due(credential, account, self._vault.open(sealed, context=_REFRESH), until)

    def _renew(self, tenant: TenantId, due: "_Due") -> None:
        """Take roles and membership anew; end a session that ended at the realm, or whose account may no more."""
        grant: Grant | None = None
        try:
            grant = self._realm.refresh(due.refresh)
        except ProviderDown:
            if clock.now() < due.until:
                return  # whoever is signed in goes on working
        except SignInStale:
            pass
        with self._at_the_door(tenant, Caller()) as work:
            row = self._adopted(work, grant.access) if grant else None
            which = CredentialRow.id == due.credential
            if grant and isinstance(row, AccountRow) and row.id == due.account:
                self._keep(work, grant, which)
            else:
                credentials.end(work, due.account, which)

    def _keep(self, work: Work, grant: Grant, which: ColumnElement[bool]) -> None:
        """Keep with a session what it is renewed by."""
        work.session.execute(
            update(CredentialRow)
            .where(which)
            .values(
                sid=grant.access.sid,
                refresh=self._vault.seal(grant.refresh, context=_REFRESH),
                renew_at=grant.renew_at,
                refresh_until=grant.until,
                factors=_factors(grant.access),
            )
        )


@dataclass(frozen=True, slots=True)
class _Due:
    """A session to be renewed."""

    credential: uuid.UUID
    account: uuid.UUID
    refresh: str
    until: datetime


def _account_id(work: Work, access: Access) -> AccountId:
    return AccountId(derived_id(work.scope.tenant, "account", access.iss, access.sub))


def _factors(access: Access) -> str:
    return " ".join(sorted(access.amr))


def _open(row: AccountRow) -> bool:
    return row.state == AccountState.ACTIVE and (row.valid_until is None or row.valid_until > clock.now())


def _refusal(work: Work, row: AccountRow) -> DomainError | None:
    """Return why an account may not be used: closed here, or its person's accounts hold what clashes."""
    if not _open(row):
        return SignInFailed()
    try:
        check_roles(roles_of_person(work.session, row))
    except RolesClash as clash:
        return clash
    return None
