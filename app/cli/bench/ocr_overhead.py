"""``ocr_overhead``: pages a second of the whole archive, against bare rapidocr, set up alike, on the same pages."""

import contextlib
import io
import multiprocessing
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

import click
import numpy as np
import requests
from PIL import Image
from rapidocr import RapidOCR
from rapidocr.utils.output import RapidOCROutput

from app.cli.bench.engine import machine, verdict
from app.demo import catalogue, scans
from app.demo.fonts import Fonts
from app.demo.province import PROVINCE
from workers.ocr.rapid import parameters

GOAL = 0.80
PAGES, ROUNDS, PROCESSES = 8, 3, 2
TENANT, PASSWORD = "bench", "Bench-Password-1"
ALIKE = 0.85
"""Share of characters that must agree page by page: the archive reads a straightened page, the peer the raw scan."""

_PAUSE = Event()
_engine: list[RapidOCR] = []


def _load() -> None:
    _engine.append(RapidOCR(params=parameters(threads=1)))


def _read(jpeg: bytes) -> str:
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))[:, :, ::-1]
    told = _engine[0](pixels)
    assert isinstance(told, RapidOCROutput)  # noqa: S101  # all stages ran
    return "".join(told.txts or ())


def _pages() -> list[bytes]:
    """Return upright pages, slanted and stained as they come, each different."""
    fonts, county = Fonts(), PROVINCE.counties[2]
    wanted: list[bytes] = []
    for row in catalogue.rows(county):
        if row.ref_code in scans.SCANNED or len(wanted) == PAGES:
            continue
        page = scans.scan(county, row, fonts)[0]
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(page.aged.image)).save(buffer, "JPEG", quality=85, dpi=(200, 200))
        wanted.append(buffer.getvalue())
    return wanted


class _Archive:
    """A running archive, spoken to over HTTP like any client."""

    def __init__(self, port: int, password: str, tenant: str) -> None:
        base = f"http://127.0.0.1:{port}"
        form = {"grant_type": "password", "username": "archivist", "password": password, "scope": tenant}
        token = requests.post(f"{base}/oauth/token", data=form, timeout=60).json()["access_token"]
        self._base = f"{base}/api/v1"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def read(self, pages: Sequence[bytes], name: str) -> tuple[float, list[str]]:
        """Deliver pages and wait until each is read; returns seconds and texts."""
        start = time.perf_counter()
        upload = self._http.post(f"{self._base}/uploads", json={"name": name}, timeout=60).json()["id"]
        ids: list[str] = []
        for number, page in enumerate(pages):
            sent = {"file": (f"{name}-{number}.jpg", page, "image/jpeg")}
            answer = self._http.post(f"{self._base}/uploads/{upload}/files", files=sent, timeout=60)
            answer.raise_for_status()
            ids.append(answer.json()["pages"][0]["id"])
        while (seen := self._get(f"/uploads/{upload}"))["waiting"]:
            _PAUSE.wait(0.05)
        seconds = time.perf_counter() - start
        if seen["ready"] != len(pages):
            message = f"{seen['failed']} pages failed"
            raise click.ClickException(message)
        return seconds, [str(self._get(f"/pages/{page}/text")["text"]) for page in ids]

    def _get(self, path: str) -> dict[str, Any]:
        return self._http.get(self._base + path, timeout=60).json()


@contextlib.contextmanager
def _archive() -> Iterator[_Archive]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        lantai = [sys.executable, "-c", "from app.cli.main import main; main()", "--data", str(Path(folder) / "data")]
        process = subprocess.Popen(
            [*lantai, "up", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not _answers(port):
                if process.poll() is not None:
                    message = "the archive did not start"
                    raise click.ClickException(message)
                _PAUSE.wait(0.2)
            codes = ["--division-code", "990101", "--archive-code", "990101"]
            subprocess.run(
                [*lantai, "tenant", "create", TENANT, "--name", TENANT, *codes], check=True, stdout=subprocess.DEVNULL
            )
            account = ["--tenant", TENANT, "--name", "bench", "--role", "archivist", "--password", PASSWORD]
            subprocess.run([*lantai, "user", "create", "archivist", *account], check=True, stdout=subprocess.DEVNULL)
            yield _Archive(port, PASSWORD, TENANT)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def _alike(one: str, other: str) -> float:
    left, right = (re.sub(r"\s", "", text) for text in (one, other))
    return SequenceMatcher(None, sorted(left), sorted(right), autojunk=False).ratio()


def _salted(pages: Sequence[bytes], salt: int) -> list[bytes]:
    """Return the same images under other digests, so that no round is answered from an earlier one."""
    return [page + bytes([salt]) for page in pages]


def run() -> bool:
    """Measure both in turn, check that they read the same, and say whether the goal holds."""
    machine()
    pages = _pages()
    click.echo(
        f"data: {len(pages)} A4 pages at 200 dpi; {PROCESSES} processes of 1 thread each; {ROUNDS} rounds in turn"
    )
    context = multiprocessing.get_context("spawn")
    ratios: list[float] = []
    with _archive() as archive, context.Pool(PROCESSES, _load) as pool:
        pool.map(_read, pages[:PROCESSES], chunksize=1)
        archive.read(_salted(pages[:PROCESSES], 0), "warm")
        for number in range(1, ROUNDS + 1):
            start = time.perf_counter()
            bare = pool.map(_read, pages, chunksize=1)
            bare_seconds = time.perf_counter() - start
            whole_seconds, whole = archive.read(_salted(pages, number), f"round{number}")
            worst = min(map(_alike, bare, whole))
            if worst < ALIKE:
                message = f"texts differ: {worst:.2f} alike on the worst page"
                raise click.ClickException(message)
            ratios.append(bare_seconds / whole_seconds)
            click.echo(
                f"round {number}: archive {len(pages) / whole_seconds:.2f} pages/s,"
                f" rapidocr {len(pages) / bare_seconds:.2f} pages/s, texts ≥ {worst:.2f} alike"
            )
    return verdict("ocr_overhead", median(ratios), GOAL, at_least=True)
