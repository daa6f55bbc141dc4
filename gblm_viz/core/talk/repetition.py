"""Finds repetition in an answer: a loop at its end, and how many of its short runs of tokens occurred before.

Uses only token ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_TIMES = 3
LEAST_TOKENS = 8
"""Minimum tokens of a loop: the three zeros in 1000 are not a loop."""
RUN = 4


@dataclass(frozen=True)
class Loop:
    """The same `length` tokens occur `times` times in a row at the end; an incomplete last round is not counted."""

    length: int
    times: int


def loop_at_end(tokens: Sequence[int]) -> Loop | None:
    """Return the loop of the shortest length that reaches the end; None if there is none."""
    for length in range(1, len(tokens) // LEAST_TIMES + 1):
        alike = 0
        while alike < len(tokens) - length and tokens[-1 - alike] == tokens[-1 - alike - length]:
            alike += 1
        times = (alike + length) // length
        if times >= LEAST_TIMES and times * length >= LEAST_TOKENS:
            return Loop(length, times)
    return None


@dataclass(frozen=True)
class Repeats:
    """`again` of all `total` runs of four tokens occurred earlier in the same answer."""

    again: int
    total: int

    @property
    def share(self) -> float:
        """The share of runs that repeat an earlier one; 0 if there are none."""
        return self.again / self.total if self.total else 0.0


def repeats(tokens: Sequence[int], run: int = RUN) -> Repeats:
    """Count the repeated runs. Runs overlap: an answer of n tokens has n − 3 runs of four."""
    runs = [tuple(tokens[start : start + run]) for start in range(len(tokens) - run + 1)]
    return Repeats(len(runs) - len(set(runs)), len(runs))
