"""Visitors, values and tasks of one process: who waits for whom, what Cancel ends, what is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job, Step
from gblm_viz.ui.visit.keys import OwnProbesKey
from gblm_viz.ui.visit.library import HOUR, MOST_TASKS, Library, Visit
from gblm_viz.ui.visit.remembered import ACCEPTED, BLIND, OWN_PROBES, RUNS
from gblm_viz.ui.visit.session import Selection, Session
from gblm_viz.ui.visit.text_choice import TextChoice


def slow(steps: int = 400, pause: float = 0.01) -> Callable[[threading.Event], Job[int]]:
    def job(cancel: threading.Event) -> Job[int]:
        for done in range(steps):
            yield Step(done, steps, "sample")
            if cancel.is_set():
                return done
            time.sleep(pause)
        return steps
    return job


def test_identical_work_is_computed_once_and_joined():
    library = Library(budget=10**6)
    first = library.start("a", "key", slow(20))
    second = library.start("b", "key", slow(20))
    assert first is second
    assert first.done.wait(10)
    assert first.result == 20


def test_cancel_of_one_visitor_leaves_the_task_to_the_other_and_the_last_one_ends_it():
    library = Library(budget=10**6)
    task = library.start("a", "key", slow(), graceful=True)
    library.start("b", "key", slow(), graceful=True)
    library.cancel("b")
    time.sleep(0.1)
    assert not task.cancel.is_set()
    assert task.watchers == ["a"]
    library.cancel("a")
    assert task.done.wait(2)
    assert task.result is not None
    assert task.result < 400


def test_cancel_in_the_queue_ends_at_once():
    library = Library(budget=10**6)
    running = library.start("a", "first", slow())
    waiting = library.start("b", "second", slow())
    time.sleep(0.1)
    library.cancel("b")
    assert waiting.done.is_set()
    assert isinstance(waiting.error, GblmError)
    assert not running.done.is_set()
    library.cancel("a")
    assert running.done.wait(2)


def test_unqueued_work_does_not_wait_for_the_queue():
    library = Library(budget=10**6)
    library.start("a", "first", slow())
    beside = library.start("b", "beside", slow(3), queued=False)
    assert beside.done.wait(2)
    library.cancel("a")


def test_a_visitor_who_goes_away_ends_what_nobody_else_watches():
    library = Library(budget=10**6)
    task = library.start("a", "key", slow())
    library.leave("a", task)
    assert task.done.wait(2)


def test_values_beyond_the_budget_go_least_recently_used_first_and_pinned_ones_stay():
    library = Library(budget=100)
    library.put("example", 1, 40, pin=True)
    library.put("old", 2, 30)
    library.put("used", 3, 30)
    library.get("old")
    library.put("new", 4, 30)
    assert [key for key in ("example", "old", "used", "new") if library.has(key)] == ["example", "old", "new"]
    with pytest.raises(GblmError):
        library.get("used")


def test_an_hour_after_the_last_use_a_visit_and_its_values_are_forgotten():
    library = Library(budget=10**6)
    visit = library.visit("")
    visit.update(source="elsewhere")
    library.put("statistics", object())
    library.put("example", object(), pin=True)
    library.tidy(time.monotonic() + HOUR / 2)
    assert library.visit(visit.key).session.source == "elsewhere"
    library.tidy(time.monotonic() + HOUR + 1)
    assert visit.key not in library.sessions
    assert not library.has("statistics")
    assert library.has("example")


def test_one_visitor_never_sees_anothers_session():
    library = Library(budget=10**6)
    one, other = library.visit(""), library.visit("")
    one.update(source="mine")
    assert one.key != other.key
    assert other.session.source == Session().source


def test_a_visit_that_still_sees_the_example_sees_the_one_of_the_pages_language():
    library = Library()
    first = {one: Session(text=TextChoice(one, one), statistics=one, held_out=one, applied=one) for one in ("en", "ja")}
    library.first, library.first_in = first["en"], first
    key = library.visit(None, language="ja").key
    assert library.sessions[key][1] is first["ja"]
    assert library.visit(key, language="en").session is first["en"]
    assert library.visit(key).session is first["en"], "where no page asks, nothing changes"
    assert library.visit(key, language="xx").session is first["en"]
    library.visit(key, language="ja").update(selection=Selection("matrix", 0, 1, 2))
    found = library.visit(key, language="en").session
    assert (found.text, found.statistics, found.held_out, found.applied) == (first["en"].text, "en", "en", "en")
    assert found.selection == Selection("matrix", 0, 1, 2), "what was chosen stays"
    own = library.visit(key, language="en").update(text=TextChoice("mine"))
    found = library.visit(key, language="ja").session
    assert (found.text, found.statistics) == (own.text, "ja")
    collected = library.visit(key, language="ja").update(statistics="of my text", example=False)
    assert library.visit(key, language="en").session is collected


def test_another_beginning_keeps_the_list_of_runs_what_is_accepted_and_the_own_questions():
    before = Session(source="own").with_extra(RUNS, ("run",)).with_extra(ACCEPTED, (0.2, 0.1)).with_extra(BLIND, True)
    own = OwnProbesKey("questions")
    after = Session(source="pocket").begun_after(before.with_extra(OWN_PROBES, own))
    assert (after.source, after.extra(RUNS), after.extra(ACCEPTED)) == ("pocket", ("run",), (0.2, 0.1))
    assert after.extra(OWN_PROBES) == own
    assert after.extra(BLIND) is None, "what belongs to a run goes with it"
    assert Session().begun_after(Session()).extra(ACCEPTED) is None
    begun = Session(text=TextChoice("the example's")).begun_after(Session(text=TextChoice("mine")))
    assert begun.text.was_replaced("mine", 0), "a box that is on its way does not bring the old text back"


def test_the_same_click_sent_again_and_again_is_followed_a_bounded_number_of_times():
    library = Library(budget=10**6)
    for _ in range(MOST_TASKS):
        library.start("a", "key", slow())
    with pytest.raises(GblmError) as caught:
        library.start("a", "key", slow())
    assert caught.value.key == "too_many_tasks"
    library.start("b", "key", slow())
    library.cancel("a")
    library.cancel("b")


def test_a_visitor_selects_only_places_that_their_model_has(visit: Visit) -> None:
    one = visit.model().layout.matrices[0]
    for place in (Selection(), Selection(one.name), Selection(one.name, 0, one.rows - 1, one.columns - 1)):
        assert visit.select(place).selection == place
    before = visit.session
    for place, key in ((Selection("nope"), "gone"), (Selection(one.name, 1), "bad_event"),
                       (Selection(one.name, -1), "bad_event"), (Selection(one.name, 0, one.rows, 0), "bad_event"),
                       (Selection(one.name, 0, 0, 2**30), "bad_event"), (Selection(one.name, 0, -1, 0), "bad_event")):
        with pytest.raises(GblmError) as told:
            visit.select(place)
        assert told.value.key == key and visit.session == before
