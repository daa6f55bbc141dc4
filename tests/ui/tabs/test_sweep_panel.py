"""A sweep is measured once and kept point by point; it takes turns; what is said of it follows from its points."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from gblm_viz.core.base.errors import GblmError, SettingError
from gblm_viz.core.base.intervals import Share
from gblm_viz.core.base.job import Step, replace_steps, run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure.evaluate import Perplexity
from gblm_viz.core.measure.sweep import DENSE, SweepPoint
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.ui.components import knees
from gblm_viz.ui.tabs import sweep_text
from gblm_viz.ui.tabs.sweep import loaded
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.work import sweeping, work
from gblm_viz.ui.work.sweeping import plan_of, points_of, sweep_job


@pytest.fixture(autouse=True)
def held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model has no tokenizer: what it was calibrated on stands for a held-out text."""
    monkeypatch.setattr(work, "held_out_windows", lambda library, session, *_: library.get(
        session.statistics).calibration)


@pytest.fixture
def plan(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> sweeping.Plan:
    """Four points of the tiny model."""
    monkeypatch.setattr(sweeping.sweep, "HIGHEST", 30)
    return plan_of(visit, ["wanda"], ["dense"], 10, "en")


def forget(library: Library, plan: sweeping.Plan) -> None:
    for settings in plan.settings:
        library.values.pop(plan.point_key(settings), None)


def test_a_sweep_that_was_cancelled_goes_on_with_the_points_it_lacks(library: Library, plan: sweeping.Plan,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    forget(library, plan)
    measured: list[Settings] = []
    real = sweeping.sweep.point
    monkeypatch.setattr(sweeping.sweep, "point", lambda model, found, settings, *rest: (
        measured.append(settings), real(model, found, settings, *rest))[1])
    job = sweep_job(library, plan)
    while next(job).done < 2:
        pass
    job.close()
    assert len(points_of(library, plan)) == 2
    assert not library.worker.locked()
    steps: list[Step] = []
    run(sweep_job(library, plan), steps.append)
    assert {step.total for step in steps} == {2}
    assert steps[-1] == Step(2, 2, "point")
    assert measured == list(plan.settings)
    assert [one.settings for one in points_of(library, plan)] == list(plan.settings)
    assert library.has(plan.pace_key)


def test_between_two_points_whoever_waits_in_the_queue_has_a_turn(library: Library, plan: sweeping.Plan) -> None:
    forget(library, plan)
    job = sweep_job(library, plan)
    next(job)
    order: list[int] = []

    def other() -> None:
        with library.worker:
            order.append(len(points_of(library, plan)))

    while not library.worker.locked():  # the first point is being measured
        next(job)
    waiting = threading.Thread(target=other)
    waiting.start()
    run(job)
    waiting.join(10)
    assert order and order[0] < len(plan.settings)


def test_a_turn_waits_and_says_so_and_can_be_given_up(library: Library) -> None:
    def part() -> Any:
        yield Step(0, 1, "window")
        return 7

    waiting = Step(3, 9, "point")
    with library.worker:
        turn = library.run_in_turn(part(), waiting)
        assert next(turn) == waiting
        turn.close()
    assert run(library.run_in_turn(replace_steps(part(), waiting), waiting)) == 7
    assert not library.worker.locked()


@pytest.mark.parametrize(("methods", "orders", "apart"), [([], ["dense"], 10), (["wanda"], [], 10),
                                                          (["wanda"], ["sideways"], 10), (["wanda"], ["dense"], 7)])
def test_a_choice_of_nothing_is_a_sentence(visit: Visit, methods: list[str], orders: list[str], apart: int) -> None:
    with pytest.raises(SettingError, match="Choose at least one method"):
        plan_of(visit, methods, orders, apart, "en")


def test_an_unknown_method_is_a_sentence(visit: Visit) -> None:
    with pytest.raises(GblmError, match="sideways"):
        plan_of(visit, ["sideways"], ["dense"], 10, "en")


def test_another_norm_alpha_group_or_text_is_another_point_another_sparsity_on_prune_is_not(visit: Visit) -> None:
    before = plan_of(visit, ["gblm"], ["dense"], 10, "en")
    visit.update(settings=replace(visit.session.settings, sparsity=0.7, order="sequential"))
    assert plan_of(visit, ["gblm"], ["dense"], 10, "en").key == before.key
    for change in ({"norm": "l2"}, {"alpha": Alpha("number", 3)}, {"group": "matrix"}):
        visit.update(settings=replace(visit.session.settings, **change))
        after = plan_of(visit, ["gblm"], ["dense"], 10, "en")
        assert after.point_key(after.settings[-1]) not in {before.point_key(one) for one in before.settings}


def test_loading_a_point_leaves_alone_what_the_point_does_not_depend_on() -> None:
    before = Settings("gblm", "l2", Alpha("share", 0.3), "row", 0.5, "2:4", "sequential", 4)
    assert loaded(before, DENSE) == replace(before, sparsity=0.0, pattern="")
    magnitude = Settings("magnitude", sparsity=0.3, order="dense")
    assert loaded(before, magnitude) == replace(before, method="magnitude", sparsity=0.3, pattern="", order="dense")
    gblm = Settings("gblm", "l1", Alpha("number", 5), "matrix", 0.6, "", "sequential")
    assert loaded(before, gblm) == replace(gblm, seed=4)


def made(sparsity: float, perplexity: float, method: str = "wanda", order: str = "dense", spread: float = 0.1,
         tilt: float = 0.0) -> SweepPoint:
    loss = math.log(perplexity)
    found = Perplexity(perplexity, (loss - spread, loss + tilt, loss + spread - tilt), 16, "float32", "text", "0" * 64)
    settings = DENSE if sparsity == 0 else Settings(method, sparsity=sparsity, order=order)
    return SweepPoint(settings, sparsity, found, found, Share(5, 10))


def planned(visit: Visit, points: list[SweepPoint], more: tuple[Settings, ...] = ()) -> sweeping.Plan:
    held = visit.statistics().calibration
    return sweeping.Plan("model", visit.session.statistics, held, (*(one.settings for one in points), *more))


RISE = [made(0, 10), made(0.1, 10), made(0.2, 10), made(0.3, 10), made(0.4, 11), made(0.5, 20), made(0.6, 90)]


def test_a_knee_is_named_once_the_curve_is_whole(visit: Visit, say: Any) -> None:
    whole, more = planned(visit, RISE), planned(visit, RISE, (Settings("wanda", sparsity=0.7, order="dense"),))
    first, _, _ = sweep_text.figures(say, whole, RISE)
    assert say("sweep.knee.group", at="40 %", names="wanda") in first.layout.title.text
    assert say("sweep.knee_means") in sweep_text.sentences(say, whole, RISE).replace("&#x27;", "'")
    first, _, _ = sweep_text.figures(say, more, RISE)
    assert say("sweep.knee.later") in first.layout.title.text
    assert say("sweep.knee_means") not in sweep_text.sentences(say, more, RISE).replace("&#x27;", "'")


def risen(method: str, order: str, at: int) -> list[SweepPoint]:
    """A curve that turns at the point `at`."""
    return [made(index / 10, 10.0 * 6.0 ** max(0, index - at), method, order) for index in range(1, 10)]


@pytest.mark.parametrize("place", [{5}, {4, 5}, {3, 4, 5, 6}])
def test_the_knees_fit_the_charts_second_line_however_many_curves_there_are(visit: Visit, say: Any,
                                                                            place: set[int]) -> None:
    names = [("magnitude", "dense"), ("gradient", "dense"), ("random", "dense"), ("wanda", "dense"),
             ("gblm", "dense"), ("wanda", "sequential"), ("gblm", "sequential")]
    turns = sorted(place)
    points = [made(0, 10), *(point for index, name in enumerate(names)
                             for point in risen(*name, turns[index % len(turns)]))]
    first, _, _ = sweep_text.figures(say, planned(visit, points), points)
    line = first.layout.title.text.split("<br>")[1]
    wide = sum(2 if ord(one) > 0x2E7F else 1 for one in line)
    assert wide <= knees.LINE
    for turn in turns:
        assert f"{10 * turn} %" in line
    if len(turns) == 1:
        assert line == say("sweep.knee.all", at="50 %", n=7)


def test_the_knees_table_holds_each_whole_curve_with_what_is_left_at_its_knee(visit: Visit, say: Any) -> None:
    straight = [made(index / 10, 10.0 * 2**index, "magnitude") for index in range(1, 7)]
    points = [*RISE[:-1], replace(RISE[-1], probes=Share(1, 10)), *straight]
    points[4] = replace(points[4], probes=Share(3, 10))
    told = sweep_text.sentences(say, planned(visit, points), points)
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall("<tr>(.*?)</tr>", told)]
    assert rows[0] == [say("sweep.knees.curve"), say("sweep.knees.at"), say("sweep.knees.relative"),
                       say("sweep.knees.right", n=10), say("sweep.knees.dense", n=10)]
    assert rows[1:] == [["magnitude", say("sweep.knee.none"), "–", "–", "5"], ["wanda", "40 %", "1.10", "3", "5"]]


def test_no_knee_is_said_where_there_is_none(visit: Visit, say: Any) -> None:
    straight = [made(index / 10, 10.0 * 2**index) for index in range(7)]
    first, _, _ = sweep_text.figures(say, planned(visit, straight), straight)
    assert say("sweep.knee.group", at=say("sweep.knee.none"), names="wanda") in first.layout.title.text


def test_the_orders_gap_is_said_and_no_difference_where_the_interval_covers_nought(visit: Visit, say: Any) -> None:
    def told(tilt: float, value: float) -> str:
        points = [made(0, 10), made(0.5, 20), made(0.5, value, order="sequential", tilt=tilt)]
        return sweep_text.sentences(say, planned(visit, points), points)

    def beginning(key: str) -> str:
        return say(key, method="wanda", sparsity="50 %", dense="20.00", sequential="15.00", mean="−0.288", low="−0.288",
                   high="−0.288")

    assert beginning("sweep.gap.shown").rstrip("。.") in re.sub("&#x27;", "'", told(0.0, 15.0))
    assert "−0.288" in told(0.2, 15.0)
    assert beginning("sweep.gap.shown") not in told(0.2, 15.0)


@pytest.mark.parametrize(("value", "key"), [(40.0, "small_here"), (10.5, "small_not_here")])
def test_this_model_stands_beside_the_papers_whichever_way_it_comes_out(value: float, key: str, say: Any) -> None:
    told = sweep_text.small_models(say, [made(0, 10), made(0.5, value)])
    assert told == say(f"sweep.{key}", sparsity="50 %", here=f"{value / 10:.2f}", method="wanda", low="1.21",
                       high="1.28")
    assert sweep_text.small_models(say, [made(0, 10)]) == say("sweep.small")


def test_the_table_has_a_row_a_point_with_its_number_and_a_name_for_its_button(visit: Visit, say: Any) -> None:
    value = sweep_text.table(say, planned(visit, RISE), RISE)
    assert [row["number"] for row in value["rows"]] == list(range(7))
    assert value["rows"][0]["cells"][1] == say("compare.dense")
    assert value["rows"][5]["name"] == say("sweep.load_name", name="wanda", sparsity="50 %")
    assert value["rows"][5]["cells"][3] == "2.00"
    assert {len(row["cells"]) for row in value["rows"]} == {len(value["heads"])}
