"""What benchmarks share: an installation of their own, facts about the machine, the last line."""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.bootstrap import build
from app.platform.embedded.postgres import EmbeddedPostgres, running
from app.platform.roles import LOGINS, establish
from app.platform.settings import Settings
from app.services import Services
from migrations.run import migrate
from tenants.directory import Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, new_request_id

ARCHIVIST = Principal("system:bench", roles=frozenset({"archivist", "director", "scan_op", "system", "audit_admin"}))


@contextmanager
def installation() -> Iterator[tuple[Services, EmbeddedPostgres]]:
    """Give an empty, migrated installation on a durable embedded PostgreSQL, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data", fsync=True) as postgres:
        postgres.admit(LOGINS)
        establish(postgres.dsn())
        migrate(postgres.dsn("lantai_migrator"))
        yield build(_settings(Path(folder), postgres)), postgres


def _settings(folder: Path, postgres: EmbeddedPostgres) -> Settings:
    return Settings.model_validate(
        {
            "data": folder,
            "database_url": postgres.dsn("lantai_app"),
            "dispatcher_database_url": postgres.dsn("lantai_dispatcher"),
            "province_database_url": postgres.dsn("lantai_province"),
            "broker_url": "memory://",
            "secret_key": "bench" * 8,
            "master_key": "bench" * 8,
            "audit_key": "bench" * 8,
            "site_a": folder / "site-a",
            "site_b": folder / "site-b",
        }
    )


def county(services: Services, number: int) -> Scope:
    """Enter a county in the directory and return a scope in it.

    Parameters
    ----------
    services : Services
    number : int
        1 to 9999.
    """
    tenant = TenantId(f"bench{number}")
    entry = Tenant(tenant, f"基准{number}县档案馆", "990121", f"99{number:04d}")
    services.directory.create(entry, ProvinceScope(ARCHIVIST, "bench"))
    return Scope(tenant, ARCHIVIST, "bench", new_request_id())


def machine() -> None:
    """Print what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    click.echo(
        f"machine: {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    )


def verdict(name: str, value: float, goal: float, *, at_least: bool, unit: str = "") -> bool:
    """Print the last line and say whether the goal holds.

    Parameters
    ----------
    value, goal : float
    at_least : bool
        Whether more is better.
    """
    sign = "≥" if at_least else "≤"
    click.echo(f"{name} {value:.2f}{unit} (goal {sign} {goal:g}{unit})")
    return value >= goal if at_least else value <= goal
