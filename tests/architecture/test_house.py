"""What the house's contracts cannot say by themselves: nothing stands outside them."""

import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
TOOL = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
ROOTS = TOOL["importlinter"]["root_packages"]
GRAPH = grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)
FLOORS = next(c["layers"] for c in TOOL["importlinter"]["contracts"] if c["id"] == "floors")
HOUSED = {name for floor in FLOORS for name in floor.replace("|", " ").replace(":", " ").split()}
FRONT = {"app.api", "app.cli", "app.portal"}
TEXTS = "app.messages"


def children(package: str) -> list[str]:
    return sorted(GRAPH.find_children(package))


PARTS = [part for root in ROOTS for part in ([root] if root in HOUSED else children(root))]
INNER = [m for m in children("app") if (ROOT / m.replace(".", "/")).is_dir() and m not in FRONT | {TEXTS}]
ROOMS = [m for m in INNER if m not in {"app.demo", "app.kernel", "app.platform"}]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_house_has_a_floor(part: str) -> None:
    assert part in HOUSED, f"give {part} a floor in pyproject.toml, tool.importlinter"


@pytest.mark.parametrize("package", INNER)
def test_every_room_is_typed_strictly(package: str) -> None:
    assert package.replace(".", "/") in TOOL["basedpyright"]["strict"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_entered_by_its_door(room: str) -> None:
    """The door is ``service`` and ``types``; rooms above may also apply a room's pure ``rules``."""
    inside = GRAPH.find_descendants(room) - {f"{room}.service", f"{room}.types"}
    entries = {(importer, m) for m in inside for importer in GRAPH.find_modules_that_directly_import(m)}
    assert {entry for entry in entries if not admitted(room, *entry)} == set()


def admitted(room: str, importer: str, module: str) -> bool:
    """Let in the place that wires, and migrations, which read the tables of all rooms."""
    if importer == "app.bootstrap" or importer.startswith((f"{room}.", "migrations.")):
        return True
    return module == f"{room}.rules" and importer.startswith(tuple(f"{other}." for other in ROOMS))
