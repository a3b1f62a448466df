"""Whoever has an export and the public key finds what was changed, and where."""

import runpy
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.audit import offline
from app.audit.notary import Notary
from app.audit.offline import ED25519, HASH, SM2, TILE, Checkpoint, Entry, Key, Tree, examine_export, read_line

SIZE, SIGNED = 600, (300, 600)
NOTARY = Notary("a secret of the tests, long enough", "ed25519", ())
CHINESE = Notary("a secret of the tests, long enough", "sm2", ())


def entry(seq: int, at: str, body: bytes) -> Entry:
    unhashed = Entry(seq, at.encode(), b"", body)
    return unhashed._replace(leaf=unhashed.hashed())


def moment(seq: int) -> str:
    return f"2026-03-01T{seq // 60:02}:{seq % 60:02}:00.000000Z"


@dataclass
class Export:
    """An export in a folder."""

    folder: Path
    entries: list[Entry]

    def check(self, notary: Notary = NOTARY) -> list[offline.Finding]:
        return list(examine_export(self.folder, notary.keys).findings)

    @contextmanager
    def changed(self, name: str, content: bytes) -> Iterator[None]:
        file = self.folder / name
        before = file.read_bytes()
        file.write_bytes(content)
        yield
        file.write_bytes(before)

    @contextmanager
    def holding(self, entries: list[Entry]) -> Iterator[None]:
        with self.changed("entries.jsonl", b"".join(entry.line() for entry in entries)):
            yield


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Return an export of 600 entries, two tiles and two checkpoints."""
    folder = tmp_path_factory.mktemp("export")
    entries = [
        entry(seq, moment(seq), f'{{"action":"records:item:revised","number":{seq}}}'.encode())
        for seq in range(1, SIZE + 1)
    ]
    tree = Tree()
    (folder / "checkpoints").mkdir()
    (folder / "tiles").mkdir()
    for told in entries:
        tree.add(told.leaf)
        if tree.size in SIGNED:
            checkpoint = Checkpoint("lantai/shishi", tree.size, tree.root(), told.at.decode())
            (folder / f"checkpoints/{tree.size:012d}.note").write_text(NOTARY.signed(checkpoint))
    (folder / "tiles/0").write_bytes(b"".join(hashes for _, hashes in tree.tiles))
    (folder / "entries.jsonl").write_bytes(b"".join(told.line() for told in entries))
    return Export(folder, entries)


def test_a_whole_one_holds(export: Export) -> None:
    assert export.check() == []


@given(data=st.data())
def test_any_changed_byte_of_the_entries_names_its_entry(export: Export, data: st.DataObject) -> None:
    content = (export.folder / "entries.jsonl").read_bytes()
    at, turn = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    with export.changed("entries.jsonl", content[:at] + bytes([content[at] ^ turn]) + content[at + 1 :]):
        found = export.check()
    assert found[0].seq == content[:at].count(b"\n") + 1


@given(data=st.data())
def test_any_changed_byte_of_the_tiles_names_the_entry_of_its_hash(export: Export, data: st.DataObject) -> None:
    content = (export.folder / "tiles/0").read_bytes()
    at, turn = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    with export.changed("tiles/0", content[:at] + bytes([content[at] ^ turn]) + content[at + 1 :]):
        found = export.check()
    assert [(f.kind, f.seq) for f in found] == [("tile", at // HASH + 1)]


@given(data=st.data())
def test_any_changed_byte_of_a_checkpoint_is_found(export: Export, data: st.DataObject) -> None:
    name = f"checkpoints/{data.draw(st.sampled_from(SIGNED)):012d}.note"
    content = (export.folder / name).read_bytes()
    at, turn = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    with export.changed(name, content[:at] + bytes([content[at] ^ turn]) + content[at + 1 :]):
        found = export.check()
    assert ("signature", name) in [(f.kind, f.where) for f in found]


places = st.integers(1, SIZE - 1)


@given(places)
def test_a_removed_entry_is_named(export: Export, seq: int) -> None:
    with export.holding(export.entries[: seq - 1] + export.entries[seq:]):
        assert export.check()[0][:3] == ("removed", seq, seq)


@given(places)
def test_what_is_cut_off_is_named(export: Export, seq: int) -> None:
    with export.holding(export.entries[:seq]):
        assert export.check()[0][:3] == ("removed", seq + 1, SIZE)


@given(places, places)
def test_swapped_entries_are_named(export: Export, one: int, two: int) -> None:
    first, second = sorted((one, two + 1) if one == two else (one, two))
    swapped = list(export.entries)
    swapped[first - 1], swapped[second - 1] = swapped[second - 1], swapped[first - 1]
    with export.holding(swapped):
        assert export.check()[0][:2] == ("reordered", first)


@given(places)
def test_an_entry_twice_is_named(export: Export, seq: int) -> None:
    with export.holding(export.entries[:seq] + export.entries[seq - 1 :]):
        assert export.check()[0][:2] == ("reordered", seq + 1)


@given(places.filter(lambda seq: seq > 1))
def test_a_back_dated_entry_with_its_leaf_made_anew_is_named(export: Export, seq: int) -> None:
    dated = entry(seq, "2026-02-28T00:00:00.000000Z", export.entries[seq - 1].body)
    with export.holding([*export.entries[: seq - 1], dated, *export.entries[seq:]]):
        assert export.check()[0][:2] == ("back-dated", seq)


@given(st.integers(1, SIZE))
def test_an_entry_rewritten_with_its_leaf_is_named_by_the_tile_or_lies_between_two_checkpoints(
    export: Export, seq: int
) -> None:
    forged = entry(seq, moment(seq), b'{"action":"nothing"}')
    with export.holding([*export.entries[: seq - 1], forged, *export.entries[seq:]]):
        found = export.check()[0]
    tiled = seq <= SIZE // TILE * TILE
    assert found[:3] == (("altered", seq, seq) if tiled else ("root", 301, 600))


def test_what_was_added_after_the_last_checkpoint_is_not_vouched_for(export: Export) -> None:
    with export.holding([*export.entries, entry(SIZE + 1, moment(SIZE + 1), b"{}")]):
        assert export.check()[0][:3] == ("unsigned", SIZE + 1, SIZE + 1)


def test_another_key_vouches_for_nothing(export: Export) -> None:
    stranger = Notary("another secret of the tests, long too", "ed25519", ())
    assert [finding.kind for finding in export.check(stranger)] == ["signature", "signature"]


@given(
    st.integers(1, 10**18 - 1),
    st.from_regex(r"[0-9]{4}-01-01T00:00:00\.000000Z", fullmatch=True),
    st.binary(max_size=9),
)
def test_a_line_is_read_as_it_was_written(seq: int, at: str, words: bytes) -> None:
    told = entry(seq, at, b'{"x":"' + words.replace(b"\n", b"") + b'"}')
    assert read_line(told.line()) == told


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.data())
def test_ed25519_agrees_with_the_library(seed: bytes, text: bytes, data: st.DataObject) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = Key("k", ED25519, private.public_key().public_bytes_raw())
    signature = private.sign(text)
    assert key.signed(text, signature)
    at, turn = data.draw(st.integers(0, 63)), data.draw(st.integers(1, 255))
    forged = signature[:at] + bytes([signature[at] ^ turn]) + signature[at + 1 :]
    assert key.signed(text, forged) == library_agrees(key.public, forged, text)
    assert not key.signed(text + b"x", signature)


def library_agrees(public: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature:
        return False
    return True


def test_ed25519_of_the_standard() -> None:
    """RFC 8032, 7.1, test 3."""
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert Key("k", ED25519, public).signed(b"\xaf\x82", signature)


def test_sm3_of_the_standard() -> None:
    """GB/T 32905, annex A."""
    assert offline.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    told = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    assert offline.sm3(b"abcd" * 16).hex() == told


@pytest.mark.parametrize("secret", [f"secret {number} of the tests, long enough" for number in range(12)])
def test_sm2_agrees_with_the_library(secret: str) -> None:
    notary = Notary(secret, "sm2", ())
    checkpoint = Checkpoint("lantai/shishi", 7, bytes(32), moment(1))
    signed = notary.signed(checkpoint).encode()
    assert notary.keys[0].kind == SM2
    assert notary.signed(checkpoint).encode() == signed
    assert offline.read_note(signed, notary.keys) == checkpoint
    assert offline.read_note(signed.replace(b"\n7\n", b"\n8\n"), notary.keys) is None
    assert offline.read_note(signed, CHINESE.keys) is None


def test_keys_are_read_as_they_are_written() -> None:
    words = "\n".join(map(str, NOTARY.keys))
    assert tuple(offline.read_keys(words)) == NOTARY.keys
    with pytest.raises(ValueError, match="not a key"):
        offline.read_keys(words.replace("lantai+", "lantei+"))


class TestCommand:
    """``python verify.py EXPORT --key KEY``, with nothing but this one file."""

    def run(self, *words: object) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", offline.__file__, *map(str, words)],
            capture_output=True, text=True, check=False, env={"PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def test_it_says_that_all_holds(self, export: Export, tmp_path: Path) -> None:
        file = tmp_path / "log.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for path in export.folder.rglob("*.*"):
                archive.write(path, path.relative_to(export.folder))
            archive.write(export.folder / "tiles/0", "tiles/0")
        for place in (export.folder, file):
            code, said = self.run(place, "--key", NOTARY.keys[0])
            assert (code, "600 条" in said) == (0, True)

    def test_it_names_what_was_changed(self, export: Export) -> None:
        content = (export.folder / "entries.jsonl").read_bytes()
        with export.changed("entries.jsonl", content.replace(b'"number":417', b'"number":418')):
            code, said = self.run(export.folder, "--key", NOTARY.keys[0])
        assert (code, "entry 417 was altered" in said) == (1, True)

    @pytest.mark.parametrize("words", [("nowhere", "--key", NOTARY.keys[0]), (".", "--key", "not a key")])
    def test_it_says_what_it_cannot_read(self, words: tuple[object, ...]) -> None:
        code, said = self.run(*words)
        assert (code, "BAD" in said) == (2, True)

    def test_a_damaged_zip_is_not_whole(self, tmp_path: Path) -> None:
        file = tmp_path / "log.zip"
        file.write_bytes(b"PK not really")
        assert self.run(file, "--key", NOTARY.keys[0])[0] == 2

    def test_it_stands_alone(self) -> None:
        names = runpy.run_path(offline.__file__)
        assert "examine_export" in names
        assert "from app" not in Path(offline.__file__).read_text()


def test_a_line_without_an_end_is_not_held_in_memory(tmp_path: Path) -> None:
    """What unpacks to far more than it is, is a finding, or refused; never read whole."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "entries.jsonl").write_bytes(b"0" * (3 * offline.LINE))
    tracemalloc.start()
    found = examine_export(tmp_path, NOTARY.keys).findings
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [finding.kind for finding in found] == ["malformed"]
    assert most < 3 * offline.LINE
    (tmp_path / "checkpoints" / "1.note").write_bytes(b"0" * (offline.NOTE + 1))
    with pytest.raises(ValueError, match=r"1\.note"):
        examine_export(tmp_path, NOTARY.keys)
