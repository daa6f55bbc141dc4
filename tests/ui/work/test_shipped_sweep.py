"""The example's shipped sweep: complete, and some of its points measured again."""

from __future__ import annotations

import pytest

from gblm_viz.core.measure import sweep
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work import example, shipped_sweep, start
from gblm_viz.ui.work.sweeping import points_of


@pytest.fixture(scope="module")
def library() -> Library:
    made = Library()
    start.prepare_example(made)
    return made


@pytest.mark.parametrize("language", example.made_languages())
def test_a_newcomer_finds_all_28_points_measured(library: Library, language: str) -> None:
    plan = shipped_sweep.shipped_plan(library, library.first_of(language))
    points = points_of(library, plan)
    assert len(points) == len(plan.settings) == 28
    dense = next(one for one in points if one.settings == sweep.DENSE)
    shipped = example.shipped_example(language)
    assert dense.held_out.value == pytest.approx(shipped["perplexity"]["dense"], rel=1e-4)
    assert dense.probes is not None and dense.probes.total == sweep.PROBES


def test_some_of_them_are_what_a_run_gives(library: Library) -> None:
    plan = shipped_sweep.shipped_plan(library, library.first_of("en"))
    chosen = [one for one in plan.settings if one.method == "gblm" and one.sparsity in (0.3, 0.7)]
    fresh = shipped_sweep.make(library, "en", chosen)["points"]
    kept = [one for one in shipped_sweep.shipped_sweep("en")["points"]
            if any(one["settings"] == settings.as_dict() for settings in chosen)]
    assert len(fresh) == len(kept) == 2
    for one, other in zip(fresh, kept, strict=True):
        assert one["sparsity"] == other["sparsity"]
        assert one["held_out"] == pytest.approx(other["held_out"], rel=1e-3)
        assert abs(one["probes"][0] - other["probes"][0]) <= 2


def test_points_of_another_model_are_not_taken(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Library()
    session = example.example_session(fresh, "en")
    monkeypatch.setattr(shipped_sweep, "shipped_sweep", lambda _: {"model_key": "another", "points": [{}]})
    shipped_sweep.store_shipped_sweep(fresh, session, "en")
    assert points_of(fresh, shipped_sweep.shipped_plan(fresh, session)) == ()
