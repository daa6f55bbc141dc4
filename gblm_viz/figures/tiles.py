"""Pooled tiles of a large matrix, so that every weight contributes to its image.
Uses no model, colour or browser: takes numpy arrays, returns small arrays and bytes."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Pool = Literal["max", "extreme", "mean"]
Scale = Literal["linear", "log"]
Measure = Literal["mean", "magnitude", "parted"]

BAND = 256
"""Rows combined at once when a level is built, so that the working copy stays in the processor's cache."""


def _extreme(first: Array, second: Array) -> Array:
    """Return the value further from zero, with its sign; NaN propagates, as in numpy.maximum."""
    high, low = np.maximum(first, second), np.minimum(first, second)
    return np.where(high >= -low, high, low)


COMBINE: dict[Pool, Callable[[Array, Array], Array]] = {"max": np.maximum, "extreme": _extreme, "mean": np.add}


def _fold(values: Array, step: int, combine: Callable[[Array, Array], Array]) -> Array:
    """Return (ceil(n / step), m) from (n, m): neighbours along the first axis combined; the last group may be short."""
    if step == 1:
        return values
    result = values[::step].copy(order="K")    # K: keeps the memory layout of a transposed view
    for offset in range(1, step):
        part = values[offset::step]          # shorter by one where the last group is short
        result[: len(part)] = combine(result[: len(part)], part)
    return result


def _fold_both(values: Array, step: int, combine: Callable[[Array, Array], Array]) -> Array:
    return _fold(_fold(values, step, combine).T, step, combine).T


def _added(values: Array) -> Array:
    """Return _fold_both of bytes with step 2 and addition, for even sizes: two bytes of a row are added at once.

    Sums must fit into a byte, since an overflow would carry into the next one.
    """
    both = np.add(values[::2], values[1::2]).view(np.uint16)
    return (both + (both >> 8)).astype(np.uint8)


def _counts(first: int, step: int, groups: int, total: int) -> Array:
    """Return how many of `total` rows (or columns) each group of `step` contains, from row `first` on."""
    edges = np.minimum(first + step * np.arange(groups + 1), total)
    return np.diff(edges)


MEASURES: dict[Measure, Callable[[Array], Array]] = {
    "mean": lambda weights: weights, "magnitude": np.abs, "parted": lambda categories: categories >= 2}
"""The value of each weight that a profile averages; `parted`: whether two masks differ, from their four categories."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The mean over each row and each column, float64 (rows,) and (columns,); NaN where a weight has no value."""

    rows: Array
    columns: Array


@dataclass(frozen=True, eq=False)
class Tile:
    """A piece of a matrix: pixel (i, j) covers rows row + i·step … and columns column + j·step …."""

    values: Array
    """(height, width) float32; NaN where any weight of the pixel has no value"""
    row: int
    column: int
    step: int
    row_counts: Array
    """(height,) rows in each pixel: `step`, fewer at the lower edge"""
    column_counts: Array
    """(width,)"""

    @property
    def weights(self) -> Array:
        """(height, width) int: the true number of weights each pixel covers."""
        return np.outer(self.row_counts, self.column_counts)


def step_for(row: int, column: int, rows: int, columns: int, height: int, width: int) -> int:
    """Return the smallest step at which rows × columns weights fit into height × width pixels.

    Steps are {1, 3, 5, 7} · 2^k: close enough to fill any box to four fifths (two thirds below 3), and each is computed
    from the 2 × 2 level k with at most 7 × 7 of its cells. The view's script uses the same steps.
    """
    power = 1
    while True:
        # 1, 2, 3 | 4, 5, 6, 7 | 8, 10, 12, 14 | 16 …: one octave of steps at a time, in ascending order
        octave = sorted(odd * power // shift for odd, shift in ((1, 1), (5, 4), (3, 2), (7, 4)) if power % shift == 0)
        for step in octave:
            tall = -(-(row + rows) // step) - row // step
            wide = -(-(column + columns) // step) - column // step
            if (tall <= height and wide <= width) or step > 2 * max(row + rows, column + columns):
                return step
        power *= 2


class Pyramid:
    """A matrix and its 2 × 2 pooled levels, each built on first use.

    array: (rows, columns) float, bool or uint8. bool and uint8 stay one byte a weight; other floats become float32.
    pool: "max", "extreme" (largest magnitude, signed) or "mean".
    equals: pools the fraction of weights that equal this category, instead of the weights themselves.
    A NaN propagates to every pixel that contains it, as a peak does under "max": a gap is never averaged away.
    Means are exact for bool and uint8 (integer sums); for floats the sums are float32.
    """

    def __init__(self, array: Array, pool: Pool = "max", equals: int | None = None) -> None:
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"a picture needs a matrix with rows and columns; got shape {array.shape}")
        if array.dtype == bool:
            array = array.view(np.uint8)
        elif array.dtype != np.uint8 and array.dtype != np.float32:
            array = array.astype(np.float32)
        self.rows, self.columns = array.shape
        self.pool = pool
        self._equals = equals
        self._array = array
        self._levels: list[Array] = []
        self._building = threading.Lock()
        self._largest = 1 if equals is not None else int(array.max()) if array.dtype == np.uint8 else None

    @property
    def nbytes(self) -> int:
        """Bytes in memory: the matrix and the levels built so far."""
        return self._array.nbytes + sum(level.nbytes for level in self._levels)

    def profile(self, measure: Measure) -> Profile:
        """Return the mean of `measure` over each row and each column, over all weights."""
        rows, columns = np.empty(self.rows), np.zeros(self.columns)
        for first in range(0, self.rows, BAND):
            band = MEASURES[measure](self._array[first : first + BAND])
            rows[first : first + BAND] = band.mean(axis=1, dtype=np.float64)
            columns += band.sum(axis=0, dtype=np.float64)
        return Profile(rows, columns / self.rows)

    def _sums(self, level: int) -> np.dtype[np.generic]:
        """Return the dtype for sums over 4^level weights without overflow."""
        return np.dtype(np.float32) if self._largest is None else np.min_scalar_type(self._largest * 4**level)

    def _read(self, level: int, rows: slice, columns: slice) -> Array:
        """Return cells of a level; under "mean" they are sums, so that partial cells at the edges weigh right."""
        if level:
            return self._level(level)[rows, columns]
        values = self._array[rows, columns]
        return values if self._equals is None else (values == self._equals).view(np.uint8)

    def _level(self, level: int) -> Array:
        with self._building:
            while len(self._levels) < level:
                self._levels.append(self._build(len(self._levels)))
            return self._levels[level - 1]

    def _build(self, below: int) -> Array:
        """Build level `below` + 1. Called with the lock held, so it reads the level below directly."""
        source = self._levels[below - 1] if below else self._array
        kind = self._sums(below + 1) if self.pool == "mean" else source.dtype
        result = np.empty((-(-source.shape[0] // 2), -(-source.shape[1] // 2)), kind)
        for first in range(0, source.shape[0], BAND):
            band = source[first : first + BAND]
            if not below and self._equals is not None:
                band = (band == self._equals).view(np.uint8)
            if self.pool == "mean":
                band = band.astype(kind, copy=False)
            even = self.pool == "mean" and kind == np.uint8 and not (len(band) % 2 or band.shape[1] % 2)
            result[first // 2 : first // 2 + -(-len(band) // 2)] = (
                _added(band) if even else _fold_both(band, 2, COMBINE[self.pool]))
        return result

    def tile(self, row: int, column: int, rows: int, columns: int, height: int, width: int) -> Tile:
        """Return the weights row … row + rows, column … column + columns in at most height × width pixels.

        Pixels are aligned to multiples of the step counted from (0, 0), so they do not flicker while panning;
        the tile may therefore begin a little before (row, column). Parts outside the matrix are cut off.
        """
        largest = 2 ** math.ceil(math.log2(max(self.rows, self.columns, 2)))
        step = min(step_for(row, column, rows, columns, height, width), largest)
        level = (step & -step).bit_length() - 1
        odd, power = step >> level, 1 << level
        top, left = row // step * step, column // step * step
        bottom = min(-(-(row + rows) // step) * step, self.rows)
        right = min(-(-(column + columns) // step) * step, self.columns)
        cells = self._read(level, slice(top // power, -(-bottom // power)), slice(left // power, -(-right // power)))
        if self.pool == "mean" and cells.dtype != np.float32:
            cells = cells.astype(np.uint32) if step > 1 else cells
        values = _fold_both(cells, odd, COMBINE[self.pool])
        row_counts = _counts(top, step, values.shape[0], self.rows)
        column_counts = _counts(left, step, values.shape[1], self.columns)
        if self.pool == "mean" and step > 1:
            values = values / np.outer(row_counts, column_counts)
        return Tile(np.ascontiguousarray(values, np.float32), top, left, step, row_counts, column_counts)

    def strongest(self, row: int, column: int, step: int) -> tuple[int, int]:
        """Return row and column of the weight that determines the pixel at (row, column) under max or extreme."""
        block = self._array[row : row + step, column : column + step].astype(np.float32)
        if self.pool == "extreme":
            block = np.abs(block)
        block = np.where(np.isnan(block), np.inf, block)         # a NaN determines the pixel
        down, along = np.unravel_index(int(np.argmax(block)), block.shape)
        return row + int(down), column + int(along)


def against_chance(tile: Tile, sparsity: float, columns: int) -> Array:
    """Return (height, width) float32: how many standard deviations a pixel's density lies from chance.

    For masks that remove the same share of every row: r rows × c of C columns removed at random have variance
    s(1 − s)/(rc) · (C − c)/(C − 1), since the columns of a row are drawn without replacement. A pixel as wide as the
    row cannot differ from chance and is 0.
    """
    spread = sparsity * (1 - sparsity) / tile.weights
    left = (columns - tile.column_counts) / max(columns - 1, 1)
    deviation = np.sqrt(spread * left[None, :])
    difference = tile.values - sparsity
    safe = np.where(deviation > 0, deviation, 1)
    return np.where(deviation > 0, difference / safe, 0).astype(np.float32)


def codes(values: Array, scale: Scale, lo: float, hi: float) -> Array:
    """Return uint8 of the same shape: 0 = NaN, 1 … 255 = lo … hi, linear in the value or in its logarithm.

    The range is fixed by the caller, so colours stay the same while panning; values outside are clipped.
    """
    check_range(scale, lo, hi)
    gaps = np.isnan(values)
    if scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            height = np.log10(np.maximum(values, 0)) - math.log10(lo)
        place = height / (math.log10(hi) - math.log10(lo))
    else:
        place = (values - lo) / (hi - lo)
    place = np.where(gaps, 0, np.clip(place, 0, 1))
    return np.where(gaps, 0, 1 + np.rint(254 * place)).astype(np.uint8)


def check_range(scale: Scale, lo: float, hi: float) -> None:
    """Raise ValueError unless lo < hi are finite, above zero for "log", and the scale is "linear" or "log"."""
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise ValueError(f"colours need a range lo < hi of finite numbers; got {lo} to {hi}")
    if scale == "log" and lo <= 0:
        raise ValueError(f"a log scale needs a range above zero; got {lo} to {hi}")
    if scale not in ("linear", "log"):
        raise ValueError(f"the scale is 'linear' or 'log'; got {scale!r}")


def colour_range(array: Array, scale: Scale, symmetric: bool = False) -> tuple[float, float]:
    """Return a range (lo, hi) that covers most values including the largest; always valid for `codes`.

    log: from the 1 % quantile of the positive values to the maximum, at most eight decades.
    linear: from minimum to maximum; symmetric: ± the largest magnitude. The quantile is computed over every weight up
    to a million and over evenly spaced rows above that; minimum and maximum over all.
    """
    if array.dtype.kind != "f":
        array = array.astype(np.float32)
    known = np.isfinite(array)
    lo = float(np.min(array, initial=np.inf, where=known))
    hi = float(np.max(array, initial=-np.inf, where=known))
    if not lo <= hi:                                             # no finite number
        lo, hi = 0.0, 0.0
    if symmetric:
        hi = max(abs(lo), abs(hi)) or 1.0
        return -hi, hi
    if scale == "linear":
        return (lo, hi) if lo < hi else (lo - 0.5, hi + 0.5)
    if hi <= 0:
        return 0.1, 1.0
    some = array[:: max(1, array.size // 1_000_000)].astype(np.float32)
    positive = some[np.isfinite(some) & (some > 0)]
    low = float(np.quantile(positive, 0.01)) if positive.size else hi / 10
    low = max(low, hi * 1e-8)
    return (low, hi) if low < hi else (hi / 10, hi)
