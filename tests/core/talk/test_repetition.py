"""Loops and repeats in answers, against a search that tries everything."""

from __future__ import annotations

import random

import pytest

from gblm_viz.core.talk.repetition import LEAST_TIMES, LEAST_TOKENS, Loop, Repeats, loop_at_end, repeats
from tests import reference


def test_a_loop_is_what_trying_every_span_finds() -> None:
    draw = random.Random(1)
    found = 0
    for _ in range(2000):
        head = [draw.randrange(3) for _ in range(draw.randrange(6))]
        span = [draw.randrange(3) for _ in range(draw.randrange(1, 7))]
        tokens = (head + span * draw.randrange(1, 6))[: draw.randrange(1, 40)]
        wanted = reference.loop_at_end(tokens, LEAST_TIMES, LEAST_TOKENS)
        assert loop_at_end(tokens) == (None if wanted is None else Loop(*wanted)), tokens
        found += wanted is not None
    assert 100 < found < 1900


@pytest.mark.parametrize(("tokens", "loop"), [
    ([9, 1, 2, 3, 1, 2, 3, 1, 2, 3], Loop(3, 3)),
    ([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1], Loop(3, 3)),  # an unfinished fourth round
    ([1, 0, 0, 0], None),  # one thousand
    ([5] * 8, Loop(1, 8)),
    ([1, 2, 3, 1, 2, 3], None),  # twice is no loop
    ([1, 2, 1, 2, 1, 2, 1, 2, 7], None),  # it came out of it
    ([], None)])
def test_a_loop_needs_three_rounds_eight_tokens_and_the_end(tokens: list[int], loop: Loop | None) -> None:
    assert loop_at_end(tokens) == loop


def test_repeats_are_the_runs_that_stood_there_before() -> None:
    draw = random.Random(2)
    for _ in range(200):
        tokens = [draw.randrange(3) for _ in range(draw.randrange(30))]
        runs = [tokens[at : at + 4] for at in range(len(tokens) - 3)]
        again = sum(run in runs[:at] for at, run in enumerate(runs))
        assert repeats(tokens) == Repeats(again, max(0, len(tokens) - 3))
    assert repeats([1, 2]).share == 0.0
