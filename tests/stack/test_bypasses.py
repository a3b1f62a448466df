"""Every known way past row security, tried on the server of production, through PgBouncer in transaction mode."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bootstrap import build
from app.platform.settings import Settings
from tests.bypasses import WORD, Bypasses, Ground, peopled
from tests.stack.conftest import Postgres, program

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def ground(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    data = tmp_path_factory.mktemp("archive")
    keys = {f"{name}_key": name * 10 for name in ("secret", "master", "audit")}
    urls = {
        "database_url": postgres.pooled("lantai_app"),
        "dispatcher_database_url": postgres.pooled("lantai_dispatcher"),
        "province_database_url": postgres.pooled("lantai_province"),
    }
    told = {"data": data, "broker_url": "memory://", "site_a": data / "a", "site_b": data / "b", **keys, **urls}
    services = build(Settings.model_validate(told))
    yield peopled(
        services,
        app=postgres.pooled("lantai_app"),
        straight=postgres.dsn("lantai_app"),
        superuser=postgres.dsn("postgres"),
    )
    for database in (services.works._database, services.province._database):
        database.close()


class TestPooled(Bypasses):
    """Debian's PostgreSQL, one server connection for all."""


@pytest.mark.usefixtures("ground")
def test_a_dump_as_the_application_holds_no_row(postgres: Postgres, tmp_path: Path) -> None:
    out = tmp_path / "dump.sql"
    ended = subprocess.run(
        [program("pg_dump"), "--data-only", "--table=item", f"--file={out}", postgres.dsn("lantai_app")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "row-level security" in ended.stderr
    assert WORD not in (out.read_text() if out.exists() else "")
