"""Measure how structured a matrix is. core/README.md, Structure scores: 0 = as by random removal, 1 = perfect.

For a mask, bool (out, in), True = removed: how far it is from chance. For a gradient: how well a row factor × a column
factor explains it. Independent of weights, methods and charts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.job import Job, Step
from ..base.lazy import torch
from ..mask.patterns import NofM, Pattern, PerRow, shuffled

if TYPE_CHECKING:
    from torch import Tensor

SCORES = ("column", "row", "head", "neighbour")
DRAWS = 20
"""Shuffled masks per band: the smallest possible p-value is then 1/21, just below 0.05."""
ROUNDING = 1e-12
"""Scores that differ by no more count as equal: the same densities may have been summed in another order."""
TOLERANCE = 1e-10
"""Power iteration stops when the unit vector changes by at most this norm."""
MOST_ROUNDS = 1000
"""Iteration limit: by then σ₁ and σ₂ differ by less than 1 %, so either pair will do."""


@dataclass(frozen=True)
class Structure:
    """Scores of one mask and of its shuffled version (null). `row` is nan if the pattern fixes the row densities."""

    column: float
    row: float
    head: float
    neighbour: float
    null_column: float
    null_row: float
    null_head: float


def column_densities(mask: Tensor) -> Tensor:
    """Return the fraction removed in each column, float64 (in,)."""
    return mask.mean(0, dtype=torch.float64)


def column_score(mask: Tensor) -> float:
    """(Var of column densities − s(1−s)/R) / (s(1−s)(1−1/R)), R rows, s the mask's density; nan if s is 0 or 1."""
    return _column_score(column_densities(mask), mask.shape[0])


def _column_score(densities: Tensor, rows: int) -> float:
    density = float(densities.mean())
    spread = density * (1 - density)
    if spread == 0 or rows < 2:
        return math.nan
    variance = float(densities.var(correction=0))
    return (variance - spread / rows) / (spread * (1 - 1 / rows))


def row_score(mask: Tensor) -> float:
    """Return the column score of the transposed mask."""
    return column_score(mask.T)


def head_score(mask: Tensor, head_size: int) -> float:
    """Return how far heads differ in the columns they lose, beyond each column's density over all rows.

    With D_hj the density of column j in head h (d of R rows), p_j that of all rows, v = mean p_j(1 − p_j) and
    n₀ = v(R − d)/(d(R − 1)): (mean (D_hj − p_j)² − n₀)/(v − n₀). nan if the rows are not a whole number of heads (at
    least two).
    """
    return _head_score(mask, head_size, column_densities(mask))


def _head_score(mask: Tensor, head_size: int, overall: Tensor) -> float:
    rows, columns = mask.shape
    if head_size < 2 or rows % head_size or rows == head_size:
        return math.nan
    per_head = mask.reshape(rows // head_size, head_size, columns).mean(1, dtype=torch.float64)
    spread = float((overall * (1 - overall)).mean())
    chance = spread * (rows - head_size) / (head_size * (rows - 1))
    if spread == chance:
        return math.nan
    return (float((per_head - overall).square().mean()) - chance) / (spread - chance)


def neighbour_similarity(mask: Tensor) -> float:
    """Return the mean Jaccard similarity of adjacent rows, |both removed| / |either removed| (1 if nothing is)."""
    if mask.shape[0] < 2:
        return math.nan
    above, below = mask[:-1], mask[1:]
    either = (above | below).sum(1).double()
    both = (above & below).sum(1).double()
    return float(torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(either)).mean())


def beyond_chance(value: float, chance: float) -> float:
    """Return (value − chance) / (1 − chance): 0 = chance, 1 = perfect; nan if chance is 1."""
    return (value - chance) / (1 - chance) if chance < 1 else math.nan


def _row_by_row(pattern: Pattern) -> bool:
    """Return whether each row is pruned by itself: all rows then have one density, and columns are independent."""
    return isinstance(pattern, PerRow | NofM)


def _scores(mask: Tensor, pattern: Pattern, head_size: int, heads_in_columns: bool) -> tuple[float, ...]:
    """Return SCORES of one mask, the last one not yet corrected for chance; each density is computed once."""
    columns, rows = column_densities(mask), column_densities(mask.T)
    headed, overall = (mask.T, rows) if heads_in_columns else (mask, columns)
    return (_column_score(columns, mask.shape[0]),
            math.nan if _row_by_row(pattern) else _column_score(rows, mask.shape[1]),
            _head_score(headed, head_size, overall), neighbour_similarity(mask))


def structure(mask: Tensor, pattern: Pattern, head_size: int = 0, heads_in_columns: bool = False,
              seed: int = 0) -> Structure:
    """Return all scores of a mask and of its null, the same bits shuffled inside each comparison group.

    `heads_in_columns`: the output projection's heads lie along its inputs, so its head score uses the transpose.
    """
    column, row, head, similar = _scores(mask, pattern, head_size, heads_in_columns)
    null_column, null_row, null_head, by_chance = _scores(
        shuffled(mask, pattern, seed), pattern, head_size, heads_in_columns)
    return Structure(column, row, head, beyond_chance(similar, by_chance), null_column, null_row, null_head)


@dataclass(frozen=True)
class Band:
    """A score with the mean, lowest and highest score of the shuffled masks.

    p: the one-sided permutation p-value, (1 + number of shuffled masks that score at least as high) / (1 + draws). All
    are nan if the pattern fixes the score, or if the score is undefined for the mask or (tiny masks) for one shuffle.
    """

    score: float
    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class ModelBand:
    """Score → Band: for `each` matrix in the order given, and for the mean over the matrices (`whole`)."""

    whole: dict[str, Band]
    each: tuple[dict[str, Band], ...]


def null_band(mask: Tensor, pattern: Pattern, head_size: int = 0, heads_in_columns: bool = False,
              draws: int = DRAWS, seed: int = 0) -> Job[dict[str, Band]]:
    """Return score → Band of one mask, bool (out, in), against `draws` ≥ 1 shuffles, seeds seed … seed + draws − 1.

    The chance level of the neighbour score is here the mean similarity of all shuffled masks, so its band's mean is 0.
    Steps count draws.
    """
    return _bands((yield from _shuffled_scores(mask, pattern, head_size, heads_in_columns, range(seed, seed + draws), 0,
                                               draws)))


def model_band(matrices: Iterable[tuple[Tensor, Pattern, int, bool]], draws: int = DRAWS,
               seed: int = 0) -> Job[ModelBand]:
    """Return the bands of all matrices together and of each.

    matrices: at least one (mask, pattern, head_size, heads_in_columns).
    A draw of the whole is one shuffle of every matrix. Matrix i is shuffled as by null_band with seed + i · draws:
    with shared seeds, matrices of one shape would be shuffled alike and the band of the whole would be too wide.
    A matrix whose score is nan is left out of that score's mean. Steps count draws, over all matrices.
    """
    given = tuple(matrices)
    scores = []
    for first, one in zip(range(0, len(given) * draws, draws), given, strict=True):
        seeds = range(seed + first, seed + first + draws)
        scores.append((yield from _shuffled_scores(*one, seeds, first, len(given) * draws)))
    together = torch.stack(scores)
    together.masked_fill_(together.isnan().any(1, keepdim=True), math.nan)
    return ModelBand(_bands(together.nanmean(0)), tuple(map(_bands, scores)))


def _shuffled_scores(mask: Tensor, pattern: Pattern, head_size: int, heads_in_columns: bool, seeds: range, done: int,
                     total: int) -> Job[Tensor]:
    """Return float64 (1 + draws, SCORES): the mask's own scores, then each shuffle's, one shuffle in memory at once."""
    found = [_scores(mask, pattern, head_size, heads_in_columns)]
    for draw, seed in enumerate(seeds):
        yield Step(done + draw, total, "draw")
        found.append(_scores(shuffled(mask, pattern, seed), pattern, head_size, heads_in_columns))
    scores = torch.tensor(found, dtype=torch.float64)
    chance = float(scores[1:, -1].mean())
    scores[:, -1].apply_(lambda similar: beyond_chance(similar, chance))
    return scores


def _bands(scores: Tensor) -> dict[str, Band]:
    """Return score → Band of `scores`, float64 (1 + draws, SCORES), with the observed mask's row first."""
    observed, drawn = scores[0], scores[1:]
    p = (1 + (drawn >= observed - ROUNDING).double().sum(0)) / len(scores)
    table = torch.stack([observed, drawn.mean(0), drawn.amin(0), drawn.amax(0), p])
    table[:, scores.isnan().any(0)] = math.nan
    return {name: Band(*numbers) for name, numbers in zip(SCORES, table.T.tolist(), strict=True)}


def column_band(mask: Tensor, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % band of a column's density by chance when each row is pruned independently."""
    density = float(mask.double().mean())
    half = z * math.sqrt(density * (1 - density) / mask.shape[0])
    return max(0.0, density - half), min(1.0, density + half)


@dataclass(frozen=True)
class OutsideColumn:
    """A column outside the chance band: its density, and `z`, that density's distance from the mask's in std devs."""

    column: int
    density: float
    z: float


def outside_columns(mask: Tensor, pattern: Pattern, z: float = 1.96) -> tuple[OutsideColumn, ...]:
    """Return the columns more than `z` standard deviations from the mask's density s, furthest first, then leftmost.

    If each row is pruned by itself, a column is R independent draws: variance s(1−s)/R. If the whole matrix is one
    group, a column is R draws from RC weights without replacement: that variance times (RC−R)/(RC−1).
    """
    (rows, columns), size = mask.shape, mask.numel()
    counts = mask.sum(0)
    density = int(counts.sum()) / size
    variance = density * (1 - density) / rows
    if not _row_by_row(pattern):
        variance *= (size - rows) / max(1, size - 1)
    if variance == 0:
        return ()
    excess = counts * columns - counts.sum()  # in units of 1/size; integers, so that equal distances stay equal
    deviations = excess.double() / (size * math.sqrt(variance))
    furthest = excess.abs().argsort(descending=True, stable=True)
    outside = furthest[deviations[furthest].abs() > z]
    return tuple(OutsideColumn(*found) for found in zip(
        outside.tolist(), (counts[outside].double() / rows).tolist(), deviations[outside].tolist(), strict=True))


def density_order(mask: Tensor, axis: int) -> Tensor:
    """Return the indices of the rows (axis 0) or columns (axis 1), int64, densest first; ties keep their order.

    `mask[density_order(mask, 0)]`, `mask[:, density_order(mask, 1)]` make a pattern visible.
    """
    return mask.sum(1 - axis).argsort(descending=True, stable=True)


def position_order(columns: int, m: int) -> Tensor:
    """Return int64 (in,): the first column of every group of `m`, then the second of every group, and so on.

    An n:m mask has the density n/m in every group; only how often each position in the group is removed can differ.
    """
    return torch.arange(columns).reshape(-1, m).T.reshape(-1)


@dataclass(frozen=True, eq=False)
class RankOne:
    """Best rank-one approximation of a |gradient|: row factor × column factor, in the gradient's unit.

    row_factor float64 (out,), in that unit; column_factor float64 (in,), with mean 1. share: the fraction of the sum
    of squares that they explain, 0 … 1; nan (and zero factors) for a gradient of zeros.
    """

    row_factor: Tensor
    column_factor: Tensor
    share: float


@torch.no_grad()
def rank_one(gradient: Tensor) -> RankOne:
    """Return σ₁uvᵀ of |gradient|, float (out, in): its leading singular pair, by power iteration in float64.

    Both vectors are nonnegative (Perron–Frobenius), so they are never orthogonal to the column sums used as start.
    share = σ₁²/‖G‖_F².
    """
    size = gradient.abs().double()
    column = size.sum(0)
    if not column.any():
        return RankOne(size.new_zeros(len(size)), column, math.nan)
    column /= column.norm()
    for _ in range(MOST_ROUNDS):
        before, column = column, (size @ column) @ size
        column /= column.norm()
        if not float((column - before).norm()) > TOLERANCE:  # `not >`: a nan ends the loop as well
            break
    row = size @ column  # σ₁u
    share = float((row.norm() / size.norm()).square())
    return RankOne(row * column.mean(), column / column.mean(), min(1.0, share))


def residual(gradient: Tensor, factors: RankOne) -> Tensor:
    """Return |G| − σ₁uvᵀ in the gradient's shape and dtype: what the row and column factors do not explain."""
    row, column = factors.row_factor.to(gradient.dtype), factors.column_factor.to(gradient.dtype)
    return torch.addr(gradient.abs(), row, column, alpha=-1)


def agreement(one: Tensor, other: Tensor) -> float:
    """Return the fraction of weights on which two masks agree."""
    return float((one == other).double().mean())


def chance_agreement(first: float, second: float) -> float:
    """Return the expected agreement of two independent masks with these densities."""
    return first * second + (1 - first) * (1 - second)


def kappa(one: Tensor, other: Tensor) -> float:
    """Return Cohen's κ, the agreement beyond chance; nan if the agreement by chance is 1."""
    chance = chance_agreement(float(one.double().mean()), float(other.double().mean()))
    return beyond_chance(agreement(one, other), chance)
