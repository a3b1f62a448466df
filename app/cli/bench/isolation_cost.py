"""``isolation_cost``: ten common queries as the doors ask them, with row security against the same without it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import geometric_mean, median

import click
from sqlalchemy import event, literal_column
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from app.audit.service import AuditService, EntryFilter
from app.cli.bench.engine import county, installation, machine, verdict
from app.digitisation.service import PageImages
from app.kernel.ids import new_id
from app.kernel.paging import PageRequest
from app.platform.database import Database, TenantOwned
from app.platform.ledger import JobsService
from app.platform.work import Works
from app.records.service import RecordsService
from app.records.types import Description, ItemQuery
from app.services import Services
from search.service import SearchService
from search.types import Query
from tenants.scope import Scope, current_scope, entered

GOAL = 1.10
ITEMS, BATCH, ROUNDS = 10_000, 1000, 120

Ask = Callable[[], object]


class Named(Database):
    """Past row security, with each query naming its tenant itself; used once, to learn how they then read."""

    @contextmanager
    def scoped(self, scope: Scope) -> Iterator[Session]:
        """Open a transaction whose queries are narrowed by the ORM."""
        with super().scoped(scope) as session:
            event.listen(session, "do_orm_execute", self._narrow)
            yield session

    @staticmethod
    def _narrow(state: ORMExecuteState) -> None:
        if state.is_select:
            tenant = literal_column(f"'{current_scope().tenant}'")
            state.statement = state.statement.options(
                with_loader_criteria(TenantOwned, lambda table: table.tenant_id == tenant, include_aliases=True)
            )


class Free(Database):
    """Past row security at no cost of its own: nothing is bound, and each statement is swapped for its like.

    Parameters
    ----------
    url : str
        As superuser.
    tenant : str
    likes : mapping
        Statement under row security to the statement that names the tenant.
    """

    def __init__(self, url: str, tenant: str, likes: Mapping[str, str]) -> None:
        super().__init__(f"{url}{'&' if '?' in url else '?'}options=-c%20app.tenant%3D{tenant}", pool_size=1)
        self._likes = likes
        event.listen(self.engine, "before_cursor_execute", self._swap, retval=True)

    @contextmanager
    def scoped(self, scope: Scope) -> Iterator[Session]:
        """Open a transaction in which no tenant is bound."""
        with self.unscoped() as session:
            session.info["tenant"] = scope.tenant
            yield session

    def _swap(self, _connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> object:
        return self._likes.get(statement, statement), parameters


def statements(database: Database, ask: Ask) -> list[str]:
    """Return what an ask says to the database, besides the binding of its tenant."""
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "app.tenant" not in statement:
            heard.append(statement)

    event.listen(database.engine, "before_cursor_execute", hear)
    ask()
    event.remove(database.engine, "before_cursor_execute", hear)
    return heard


def _fill(services: Services, scope: Scope) -> None:
    with entered(scope):
        for start in range(0, ITEMS, BATCH):
            rows = [(new_id(), _described(number)) for number in range(start + 1, start + BATCH + 1)]
            with services.works():
                services.records.import_items(rows)


def _described(number: int) -> Description:
    fonds, year, item = f"Z{number % 7 + 100}", 1980 + number % 40, number
    return Description(
        fonds_code=fonds, category_code="WS", year=year, ref_code=f"{fonds}-WS·{year}-Y-BGS-{item:05d}",
        title=f"关于{'土地婚姻水利教育卫生'[number % 5 * 2:][:2]}工作第{number}号的通知", creator="县人民政府办公室",
        doc_no=f"政发〔{year}〕{number}号", date=f"{year}0301", retention="永久",
    )  # fmt: skip


def _asks(works: Works, audit: AuditService) -> dict[str, Ask]:
    search = SearchService(works)
    records = RecordsService(works, search, PageImages(works))
    jobs, log = JobsService(works), AuditService(works, audit._notary)  # noqa: SLF001  # the same log, read another way
    some = records.items(ItemQuery(), PageRequest(50)).rows[25]
    code, first = some.ref_code or "", PageRequest(50)
    return {
        "an item": lambda: records.get(some.id),
        "an item by its code": lambda: records.by_code(code),
        "first page of items": lambda: records.items(ItemQuery(), first).rows,
        "a fonds' items": lambda: records.items(ItemQuery(fonds_code="Z103"), first).rows,
        "items in a state": lambda: records.items(ItemQuery(state="captured"), first).rows,
        "items under a code": lambda: records.items(ItemQuery(prefix=code[:12]), first).rows,
        "the fonds": records.fonds,
        "search for two words": lambda: search.search(Query("婚姻 通知"), PageRequest(20)).total,
        "the job ledger": lambda: jobs.page(first).rows,
        "the audit log": lambda: [entry.seq for entry in log.page(first, EntryFilter(action="records")).rows],
    }


def _timed(ask: Ask) -> tuple[float, object]:
    start = time.perf_counter()
    answer = ask()
    return time.perf_counter() - start, answer


def _compare(app: Database, named: Database, superuser: str, scope: Scope, audit: AuditService) -> float:
    guarded, told = _asks(Works(app, ()), audit), _asks(Works(named, ()), audit)
    likes: dict[str, str] = {}
    for name, ask in guarded.items():
        likes.update(zip(statements(app, ask), statements(named, told[name]), strict=True))
    free = Free(superuser, scope.tenant, likes)
    without = _asks(Works(free, ()), audit)
    ratios: list[float] = []
    for name, ask in guarded.items():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            one, answer = _timed(ask)
            two, expected = _timed(without[name])
            if answer != expected:
                message = f"answers differ for {name}"
                raise click.ClickException(message)
            times[0].append(one)
            times[1].append(two)
        p50 = median(times[0]), median(times[1])
        ratios.append(p50[0] / p50[1])
        click.echo(f"{name:24} {1000 * p50[0]:7.2f} ms  without {1000 * p50[1]:7.2f} ms  ratio {ratios[-1]:.2f}")
    free.close()
    return geometric_mean(ratios)


def run() -> bool:
    """Measure, check that both ways give the same answers, and say whether the goal holds."""
    machine()
    click.echo(
        f"data: 2 counties of {ITEMS} items; {ROUNDS} rounds, the two ways in turn; one call of the service, p50"
    )
    with installation() as (services, postgres):
        scopes = [county(services, number) for number in (1, 2)]
        for scope in scopes:
            _fill(services, scope)
        app = Database(services.settings.database_url.get_secret_value(), pool_size=1)
        named = Named(postgres.dsn(), pool_size=1)
        with named.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
        with entered(scopes[0]):
            ratio = _compare(app, named, postgres.dsn(), scopes[0], services.audit)
        app.close()
        named.close()
    return verdict("isolation_cost", ratio, GOAL, at_least=False)
