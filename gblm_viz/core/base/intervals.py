"""Confidence intervals of shares and differences (Wilson, Student, Welch, Newcombe); whether they show a difference.

Works on numbers only: independent of models, texts and methods.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from .lazy import np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An interval with both ends included."""

    low: float
    high: float

    def covers(self, value: float) -> bool:
        """Return whether the value lies in the interval, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Share:
    """`right` of `total`, with Wilson's 95 % interval."""

    right: int
    total: int

    @property
    def value(self) -> float:
        """The share as a fraction; nan if `total` is 0."""
        return self.right / self.total if self.total else math.nan

    @property
    def interval(self) -> Interval:
        """Wilson's interval of the share, at CONFIDENCE."""
        return wilson_interval(self.right, self.total)


def wilson_interval(right: int, total: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval for a share; (0, 1) if `total` is 0."""
    if total == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    # Exactly 0 or 1 where none or all are right: rounding must not push the end past the share itself.
    return Interval(middle - half if right else 0.0, middle + half if right < total else 1.0)


@dataclass(frozen=True)
class Paired:
    """The mean difference second − first over the same windows, with Student's 95 % interval. Nats a token."""

    mean: float
    interval: Interval
    count: int

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: the interval does not cover 0, and there are at least two windows."""
        return self.count > 1 and not self.interval.covers(0.0)


def paired_difference(first: tuple[float, ...], second: tuple[float, ...]) -> Paired:
    """Compare window by window. The interval is (−∞, ∞) for fewer than two windows or a loss that is not finite."""
    assert len(first) == len(second)
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        differences = np.asarray(second) - np.asarray(first)
        mean, count = float(differences.mean()), len(differences)
    if count < 2 or not math.isfinite(mean):
        return Paired(mean, Interval(-math.inf, math.inf), count)
    half = student_quantile((1 + CONFIDENCE) / 2, count - 1) * float(differences.std(ddof=1)) / math.sqrt(count)
    return Paired(mean, Interval(mean - half, mean + half), count)


def welch_difference(first: tuple[float, ...], second: tuple[float, ...]) -> Paired:
    """Return mean(second) − mean(first), each over windows of its own, with Welch's 95 % interval.

    `count` is that of the smaller of the two; with fewer than two windows or a loss without end it is (−∞, ∞).
    """
    one, two = np.asarray(first), np.asarray(second)
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        mean, count = float(two.mean() - one.mean()), min(len(one), len(two))
    if count < 2 or not math.isfinite(mean):
        return Paired(mean, Interval(-math.inf, math.inf), count)
    parts = [float(values.var(ddof=1)) / len(values) for values in (one, two)]
    error = sum(parts)
    if not error:
        return Paired(mean, Interval(mean, mean), count)
    degrees = error * error / sum(part * part / (len(values) - 1)  # Welch and Satterthwaite
                                  for part, values in zip(parts, (one, two), strict=True))
    half = student_quantile((1 + CONFIDENCE) / 2, degrees) * math.sqrt(error)
    return Paired(mean, Interval(mean - half, mean + half), count)


@dataclass(frozen=True)
class PairedShare:
    """The same `total` questions answered by two models: right by both, lost (only by the first), gained, by neither.

    The interval of the difference second − first is Newcombe's for paired shares, from Wilson's of each (Statistics in
    Medicine 17, 1998, method 10). Unlike the normal interval it is valid for few questions, and when none differ.
    """

    both: int
    lost: int
    gained: int
    neither: int

    @property
    def total(self) -> int:
        """How many questions there are."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def first(self) -> Share:
        """The share that the first model answered right."""
        return Share(self.both + self.lost, self.total)

    @property
    def second(self) -> Share:
        """The share that the second model answered right."""
        return Share(self.both + self.gained, self.total)

    @property
    def difference(self) -> float:
        """The second share minus the first; nan if `total` is 0."""
        return (self.gained - self.lost) / self.total if self.total else math.nan

    @property
    def interval(self) -> Interval:
        """Newcombe's interval of the difference; (−1, 1) if `total` is 0."""
        if not self.total:
            return Interval(-1.0, 1.0)
        one, two = self.first, self.second
        together = float(self.both * self.neither - self.lost * self.gained)
        if together > 0:
            together = max(0.0, together - self.total / 2)
        spread = math.sqrt(one.right * (one.total - one.right) * two.right * (two.total - two.right))
        correlation = together / spread if spread else 0.0
        one_down, one_up = one.value - one.interval.low, one.interval.high - one.value
        two_down, two_up = two.value - two.interval.low, two.interval.high - two.value

        def joined(this: float, that: float) -> float:
            return math.sqrt(max(0.0, this * this - 2 * correlation * this * that + that * that))

        return Interval(self.difference - joined(one_up, two_down), self.difference + joined(one_down, two_up))

    @property
    def by_chance(self) -> float:
        """McNemar's exact test: the chance that a fair coin splits the differing questions at least this unevenly."""
        apart = self.lost + self.gained
        tail = sum(math.comb(apart, count) for count in range(min(self.lost, self.gained) + 1))
        return min(1.0, 2 * tail / 2**apart)

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: its interval excludes 0, and `by_chance` is at most 1 − CONFIDENCE.

        Otherwise there are too few to conclude. The second test is for the smallest numbers: 2 of 2 lost show nothing.
        """
        return not self.interval.covers(0.0) and self.by_chance <= 1 - CONFIDENCE


def paired_share(before: Sequence[bool], after: Sequence[bool]) -> PairedShare:
    """Compare two lists of right (True) or wrong answers to the same questions in the same order."""
    found = Counter(zip(before, after, strict=True))
    return PairedShare(found[True, True], found[True, False], found[False, True], found[False, False])


@lru_cache(maxsize=1024)
def student_quantile(probability: float, degrees: float) -> float:
    """Return Student's t quantile above the median, from its density integrated on a fine grid of t = √ν·tan θ.

    In θ the density is cos(θ)^(ν−1), smooth and bounded, so the trapezoid rule is exact to 1e-8.
    """
    angle = np.linspace(0.0, math.pi / 2, 200_001)
    density = np.cos(angle) ** (degrees - 1)
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    found = float(np.interp(2 * probability - 1, area / area[-1], angle))
    return math.sqrt(degrees) * math.tan(found)
