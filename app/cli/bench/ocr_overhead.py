"""``ocr_overhead``: pages a second of the whole archive, against bare rapidocr, on the same pages."""

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
from multiprocessing.pool import Pool
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
BARE, SET_UP_ALIKE = 0, 1
TENANT, PASSWORD = "bench", "Bench-Password-1"
ALIKE = 0.85
"""Share of characters that must agree page by page: the archive reads a straightened page, the peer the raw scan."""

_PAUSE = Event()
_engines: list[RapidOCR] = []


def _load() -> None:
    bare = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1}
    _engines.extend((RapidOCR(params=bare), RapidOCR(params=parameters(threads=1))))


def _read(peer: int, jpeg: bytes) -> str:
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))[:, :, ::-1]
    told = _engines[peer](pixels)
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


def _timed(pool: Pool, peer: int, pages: Sequence[bytes]) -> tuple[float, list[str]]:
    start = time.perf_counter()
    texts = pool.starmap(_read, [(peer, page) for page in pages], chunksize=1)
    return time.perf_counter() - start, texts


def run() -> bool:
    """Measure all in turn, check that they read the same, and say whether the goal holds.

    The goal is against rapidocr as it comes. Beside it stands rapidocr set up as the archive sets it up, which
    finds lines on a smaller copy: what the archive costs where the recognition is the same.
    """
    machine()
    pages = _pages()
    click.echo(
        f"data: {len(pages)} A4 pages at 200 dpi; {PROCESSES} processes of 1 thread each; {ROUNDS} rounds in turn"
    )
    context = multiprocessing.get_context("spawn")
    bare_ratios: list[float] = []
    alike_ratios: list[float] = []
    with _archive() as archive, context.Pool(PROCESSES, _load) as pool:
        for peer in (BARE, SET_UP_ALIKE):
            _timed(pool, peer, pages[:PROCESSES])
        archive.read(_salted(pages[:PROCESSES], 0), "warm")
        for number in range(1, ROUNDS + 1):
            bare_seconds, bare = _timed(pool, BARE, pages)
            whole_seconds, whole = archive.read(_salted(pages, number), f"round{number}")
            alike_seconds, _ = _timed(pool, SET_UP_ALIKE, pages)
            worst = min(map(_alike, bare, whole))
            if worst < ALIKE:
                message = f"texts differ: {worst:.2f} alike on the worst page"
                raise click.ClickException(message)
            bare_ratios.append(bare_seconds / whole_seconds)
            alike_ratios.append(alike_seconds / whole_seconds)
            rates = (len(pages) / seconds for seconds in (whole_seconds, bare_seconds, alike_seconds))
            told = "archive {:.2f}, rapidocr {:.2f}, set up alike {:.2f} pages/s".format(*rates)
            click.echo(f"round {number}: {told}; texts ≥ {worst:.2f} alike")
    click.echo(f"against rapidocr set up alike: {median(alike_ratios):.2f}")
    return verdict("ocr_overhead", median(bare_ratios), GOAL, at_least=True)
