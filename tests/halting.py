"""An act of leaving in a process of its own, which halts at a chosen moment and is killed there without warning."""

import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.bootstrap import build
from app.platform.settings import Settings
from app.services import Services
from tenants.arrival import Arrivals
from tenants.bags import MANIFEST, digest
from tenants.departure import Departures, Ports, office
from tenants.retirement import Retirements
from tenants.scope import Principal, ProvinceScope, entered

SCOPE = ProvinceScope(Principal("system:test", roles=frozenset({"system", "province_admin"})), "test", "r")


def killed(settings: Settings, act: str, *words: str) -> None:
    """Do an act in another process, and kill it where it halts."""
    told = {
        f"LANTAI_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump().items()
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.halting", act, *words], env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        child.kill()
    assert child.returncode == -9


class Halting:
    """A port that halts when one of its verbs is asked for the n-th time, and else does what it stands for."""

    def __init__(self, port: object, verb: str, calls: int) -> None:
        self._port = port
        self._verb = verb
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = getattr(self._port, name)
        if name != self._verb:
            return verb

        def halting(*given: object, **more: object) -> object:
            self._calls -= 1
            if self._calls == 0:
                sys.stdout.write("here\n")
                sys.stdout.flush()
                sys.stdin.read()
            return verb(*given, **more)

        return halting


def export(services: Services, ports: Ports, export_id: str) -> None:
    own = services.departures
    halting = replace(ports, objects=Halting(ports.objects, "take", 2))
    departures = Departures(own._works, own._province, own._directory, halting, own._folder)
    with entered(office(SCOPE)):
        departures.run(uuid.UUID(export_id), lambda _done, _total: None)


def place(services: Services, ports: Ports, folder: str, passphrase: str) -> None:
    bring(services, replace(ports, objects=Halting(ports.objects, "place", 2)), folder, passphrase)


def rows(services: Services, ports: Ports, folder: str, passphrase: str) -> None:
    bring(services, replace(ports, audit=Halting(ports.audit, "root", 1)), folder, passphrase)


def bring(services: Services, ports: Ports, folder: str, passphrase: str) -> None:
    own = services.arrivals
    arrivals = Arrivals(own._works, own._province, own._directory, ports)
    arrivals.bring(
        Path(folder),
        SCOPE,
        passphrase=passphrase,
        progress=lambda _done, _total: None,
        told=digest(Path(folder) / MANIFEST),
    )


def retire(services: Services, ports: Ports, retirement_id: str) -> None:
    own = services.retirements
    halting = replace(ports, objects=Halting(ports.objects, "destroy", 1))
    retirements = Retirements(own._works, own._province, own._directory, halting, own._sign, own._folder)
    with entered(office(SCOPE)):
        retirements.run(uuid.UUID(retirement_id), lambda _done, _total: None)


ACTS = {"export": export, "place": place, "rows": rows, "retire": retire}

if __name__ == "__main__":
    built = build(Settings())  # pyright: ignore[reportCallIssue]  # read from the environment
    ACTS[sys.argv[1]](built, built.departures._ports, *sys.argv[2:])
