"""``lantai tenant``, as whoever runs the installation types it."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from app.cli import session
from app.cli.main import main
from app.platform.settings import Settings
from app.services import Services

Lantai = Callable[..., Result]


@pytest.fixture
def lantai(settings: Settings, services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lantai]:
    """Return the command, on the archive of the test."""
    told = {
        f"LANTAI_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump().items()
        if value not in ("", None)
    }
    monkeypatch.setattr(session, "build", lambda _settings: services)
    session.services.cache_clear()
    yield lambda *words: CliRunner().invoke(main, words, env={**told, "LANTAI_LANG": "zh"})
    session.services.cache_clear()


def county() -> tuple[str, tuple[str, ...]]:
    number = f"{uuid.uuid4().int % 10**6:06d}"
    entry = ("--name", f"命令{number}县档案馆", "--division-code", "990121", "--archive-code", number)
    people = ("--sys-admin", "sys:甲某", "--sec-admin", "sec:乙某", "--audit-admin", "aud:丙某")
    return f"c{number}", (f"c{number}", *entry, *people)


def test_a_county_from_creation_to_reopening(lantai: Lantai, services: Services) -> None:
    slug, words = county()
    made = lantai("tenant", "create", *words, "--limit", "users=9", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["tenant"]["state"] == "active"
    assert {step["state"] for step in told["steps"]} == {"done"}
    assert len({person["password"] for person in told["administrators"]}) == 3
    again = lantai("tenant", "create", *words)
    assert again.exit_code == 0
    assert "隔离自检  完成" in again.stderr
    assert slug in lantai("tenant", "list").output
    assert slug in [row["tenant"]["id"] for row in json.loads(lantai("tenant", "list", "--json").stdout)]
    shown = json.loads(lantai("tenant", "show", slug, "--json").stdout)
    assert {u["limit"]["kind"]: u["limit"]["hard"] for u in shown["county"]["usage"]}["users"] == 9
    assert lantai("tenant", "quota", slug, "users", "--hard", "12").output.strip() == "3 / 12  (9)"
    assert "只读" in lantai("tenant", "suspend", slug, "--mode", "read_only", "--reason", "检修").output
    assert services.directory.get(slug).reason == "检修"
    assert "检修" in lantai("tenant", "show", slug).output
    assert "在用" in lantai("tenant", "resume", slug).output


def test_refusals_are_sentences(lantai: Lantai) -> None:
    _, words = county()
    wrong = [word.replace("sec:乙某", "sys:甲某") for word in words]
    refused = lantai("tenant", "create", *wrong)
    assert refused.exit_code == 1
    assert "三员必须是三个不同的人" in refused.stderr
    assert lantai("tenant", "create", *words, "--limit", "users=many").exit_code == 2
    unknown = lantai("tenant", "show", "nowhere")
    assert unknown.exit_code == 1
    assert "nowhere" in unknown.stderr
