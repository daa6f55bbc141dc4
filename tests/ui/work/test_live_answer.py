"""A live answer is the one that the applied copy would give; visitors take turns; what is not offered is refused."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure.evaluate import read_probes
from gblm_viz.ui.components.answer_slider.live_answers import LIVE_ANSWERS, LiveAnswer, LiveAnswers
from gblm_viz.ui.visit.keys import MasksKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.turns import Turns
from gblm_viz.ui.work import live_answer, stops, work
from gblm_viz.ui.work.example import answers, example_session
from gblm_viz.ui.work.live_answer import live_key


@pytest.fixture(scope="module")
def example() -> Visit:
    library = Library()
    visit = library.visit(None)
    visit.keep(example_session(library))
    return visit


def asked(key: str | None, prompt: str, method: str, percent: int, whole: bool = True) -> dict:
    return LIVE_ANSWERS.answer({"key": key, "prompt": prompt, "method": method, "percent": percent, "whole": whole})


@pytest.mark.parametrize(("method", "percent"), [("gblm", 50), ("wanda", 70), ("magnitude", 45), ("gblm", 0)])
def test_a_live_answer_is_that_of_the_copy_pruned_so(example: Visit, method: str, percent: int) -> None:
    prompt = "Tell me the opposite of the word hot."
    found = asked(live_key(example), prompt, method, percent)
    settings = stops.settings_at(method, percent)
    masks = run(prune.masks(example.model(), example.statistics(), settings))
    assert found["removed"] == masks.removed
    assert found["dense"] == answers(example.model(), prompt)
    assert found["pruned"] == answers(prune.pruned(example.model(), masks), prompt)
    if percent == 0:
        assert found["pruned"] == found["dense"] and found["mark"] is None
    elif found["mark"]:
        start, end = found["mark"]
        assert found["pruned"][:start] == found["dense"][:start] and start < end <= len(found["pruned"])


@pytest.mark.parametrize(("prompt", "outside"), [
    ("Who will win the election?", True), ("What is the capital of Kenya?", False), ("Tell me a story.", False)])
def test_a_question_outside_what_the_model_was_taught_is_told(example: Visit, prompt: str, outside: bool) -> None:
    assert asked(live_key(example), prompt, "wanda", 30)["outside"] is outside


def test_a_shipped_stop_is_what_is_answered_live(example: Visit) -> None:
    shipped = stops.shipped_stops()
    key = live_key(example)
    for number, prompt in enumerate(shipped["prompts"]):
        for method, percent in (("magnitude", 60), ("wanda", 55), ("gblm", 50)):
            stop = shipped["sparsities"].index(percent)
            told = shipped["methods"][method]["answers"][number][stop]
            assert asked(key, prompt, method, percent)["pruned"] == told, (prompt, method, percent)


def test_while_the_slider_moves_an_answer_is_cut_and_where_it_rests_it_is_whole(example: Visit) -> None:
    key, story = live_key(example), "Tell me a story about a fox and a lamp."
    moving, resting = (asked(key, story, "gblm", 30, whole) for whole in (False, True))
    assert (moving["whole"], resting["whole"]) == (False, True)
    assert resting["pruned"].startswith(moving["pruned"]) and len(resting["pruned"]) > len(moving["pruned"])
    assert asked(key, story, "gblm", 30, False) == resting
    assert asked(key, "What is 1 + 1?", "gblm", 0, False)["whole"]


def test_the_copies_that_were_used_last_are_kept(example: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    copies, made = live_answer.Copies(most=2), list[Settings]()
    real = prune.masks

    def noted(model, statistics, settings):  # type: ignore[no-untyped-def]
        made.append(settings)
        return real(model, statistics, settings)

    monkeypatch.setattr(prune, "masks", noted)
    origin = example.session.model, example.session.statistics
    for percent in (50, 60, 50, 70, 60):
        copies.get(example.model(), example.statistics(), origin, stops.settings_at("gblm", percent))
    assert [round(100 * one.sparsity) for one in made] == [50, 60, 70, 60]
    assert [one.alpha.kind for one in made] == ["share", "number", "number", "number"]


def test_a_probe_is_judged_and_another_question_is_not(example: Visit) -> None:
    probe = next(one for one in read_probes(work.PROBES) if one.answer and one.language == "en")
    key = live_key(example)
    assert asked(key, probe.prompt, "gblm", 0)["right"] is True
    assert asked(key, probe.prompt, "magnitude", 90)["right"] is False
    assert asked(key, "What did you dream of?", "gblm", 0)["right"] is None


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_the_example_asks_is_judged_too(language: str, example: Visit) -> None:
    key, shipped = live_key(example), stops.shipped_stops(language)
    for prompt, told in zip(shipped["prompts"], shipped["dense"]["answers"], strict=True):
        found = asked(key, prompt, "gblm", 0)
        assert found["right"] is True and found["pruned"] == told
        assert asked(key, prompt, "magnitude", 90)["right"] is False


def test_another_models_answers_are_not_judged_by_our_words(example: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = next(one for one in read_probes(work.PROBES) if one.answer and one.language == "en")
    monkeypatch.setattr(work, "known_of", lambda model: ())
    assert asked(live_key(example), probe.prompt, "gblm", 5)["right"] is None


def test_what_the_slider_does_not_offer_is_refused(example: Visit) -> None:
    key = live_key(example)
    for wanted in ((key, "a", "gblm", 51), (key, "a", "sparsegpt", 50), (key, " ", "gblm", 50),
                   (key, "a" * 501, "gblm", 50)):
        assert asked(*wanted) == {"error": "bad"}, wanted  # type: ignore[arg-type]
    for wanted in (None, [], "x", {"key": key}, {"key": key, "prompt": "a", "method": "gblm", "percent": "50"},
                   {"key": key, "prompt": "a", "method": "gblm", "percent": True}):
        assert LIVE_ANSWERS.answer(wanted) == {"error": "bad"}, wanted
    assert asked("unknown", "a", "gblm", 50) == {"error": "gone"}


def test_a_run_that_the_server_has_dropped_is_said_to_be_gone(example: Visit) -> None:
    library = Library()
    visit = library.visit(None)
    visit.keep(example_session(library))
    key = live_key(visit)
    library._drop(visit.session.statistics)  # as when others need the room
    assert asked(key, "a new question", "gblm", 50) == {"error": "gone"}


def test_only_settings_that_a_slider_can_follow_are_offered(example: Visit) -> None:
    other, usual = example.library.visit(None), example.session
    for changes in ({"pattern": "2:4"}, {"order": "sequential"}, {"sparsity": 0.375},
                    {"method": "magnitude", "group": "authors"}):
        settings = replace(usual.settings, **changes)
        other.keep(replace(usual, settings=settings, applied=MasksKey(usual.model, usual.statistics, settings)))
        assert live_key(other) is None, changes
    own = replace(usual.settings, method="gradient", sparsity=0.37)
    other.keep(replace(usual, applied=MasksKey(usual.model, usual.statistics, own)))
    assert "gradient" in live_answer.methods_of(own, True) and 37 in live_answer.stops_of(own)
    assert "error" not in asked(live_key(other), "What is 1 + 1?", "gradient", 37)
    assert live_answer.methods_of(Settings("wanda"), True) == stops.METHODS


def test_a_run_by_magnitude_takes_the_visitors_statistics_for_the_other_methods_and_does_without(
        example: Visit) -> None:
    other, usual = example.library.visit(None), example.session
    settings = Settings("magnitude", sparsity=0.3, order="dense")
    other.keep(replace(usual, settings=settings, applied=MasksKey(usual.model, None, settings)))
    assert "error" not in asked(live_key(other), "What is 1 + 2?", "gblm", 30)
    other.keep(replace(other.session, statistics=None))
    key = live_key(other)
    assert "error" not in asked(key, "What is 1 + 2?", "magnitude", 30)
    assert asked(key, "What is 1 + 2?", "wanda", 30) == {"error": "bad"}
    assert live_answer.methods_of(settings, False) == ("magnitude",)


def test_what_a_visitor_asked_is_forgotten_with_the_visit_and_no_script_asks_without_end(example: Visit) -> None:
    visit = example.library.visit(None)
    visit.keep(example.session)
    key = live_key(visit)
    assert "error" not in asked(key, "What is 3 + 3?", "gblm", 50)
    provider = LIVE_ANSWERS._providers[str(key)]
    provider.waiting[visit.key] = live_answer.MOST_WAITING  # type: ignore[attr-defined]
    assert asked(key, "What is 3 + 4?", "gblm", 50) == {"error": "busy"}
    example.library._forget(visit.key)
    assert asked(key, "What is 3 + 3?", "gblm", 50) == {"error": "gone"}


def test_the_same_run_has_one_key_and_the_oldest_is_dropped() -> None:
    class Echo:
        def __init__(self, name: str) -> None:
            self.name = self.owner = name

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Echo) and other.name == self.name

        __hash__ = None  # type: ignore[assignment]

        def answer(self, prompt: str, method: str, percent: int, whole: bool) -> LiveAnswer:
            return LiveAnswer(self.name, prompt, None, None, percent)

    desk = LiveAnswers(most=2)
    first = desk.add(Echo("a"))
    assert desk.add(Echo("a")) == first
    second, third = desk.add(Echo("b")), desk.add(Echo("c"))
    wanted = {"prompt": "p", "method": "m", "percent": 3}
    assert desk.answer({"key": first, **wanted}) == {"error": "gone"}
    assert desk.answer({"key": second, **wanted})["dense"] == "b"
    assert desk.answer({"key": third, **wanted})["removed"] == 3
    desk.forget("b")
    assert desk.answer({"key": second, **wanted}) == {"error": "gone"}
    assert desk.answer({"key": third, **wanted})["dense"] == "c"


def test_visitors_who_drag_at_once_take_turns(example: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """One visitor waits for several answers, another for one: the other need not wait for them all."""
    library, places = example.library, Turns(1)
    monkeypatch.setattr(live_answer, "PLACES", places)
    many, one = library.visit(None), library.visit(None)
    for visit in (many, one):
        visit.keep(example.session)
    keys, ended = (live_key(many), live_key(one)), list[str]()
    assert keys[0] != keys[1]

    def ask(name: str, key: str | None, prompt: str) -> None:
        asked(key, prompt, "gblm", 50)
        ended.append(name)

    threads = [threading.Thread(target=ask, args=("many", keys[0], f"What is {number} + 1?")) for number in range(4)]
    threads.append(threading.Thread(target=ask, args=("one", keys[1], "What is 2 + 2?")))
    with places:  # all of them wait, those of the one visitor first
        for number, thread in enumerate(threads, 1):
            thread.start()
            while len(places.order()) < number:
                time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert ended.index("one") <= 1 and len(ended) == 5, ended
