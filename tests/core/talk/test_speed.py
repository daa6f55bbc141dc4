"""Tokens a second are counted, not guessed: held against a clock that the test sets."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.core.talk import speed
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.core.talk.speed import Speeds, speeds

TOKENS = 10


@pytest.fixture(autouse=True)
def two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every measurement takes two seconds by the clock that is asked at its beginning and at its end."""
    ticks = count(0, 2)
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))


def answering(*_: Any) -> Any:
    """An answer of five tokens."""
    yield from [None] * 5


def test_a_rate_is_the_tokens_with_each_answers_end_by_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "stream", answering)
    seen: list[Any] = []
    found = run(speeds(["one", "two"], [], Sampling(), TOKENS), seen.append)  # type: ignore[list-item]
    assert found.alone == (TOKENS / 2, TOKENS / 2)
    assert max(found.together) == TOKENS / 2, "it ends when the first model has said so many"
    assert (found.tokens, found.rounds) == (TOKENS, 3)
    assert all(0 <= step.done <= step.total == 9 * TOKENS for step in seen)


@pytest.mark.parametrize(("together", "ratio"), [((10.0, 5.0), 2.0), ((5.0, 2.5), 1.0), ((10.0, 0.0), 1.0)])
def test_models_that_do_not_hinder_each_other_give_their_number_as_the_ratio(
        together: tuple[float, float], ratio: float) -> None:
    assert Speeds((10.0, 5.0), together, TOKENS, 3).ratio == pytest.approx(ratio)


def test_an_error_of_one_model_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("broken")
        yield

    monkeypatch.setattr(speed, "stream", broken)
    with pytest.raises(ValueError, match="broken"):
        run(speeds(["one"], [], Sampling(), 5))  # type: ignore[list-item]


def test_a_model_that_ends_at_once_is_measured_by_its_end_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "stream", lambda *_: iter(()))
    assert run(speeds(["one"], [], Sampling(), 5)).alone == (5 / 2,)  # type: ignore[list-item]
