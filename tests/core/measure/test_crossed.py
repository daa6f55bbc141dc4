"""A difference over draws and windows: the interval is the slow reference's, and covers as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gblm_viz.core.base.intervals import paired_difference
from gblm_viz.core.measure.crossed import BLOCK, Crossed, block_size, crossed
from tests import reference

SPREADS = {"both": (0.03, 0.1, 0.05), "draws": (0.1, 0.01, 0.01), "windows": (0.0, 0.3, 0.1), "rest": (0.0, 0.0, 0.1)}
"""Standard deviations of draw, window and rest."""


def drawn(shape: tuple[int, int], spread: tuple[float, float, float], seed: int, mean: float = 0.0) -> np.ndarray:
    draws, windows = shape
    chance = np.random.default_rng(seed)
    return (mean + spread[0] * chance.standard_normal((draws, 1)) + spread[1] * chance.standard_normal((1, windows))
            + spread[2] * chance.standard_normal(shape))


def crossed_of(values: np.ndarray, block: int = 1, depends: bool = True) -> Crossed:
    return crossed(np.zeros_like(values).tolist(), values.tolist(), depends, block)


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(("draws", "windows", "block"), [(5, 13, 1), (5, 13, 4), (2, 8, 2), (1, 9, 2), (6, 61, 4)])
def test_the_interval_over_draws_and_windows_is_the_references(spread: str, draws: int, windows: int,
                                                               block: int) -> None:
    values = drawn((draws, windows), SPREADS[spread], windows)
    found = crossed_of(values, block)
    low, high, degrees = reference.crossed_interval(values.tolist(), found.block)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-5 * (high - low))
    assert found.degrees == pytest.approx(degrees)
    assert found.mean == pytest.approx(values.mean())
    assert found.block == block_size(windows, block) <= block


def test_the_standard_error_is_that_of_a_bootstrap_over_both_factors_to_a_tenth() -> None:
    for name in ("both", "draws", "windows"):
        values = drawn((24, 40), SPREADS[name], 3)
        found = crossed_of(values)
        ours = (found.interval.high - found.mean) / reference.students_quantile(found.degrees)
        means = reference.pigeonhole_bootstrap(values.tolist(), 1200, 0)
        assert ours == pytest.approx(float(np.std(means)), rel=0.1), name


@pytest.mark.parametrize("spread", ["both", "draws", "windows"])
def test_five_draws_cover_the_truth_as_often_as_promised_where_windows_alone_do_not(spread: str) -> None:
    runs = [crossed_of(drawn((5, 15), SPREADS[spread], seed)) for seed in range(120)]
    both = sum(one.interval.covers(0.0) for one in runs) / len(runs)
    alone = sum(one.by_draw[0].interval.covers(0.0) for one in runs) / len(runs)
    assert 0.91 <= both <= 0.99
    assert alone < {"both": 0.91, "draws": 0.3, "windows": 1.0}[spread]


def test_what_one_draw_shows_is_a_verdict_only_where_another_would_change_nothing() -> None:
    values = drawn((1, 20), (0.0, 0.01, 0.01), 0, mean=1.0)
    assert crossed_of(values).verdict == "one_draw"
    assert not crossed_of(values).shown
    assert crossed_of(values, depends=False).verdict == "more"
    assert crossed_of(-values, depends=False).verdict == "less"
    alone = paired_difference((0.0,) * 20, tuple(values[0]))
    found = crossed_of(values).interval
    assert (found.low, found.high) == pytest.approx((alone.interval.low, alone.interval.high))


def test_draws_that_disagree_show_nothing_although_each_run_does() -> None:
    """Means of six draws that were measured on a story model, windows as steady as can be."""
    means = np.array([0.015, -0.017, -0.038, -0.002, -0.002, -0.062])
    values = means[:, None] + drawn((6, 40), (0.0, 0.0, 0.003), 0)
    found = crossed_of(values)
    assert sum(one.shown for one in found.by_draw) >= 4
    assert found.verdict == "none"
    assert found.degrees == pytest.approx(5, abs=0.2)
    assert crossed_of(values - 0.1).verdict == "less"


def test_more_draws_never_promise_more_than_the_draws_alone_or_the_windows_alone_allow() -> None:
    for seed in range(12):
        values = drawn((4, 9), (0.02, 0.02, 0.1), seed)
        found = crossed_of(values)
        error = (found.interval.high - found.mean) / reference.students_quantile(found.degrees)
        for means in (values.mean(0), values.mean(1)):
            assert error >= means.std(ddof=1) / math.sqrt(len(means)) * (1 - 1e-6)


def test_neighbours_count_as_one_as_far_as_there_are_enough_of_them() -> None:
    assert [block_size(windows) for windows in (1, 3, 8, 16, 60)] == [1, 1, 2, BLOCK, BLOCK]
    alike = np.repeat(drawn((5, 15), (0.0, 0.1, 0.0), 1), 4, axis=1)  # each window four times: no more known
    once, four = crossed_of(alike, 1), crossed_of(alike, 4)
    plain = crossed_of(alike[:, ::4], 1)
    assert (four.interval.low, four.interval.high) == pytest.approx((plain.interval.low, plain.interval.high))
    assert once.interval.high - once.mean < 0.6 * (four.interval.high - four.mean)


def test_one_window_and_losses_without_end_have_no_verdict() -> None:
    assert crossed([[1.0]], [[2.0]]).verdict == "too_few"
    assert crossed([[1.0, 2.0]] * 3, [[math.inf, 2.0]] * 3).verdict == "too_few"
