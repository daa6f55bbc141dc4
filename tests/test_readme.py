"""What the README says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from gblm_viz.core.look.report import methods_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_methods_is_the_one_the_code_prints():
    written = re.search(r"<!-- methods:.*?-->\n(.*?)\n<!-- /methods -->", README, re.S)
    assert written is not None
    assert written[1].strip() == methods_table().strip()


def test_every_file_of_the_core_stands_in_the_tree():
    for file in (ROOT / "gblm_viz" / "core").rglob("*.py"):
        assert file.name == "__init__.py" or file.name in README, file.name


def test_every_pinned_package_is_pinned_exactly():
    for name in ("requirements.txt", "tests/requirements.txt", "tests/harness/requirements.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert re.fullmatch(r"[a-z0-9-]+==[\d.]+", line), line


def test_every_name_for_a_notebook_is_there():
    import gblm_viz

    assert all(getattr(gblm_viz, name) is not None for name in gblm_viz.__all__)
