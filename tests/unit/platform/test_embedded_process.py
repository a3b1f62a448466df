"""Children never outlive who started them."""

import os
import signal
import sys
import textwrap
import threading
from pathlib import Path

import psutil

from app.platform.embedded.process import Command, end_strays, last_line

STUBBORN = """
    import signal, threading
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("here", flush=True)
    threading.Event().wait()
"""
PARENT = """
    import sys, threading
    from pathlib import Path
    from app.platform.embedded.process import Command
    wait = "import threading; threading.Event().wait()"
    child = Command(argv=(sys.executable, "-c", wait), cwd=Path.cwd()).spawn(Path("child.log"))
    print(child.pid, flush=True)
    threading.Event().wait()
"""


def python(source: str, folder: Path, **env: str) -> Command:
    return Command(argv=(sys.executable, "-c", textwrap.dedent(source)), cwd=folder, env=env)


def wait_for_words(log: Path) -> str:
    pause = threading.Event()
    for _ in range(200):
        if (words := last_line(log)) != "?":
            return words
        pause.wait(0.05)
    raise AssertionError(log)


def test_a_child_that_ignores_the_request_is_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = python(STUBBORN, tmp_path).spawn(log)
    assert wait_for_words(log) == "here"
    child.ask()
    assert child.alive()
    child.end(0.1)
    assert not child.alive()


def test_a_child_dies_with_its_killed_parent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = python(PARENT, tmp_path).spawn(log)
    orphan = psutil.Process(int(wait_for_words(log)))
    os.kill(parent.pid, signal.SIGKILL)
    gone, _ = psutil.wait_procs([orphan], timeout=5)
    assert gone or orphan.status() == psutil.STATUS_ZOMBIE
    assert not parent.alive()


def test_a_child_sees_only_the_environment_it_was_given(tmp_path: Path) -> None:
    done = python("import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))", tmp_path, ONE="1").run()
    assert done.stdout.strip() == "['ONE']"


def test_strays_are_known_by_their_mark(tmp_path: Path) -> None:
    log = tmp_path / "log"
    mark = str(tmp_path)
    child = python(STUBBORN, tmp_path, MARK=mark).spawn(log)
    wait_for_words(log)
    end_strays(lambda process: process.environ().get("MARK") == mark)
    assert not child.alive()
