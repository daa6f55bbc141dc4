"""Difference of two methods over draws of the calibration text × evaluation windows; the interval covers both sources.

Draws and windows are crossed random effects: D[draw, window] = mean + draw + window + rest. A single draw only shows
how the methods differ with that draw's samples, however many windows there are. Independent of models and texts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..base.intervals import CONFIDENCE, Interval, Paired, paired_difference, student_quantile
from ..base.lazy import np

BLOCK = 4
"""Number of neighbouring windows averaged into one value, since their differences are correlated. tests/benchmarks/
verdict_table.py prints the correlation of neighbours, and the interval for other block sizes."""
LEAST_BLOCKS = 4
"""With fewer blocks, smaller blocks are used: Student's quantile for one or two degrees of freedom costs more than
correlated neighbours."""


@dataclass(frozen=True)
class Crossed:
    """The mean of D over `draws` draws and `windows` windows, nats per token, with its 95 % interval.

    by_draw: each draw's own mean with the interval over windows alone, as a single run measures it. block: neighbouring
    windows counted as one. degrees: of freedom of Student's t, by Satterthwaite; 0 if there is no interval.
    depends: whether another draw of the text can change D at all.
    """

    mean: float
    interval: Interval
    draws: int
    windows: int
    block: int
    degrees: float
    by_draw: tuple[Paired, ...]
    depends: bool = True

    @property
    def verdict(self) -> str:
        """too_few (windows); none: the interval covers 0; one_draw: it does not, but covers windows only; more; less.

        more and less give the sign of the mean.
        """
        if not math.isfinite(self.interval.low) or not math.isfinite(self.interval.high):
            return "too_few"
        if self.interval.covers(0.0):
            return "none"
        if self.depends and self.draws < 2:
            return "one_draw"
        return "more" if self.mean > 0 else "less"

    @property
    def shown(self) -> bool:
        """Whether the interval shows a difference in one direction."""
        return self.verdict in {"more", "less"}


def crossed(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]], depends: bool = True,
            block: int = BLOCK) -> Crossed:
    """Return the mean of second − first, each (draws, windows), the windows in the text's order.

    The variance of the mean is (MS_draws + MS_windows − MS_rest) / (draws · windows), as for two crossed random
    factors (Searle, Casella and McCulloch, Variance Components, 1992, section 4.3), and never less than either factor
    gives alone. If another draw changes nothing (`depends` is False), one draw is enough.
    """
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        each = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    by_draw = tuple(paired_difference((0.0,) * each.shape[1], tuple(row)) for row in each)
    draws, windows = each.shape
    mean = by_draw[0].mean if draws == 1 else float(each.mean())
    size = block_size(windows, block)
    blocked = in_blocks(each, size)
    if blocked.shape[1] < 2 or not math.isfinite(mean):
        return Crossed(mean, Interval(-math.inf, math.inf), draws, windows, size, 0.0, by_draw, depends)
    if draws < 2:
        alone = paired_difference((0.0,) * blocked.shape[1], tuple(blocked[0]))
        moved = mean - alone.mean  # blocks of unequal size give windows slightly unequal weights
        interval = Interval(alone.interval.low + moved, alone.interval.high + moved)
        return Crossed(mean, interval, draws, windows, size, alone.count - 1.0, by_draw, depends)
    degrees, error = _error(blocked)
    half = student_quantile((1 + CONFIDENCE) / 2, degrees) * error
    return Crossed(mean, Interval(mean - half, mean + half), draws, windows, size, degrees, by_draw, depends)


def block_size(windows: int, block: int = BLOCK) -> int:
    """Return `block`, or a smaller size if blocks of that size would be fewer than LEAST_BLOCKS."""
    return max(1, min(block, windows // LEAST_BLOCKS))


def in_blocks(values: np.ndarray, size: int) -> np.ndarray:
    """Return (draws, blocks) from (draws, windows): means over `size` neighbours, or a few more with a remainder."""
    parts = np.array_split(values, max(1, values.shape[1] // size), axis=1)
    return np.stack([part.mean(1) for part in parts], axis=1)


def _error(values: np.ndarray) -> tuple[float, float]:
    """Return (degrees of freedom, standard error of the mean) of `values` (draws, columns), each at least 2."""
    draws, columns = values.shape
    by_draw, by_column, mean = values.mean(1), values.mean(0), values.mean()
    of_columns = draws * float(np.square(by_column - mean).sum()) / (columns - 1)
    of_draws = columns * float(np.square(by_draw - mean).sum()) / (draws - 1)
    rest = float(np.square(values - by_draw[:, None] - by_column + mean).sum()) / ((draws - 1) * (columns - 1))
    square = of_draws + of_columns - rest
    if square <= max(of_draws, of_columns):  # the smaller factor is indistinguishable from the rest
        larger = draws if of_draws > of_columns else columns
        return larger - 1.0, math.sqrt(max(of_draws, of_columns) / values.size)
    degrees = square * square / (of_draws * of_draws / (draws - 1) + of_columns * of_columns / (columns - 1)
                                 + rest * rest / ((draws - 1) * (columns - 1)))
    return degrees, math.sqrt(square / values.size)
