"""The running app, spoken to by a script: whatever it sends is refused or answered, and nothing breaks."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from gblm_viz.ui.visit.library import Visit
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


def test_a_late_refill_of_the_text_tab_writes_only_what_the_page_does_not_hold(wire: Wire) -> None:
    """Else it takes out of the box what somebody types meanwhile, as after a model is loaded."""
    visitor = wire.visitor()
    functions = visitor.blocks.fns
    box = next(one for one in visitor.blocks.blocks.values() if getattr(one, "elem_id", None) == "text")
    filled = next(one for one in visitor.blocks.blocks.values() if getattr(one, "elem_id", None) == "text-filled")
    refill = next(number for number, one in functions.items() if box in one.outputs and filled in one.outputs)
    typing = next(number for number, one in functions.items()
                  if box in one.inputs and filled in one.inputs and box not in one.outputs)

    def written() -> bool:
        return any(refills(message) for message in visitor.run(refill))

    def refills(message: dict[str, Any]) -> bool:
        if message["msg"] not in {"process_generating", "process_completed"}:
            return False
        return "June" in json.dumps(message["output"]["data"][functions[refill].outputs.index(box)])

    session = Visit(visitor.key, wire.library)
    session.update(text=replace(session.session.text, text="It rained in June. " * 60, name=""))
    assert [written(), written()] == [True, False]
    data = visitor.defaults(typing)
    data[functions[typing].inputs.index(filled)] = "filled"
    data[functions[typing].inputs.index(box)] = "It rained in July, and then June came. " * 60
    visitor.run(typing, data)
    assert session.session.text.text.startswith("It rained in July")
    assert not written()
    session.update(text=replace(session.session.text, text="Snow fell in June. " * 60))
    assert [written(), written()] == [True, False]


def test_a_text_box_sent_before_a_bundled_text_took_its_place_does_not_bring_its_text_back(wire: Wire) -> None:
    visitor = wire.visitor()
    functions, blocks = visitor.blocks.fns, visitor.blocks.blocks.values()
    box = {name: next(one for one in blocks if getattr(one, "elem_id", None) == name)
           for name in ("text", "text-filled", "text-known", "text-bundled")}
    typing = next(number for number, one in functions.items()
                  if box["text"] in one.inputs and box["text-filled"] in one.inputs and box["text"] not in one.outputs)
    session = Visit(visitor.key, wire.library)
    late = visitor.defaults(typing)
    for name, value in (("text", session.session.text.text), ("text-filled", "filled"), ("text-known", 0)):
        late[functions[typing].inputs.index(box[name])] = value
    choose = visitor.function("input", "text-bundled")
    data = visitor.defaults(choose)
    data[functions[choose].inputs.index(box["text-bundled"])] = "prose_en.txt"
    visitor.run(choose, data)
    visitor.run(typing, late)
    assert session.session.text.name == "prose_en.txt"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_component_that_is_drawn_is_told_of_the_steps_of_an_event(language: str, wire: Wire) -> None:
    blocks = wire.visitor(language).blocks
    told = {one for listener in blocks.config["dependencies"] if listener["backend_fn"]
            for one in listener["show_progress_on"] or listener["outputs"]}
    assert {blocks.blocks[one].get_block_name() for one in told} == {"state"}
    assert len(told) == 1
