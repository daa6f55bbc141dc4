"""Counts votes on answers whose models are hidden, with the exact binomial interval of a preference.

Identifies sides by name and models by key; does not use the interface.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ..base.intervals import CONFIDENCE, Interval

Competitors = tuple[tuple[str, Hashable], ...]
"""Side → the key of the model that answered for it, in a fixed order."""


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact binomial interval of a share; (0, 1) without trials.

    At its lower end `successes` or more, at its upper end `successes` or fewer, have the probability
    (1 − confidence) / 2.
    """
    beyond = (1 - confidence) / 2
    low = _where(lambda share: _at_least(successes, trials, share) > beyond) if successes else 0.0
    high = _where(lambda share: _at_least(successes + 1, trials, share) > 1 - beyond) if successes < trials else 1.0
    return Interval(low, high)


def _where(true_above: Callable[[float], bool]) -> float:
    """Return the share in (0, 1) above which the condition is true, by 60 halvings, which is below rounding error."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if true_above(middle) else (middle, high)
    return (low + high) / 2


def _at_least(successes: int, trials: int, share: float) -> float:
    """Return P(X ≥ successes), X binomial; computed with logarithms, which do not overflow."""
    if not 0 < share < 1:
        return float(share >= 1 or successes == 0)
    whole = math.lgamma(trials + 1)
    return math.fsum(math.exp(whole - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
                              + count * math.log(share) + (trials - count) * math.log1p(-share))
                     for count in range(successes, trials + 1))


@dataclass(frozen=True)
class Vote:
    """One person's vote on one question: the side whose answer was better, or "" for no difference."""

    competitors: Competitors
    question: int
    winner: str


@dataclass(frozen=True)
class Preference:
    """How often one side won: `preferred` of `votes`, which chose some side; `ties` are not part of `votes`."""

    preferred: int
    votes: int
    ties: int
    questions: int
    sides: int

    @property
    def interval(self) -> Interval:
        """Clopper and Pearson's interval of the share of votes."""
        return clopper_pearson(self.preferred, self.votes)

    @property
    def chance(self) -> float:
        """The share expected from random votes."""
        return 1 / self.sides

    @property
    def verdict(self) -> str:
        """`few`: chance could not be excluded even if all agreed; `none`: the interval covers chance; else `shown`."""
        if clopper_pearson(self.votes, self.votes).low <= self.chance:
            return "few"
        return "none" if self.interval.covers(self.chance) else "shown"


def tally(votes: Sequence[Vote], competitors: Competitors, side: str) -> Preference:
    """Return the preference for one side, from the votes on exactly these models."""
    counted = [vote for vote in votes if vote.competitors == competitors]
    decided = [vote for vote in counted if vote.winner]
    return Preference(sum(vote.winner == side for vote in decided), len(decided), len(counted) - len(decided),
                      len({vote.question for vote in counted}), len(competitors))
