"""What comes at once comes without what takes seconds to import. Told by what was imported, never by a clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gblm_viz.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
SLOW = ("gradio", "numpy", "pandas", "plotly", "torch", "transformers")
TELL = f"import atexit, sys; atexit.register(lambda: print(*sorted(set({SLOW!r}) & set(sys.modules)), file=sys.stderr))"


def imported(code: str, *flags: str, folder: Path = ROOT) -> set[str]:
    """Which of SLOW a new process has imported when it ends well."""
    done = subprocess.run([sys.executable, "-c", f"{TELL}\n{code}", *flags], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split("\n")[-2].split())


def command(*flags: str) -> set[str]:
    return imported("from runpy import run_module; run_module('gblm_viz', run_name='__main__')", *flags)


@pytest.mark.fast
@pytest.mark.parametrize("flags", [("--help",), *((name, "--help") for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_slow(flags: tuple[str, ...]) -> None:
    assert command(*flags) == set()


@pytest.mark.fast
def test_the_apps_help_imports_nothing_slow() -> None:
    assert imported("from runpy import run_path; run_path('app.py', run_name='__main__')", "--help") == set()


@pytest.mark.fast
def test_a_wrong_path_is_refused_before_anything_slow_is_imported(tmp_path: Path) -> None:
    code = "from gblm_viz.cli.main import main; assert main() == 2"
    assert imported(code, "evaluate", "--model", "pocket", "--text", str(tmp_path / "none.txt")) == set()


def test_an_answer_imports_nothing_of_the_page() -> None:
    found = command("chat", "--model", "pocket", "--prompt", "What is the capital of France?", "--max-tokens", "2")
    assert found == {"numpy", "torch", "transformers"}


def test_the_page_is_built_in_every_language_before_torch_is_imported() -> None:
    found = imported("from gblm_viz.ui import server; from gblm_viz.ui.visit.library import Library\n"
                     "from gblm_viz.ui.work import start; server.make_app(Library())")
    assert "gradio" in found
    assert not found & {"torch", "transformers"}


@pytest.mark.fast
def test_the_list_sees_what_is_imported() -> None:
    assert imported("import numpy") == {"numpy"}
