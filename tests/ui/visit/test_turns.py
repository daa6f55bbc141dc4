"""Places are given round-robin between visitors; what is said of the queue is what then happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job, Step, run
from gblm_viz.ui.visit.keys import Key
from gblm_viz.ui.visit.library import MOST_ABANDONED, MOST_TASKS, Library
from gblm_viz.ui.visit.page import Page
from gblm_viz.ui.visit.turns import Ticket, Turns


@dataclass(frozen=True)
class Work(Key[object]):
    """A task of some kind."""

    name: str
    number: object

    @property
    def kind(self) -> str:
        return self.name


def served(turns: Turns, running: Ticket, count: int) -> list[str]:
    """Whose turn comes, one after another, as each one is handed back."""
    found = []
    for _ in range(count):
        turns.give_back(running)
        running = turns.working[0]
        found.append(next(iter(running.owners)))
    turns.give_back(running)
    return found


def test_between_visitors_turns_go_round_however_many_one_of_them_asked_for():
    turns = Turns()
    running = turns.ask("a")
    for owner in "aaaabbc":
        turns.ask(owner)
    told = [next(iter(one.owners)) for one in turns.order()]
    assert served(turns, running, 7) == list("bcabaaa")
    assert told == list("bcabaaa")
    assert not turns.locked()


def test_a_newcomer_waits_for_what_runs_and_for_nothing_else_of_the_same_visitor():
    turns = Turns()
    running = turns.ask("a")
    for _ in range(20):
        turns.ask("a")
    newcomer = turns.ask("b")
    turns.give_back(running)
    assert newcomer.given.is_set()


def test_newcomers_do_not_push_aside_one_who_has_waited_longer():
    turns = Turns()
    running = turns.ask("a")
    turns.ask("a")
    order = []
    for owner in "bcde":
        turns.ask(owner)
        turns.give_back(running)
        running = turns.working[0]
        order.append(next(iter(running.owners)))
    assert "a" in order[:3]


def test_what_two_want_comes_as_early_as_the_first_of_them():
    turns = Turns()
    running = turns.ask("a")
    shared, other = turns.ask("a"), turns.ask("b")
    assert turns.order() == [other, shared]
    turns.part(other, "b")
    turns.join(shared, "c")
    assert turns.order() == [shared, other]
    turns.give_back(running)
    assert shared.given.is_set()


def test_a_ticket_handed_back_unserved_frees_whoever_waits_for_it_and_takes_no_place():
    turns = Turns(2)
    first, _ = turns.ask("a"), turns.ask("b")
    third, fourth = turns.ask("c"), turns.ask("d")
    turns.give_back(third)
    assert third.given.is_set() and third not in turns.working
    turns.give_back(first)
    turns.give_back(first)
    assert fourth in turns.working and len(turns.working) == 2


def held(until: threading.Event, log: list[str], name: str) -> Callable[[threading.Event], Job[None]]:
    def job(cancel: threading.Event) -> Job[None]:
        log.append(name)
        while not until.is_set() and not cancel.is_set():
            yield Step(0, 1, "sample")
            time.sleep(0.005)
    return job


def test_one_with_many_tasks_does_not_keep_a_newcomer_waiting():
    library, log, until = Library(budget=10**6), [], threading.Event()
    mine = [library.start("a", Work("collect", number), held(until, log, "a")) for number in range(5)]
    other = library.start("b", Work("collect", "b"), held(until, log, "b"))
    assert library.ahead(other) == 1
    assert [library.ahead(one) for one in mine[1:]] == [2, 3, 4, 5]
    until.set()
    assert all(one.done.wait(5) for one in (*mine, other))
    assert log == ["a", "b", "a", "a", "a", "a"]


def test_a_sweeps_points_take_turns_with_others_as_one_visitors():
    library, log, until = Library(budget=10**6), [], threading.Event()

    def point() -> Job[None]:
        log.append("point")
        while not until.is_set():
            yield Step(0, 1, "window")
            time.sleep(0.005)

    def sweep(_: threading.Event) -> Job[None]:
        for number in range(3):
            yield from library.run_in_turn(point(), Step(number, 3, "point"), Work("sweep", 1))

    task = library.start("a", Work("sweep", 1), sweep, queued=False)
    while not log:
        time.sleep(0.005)
    mine = library.start("a", Work("collect", "a"), held(until, log, "a's collection"))
    other = library.start("b", Work("collect", "b"), held(until, log, "b's collection"))
    assert [library.ahead(other), library.ahead(mine)] == [1, 2]
    until.set()
    assert all(one.done.wait(5) for one in (task, mine, other))
    assert log.index("b's collection") == 1


def test_more_tasks_than_a_visitor_may_have_are_refused_with_the_number_and_others_are_not():
    library, log, until = Library(budget=10**6), [], threading.Event()
    for number in range(MOST_TASKS):
        library.start("a", Work("collect", number), held(until, log, "a"))
    with pytest.raises(GblmError, match=f"{MOST_TASKS} of your jobs") as caught:
        library.start("a", Work("collect", "more"), held(until, log, "a"))
    assert caught.value.key == "too_many_tasks"
    library.start("a", Work("collect", 1), held(until, log, "a"))  # joins one that there is
    library.start("b", Work("collect", "more"), held(until, log, "b"))
    library.cancel("a")
    library.start("a", Work("collect", "more"), held(until, log, "a"))
    until.set()


def test_the_place_and_the_time_until_the_turn_are_told_in_both_languages(say: Any):
    library, log, until = Library(budget=10**6), [], threading.Event()
    page = Page(say, library, *[None] * 4)  # type: ignore[arg-type]
    first = library.start("a", Work("collect", 1), held(until, log, "a"))
    second = library.start("b", Work("collect", 2), held(until, log, "b"))
    third = library.start("c", Work("collect", 3), held(until, log, "c"))
    name = say("status.collect")
    assert library.wait_of(third) is None  # nobody knows yet
    assert say("status.queued", what=name, ahead=2) in page._progress(third, "collect")
    library.durations.add("collect", 50.0)
    library.durations.add("collect", 70.0)
    assert library.wait_of(second) == pytest.approx(60, abs=1)
    assert library.wait_of(third) == pytest.approx(120, abs=1)
    time = say("units.minutes", minutes=2, seconds=0)
    assert say("status.queued_time", what=name, ahead=2, time=time) in page._progress(third, "collect")
    until.set()
    assert all(one.done.wait(5) for one in (first, second, third))


def test_what_a_kind_took_is_the_mean_of_the_last_ones_and_of_nothing_that_was_cancelled():
    library = Library(budget=10**6)

    def short(cancel: threading.Event) -> Job[None]:
        time.sleep(0.05)
        yield Step(1, 1, "sample")

    assert library.start("a", Work("collect", 1), short).done.wait(5)
    endless = library.start("a", Work("pull", 1), held(threading.Event(), [], ""), graceful=True)
    library.cancel("a")
    assert endless.done.wait(5)
    time.sleep(0.1)
    assert 0.05 <= (library.durations.expected("collect") or 0) < 1
    assert library.durations.expected("pull") is None


# Loading

class Stuck:
    """A load that makes no step and does not end before it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.kept: list[str] = []

    def job(self, given_up: threading.Event) -> Job[str]:
        yield Step(0, 3, "load")
        self.begun.set()
        self.let_go.wait(20)
        if not given_up.is_set():
            self.kept.append("model")
        return "model"


def test_a_load_that_hangs_holds_up_nobody_elses_work():
    library, stuck = Library(budget=10**6), Stuck()
    library.start("a", Work("load", "bad"), stuck.job, loads=True)
    assert stuck.begun.wait(5)
    done = threading.Event()
    done.set()
    assert library.start("b", Work("collect", 1), held(done, [], "b")).done.wait(2)
    assert library.start("b", Work("load", "good"), held(done, [], "b"), loads=True).done.wait(2)
    stuck.let_go.set()


def test_whoever_cancels_a_load_is_free_at_once_its_lane_too_and_what_it_brings_is_dropped():
    library, stuck = Library(budget=10**6), [Stuck(), Stuck()]
    tasks = [library.start("a", Work("load", number), one.job, loads=True) for number, one in enumerate(stuck)]
    assert all(one.begun.wait(5) for one in stuck) and library.loading.locked()
    done = threading.Event()
    done.set()
    waiting = library.start("b", Work("load", "good"), held(done, [], "b"), loads=True)
    assert not waiting.done.wait(0.1) and library.ahead(waiting) == 2
    library.cancel("a")
    assert all(one.done.is_set() and isinstance(one.error, GblmError) for one in tasks)
    assert waiting.done.wait(2) and waiting.error is None  # though both threads still hang
    for one in stuck:
        one.let_go.set()
    time.sleep(0.1)
    assert all(one.result is None for one in tasks) and not any(one.kept for one in stuck)


def test_a_load_that_two_wait_for_goes_on_when_one_of_them_cancels():
    library, stuck = Library(budget=10**6), Stuck()
    task = library.start("a", Work("load", 1), stuck.job, loads=True)
    assert library.start("b", Work("load", 1), stuck.job, loads=True) is task
    assert stuck.begun.wait(5)
    library.cancel("a")
    assert not task.done.is_set()
    stuck.let_go.set()
    assert task.done.wait(5) and task.result == "model"


def test_a_load_without_progress_ends_with_a_sentence_that_names_the_seconds(monkeypatch: pytest.MonkeyPatch, say: Any):
    monkeypatch.setattr("gblm_viz.ui.visit.library.LOAD_SECONDS", 0.3)
    library, stuck = Library(budget=10**6), Stuck()
    task = library.start("a", Work("load", 1), stuck.job, loads=True)
    assert task.done.wait(5)
    assert isinstance(task.error, GblmError) and task.error.key == "load_too_long"
    assert not library.loading.locked()
    assert "300" in GblmError("load_too_long", seconds=300.0).say(say)
    stuck.let_go.set()


def test_a_load_that_makes_progress_may_take_longer_than_that(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gblm_viz.ui.visit.library.LOAD_SECONDS", 0.3)

    def download(_: threading.Event) -> Job[str]:
        for done in range(12):
            yield Step(done, 12, "byte")
            time.sleep(0.05)
        return "model"

    task = Library(budget=10**6).start("a", Work("load", 1), download, loads=True)
    assert task.done.wait(5) and task.result == "model"


def test_threads_that_hang_do_not_pile_up_and_close_loading_for_a_stated_time_at_most(monkeypatch: pytest.MonkeyPatch):
    library, stuck = Library(budget=10**6), [Stuck() for _ in range(MOST_ABANDONED)]
    for number, one in enumerate(stuck):
        library.start("a", Work("load", number), one.job, loads=True)
        assert one.begun.wait(5)
        library.cancel("a")
    with pytest.raises(GblmError, match=f"{MOST_ABANDONED} loads"):
        library.start("b", Work("load", "good"), stuck[0].job, loads=True)
    monkeypatch.setattr("gblm_viz.ui.visit.library.ABANDONED_SECONDS", 0.0)
    done = threading.Event()
    done.set()
    assert library.start("b", Work("load", "good"), held(done, [], "b"), loads=True).done.wait(2)
    for one in stuck:
        one.let_go.set()


def test_a_model_whose_load_was_given_up_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    from gblm_viz.ui.work import work

    def loaded(*_: Any) -> Job[Any]:
        yield Step(0, 3, "load")
        return type("Loaded", (), {"parameters": 1})()

    monkeypatch.setattr(work.models, "load", loaded)
    library, given_up = Library(budget=10**6), threading.Event()
    run(work.load_job(library, "kept"))
    given_up.set()
    with pytest.raises(GblmError):
        run(work.load_job(library, "dropped", given_up))
    assert library.has(work.model_key(library, "kept")) and not library.has(work.model_key(library, "dropped"))
