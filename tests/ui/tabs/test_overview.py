"""The Overview of a model that is not the pocket: it says what has been done, and nothing of the pocket's is shown."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.talk.generate import Token
from gblm_viz.escape import escape
from gblm_viz.ui import build
from gblm_viz.ui.components.answer_slider import Screen
from gblm_viz.ui.tabs import overview, prune
from gblm_viz.ui.visit.keys import MasksKey, PerplexityKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.page import Page, Signals
from gblm_viz.ui.visit.remembered import APPLY_TOOK
from gblm_viz.ui.work import work
from gblm_viz.ui.work.chat import SIDES, SideAnswer, Turn
from gblm_viz.ui.work.example import shipped_example
from gblm_viz.words import words
from tests.families import save_tiny
from tests.ui.wire import Wire

NAMES = ("overview-answers", "overview-limit", "overview-map", "overview-telling", "overview-to-chat", "overview-why")


def handlers(library: Library, say: Any) -> dict[str, tuple[Any, list[Any]]]:
    """The tab's handlers and their outputs, by the handler's name."""
    heard: dict[str, tuple[Any, list[Any]]] = {}
    with gr.Blocks():
        signals = Signals(*(gr.State(0) for _ in inspect.signature(Signals).parameters))
        page = Page(say, library, gr.State(""), gr.HTML(), gr.Tabs(), signals)
        for name in ("on", "on_signals"):
            object.__setattr__(page, name, lambda _, handler, inputs=(), outputs=(), **more: heard.update(
                {handler.__name__: (handler, outputs)}))
        object.__setattr__(page, "on_event", lambda listener, field, kind, handler, inputs=(), outputs=(): heard.update(
            {handler.__name__: (handler, outputs)}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(overview.story, "build", lambda page: None)  # its handlers have tests of their own
            overview.build(page)
    return heard


def shown(library: Library, visit: Visit, say: Any) -> dict[str, Any]:
    """What the tab shows after a change, by element id; the line below as `tag`."""
    handler, outputs = handlers(library, say)["refresh"]
    updates = handler(visit)
    assert set(updates) == set(outputs), "what is not written anew would be left over from another model"
    named = {one.elem_id: value for one, value in updates.items() if one.elem_id}
    named["tag"] = next(str(value) for one, value in updates.items() if 'id="overview-tag"' in str(value))
    assert set(NAMES) <= set(named)
    return named


def of_the_pocket(seen: dict[str, Any], say: Any) -> list[str]:
    """What on screen is the shipped example's, or said of the pocket alone."""
    example, text = shipped_example(say.language), str(seen)
    marks = [pair[side] for pair in example["answers"] for side in ("dense", "pruned", "prompt")]
    marks += [say("overview.limit_pocket").strip(), f"{example['removed']:,}", example["text"]]
    return [one for one in marks if one in text or escape(one) in text]


@pytest.fixture
def other(visit: Visit) -> Visit:
    visit.update(example=False)
    return visit


@pytest.fixture
def applied(library: Library, other: Visit) -> Visit:
    """The other model's visitor with a copy by magnitude, 35 % removed."""
    session = other.update(settings=Settings("magnitude", sparsity=0.35))
    key = run(work.apply_job(library, session, other.model(), None, session.settings))
    held = library.put("held", other.statistics().calibration)
    other.update(applied=key, applied_number=1, held_out=held)
    return other


@pytest.mark.parametrize("ended_by", ["another run", "clear"])
def test_an_answer_that_grows_leaves_nothing_once_its_run_or_chat_is_gone(
        ended_by: str, library: Library, other: Visit, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Turn("Why?", {side: SideAnswer((Token(1, "half", 0.5, ()),), "end", 1.0) for side in SIDES})
    monkeypatch.setattr(overview, "answer_together", lambda *_: (one for one in ((turn, False), (turn, False))))
    monkeypatch.setattr(work, "pruned_model", lambda visit: visit.model())
    monkeypatch.setattr(overview._Handlers, "applied_screen", lambda *_: Screen("", "", ""))
    told = handlers(library, say)
    growing = told["on_prompt"][0](other, "Why?")
    assert "half" in str(next(growing))
    if ended_by == "clear":
        library.chats.pop(other.key)
    else:
        other.update(applied_number=7, applied=None, model="none")
        monkeypatch.setattr(overview._Handlers, "refresh", lambda self, visit: {self.parts.answers: "afresh"})
    later = list(growing)
    assert len(later) == 1 and "half" not in str(later[0]) and list(later[0]) == told["on_prompt"][1]


def test_the_example_is_shown_whole_to_a_newcomer(library: Library, visit: Visit, say: Any) -> None:
    assert len(of_the_pocket(shown(library, visit, say), say)) >= 5


def test_before_collecting_another_models_overview_shows_nothing_of_the_pocket(library: Library, other: Visit,
                                                                               say: Any) -> None:
    other.update(statistics=None)
    seen = shown(library, other, say)
    assert seen["overview-answers"]["screen"]["headline"] == say("overview.nothing_collected", model="tiny")
    assert seen["overview-map"]["cells"] == [] and of_the_pocket(seen, say) == []


def test_after_collecting_it_no_longer_says_collect_and_shows_its_own_map(library: Library, other: Visit,
                                                                          say: Any) -> None:
    seen = shown(library, other, say)
    assert seen["overview-answers"]["screen"]["headline"] == say("overview.nothing_removed", model="tiny")
    names = {matrix.name for matrix in other.model().layout.matrices}
    assert {cell["name"] for cell in seen["overview-map"]["cells"]} == names
    assert "tiny" in seen["tag"] and of_the_pocket(seen, say) == []


def test_after_measuring_it_says_what_was_measured_and_asks_none_of_the_pockets_questions(
        library: Library, other: Visit, say: Any) -> None:
    session = other.update(settings=replace(other.session.settings, sparsity=0.5 if say.language == "en" else 0.4))
    key = run(work.apply_job(library, session, other.model(), other.statistics(), session.settings))
    held = library.put("held", other.statistics().calibration)
    session = other.update(applied=key, applied_number=1, held_out=held)
    before = shown(library, other, say)
    assert before["overview-answers"]["screen"]["lost"] == say("overview.not_measured")
    run(work.measure_job(library, session, other.model(), work.pruned_model(other), say.language))
    seen = shown(library, other, say)
    lost = seen["overview-answers"]["screen"]["lost"]
    assert f"{library.get(PerplexityKey(session.model, other.statistics().calibration.key)).value:.1f}" in lost
    assert seen["overview-answers"]["prompts"] == [say(f"overview.continues_{number}") for number in (1, 2, 3)]
    assert seen["overview-answers"]["screen"]["dense"] == say("overview.continue_again")
    assert seen["overview-to-chat"]["visible"]
    assert of_the_pocket(seen, say) == []


def test_another_models_slider_offers_what_may_be_applied_and_applying_it_goes_the_usual_way(
        library: Library, applied: Visit, say: Any) -> None:
    live = shown(library, applied, say)["overview-answers"]["live"]
    assert (live["key"], live["at"]) == ("", {"method": "magnitude", "stop": live["sparsities"].index(35)})
    assert {"magnitude", "wanda", "gblm"} <= {*live["methods"]}
    told = handlers(library, say)["on_apply"][0]
    list(told(applied, ["wanda", 60], 0, 0))
    assert applied.session.applied is not None and applied.session.applied_number == 2
    assert (applied.session.applied.settings.method, applied.session.applied.settings.sparsity) == ("wanda", 0.6)
    assert work.applied_masks(applied).sparsity == pytest.approx(0.6, abs=0.05)
    for wrong in (["wanda", 61], ["nothing", 60], ["wanda", -5]):
        with pytest.raises(GblmError):
            list(told(applied, wrong, 0, 0))
    applied.update(settings=Settings("wanda", pattern="2:4"))
    applied.update(applied=replace(applied.session.applied, settings=applied.session.settings))
    with pytest.raises(GblmError):  # a pattern has its own share
        list(told(applied, ["wanda", 60], 0, 0))


def test_how_long_applying_took_is_said_only_of_the_model_that_it_was_measured_on(
        library: Library, applied: Visit, say: Any) -> None:
    model = applied.session.model
    for of, seconds, wanted in ((model, 12.0, True), (model, 0.4, False), ("another", 12.0, False)):
        applied.remember(APPLY_TOOK, (of, seconds))
        assert ("12" in shown(library, applied, say)["overview-answers"]["live"]["took"]) == wanted


def test_a_copy_that_the_server_no_longer_holds_is_not_shown(library: Library, other: Visit, say: Any) -> None:
    other.update(applied=MasksKey("model", None, Settings("magnitude", sparsity=0.1)))
    seen = shown(library, other, say)["overview-answers"]["screen"]
    assert seen["headline"] == say("overview.nothing_removed", model="tiny")


# What is kept when another model is loaded

def test_a_method_that_needs_no_text_is_applied_to_another_model_without_being_asked_for_one(
        wire: Wire, tmp_path: Path) -> None:
    source = str(save_tiny(tmp_path / "other", "llama"))
    visitor = wire.visitor()
    chosen = Settings("magnitude", sparsity=0.3, pattern="", order="dense")
    wire.library.visit(visitor.key).update(settings=chosen)
    visitor.run(visitor.function("click", "load"), [None, source, None])
    session = wire.library.visit(visitor.key).session
    assert (session.source, session.statistics, session.settings) == (source, None, chosen)
    told = visitor.run(visitor.function("click", "apply"), [None, None, None, *prune.form_of(chosen).values])
    assert words("en")("errors.nothing_collected") not in str(told)
    applied = wire.library.visit(visitor.key).session.applied
    assert applied is not None and applied.settings == chosen


@pytest.mark.parametrize(("pattern", "kept"), [("2:4", "2:4"), ("5:7", ""), ("", "")])
def test_a_pattern_that_another_models_rows_do_not_hold_is_not_taken_along(pattern: str, kept: str,
                                                                           visit: Visit) -> None:
    settings = Settings("wanda", pattern=pattern)
    assert build.fitting(settings, visit.model().layout) == replace(settings, pattern=kept)
