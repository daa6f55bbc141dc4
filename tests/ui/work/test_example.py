"""The example that is shipped is the one that a run gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gblm_viz.core.measure.evaluate import read_probes
from gblm_viz.core.talk.generate import Sampling, answer
from gblm_viz.ui.visit.keys import PerplexityKey, ProbesKey
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work import example, start, stops, work
from gblm_viz.words import words


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.fixture(scope="module", params=example.made_languages())
def language(request):
    return request.param


@pytest.fixture(scope="module")
def made(library, language):
    return example.make(library, language)


def test_every_language_has_an_example_on_its_own_text(language):
    assert example.shipped_example(language)["text"] == f"chat_{language}.txt"


def test_a_text_of_chats_without_a_shipped_example_is_not_taken_for_the_english_one(monkeypatch, tmp_path):
    """Else the English measurements would be stored as those of the other language's text."""
    for file in example.FOLDER.glob("*_en.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(example, "FOLDER", tmp_path)
    assert "ja" in example.made_languages() and example.shown_languages() == ("en",)
    library = Library()
    start.prepare_example(library)
    assert list(library.first_in) == ["en"] and library.first_of("ja") is library.first


def test_a_language_without_one_shows_the_english_one():
    assert example.shipped_example("xx") == example.shipped_example("en") != example.shipped_example("ja")
    assert stops.shipped_stops("xx") == stops.shipped_stops("en")


def test_what_was_removed_is_what_is_shipped(made, language):
    shipped = example.shipped_example(language)
    for name in ("model_key", "settings", "removed", "prunable", "samples", "length", "text", "roles", "blocks"):
        assert made[name] == shipped[name], name
    for name in ("alpha", "share", "agreement_wanda", "sparsity"):
        assert made[name] == pytest.approx(shipped[name], rel=1e-4), name


def test_the_shipped_gradients_are_measured(made, language):
    for fresh, kept in zip(made["gradients"], example.shipped_example(language)["gradients"], strict=True):
        assert fresh["name"] == kept["name"]
        for name in ("mean", "median", "p99", "peak_share"):
            assert fresh[name] == pytest.approx(kept[name], rel=1e-3), (kept["name"], name)


def test_the_shipped_matrix_is_measured(library, language):
    (name, fresh), = example.make_matrix(library, language).items()
    summary, kept = example.shipped_matrix(language)
    assert summary.name == name
    assert np.allclose(fresh, kept, rtol=1e-3, atol=1e-6)


def test_the_shipped_losses_and_verdicts_are_measured(made, language):
    shipped = example.shipped_example(language)
    for text, sides in made["losses"].items():
        for side, losses in sides.items():
            assert list(losses) == pytest.approx(shipped["losses"][text][side], rel=1e-3), (text, side)
    for side, bits in made["verdicts"].items():
        apart = sum(one != other for one, other in zip(bits, shipped["verdicts"][side], strict=True))
        assert apart <= 0.005 * len(bits), side  # another processor's rounding may turn a near-tie
        right, total = shipped["probes"][side]
        assert (right, total) == (shipped["verdicts"][side].count("1"), len(bits))


def test_the_shipped_telling_weight_is_the_runs_own(made, language):
    """Magnitude puts it low in its row, the method high; the ranks move only where rounding turns a near-tie."""
    shipped, jump = example.shipped_example(language)["telling"], made["telling"]
    for name in ("matrix", "row", "column"):
        assert jump[name] == shipped[name]
    assert jump["rank_b"] == pytest.approx(shipped["rank_b"], abs=0.01)
    assert jump["rank_a"] < 0.5 <= jump["rank_b"]


def test_both_models_give_the_shipped_answers(made, language):
    assert made["answers"] == example.shipped_example(language)["answers"]


def test_the_sliders_stop_at_the_examples_settings_is_the_example(language):
    shipped, found = example.shipped_example(language), stops.shipped_stops(language)
    stop, gblm = found["sparsities"].index(50), found["methods"]["gblm"]
    assert found["model_key"] == shipped["model_key"] and found["prunable"] == shipped["prunable"]
    assert gblm["removed"][stop] == shipped["removed"]
    assert [gblm["probes"][stop], found["dense"]["probes"][1]] == shipped["probes"]["pruned"]
    interval = shipped["probes"]["interval"]
    assert gblm["interval"][stop] == pytest.approx([interval["low"], interval["high"]], abs=1e-4)
    assert gblm["perplexity"][stop] == pytest.approx(shipped["perplexity"]["pruned"], rel=1e-4)
    pairs = shipped["answers"]
    assert found["prompts"] == [pair["prompt"] for pair in pairs]
    assert found["dense"]["answers"] == [pair["dense"] for pair in pairs]
    assert [told[stop] for told in gblm["answers"]] == [pair["pruned"] for pair in pairs]


def test_a_shipped_stop_is_measured():
    made, shipped = stops.make(Library(), "en", ("wanda",), (65,)), stops.shipped_stops()
    stop, fresh, kept = shipped["sparsities"].index(65), made["methods"]["wanda"], shipped["methods"]["wanda"]
    assert fresh["removed"] == [kept["removed"][stop]]
    assert fresh["probes"][0] == pytest.approx(kept["probes"][stop], abs=6)  # rounding may turn a near-tie
    assert fresh["perplexity"][0] == pytest.approx(kept["perplexity"][stop], rel=1e-3)
    assert made["dense"]["probes"] == shipped["dense"]["probes"]


def test_the_dense_model_answers_the_first_screens_prompts_rightly(pocket, language):
    """Its answers are what the prompt's own words ask for."""
    rights = {"en": ("matter least", "Cairo", "13"), "ja": ("取り除く", "パリ", "2 + 3 = 5")}[language]
    for name, right in zip(example.PROMPTS, rights, strict=True):
        prompt = words(language)(f"overview.{name}")
        assert right in answer(pocket, [{"role": "user", "content": prompt}], Sampling(most=48)).text


def test_the_first_screen_says_right_of_all_exact_probes():
    exact = [probe for probe in read_probes(work.PROBES) if not probe.contains]
    assert example.shipped_example()["probes"]["dense"][1] == len(exact)


def test_the_laid_out_measures_are_those_shown(language):
    library = Library()
    session = example.example_session(library, language)
    example.store_shipped_measures(library, session, language)
    held = library.get(session.held_out)
    shown = library.get(PerplexityKey(session.model, held.key))
    assert math.isclose(shown.value, example.shipped_example(language)["perplexity"]["dense"])
    assert library.get(ProbesKey(session.model)).total.right == example.shipped_example(language)["probes"]["dense"][0]
