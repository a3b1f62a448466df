"""Real servers for the stack tests: Debian's PostgreSQL behind PgBouncer in transaction mode, and Redis.

Each runs in the foreground out of a folder of its own, reachable by its socket alone.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psycopg
import pytest
import redis as client

from app.platform.roles import LOGINS, establish
from migrations.run import migrate

SYSTEM = os.pathsep.join((os.defpath, "/usr/bin", "/usr/sbin", "/usr/local/bin"))
BOUNCER = """
[databases]
lantai = host={folder}

[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = 6432
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 1
max_client_conn = 50
"""


@dataclass(frozen=True)
class Account:
    """As whom the servers run: PostgreSQL and PgBouncer refuse root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Postgres:
    """The product's database, migrated, on a real server."""

    folder: Path

    def dsn(self, role: str) -> str:
        """Straight to the server."""
        return f"postgresql://{role}@/lantai?host={self.folder}"

    def pooled(self, role: str) -> str:
        """Through PgBouncer, where all clients of a role share one connection to the server."""
        return f"postgresql://{role}@/lantai?host={self.folder}&port=6432"


def program(name: str) -> str:
    """Return the path of a server of the distribution; a test without its server fails."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = shutil.which(name, path=os.pathsep.join([*map(str, versions), SYSTEM]))
    if path is None:
        pytest.fail(f"{name} is not on this machine; `make stack` as root installs it", pytrace=False)
    return path


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline, pause = time.monotonic() + seconds, Event()
    while not true():
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.05)


@contextmanager
def running(
    argv: Sequence[str], folder: Path, account: Account, ready: Callable[[], bool], *, seconds: float = 30.0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the block; what it said is shown if it does not come up."""
    log = folder / f"{Path(argv[0]).name}.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            argv, cwd=folder, stdout=out, stderr=out, user=account.uid, group=account.gid, extra_groups=()
        ) as server,
    ):
        try:
            until(lambda: ready() or server.poll() is not None, seconds)
            assert server.poll() is None, log.read_text()
            yield server
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()


def answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def account() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


@pytest.fixture(scope="session")
def folder(account: Account) -> Iterator[Path]:
    """Make a folder of a short path that the servers' account owns."""
    with tempfile.TemporaryDirectory(prefix="lantai-stack-") as name:
        path = Path(name)
        os.chown(path, account.uid, account.gid)
        yield path


@pytest.fixture(scope="session")
def postgres(folder: Path, account: Account) -> Iterator[Postgres]:
    database = Postgres(folder)
    cluster = folder / "cluster"
    subprocess.run(
        [
            program("initdb"), "-D", cluster, "-U", "postgres",
            "--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync",
        ],
        check=True, cwd=folder, capture_output=True, user=account.uid, group=account.gid, extra_groups=(),
    )  # fmt: skip
    server = [program("postgres"), "-D", str(cluster), "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
    (folder / "pgbouncer.ini").write_text(BOUNCER.format(folder=folder))
    (folder / "users").write_text("".join(f'"{role}" ""\n' for role in LOGINS))
    bouncer = [program("pgbouncer"), str(folder / "pgbouncer.ini")]
    administrator = f"postgresql://postgres@/postgres?host={folder}"
    with running(server, folder, account, lambda: answers(administrator)):
        with psycopg.connect(administrator, autocommit=True) as connection:
            for role in LOGINS:
                connection.execute(f'CREATE ROLE "{role}" LOGIN')
            connection.execute("CREATE DATABASE lantai")
        establish(database.dsn("postgres"))
        migrate(database.dsn("lantai_migrator"))
        with running(bouncer, folder, account, lambda: answers(database.pooled("lantai_app"))):
            yield database


@pytest.fixture(scope="session")
def redis(folder: Path, account: Account) -> Iterator[str]:
    """Give the address, as Celery takes it, of a Redis that keeps nothing."""
    socket = folder / "redis.sock"

    def ready() -> bool:
        try:
            with client.Redis(unix_socket_path=str(socket)) as line:
                return bool(line.ping())
        except client.ConnectionError:
            return False

    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    with running([program("redis-server"), *options], folder, account, ready):
        yield f"redis+socket://{socket}"
