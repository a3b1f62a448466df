"""Whether an installation is safe to run: what the database role could do, what the tables admit, what is set.

`examine` looks at everything and is what ``lantai doctor`` prints; `require` is asked by each process before it
serves, with one connection, and raises where the process must not start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import TupleRow
from pydantic import SecretStr

from app.kernel import clock
from app.platform.roles import LOGINS, OWNERS, danger_of
from app.platform.settings import Settings
from migrations.run import newest
from workers.broker import reachable

SKEW = timedelta(seconds=60)
VARIETY = 8
"""Different characters that a secret must have; fewer are a word somebody typed to try something out."""

DEFINERS = {
    "audit_append": ("lantai_app", "lantai_province"),
    "county_destroy": ("lantai_province",),
    "county_restore": ("lantai_province",),
    "county_restore_audit": ("lantai_province",),
    "search_match": ("lantai_app",),
}
"""Functions that run with their owner's rights, and who may call them. Each was reviewed: it pins its search path,
and works for the bound tenant alone or for one county that the province names."""

_KEYS = ("secret_key", "master_key", "audit_key")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found.

    Attributes
    ----------
    code : str
        Key in the message catalogue under ``doctor``.
    what : str
        Names of tables, roles, functions or settings; never a secret.
    grave : bool
        Whether no process may start like this.
    """

    code: str
    what: str = ""
    grave: bool = True


class Unsafe(SystemExit):
    """The process does not start."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        told = "; ".join(f"{finding.code} {finding.what}".strip() for finding in findings)
        super().__init__(f"refused to start: {told}; see lantai doctor")
        self.findings = findings


def require(settings: Settings, dsn: SecretStr) -> None:
    """Raise `Unsafe` where a process that connects like this must not start; one connection.

    Parameters
    ----------
    settings : Settings
    dsn : SecretStr
        As the process connects.
    """
    grave = tuple(found for found in (*_set(settings), *_database(dsn)) if found.grave)
    if grave:
        raise Unsafe(grave)


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Return everything found, as every role that processes connect with, and whether the broker answers."""
    found = [*_set(settings)]
    for dsn in (settings.database_url, settings.dispatcher_database_url, settings.province_database_url):
        try:
            found.extend(finding for finding in _database(dsn) if finding not in found)
        except psycopg.OperationalError:
            found.append(Finding("unreachable", _role_of(dsn)))
    if not reachable(settings.broker_url.get_secret_value()):
        found.append(Finding("broker"))
    return tuple(found)


def _role_of(dsn: SecretStr) -> str:
    return urlsplit(dsn.get_secret_value()).username or ""


def _set(settings: Settings) -> Iterator[Finding]:
    keys: dict[str, SecretStr] = {name: getattr(settings, name) for name in _KEYS}
    for name, key in keys.items():
        if len(set(key.get_secret_value())) < VARIETY:
            yield Finding("weak_key", f"LANTAI_{name.upper()}")
    for one, other in combinations(_KEYS, 2):
        if keys[one] == keys[other]:
            yield Finding("equal_keys", f"LANTAI_{one.upper()}, LANTAI_{other.upper()}")
    yield from _sites(settings.site_a, settings.site_b)
    public = urlsplit(settings.public_url)
    if public.scheme == "https":
        if not settings.secure_cookies:
            yield Finding("cookies")
        if settings.outbox_page:
            yield Finding("outbox")
    elif public.hostname not in _LOOPBACK:
        yield Finding("no_tls", settings.public_url, grave=False)
    issuer = urlsplit(settings.oidc_issuer)
    if issuer.scheme == "http" and issuer.hostname not in _LOOPBACK:
        yield Finding("issuer_no_tls", settings.oidc_issuer)


def _sites(one: Path, other: Path) -> Iterator[Finding]:
    if one.resolve() == other.resolve():
        yield Finding("same_folder")
    elif one.exists() and other.exists() and one.stat().st_dev == other.stat().st_dev:
        yield Finding("same_disk", grave=False)


def _database(dsn: SecretStr) -> Iterator[Finding]:
    with psycopg.connect(dsn.get_secret_value(), connect_timeout=5) as connection:
        if danger := danger_of(connection):
            yield Finding("role", f"{_role_of(dsn)}: {danger}")
        if (skew := _skew(connection)) > SKEW:
            yield Finding("skew", f"{skew.total_seconds():.0f} s")
        stored = _one(connection, "SELECT version_num FROM alembic_version")
        if stored != newest():
            yield Finding("migrations", f"{stored or '–'} → {newest()}")
        found: dict[str, list[str]] = {}
        for code, name in connection.execute(_CATALOGUE, _FACTS):
            found.setdefault(code, []).append(name)
        for code, names in found.items():
            yield Finding(code, ", ".join(sorted(names)))


def _one(connection: _Connection, query: str) -> str:
    try:
        with connection.transaction():
            row = connection.execute(query.encode()).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return ""
    return str(row[0]) if row else ""


def _skew(connection: _Connection) -> timedelta:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101
    return abs(row[0] - clock.now())


_FACTS = {
    "known": [*LOGINS, *OWNERS],
    "definers": sorted(DEFINERS),
    "open": ["tenant", "alembic_version"],
}
_CATALOGUE = """
WITH relation AS (
    SELECT c.*, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS led
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
), stored AS (
    SELECT * FROM relation WHERE relkind IN ('r', 'p')  -- a partition too: its parent's row security is not its own
), policy AS (
    SELECT c.relname, p.polname,
        pg_get_expr(p.polqual, c.oid) AS sees, coalesce(pg_get_expr(p.polwithcheck, c.oid), own.words) AS writes,
        own.words AS own
    FROM stored c JOIN pg_policy p ON p.polrelid = c.oid
    CROSS JOIN (VALUES ('(tenant_id = ( SELECT app_tenant() AS app_tenant))')) AS own(words)
    WHERE c.led AND p.polroles && ARRAY['lantai_app'::regrole::oid, 0]
), granted AS (
    SELECT c.relname, c.relowner, g.grantee FROM relation c, aclexplode(c.relacl) g
    UNION
    SELECT c.relname, c.relowner, g.grantee FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid,
        aclexplode(a.attacl) g
), callable AS (
    SELECT p.proname, p.proconfig::text ~ 'search_path=' AS pinned,
        p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) g WHERE g.grantee = 0) AS by_all
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
)
SELECT 'unprotected', relname FROM stored WHERE led AND NOT (relrowsecurity AND relforcerowsecurity)
UNION ALL SELECT 'without_policy', c.relname FROM stored c
    WHERE c.led AND NOT EXISTS (SELECT FROM policy p WHERE p.relname = c.relname)
UNION ALL SELECT 'open_policy', relname || '.' || polname FROM policy
    WHERE sees IS DISTINCT FROM own OR writes <> own
UNION ALL SELECT 'without_county', relname FROM relation
    WHERE relkind IN ('r', 'p', 'f') AND NOT led AND relname <> ALL (%(open)s)
UNION ALL SELECT 'view', relname FROM relation
    WHERE relkind = 'm' OR relkind = 'v' AND coalesce(reloptions::text, '') !~ 'security_invoker=(true|on|1)'
UNION ALL SELECT 'definer', proname FROM callable
    WHERE proname <> ALL (%(definers)s) OR pinned IS NOT TRUE OR by_all
UNION ALL SELECT 'stranger', coalesce(r.rolname, 'PUBLIC') || ' (' || g.relname || ')' FROM granted g
    LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE g.grantee <> g.relowner AND coalesce(r.rolname, 'PUBLIC') <> ALL (%(known)s)
UNION ALL SELECT 'member', m.rolname || ' → ' || r.rolname FROM pg_auth_members a
    JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
    WHERE r.rolname = ANY (%(known)s) AND NOT m.rolsuper
    AND (m.rolname, r.rolname) <> ('lantai_migrator', 'lantai_owner') AND m.rolname <> 'lantai_owner'
UNION ALL SELECT 'creator', coalesce(r.rolname, 'PUBLIC') FROM pg_namespace n
    CROSS JOIN LATERAL aclexplode(n.nspacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE n.nspname = 'public' AND g.privilege_type = 'CREATE' AND g.grantee <> n.nspowner
"""
"""What the catalogue admits that it must not, with names: finds nothing in a safe database."""
