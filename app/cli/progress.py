"""Waiting for the workers where a person watches: a bar from the job ledger."""

import sys
from collections.abc import Callable
from threading import Event

import click

SECOND = 0.5


def follow(label: str, look: Callable[[], tuple[int, int, bool]]) -> None:
    """Show progress until it is over; without a terminal, only wait.

    Parameters
    ----------
    label : str
    look : callable
        Returns units done, all units, and whether it is over.
    """
    pause = Event()
    done, total, over = look()
    with click.progressbar(length=max(total, 1), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        while not over:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)
            pause.wait(SECOND)
            done, total, over = look()
        bar.length = max(total, 1)
        bar.update(done - bar.pos)
