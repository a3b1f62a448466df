"""The three administrators' verbs: one makes accounts, another gives roles, and neither serves themself."""

import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.identity import credentials, passwords
from app.identity.factors import Factors
from app.identity.models import AccountRow, RoleGrantRow
from app.identity.rules import LOGIN, check_office, check_roles
from app.identity.types import (
    ADMINISTRATORS,
    FACTOR_ROLES,
    PROVINCE_ADMIN,
    PURPOSES,
    ROLES,
    Account,
    AccountCreated,
    AccountId,
    AccountState,
    FactorRemoved,
    Grant,
    GrantGiven,
    GrantRemoved,
    LoginTaken,
    NewAccount,
    Number,
    OwnProposal,
    PasswordReset,
    PersonRecorded,
    PersonUnknown,
    Purpose,
    SelfGrant,
    SignsInElsewhere,
    StateChanged,
    Unlocked,
    ValueRevealed,
)
from app.kernel import clock, masks
from app.kernel.errors import Conflict, DomainError, Fault, Invalid, NotFound
from app.kernel.ids import derived_id, new_id
from app.kernel.predicate import Policy, role
from app.platform.vault import Vault
from app.platform.work import Work, Works
from tenants.quotas import Quotas
from tenants.scope import TenantId, current_scope

POLICY = Policy(
    {
        "install": role("system"),
        "administer": role("sys_admin", "sec_admin", "audit_admin"),
        "list": role("sys_admin", "sec_admin", "system"),
        "name": role("audit_admin", "sec_admin", "sys_admin"),
        "create": role("sys_admin"),
        "state": role("sys_admin"),
        "unlock": role("sys_admin", "system"),
        "reset_password": role("sys_admin", "system"),
        "grant": role("sec_admin"),
        "reset_factor": role("sec_admin", "system"),
        "reveal": role("sec_admin"),
    }
)

_ID_CARD = "account.id_card"
_PHONE = "account.phone"
_PERSON = "account.person"


def account_id_of(tenant: TenantId, login: str) -> AccountId:
    """Return the id that an account of a login has, so that it is made once."""
    return AccountId(derived_id(tenant, "account", login))


def account_value(row: AccountRow, *, id_card: str = "", phone: str = "", factor: bool = False) -> Account:
    """Return an account as administrators see it."""
    return Account(
        AccountId(row.id),
        row.login,
        row.display_name,
        frozenset(map(str, row.roles)),
        row.state,
        row.created_at,
        known=bool(row.person),
        id_card=id_card,
        phone=phone,
        locked_until=row.locked_until if row.locked_until and row.locked_until > clock.now() else None,
        last_sign_in_at=row.last_sign_in_at,
        password_changed_at=row.password_changed_at,
        valid_until=row.valid_until,
        factor=factor,
    )


def roles_of_person(session: Session, row: AccountRow) -> frozenset[str]:
    """Return what the person of an account holds in all accounts together."""
    return frozenset(map(str, row.roles)) | roles_elsewhere(session, row)


def roles_elsewhere(session: Session, row: AccountRow) -> frozenset[str]:
    """Return what the person of an account holds in their other accounts."""
    if not row.person:
        return frozenset()
    others = select(AccountRow.roles).where(
        AccountRow.person == row.person, AccountRow.id != row.id, AccountRow.state != AccountState.LEFT
    )
    return frozenset(str(each) for roles in session.scalars(others) for each in roles)


class AccountsService:
    """Accounts as the county's system and security administrators keep them.

    Parameters
    ----------
    works : Works
    vault : Vault
    quotas : Quotas
    """

    def __init__(self, works: Works, vault: Vault, quotas: Quotas) -> None:
        self._work = works
        self._quotas = quotas
        self._vault = vault

    def person(self, principal: str) -> str:
        """Return what is the same for all accounts of a principal's person; the principal itself where nobody knows."""
        with self._work() as work:
            row = work.session.get(AccountRow, (current_scope().tenant, uuid.UUID(principal)))
            return (row.person if row else "") or principal

    def get(self, account_id: AccountId) -> Account:
        """Return an account with its numbers masked. Raises `NotFound`."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            return self._shown(work, _row(work, account_id))

    def names(self) -> dict[str, str]:
        """Return the names people go by, by their accounts' ids: for whoever reads what they did."""
        POLICY.require("name", current_scope().principal.roles)
        with self._work() as work:
            return {str(i): name for i, name in work.session.execute(select(AccountRow.id, AccountRow.display_name))}

    def by_login(self, login: str) -> Account:
        """Return the account of a login. Raises `NotFound`."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            row = work.session.scalar(select(AccountRow).where(AccountRow.login == login))
            if row is None:
                raise NotFound("account")
            return self._shown(work, row)

    def grants(self, account_id: AccountId) -> tuple[Grant, ...]:
        """Return who gave an account its roles, and who took them away, the latest first. Raises `NotFound`."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            rows = work.session.scalars(
                select(RoleGrantRow)
                .where(RoleGrantRow.account_id == _row(work, account_id).id)
                .order_by(RoleGrantRow.granted_at.desc(), RoleGrantRow.role)
            )
            return tuple(Grant(r.role, r.granted_by, r.granted_at, r.removed_by, r.removed_at) for r in rows)

    def create(self, new: NewAccount, *, account_id: uuid.UUID | None = None) -> tuple[Account, str]:
        """Make an account that waits for its roles; return it with its first password, which must be changed.

        Parameters
        ----------
        new : NewAccount
        account_id : UUID or None
            Of a request that may come again; the second time the password is empty, as it is shown once.

        Raises `Invalid` and `LoginTaken`.
        """
        scope = current_scope()
        POLICY.require("create", scope.principal.roles)
        check_new(new)
        password = passwords.temporary()
        now = clock.now()
        with self._work() as work:
            there = work.session.get(AccountRow, (scope.tenant, account_id)) if account_id else None
            if there is not None:
                return self._shown(work, there), ""
            added = (
                insert(AccountRow)
                .values(
                    id=account_id or account_id_of(scope.tenant, new.login),
                    login=new.login,
                    display_name=new.display_name.strip(),
                    password_hash=passwords.hashed(password),
                    roles=[],
                    state=AccountState.WAITING,
                    created_at=now,
                    created_by=scope.principal.id,
                    password_changed_at=now,
                    must_change=True,
                    valid_until=new.valid_until,
                    **self._numbers(new.id_card, new.phone),
                )
                .on_conflict_do_nothing()
                .returning(AccountRow)
            )
            row = work.session.scalar(added)
            if row is None:
                raise LoginTaken(new.login)
            self._quotas.spend("users", 1)
            work.record(AccountCreated(row.id, roles=""))
            return self._shown(work, row), password

    def record_person(self, account_id: AccountId, id_card: str, phone: str) -> Account:
        """Put the numbers on file by which a person is known. Raises `Invalid`, `NotFound`, `RolesClash`."""
        POLICY.require("create", current_scope().principal.roles)
        _check_numbers(id_card, phone)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            for name, value in self._numbers(id_card, phone).items():
                if value:  # a phone that is not given stays as it is
                    setattr(row, name, value)
            work.session.flush()
            check_roles(roles_of_person(work.session, row))
            work.record(PersonRecorded(row.id))
            return self._shown(work, row)

    def grant(self, account_id: AccountId, name: str) -> Account:
        """Give an account a role; the first puts it to use. One it has already changes nothing.

        Raises `SelfGrant`, `OwnProposal`, `PersonUnknown`, `RolesClash`, `RoleElsewhere`, `Invalid`, `Conflict`
        and `NotFound`.
        """
        scope = current_scope()
        POLICY.require("grant", scope.principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            self._check_grant(work, row, name)
            if name in row.roles:
                return self._shown(work, row)
            row.roles = [*sorted({*map(str, row.roles), name})]
            work.session.add(
                RoleGrantRow(
                    id=new_id(), account_id=row.id, role=name, granted_by=scope.principal.id, granted_at=clock.now()
                )
            )
            work.record(GrantGiven(row.id, role=name))
            if row.state == AccountState.WAITING:
                row.state = AccountState.ACTIVE
                work.record(StateChanged(row.id, state=row.state))
            if name in FACTOR_ROLES:  # whoever is signed in by a password alone begins anew
                credentials.end(work, row.id)
            return self._shown(work, row)

    def grantable(self, account_id: AccountId) -> dict[str, DomainError | None]:
        """Return the roles an account lacks, each with what forbids it, so that it is known before it is tried."""
        POLICY.require("grant", current_scope().principal.roles)
        found: dict[str, DomainError | None] = {}
        with self._work() as work:
            row = _row(work, account_id)
            for name in sorted(ROLES - set(map(str, row.roles))):
                try:
                    self._check_grant(work, row, name)
                except DomainError as refusal:
                    found[name] = refusal
                else:
                    found[name] = None
        return found

    def remove(self, account_id: AccountId, name: str) -> Account:
        """Take a role from an account, at once; one it has not changes nothing. Raises `SelfGrant`, `NotFound`."""
        POLICY.require("grant", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            _remove(work, row, name)
            return self._shown(work, row)

    def leave(self, account_id: AccountId) -> Account:
        """Close the account of a person who left: its roles are taken, its sessions end. Raises `SelfGrant`."""
        POLICY.require("state", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            if row.state != AccountState.LEFT:
                for name in sorted(map(str, row.roles)):
                    _remove(work, row, name)
                row.state = AccountState.LEFT
                self._quotas.spend("users", -1)
                credentials.end(work, row.id)
                work.record(StateChanged(row.id, state=row.state))
            return self._shown(work, row)

    def restore(self, account_id: AccountId) -> Account:
        """Open the account of a person who came back; it waits for roles like a new one. Raises `SelfGrant`."""
        POLICY.require("state", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            if row.state == AccountState.LEFT:
                self._quotas.spend("users", 1)
                row.state = AccountState.WAITING
                row.created_by = work.scope.principal.id
                work.record(StateChanged(row.id, state=row.state))
            return self._shown(work, row)

    def unlock(self, account_id: AccountId) -> Account:
        """Open an account that is locked after failures or by long disuse."""
        POLICY.require("unlock", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            row.failures, row.locked_until, row.unlocked_at = 0, None, clock.now()
            work.record(Unlocked(row.id))
            return self._shown(work, row)

    def reset_password(self, account_id: AccountId) -> str:
        """Return a temporary password, which must be changed; sessions end.

        The second factor stays: for an account that needs one, this alone opens nothing.
        Raises `SelfGrant` and `SignsInElsewhere`.
        """
        POLICY.require("reset_password", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            if row.issuer:
                raise SignsInElsewhere
            password = passwords.temporary()
            row.password_hash, row.password_changed_at = passwords.hashed(password), clock.now()
            row.must_change, row.failures, row.locked_until = True, 0, None
            credentials.end(work, row.id)
            work.record(PasswordReset(row.id))
            return password

    def reset_factor(self, account_id: AccountId) -> Account:
        """Take away a lost authenticator, so that its person sets up another; sessions end.

        The security administrator's, not the system administrator's: password and factor in one hand would be
        anybody's account. Raises `SelfGrant`.
        """
        POLICY.require("reset_factor", current_scope().principal.roles)
        with self._work() as work:
            row = _row(work, account_id, lock=True)
            _not_oneself(work, row)
            if Factors.remove(work.session, row.id):
                credentials.end(work, row.id)
                work.record(FactorRemoved(row.id))
            return self._shown(work, row)

    def reveal(self, account_id: AccountId, number: Number, purpose: Purpose) -> str:
        """Return a number in full for a purpose; the log keeps who, whose and what for. Raises `Invalid`."""
        POLICY.require("reveal", current_scope().principal.roles)
        if purpose not in PURPOSES:
            raise Invalid((Fault("choice", "purpose", purpose, allowed=", ".join(PURPOSES)),))
        with self._work() as work:
            row = _row(work, account_id)
            sealed, context = (row.id_card, _ID_CARD) if number == "id_card" else (row.phone, _PHONE)
            if sealed is None:
                raise NotFound(number)
            work.record(ValueRevealed(row.id, field=number, purpose=purpose))
            return self._vault.open(sealed, context=context)

    def _check_grant(self, work: Work, row: AccountRow, name: str) -> None:
        _not_oneself(work, row)
        if row.created_by == work.scope.principal.id:
            raise OwnProposal
        if row.state == AccountState.LEFT:
            raise Conflict(row.state, "grant")
        check_office({name}, work.scope.tenant)
        if name in ADMINISTRATORS | {PROVINCE_ADMIN} and not row.person and not row.issuer:
            raise PersonUnknown
        check_roles(roles_of_person(work.session, row) | {name})

    def _numbers(self, id_card: str, phone: str) -> dict[str, object]:
        """Return the columns that hold a person's numbers."""
        return {
            "id_card": self._vault.seal(id_card, context=_ID_CARD) if id_card else None,
            "phone": self._vault.seal(phone, context=_PHONE) if phone else None,
            "person": self._vault.blind(id_card, context=_PERSON) if id_card else "",
        }

    def _shown(self, work: Work, row: AccountRow) -> Account:
        return masked(self._vault, work.session, row)


def masked(vault: Vault, session: Session, row: AccountRow) -> Account:
    """Return an account with its numbers masked."""
    return account_value(
        row,
        id_card=masks.id_card(vault.open(row.id_card, context=_ID_CARD)) if row.id_card else "",
        phone=masks.phone(vault.open(row.phone, context=_PHONE)) if row.phone else "",
        factor=Factors.enrolled(session, row.id),
    )


def check_new(new: NewAccount) -> None:
    """Raise `Invalid` with everything that is wrong with a new account."""
    faults: list[Fault] = []
    if not LOGIN.fullmatch(new.login):
        faults.append(Fault("pattern", "login", new.login[:40], allowed=LOGIN.pattern))
    if not new.display_name.strip():
        faults.append(Fault("required", "display_name"))
    if new.valid_until is not None and new.valid_until <= clock.now():
        faults.append(Fault("past", "valid_until"))
    faults += _number_faults(new.id_card, new.phone)
    if faults:
        raise Invalid(tuple(faults))


def _check_numbers(id_card: str, phone: str) -> None:
    faults = _number_faults(id_card, phone)
    if not id_card:
        faults.append(Fault("required", "id_card"))
    if faults:
        raise Invalid(tuple(faults))


def _number_faults(id_card: str, phone: str) -> list[Fault]:
    """Return what is wrong with numbers, without repeating them."""
    faults: list[Fault] = []
    if id_card and not masks.valid_id_card(id_card):
        faults.append(Fault("id_card", "id_card"))
    if phone and not masks.valid_phone(phone):
        faults.append(Fault("phone", "phone"))
    return faults


def _row(work: Work, account_id: AccountId, *, lock: bool = False) -> AccountRow:
    """Return an account; to change it, locked together with its person's others, in one order for everybody."""
    row = work.session.scalar(select(AccountRow).where(AccountRow.id == account_id))
    if row is None:
        raise NotFound("account")
    if lock:
        same = AccountRow.id == account_id
        if row.person:
            same |= AccountRow.person == row.person
        changing = select(AccountRow).where(same).order_by(AccountRow.id).with_for_update()
        work.session.scalars(changing.execution_options(populate_existing=True)).all()
    return row


def _not_oneself(work: Work, row: AccountRow) -> None:
    """Raise `SelfGrant` for one's own account, or another one of the same person."""
    mine = work.scope.principal.id
    if str(row.id) == mine:
        raise SelfGrant
    if row.person:
        same = work.session.scalars(select(AccountRow.id).where(AccountRow.person == row.person))
        if mine in map(str, same):
            raise SelfGrant


def _remove(work: Work, row: AccountRow, name: str) -> None:
    if name not in row.roles:
        return
    row.roles = [*sorted(set(map(str, row.roles)) - {name})]
    given = select(RoleGrantRow).where(
        RoleGrantRow.account_id == row.id, RoleGrantRow.role == name, RoleGrantRow.removed_at.is_(None)
    )
    grant = work.session.scalars(given).one()
    grant.removed_by, grant.removed_at = work.scope.principal.id, clock.now()
    work.record(GrantRemoved(row.id, role=name))
