"""An outbox nobody empties: messages to phones lie in a folder, for demonstrations and development."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.kernel import clock
from app.kernel.ids import new_id

KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Message:
    """What would have gone out."""

    at: datetime
    phone: str
    code: str


class Outbox:
    """A file a message, readable to the archive's account alone, gone after an hour.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, phone: str, code: str) -> None:
        """Put a message in."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        message = Message(clock.now(), phone, code)
        path = self._folder / f"{new_id()}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(message), default=datetime.isoformat))

    def messages(self) -> tuple[Message, ...]:
        """Return the messages of the last hour, newest first; older ones are deleted."""
        found: list[Message] = []
        for path in sorted(self._folder.glob("*.json"), reverse=True):
            told = json.loads(path.read_text() or "{}")
            if not told:
                continue  # being written
            message = Message(datetime.fromisoformat(told["at"]), told["phone"], told["code"])
            if message.at < clock.now() - KEPT:
                path.unlink(missing_ok=True)
            else:
                found.append(message)
        return tuple(found)
