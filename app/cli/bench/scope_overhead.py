"""``scope_overhead``: reading requests a second with everything that keeps counties apart, against the bare view.

The bare application serves the same views and queries with authentication, admission, scope, row security, policy
and audit left out: as superuser, the statements naming the tenant themselves.
"""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from statistics import median
from types import SimpleNamespace

import click
from flask import Flask
from flask_smorest import Api, Blueprint

from app.api.items import ItemsView, ItemView
from app.cli.bench.engine import county, installation, machine, verdict
from app.cli.bench.isolation_cost import Free, Named, statements
from app.cli.bench.reading import ITEM, LIST, answered, asked, fill, token
from app.digitisation.service import PageImages
from app.kernel.paging import PageRequest
from app.platform.database import Database
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.work import Works
from app.records.service import RecordsService
from app.records.types import Item, ItemQuery
from app.services import Services
from app.wsgi import create_app
from tenants.scope import Scope, entered

GOALS = {ITEM: 0.50, LIST: 0.75}
ITEMS, ROUNDS, BLOCK = 5000, 20, 160
CLIENTS = 8
"""As many as one process of the web server answers at a time."""


class _Unasked(RecordsService):
    """Records without policy, and without an entry for a read."""

    @staticmethod
    def _require(action: str, item: Item | None = None) -> None:
        del action, item

    def view(self, item_id: uuid.UUID) -> Item:
        """Return an item."""
        return self.get(item_id)


def _records(database: Database, services: Services) -> _Unasked:
    works = Works(database, ())
    return _Unasked(works, services.search, PageImages(works))


def _bare(services: Services, postgres: EmbeddedPostgres, scope: Scope, item: Item) -> Flask:
    """Return an application of the two views alone."""
    guarded = services.works._database  # noqa: SLF001  # whose statements are to be matched
    named = Named(postgres.dsn(), pool_size=1)
    likes: dict[str, str] = {}
    here, there = _records(guarded, services), _records(named, services)
    with entered(scope):
        for one, other in (
            (lambda: here.get(item.id), lambda: there.get(item.id)),
            (lambda: here.items(ItemQuery(), PageRequest(50)), lambda: there.items(ItemQuery(), PageRequest(50))),
        ):
            likes.update(zip(statements(guarded, one), statements(named, other), strict=True))
    named.close()
    free = Free(postgres.dsn(), scope.tenant, likes)
    web = Flask("bare")
    web.config.update(API_TITLE="bare", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    web.json.ensure_ascii = False  # pyright: ignore[reportAttributeAccessIssue]  # as the product's
    web.extensions["lantai"] = SimpleNamespace(records=_records(free, services))
    views = Blueprint("items", "bare", url_prefix="/api/v1")
    views.route("/items")(ItemsView)
    views.route("/items/<uuid:item_id>")(ItemView)
    Api(web).register_blueprint(views)
    return web


def _rate(clients: ThreadPoolExecutor, web: Flask, paths: list[str], secret: str) -> tuple[float, list[object]]:
    requests = [(copy_context(), asked(path, secret)) for path in paths]
    start = time.perf_counter()
    answers = list(clients.map(lambda request: request[0].run(answered, web, request[1]), requests))
    return len(answers) / (time.perf_counter() - start), [json.loads(body) for _, body in answers]


def _compare(
    clients: ThreadPoolExecutor, apps: tuple[Flask, Flask], paths: list[str], secret: str, scope: Scope
) -> float:
    ratios: list[float] = []
    full = plain = 0.0
    whole, bare = apps
    for number in range(ROUNDS + 1):
        full, answers = _rate(clients, whole, paths, secret)
        with entered(scope):  # the views' code asks for one; none is bound in the database
            plain, expected = _rate(clients, bare, paths, secret)
        if answers != expected:
            message = "answers differ"
            raise click.ClickException(message)
        if number:  # the first is for warming up
            ratios.append(full / plain)
    click.echo(f"last round {full:.0f} against {plain:.0f} requests/s")
    return median(ratios)


def run() -> bool:
    """Measure both ways in turn, check that they answer the same, and say whether both goals hold."""
    machine()
    click.echo(
        f"data: 1 county of {ITEMS} items; {ROUNDS} rounds of {BLOCK} requests in turn, {CLIENTS} clients; by token"
    )
    with installation() as (services, postgres):
        scope = county(services, 1)
        fill(services, scope, ITEMS)
        with services.works._database.engine.connect() as connection:  # noqa: SLF001  # connected before it counts
            connection.close()
        secret = token(services, scope)
        with entered(scope):
            items = services.records.items(ItemQuery(), PageRequest(BLOCK)).rows
        apps = create_app(services), _bare(services, postgres, scope, items[0])
        paths = {ITEM: [f"/api/v1/items/{item.id}" for item in items], LIST: ["/api/v1/items?limit=50"] * BLOCK}
        with ThreadPoolExecutor(CLIENTS) as clients:
            ratios = {what: _compare(clients, apps, those, secret, scope) for what, those in paths.items()}
        with entered(scope):
            log = services.audit.verify()
    if log.findings:
        message = "the audit log is not whole"
        raise click.ClickException(message)
    held = [verdict(f"scope_overhead {what}", ratios[what], goal, at_least=True) for what, goal in GOALS.items()]
    return all(held)
