"""The Prune tab says what every method kept on the bundled model, whether GBLM wins or not."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gblm_viz.core.mask.settings import Settings
from gblm_viz.ui.work import shipped_results
from gblm_viz.ui.work.example import shipped_example

FOUND = json.loads(shipped_results.FILE.read_text(encoding="utf-8"))["models"][0]


def told(say: Any, **settings: Any) -> str:
    masks: Any = SimpleNamespace(settings=Settings(**settings), model_key=FOUND["model_key"])
    return shipped_results.results_sentence(say, masks)


@pytest.mark.parametrize(("amount", "settings"), [
    ("0.5", {"sparsity": 0.5}), ("0.6", {"sparsity": 0.602}), ("2:4", {"pattern": "2:4"})])
def test_the_numbers_are_the_tables_own(say: Any, amount: str, settings: dict[str, Any]) -> None:
    right = {row["method"]: row["right"] for row in FOUND["rows"] if row["sparsity"] == amount}
    shown = told(say, **settings)
    gblm = [count for name, count in right.items() if name.startswith("gblm")]
    for count in (right["wanda"], right["magnitude, per row"], min(gblm), max(gblm), FOUND["dense"]["right"]):
        assert f"{count:,}" in shown
    wins = sum(count > right["wanda"] for count in gblm)
    assert say("prune.measured." + ("all" if wins == len(gblm) else "some" if wins else "none")) in shown


@pytest.mark.parametrize("settings", [{"sparsity": 0.45}, {"pattern": "4:8"}, {"group": "matrix"}])
def test_what_was_not_measured_is_not_said(say: Any, settings: dict[str, Any]) -> None:
    assert told(say, **settings) == ""


def test_of_another_model_nothing_is_said(say: Any) -> None:
    assert shipped_results.results_sentence(say, SimpleNamespace(settings=Settings(),
                                                                 model_key="0" * 64)) == ""  # type: ignore[arg-type]


def test_the_table_is_of_the_model_that_is_shipped() -> None:
    assert FOUND["model_key"] == shipped_example()["model_key"]
