"""Imports point left: core <- figures <- ui, words beside them. Read from the source, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "gblm_viz/core": ("gradio", "plotly", "gblm_viz.figures", "gblm_viz.ui"),
    "gblm_viz/figures": ("torch", "gradio", "transformers", "gblm_viz.ui"),
    "gblm_viz/ui": ("torch", "transformers"),
    "gblm_viz/words": tuple(f"gblm_viz.{part}" for part in ("core", "figures", "ui", "pocket", "words", "__main__")),
}


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


def test_every_layer_exists_and_imports_only_what_it_may() -> None:
    assert all(list((ROOT / folder).rglob("*.py")) for folder in FORBIDDEN)
    assert violations(ROOT) == []


@pytest.mark.parametrize(("folder", "line"), [
    ("core", "import gradio as gr"), ("core", "from plotly.graph_objects import Figure"),
    ("core", "from ..figures import tiles"), ("core", "from gblm_viz import ui"), ("figures", "import torch.nn"),
    ("figures", "def draw():\n    from ..ui.page import Page"), ("ui", "from torch import Tensor"),
    ("ui/tabs", "import transformers"), ("words", "from gblm_viz.core.base.errors import GblmError"),
    ("words", "from .. import core"),
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
