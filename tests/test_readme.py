"""What the README says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from gblm_viz.core.score.table import methods_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_methods_is_the_one_the_code_prints():
    written = re.search(r"<!-- methods:.*?-->\n(.*?)\n<!-- /methods -->", README, re.S)
    assert written is not None
    assert written[1].strip() == methods_table().strip()


def test_every_room_and_every_file_of_core_and_ui_stands_in_the_tree_where_it_lies():
    tree = README.partition("## The tree")[2].partition("## Element ids")[0]
    for layer in ("core", "ui"):
        told = tree.partition(f"\n  {layer}/ ")[2]
        told = told[: re.search(r"\n  \w", told).start()]
        for room in sorted((ROOT / "gblm_viz" / layer).glob("*/__init__.py")):
            lines = re.search(rf"\n    {room.parent.name}/ (.*?)(?=\n    \w|$)", told, re.S)
            assert lines is not None, room.parent
            if room.parent.name != "tabs":
                inside = {file.name for file in room.parent.glob("*.py")} - {"__init__.py"}
                assert inside | {f"{one.parent.name}/" for one in room.parent.glob("*/__init__.py")} == set(
                    re.findall(r"\b[a-z_]+(?:\.py|/)", lines[1])), room.parent


def test_every_pinned_package_is_pinned_exactly():
    for name in ("requirements.txt", "tests/requirements.txt", "tests/harness/requirements.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert re.fullmatch(r"[a-z0-9-]+==[\d.]+", line), line


def test_every_name_for_a_notebook_is_there():
    import gblm_viz

    assert all(getattr(gblm_viz, name) is not None for name in gblm_viz.__all__)
