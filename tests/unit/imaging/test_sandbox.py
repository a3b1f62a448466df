import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from workers.imaging.inspect import Limits, Unreadable, inspect
from workers.imaging.sandbox import Sandbox

LIMITS = Limits()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(LIMITS)
    yield made
    made.close()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "扫描 1.tif"
    page = Image.effect_noise((413, 585), 40).convert("RGB")
    page.save(path, save_all=True, append_images=[page.convert("L")], dpi=(300, 300))
    return path


@pytest.fixture
def mute(tmp_path: Path) -> Path:
    """Make a pipe that nobody writes to: whoever reads it, hangs."""
    path = tmp_path / "mute.jpg"
    os.mkfifo(path)
    return path


_others: set[int] = set()


@pytest.fixture(autouse=True)
def _only_its_own() -> None:
    """Leave out the children that other tests of this process still hold."""
    _others.clear()
    _others.update(child.pid for child in psutil.Process().children())


def children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.pid not in _others and "workers.imaging.sandbox" in child.cmdline()
    ]


def refusal(sandbox: Sandbox, path: Path) -> str:
    with pytest.raises(Unreadable) as refused:
        sandbox.inspect(path)
    return refused.value.code


def test_the_sandbox_answers_as_the_inspection_does(sandbox: Sandbox, scan: Path) -> None:
    assert sandbox.inspect(scan) == inspect(scan, LIMITS)


def test_a_refusal_keeps_its_facts(scan: Path) -> None:
    sandbox = Sandbox(Limits(pixels=1000))
    with pytest.raises(Unreadable) as refused:
        sandbox.inspect(scan)
    sandbox.close()
    assert refused.value.code == "too_many_pixels"
    assert refused.value.facts == {"width": 413, "height": 585, "limit": 1000}


def test_no_child_is_started_before_it_is_needed_or_after_it_is_closed(sandbox: Sandbox, scan: Path) -> None:
    assert children() == []
    sandbox.inspect(scan)
    sandbox.inspect(scan)
    assert len(children()) == 1
    sandbox.close()
    assert children() == []


def test_a_child_killed_while_idle_is_replaced(sandbox: Sandbox, scan: Path) -> None:
    sandbox.inspect(scan)
    (child,) = children()
    child.kill()
    child.wait(5)
    assert sandbox.inspect(scan).media_type == "image/tiff"


def test_a_file_that_kills_the_child_is_damaged_and_the_next_is_read(sandbox: Sandbox, scan: Path, mute: Path) -> None:
    sandbox.inspect(scan)
    (child,) = children()

    def kill() -> None:
        with mute.open("wb"):  # returns when the child has begun to read
            child.kill()

    threading.Thread(target=kill).start()
    assert refusal(sandbox, mute) == "damaged"
    assert sandbox.inspect(scan).media_type == "image/tiff"


def test_a_file_that_hangs_is_too_slow_and_the_next_is_read(scan: Path, mute: Path) -> None:
    sandbox = Sandbox(LIMITS, seconds=2)
    assert refusal(sandbox, mute) == "too_slow"
    assert sandbox.inspect(scan).media_type == "image/tiff"
    sandbox.close()


def test_a_stopped_child_is_too_slow(scan: Path) -> None:
    sandbox = Sandbox(LIMITS, seconds=2)
    sandbox.inspect(scan)
    (child,) = children()
    child.send_signal(signal.SIGSTOP)
    assert refusal(sandbox, scan) == "too_slow"
    assert sandbox.inspect(scan).media_type == "image/tiff"
    sandbox.close()


def test_a_file_too_large_for_the_memory_is_refused_and_the_next_is_read(tmp_path: Path, scan: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (12_000, 12_000)).save(path, compress_level=1)
    sandbox = Sandbox(LIMITS, memory=400 << 20)
    assert refusal(sandbox, path) == "too_many_pixels"
    assert sandbox.inspect(scan).media_type == "image/tiff"
    sandbox.close()


def test_a_missing_file_is_not_the_files_fault(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sandbox.inspect(tmp_path / "none.jpg")


def test_threads_share_one_child(sandbox: Sandbox, scan: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(sandbox.inspect(scan).media_type)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["image/tiff"] * 8
    assert len(children()) == 1


def _in_daemon(scan: Path, answers: "multiprocessing.Queue[str]") -> None:
    sandbox = Sandbox(LIMITS)
    answers.put(sandbox.inspect(scan).media_type)
    sandbox.close()


def test_a_daemonic_worker_may_have_one(scan: Path) -> None:
    """As a process of Celery's pool is."""
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    worker = context.Process(target=_in_daemon, args=(scan, answers), daemon=True)
    worker.start()
    assert answers.get(timeout=20) == "image/tiff"
    worker.join(5)


def test_the_child_ends_with_a_killed_parent(scan: Path) -> None:
    program = (
        "import sys, pathlib, psutil\n"
        "from workers.imaging.inspect import Limits\n"
        "from workers.imaging.sandbox import Sandbox\n"
        "Sandbox(Limits()).inspect(pathlib.Path(sys.argv[1]))\n"
        "print(psutil.Process().children()[0].pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(scan)],
        cwd=Path(__file__).parents[3], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_the_child_inherits_no_secret(sandbox: Sandbox, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_SEAL_PIN", "123456")
    sandbox.inspect(scan)
    assert "LANTAI_SEAL_PIN" not in children()[0].environ()


def test_a_sandbox_that_does_not_start_blames_no_file(
    sandbox: Sandbox, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError):
        sandbox.inspect(scan)
