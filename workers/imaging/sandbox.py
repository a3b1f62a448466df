"""Inspection in a confined process: what a crafted file breaks there, breaks nothing else.

Requests and answers are JSON, each led by its length in four bytes. It is a program and not a
`multiprocessing` worker, since a Celery worker is daemonic and may not have those.
"""

import json
import resource
import selectors
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, cast

from workers.imaging.inspect import Frame, Inspected, Limits, Unreadable, inspect

_LENGTH = struct.Struct(">I")
_START_SECONDS = 30.0
_ROOT = Path(__file__).parents[2]


class Sandbox:
    """Inspect files one after the other in a child process, which is replaced when it dies or hangs.

    Threads may share one. The child is started by the first inspection and ends with its parent.

    Parameters
    ----------
    limits : Limits
    seconds : float
        For one file.
    memory : int
        Bytes of address space of the child.
    """

    def __init__(self, limits: Limits, *, seconds: float = 30, memory: int = 1536 << 20) -> None:
        self._limits = limits
        self._seconds = seconds
        self._memory = memory
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def inspect(self, path: Path) -> Inspected:
        """Say what a file is; see `workers.imaging.inspect.inspect`. Raises `Unreadable`."""
        request = {
            "path": str(path.resolve(strict=True)),  # one that is not there is no damaged file
            "pixels": self._limits.pixels,
            "frames": self._limits.frames,
            "seconds": self._seconds,
        }
        with self._lock:
            answer = self._ask(request)
        if "code" in answer:
            raise Unreadable(answer["code"], answer["facts"])
        return Inspected(answer["media_type"], tuple(Frame(*frame) for frame in answer["frames"]))

    def close(self) -> None:
        """End the child. The next inspection would start another."""
        with self._lock:
            self._end()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = _started(self._memory)
        try:
            return _asked(self._child, request, self._seconds)
        except TimeoutError:
            self._end()
            return {"code": "too_slow", "facts": {"seconds": self._seconds}}
        except (EOFError, BrokenPipeError):
            self._end()
            return {"code": "damaged", "facts": {}}

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


def _started(memory: int) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        (sys.executable, "-m", "workers.imaging.sandbox", str(memory)),
        cwd=_ROOT, env={"LANG": "C.UTF-8"}, bufsize=0,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _received(child, _START_SECONDS)
    except (EOFError, TimeoutError) as error:
        child.kill()
        child.communicate()
        message = "the sandbox does not start"  # our fault, and not to be laid on a file
        raise RuntimeError(message) from error
    return child


def _asked(child: subprocess.Popen[bytes], request: dict[str, Any], seconds: float) -> dict[str, Any]:
    _send(cast("IO[bytes]", child.stdin), request)
    return _received(child, seconds)


def _received(child: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
    """Read one message before the time is up."""
    until = time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_read(child, _LENGTH.size, until))
    return json.loads(_read(child, length, until))


def _read(child: subprocess.Popen[bytes], size: int, until: float) -> bytes:
    pipe, content = cast("IO[bytes]", child.stdout), b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(content) < size:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            part = pipe.read(size - len(content))
            if not part:
                raise EOFError
            content += part
    return content


def _send(pipe: IO[bytes], message: dict[str, Any]) -> None:
    content = json.dumps(message).encode()
    pipe.write(_LENGTH.pack(len(content)) + content)
    pipe.flush()


def _serve(memory: int, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the parent closes the pipe, or is gone."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _send(answers, {})
    while length := requests.read(_LENGTH.size):
        _send(answers, _answer(json.loads(requests.read(*_LENGTH.unpack(length)))))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)  # the clock is the parent's; this ends what lost its parent
    until = int(usage.ru_utime + usage.ru_stime + request["seconds"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
    try:
        found = inspect(Path(request["path"]), Limits(request["pixels"], request["frames"]))
    except Unreadable as refusal:
        return {"code": refusal.code, "facts": refusal.facts}
    return {
        "media_type": found.media_type,
        "frames": [(frame.width, frame.height, frame.dpi) for frame in found.frames],
    }


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
