"""The steps by which a county joins, each over the service that has the matter in hand."""

import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.identity.service import AccountsService, IdentityService
from app.kernel.errors import Fault
from app.platform.database import Database, tenant_tables
from app.platform.objectstore import LocalSite
from app.platform.vault import Vault
from app.records.service import RecordsService
from tenants.provisioning import Administrator, Invitation, IsolationBroken, Order
from tenants.scope import current_scope

if TYPE_CHECKING:
    from app.identity.organizations import Organizations

UNBOUND = "LT001"
"""What the database raises where no tenant is bound; see ``app_tenant()``."""


def _login_faults(order: Order) -> Iterator[Fault]:
    for person in order.administrators:
        if not IdentityService.is_login(person.login):
            yield Fault("login", f"{person.role}_login", person.login[:40])


class Keys:
    """The county's own key, under which its secrets lie."""

    name = "keys"

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def faults(self, _order: Order) -> Iterator[Fault]:
        """Refuse nothing."""
        yield from ()

    def ensure(self, _order: Order) -> None:
        """Draw the key where there is none, and see that it opens what it sealed."""
        proof = secrets.token_hex(8)
        sealed = self._vault.seal(proof, context="tenant.joining")
        assert self._vault.open(sealed, context="tenant.joining") == proof  # noqa: S101  # authenticated encryption


class Buckets:
    """A bucket on the home site and one on the second."""

    name = "buckets"

    def __init__(self, sites: Mapping[str, LocalSite]) -> None:
        self._sites = sites

    def faults(self, order: Order) -> Iterator[Fault]:
        """Refuse a site that is not there, and one site for both copies."""
        chosen = {"home_site": order.tenant.home_site, "second_site": order.tenant.second_site}
        for field, site in chosen.items():
            if site not in self._sites:
                yield Fault("choice", field, site[:40], allowed=", ".join(self._sites))
        if len(set(chosen.values())) < len(chosen):
            yield Fault("two_sites", "second_site", order.tenant.second_site[:40])

    def ensure(self, order: Order) -> None:
        """Make the buckets."""
        for site in (order.tenant.home_site, order.tenant.second_site):
            self._sites[site].make_bucket(order.tenant.id)


class Administrators:
    """The accounts of the three administrators, where accounts are the county's own."""

    name = "administrators"

    def __init__(self, identity: IdentityService, accounts: AccountsService) -> None:
        self._identity = identity
        self._accounts = accounts

    def faults(self, order: Order) -> Iterator[Fault]:
        """Refuse what is no login."""
        yield from _login_faults(order)

    def ensure(self, order: Order) -> None:
        """Make the accounts, with passwords nobody knows."""
        for person in order.administrators:
            password = f"Aa1-{secrets.token_urlsafe(24)}"
            self._identity.create_account(person.login, person.name, password, (person.role,))

    def invite(self, order: Order) -> tuple[Invitation, ...]:
        """Give whoever has never signed in a temporary password."""
        return tuple(
            Invitation(person.role, person.login, person.name, self._password(person.login))
            for person in order.administrators
        )

    def _password(self, login: str) -> str:
        account = self._accounts.by_login(login)
        return "" if account.last_sign_in_at else self._accounts.reset_password(account.id)


class RealmAdministrators:
    """The county's organization and its three administrators at the province's realm, where people sign in there."""

    name = "organization"

    def __init__(self, organizations: "Organizations") -> None:
        self._organizations = organizations

    def faults(self, order: Order) -> Iterator[Fault]:
        """Refuse what is no login."""
        yield from _login_faults(order)

    def ensure(self, order: Order) -> None:
        """Make the organization, with the administrators as its members."""
        self._organizations.ensure(order.tenant.name, order.tenant.domain)
        self.invite(order)

    def invite(self, order: Order) -> tuple[Invitation, ...]:
        """Give whoever has not chosen a password yet a temporary one."""
        return tuple(self._invited(person) for person in order.administrators)

    def _invited(self, person: Administrator) -> Invitation:
        login, password = self._organizations.invite(person.login, person.name, person.role)
        return Invitation(person.role, login, person.name, password)


class Defaults:
    """What a county starts out with and may change: its rules of numbering."""

    name = "defaults"

    def __init__(self, records: RecordsService) -> None:
        self._records = records

    def faults(self, _order: Order) -> Iterator[Fault]:
        """Refuse nothing."""
        yield from ()

    def ensure(self, _order: Order) -> None:
        """Write the standards' numbering rules as the county's own."""
        self._records.adopt_rules()


class Isolation:
    """The proof that the database keeps the new county apart, asked as the application asks."""

    name = "isolation"

    def __init__(self, database: Database) -> None:
        self._database = database

    def faults(self, _order: Order) -> Iterator[Fault]:
        """Refuse nothing."""
        yield from ()

    def ensure(self, order: Order) -> None:
        """Look for rows of others in every table, and for a table that can be read with no county bound."""
        tables = tenant_tables()
        foreign = " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table} WHERE tenant_id <> :tenant)"  # noqa: S608  # our own tables
            for table in tables
        )
        with self._database.scoped(current_scope()) as session:
            seen = session.scalars(text(foreign), {"tenant": order.tenant.id}).all()
            open_ = session.scalars(
                text(
                    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                    " AND relname = ANY(:tables) AND NOT (relrowsecurity AND relforcerowsecurity)"
                ),
                {"tables": tables},
            ).all()
        for table in (*seen, *open_):
            raise IsolationBroken(table)
        self._unbound(tables[0])

    def _unbound(self, table: str) -> None:
        try:
            with self._database.unscoped() as session:
                session.execute(text(f"SELECT 1 FROM {table}"))  # noqa: S608  # our own table
        except DatabaseError as error:
            refusal = error.orig
            if isinstance(refusal, psycopg.Error) and refusal.sqlstate == UNBOUND:
                return
            raise
        raise IsolationBroken(table)
