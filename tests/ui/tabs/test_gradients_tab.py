"""The Gradients tab's matrix: which fields it offers, and that a score is drawn anew only where it is another one."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.ui.tabs import gradients
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.page import Page, Signals
from gblm_viz.ui.visit.session import Selection, Session
from tests.families import FAMILIES


def offered(visit: Visit, say: Any) -> list[str]:
    provider = gradients.GradientProvider.of(visit, gradients.chosen(visit), 0, say)
    return [field.id for field in provider.fields()]


def test_every_field_that_exists_is_offered_and_no_other(visit: Visit, say: Any) -> None:
    assert offered(visit, say) == ["l1", "l2", "sum", "weight", "input", "activation", "pull", "score"]
    visit.update(settings=replace(visit.session.settings, method="wanda"))
    assert offered(visit, say) == ["l1", "l2", "sum", "weight", "input", "activation", "score"]
    visit.update(settings=replace(visit.session.settings, method="magnitude"))
    assert offered(visit, say) == ["l1", "l2", "sum", "weight", "input", "score"]
    visit.update(statistics=None)
    assert offered(visit, say) == ["weight", "score"]


@pytest.mark.parametrize("method", ["gblm", "wanda", "gradient", "magnitude"])
def test_the_score_shown_is_the_one_that_prunes(visit: Visit, say: Any, method: str) -> None:
    visit.update(settings=replace(visit.session.settings, method=method))
    matrix = gradients.chosen(visit)
    shown = gradients.GradientProvider.of(visit, matrix, 0, say).array("score")
    scores = prune.scores_of(visit.model(), visit.statistics(), visit.session.settings, matrix.name)
    assert np.array_equal(shown, scores.numpy())


def test_a_score_hangs_on_method_and_alpha_and_not_on_what_is_cut(visit: Visit) -> None:
    before = gradients.scoring(visit)
    for same in ({"sparsity": 0.7}, {"pattern": "2:4"}, {"group": "matrix"}, {"order": "sequential"}):
        visit.update(settings=replace(visit.session.settings, **same))
        assert gradients.scoring(visit) == before
    visit.update(settings=replace(visit.session.settings, alpha=Alpha("number", 3.0)))
    assert gradients.scoring(visit) != before


@pytest.fixture
def experts() -> Visit:
    """A visitor with a tiny Mixtral: its experts' matrices are stacks."""
    torch.manual_seed(0)
    library = Library(budget=1 << 30)
    library.put("model", models.wrap(FAMILIES["mixtral"](), None, "tiny"))
    library.first = Session(source="tiny", model="model", settings=Settings("magnitude", order="dense"))
    library.ready.set()
    visit = library.visit(None)
    stack = next(one for one in visit.model().layout.matrices if one.experts)
    visit.update(selection=Selection(stack.name, 1))
    return visit


def test_all_experts_stand_one_under_another_with_their_borders(experts: Visit, say: Any) -> None:
    one = gradients.chosen(experts)
    each = [gradients.GradientProvider.of(experts, one, expert, say).array("weight") for expert in range(one.experts)]
    stack = gradients.GradientProvider.of(experts, one, None, say)
    assert (stack.rows, stack.columns) == (one.experts * one.rows, one.columns)
    assert np.array_equal(stack.array("weight"), np.concatenate(each))
    assert np.array_equal(stack.array("score"), np.abs(np.concatenate(each)))


def test_a_weight_of_the_stack_is_a_weight_of_its_expert(experts: Visit, say: Any) -> None:
    page = Listened(experts.library, say)
    one = gradients.chosen(experts)
    drawn = page.call("on_stacked", experts, True)["matrix-view"]
    assert (drawn["rows"], drawn["heads"], drawn["borders"]) == (one.experts * one.rows, [one.rows, 0], "experts")
    page.call("on_weight", experts, [one.rows * 2 + 3, 4], 0)
    assert experts.session.selection == Selection(one.name, 2, 3, 4)
    assert page.call("on_stacked", experts, True)["matrix-view"]["pin"] == [one.rows * 2 + 3, 4]
    plain = page.call("on_stacked", experts, False)["matrix-view"]
    assert (plain["rows"], plain["pin"], plain["borders"]) == (one.rows, [3, 4], "heads")


class Listened:
    """The tab built in a page of its own; its listeners can be called by hand."""

    def __init__(self, library: Library, say: Any) -> None:
        self.heard: dict[str, tuple[Any, list[Any]]] = {}
        with gr.Blocks():
            signals = Signals(**{name: gr.State(0) for name in inspect.signature(Signals).parameters})
            page = Page(say, library, gr.State(""), gr.HTML(), gr.Tabs(), signals)
            for name in ("on", "on_signals"):
                object.__setattr__(page, name,
                                   lambda _, handler, inputs=(), outputs=(), **__: self._hear(handler, outputs))
            object.__setattr__(page, "on_event",
                               lambda _, __, ___, handler, inputs=(), outputs=(): self._hear(handler, outputs))
            gradients.build(page)

    def _hear(self, handler: Any, outputs: Any) -> None:
        self.heard[handler.__name__] = (handler, list(outputs))

    def call(self, name: str, visit: Visit, *values: Any) -> dict[str, Any]:
        handler, outputs = self.heard[name]
        updates = handler(visit, *values)
        assert set(updates) <= set(outputs), "a listener may only update what it announced"
        return {str(getattr(part, "elem_id", None)): value for part, value in updates.items()}
