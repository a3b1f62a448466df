"""How a command reaches the archive: settings from the environment or a data folder, scope from a token."""

import functools
import json
import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
from pydantic import ValidationError

from app.api.problems import detail, fault_text
from app.audit.types import AUDITED, refusal
from app.bootstrap import build
from app.cli.up import environment
from app.kernel.errors import DomainError, Invalid
from app.platform import telemetry
from app.platform.embedded.folder import DataFolder
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.embedded.redis import EmbeddedRedis
from app.platform.messages import Language, preferred, text
from app.platform.settings import Settings, named
from app.records.types import CheckFailed
from app.services import Services
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered, new_request_id

PORT = 8420


def spoken() -> Language:
    """Return the language of the terminal: ``LANTAI_LANG``, else Chinese."""
    return preferred(os.environ.get("LANTAI_LANG"))  # noqa: TID251  # a terminal's habit, not a setting


def tuning() -> dict[str, str]:
    """Return the ``LANTAI_*`` settings given for a start on embedded engines."""
    return {key: value for key, value in os.environ.items() if key.startswith("LANTAI_")}  # noqa: TID251


def settings_of(data: Path) -> Settings:
    """Return the settings in force: from ``LANTAI_*``, else those of the embedded archive in a folder."""
    given = dict(os.environ)  # noqa: TID251  # the one place where a command reads it
    if "LANTAI_DATABASE_URL" not in given:
        folder = DataFolder(data)
        if not folder.complete:
            raise click.ClickException(text("cli.no_archive", spoken(), folder=str(folder.path)))
        given = {**environment(folder, EmbeddedPostgres(folder), EmbeddedRedis(folder), PORT), **given}
    try:
        return Settings.model_validate(named(given))
    except ValidationError as error:
        faults = "\n".join(f"LANTAI_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise click.ClickException(faults) from error


@functools.cache
def services() -> Services:
    """Return the services of the archive that the command speaks to."""
    telemetry.configure("cli")
    return build(settings_of(click.get_current_context().find_root().params["data"]))


@contextmanager
def signed_in(*, writing: bool = True) -> Generator[Scope]:
    """Enter the scope of the token in ``LANTAI_TOKEN``: a command may do what its user may do.

    Parameters
    ----------
    writing : bool
        Whether the command changes something; one that only reads runs in a read-only county too.
    """
    secret = os.environ.get("LANTAI_TOKEN", "")  # noqa: TID251  # a secret, given like this or not at all
    if not secret:
        raise click.ClickException(text("cli.no_token", spoken()))
    who = services().identity.principal(secret, ("access",))
    services().directory.admit(who.tenant, writing=writing)
    with entered(Scope(who.tenant, who.principal, "business", new_request_id(), session=who.session)) as scope:
        try:
            yield scope
        except DomainError as error:
            if error.status in AUDITED:
                context = click.get_current_context()
                asked = json.dumps(context.params, default=str, sort_keys=True)
                act = context.command_path
                services().audit.note(refusal(error, scope.tenant, door="cli", act=act, asked=f"{act} {asked}"))
            raise


@contextmanager
def installing(tenant: TenantId) -> Generator[Scope]:
    """Enter a county's scope as whoever installs the system: makes accounts, reads no records."""
    principal = Principal("system:install", roles=frozenset({"system"}))
    with entered(Scope(tenant, principal, "installation", new_request_id())) as scope:
        yield scope


def province(purpose: str) -> ProvinceScope:
    """Return the province's scope for its directory."""
    return ProvinceScope(Principal("system:install", roles=frozenset({"system"})), purpose, new_request_id())


def say(value: object, *, as_json: bool, line: Callable[[Any], str]) -> None:
    """Print a value, or each of several: a line for people, JSON for programs."""
    if as_json:
        click.echo(json.dumps(plain(value), ensure_ascii=False, default=str))
        return
    for one in value if isinstance(value, (list, tuple)) else [value]:
        click.echo(line(one))


def plain(value: object) -> object:
    """Return a value as JSON types."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(inner) for key, inner in asdict(value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    return value


def refuse(error: DomainError) -> NoReturn:
    """Print a refusal with all its faults, and end with exit code 1."""
    language = spoken()
    click.secho(detail(error, language), fg="red", err=True)
    if isinstance(error, Invalid):
        for fault in error.faults:
            click.echo("  " + fault_text(fault, language, "fault"), err=True)
    if isinstance(error, CheckFailed):
        for finding in error.findings:
            click.echo("  " + fault_text(finding, language, "check"), err=True)
    sys.exit(1)
