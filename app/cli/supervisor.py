"""Keeps a declared list of processes running: in order, ready before the next, restarted when they die."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from app.platform.embedded.errors import EngineDied
from app.platform.embedded.process import Child, Command, last_line

TICK = 0.05  # seconds between two looks
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a restart, doubled each time
SOUND = 60.0  # seconds alive after which former deaths are forgotten
TRIALS = 3  # deaths before being ready that make a start fail
KEPT_LOGS = 5


class State(StrEnum):
    """What is told of a process; the words are in the catalogue under ``up.state``."""

    STARTING = "starting"
    STARTED = "started"
    READY = "ready"
    DIED = "died"
    STOPPED = "stopped"


Tell = Callable[[str, State, float], None]
"""Told the name, the state, and the seconds it took (ready) or will take (died)."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep.

    Parameters
    ----------
    name : str
        Also names its log.
    command : callable
        Asked anew for every start, so that it can clear what the former one left.
    ready : callable, optional
        Says whether it does its work; where absent, to have started is enough.
    """

    name: str
    command: Callable[[], Command]
    ready: Callable[[], bool] | None = None


class _Kept:
    """A program, its present child and what befell the former ones."""

    def __init__(self, program: Program, log: Path, tell: Tell) -> None:
        self.program = program
        self.log = log
        self.ready = False
        self.deaths = 0
        self._tell = tell
        self._child: Child | None = None
        self._since = self._due = time.monotonic()

    def look(self) -> None:
        """Start it when due, note its death, note its readiness."""
        if self._child is None:
            if time.monotonic() >= self._due:
                self._start()
        elif not self._child.alive():
            self._bury()
        elif not self.ready and (self.program.ready is None or self.program.ready()):
            self.ready = True
            state = State.STARTED if self.program.ready is None else State.READY
            self._tell(self.program.name, state, time.monotonic() - self._since)

    def _start(self) -> None:
        self._since = time.monotonic()
        self._tell(self.program.name, State.STARTING, 0.0)
        self._child = self.program.command().spawn(self.log)

    def _bury(self) -> None:
        if time.monotonic() - self._since > SOUND:
            self.deaths = 0
        pause = min(FIRST_PAUSE * 2**self.deaths, LONGEST_PAUSE)
        self.deaths += 1
        self.ready = False
        self._child = None
        self._due = time.monotonic() + pause
        self._tell(self.program.name, State.DIED, pause)

    def ask(self) -> None:
        if self._child:
            self._child.ask()

    def end(self, patience: float) -> None:
        if self._child:
            self._child.end(patience)
            self._child = None
            self._tell(self.program.name, State.STOPPED, 0.0)


class Supervisor:
    """Starts waves of programs, one wave after the other, and stops them in reverse order.

    Use it as a context manager and from the main thread only: leaving it stops everything.

    Parameters
    ----------
    logs : Path
        Folder of one log per program; those of former starts are kept, numbered.
    tell : callable
    """

    def __init__(self, logs: Path, tell: Tell) -> None:
        self._logs = logs
        self._tell = tell
        self._waves: list[list[_Kept]] = []
        self._pause = Event()

    def bring_up(self, *programs: Program, within: float = 120.0) -> None:
        """Start programs side by side and return when all are ready.

        Parameters
        ----------
        *programs : Program
        within : float
            Seconds; a database that repairs itself after a power cut needs some.

        Raises
        ------
        EngineDied
            One was not ready in time, or died again and again.
        """
        wave = [_Kept(program, self._fresh_log(program.name), self._tell) for program in programs]
        self._waves.append(wave)
        deadline = time.monotonic() + within
        while waiting := [kept for kept in wave if not kept.ready]:
            self._look()
            late = time.monotonic() > deadline
            for kept in waiting:
                if not kept.ready and (late or kept.deaths >= TRIALS):
                    raise EngineDied(kept.program.name, str(kept.log), last_line(kept.log))
            self._pause.wait(TICK)

    def watch(self) -> None:
        """Restart what dies, until interrupted."""
        while True:
            self._look()
            self._pause.wait(4 * TICK)

    def stop(self, patience: float = 4.0) -> None:
        """Stop the last wave first; what does not end in time is ended.

        Parameters
        ----------
        patience : float
            Seconds of good order for each wave; two waves end within ten seconds.
        """
        while self._waves:
            wave = self._waves.pop()
            for kept in wave:
                kept.ask()
            deadline = time.monotonic() + patience
            for kept in wave:
                kept.end(deadline - time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def _look(self) -> None:
        for wave in self._waves:
            for kept in wave:
                kept.look()

    def _fresh_log(self, name: str) -> Path:
        log = self._logs / f"{name}.log"
        for number in range(KEPT_LOGS - 1, 0, -1):
            older = self._logs / f"{name}.log.{number}"
            newer = log if number == 1 else self._logs / f"{name}.log.{number - 1}"
            if newer.exists():
                newer.replace(older)
        return log
