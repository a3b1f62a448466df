"""Bags that a stranger can check with any tool of his own: writing and verifying them. Files only, no database.

Many files are packed into bags of a bounded size, in the order in which they come; one manifest over the tag
manifests of all bags, and over what lies beside them, seals the whole. Source: RFC 8493 (BagIt 1.0).
"""

import hashlib
import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Self

from app.kernel import clock
from app.kernel.errors import DomainError

MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
PAYLOAD = "data"
BAGS = "bags"

_DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_TAGS = ("bagit.txt", "bag-info.txt", MANIFEST)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
"""Names that need no escape in a manifest, and lead out of no folder on any system."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)\n")
_OXUM = re.compile(r"^Payload-Oxum: ([0-9]+)\.([0-9]+)$", re.MULTILINE)


@dataclass(eq=False)
class BagBroken(DomainError):
    """A file is missing, altered, or was never listed; it is the first one met."""

    code: ClassVar[str] = "departure.broken"
    file: str


@contextmanager
def readable(file: str) -> Generator[None]:
    """Raise `BagBroken` for a file whose content is not of the form it must have."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BagBroken(file) from error


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of a bag, its digest as verified.

    Attributes
    ----------
    name : str
        Below the payload folder.
    """

    name: str
    sha256: str
    path: Path


class Bags:
    """A folder of bags in the making.

    Parameters
    ----------
    folder : Path
        Empty; lies under its last name only when `seal` is over and it was renamed.
    info : mapping of str to str
        Elements of ``bag-info.txt`` that all bags share.
    bound : int
        Bytes after which the next bag is begun; a larger file has a bag of its own.
    """

    def __init__(self, folder: Path, info: Mapping[str, str], *, bound: int) -> None:
        self._folder = folder
        self._info = info
        self._bound = bound
        self._sizes: list[tuple[int, int]] = []  # of each bag: bytes, files
        self._manifest: IO[str]
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def file(self, name: str, size: int) -> Generator[Path]:
        """Give a path to write the next file to; when the block is over its bytes are read back and listed.

        Parameters
        ----------
        name : str
            Below the payload folder.
        size : int
            Bytes expected, so that the bag can be chosen.
        """
        if not _NAME.fullmatch(name):
            message = f"not a plain name: {name!r}"
            raise ValueError(message)
        if not self._sizes or (self._sizes[-1][1] and self._sizes[-1][0] + size > self._bound):
            self._next_bag()
        path = self._bag(len(self._sizes)) / PAYLOAD / name
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        _sync(path)
        octets, files = self._sizes[-1]
        self._sizes[-1] = octets + path.stat().st_size, files + 1
        self._manifest.write(f"{digest(path)}  {PAYLOAD}/{name}\n")

    def seal(self, beside: Mapping[str, str]) -> str:
        """Complete all bags, and list them with what lies beside them; returns the digest of that list.

        Parameters
        ----------
        beside : mapping of str to str
            Name and text of the files that lie next to the bags.
        """
        self._open.close()
        for number, (octets, files) in enumerate(self._sizes, 1):
            info = {
                **self._info,
                "Bagging-Date": f"{clock.now():%Y-%m-%d}",
                "Payload-Oxum": f"{octets}.{files}",
                "Bag-Count": f"{number} of {len(self._sizes)}",
            }
            bag = self._bag(number)
            _write(bag / "bagit.txt", _DECLARATION)
            _write(bag / "bag-info.txt", "".join(f"{label}: {value}\n" for label, value in info.items()))
            _sync(bag / MANIFEST)
            _write(bag / TAG_MANIFEST, _listing(bag, _TAGS))
        for name, text in beside.items():
            _write(self._folder / name, text)
        names = [*sorted(beside), *(f"{BAGS}/{number:04d}/{TAG_MANIFEST}" for number in range(1, len(self._sizes) + 1))]
        _write(self._folder / MANIFEST, _listing(self._folder, names))
        return digest(self._folder / MANIFEST)

    def _next_bag(self) -> None:
        self._open.close()
        self._sizes.append((0, 0))
        bag = self._bag(len(self._sizes))
        (bag / PAYLOAD).mkdir(parents=True)
        self._manifest = self._open.enter_context((bag / MANIFEST).open("w", encoding="utf-8", newline="\n"))

    def _bag(self, number: int) -> Path:
        return self._folder / BAGS / f"{number:04d}"


def verified(folder: Path) -> Iterator[Packed]:
    """Give every file of every bag in the order of packing, each verified; raises `BagBroken` at the first bad one.

    Whatever is not listed is refused too: nothing can be slipped in.

    Parameters
    ----------
    folder : Path
        As `Bags` left it, from a stranger's disk.
    """
    listed = [name for name, _ in _verified_list(folder, MANIFEST)]
    bags = [name.split("/")[1] for name in listed if name.startswith(f"{BAGS}/")]
    if listed[len(listed) - len(bags) :] != [
        f"{BAGS}/{number:04d}/{TAG_MANIFEST}" for number in range(1, len(bags) + 1)
    ]:
        raise BagBroken(MANIFEST)
    beside = {name for name in listed if "/" not in name}
    _require_only(folder, beside | {MANIFEST, BAGS}, folder)
    if bags:
        _require_only(folder / BAGS, set(bags), folder)
    for bag in bags:
        yield from _verified_bag(folder / BAGS / bag, folder)


def packed(folder: Path) -> Iterator[Packed]:
    """Give every file of bags that `verified` found whole, without reading them again."""
    for bag in sorted((folder / BAGS).iterdir()):
        for name, sha256 in _list(bag, MANIFEST, folder):
            yield Packed(name.removeprefix(f"{PAYLOAD}/"), sha256, bag / name)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verified_bag(bag: Path, root: Path) -> Iterator[Packed]:
    tags = [name for name, _ in _verified_list(bag, TAG_MANIFEST, root)]
    if tags != list(_TAGS):
        raise BagBroken(_told(bag / TAG_MANIFEST, root))
    _require_only(bag, {*_TAGS, TAG_MANIFEST, PAYLOAD}, root)
    if (bag / "bagit.txt").read_bytes() != _DECLARATION.encode():
        raise BagBroken(_told(bag / "bagit.txt", root))
    octets, names = 0, set[str]()
    for name, sha256 in _verified_list(bag, MANIFEST, root):
        if not name.startswith(f"{PAYLOAD}/") or name in names:
            raise BagBroken(_told(bag / MANIFEST, root))
        names.add(name)
        octets += (bag / name).stat().st_size
        yield Packed(name.removeprefix(f"{PAYLOAD}/"), sha256, bag / name)
    stray = min((path for path in _files(bag / PAYLOAD) if path.relative_to(bag).as_posix() not in names), default=None)
    if stray is not None:
        raise BagBroken(_told(stray, root))
    oxum = _OXUM.search((bag / "bag-info.txt").read_text("utf-8", errors="replace"))
    if oxum is None or (int(oxum[1]), int(oxum[2])) != (octets, len(names)):
        raise BagBroken(_told(bag / "bag-info.txt", root))


def _verified_list(folder: Path, manifest: str, root: Path | None = None) -> Iterator[tuple[str, str]]:
    root = root or folder
    for name, sha256 in _list(folder, manifest, root):
        path = folder / name
        if _leads_away(path, root) or not path.is_file() or digest(path) != sha256:
            raise BagBroken(_told(path, root))
        yield name, sha256


def _list(folder: Path, manifest: str, root: Path) -> Iterator[tuple[str, str]]:
    try:
        with (folder / manifest).open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                match = _LINE.fullmatch(line)
                if match is None or not _NAME.fullmatch(match[2]):
                    raise BagBroken(_told(folder / manifest, root))
                yield match[2], match[1]
    except (OSError, UnicodeDecodeError) as error:
        raise BagBroken(_told(folder / manifest, root)) from error


def _leads_away(path: Path, root: Path) -> bool:
    return any(part.is_symlink() for part in (path, *path.parents) if root in part.parents)


def _require_only(folder: Path, names: set[str], root: Path) -> None:
    stray = min((path for path in folder.iterdir() if path.name not in names or path.is_symlink()), default=None)
    if stray is not None:
        raise BagBroken(_told(stray, root))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _told(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _listing(folder: Path, names: "list[str] | tuple[str, ...]") -> str:
    return "".join(f"{digest(folder / name)}  {name}\n" for name in names)


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
