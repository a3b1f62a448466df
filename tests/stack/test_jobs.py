"""A job's way on servers of production: asked for with the change, handed on, run, its outcome in the ledger."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

import pytest

from app.bootstrap import build
from app.kernel.paging import PageRequest
from app.platform.jobs import JobState
from app.platform.settings import Settings
from app.records.types import Description
from app.services import Services
from search.types import Query
from tenants.directory import Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered
from tests.conftest import SYSTEM
from tests.stack.conftest import Postgres, until

pytestmark = pytest.mark.stack

SOUTH = Scope(TenantId("south"), Principal("account:test", roles=frozenset({"archivist"})), request_id="r-1")
NORTH = Scope(TenantId("north"), SOUTH.principal, request_id="r-2")


@pytest.fixture(scope="module")
def environment(postgres: Postgres, redis: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("archive")
    return {
        "LANTAI_DATA": str(data),
        "LANTAI_DATABASE_URL": postgres.pooled("lantai_app"),
        "LANTAI_DISPATCHER_DATABASE_URL": postgres.pooled("lantai_dispatcher"),
        "LANTAI_PROVINCE_DATABASE_URL": postgres.pooled("lantai_province"),
        "LANTAI_BROKER_URL": redis,
        "LANTAI_SECRET_KEY": token_hex(),
        "LANTAI_MASTER_KEY": token_hex(),
        "LANTAI_AUDIT_KEY": token_hex(),
        "LANTAI_SITE_A": str(data / "a"),
        "LANTAI_SITE_B": str(data / "b"),
    }


@pytest.fixture(scope="module")
def services(environment: dict[str, str]) -> Iterator[Services]:
    wired = {name.removeprefix("LANTAI_").lower(): value for name, value in environment.items()}
    services = build(Settings.model_validate(wired))
    for number, scope in enumerate((SOUTH, NORTH)):
        county = Tenant(scope.tenant, scope.tenant, f"33020{number}", f"43320{number}")
        services.directory.create(county, ProvinceScope(SYSTEM, "test"))
    yield services
    for database in (services.directory._database, services.province._database):
        database.close()


@pytest.fixture(scope="module")
def _workers(environment: dict[str, str]) -> Iterator[None]:
    """Run the dispatcher and a Celery worker as processes of their own."""
    worker = ("celery", "-A", "workers.main", "worker", "--concurrency", "1", "-Q", "default,pages")
    with ExitStack() as stack:
        for module in (("workers.dispatcher",), worker):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", *module],
                    env={**environment, "PATH": os.defpath},
                    cwd=Path(__file__).parents[2],
                )
            )
            stack.callback(process.terminate)
        yield


@pytest.mark.usefixtures("_workers")
def test_a_change_in_each_county_is_worked_off_in_that_county(services: Services) -> None:
    items = {}
    for scope in (SOUTH, NORTH):
        with entered(scope):
            services.records.create_fonds("Z109", "县人民政府")
            item = services.records.create(
                Description(fonds_code="Z109", title="关于修桥的请示", date="19870000", year=1987)
            )
            services.records.revise(
                item.id, {"title": f"关于修路的请示{scope.tenant}"}, expected=item.version, reason="t"
            )
            items[scope] = item.id

    def settled() -> bool:
        states = []
        for scope, item_id in items.items():
            with entered(scope), services.works() as work:
                states += [job.state for job in work.jobs.about(item_id)]
        return states == [JobState.DONE] * 2

    until(settled, 60)
    with entered(NORTH):
        found = services.search.search(Query("修路"), PageRequest())
        assert [hit.title for hit in found.hits] == ["关于修路的请示north"]
