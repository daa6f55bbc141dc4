"""A point is the masks, the copy and the measures done by hand; the knee is a hanging rope's."""

from __future__ import annotations

import math
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
import torch

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.base.intervals import Share
from gblm_viz.core.base.job import run
from gblm_viz.core.keep import run as runs
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import ORDERS, Settings
from gblm_viz.core.measure import evaluate, sweep
from gblm_viz.core.measure.crossed import crossed
from gblm_viz.core.measure.evaluate import Perplexity, Probe
from gblm_viz.core.measure.sweep import DENSE, SweepPoint
from gblm_viz.core.model import models
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.text.calibration import CalibrationSet
from tests import reference
from tests.families import FAMILIES, tiny_tokenizer

BASE = Settings("gblm", "l1", Alpha("share", 0.5), "row", 0.5, "2:4", "dense", seed=3)


def windows(seed: int, count: int = 3) -> CalibrationSet:
    tokens = torch.randint(2, 90, (count, 16), generator=torch.Generator().manual_seed(seed))
    return CalibrationSet(tokens, torch.full((count,), 16), "windows", 0, f"text {seed}", "0" * 64)


@pytest.fixture(scope="module")
def tiny() -> tuple[Any, Any]:
    torch.manual_seed(0)
    model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    return model, run(collect(model, windows(1), cancel=Event()))


def made(sparsity: float, perplexity: float, method: str = "wanda", order: str = "dense",
         spread: float = 0.0) -> SweepPoint:
    loss = math.log(perplexity) if perplexity < math.inf else math.inf
    found = Perplexity(perplexity, (loss - spread, loss, loss + spread), 16, "float32", "text", "0" * 64)
    settings = DENSE if sparsity == 0 else Settings(method, sparsity=sparsity, order=order)
    return SweepPoint(settings, sparsity, found, found, Share(5, 10))


@pytest.mark.parametrize("order", ["dense", "sequential"])
@pytest.mark.parametrize("method", ["magnitude", "gblm"])
def test_a_point_is_what_each_step_gives_alone(tiny: tuple[Any, Any], method: str, order: str) -> None:
    model, found = tiny
    settings = replace(BASE, method=method, pattern="", sparsity=0.6, order=order)
    probes = (Probe("x", "en", "What is it?", "a"), Probe("x", "en", "And now?", "b"))
    point = run(sweep.point(model, found, settings, windows(2), probes))
    masks = run(prune.masks(model, found, settings))
    copy = prune.pruned(model, masks)
    assert point.settings == settings
    assert point.sparsity == masks.sparsity
    assert point.calibration is not None
    assert point.calibration.losses == run(evaluate.perplexity(copy, found.calibration)).losses
    assert point.held_out.losses == run(evaluate.perplexity(copy, windows(2))).losses
    assert point.probes == run(evaluate.ask_probes(copy, probes)).total


def test_the_point_at_zero_is_the_dense_model_and_needs_no_text_and_no_probes(tiny: tuple[Any, Any]) -> None:
    model, _ = tiny
    point = run(sweep.point(model, None, DENSE, windows(2), ()))
    assert point.sparsity == 0
    assert point.held_out.losses == run(evaluate.perplexity(model, windows(2))).losses
    assert (point.calibration, point.probes) == (None, None)


def test_settings_with_equal_canonical_forms_have_equal_masks(tiny: tuple[Any, Any]) -> None:
    model, found = tiny
    for method in ("random", "magnitude", "wanda", "gradient", "gblm"):
        for order in ORDERS:
            for given in (replace(BASE, method=method, pattern="", order=order),
                          replace(BASE, method=method, pattern="", order=order, norm="l2", seed=9)):
                one, other = (run(prune.masks(model, found, settings)).masks
                              for settings in (given, sweep.canonical(given)))
                assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_plan_holds_each_mask_once_from_low_to_high() -> None:
    plan = sweep.plan(BASE, ["magnitude", "gblm"], ["dense", "sequential"], 10)
    assert plan[0] == DENSE
    assert len(plan) == 1 + 9 * 3  # magnitude gives one mask in both orders
    assert [one.sparsity for one in plan] == sorted(one.sparsity for one in plan)
    assert plan[-1].sparsity == 0.9
    assert {one.pattern for one in plan} == {""}
    assert {(one.norm, str(one.alpha)) for one in plan if one.method == "gblm"} == {("l1", "share:0.5")}
    assert len(sweep.plan(BASE, ["wanda"], ["dense"], 5)) == 19


def test_a_norm_that_a_method_has_not_gives_way_to_its_first() -> None:
    plan = sweep.plan(replace(BASE, method="gradient", norm="sum"), ["gradient", "gblm"], ["dense"], 30)
    assert {(one.method, one.norm) for one in plan[1:]} == {("gradient", "sum"), ("gblm", "l1")}


def test_settings_that_do_not_go_together_are_refused_before_anything_runs() -> None:
    with pytest.raises(SettingError):
        sweep.plan(replace(BASE, group="global"), ["wanda"], ["sequential"], 10)
    with pytest.raises(SettingError):
        sweep.plan(replace(BASE, group="authors"), ["magnitude", "wanda"], ["dense"], 10)


@pytest.mark.parametrize("values", [
    [10, 10.5, 11, 12, 14, 20, 60, 400], [5, 5, 5.1, 5.2, 6, 30, 900, 4000], [10, 20, 40, 80, 160, 320, 640, 1280],
    [10, 60, 90, 100, 110, 120, 130, 140], [10, 10, 10, 10, 10, 10, 10, 9], [9, 8, 8, 9, 12, 20, 40, 70],
    [10, 12, 14.5, 18, 24, 36, 60, 110]])
def test_the_knee_is_where_a_rope_between_the_ends_hangs_lowest(values: list[float]) -> None:
    points = [made(index / 10, value) for index, value in enumerate(values)]
    expected = reference.knee([one.sparsity for one in points], values, sweep.LEAST_DEPTH)
    found = sweep.knee(points)
    assert (found and points.index(found)) == expected


def test_a_sudden_end_is_a_knee_a_straight_line_and_four_points_are_none() -> None:
    bent = [made(index / 10, value) for index, value in enumerate([10, 10, 10, 10, 10, 100])]
    assert sweep.knee(bent) == bent[4]
    assert sweep.knee([made(index / 10, 10.0 * 2**index) for index in range(8)]) is None
    assert sweep.knee(bent[2:]) is None
    assert sweep.knee([*bent, made(0.9, math.inf)]) == bent[4]


def test_curves_begin_with_the_dense_model_and_keep_methods_and_orders_apart() -> None:
    points = [made(0.5, 20), made(0, 10), made(0.2, 12), made(0.5, 30, "magnitude"), made(0.5, 19, order="sequential")]
    found = sweep.curves(points)
    assert {name: [one.sparsity for one in own] for name, own in found.items()} == {
        ("magnitude", "dense"): [0, 0.5], ("wanda", "dense"): [0, 0.2, 0.5], ("wanda", "sequential"): [0, 0.5]}


def test_the_widest_gap_between_the_orders_is_sequential_less_dense() -> None:
    points = [made(0, 10), made(0.3, 12), made(0.3, 11.9, order="sequential"), made(0.6, 30),
              made(0.6, 24, order="sequential"), made(0.9, 90, order="sequential")]
    gap = sweep.widest_gap(points)
    assert gap is not None
    assert (gap.dense, gap.sequential) == (points[3], points[4])
    assert gap.difference.mean == pytest.approx(math.log(24 / 30))
    assert sweep.widest_gap(points[:2]) is None


def test_methods_are_set_against_wanda_at_the_same_sparsity_over_draws_where_there_are_any() -> None:
    points = [made(0, 10), made(0.3, 12, spread=0.01), made(0.3, 11, "gblm", spread=0.01), made(0.6, 30, "gblm"),
              made(0.3, 14, "magnitude", spread=0.02), made(0.3, 11.9, order="sequential")]
    wanda, gblm, magnitude = points[1].settings, points[2].settings, points[4].settings
    found = sweep.differences(points)
    assert set(found) == {gblm, magnitude} and sweep.reference_method(found) == "gblm"  # no wanda among these
    assert found[gblm].mean == pytest.approx(math.log(11 / 12)) and found[gblm].verdict == "one_draw"
    draws = {wanda: ((2.0, 2.1), (2.0, 2.2)), gblm: ((1.9, 2.1), (2.1, 2.2))}
    several = sweep.differences(points, draws)
    assert (several[gblm].draws, several[magnitude].draws) == (2, 1)
    assert several[gblm].by_draw == crossed(draws[wanda], draws[gblm]).by_draw
    assert sweep.differences(points[:2]) == {}
    assert [row.verdict for row in runs.sweep_rows(points, found, "wanda") if row.method == "gblm"] == [
        None, "one_draw", None]


def test_a_perplexitys_interval_is_students_of_the_mean_loss() -> None:
    found = sweep.perplexity_interval(made(0.5, 20, spread=0.1).held_out)
    half = 4.302653 * 0.1 / math.sqrt(3)  # t(2); the deviation of −0.1, 0, 0.1 is 0.1
    assert (found.low, found.high) == pytest.approx((20 * math.exp(-half), 20 * math.exp(half)), rel=1e-6)


def test_the_chosen_probes_are_the_same_every_time_and_in_order() -> None:
    probes = tuple(Probe("x", "en", str(index), "a") for index in range(900))
    chosen = sweep.chosen_probes(probes)
    assert chosen == sweep.chosen_probes(probes)
    assert len(set(chosen)) == sweep.PROBES
    assert [int(one.prompt) for one in chosen] == sorted(int(one.prompt) for one in chosen)
    assert sweep.chosen_probes(probes, seed=1) != chosen
    assert sweep.chosen_probes(probes[:50]) == probes[:50]
