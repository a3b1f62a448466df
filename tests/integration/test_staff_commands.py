"""Commands of a county's staff, as they type them."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.kernel.ids import new_id
from app.platform.messages import text
from tenants.terms import today
from tests import sheets
from tests.conftest import County
from tests.integration.conftest import Lantai


@pytest.fixture
def worker(work_off: Callable[[], int]) -> Iterator[None]:
    """Work beside the test."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            work_off()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def test_a_client_is_named_as_it_was_printed(lantai: Lantai, county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_TOKEN", county.token("sysadmin"))
    until = str(today() + timedelta(days=90))
    name = f"审批系统 {new_id()}"
    made = lantai("client", "create", name, "--purpose", "benefits", "--until", until, "--json")
    assert made.exit_code == 0, made.output
    printed = json.loads(made.stdout)["client_id"]
    assert printed in lantai("client", "list").output
    monkeypatch.setenv("LANTAI_TOKEN", county.token("secadmin"))
    assert lantai("client", "grant", printed).exit_code == 0
    assert lantai("client", "revoke", printed.partition(".")[2]).exit_code == 0
    assert lantai("client", "revoke", "nothing").exit_code == 2


@pytest.mark.usefixtures("worker")
def test_a_failed_import_says_why(
    lantai: Lantai, county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANTAI_TOKEN", county.token("archivist"))
    titled = tmp_path / "目录.csv"
    titled.write_text("题名,题名\n关于春耕的通知,又及\n", "utf-8")
    failed = lantai("import", str(titled))
    assert failed.exit_code == 1
    assert text("intake.repeated_heading", "zh", heading="题名") in failed.stderr


def test_scans_that_were_sent_before_are_counted(
    lantai: Lantai, county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANTAI_TOKEN", county.token("scan"))
    page = tmp_path / "page.jpg"
    page.write_bytes(sheets.jpeg("关于古桥修缮的通知", str(new_id())))
    first = lantai("ingest", str(page))
    assert first.exit_code == 0, first.output
    assert "早已收到" not in first.output
    assert "1 个文件馆里早已收到" in lantai("ingest", str(page)).stderr


def test_an_export_that_is_not_there_is_not_called_broken(lantai: Lantai, tmp_path: Path) -> None:
    absent = lantai("tenant", "verify-export", str(tmp_path / "absent"))
    assert absent.exit_code == 2
    assert "does not exist" in absent.stderr
