"""The story's numbers: the example's are those that are shipped, an own run's those that were measured."""

from __future__ import annotations

import json
import math

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.shipped import ASSETS
from gblm_viz.ui.visit.keys import PrunedKey
from gblm_viz.ui.work import measuring, story_numbers, work
from gblm_viz.ui.work.example import shipped_example
from gblm_viz.ui.work.stops import shipped_stops
from gblm_viz.ui.work.story_numbers import example_numbers, own_numbers


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_examples_numbers_are_the_shipped_ones(language):
    shipped, found = shipped_example(language), example_numbers(language)
    assert (found.removed, found.prunable, found.sparsity) == (
        shipped["removed"], shipped["prunable"], shipped["sparsity"])
    assert found.asked is not None and found.held is not None and found.own is not None
    assert [found.asked.first.right, found.asked.total] == shipped["probes"]["dense"]
    assert [found.asked.second.right, found.asked.total] == shipped["probes"]["pruned"]
    assert found.held.dense == pytest.approx(shipped["perplexity"]["dense"])
    assert found.held.pruned == pytest.approx(shipped["perplexity"]["pruned"])
    assert found.held.difference.mean == pytest.approx(shipped["perplexity"]["difference"]["mean"])
    assert found.own.dense == pytest.approx(math.exp(sum(shipped["losses"]["own"]["dense"]) / found.own.windows))


def test_the_example_is_of_the_models_own_kind():
    found = example_numbers("en")
    assert found.foreign is False
    assert found.guessing is not None and found.own is not None and found.own.dense < found.guessing


def test_the_line_of_each_method_is_the_sliders():
    found, stops = example_numbers("en"), shipped_stops("en")
    assert found.curves is not None
    for name, points in found.curves.items():
        assert [round(100 * x) for x, _ in points] == stops["sparsities"]
        assert [round(y * stops["dense"]["probes"][1]) for _, y in points] == stops["methods"][name]["probes"]


def test_gradients_count_as_better_than_size_only_where_the_intervals_lie_apart():
    stops = json.loads(json.dumps(shipped_stops("en")))
    stop = stops["sparsities"].index(50)
    total = stops["dense"]["probes"][1]
    for mine, theirs, shown in ((total, total // 2, True), (total // 2, total // 2 - 3, False), (3, total, False)):
        stops["methods"]["gblm"]["probes"][stop], stops["methods"]["magnitude"]["probes"][stop] = mine, theirs
        assert story_numbers._keeps_more(stops, stop) is shown


def test_the_usual_perplexity_is_that_of_the_harder_language():
    last = json.loads((ASSETS / "pocket" / "training.json").read_text(encoding="utf-8"))["curve"][-1]
    assert story_numbers.usual_perplexity() == max(last["perplexity_en"], last["perplexity_ja"])


def applied(library, visit):
    library.put("held", visit.statistics().calibration.first(2))
    visit.update(held_out="held")
    session = visit.session
    visit.update(applied=run(work.apply_job(library, session, visit.model(), visit.statistics(), session.settings)),
                 applied_number=1, example=False)


def test_an_own_run_has_what_was_measured_and_nothing_else(library, visit):
    applied(library, visit)
    found = own_numbers(visit, "en")
    masks = work.applied_masks(visit)
    assert (found.removed, found.prunable) == (masks.removed, masks.prunable)
    assert found.asked is found.own is found.held is found.against is found.better_than_size is None
    assert found.foreign is None and found.usual is None
    assert found.agreement == pytest.approx(
        work.preview(visit, visit.session.settings).agreement_wanda)


def test_after_measuring_it_tells_the_perplexities_and_whether_the_text_is_foreign(library, visit):
    applied(library, visit)
    windows = measuring.texts(visit, "en")["own"]
    for key, model in ((visit.session.model, visit.model()), (PrunedKey(visit.session.applied),
                                                              work.pruned_model(visit))):
        run(work.perplexity_job(library, key, model, windows))
    found = own_numbers(visit, "en")
    assert found.own is not None and found.own.windows == windows.count
    assert found.own.dense == pytest.approx(measuring.losses(visit, windows)[0].value)
    assert found.foreign is None, "48 tokens are too few to judge by"
