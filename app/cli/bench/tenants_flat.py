"""``tenants_flat``: what a read takes in an installation of a whole province, against one of three counties."""

import random
from statistics import quantiles

import click
import psycopg
from flask import Flask
from psycopg import sql

from app.cli.bench.engine import county, installation, machine, verdict
from app.cli.bench.reading import ITEM, LIST, answered, asked, fill, token
from app.kernel.paging import PageRequest
from app.platform.embedded.postgres import EmbeddedPostgres
from app.records.types import ItemQuery
from app.services import Services
from app.wsgi import create_app
from tenants.scope import Scope, entered

GOAL = 1.15
FEW, MANY, ITEMS = 3, 110, 1000
READS = 1500

_COPIED = ("fonds", "item")
_COPY = sql.SQL(
    "INSERT INTO {0} SELECT r.* FROM {0} t,"
    " jsonb_populate_record(NULL::{0}, to_jsonb(t) || jsonb_build_object('tenant_id', %s::text)) r"
    " WHERE t.tenant_id = %s"
)


def _copy(postgres: EmbeddedPostgres, source: Scope, targets: list[Scope]) -> None:
    """Give counties the records of another; ids may repeat, since keys are led by the county."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        for target in targets:
            for table in _COPIED:
                connection.execute(_COPY.format(sql.Identifier(table)), (target.tenant, source.tenant))
        connection.execute("VACUUM ANALYZE")


def _p95(web: Flask, secrets: list[str], paths: list[str]) -> float:
    chance = random.Random(1)  # noqa: S311  # the same reads in the same order each time
    times: list[float] = []
    for number in range(READS + 200):
        seconds, body = answered(web, asked(chance.choice(paths), chance.choice(secrets)))
        if not body:
            message = "an empty answer"
            raise click.ClickException(message)
        if number >= 200:  # noqa: PLR2004  # the first are for warming up
            times.append(seconds)
    return quantiles(times, n=20)[-1]


def _measured(services: Services, scopes: list[Scope], paths: dict[str, list[str]]) -> dict[str, float]:
    web = create_app(services)
    secrets = [token(services, scope) for scope in scopes]
    p95 = {what: _p95(web, secrets, those) for what, those in paths.items()}
    told = ", ".join(f"{what} {1000 * seconds:.2f} ms" for what, seconds in p95.items())
    click.echo(f"{len(scopes)} counties: p95 of {told}")
    return p95


def run() -> bool:
    """Measure at three counties and at a province's number, in one database, and say whether the goal holds."""
    machine()
    click.echo(f"data: {ITEMS} items a county; {READS} reads of a county and an item by chance, one thread")
    with installation() as (services, postgres):
        scopes = [county(services, number) for number in range(1, FEW + 1)]
        fill(services, scopes[0], ITEMS)
        _copy(postgres, scopes[0], scopes[1:])
        with entered(scopes[0]):
            items = services.records.items(ItemQuery(), PageRequest(200)).rows
        paths = {ITEM: [f"/api/v1/items/{item.id}" for item in items], LIST: ["/api/v1/items?limit=50"]}
        few = _measured(services, scopes, paths)
        more = [county(services, number) for number in range(FEW + 1, MANY + 1)]
        _copy(postgres, scopes[0], more)
        many = _measured(services, scopes + more, paths)
    ratios = {what: many[what] / few[what] for what in paths}
    click.echo(", ".join(f"{what}: {ratio:.2f}" for what, ratio in ratios.items()))
    return verdict("tenants_flat", max(ratios.values()), GOAL, at_least=False)
