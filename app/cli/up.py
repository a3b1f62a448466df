"""``lantai up``: the whole archive on one machine, out of one folder."""

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from app.cli.supervisor import Program, State, Supervisor
from app.platform.embedded.errors import PortTaken, StartupError
from app.platform.embedded.folder import DataFolder
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.embedded.process import Command, end_strays
from app.platform.embedded.redis import EmbeddedRedis
from app.platform.messages import LANGUAGES, Language, text

HOST = "127.0.0.1"
ROLES = ("lantai_migrator", "lantai_app", "lantai_dispatcher", "lantai_province")
WORKERS = {"default": 1, "pages": 2}
"""Processes for each queue; see `app.platform.jobs.QUEUES`."""

_MARK = "LANTAI_SUPERVISOR"
_COLOURS = {State.READY: "green", State.STARTED: "green", State.DIED: "red"}

Prepare = Callable[[EmbeddedPostgres, Mapping[str, str]], None]
"""Given the running database and the settings in force: migrates, and makes what a first start needs."""


def environment(folder: DataFolder, postgres: EmbeddedPostgres, redis: EmbeddedRedis, port: int) -> dict[str, str]:
    """Return the settings under which the archive's processes run on embedded engines."""
    return {
        "LANTAI_DATA": str(folder.path),
        "LANTAI_DATABASE_URL": postgres.dsn("lantai_app"),
        "LANTAI_DISPATCHER_DATABASE_URL": postgres.dsn("lantai_dispatcher"),
        "LANTAI_PROVINCE_DATABASE_URL": postgres.dsn("lantai_province"),
        "LANTAI_BROKER_URL": redis.url,
        "LANTAI_SECRET_KEY": folder.secret("secret_key"),
        "LANTAI_MASTER_KEY": folder.secret("master_key"),
        "LANTAI_AUDIT_KEY": folder.secret("audit_key"),
        "LANTAI_SITE_A": str(folder.path / "site-a"),
        "LANTAI_SITE_B": str(folder.path / "site-b"),
        "LANTAI_PUBLIC_URL": f"http://{HOST}:{port}",
    }


def run(
    path: Path,
    port: int,
    *,
    prepare: Prepare,
    announce: Callable[[Mapping[str, str]], None],
    tuning: Mapping[str, str],
    language: Language,
) -> None:
    """Run the archive until Ctrl-C or a termination signal.

    Parameters
    ----------
    path : Path
        Data folder.
    port : int
        Of the portal and the API, on the loopback address.
    prepare : callable
        Runs between the engines and the processes that use them.
    announce : callable
        Told the settings in force once everything is ready: prints addresses and sign-ins.
    tuning : mapping
        Further ``LANTAI_*`` settings; what is embedded cannot be overridden.
    language : "zh" or "en"
        Of the status lines.

    Raises
    ------
    StartupError
        The archive cannot start; nothing is left running.
    """

    def tell(name: str, state: State, seconds: float) -> None:
        words = text(f"up.state.{state}", language, name=name, seconds=seconds)
        click.secho(words, fg=_COLOURS.get(state), err=True)

    folder = DataFolder(path)
    with folder.held(), _interruptible():
        end_strays(lambda process: process.environ().get(_MARK) == str(folder.path))
        check_port(port)
        postgres, redis = EmbeddedPostgres(folder), EmbeddedRedis(folder)
        with Supervisor(folder.log, tell) as supervisor:
            supervisor.bring_up(
                Program("postgres", postgres.command, postgres.ready),
                Program("redis", redis.command, redis.ready),
            )
            postgres.admit(ROLES)
            settings = {**tuning, **environment(folder, postgres, redis, port)}
            prepare(postgres, settings)
            web, *others = programs(folder, port, settings)
            supervisor.bring_up(web)  # alone, so that the portal answers before the workers load their models
            supervisor.bring_up(*others)
            announce(settings)
            supervisor.watch()


def programs(folder: DataFolder, port: int, settings: Mapping[str, str]) -> tuple[Program, ...]:
    """Return the archive's own processes: web server, dispatcher, worker."""
    env = {
        **settings,
        _MARK: str(folder.path),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "HOME": str(Path.home()),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }

    def python(*argv: str, abort: signal.Signals) -> Callable[[], Command]:
        command = Command(argv=(sys.executable, "-m", *argv), cwd=folder.run, env=env, abort=abort)
        return lambda: command

    web = python(
        "gunicorn", "-k", "gthread", "--threads", "8", "-w", "2", "--bind", f"{HOST}:{port}",
        "--no-control-socket", "app.wsgi:app", abort=signal.SIGQUIT,
    )  # fmt: skip
    dispatcher = python("workers.dispatcher", abort=signal.SIGKILL)
    workers = {
        queue: python(
            "celery", "-A", "workers.main", "worker", "--pool", "prefork", "--concurrency", str(processes),
            "-Q", queue, "-n", f"{queue}@%h", abort=signal.SIGQUIT,
        )
        for queue, processes in WORKERS.items()
    }  # fmt: skip
    return (
        Program("web", web, lambda: answers(port)),
        Program("dispatcher", dispatcher),
        *(Program(f"worker-{queue}", command) for queue, command in workers.items()),
    )


def check_port(port: int) -> None:
    """Raise `PortTaken` when the web server could not open its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                raise PortTaken(port) from error
            raise


def answers(port: int) -> bool:
    """Say whether the web server is up and finds itself healthy."""
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200  # noqa: PLR2004  # the number is the name
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _interruptible() -> Generator[None]:
    """Take a termination signal for Ctrl-C, and both only once: the stop itself is not interrupted."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in former:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if former[signal.SIGHUP] is signal.SIG_IGN:  # started under nohup
        del former[signal.SIGHUP]
    for number in former:
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def command(
    prepare: Callable[[bool], Prepare],
    announce: Callable[[Mapping[str, str]], None],
    tuning: Callable[[], Mapping[str, str]],
) -> click.Command:
    """Return the click command, given what the upper floors do before and after the start.

    Parameters
    ----------
    prepare : callable
        Given whether ``--demo`` was asked for, returns what runs between engines and processes.
    announce, tuning
        As `run` takes them; the settings are read when the command runs.
    """

    def help_text(part: str) -> str:
        return " / ".join(text(f"up.help.{part}", language) for language in LANGUAGES)

    @click.command(help=help_text("command"))
    @click.option("--port", type=click.IntRange(1, 65535), default=8420, show_default=True, help=help_text("port"))
    @click.option("--demo", is_flag=True, help=help_text("demo"))
    @click.option("--lang", "language", type=click.Choice(["zh", "en"]), default="zh", help=help_text("lang"))
    @click.pass_context
    def up(ctx: click.Context, port: int, language: Language, *, demo: bool) -> None:
        """Run the whole archive on embedded engines until Ctrl-C."""
        data = ctx.find_root().params["data"]
        try:
            run(
                data,
                port,
                prepare=prepare(demo),
                announce=announce,
                tuning=({"LANTAI_OUTBOX_PAGE": "true"} if demo else {}) | dict(tuning()),
                language=language,
            )
        except StartupError as refusal:
            raise click.ClickException(text(refusal.code, language, **refusal.facts())) from refusal

    return up
