"""The data folder: who may hold it, and what stops a start."""

import json
import stat
from collections import namedtuple
from inspect import signature
from pathlib import Path

import pytest

from app.platform.embedded import folder as module
from app.platform.embedded.errors import (
    AlreadyRunning,
    DiskFull,
    FolderForeign,
    FolderIncomplete,
    FolderVersion,
    StartupError,
)
from app.platform.embedded.folder import DataFolder
from app.platform.messages import LANGUAGES, Language, text


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def complete(folder: DataFolder) -> DataFolder:
    with folder.held():
        folder.secret("one")
        folder.completed()
    return folder


def test_a_new_folder_is_made_for_us_alone(folder: DataFolder) -> None:
    with folder.held():
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert folder.log.is_dir()
        assert folder.run.is_dir()


def test_a_second_holder_is_refused_until_the_first_lets_go(folder: DataFolder) -> None:
    with folder.held():
        with pytest.raises(AlreadyRunning) as refusal, DataFolder(folder.path).held():
            pass
        assert refusal.value.pid.isdigit()
    with folder.held():
        pass


def test_a_secret_is_drawn_once_and_readable_to_us_alone(folder: DataFolder) -> None:
    with folder.held():
        first = folder.secret("one")
        assert DataFolder(folder.path).secret("one") == first
        assert folder.secret("two") != first
        assert stat.S_IMODE((folder.path / "secrets.json").stat().st_mode) == 0o600


def test_a_folder_with_other_peoples_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(FolderForeign, match=r"holiday\.jpg"), DataFolder(tmp_path).held():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(FolderForeign), DataFolder(tmp_path / "data").held():
        pass


def test_a_first_start_cut_short_is_taken_up_again(folder: DataFolder) -> None:
    with folder.held():
        folder.secret("one")
    (folder.path / "postgres.new").mkdir()
    with folder.held():
        assert not folder.complete


def test_another_layout_is_refused(complete: DataFolder) -> None:
    (complete.path / "lantai.json").write_text(json.dumps({"layout": 99}))
    with pytest.raises(FolderVersion, match="99"), complete.held():
        pass


@pytest.mark.parametrize("part", ["lantai.json", "secrets.json"])
def test_a_damaged_part_is_named(complete: DataFolder, part: str) -> None:
    (complete.path / part).write_text("{")
    with pytest.raises(FolderIncomplete, match=part), complete.held():
        pass


def test_lost_secrets_are_not_replaced_by_new_ones(complete: DataFolder) -> None:
    (complete.path / "secrets.json").unlink()
    with pytest.raises(FolderIncomplete, match="secrets"), complete.held():
        pass
    assert not (complete.path / "secrets.json").exists()


def test_a_nearly_full_disk_stops_the_start(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  # as shutil returns it
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 499 << 20))
    with pytest.raises(DiskFull) as refusal, folder.held():
        pass
    assert refusal.value.free_mb == 499
    assert not folder.path.exists()


def test_a_long_path_gets_a_short_one_for_its_sockets(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / ("long" * 30))
    with folder.held():
        short = folder.short()
        try:
            assert len(str(short)) <= module.LONGEST_FOLDER
            assert short.resolve() == folder.path
            assert folder.short() == short
        finally:
            short.unlink()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("refusal", StartupError.__subclasses__(), ids=lambda refusal: refusal.code)
def test_every_refusal_has_one_sentence_with_its_facts(refusal: type[StartupError], language: Language) -> None:
    facts = dict.fromkeys(signature(refusal).parameters, "FACT")
    assert "FACT" in text(refusal.code, language, **facts)
