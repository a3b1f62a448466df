"""The generated parts of the documentation; ``python -m tests.docs.reference`` writes them anew."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
from pydantic_core import PydanticUndefined

from app.cli.main import main
from app.digitisation.types import UploadRefused
from app.kernel.errors import DomainError
from app.platform.embedded.errors import StartupError
from app.platform.messages import LANGUAGES, catalogue
from app.platform.settings import Settings
from tests.unwired import unwired

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WIDTH = 100
KINDS_OF_FAULT = ("fault", "check")
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def settings_table() -> str:
    """Return every setting with its type's bounds, default and purpose."""
    lines = ["| Setting | Default | What it is |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.default is PydanticUndefined else f"`{field.default}`"
        bounds = ", ".join(
            f"{word} {getattr(rule, attribute)}"
            for rule in field.metadata
            for attribute, word in (("ge", "from"), ("le", "to"), ("min_length", "at least characters:"))
            if getattr(rule, attribute, None) is not None
        )
        told = f"{field.description} ({bounds})" if bounds else field.description
        lines.append(f"| `LANTAI_{name.upper()}` | {default} | {told} |")
    return "\n".join(lines)


def commands(
    command: click.Command = main, name: str = "lantai", parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """Yield each command's full name and its help, as ``--help`` prints it."""
    context = click.Context(command, parent=parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in sorted(command.commands):
            yield from commands(command.commands[below], below, context)


def command_reference() -> str:
    """Return the help of every command."""
    return "\n\n".join(f"## {name}\n\n```text\n{told.strip()}\n```" for name, told in commands())


@cache
def specification() -> Mapping[str, Any]:
    """Return the OpenAPI document."""
    return unwired().test_client().get("/api/v1/openapi.json").get_json()


def operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield method, address and description of every operation."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                shared = methods.get("parameters", [])
                yield method.upper(), path, {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def _shape(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    kind = schema.get("type", "any")
    told = "/".join(k for k in kind if k != "null") + " or null" if isinstance(kind, list) else str(kind)
    if "items" in schema:
        return f"list of {_shape(schema['items'])}"
    if "anyOf" in schema or "allOf" in schema:
        return " or ".join(_shape(one) for one in schema.get("anyOf", schema.get("allOf", [])))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return f"{schema['format']} {told}" if "format" in schema else told


def _body(operation: Mapping[str, Any]) -> str:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        names = ", ".join(f"`{name}`" for name in content["schema"].get("properties", {}))
        return f"{media_type}: {names or _shape(content['schema'])}"
    return ""


def _answers(operation: Mapping[str, Any]) -> str:
    told: list[str] = []
    for status, answer in operation["responses"].items():
        shapes = [_shape(content["schema"]) for content in answer.get("content", {}).values() if "schema" in content]
        if status.startswith("2"):
            told.append(f"{status} {shapes[0] if shapes else ''}".strip())
    return ", ".join(told)


def route_reference() -> str:
    """Return every route with its parameters, body and answer, in groups."""
    spec = specification()
    groups: dict[str, list[str]] = {}
    for method, path, operation in operations(spec):
        lines = [f"**`{method} {path}`** — {operation.get('summary', '').strip()}", ""]
        for place in ("query", "header"):
            names = [f"`{p['name']}`" for p in operation["parameters"] if p.get("in") == place]
            if names:
                lines.append(f"- {place}: {', '.join(names)}")
        if body := _body(operation):
            lines.append(f"- body: {body}")
        lines.append(f"- answer: {_answers(operation)}")
        groups.setdefault(operation["tags"][0], []).append("\n".join(lines))
    told = {tag["name"]: tag.get("description", "") for tag in spec.get("tags", [])}
    return "\n\n".join(f"### {told.get(tag) or tag}\n\n" + "\n\n".join(routes) for tag, routes in groups.items())


def schema_reference() -> str:
    """Return every shape that a request or an answer has."""
    lines: list[str] = []
    for name, schema in sorted(specification()["components"]["schemas"].items()):
        required = set(schema.get("required", []))
        fields = ", ".join(
            f"`{field}`{'*' if field in required else ''} {_shape(told)}"
            for field, told in schema.get("properties", {}).items()
        )
        lines.append(f"- **`{name}`**: {fields or 'free form'}")
    return "\n".join(lines)


def refusals(of: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Yield every kind of refusal that a service may raise."""
    for kind in of.__subclasses__():
        if kind.__module__.startswith("tests."):
            continue
        yield kind
        yield from refusals(kind)


def error_table() -> str:
    """Return codes and their words, first of refusals, then of faults within them."""
    specification()  # imports every room
    texts = [catalogue(language) for language in LANGUAGES]
    status = {kind.code: str(kind.status) for kind in refusals() if "code" in vars(kind) and kind is not UploadRefused}
    status |= {kind.code: "at start" for kind in refusals(StartupError)}
    uploads = {code for code in texts[0] if code.startswith("upload.")}
    status |= {code: str(UploadRefused.STATUS.get(code.removeprefix("upload."), 422)) for code in uploads}
    lines = ["| Code | Status | 中文 | English |", "| --- | --- | --- | --- |"]
    within = sorted(code for code in texts[0] if code.partition(".")[0] in KINDS_OF_FAULT)
    for code in [*sorted(status), *within]:
        words = (told[code].replace("|", "\\|") for told in texts)
        lines.append(f"| `{code}` | {status.get(code, '')} | {' | '.join(words)} |")
    return "\n".join(lines)


PARTS: Mapping[str, tuple[str, Callable[[], str]]] = {
    "settings": ("operations.md", settings_table),
    "commands": ("cli.md", command_reference),
    "routes": ("api.md", route_reference),
    "schemas": ("api.md", schema_reference),
    "errors": ("errors.md", error_table),
}


def renewed(page: str) -> str:
    """Return a page with its generated parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]][1]()}\n\n{part[3]}", page)


if __name__ == "__main__":
    for name in {file for file, _ in PARTS.values()}:
        page = DOCS / name
        page.write_text(renewed(page.read_text("utf-8")), "utf-8")
