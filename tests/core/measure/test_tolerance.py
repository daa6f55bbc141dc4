"""Losses judged by what is accepted: against the slow reference, and at the edges."""

from __future__ import annotations

import math
import random

import pytest

from gblm_viz.core.base.intervals import Interval, Paired, PairedShare, paired_difference, paired_share
from gblm_viz.core.measure import tolerance
from gblm_viz.core.measure.tolerance import Loss, judge
from tests import reference


@pytest.mark.parametrize("seed", range(6))
def test_lost_right_answers_are_those_of_the_reference(seed):
    draw = random.Random(seed)
    before = [draw.random() < 0.9 for _ in range(200)]
    after = [one and draw.random() < 0.8 for one in before]
    loss = tolerance.right_lost(paired_share(before, after))
    assert loss is not None
    assert loss.mean == pytest.approx((sum(before) - sum(after)) / sum(before))
    pairs = list(zip(before, after, strict=True))
    low, high = reference.newcombe(*(pairs.count(one) for one in (
        (True, True), (True, False), (False, True), (False, False))))
    share = sum(before) / len(before)
    assert (loss.interval.low, loss.interval.high) == pytest.approx((-high / share, -low / share))


def test_without_a_right_answer_there_is_none_to_lose():
    assert tolerance.right_lost(PairedShare(0, 0, 3, 4)) is None
    assert tolerance.right_lost(PairedShare(0, 0, 0, 0)) is None


def test_added_perplexity_is_the_ratio_of_the_perplexities():
    dense, pruned = (1.0, 2.0, 1.5), (1.3, 2.1, 1.9)
    loss = tolerance.perplexity_added(paired_difference(dense, pruned))
    assert loss.mean == pytest.approx(math.exp(sum(pruned) / 3) / math.exp(sum(dense) / 3) - 1)
    assert loss.interval.low < loss.mean < loss.interval.high
    assert tolerance.perplexity_added(paired_difference((1.0,), (2.0,))).interval == Interval(-1.0, math.inf)


@pytest.mark.parametrize(("low", "high", "verdict"), [
    (0.0, 0.05, "within"), (-0.1, -0.01, "within"), (0.051, 0.2, "outside"), (0.05, 0.2, "few"), (-1.0, 1.0, "few")])
def test_the_whole_interval_decides(low, high, verdict):
    assert judge(Loss((low + high) / 2, Interval(low, high)), 0.05) == verdict


def test_nothing_measured_is_not_judged():
    assert judge(None, 0.05) == judge(Loss(math.nan, Interval(0, 0)), 0.05) == "unmeasured"


def test_guessing_by_frequency_is_the_entropy_of_the_text():
    words = [0] * 150 + [1] * 50 + [2] * 100
    expected = math.exp(-sum(share * math.log(share) for share in (150 / 300, 50 / 300, 100 / 300)))
    assert tolerance.guessing_perplexity([words[:120], words[120:]]) == pytest.approx(expected)
    assert tolerance.guessing_perplexity([list(range(500))]) == pytest.approx(500)
    assert tolerance.guessing_perplexity([list(range(199))]) is None


@pytest.mark.parametrize(("dense", "guessing", "usual", "foreign"), [
    (5.0, 100.0, None, False), (100.0, 100.0, None, True), (5.0, None, None, None), (40.0, 500.0, 10.0, True),
    (29.0, 500.0, 10.0, False), (29.0, 20.0, 10.0, True), (29.0, None, 10.0, False)])
def test_a_text_is_foreign_beyond_either_limit(dense, guessing, usual, foreign):
    assert tolerance.is_foreign(dense, guessing, usual) is foreign


def test_from_one_or_two_windows_nothing_is_judged():
    for count in (1, 2):
        loss = tolerance.perplexity_added(Paired(-0.1, Interval(-0.2, -0.05), count))
        assert tolerance.judge(loss, 0.5) == "too_few"
    assert tolerance.judge(tolerance.perplexity_added(Paired(-0.1, Interval(-0.2, -0.05), 3)), 0.5) == "within"


@pytest.mark.parametrize(("verdicts", "whole"), [
    ((), "unmeasured"), (("within",), "within"), (("within", "within"), "within"), (("within", "few"), "few"),
    (("within", "too_few"), "few"), (("few", "outside"), "outside"), (("within", "outside"), "outside")])
def test_the_whole_is_as_good_as_its_worst_part(verdicts, whole):
    assert tolerance.overall(verdicts) == whole


def test_an_interval_without_bounds_judges_nothing_and_more_than_all_cannot_be_lost():
    wide = tolerance.perplexity_added(Paired(0.9, Interval(-3.0, 5.0), 12))
    assert wide.too_few and tolerance.judge(wide, 0.1) == "too_few"
    lost = tolerance.right_lost(paired_share([True] * 30 + [False], [False] * 31))
    assert lost is not None and lost.mean == 1.0 and lost.interval.high == 1.0 and lost.interval.low < 1.0
