"""Judge a loss by what somebody accepts: within, outside, or too few questions or windows to tell.

Only the 95 % interval decides, never the mean alone. Independent of how a loss was measured.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..base.intervals import Interval, Paired, PairedShare
from ..sums.statistics import Statistics
from ..text.calibration import CalibrationSet
from .evaluate import perplexity_value

Verdict = Literal["within", "outside", "few", "too_few", "unmeasured"]
FEWEST_TOKENS = 200
"""Shorter texts are not judged by how often each token stands in them: most would stand there once."""
FEWEST_WINDOWS = 3
"""From fewer windows of text nothing is judged: their interval rests on how alike a handful of neighbours happen to be.
"""
WIDEST = 10.0
"""A rise of the perplexity whose interval reaches to more than this many times itself says nothing."""
FOREIGN_TIMES = 3.0
"""A text counts as foreign to a model from this many times the perplexity that it reaches on text of its own kind."""


@dataclass(frozen=True)
class Loss:
    """How much was lost, as a fraction (0.05 = 5 % lost; negative = gained), with its 95 % interval. too_few: it was
    measured on fewer than FEWEST_WINDOWS windows, or its interval is too wide to say anything."""

    mean: float
    interval: Interval
    too_few: bool = False


@dataclass(frozen=True)
class Tolerance:
    """The most that somebody accepts, as fractions: of the right answers lost, and of the perplexity added."""

    right: float = 0.05
    perplexity: float = 0.10


def right_lost(asked: PairedShare) -> Loss | None:
    """Return the fraction of the first model's right answers that the second one lacks; None if there were none.

    The interval is that of the paired difference of both shares, divided by the first share; more than all cannot be
    lost.
    """
    share = asked.first.value
    if not asked.total or not share:
        return None
    interval = asked.interval
    return Loss(-asked.difference / share, Interval(-interval.high / share, min(1.0, -interval.low / share)))


def perplexity_added(difference: Paired) -> Loss:
    """Return by which fraction the perplexity rose: exp of the mean difference of the losses, less 1."""
    def rise(nats: float) -> float:
        return math.expm1(nats) if nats < 700 else math.inf

    low, high = rise(difference.interval.low), rise(difference.interval.high)
    return Loss(rise(difference.mean), Interval(low, high), difference.count < FEWEST_WINDOWS or high > WIDEST)


def judge(loss: Loss | None, most: float) -> Verdict:
    """Return whether the whole interval is at most `most`, the whole interval above it, or neither ("few"); "too_few"
    where there was too little text to judge by."""
    if loss is None or math.isnan(loss.mean):
        return "unmeasured"
    if loss.too_few:
        return "too_few"
    if loss.interval.high <= most:
        return "within"
    return "outside" if loss.interval.low > most else "few"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return "outside" if one of the verdicts is, "within" if all are, else "few"; "unmeasured" if there are none."""
    if not verdicts:
        return "unmeasured"
    return "outside" if "outside" in verdicts else "within" if set(verdicts) == {"within"} else "few"


# Whether the model understands a text at all

def guessing_perplexity(samples: Iterable[Sequence[int]]) -> float | None:
    """Return the perplexity of guessing each token by how often it stands in this very text: exp of the entropy.

    samples: token ids. A model that is not better than this has understood nothing of the text. None for a text of
    fewer than FEWEST_TOKENS tokens.
    """
    counts = Counter(token for sample in samples for token in sample)
    total = sum(counts.values())
    if total < FEWEST_TOKENS:
        return None
    return math.exp(-sum(count / total * math.log(count / total) for count in counts.values()))


def guessing_of(samples: CalibrationSet) -> float | None:
    """Return `guessing_perplexity` of a text's samples."""
    return guessing_perplexity(samples.sample(index).tolist() for index in range(samples.count))


def is_text_foreign(found: Statistics, usual: float | None) -> bool | None:
    """Return whether the model does not understand the text that these statistics were collected on."""
    return is_foreign(perplexity_value(found.losses.tolist()), guessing_of(found.calibration), usual)


def is_foreign(dense: float, guessing: float | None, usual: float | None) -> bool | None:
    """Return whether the model does not understand a text, so that losses on it say nothing; None if unknown.

    dense: its perplexity on the text; guessing: see `guessing_perplexity`; usual: its perplexity on text of its own
    kind, if that is known.
    """
    limits = [limit for limit in (guessing, usual and FOREIGN_TIMES * usual) if limit is not None]
    return dense >= min(limits) if limits else None
