"""ZIP files of strangers: what is inside, under which names, and which are refused unopened."""

import struct
import zipfile
from pathlib import Path

import pytest

from app.digitisation.archive import BROKEN, ENTRIES, Entry, entries, is_zip
from app.digitisation.types import UploadRefused

LARGEST = 1 << 30


def contents(path: Path, found: tuple[Entry, ...]) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry.path: archive.read(entry.info) for entry in found}


def written(folder: Path, files: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def renamed(path: Path, name: bytes) -> Path:
    """Give the file called XXX… another name of the same length, as a program that knows no UTF-8 would."""
    path.write_bytes(path.read_bytes().replace(b"X" * len(name), name))
    return path


def refusal(path: Path, *, largest: int = LARGEST) -> str:
    with pytest.raises(UploadRefused) as refused:
        entries(path, "a.zip", largest=largest)
    assert refused.value.path == "a.zip"
    return refused.value.reason


def names(path: Path) -> list[str]:
    return [entry.path for entry in entries(path, "a.zip", largest=LARGEST)]


def test_what_is_inside(tmp_path: Path) -> None:
    files = {"盒/一.jpg": b"1", "盒/二.jpg": b"2"}
    path = written(tmp_path, files)
    assert is_zip(path)
    assert contents(path, entries(path, "a.zip", largest=LARGEST)) == files


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8"])
def test_names_without_a_declared_encoding(tmp_path: Path, encoding: str) -> None:
    name = "一九八三年婚姻登记.jpg".encode(encoding)
    assert names(renamed(written(tmp_path, {"X" * len(name): b""}), name)) == ["一九八三年婚姻登记.jpg"]


def test_what_computers_leave_is_no_scan(tmp_path: Path) -> None:
    path = written(tmp_path, {"一.jpg": b"", "__MACOSX/._一.jpg": b"", ".DS_Store": b"", "盒/Thumbs.db": b""})
    assert names(path) == ["一.jpg"]


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "a/../../b.jpg", "C:/a.jpg", "..\\a.jpg", "a\x01.jpg"])
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    raw = name.encode()
    assert refusal(renamed(written(tmp_path, {"X" * len(raw): b""}), raw)) == "zip_path"


def test_more_than_can_be_packed_honestly(tmp_path: Path) -> None:
    files = {f"{n}.jpg": bytes(20 << 20) for n in range(3)}
    assert refusal(written(tmp_path, files, method=zipfile.ZIP_DEFLATED)) == "zip_bomb"


def test_blank_pages_pack_well_and_are_no_bomb(tmp_path: Path) -> None:
    assert names(written(tmp_path, {"一.tif": bytes(1 << 20)}, method=zipfile.ZIP_DEFLATED)) == ["一.tif"]


def test_a_file_larger_than_files_may_be(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, {"一.jpg": bytes(100)}), largest=99) == "zip_bomb"


def test_more_files_than_a_delivery_has(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, {f"{n}": b"" for n in range(ENTRIES + 1)})) == "zip_bomb"


def test_a_directory_that_promises_too_much_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 1 << 30, 0, 0))
    assert refusal(path) == "zip_bomb"


def test_a_locked_archive(tmp_path: Path) -> None:
    path = written(tmp_path, {"一.jpg": b"1"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refusal(path) == "encrypted"


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, {})) == "zip_empty"
    assert refusal(written(tmp_path, {"盒/": b"", ".DS_Store": b""})) == "zip_empty"


@pytest.mark.parametrize("kept", [4, 30, -1, -10])
def test_an_archive_cut_short(tmp_path: Path, kept: int) -> None:
    path = written(tmp_path, {"一.jpg": b"1" * 50})
    path.write_bytes(path.read_bytes()[:kept])
    assert refusal(path) == "damaged"


def test_a_damaged_entry_is_found_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, {"一.jpg": b"1" * 50})
    path.write_bytes(path.read_bytes().replace(b"1" * 50, b"2" * 50))
    found = entries(path, "a.zip", largest=LARGEST)
    with pytest.raises(BROKEN):
        contents(path, found)
