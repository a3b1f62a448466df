"""kill -9 of any process: after its restart every acknowledged upload completes, once."""

import io
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TypeVar

import psutil
import pytest
import requests
from PIL import Image, ImageDraw
from pyotp.totp import TOTP

LANTAI = [sys.executable, "-c", "from app.cli.main import main; main()"]
T = TypeVar("T")
PASSWORD = "Ceshi-Mima-2026"
PROCESSES = {
    "worker-pages": "pages@%h",
    "worker-default": "default@%h",
    "web": "gunicorn",
    "dispatcher": "workers.dispatcher",
    "redis": "redis-server",
    "postgres": "bin/postgres",
}


def _page(number: int) -> bytes:
    image = Image.new("RGB", (700, 300), "white")
    ImageDraw.Draw(image).text((60, 120), f"PAGE {number} OF THE BOX", fill="black", font_size=40)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", dpi=(200, 200))
    return buffer.getvalue()


def _until(look: Callable[[], T | None], seconds: float = 180.0) -> T:
    pause, deadline = Event(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        pause.wait(0.2)
    pytest.fail("waited too long")


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.ZombieProcess:  # the one killed before, not yet buried
        return []


@dataclass
class Archive:
    """A real archive under its supervisor."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, **more: object) -> requests.Response | None:
        """Ask the API; None while it does not answer."""
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            answer = requests.request(method, url, headers=self.headers, timeout=20, **more)  # pyright: ignore[reportArgumentType]
        except requests.RequestException:
            return None
        return answer if answer.ok else None

    def kill(self, part: str) -> None:
        """Kill a process of the archive, and the processes it has made, without warning."""
        children = psutil.Process(self.process.pid).children()
        victim = next(child for child in children if any(PROCESSES[part] in word for word in _words(child)))
        for process in [victim, *victim.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # gone with its parent
                process.kill()

    def cli(self, *words: str, token: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command against the archive."""
        env = {"LANTAI_TOKEN": token, "PATH": "", "LANTAI_LANG": "en"}
        return subprocess.run([*LANTAI, "--data", str(self.folder), *words], env=env, capture_output=True, check=False)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Return a running archive with one county and two people."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "data"
    env = {"LANTAI_JOB_LEASE_SECONDS": "5", "PATH": "", "HOME": str(tmp_path)}
    process = subprocess.Popen([*LANTAI, "--data", str(folder), "up", "--port", str(port)], env=env)
    running = Archive(folder, port, process)
    try:
        _until(lambda: running.call("GET", "/readyz"))
        codes = ("--division-code", "990100", "--archive-code", "990100")
        three = ("--sys-admin", "sys:系统", "--sec-admin", "sec:安全", "--audit-admin", "aud:审计")
        created = running.cli("tenant", "create", "shishi", "--name", "试试县档案馆", *codes, *three)
        assert created.returncode == 0, created.stderr.decode()
        for login, role in (("archivist", "archivist"), ("audit", "audit_admin")):
            account = ("--tenant", "shishi", "--name", login, "--role", role, "--password", PASSWORD)
            assert running.cli("user", "create", login, *account).returncode == 0
        running.headers["Authorization"] = f"Bearer {_token(running, 'archivist')}"
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _token(archive: Archive, login: str, otp: str = "") -> str:
    form = {"grant_type": "password", "username": login, "password": PASSWORD, "scope": "shishi", "otp": otp}
    return _until(lambda: archive.call("POST", "/oauth/token", data=form)).json()["access_token"]


def _enrolled(archive: Archive, login: str) -> str:
    """Set up an authenticator, and return a recovery code, which is good for one sign-in."""
    command = [*LANTAI, "--data", str(archive.folder), "enrol", "--tenant", "shishi", "--user", login]
    env = {"LANTAI_PASSWORD": PASSWORD, "PATH": "", "LANTAI_LANG": "en"}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as enrolling:
        assert enrolling.stdin
        assert enrolling.stdout
        secret = next(line.strip() for line in enrolling.stdout if re.fullmatch(r"[A-Z2-7]{32,}", line.strip()))
        told, _ = enrolling.communicate(TOTP(secret).now() + "\n", timeout=60)
    return told.split()[-1]


def _settled(archive: Archive, here: str) -> requests.Response | None:
    view = archive.call("GET", here)
    return None if view is None or view.json()["waiting"] else view


def test_every_acknowledged_upload_completes_once(archive: Archive) -> None:
    begun = _until(lambda: archive.call("POST", "/api/v1/uploads", json={"name": "一箱扫描件"})).json()
    here = f"/api/v1/uploads/{begun['id']}"
    sent = 0

    def send() -> None:
        nonlocal sent
        sent += 1
        page = _page(sent)
        _until(lambda: archive.call("POST", f"{here}/files", files={"file": (f"页{sent}.jpg", page)}))

    for part in PROCESSES:
        send()
        archive.kill(part)
        send()

    done = _until(lambda: _settled(archive, here)).json()
    assert (done["files"], done["pages"], done["ready"], done["failed"]) == (sent, sent, sent, 0)
    rows = _until(lambda: archive.call("GET", f"{here}/pages?limit=200")).json()["rows"]
    assert sorted(row["file_path"] for row in rows) == sorted(f"页{number}.jpg" for number in range(1, sent + 1))
    verified = archive.cli("audit", "verify", token=_token(archive, "audit", _enrolled(archive, "audit")))
    assert verified.returncode == 0, verified.stderr.decode()
