"""``lantai tenant``, as whoever runs the installation types it."""

import json
import uuid

from app.services import Services
from tests.integration.conftest import Lantai


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
    assert f"/province/tenants/{slug}" in again.stderr
    assert "隔离自检" not in again.output
    assert json.loads(lantai("tenant", "create", *words, "--json").stdout)["administrators"] == []
    assert slug in lantai("tenant", "list").output
    assert slug in [row["tenant"]["id"] for row in json.loads(lantai("tenant", "list", "--json").stdout)]
    shown = json.loads(lantai("tenant", "show", slug, "--json").stdout)
    assert {u["limit"]["kind"]: u["limit"]["hard"] for u in shown["county"]["usage"]}["users"] == 9
    assert lantai("tenant", "quota", slug, "users", "--hard", "12").output.strip() == "3 个 / 12 个  (提醒线 9 个)"
    assert (
        lantai("tenant", "quota", slug, "storage", "--hard", "500").output.strip() == "0 GB / 500 GB  (提醒线 400 GB)"
    )
    shown = lantai("tenant", "show", slug)
    assert "存储空间  0 GB / 500 GB" in shown.output
    assert "隔离自检" not in shown.output
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
