"""``lantai up`` as its operator meets it: real engines, real kills; small programs stand where the archive's will."""

import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import psutil
import pytest

from app.cli.supervisor import Program, State, Supervisor
from app.platform.embedded.errors import EngineDied
from app.platform.embedded.process import Command
from app.platform.messages import LANGUAGES, known

UP = """
    import sys, threading
    from pathlib import Path
    from app.cli import up
    from app.cli.supervisor import Program
    from app.platform.embedded.errors import StartupError
    from app.platform.embedded.process import Command

    def web(folder, port, settings):
        serve = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
        command = Command(argv=serve, cwd=folder.run, env={"LANTAI_SUPERVISOR": str(folder.path)})
        return (Program("web", lambda: command),)

    up.programs = web
    try:
        up.run(Path(sys.argv[1]), int(sys.argv[2]), prepare=lambda postgres, settings: None,
               announce=lambda settings: print("UP", flush=True), tuning={}, language="en")
    except StartupError as refusal:
        sys.exit(refusal.code)
"""


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline, pause = time.monotonic() + seconds, Event()
    while not true():
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.05)


class Archive:
    """One ``lantai up`` in a process of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(UP), str(folder), str(port)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()

    def child(self, words: str) -> psutil.Process | None:
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if words in " ".join(child.cmdline()):
                    return child
        return None

    def refusal(self) -> str:
        return self.process.communicate(timeout=10)[1].splitlines()[-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Callable[[], Archive]]:
    begun: list[Archive] = []

    def begin(folder: Path = tmp_path / "data", at: int = port) -> Archive:
        begun.append(Archive(folder, at))
        return begun[-1]

    yield begin
    for archive in begun:
        if archive.process.poll() is None:
            archive.process.terminate()
        archive.process.communicate(timeout=15)


@pytest.mark.parametrize("engine", ["postgres", "redis", "http.server"])
def test_a_killed_process_is_started_again(start: Callable[[], Archive], engine: str) -> None:
    archive = start()
    killed = archive.child(engine)
    assert killed is not None
    killed.kill()
    until(lambda: (child := archive.child(engine)) is not None and child.pid != killed.pid)


def test_a_request_to_end_ends_everything_within_ten_seconds(start: Callable[[], Archive]) -> None:
    archive = start()
    children = psutil.Process(archive.process.pid).children(recursive=True)
    assert len(children) > 5
    archive.process.send_signal(signal.SIGTERM)
    assert archive.process.wait(10) == 0
    assert not any(child.is_running() for child in children)


def test_a_killed_supervisor_leaves_nothing_in_the_way(start: Callable[[], Archive]) -> None:
    start().kill()
    begun = time.monotonic()
    assert start().said == "UP\n"
    assert time.monotonic() - begun < 5


def test_a_second_start_on_the_same_folder_is_refused(start: Callable[[], Archive]) -> None:
    assert start().said == "UP\n"
    assert start().refusal() == "up.already_running"


def test_a_taken_port_is_refused_before_anything_starts(
    start: Callable[[], Archive], port: int, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", port)):
        assert start().refusal() == "up.port_taken"
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_corrupt_cluster_is_refused_and_left_as_it_is(start: Callable[[], Archive], tmp_path: Path) -> None:
    first = start()
    first.process.terminate()
    first.process.wait(10)
    version = tmp_path / "data" / "postgres" / "PG_VERSION"
    version.write_text("9.6")
    assert start().refusal() == "up.folder_version"
    assert version.read_text() == "9.6"


def test_a_program_that_never_becomes_ready_fails_the_start(tmp_path: Path) -> None:
    told: list[State] = []
    command = Command(argv=(sys.executable, "-c", "raise SystemExit('no licence')"), cwd=tmp_path)
    with (
        pytest.raises(EngineDied, match="no licence"),
        Supervisor(tmp_path, lambda _name, state, _seconds: told.append(state)) as supervisor,
    ):
        supervisor.bring_up(Program("engine", lambda: command, lambda: False))
    assert told.count(State.DIED) == 3


def test_logs_of_former_starts_are_kept_a_while(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    for number in range(7):
        command = Command(
            argv=(sys.executable, "-c", f"import threading; print({number}, flush=True); threading.Event().wait()"),
            cwd=tmp_path,
        )
        with Supervisor(tmp_path, lambda *_: None) as supervisor:
            supervisor.bring_up(Program("engine", lambda command=command: command))
            until(lambda: log.stat().st_size > 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["engine.log", *(f"engine.log.{n}" for n in range(1, 5))]
    assert (tmp_path / "engine.log.4").read_text().startswith("2")


def test_every_state_and_option_has_words_in_both_languages() -> None:
    codes = {*(f"up.state.{state}" for state in State), *(f"up.help.{part}" for part in ("command", "data", "port"))}
    assert all(known(code, language) for code in codes for language in LANGUAGES)
