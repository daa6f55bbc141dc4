"""Keys of kept results: equal by class and fields, frozen, and typed nowhere else."""

from __future__ import annotations

import ast
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

import pytest

from gblm_viz.ui.visit import keys
from gblm_viz.ui.visit.keys import AnswersKey, ChoicesKey, Key, ModelKey, PrunedKey, kind_of

UI = Path(keys.__file__).parents[1]
CLASSES = [one for one in vars(keys).values() if isinstance(one, type) and issubclass(one, Key) and one is not Key]
MODEL = ModelKey("pocket", "float32", "cpu")


@pytest.mark.parametrize("one", CLASSES)
def test_a_key_is_a_frozen_dataclass_that_says_what_it_is_the_key_of(one: type) -> None:
    assert is_dataclass(one) and one.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert one.__doc__ and not one.__doc__.startswith(one.__name__), one


def test_there_are_keys_of_every_kind_and_no_two_kinds_share_a_name() -> None:
    assert len(CLASSES) >= 40
    assert len({kind_of(one(*[None] * len(fields(one)))) for one in CLASSES}) == len(CLASSES)


def test_keys_of_two_kinds_with_the_same_fields_differ() -> None:
    assert AnswersKey(MODEL, "general") != ChoicesKey(MODEL, "general")
    assert PrunedKey(None) != MODEL and {MODEL: 1}[ModelKey("pocket", "float32", "cpu")] == 1
    with pytest.raises(FrozenInstanceError):
        MODEL.source = "another"  # type: ignore[misc]


def written_as_tuple(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple) and bool(node.elts) and isinstance(node.elts[0], ast.Constant) and isinstance(
        node.elts[0].value, str)


def typed_by_hand(source: str) -> list[str]:
    """Calls of the Library whose key is written as a tuple that begins with a string."""
    asked = {"get", "put", "has", "once", "start"}
    return [ast.unparse(node) for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in asked
            and any(map(written_as_tuple, node.args[:2]))]


def test_no_key_is_written_as_a_tuple() -> None:
    assert [(file.name, found) for file in sorted(UI.rglob("*.py"))
            for found in typed_by_hand(file.read_text(encoding="utf-8"))] == []
    assert typed_by_hand('library.once(("masks", 1), make)') and typed_by_hand('library.start(visitor, ("a", 1), job)')
