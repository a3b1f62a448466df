"""Foreground child processes that never outlive the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the machine to run as, other than our own."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """How a process is started and ended.

    Parameters
    ----------
    argv : tuple of str
    cwd : Path
        Entered before the account is changed: the account need not be able to reach it.
    env : mapping
        The whole environment; nothing is inherited.
    stop, abort : signal
        To end in good order, and at once. The kernel sends `abort` when the parent dies.
    account : Account, optional
        Our own when absent.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    stop: signal.Signals = signal.SIGTERM
    abort: signal.Signals = signal.SIGKILL
    account: Account | None = None

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run to the end, within two minutes, and return what was said."""
        return subprocess.run(
            self.argv, cwd=self.cwd, env=self.env, timeout=120, check=False, text=True, umask=0o077,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            user=self.account and self.account.uid, group=self.account and self.account.gid,
            extra_groups=[] if self.account else None, preexec_fn=self._tied(),
        )  # fmt: skip

    def _tied(self) -> Callable[[], None]:
        parent = os.getpid()

        def tie() -> None:
            if sys.platform == "linux":
                _LIBC.prctl(_PR_SET_PDEATHSIG, int(self.abort))
                if os.getppid() != parent:
                    os._exit(1)

        return tie

    def spawn(self, log: Path) -> "Child":
        """Start in a session of its own, output appended to a file. Call it from the main thread.

        The kernel ties a child's life to the thread that made it, not to the whole process.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.argv, cwd=self.cwd, env=self.env, umask=0o077, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                user=self.account and self.account.uid, group=self.account and self.account.gid,
                extra_groups=[] if self.account else None, preexec_fn=self._tied(),  # noqa: PLW1509  # takes no lock
            )  # fmt: skip
        return Child(process, self)


class Child:
    """A running process, leader of its own group."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command) -> None:
        self._process = process
        self._command = command

    @property
    def pid(self) -> int:
        """Number of the process, and of its group."""
        return self._process.pid

    def alive(self) -> bool:
        """Say whether it still runs; once it does not, nothing it started does either."""
        if self._process.poll() is None:
            return True
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return False

    def ask(self) -> None:
        """Ask it to end in good order."""
        if self._process.poll() is None:
            self._process.send_signal(self._command.stop)

    def end(self, patience: float) -> None:
        """See it end: wait, then tell it to end at once, then kill it.

        Parameters
        ----------
        patience : float
            Seconds for the good order that `ask` asked for.
        """
        try:
            self._process.wait(max(patience, 0.0))
        except subprocess.TimeoutExpired:
            self._process.send_signal(self._command.abort)
            try:
                self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5.0)
        self.alive()


def end_strays(belongs: Callable[[psutil.Process], bool]) -> None:
    """End processes that a killed supervisor, or a killed leader, left behind.

    Parameters
    ----------
    belongs : callable
        Says of a process whether it is one of them; those we may not look at are not.
    """
    strays: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and belongs(process):
                strays.append(process)
    _, stubborn = psutil.wait_procs(strays, timeout=0.5)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=1)


def last_line(log: Path) -> str:
    """Return the last words of a log, at most 200 characters."""
    lines = log.read_text("utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:200] if lines else "?"


def wheel(package: str) -> Path:
    """Return the folder of an installed package without importing it; some do things when imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent
