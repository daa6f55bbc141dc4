"""The story's numbers: the example's are those that are shipped, an own run's those that were measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.shipped import ASSETS, usual_perplexity
from gblm_viz.ui.tabs import story
from gblm_viz.ui.visit.keys import PrunedKey, StatisticsKey
from gblm_viz.ui.work import measuring, story_numbers, work
from gblm_viz.ui.work.example import shipped_example
from gblm_viz.ui.work.stops import shipped_stops
from gblm_viz.ui.work.story_numbers import example_numbers, own_numbers
from gblm_viz.words import LANGUAGES, words


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
    own = shipped["losses"]["own"]["dense"]
    assert found.own.difference.count == len(own) and found.own.dense == pytest.approx(math.exp(sum(own) / len(own)))


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
        found = replace(example_numbers("en"), against=story_numbers._stops_against(stops, stop))
        assert found.better_than_size is shown


def test_the_usual_perplexity_is_that_of_the_harder_language():
    last = json.loads((ASSETS / "pocket" / "training.json").read_text(encoding="utf-8"))["curve"][-1]
    assert usual_perplexity("pocket") == max(last["perplexity_en"], last["perplexity_ja"])


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
    assert found.own is not None and found.own.difference.count == windows.count
    assert found.own.dense == pytest.approx(measuring.losses(visit, windows)[0].value)
    assert found.foreign is None, "48 tokens are too few to judge by"


@pytest.mark.parametrize(("theirs", "mine", "better"), [
    ("more", "less", True), ("less", "more", False), ("none", "none", False), ("one_draw", "one_draw", None),
    ("too_few", "too_few", None)])
def test_the_comparison_is_that_of_the_report_with_all_its_draws(library, visit, monkeypatch, theirs, mine, better):
    """A difference from one draw, or from too few windows, is neither a difference nor none."""
    applied(library, visit)
    asked = []

    def known(library, session, rivals, windows):
        asked.append(windows)
        return SimpleNamespace(against=lambda name, other: SimpleNamespace(verdict=theirs))

    monkeypatch.setattr(measuring, "method_texts", lambda *_: {"held": "windows"})
    monkeypatch.setattr(measuring, "known_rivalry", known)
    found = own_numbers(visit, "en")
    assert set(found.against.values()) == {mine} and "magnitude" in found.against
    assert found.better_than_size is better and asked == ["windows"]


def test_a_copy_by_the_authors_threshold_has_a_story_too(library, visit):
    """No other method can be combined with it, in a sweep either."""
    visit.update(settings=Settings("magnitude", group="authors", sparsity=0.5, order="dense"))
    applied(library, visit)
    found = own_numbers(visit, "en")
    assert found.method == "magnitude" and found.curves is None


def collected_again(library, visit):
    """Statistics of other samples, after the copy was made."""
    samples = CalibrationSet(torch.arange(4, 36).reshape(2, 16), torch.full((2,), 16), "windows", 0, "later", "1" * 64)
    visit.update(statistics=run(work.collect_job(library, visit.model(), samples, None, Event())))


def test_the_story_of_a_copy_is_of_the_text_that_it_was_made_from(library, visit):
    applied(library, visit)
    before = own_numbers(visit, "en")
    assert not story_numbers.is_older(visit)
    collected_again(library, visit)
    found = own_numbers(visit, "en")
    assert story_numbers.is_older(visit)
    assert (found.text, found.samples, found.tokens) == (before.text, before.samples, before.tokens) == ("text", 3, 48)
    assert found.own is None and found.jump is None
    visit.update(statistics=StatisticsKey("model", "gone"))
    assert story_numbers.is_text_foreign(visit) is None, "what is no longer there is not judged"


def test_a_copy_by_a_method_without_a_text_is_never_older_than_one(library, visit):
    visit.update(settings=Settings("magnitude", sparsity=0.5, order="dense"))
    applied(library, visit)
    assert visit.session.statistics is not None and not story_numbers.is_older(visit)
    collected_again(library, visit)
    assert not story_numbers.is_older(visit)


def test_until_an_own_copy_is_made_the_story_stays_the_examples_on_a_page_of_either_language(library, visit):
    applied(library, visit)
    example = replace(visit.session, example=True)
    library.first_in["ja"] = example
    try:
        collected_again(library, visit)
        for language in LANGUAGES:
            assert story.numbers_of(visit, words(language)).example
        visit.update(applied_number=2)
        assert not story.numbers_of(visit, words("en")).example
        visit.update(applied_number=1)
        library.first_in["ja"] = replace(example, example=False)
        assert not story.numbers_of(visit, words("ja")).example, "a start without an example has none"
    finally:
        del library.first_in["ja"]
