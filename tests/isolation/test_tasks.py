"""Every task of the workers: run for one county about a thing of another, it finds nothing and changes nothing."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.kernel import clock
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.platform.database import tenant_tables
from app.platform.jobs import Job, JobId, JobState
from app.services import Services
from tenants.scope import Principal, Scope, TenantId, entered
from tests.conftest import County
from tests.isolation.conftest import Lived, Superuser
from workers.messages import SealBroken, sealed, unsealed
from workers.tasks.register import HANDLERS
from workers.tasks.running import run

KEY = b"key of this installation"
SCOPE = Scope(TenantId("east"), Principal("account:1", "王", frozenset({"archivist"})), request_id="r")


def unheard(_done: int, _total: int) -> None:
    """Stand in for a job's progress."""


@pytest.mark.parametrize("task", sorted(HANDLERS))
def test_a_task_about_another_countys_thing_finds_nothing(
    services: Services, superuser: Superuser, lived: Lived, neighbour: County, task: str
) -> None:
    assert task in lived.subjects, f"name in the fixture what {task} is about"
    before = superuser.state(tenant_tables(), lived.county)
    with neighbour.acting("archivist") as scope:
        job = Job(
            JobId(new_id()), neighbour.tenant, task, lived.subjects[task], {}, "default", scope.principal, "test",
            JobState.RUNNING, 1, 0, 0, None, clock.now(), None,
        )  # fmt: skip
        with pytest.raises(NotFound):
            HANDLERS[task](services, job, unheard)
    assert superuser.state(tenant_tables(), lived.county) == before


def test_a_job_named_to_the_wrong_county_is_not_run(
    services: Services, superuser: Superuser, lived: Lived, neighbour: County
) -> None:
    with lived.county.acting("archivist"), services.works() as work:
        asked = work.jobs.ask("search.index_item", lived.ids["item_id"], key="wrong county")
    superuser._connection.execute("UPDATE job SET state = 'sent' WHERE id = %s", (asked,))
    with entered(replace(SCOPE, tenant=neighbour.tenant)):
        run(services, asked)
    (told,) = superuser.rows("SELECT state, attempts FROM job WHERE id = %s", asked)
    assert told == {"state": "sent", "attempts": 0}


def test_a_message_carries_its_scope() -> None:
    assert unsealed(sealed(SCOPE, KEY), KEY) == SCOPE


def forgeries() -> dict[str, Mapping[str, object] | None]:
    honest, foreign = sealed(SCOPE, KEY), sealed(replace(SCOPE, tenant=TenantId("west")), b"another key")
    return {
        "nothing": None,
        "no scope": {},
        "no seal": {"lantai_scope": honest["lantai_scope"]},
        "seal of another message": {**honest, "lantai_scope": foreign["lantai_scope"]},
        "seal of another installation": foreign,
        "seal of another kind": {**honest, "lantai_seal": 1},
    }


@pytest.mark.parametrize("name", forgeries())
def test_a_message_not_sealed_here_is_refused(name: str) -> None:
    with pytest.raises(SealBroken):
        unsealed(forgeries()[name], KEY)
