"""The Gradients tab's matrix: which fields it offers, and that a score is drawn anew only where it is another one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gblm_viz.core import prune
from gblm_viz.core.alpha import Alpha
from gblm_viz.ui.session import Visit
from gblm_viz.ui.tabs import gradients


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
