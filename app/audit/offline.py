"""Examines an exported audit log of Lantai Cloud: ``python verify.py EXPORT --key KEY``.

This file needs Python 3.9 or newer and nothing else: no other file, no library, no network. The archive itself
verifies with it too, and lays it in every export as ``verify.py``. Take it and the key from somewhere you trust.

An export is a ZIP file, or the folder it was unpacked to:

``entries.jsonl``
    An entry a line: ``{"seq":…,"at":"…","leaf":"…","body":{…}}``. The leaf is the SHA-256 of a zero byte, the
    number, a newline, the time, a newline, and the body as it stands there, byte by byte.
``tiles/0``, ``tiles/1``, …
    The hashes of the Merkle tree (RFC 9162, 2.1): leaves by the 256, roots of 256 leaves by the 256, and so on.
``checkpoints/*.note``
    Signed notes (C2SP tlog-checkpoint): how large the log was, and what its root was.

Exit code 0 only where every entry, tile and checkpoint holds.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import zipfile
import zlib
from hashlib import sha256, sha512
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HASH = 32
TILE = 256
LINE = 1 << 20
"""Longest line of an entry, in bytes."""
NOTE = 1 << 16
"""Longest note, or file of keys."""
TILES = 1 << 29
"""Most bytes of leaves, which are held in memory; for each level above a 256th."""
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_LINE = re.compile(
    rb'\{"seq":([1-9][0-9]{0,17}),"at":"(' + _MOMENT.encode() + rb')","leaf":"([0-9a-f]{64})","body":(\{.*\})\}\n?'
)
_NOTE = re.compile(
    r"(?P<text>(?P<origin>lantai/[a-z][a-z0-9]{1,30})\n(?P<size>[1-9][0-9]{0,17})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    rf"timestamp (?P<at>{_MOMENT})\n)\n— (?P<name>[^ +\n]+) (?P<signature>[A-Za-z0-9+/]+=*)\n"
)


class Entry(NamedTuple):
    """An entry as it is hashed, and the leaf that was kept of it."""

    seq: int
    at: bytes
    leaf: bytes
    body: bytes

    def hashed(self) -> bytes:
        """Return the leaf this entry must have."""
        return sha256(b"\x00%d\n%b\n%b" % (self.seq, self.at, self.body)).digest()

    def line(self) -> bytes:
        """Return the entry as a line of an export."""
        return b'{"seq":%d,"at":"%b","leaf":"%b","body":%b}\n' % (
            self.seq, self.at, self.leaf.hex().encode(), self.body,
        )  # fmt: skip


def read_line(line: bytes) -> Entry | None:
    """Return the entry of a line of an export; None where it is none."""
    told = _LINE.fullmatch(line)
    return told and Entry(int(told[1]), told[2], bytes.fromhex(told[3].decode()), told[4])


class Finding(NamedTuple):
    """Something that does not hold.

    Attributes
    ----------
    kind : str
        A key of `WORDS`.
    seq, until : int
        The first entry and the last that it concerns or may concern.
    where : str
        The file or place it was found in, where that is not the entries.
    """

    kind: str
    seq: int
    until: int
    where: str = ""


class Tree:
    """A Merkle tree as it grows: the roots of its complete subtrees, and each tile as it fills."""

    def __init__(self) -> None:
        self.size = 0
        self.roots: list[bytes] = []
        self.tiles: list[tuple[int, bytes]] = []
        self._rows = [bytearray()]

    def add(self, leaf: bytes) -> None:
        """Append a leaf; tiles that it fills are appended to `tiles` as level and hashes."""
        node, rest, height = leaf, self.size, 0
        self._rows[0] += leaf
        while rest & 1:
            node = sha256(b"\x01" + self.roots.pop() + node).digest()
            rest >>= 1
            height += 1
            if not height & 7:
                self._fill(height >> 3, node)
        self.roots.append(node)
        self.size += 1

    def _fill(self, level: int, root: bytes) -> None:
        self.tiles.append((level - 1, bytes(self._rows[level - 1])))
        self._rows[level - 1].clear()
        if len(self._rows) == level:
            self._rows.append(bytearray())
        self._rows[level] += root

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        return folded(self.roots)


def folded(roots: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees, the largest first. Source: RFC 9162, 2.1.1."""
    if not roots:
        return sha256(b"").digest()
    node = roots[-1]
    for left in roots[-2::-1]:
        node = sha256(b"\x01" + left + node).digest()
    return node


class Key(NamedTuple):
    """A public key. Source: C2SP signed-note, verifier keys.

    Attributes
    ----------
    kind : bytes
        `ED25519` or `SM2`.
    """

    name: str
    kind: bytes
    public: bytes

    def id(self) -> bytes:
        """Return the four bytes that lead its signatures."""
        return sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    def __str__(self) -> str:
        """Return the key as it is handed out: name, id, and what it is."""
        return f"{self.name}+{self.id().hex()}+{base64.b64encode(self.kind + self.public).decode()}"

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Say whether the signature of a text is this key's."""
        return (_ed25519_signed if self.kind == ED25519 else _sm2_signed)(self.public, text, signature)


ED25519 = b"\x01"
SM2 = b"\xffSM2-with-SM3"


def read_keys(words: str) -> list[Key]:
    """Return the keys of a text, one in a line; raises ValueError."""
    keys: list[Key] = []
    for word in words.split():
        name, _, rest = word.partition("+")
        told = base64.b64decode(rest.partition("+")[2], validate=True)
        kind = next((kind for kind in (ED25519, SM2) if told.startswith(kind)), b"")
        key = Key(name, kind, told[len(kind) :])
        if str(key) != word or len(key.public) != {ED25519: 32, SM2: 65}.get(kind):
            message = f"not a key: {word}"
            raise ValueError(message)
        keys.append(key)
    return keys


class Checkpoint(NamedTuple):
    """What a signed note says: after ``size`` entries, the last of them at ``at``, the root was ``root``."""

    origin: str
    size: int
    root: bytes
    at: str

    def text(self) -> str:
        """Return what is signed. Source: C2SP tlog-checkpoint, with one extension line."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\ntimestamp {self.at}\n"


def note(checkpoint: Checkpoint, key: Key, signature: bytes) -> str:
    """Return a checkpoint with its signature. Source: C2SP signed-note."""
    return sealed(checkpoint.text(), key, signature)


def sealed(text: str, key: Key, signature: bytes) -> str:
    """Return a text with its signature. Source: C2SP signed-note."""
    return f"{text}\n— {key.name} {base64.b64encode(key.id() + signature).decode()}\n"


def read_note(written: bytes, keys: Sequence[Key]) -> Checkpoint | None:
    """Return what a note says; None where none of the keys signed it exactly so."""
    told = _NOTE.fullmatch(written.decode(errors="replace"))
    if told is None:
        return None
    checkpoint = Checkpoint(told["origin"], int(told["size"]), base64.b64decode(told["root"]), told["at"])
    sealed = base64.b64decode(told["signature"] + "==")
    for key in keys:
        exact = note(checkpoint, key, sealed[4:]).encode() == written
        if exact and key.signed(checkpoint.text().encode(), sealed[4:]):
            return checkpoint
    return None


class Report(NamedTuple):
    """What an examination found.

    Attributes
    ----------
    tree : Tree
        Of the entries read; of all of them where nothing was found.
    checkpoints : sequence of Checkpoint
        Those whose signature holds, by size.
    findings : sequence of Finding
        What concerns entries first.
    """

    tree: Tree
    checkpoints: Sequence[Checkpoint]
    findings: Sequence[Finding]


def examine(
    origin: str,
    entries: Iterable[Entry | None],
    tile: Callable[[int, int], bytes],
    notes: Iterable[tuple[str, bytes]],
    keys: Sequence[Key],
) -> Report:
    """Hold a log against its hashes, its tiles and its signed checkpoints.

    Parameters
    ----------
    origin : str
        Of which log the checkpoints must speak; empty for that of the first.
    entries : iterable of Entry or None
        In their order; None for what is no entry. The reading ends at the first that does not hold.
    tile : callable
        Level and number to the hashes kept of a complete tile; nothing where there is none.
    notes : iterable of (str, bytes)
        Place and content of each.
    keys : sequence of Key
    """
    signed: list[Checkpoint] = []
    unsigned: list[str] = []
    for where, written in notes:
        checkpoint = read_note(written, keys)
        if checkpoint is None or checkpoint.origin != (origin or checkpoint.origin):
            unsigned.append(where)
        else:
            origin = checkpoint.origin
            signed.append(checkpoint)
    signed = sorted(set(signed), key=lambda c: c.size)
    reading = _Reading(tile, signed)
    reading.read(iter(entries))
    last = max(reading.tree.size, 1)
    findings = [*reading.findings, *(Finding("signature", 1, last, where) for where in unsigned)]
    return Report(reading.tree, signed, findings)


class _Reading:
    """One pass over the entries of a log."""

    def __init__(self, tile: Callable[[int, int], bytes], signed: Sequence[Checkpoint]) -> None:
        self.tree = Tree()
        self.findings: list[Finding] = []
        self._tile = tile
        self._signed = signed
        self._next = 0
        self._held = 0
        self._suspect = 0

    def read(self, entries: Iterator[Entry | None]) -> None:
        tree, last, kept = self.tree, b"", b""
        for entry in entries:
            seq = tree.size + 1
            if entry is None or entry.seq != seq or entry.at < last or entry.hashed() != entry.leaf:
                self.findings.insert(0, _told(seq, entry, last, entries))
                return
            place = tree.size % TILE * HASH
            if place == 0:
                kept = self._tile(0, tree.size // TILE)
            if kept and not self._suspect and kept[place : place + HASH] != entry.leaf:
                self._suspect = seq
            last = entry.at
            tree.add(entry.leaf)
            if tree.tiles:
                self._compare()
            if not self._agrees():
                return
        if self._next < len(self._signed):
            self.findings.insert(0, Finding("removed", tree.size + 1, self._signed[-1].size))
        elif self._suspect:
            self.findings.insert(0, Finding("altered", self._suspect, self._suspect))

    def _compare(self) -> None:
        """Hold the tiles just filled against those that were kept."""
        for level, hashes in self.tree.tiles:
            span = TILE ** (level + 1)
            number = self.tree.size // span - 1
            if not self._suspect and self._tile(level, number) != hashes:
                begin = number * span + 1
                self.findings.append(Finding("tile", begin, begin + span - 1, f"tiles/{level}"))
        self.tree.tiles.clear()

    def _agrees(self) -> bool:
        """Hold the tree against the checkpoints of its present size."""
        while self._next < len(self._signed) and self._signed[self._next].size == self.tree.size:
            checkpoint = self._signed[self._next]
            self._next += 1
            if checkpoint.root != self.tree.root():
                found = Finding("altered", self._suspect, self._suspect)
                between = Finding("root", self._held + 1, checkpoint.size)
                self.findings.insert(0, found if self._suspect else between)
                return False
            if self._suspect:
                self.findings.append(Finding("tile", self._suspect, self._suspect, "tiles/0"))
            self._held, self._suspect = checkpoint.size, 0
        return True


def _told(seq: int, entry: Entry | None, last: bytes, rest: Iterator[Entry | None]) -> Finding:
    """Say what is the matter with the first entry that does not hold."""
    if entry is None:
        return Finding("malformed", seq, seq)
    if entry.seq != seq:
        later = entry.seq < seq or any(other is not None and other.seq == seq for other in rest)
        return Finding("reordered", seq, seq) if later else Finding("removed", seq, entry.seq - 1)
    return Finding("altered" if entry.at >= last else "back-dated", seq, seq)


# Ed25519. Source: RFC 8032, 5.1. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]


def _ed_add(a: _Point, b: _Point) -> _Point:
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    c, d = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _ed_point(packed: bytes) -> _Point | None:
    """Return the point of 32 bytes. Source: RFC 8032, 5.1.3."""
    y = int.from_bytes(packed, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


_BASE = _ed_point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def _ed25519_signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Say whether [S]B = R + [k]A. Source: RFC 8032, 5.1.7."""
    a, r = _ed_point(public), _ed_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or _BASE is None or len(signature) != 64 or s >= _L:  # noqa: PLR2004
        return False
    k = int.from_bytes(sha512(signature[:32] + public + text).digest(), "little") % _L
    minus_a = _P - a[0], a[1], 1, _P - a[3]
    terms = {(1, 0): _BASE, (0, 1): minus_a, (1, 1): _ed_add(_BASE, minus_a)}
    sum_: _Point = (0, 1, 1, 0)
    for bit in range(253, -1, -1):
        sum_ = _ed_add(sum_, sum_)
        taken = s >> bit & 1, k >> bit & 1
        if taken in terms:
            sum_ = _ed_add(sum_, terms[taken])
    return (sum_[0] - r[0] * sum_[2]) % _P == 0 and (sum_[1] - r[1] * sum_[2]) % _P == 0


# SM3 and SM2. Source: GB/T 32905 and GB/T 32918.2, with the curve of GB/T 32918.5.

_SM_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_SM_A = _SM_P - 3
_SM_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_SM_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_SM_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
_SM_USER = b"1234567812345678"


def _turn(word: int, by: int) -> int:
    by %= 32
    return (word << by | word >> 32 - by) & 0xFFFFFFFF


def sm3(text: bytes) -> bytes:
    """Return the SM3 digest of a text. Source: GB/T 32905."""
    state = [
        0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E,
    ]  # fmt: skip
    padded = text + b"\x80" + bytes(-(len(text) + 9) % 64) + (8 * len(text)).to_bytes(8, "big")
    for start in range(0, len(padded), 64):
        w = [int.from_bytes(padded[start + i : start + i + 4], "big") for i in range(0, 64, 4)]
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ _turn(w[j - 3], 15)
            w.append(x ^ _turn(x, 15) ^ _turn(x, 23) ^ _turn(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            first = j < 16  # noqa: PLR2004
            constant = _turn(0x79CC4519 if first else 0x7A879D8A, j)
            s1 = _turn(_turn(a, 12) + e + constant & 0xFFFFFFFF, 7)
            s2 = s1 ^ _turn(a, 12)
            f1 = a ^ b ^ c if first else a & b | a & c | b & c
            f2 = e ^ f ^ g if first else e & f | ~e & g
            t1 = f1 + d + s2 + (w[j] ^ w[j + 4]) & 0xFFFFFFFF
            t2 = f2 + h + s1 + w[j] & 0xFFFFFFFF
            a, b, c, d = t1, a, _turn(b, 9), c
            e, f, g, h = t2 ^ _turn(t2, 9) ^ _turn(t2, 17), e, _turn(f, 19), g
        state = [old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h))]  # noqa: B905  # Python 3.9
    return b"".join(word.to_bytes(4, "big") for word in state)


def _sm2_add(a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int] | None:
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % _SM_P == 0:
        return None
    rise, run = (3 * a[0] * a[0] + _SM_A, 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = rise * pow(run, -1, _SM_P) % _SM_P
    x = (slope * slope - a[0] - b[0]) % _SM_P
    return x, (slope * (a[0] - x) - a[1]) % _SM_P


def _sm2_times(factor: int, point: tuple[int, int] | None) -> tuple[int, int] | None:
    sum_ = None
    while factor:
        if factor & 1:
            sum_ = _sm2_add(sum_, point)
        point = _sm2_add(point, point)
        factor >>= 1
    return sum_


def sm2_public(secret: int) -> bytes:
    """Return the public key of a secret one: 4, x, y."""
    x, y = _sm2_times(secret, _SM_G) or (0, 0)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _sm2_signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Say whether a signature is of a key. Source: GB/T 32918.2, 7.1."""
    x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    on_curve = public[:1] == b"\x04" and (y * y - x**3 - _SM_A * x - _SM_B) % _SM_P == 0
    t = (r + s) % _SM_N
    if not on_curve or len(signature) != 64 or not (0 < r < _SM_N and 0 < s < _SM_N and t):  # noqa: PLR2004
        return False
    curve = b"".join(number.to_bytes(32, "big") for number in (_SM_A, _SM_B, *_SM_G))
    who = sm3((8 * len(_SM_USER)).to_bytes(2, "big") + _SM_USER + curve + public[1:])
    point = _sm2_add(_sm2_times(s, _SM_G), _sm2_times(t, (x, y)))
    return point is not None and (int.from_bytes(sm3(who + text), "big") + point[0]) % _SM_N == r


WORDS = {
    "altered": ("第 {seq} 条被改动", "entry {seq} was altered"),
    "back-dated": ("第 {seq} 条的时间早于前一条", "entry {seq} is back-dated: it is older than the one before"),
    "malformed": ("第 {seq} 条无法读取", "entry {seq} cannot be read"),
    "removed": ("第 {seq} 至 {until} 条缺失", "entries {seq} to {until} were removed"),
    "reordered": ("第 {seq} 条不在原位", "entry {seq} is not in its place: entries were reordered"),
    "root": (
        "第 {seq} 至 {until} 条中有改动：与检查点的根哈希不符",
        "something among entries {seq} to {until} was altered: the root is not that of the checkpoint",
    ),
    "signature": ("签名无效：{where}", "bad signature: {where}"),
    "tile": ("{where} 中第 {seq} 至 {until} 条的哈希不符", "{where}: the hashes of entries {seq} to {until} differ"),
    "unsigned": ("第 {seq} 至 {until} 条没有签名的检查点", "entries {seq} to {until} are under no signed checkpoint"),
    "damaged": ("文件损坏：{where}", "damaged file: {where}"),
}


def bounded(file: Path | zipfile.Path, most: int) -> bytes:
    """Return the content of a file; raises ValueError where it is longer than it can be, and reads no further."""
    with file.open("rb") as content:
        read = content.read(most + 1)
    if len(read) > most:
        message = f"{file.name}: > {most} B"
        raise ValueError(message)
    return read


def examine_export(path: Path, keys: Sequence[Key], origin: str = "") -> Report:
    """Examine an export.

    Parameters
    ----------
    path : Path
        ZIP file or folder.
    keys : sequence of Key
        Of which one must have signed each checkpoint.
    origin : str
        Of which log the checkpoints must speak; empty for that of the first.
    """
    base = zipfile.Path(path) if path.is_file() else path
    tiles: dict[int, bytes] = {}
    folder = base / "tiles"
    if folder.is_dir():
        tiles = {int(file.name): bounded(file, TILES >> 8 * int(file.name)) for file in folder.iterdir()}
    notes = [(f"checkpoints/{file.name}", bounded(file, NOTE)) for file in (base / "checkpoints").iterdir()]
    size = TILE * HASH
    with (base / "entries.jsonl").open("rb") as lines:
        report = examine(
            origin,
            (read_line(line) if len(line) <= LINE else None for line in iter(lambda: lines.readline(LINE + 1), b"")),
            lambda level, number: tiles.get(level, b"")[number * size : (number + 1) * size],
            notes,
            keys,
        )
    findings = list(report.findings)
    signed, read = max((c.size for c in report.checkpoints), default=0), report.tree.size
    if not findings and signed < read:
        findings.append(Finding("unsigned", signed + 1, read))
    for level, hashes in tiles.items():
        if not findings and len(hashes) != read // TILE ** (level + 1) * size:
            findings.append(Finding("damaged", 1, read, f"tiles/{level}"))
    return Report(report.tree, report.checkpoints, findings)


def main(words: Sequence[str]) -> int:
    """Examine an export for whoever has its file and the public key."""
    parser = argparse.ArgumentParser(prog="verify.py", description="查验审计日志导出包 / examines an audit export")
    parser.add_argument("export", type=Path, help="ZIP 文件或解开后的文件夹 / ZIP file, or the folder of it")
    parser.add_argument("--key", required=True, action="append", help="公钥，或公钥文件 / public key, or a file of it")
    asked = parser.parse_args(words)
    try:
        texts = [Path(key).read_text() if Path(key).is_file() else key for key in asked.key]
        report = examine_export(asked.export, read_keys("\n".join(texts)))
    except (OSError, ValueError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        sys.stdout.write(f"坏 BAD: {error}\n")
        return 2
    for found in report.findings:
        sys.stdout.write("坏 BAD: " + " / ".join(WORDS[found.kind]).format(**found._asdict()) + "\n")
    if report.findings:
        return 1
    last = report.checkpoints[-1]
    root = base64.b64encode(last.root).decode()
    sys.stdout.write(
        f"完好 WHOLE: {last.origin}，{last.size} 条 entries，{len(report.checkpoints)} 个检查点 checkpoints，"
        f"至 until {last.at}，{root}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
