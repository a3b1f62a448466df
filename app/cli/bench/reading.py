"""What the benchmarks of reading requests share: a reader with a token, who asks the application without a network."""

import time
from typing import TYPE_CHECKING

import click
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.kernel.ids import new_id
from app.records.types import Description
from app.services import Services
from tenants.scope import Scope, entered

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ITEM, LIST = "GET item", "GET items"
LOGIN, PASSWORD = "archivist", "Bench-Mima-2026"  # of an archive that lives for a minute
"""Who reads."""


def fill(services: Services, scope: Scope, items: int, *, batch: int = 1000) -> None:
    """Describe so many items in a county."""
    with entered(scope):
        for start in range(0, items, batch):
            rows = [(new_id(), _described(number)) for number in range(start + 1, min(start + batch, items) + 1)]
            with services.works():
                services.records.import_items(rows)


def _described(number: int) -> Description:
    year = 1980 + number % 40
    return Description(
        fonds_code="Z100", category_code="WS", year=year, ref_code=f"Z100-WS·{year}-Y-BGS-{number:05d}",
        title=f"关于{'土地婚姻水利教育卫生'[number % 5 * 2:][:2]}工作第{number}号的通知", creator="县人民政府办公室",
        doc_no=f"政发〔{year}〕{number}号", date=f"{year}0301", retention="永久",
    )  # fmt: skip


def token(services: Services, scope: Scope) -> str:
    """Return an access token of a county's archivist, whose account is made where there is none."""
    with entered(scope):
        services.identity.create_account(LOGIN, "基准", PASSWORD, ["archivist"])
    return services.identity.sign_in(scope.tenant, LOGIN, PASSWORD, ("access",))[0].secret


def asked(path: str, secret: str) -> "WSGIEnvironment":
    """Return what a web server hands to the application for a reading request."""
    return EnvironBuilder(path=path, headers=[("Authorization", f"Bearer {secret}")]).get_environ()


def answered(web: Flask, environ: "WSGIEnvironment") -> tuple[float, bytes]:
    """Return the seconds an answer took, and its body; anything but 200 ends the benchmark."""
    start = time.perf_counter()
    chunks, status, _ = run_wsgi_app(web.wsgi_app, dict(environ), buffered=True)
    body = b"".join(chunks)
    seconds = time.perf_counter() - start
    if not status.startswith("200"):
        message = f"{status} {body.decode()}"
        raise click.ClickException(message)
    return seconds, body
