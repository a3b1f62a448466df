"""The county's log: every act in it, in order, and no change of it unnoticed."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest

from app.audit.service import EntryFilter, Verdict
from app.kernel.errors import Refused
from app.kernel.paging import PageRequest
from app.platform.embedded.postgres import EmbeddedPostgres
from app.services import Services
from tests.conftest import County, MakeCounty


@pytest.fixture
def written(services: Services, make_county: MakeCounty) -> County:
    """Return a county with twelve entries or more."""
    county = make_county()
    with county.acting("archivist"):
        for number in range(5):
            services.records.create_fonds(f"Z{number + 100}", "甲")
    return county


def verdict(services: Services, county: County) -> Verdict:
    with county.acting("audit"):
        return services.audit.verify()


def test_an_untouched_chain_holds(services: Services, written: County) -> None:
    told = verdict(services, written)
    assert told.broken_at is None
    assert told.entries >= 12


TAMPERING = {
    "a detail": 'UPDATE audit_entry SET details = \'{"fonds_code": "Z1"}\' WHERE tenant_id = %s AND seq = 9',
    "who": "UPDATE audit_entry SET principal_id = 'x' WHERE tenant_id = %s AND seq = 9",
    "when": "UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE tenant_id = %s AND seq = 9",
    "what": "UPDATE audit_entry SET action = 'x:y:z' WHERE tenant_id = %s AND seq = 9",
    "the digest": "UPDATE audit_entry SET digest = repeat('0', 64) WHERE tenant_id = %s AND seq = 9",
    "left out": "DELETE FROM audit_entry WHERE tenant_id = %s AND seq = 9",
    "last left out": "DELETE FROM audit_entry WHERE tenant_id = %s AND seq = "
    "(SELECT max(seq) FROM audit_entry WHERE tenant_id = %s)",
    "the head": "UPDATE audit_head SET digest = repeat('0', 64) WHERE tenant_id = %s",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_past_the_application_is_found(
    services: Services, postgres: EmbeddedPostgres, written: County, how: str
) -> None:
    statement = TAMPERING[how]
    before = verdict(services, written)
    with psycopg.connect(postgres.dsn()) as connection:
        done = connection.execute(statement.encode(), (written.tenant,) * statement.count("%s"))
        assert done.rowcount == 1
    expected = {"last left out": before.entries, "the head": before.entries + 1}
    assert verdict(services, written).broken_at == expected.get(how, 9)


def test_many_writers_leave_one_chain(services: Services, written: County) -> None:
    def write(number: int) -> None:
        with written.acting("archivist"):
            services.records.create_fonds(f"Z{number + 200}", "乙")

    before = verdict(services, written).entries
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    told = verdict(services, written)
    assert (told.entries, told.broken_at) == (before + 16, None)


def test_an_act_undone_leaves_no_entry(services: Services, written: County) -> None:
    before = verdict(services, written)
    with suppress(RuntimeError), written.acting("archivist"), services.works():
        services.records.create_fonds("Z999", "丙")
        raise RuntimeError
    assert verdict(services, written) == before


def test_an_entry_says_who_what_and_in_which_request(services: Services, written: County) -> None:
    with written.acting("archivist") as scope:
        fonds = services.records.create_fonds("Z555", "丁")
    with written.acting("audit"):
        (entry,) = services.audit.page(PageRequest(), EntryFilter(object_id=fonds.id)).rows
    assert (entry.action, entry.principal_id, entry.request_id) == (
        "records:fonds:created", scope.principal.id, scope.request_id,
    )  # fmt: skip
    assert entry.details == {"fonds_code": "Z555"}


def test_a_listing_is_narrowed_and_paged(services: Services, written: County) -> None:
    with written.acting("audit"):
        first = services.audit.page(PageRequest(2), EntryFilter(action="records:fonds"))
        rest = services.audit.page(PageRequest(50, (str(first.rows[-1].seq),)), EntryFilter(action="records:fonds"))
        assert first.next_cursor is not None
        assert [e.action for e in first.rows + rest.rows] == ["records:fonds:created"] * 5
        assert services.audit.page(PageRequest(), EntryFilter(object_id=uuid.uuid4())).rows == ()


@pytest.mark.parametrize("login", ["archivist", "sysadmin", "desk", "scan"])
def test_only_auditor_and_director_read_it(services: Services, county: County, login: str) -> None:
    with county.acting(login):
        with pytest.raises(Refused):
            services.audit.verify()
        with pytest.raises(Refused):
            services.audit.page(PageRequest(), EntryFilter())
