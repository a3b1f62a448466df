"""The commands of the README are commands of the product."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from flask import Flask

from app.cli.main import main
from app.demo.province import PROVINCE
from tests.docs.reference import ROOT
from tests.unwired import unwired

TARGET = re.compile(r"^([a-z-]+):.*?##", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)\)")
README = (ROOT / "README.md").read_text("utf-8")
LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line and not line.startswith("#")
]
LANTAI = [match[1] for line in LINES if (match := re.search(r"\.venv/bin/lantai ([^)]+)\)?$", line))]
CURL = [match[1] for line in LINES for match in re.finditer(r"curl ([^|)]+)", line)]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def web() -> Flask:
    return unwired()


def test_the_readme_shows_both_doors() -> None:
    assert len(LANTAI) > 8
    assert len(CURL) > 8


def test_the_sign_ins_of_the_readme_are_those_of_the_demonstration() -> None:
    real = {(c.tenant, person.login, person.password) for c in PROVINCE.counties for person in c.staff}
    by_cli = re.findall(r"LANTAI_PASSWORD=(\S+)\n.*--tenant (\w+) --user (\w+)", README)
    by_curl = re.findall(r"scope=(\w+) -d username=(\w+) -d password=(\S+)\"? ", README)
    told = {(tenant, login, password) for password, tenant, login in by_cli} | set(by_curl)
    assert len(told) == 4
    assert told <= real


@pytest.mark.parametrize("line", LANTAI)
def test_a_command_of_the_readme_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LANTAI_PASSWORD", "of the demonstration")
    command: click.Command = main
    words = shlex.split(line)
    context: click.Context | None = None
    while isinstance(command, click.Group):
        name = words.pop(0)
        command = command.commands[name]
        if not isinstance(command, click.Group):
            context = command.make_context(name, words)
    assert context is not None


@pytest.mark.parametrize("line", CURL)
def test_an_address_of_the_readme_is_served(line: str, web: Flask) -> None:
    words = shlex.split(line.replace("$", "_"))
    address = next(word for word in words if word.startswith("_API"))
    path = re.sub(r"/_[A-Z]+", "/00000000-0000-4000-8000-000000000000", urlsplit(address.removeprefix("_API")).path)
    sends = {"-d", "-F"} & set(words)
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if sends else "GET"
    endpoint, _ = web.url_map.bind("127.0.0.1").match(path, method)
    assert endpoint
    for file in re.findall(r"file=@(\S+)", line):
        assert (ROOT / file).is_file()


def test_the_targets_of_the_readme_are_there() -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    named = {one or other for one, other in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)$", README, re.MULTILINE)}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL))
    assert [link for link in links if not (page.parent / link).exists()] == []
