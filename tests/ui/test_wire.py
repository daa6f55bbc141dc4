"""The running app, spoken to by a script: whatever it sends is refused or answered, and nothing breaks."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.ui import hostile
from tests.ui.wire import Visitor, Wire

SLOW = {"collect", "sweep-start", "compare-measure", "weight-draw", "weight-measure", "report-make", "save",
        "won-measure", "lost-ask", "lost-compare", "patterns-test", "weight-show", "lost-probes-view", "compare-speed"}
"""What a click on these begins takes seconds; the benchmark tries them."""
TRIED = 250


def quick(visitor: Visitor, case: hostile.Case) -> bool:
    targets = visitor.blocks.fns[case.function].targets
    return not any(getattr(visitor.blocks.blocks.get(target), "elem_id", None) in SLOW for target, _ in targets)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_hostile_values_are_refused_or_answered_and_never_an_unknown_error(language: str, wire: Wire) -> None:
    visitor = wire.visitor(language)
    drawn = [case for case in hostile.cases(visitor) if quick(visitor, case)]
    random.Random(14).shuffle(drawn)
    counts = Counter(hostile.outcome(visitor, case) for case in drawn[:TRIED])
    assert counts.total() == TRIED
    assert min(counts[kind] for kind in ("refused", "notice", "handled")) > 5


def test_the_matrix_chosen_on_prune_is_what_its_handler_is_told(wire: Wire) -> None:
    visitor = wire.visitor()
    inputs = visitor.blocks.fns[visitor.function("input", "prune-matrix")].inputs
    assert "prune-matrix" in [one.elem_id for one in inputs]
