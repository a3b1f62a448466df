"""``audit_append``: entries a second of eight writers in one log, and what the log costs a request that writes."""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from statistics import median

import click

from app.audit.service import Writer
from app.bootstrap import subscribe
from app.cli.bench.engine import county, installation, machine, verdict
from app.digitisation.service import PageImages
from app.kernel.ids import new_id
from app.platform.database import Database
from app.platform.work import Works
from app.records.service import RecordsService
from app.records.types import Description, FondsCreated
from app.services import Services
from app.wsgi import create_app
from tenants.scope import Scope, entered

GOAL, SHARE = 1000.0, 0.15
WRITERS, EACH = 8, 1000
ROUNDS = 300
LOGIN, PASSWORD = "archivist", "Bench-Mima-2026"  # of an archive that lives for a minute

Span = tuple[float, float]


def _write(url: str, scope: Scope) -> Span:
    """Write entries, a transaction each, from a process of its own; return when it began and ended."""
    works = Works(Database(url, pool_size=1), (Writer(entries=10_000, minutes=5),))
    with entered(scope):
        with works():
            pass  # connected
        begun = time.monotonic()
        for number in range(EACH):
            with works() as work:
                work.record(FondsCreated(new_id(), f"Z{number}"))
        return begun, time.monotonic()


def _rate(services: Services, scopes: Sequence[Scope]) -> float:
    """Return the entries a second of all writers together, one in each scope, with the logs checked."""
    url = services.settings.database_url.get_secret_value()
    logs = set(scopes)
    before = sum(_size(services, scope) for scope in logs)
    with ProcessPoolExecutor(WRITERS, get_context("spawn")) as pool:
        spans = [asked.result() for asked in [pool.submit(_write, url, scope) for scope in scopes]]
    added = sum(_size(services, scope) for scope in logs) - before
    for scope in logs:
        with entered(scope):
            told = services.audit.verify()
        if told.findings or added != WRITERS * EACH:
            message = f"the log is not whole: {added} entries more, {told.kind or 'nothing found'}"
            raise click.ClickException(message)
    return WRITERS * EACH / (max(end for _, end in spans) - min(begin for begin, _ in spans))


def _size(services: Services, scope: Scope) -> int:
    with entered(scope):
        signed = services.audit.checkpoint()
    return signed.size if signed else 0


def _share(services: Services, scope: Scope) -> float:
    """Return the part of a revising request that its audit entry takes: with the log and without it, in turn."""
    with entered(scope):
        services.identity.create_account(LOGIN, "基准", PASSWORD, ["archivist"])
        item = services.records.create(Description(fonds_code="Z100", title="关于宅基地事项的批复"))
    silent = Works(services.works._database, (subscribe,))  # noqa: SLF001  # the same connections
    without = replace(services, records=RecordsService(silent, services.search, PageImages(silent)))
    (token,) = services.identity.sign_in(scope.tenant, LOGIN, PASSWORD, ("access",))
    web = create_app(services)
    client = web.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token.secret}"
    before = _size(services, scope)
    times: tuple[list[float], list[float]] = ([], [])
    for version in range(item.version, item.version + 2 * ROUNDS):
        way = (version - item.version) % 2
        web.extensions["lantai"] = (services, without)[way]
        change = {"change": {"title": f"关于第{version}号村民小组宅基地事项的批复"}, "reason": "改正"}
        start = time.perf_counter()
        answer = client.patch(f"/api/v1/items/{item.id}", json=change, headers={"If-Match": f'"{version}"'})
        times[way].append(time.perf_counter() - start)
        if answer.status_code != 200:  # noqa: PLR2004
            raise click.ClickException(answer.text)
    added = _size(services, scope) - before
    if added != ROUNDS:
        message = f"{ROUNDS} requests left {added} entries"
        raise click.ClickException(message)
    half = median(times[0]), median(times[1])
    share = 1 - half[1] / half[0]
    click.echo(
        f"a revising request: {1000 * half[0]:.2f} ms, without the log {1000 * half[1]:.2f} ms;"
        f" the log's share {100 * share:.1f} % (goal ≤ {100 * SHARE:g} %)"
    )
    return share


def run() -> bool:
    """Measure both, check the log, and say whether the goals hold."""
    machine()
    click.echo(
        f"data: {ROUNDS} requests each way in turn, p50; {WRITERS} processes of {EACH} transactions with an entry each"
    )
    with installation() as (services, _):
        scopes = [county(services, number) for number in range(1, WRITERS + 1)]
        share = _share(services, scopes[0])
        click.echo(f"each writer in a log of its own: {_rate(services, scopes):.0f} entries/s")
        rate = _rate(services, scopes[:1] * WRITERS)
    return verdict("audit_append", rate, GOAL, at_least=True, unit=" entries/s") and share <= SHARE
