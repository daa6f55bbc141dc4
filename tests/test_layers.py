"""Imports point left: core <- figures <- ui, words beside them; in core and ui each room imports only those before it.

Read from the source, nothing is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "gblm_viz/core": ("gradio", "plotly", "gblm_viz.figures", "gblm_viz.ui", "gblm_viz.cli"),
    "gblm_viz/cli": ("gradio", "plotly", "gblm_viz.figures", "gblm_viz.ui"),
    "gblm_viz/figures": ("torch", "gradio", "transformers", "gblm_viz.ui"),
    "gblm_viz/ui": ("torch", "transformers"),
    "gblm_viz/words": tuple(f"gblm_viz.{part}" for part in ("core", "figures", "ui", "cli", "pocket", "words")),
}

ROOMS = {
    "gblm_viz/core": ("base", "model", "text", "talk", "sums", "score", "mask", "look", "measure", "keep"),
    "gblm_viz/ui": ("components", "visit", "door", "work", "report", "tabs", "guide", ""),
}
"""The rooms of a layer in the order of the data; "" is the files beside the rooms."""
APART = {("talk", "text"), ("measure", "look")}
"""Rooms that stand side by side: the second comes first in the table, and yet the first does not import it."""


def imported(file: Path, root: Path) -> Iterator[str]:
    """Every dotted name a file imports, at its top or inside a function, relative ones resolved."""
    package = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def violations(root: Path) -> list[str]:
    return [f"{file.relative_to(root)} imports {name}" for folder, words in FORBIDDEN.items()
            for file in sorted((root / folder).rglob("*.py*")) if file.suffix in {".py", ".pyi"}
            for name in imported(file, root) for word in words if name == word or name.startswith(f"{word}.")]


def room_of(place: tuple[str, ...], layer: str) -> str | None:
    """The room that a dotted or slashed name inside a layer lies in; None for a name of another layer."""
    inside = layer.split("/")
    if list(place[: len(inside)]) != inside or len(place) == len(inside):
        return None
    return place[len(inside)] if place[len(inside)] in ROOMS[layer] else ""


def climbing(root: Path) -> list[str]:
    """Imports of a room that comes later, or that is to be apart."""
    found = []
    for layer, order in ROOMS.items():
        for file in sorted((root / layer).rglob("*.py")):
            here = room_of(file.relative_to(root).parts[:-1] or (), layer) or ""
            for name in imported(file, root):
                there = room_of(tuple(name.split(".")), layer)
                if there is None or there == here or (file.name == "__init__.py" and file.parent == root / layer):
                    continue
                if order.index(there) > order.index(here) or (here, there) in APART:
                    found.append(f"{file.relative_to(root)} imports {name}")
    return found


def test_every_room_exists_is_told_and_imports_only_rooms_before_it() -> None:
    for layer, rooms in ROOMS.items():
        for room in filter(None, rooms):
            told = ast.get_docstring(ast.parse((ROOT / layer / room / "__init__.py").read_text(encoding="utf-8")))
            assert told and told.count(".") >= 2, (layer, room)
        packages = {place.parent.name for place in (ROOT / layer).glob("*/__init__.py")}
        assert packages == set(filter(None, rooms)), layer
    assert climbing(ROOT) == []


@pytest.mark.parametrize(("file", "line"), [
    ("core/base/a.py", "from ..model.models import Model"), ("core/score/a.py", "from gblm_viz.core.mask import prune"),
    ("core/mask/a.py", "def f():\n    from ..keep.run import Run"), ("core/talk/a.py", "from ..text.tokens import end"),
    ("core/measure/a.py", "from ..look.pull import x"), ("ui/components/table.py", "from ..visit.page import Page"),
    ("ui/visit/session.py", "from ..door.gate import Gate"), ("ui/work/start.py", "from ..tabs import prune"),
    ("ui/tabs/lost/told.py", "from gblm_viz.ui.server import serve"),
])
def test_a_planted_import_of_a_later_room_is_found(file: str, line: str, tmp_path: Path) -> None:
    place = tmp_path / "gblm_viz" / file
    place.parent.mkdir(parents=True)
    place.write_text("from . import sibling\nimport json\n", encoding="utf-8")
    assert climbing(tmp_path) == []
    place.write_text(line + "\n", encoding="utf-8")
    assert len(climbing(tmp_path)) == 1


def test_every_layer_exists_and_imports_only_what_it_may() -> None:
    assert all(list((ROOT / folder).rglob("*.py")) for folder in FORBIDDEN)
    assert violations(ROOT) == []


@pytest.mark.parametrize(("folder", "line"), [
    ("core", "import gradio as gr"), ("core", "from plotly.graph_objects import Figure"),
    ("core", "from ..figures import tiles"), ("core", "from gblm_viz import ui"), ("figures", "import torch.nn"),
    ("figures", "def draw():\n    from ..ui.page import Page"), ("ui", "from torch import Tensor"),
    ("ui/tabs", "import transformers"), ("words", "from gblm_viz.core.base.errors import GblmError"),
    ("words", "from .. import core"), ("cli", "from gblm_viz.ui import server"), ("core", "from ..cli import main"),
])
def test_a_planted_import_is_found(folder: str, line: str, tmp_path: Path) -> None:
    place = tmp_path / "gblm_viz" / folder
    place.mkdir(parents=True)
    innocent = "import json\nfrom torchlike import x\nfrom . import sibling\n"
    (place / "innocent.py").write_text(innocent, encoding="utf-8")
    expected = [] if folder != "words" else ["imports gblm_viz.words.sibling"]
    assert [found.partition(" ")[2] for found in violations(tmp_path)] == expected
    (place / "planted.py").write_text(line + "\n", encoding="utf-8")
    assert [found for found in violations(tmp_path) if "planted.py" in found]
