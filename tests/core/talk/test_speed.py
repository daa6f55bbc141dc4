"""Tokens a second are counted, not guessed: held against models whose pace is set by a pause."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.core.talk import speed
from gblm_viz.core.talk.generate import Sampling, stream
from gblm_viz.core.talk.speed import speeds

PAUSES = {"quick": 0.01, "slow": 0.02}


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answers of five tokens with a pause before each; pauses do not hinder each other."""
    def answering(model: str, *_: Any) -> Any:
        for _ in range(5):
            time.sleep(PAUSES[model])
            yield None

    monkeypatch.setattr(speed, "stream", answering)
    assert speed.stream is not stream


def test_rates_follow_the_pace_and_models_that_do_not_hinder_each_other_give_the_ratio_two(paced: Any) -> None:
    seen = []
    found = run(speeds(["quick", "slow"], [], Sampling(), 10), seen.append)  # type: ignore[list-item]
    quick, slow = found.alone
    assert quick < 6 / 5 / PAUSES["quick"]
    assert slow < 6 / 5 / PAUSES["slow"]
    assert 1.4 < quick / slow < 2.6
    assert 1.5 < found.ratio < 2.5
    assert all(0 <= step.done <= step.total == 90 for step in seen)


def test_an_error_of_one_model_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("broken")
        yield

    monkeypatch.setattr(speed, "stream", broken)
    with pytest.raises(ValueError, match="broken"):
        run(speeds(["one"], [], Sampling(), 5))  # type: ignore[list-item]


def test_a_model_that_ends_at_once_is_measured_by_its_end_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any) -> Any:
        time.sleep(0.001)
        return
        yield

    monkeypatch.setattr(speed, "stream", silent)
    assert run(speeds(["one"], [], Sampling(), 5)).alone[0] > 0  # type: ignore[list-item]
