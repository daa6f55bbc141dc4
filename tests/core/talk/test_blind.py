"""Votes: counted on the models they were given on, with an interval that whole numbers confirm."""

from __future__ import annotations

import random

import pytest

from gblm_viz.core.talk.blind import Vote, clopper_pearson, tally
from tests.reference import exact_binomial_interval

PAIR = (("dense", "a"), ("pruned", "b"))


@pytest.mark.parametrize("trials", [1, 2, 5, 10, 37])
def test_the_interval_is_where_the_binomial_tails_have_their_chance(trials: int) -> None:
    for successes in range(trials + 1):
        found = clopper_pearson(successes, trials)
        assert (found.low, found.high) == pytest.approx(exact_binomial_interval(successes, trials, 0.025), abs=2e-6)


def test_the_interval_is_the_published_one() -> None:
    five, none = clopper_pearson(5, 10), clopper_pearson(0, 10)
    assert (five.low, five.high) == pytest.approx((0.1871, 0.8129), abs=5e-5)
    assert (none.low, none.high) == pytest.approx((0.0, 0.3085), abs=5e-5)
    assert clopper_pearson(0, 0) == clopper_pearson(0, 0, 0.5)


def test_the_interval_covers_the_truth_at_least_as_often_as_it_says() -> None:
    draw = random.Random(5)
    for share in (0.1, 0.5, 0.8):
        covered = sum(clopper_pearson(sum(draw.random() < share for _ in range(12)), 12).covers(share)
                      for _ in range(600))
        assert covered / 600 > 0.93


def test_many_votes_do_not_overflow() -> None:
    found = clopper_pearson(1500, 3000)
    assert 0.48 < found.low < 0.5 < found.high < 0.52


def test_votes_count_for_their_models_only_and_ties_stand_beside() -> None:
    votes = [Vote(PAIR, 1, "dense"), Vote(PAIR, 1, "pruned"), Vote(PAIR, 2, "dense"), Vote(PAIR, 3, ""),
             Vote((("dense", "a"), ("pruned", "c")), 4, "pruned")]
    dense, pruned = tally(votes, PAIR, "dense"), tally(votes, PAIR, "pruned")
    assert (dense.preferred, dense.votes, dense.ties, dense.questions) == (2, 3, 1, 3)
    assert (pruned.preferred, pruned.votes) == (1, 3)
    assert dense.chance == 0.5


def test_a_verdict_waits_until_a_unanimous_room_could_not_be_chance() -> None:
    def verdict(dense: int, pruned: int) -> str:
        return tally([Vote(PAIR, 0, "dense")] * dense + [Vote(PAIR, 0, "pruned")] * pruned, PAIR, "dense").verdict

    assert verdict(0, 0) == verdict(5, 0) == "few"
    assert verdict(6, 0) == "shown"
    assert verdict(6, 4) == "none"
    assert verdict(1, 20) == "shown"
