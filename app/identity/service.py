"""Signing in with a county's own accounts, and what a person does with an account of their own."""

import uuid
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.identity import credentials, passwords
from app.identity.administration import POLICY, AccountsService, account_id_of, account_value, masked, roles_of_person
from app.identity.credentials import OTP, Lives, SignIn
from app.identity.factors import Factors
from app.identity.models import AccountRow, CredentialRow, RoleGrantRow, SignInSourceRow
from app.identity.rules import DORMANT, FAILURES, LOCK, LOGIN, PASSWORD_LIFE, check_office, check_password, check_roles
from app.identity.types import (
    FACTOR_ROLES,
    Account,
    AccountCreated,
    AccountDormant,
    AccountLocked,
    AccountState,
    AccountWaiting,
    Caller,
    Enrolment,
    EnrolmentDue,
    FactorEnrolled,
    FactorObligatory,
    FactorRemoved,
    GrantGiven,
    Identified,
    Kind,
    LoginTaken,
    NotSignedIn,
    PasswordChanged,
    PasswordDue,
    Pending,
    RecoveryRenewed,
    RoleElsewhere,
    RolesClash,
    SecondFactorFailed,
    SecondFactorRequired,
    SessionId,
    SignedIn,
    SignedOut,
    SignInContinued,
    SignInFailed,
    SignInRefused,
    SignsInElsewhere,
    Step,
    Token,
    TooManySignIns,
    UserSession,
    WrongPassword,
)
from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid, NotFound
from app.kernel.ids import new_id
from app.platform.vault import Vault
from app.platform.work import Work, Works
from tenants.directory import Tenant
from tenants.quotas import Quotas
from tenants.scope import Principal, Scope, TenantId, current_scope, entered, new_request_id

__all__ = ["POLICY", "AccountsService", "IdentityService"]

FLOOD = 20
FLOOD_WINDOW = timedelta(minutes=10)
"""Failures from one address within the window, after which it waits. Source: handbook security.md, 8."""

_COUNTED = (SignInFailed, SecondFactorFailed, WrongPassword)
_DOOR = Principal("system:sign-in")
_AT_THE_DOOR = text("SELECT * FROM at_the_door(:wanted, :told, :kinds, :moment)")
_NOWHERE = Caller()
T = TypeVar("T")


class IdentityService:
    """Sign-in with the county's own accounts.

    Parameters
    ----------
    works : Works
    vault : Vault
    quotas : Quotas
    access_minutes : int
        Life of an access token, and of a session nobody uses.
    session_hours : int
        Life of a session, used or not.
    sessions : int
        Most sessions of one account; a further one ends the oldest.
    """

    def __init__(
        self, works: Works, vault: Vault, quotas: Quotas, *, access_minutes: int, session_hours: int, sessions: int
    ) -> None:
        self._work = works
        self._quotas = quotas
        self._vault = vault
        self._factors = Factors(vault)
        self._lives = Lives(timedelta(minutes=access_minutes), timedelta(hours=session_hours))
        self._most = sessions

    @staticmethod
    def is_login(text: str) -> bool:
        """Say whether an account may go by this."""
        return LOGIN.fullmatch(text) is not None

    def create_account(self, login: str, display_name: str, password: str, roles: Iterable[str]) -> Account:
        """Make an account with its roles in one go, as only the installation may; again, nothing changes.

        Raises `Invalid`, `RolesClash`, `RoleElsewhere` and `LoginTaken`.
        """
        scope = current_scope()
        POLICY.require("install", scope.principal.roles)
        held = check_roles(roles)
        check_office(held, scope.tenant)
        faults = [] if LOGIN.fullmatch(login) else [Fault("pattern", "login", login[:40], allowed=LOGIN.pattern)]
        if not display_name.strip():
            faults.append(Fault("required", "display_name"))
        if faults:
            raise Invalid(tuple(faults))
        check_password(password, login)
        account_id = account_id_of(scope.tenant, login)
        with self._work() as work:
            row = work.session.scalar(select(AccountRow).where(AccountRow.login == login))
            if row is not None:
                if row.display_name != display_name or held != self._installed(work, row):
                    raise LoginTaken(login)
                return account_value(row)
            self._quotas.spend("users", 1)
            now = clock.now()
            row = AccountRow(
                id=account_id,
                login=login,
                display_name=display_name,
                password_hash=passwords.hashed(password),
                roles=sorted(held),
                created_at=now,
                created_by=scope.principal.id,
                password_changed_at=now,
            )
            work.session.add(row)
            work.session.flush()
            work.record(AccountCreated(account_id, roles=",".join(sorted(held))))
            for role in sorted(held):
                work.session.add(
                    RoleGrantRow(
                        id=new_id(), account_id=account_id, role=role, granted_by=scope.principal.id, granted_at=now
                    )
                )
                work.record(GrantGiven(account_id, role=role))
            work.session.flush()
            return account_value(row)

    @staticmethod
    def _installed(work: Work, row: AccountRow) -> frozenset[str]:
        """Return the roles that the installation gave an account, whatever became of them."""
        given = select(RoleGrantRow.role).where(
            RoleGrantRow.account_id == row.id, RoleGrantRow.granted_by == current_scope().principal.id
        )
        return frozenset(work.session.scalars(given))

    def accounts(self) -> tuple[Account, ...]:
        """Return the county's accounts in the order of their logins."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            return tuple(map(account_value, work.session.scalars(select(AccountRow).order_by(AccountRow.login))))

    def sign_in(
        self,
        tenant: TenantId,
        login: str,
        password: str,
        kinds: tuple[Kind, ...],
        *,
        otp: str = "",
        caller: Caller = _NOWHERE,
    ) -> tuple[Token, ...]:
        """Check everything at once and hand out the credentials asked for.

        Parameters
        ----------
        tenant : TenantId
            Whose account it is; known to the directory.
        kinds : tuple of Kind
        otp : str
            Code of the authenticator, or a recovery code, where one is set up.
        caller : Caller

        Raises `SignInFailed` and, after five failures, `AccountLocked` for thirty minutes (handbook security.md,
        4); `AccountWaiting`, `AccountDormant`, `TooManySignIns`, `SecondFactorRequired`, `SecondFactorFailed`; and
        `EnrolmentDue` or `PasswordDue` where `begin` would lead through further steps.
        """
        with self._at_the_door(tenant, caller) as work:
            checked = self._checked(work, login, password, caller)
            outcome = (
                checked if isinstance(checked, DomainError) else self._all_at_once(work, checked, kinds, otp, caller)
            )
        return _settled(outcome)

    def begin(self, tenant: TenantId, login: str, password: str, caller: Caller) -> Token:
        """Check a password, and hand out a session, or a pending sign-in where more is asked for.

        Raises as `sign_in` does for a name and password.
        """
        with self._at_the_door(tenant, caller) as work:
            checked = self._checked(work, login, password, caller)
            outcome = (
                checked
                if isinstance(checked, DomainError)
                else self._proceed(work, checked, SignIn.fresh("pwd", caller))
            )
        return _settled(outcome)

    def pending(self, secret: str) -> Pending:
        """Return what a pending sign-in asks for next. Raises `NotSignedIn`."""
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            row, account = credentials.find(work.session, secret, ("pending",))
            return Pending(TenantId(account.tenant_id), account.display_name, self._next(work, account, row))

    def pass_factor(self, secret: str, code: str) -> Token:
        """Go on with a pending sign-in by a code. Raises `NotSignedIn`, `AccountLocked` and `SecondFactorFailed`."""
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            row, account = self._at_step(work, secret, "factor")
            sign_in = SignIn.of(row)
            outcome = self._proved(work, account, code, sign_in.caller) or self._onward(work, row, account)
        return _settled(outcome)

    def enrolment(self, secret: str) -> Enrolment:
        """Return the authenticator that a pending sign-in is to set up. Raises `NotSignedIn`."""
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            _, account = self._at_step(work, secret, "enrol")
            return self._factors.begin(work.session, account, _issuer(account))

    def confirm_enrolment(self, secret: str, code: str) -> tuple[Token, tuple[str, ...]]:
        """Set up the authenticator by its first code; return what comes next, and the recovery codes.

        Raises `NotSignedIn` and `SecondFactorFailed`.
        """
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            row, account = self._at_step(work, secret, "enrol")
            codes = self._factors.confirm(work.session, account, code)
            if codes is None:
                raise SecondFactorFailed
            work.record(FactorEnrolled(account.id))
            return self._onward(work, row, account), codes

    def renew_password(self, secret: str, password: str) -> Token:
        """Replace a password that is due, and go on. Raises `NotSignedIn` and `Invalid`."""
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            row, account = self._at_step(work, secret, "password")
            passwords.change(work.session, account, password)
            work.record(PasswordChanged(account.id))
            credentials.end(work, account.id, CredentialRow.id != row.id)
            return self._onward(work, row, account, proved=False)

    def refresh(self, secret: str) -> tuple[Token, ...]:
        """Exchange a refresh token for new tokens; it is used up. Raises `NotSignedIn`. Source: RFC 6749, 6."""
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            row, account = credentials.find(work.session, secret, ("refresh",))
            work.session.delete(row)
            work.record(SignedIn(account.id, kind="refresh"))
            kinds: tuple[Kind, ...] = ("access", "refresh")
            return tuple(credentials.issue(work.session, account, kind, SignIn.of(row), self._lives) for kind in kinds)

    def principal(self, secret: str, kinds: tuple[Kind, ...]) -> Identified:
        """Return whom a session or token stands for; a session used lives on.

        Raises `NotSignedIn` for a credential that is malformed, unknown, expired or revoked.
        """
        tenant, now = credentials.tenant_of(secret), clock.now()
        values = {"wanted": tenant, "told": credentials.digest(secret), "kinds": list(kinds), "moment": now}
        with self._work.glance() as connection:
            found = connection.execute(_AT_THE_DOOR, values).first()
        if found is None:
            raise NotSignedIn
        if now - found.last_used_at > self._lives.idle * 0.1:
            until = self._lives.until(found.kind, found.signed_in_at) if found.kind == "session" else found.expires_at
            with entered(Scope(tenant, _DOOR, "sign-in")), self._work() as work:
                work.session.execute(
                    update(CredentialRow)
                    .where(CredentialRow.id == found.id)
                    .values(last_used_at=now, expires_at=until)
                    .execution_options(synchronize_session=False)
                )
        who = credentials.principal(found.account, found.display_name, found.roles, found.factors)
        return Identified(tenant, who, str(found.session_id), Tenant.told(found.county))

    def sign_out(self, secret: str) -> None:
        """End the session a credential belongs to, its other tokens too; an unknown one has ended already."""
        with self._at_the_door(credentials.tenant_of(secret), _NOWHERE) as work:
            its = select(CredentialRow.session_id).where(CredentialRow.digest == credentials.digest(secret))
            gone = delete(CredentialRow).where(CredentialRow.session_id.in_(its)).returning(CredentialRow.account_id)
            for account in set(work.session.scalars(gone)):
                work.record(SignedOut(account))

    def me(self) -> Account:
        """Return the account of whoever asks, its numbers masked."""
        with self._work() as work:
            return masked(self._vault, work.session, self._own(work))

    def recovery_left(self) -> int:
        """Return how many of one's own recovery codes are unused."""
        with self._work() as work:
            return self._factors.recovery_left(work.session, self._own(work).id)

    def sessions(self) -> tuple[UserSession, ...]:
        """Return one's own sessions, the latest used first."""
        latest = func.max(CredentialRow.last_used_at)
        with self._work() as work:
            rows = work.session.execute(
                select(
                    CredentialRow.session_id,
                    func.max(CredentialRow.client),
                    func.max(CredentialRow.device),
                    func.max(CredentialRow.factors),
                    func.min(CredentialRow.signed_in_at),
                    latest,
                )
                .where(
                    CredentialRow.account_id == self._own(work).id,
                    CredentialRow.kind != "pending",
                    CredentialRow.expires_at > clock.now(),
                )
                .group_by(CredentialRow.session_id)
                .order_by(latest.desc(), CredentialRow.session_id)
            )
            here = current_scope().session
            return tuple(
                UserSession(SessionId(found), client, device, factors, since, used, current=str(found) == here)
                for found, client, device, factors, since, used in rows
            )

    def end_session(self, session: SessionId) -> None:
        """End one of one's own sessions. Raises `NotFound`."""
        with self._work() as work:
            if not credentials.end(work, self._own(work).id, CredentialRow.session_id == session):
                raise NotFound("session")

    def end_other_sessions(self) -> None:
        """End all of one's own sessions but the one that asks."""
        with self._work() as work:
            self._end_others(work, self._own(work))

    def change_password(self, present: str, password: str) -> None:
        """Change one's own password; other sessions end.

        Raises `WrongPassword`, `AccountLocked`, `Invalid` and `SignsInElsewhere`.
        """
        caller = Caller(current_scope().client)
        with self._work() as work:
            row = self._own(work)
            if row.issuer:
                raise SignsInElsewhere
            refusal: DomainError | None = _locked(row)
            if refusal is None and not passwords.matches(row.password_hash, present):
                refusal = WrongPassword()
            if refusal is None:
                passwords.change(work.session, row, password)
                work.record(PasswordChanged(row.id))
                self._end_others(work, row)
            else:
                self._failed(work, row, row.id, refusal, caller)
        if refusal:
            raise refusal

    def begin_factor(self) -> Enrolment:
        """Return an authenticator to set up for oneself. Raises `AlreadyEnrolled` and `SignsInElsewhere`."""
        with self._work() as work:
            row = self._own(work)
            if row.issuer:
                raise SignsInElsewhere
            return self._factors.begin(work.session, row, _issuer(row))

    def confirm_factor(self, code: str) -> tuple[str, ...]:
        """Set up one's own authenticator by its first code; return the recovery codes.

        The session that asks has proved the factor with it; others end. Raises `SecondFactorFailed`,
        `NotEnrolled` and `AlreadyEnrolled`.
        """
        with self._work() as work:
            row = self._own(work)
            codes = self._factors.confirm(work.session, row, code)
            if codes is None:
                raise SecondFactorFailed
            work.record(FactorEnrolled(row.id))
            self._end_others(work, row)
            work.session.execute(
                update(CredentialRow).where(CredentialRow.account_id == row.id).values(factors=f"pwd {OTP}")
            )
            return codes

    def renew_recovery(self, code: str) -> tuple[str, ...]:
        """Return new recovery codes for oneself against a code. Raises as `drop_factor` does."""
        with self._work() as work:
            row = self._own(work)
            outcome = self._proved(work, row, code, Caller(current_scope().client))
            codes: tuple[str, ...] = ()
            if outcome is None:
                codes = self._factors.renew_recovery(work.session, row.id)
                work.record(RecoveryRenewed(row.id))
        if outcome:
            raise outcome
        return codes

    def drop_factor(self, code: str) -> None:
        """Give up one's own authenticator against a code.

        Raises `FactorObligatory`, `NotEnrolled`, `SecondFactorFailed` and `AccountLocked`.
        """
        with self._work() as work:
            row = self._own(work)
            if _roles(row) & FACTOR_ROLES:
                raise FactorObligatory
            outcome = self._proved(work, row, code, Caller(current_scope().client))
            if outcome is None:
                self._factors.remove(work.session, row.id)
                work.record(FactorRemoved(row.id))
        if outcome:
            raise outcome

    @contextmanager
    def braked(self, tenant: TenantId, address: str, *refusals: type[DomainError]) -> Generator[None]:
        """Count refusals of a sign-in by other means than an account's as those of accounts are counted.

        Raises `TooManySignIns`.
        """
        caller = Caller(address)
        with self._at_the_door(tenant, caller) as work:
            self._hold_off(work, caller)
        try:
            yield
        except refusals:
            with self._at_the_door(tenant, caller) as work:
                self._count(work, caller)
            raise

    @contextmanager
    def _at_the_door(self, tenant: TenantId, caller: Caller) -> Generator[Work]:
        scope = Scope(tenant, _DOOR, "sign-in", new_request_id(), caller.address)
        with entered(scope), self._work() as work:
            yield work

    def _checked(self, work: Work, login: str, password: str, caller: Caller) -> AccountRow | DomainError:
        """Return the account that a name and password open, or why they open none, which has been noted."""
        self._hold_off(work, caller)
        named = select(AccountRow).where(AccountRow.login == login).with_for_update()
        row = work.session.scalar(named) if LOGIN.fullmatch(login) else None
        right = passwords.matches(row.password_hash if row else passwords.NOBODY, password)
        refusal = _refusal(row, right=right) or (self._misplaced(work, row) if row else None)
        if row is not None and refusal is None:
            return row
        refusal = refusal or SignInFailed()
        self._failed(work, row, row.id if row else account_id_of(work.scope.tenant, login[:40]), refusal, caller)
        return refusal

    @staticmethod
    def _misplaced(work: Work, row: AccountRow) -> RolesClash | RoleElsewhere | None:
        """Return why an account's roles may not be used, which granting refused: for its person, or for the place."""
        try:
            check_office(_roles(row), work.scope.tenant)
            check_roles(roles_of_person(work.session, row))
        except (RolesClash, RoleElsewhere) as refusal:
            return refusal
        return None

    def _all_at_once(
        self, work: Work, account: AccountRow, kinds: tuple[Kind, ...], otp: str, caller: Caller
    ) -> tuple[Token, ...] | DomainError:
        factors = "pwd"
        if self._step(work, account, factors) == "factor":
            if not otp:
                self._halted(work, account, "factor", caller)
                return SecondFactorRequired()
            refusal = self._proved(work, account, otp, caller)
            if refusal:
                return refusal
            factors = f"pwd {OTP}"
        step = self._step(work, account, factors)
        if step:
            self._halted(work, account, step, caller)
            return PasswordDue() if step == "password" else EnrolmentDue()
        return self._complete(work, account, kinds, SignIn.fresh(factors, caller))

    def _halted(self, work: Work, account: AccountRow, step: Step, caller: Caller) -> None:
        """Note a right password that opened nothing yet: a guesser learns as much from it as from a wrong one."""
        self._count(work, caller)
        work.record(SignInContinued(account.id, step=step))

    def _proved(self, work: Work, account: AccountRow, code: str, caller: Caller) -> DomainError | None:
        """Return why a code is not taken, which has been noted; None where it is."""
        refusal: DomainError | None = _locked(account)
        if refusal is None and not self._factors.verify(work, account, code):
            refusal = SecondFactorFailed()
        if refusal:
            self._failed(work, account, account.id, refusal, caller)
        return refusal

    def _step(self, work: Work, account: AccountRow, factors: str) -> Step | None:
        """Return what a sign-in with these factors still asks for."""
        if OTP not in factors.split():
            if self._factors.enrolled(work.session, account.id):
                return "factor"
            if _roles(account) & FACTOR_ROLES:
                return "enrol"
        due = account.must_change or account.password_changed_at + PASSWORD_LIFE <= clock.now()
        return "password" if due else None

    def _next(self, work: Work, account: AccountRow, row: CredentialRow) -> Step:
        step = self._step(work, account, row.factors)
        if step is None:  # nothing is asked any more: it should have gone on
            raise NotSignedIn
        return step

    def _at_step(self, work: Work, secret: str, step: Step) -> tuple[CredentialRow, AccountRow]:
        row, account = credentials.find(work.session, secret, ("pending",))
        if self._next(work, account, row) != step:
            raise NotSignedIn
        return row, account

    def _onward(self, work: Work, row: CredentialRow, account: AccountRow, *, proved: bool = True) -> Token:
        """Exchange a pending sign-in for what comes next; its secret changes with its rights."""
        sign_in = SignIn.of(row)
        work.session.delete(row)
        factors = f"pwd {OTP}" if proved else sign_in.factors
        return self._proceed(work, account, SignIn(sign_in.session_id, sign_in.at, factors, sign_in.caller))

    def _proceed(self, work: Work, account: AccountRow, sign_in: SignIn) -> Token:
        step = self._step(work, account, sign_in.factors)
        if step is None:
            return self._complete(work, account, ("session",), sign_in)[0]
        work.record(SignInContinued(account.id, step=step))
        return credentials.issue(work.session, account, "pending", sign_in, self._lives)

    def _complete(self, work: Work, account: AccountRow, kinds: tuple[Kind, ...], sign_in: SignIn) -> tuple[Token, ...]:
        account.failures, account.locked_until, account.last_sign_in_at = 0, None, clock.now()
        tokens = tuple(credentials.issue(work.session, account, kind, sign_in, self._lives) for kind in kinds)
        work.session.flush()
        credentials.end_oldest(work, account.id, most=self._most)
        work.record(SignedIn(account.id, kind=",".join(kinds)))
        return tokens

    @staticmethod
    def _hold_off(work: Work, caller: Caller) -> None:
        """Raise `TooManySignIns` while too many sign-ins from an address have failed."""
        source = work.session.get(SignInSourceRow, (work.scope.tenant, caller.address)) if caller.address else None
        if source is not None and source.failures >= FLOOD:
            left = source.since + FLOOD_WINDOW - clock.now()
            if left > timedelta():
                raise TooManySignIns(int(left.total_seconds()) + 1)

    @classmethod
    def _failed(cls, work: Work, row: AccountRow | None, told: uuid.UUID, refusal: DomainError, caller: Caller) -> None:
        """Note a refused sign-in: against the account, against the address, in the audit log."""
        if row is not None and isinstance(refusal, _COUNTED) and not _locked(row):
            row.failures += 1
            if row.failures >= FAILURES:
                row.failures, row.locked_until = 0, clock.now() + LOCK
        cls._count(work, caller)
        work.record(SignInRefused(told, reason=refusal.code))

    @staticmethod
    def _count(work: Work, caller: Caller) -> None:
        """Count a sign-in that failed against its address."""
        now = clock.now()
        if caller.address:
            first = insert(SignInSourceRow).values(address=caller.address, since=now, failures=1)
            over = SignInSourceRow.since <= now - FLOOD_WINDOW
            work.session.execute(
                first.on_conflict_do_update(
                    index_elements=[SignInSourceRow.tenant_id, SignInSourceRow.address],
                    set_={
                        "since": case((over, now), else_=SignInSourceRow.since),
                        "failures": case((over, 1), else_=SignInSourceRow.failures + 1),
                    },
                )
            )

    @staticmethod
    def _own(work: Work) -> AccountRow:
        """Return the account of whoever asks, locked; raises `NotSignedIn` for the system and for API clients."""
        try:
            mine = uuid.UUID(work.scope.principal.id)
        except ValueError:
            raise NotSignedIn from None
        row = work.session.scalar(select(AccountRow).where(AccountRow.id == mine).with_for_update())
        if row is None:
            raise NotSignedIn
        return row

    @staticmethod
    def _end_others(work: Work, row: AccountRow) -> None:
        here = work.scope.session
        others = (CredentialRow.session_id != uuid.UUID(here),) if here else ()
        credentials.end(work, row.id, *others)


def _settled(outcome: T | DomainError) -> T:
    """Return what came of a sign-in, or raise the refusal, now that what was noted of it has been kept."""
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _locked(row: AccountRow) -> AccountLocked | None:
    now = clock.now()
    if row.locked_until is None or row.locked_until <= now:
        return None
    return AccountLocked((row.locked_until - now) // timedelta(minutes=1) + 1)


def _refusal(row: AccountRow | None, *, right: bool) -> DomainError | None:
    """Return why an account is not opened; while it is locked, a right password is not told from a wrong one."""
    if row is None:
        return SignInFailed()
    locked = _locked(row)
    if locked:
        return locked
    now = clock.now()
    over = row.valid_until is not None and row.valid_until <= now
    if not right or row.state == AccountState.LEFT or over:
        return SignInFailed()
    if row.state == AccountState.WAITING:
        return AccountWaiting()
    seen = max(filter(None, (row.created_at, row.last_sign_in_at, row.unlocked_at)))
    return AccountDormant(DORMANT.days) if seen + DORMANT <= now else None


def _roles(row: AccountRow) -> frozenset[str]:
    return frozenset(map(str, row.roles))


def _issuer(row: AccountRow) -> str:
    return f"Lantai {row.tenant_id}"
