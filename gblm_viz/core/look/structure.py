"""How patterned a matrix is. core/README.md, Structure scores: 0 = what random removal gives, 1 = perfect.

Of a mask, bool (out, in), True = removed: how far it is from chance. Of a gradient: how far it is row × column.
Knows nothing of weights, methods or pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.job import Job, Step
from ..mask.patterns import NofM, Pattern, PerRow, shuffled

SCORES = ("column", "row", "head", "neighbour")
DRAWS = 20
"""Shuffled masks a band is made of: the smallest p-value is then 1/21, just below 0.05."""
ROUNDING = 1e-12
"""Scores no further apart are equal: the same densities, summed in another order."""
TOLERANCE = 1e-10
"""Power iteration ends when its unit vector moves by no more."""
MOST_ROUNDS = 1000
"""Iteration limit: by then σ₁ and σ₂ differ by less than 1 %, so either pair will do."""


@dataclass(frozen=True)
class Structure:
    """Scores of one mask and of its shuffled null. `row` is nan where the pattern fixes the rows' densities."""

    column: float
    row: float
    head: float
    neighbour: float
    null_column: float
    null_row: float
    null_head: float


def column_densities(mask: Tensor) -> Tensor:
    """float64 (in,): the share removed in each column."""
    return mask.mean(0, dtype=torch.float64)


def column_score(mask: Tensor) -> float:
    """(Var of column densities − s(1−s)/R) / (s(1−s)(1−1/R)), R rows, s the mask's density; nan for an even mask."""
    return _column_score(column_densities(mask), mask.shape[0])


def _column_score(densities: Tensor, rows: int) -> float:
    density = float(densities.mean())
    spread = density * (1 - density)
    if spread == 0 or rows < 2:
        return math.nan
    variance = float(densities.var(correction=0))
    return (variance - spread / rows) / (spread * (1 - 1 / rows))


def row_score(mask: Tensor) -> float:
    """The column score of the transposed mask."""
    return column_score(mask.T)


def head_score(mask: Tensor, head_size: int) -> float:
    """Whether whole heads lose the same columns, beyond what the columns lose everywhere.

    With D_hj the density of column j in head h (d of R rows), p_j that of all rows, v = mean p_j(1 − p_j) and
    n₀ = v(R − d)/(d(R − 1)): (mean (D_hj − p_j)² − n₀)/(v − n₀). nan where the rows are no whole number of heads.
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
    """Mean Jaccard similarity of adjacent rows: |both removed| / |either removed|; two untouched rows count as 1."""
    if mask.shape[0] < 2:
        return math.nan
    above, below = mask[:-1], mask[1:]
    either = (above | below).sum(1).double()
    both = (above & below).sum(1).double()
    return float(torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(either)).mean())


def beyond_chance(value: float, chance: float) -> float:
    """(value − chance) / (1 − chance): 0 = chance, 1 = perfect; nan where chance is perfect already."""
    return (value - chance) / (1 - chance) if chance < 1 else math.nan


def _row_by_row(pattern: Pattern) -> bool:
    """Whether each row removes its share by itself: rows then have one density, and columns are independent draws."""
    return isinstance(pattern, PerRow | NofM)


def _scores(mask: Tensor, pattern: Pattern, head_size: int, heads_in_columns: bool) -> tuple[float, ...]:
    """SCORES of one mask, the last one still the bare similarity; each density is taken once."""
    columns, rows = column_densities(mask), column_densities(mask.T)
    headed, overall = (mask.T, rows) if heads_in_columns else (mask, columns)
    return (_column_score(columns, mask.shape[0]),
            math.nan if _row_by_row(pattern) else _column_score(rows, mask.shape[1]),
            _head_score(headed, head_size, overall), neighbour_similarity(mask))


def structure(mask: Tensor, pattern: Pattern, head_size: int = 0, heads_in_columns: bool = False,
              seed: int = 0) -> Structure:
    """All scores of a mask, the null being its own bits shuffled inside each comparison group.

    `heads_in_columns`: the output projection's heads lie along its inputs, so its head score is taken transposed.
    """
    column, row, head, similar = _scores(mask, pattern, head_size, heads_in_columns)
    null_column, null_row, null_head, by_chance = _scores(
        shuffled(mask, pattern, seed), pattern, head_size, heads_in_columns)
    return Structure(column, row, head, beyond_chance(similar, by_chance), null_column, null_row, null_head)


@dataclass(frozen=True)
class Band:
    """A score and where chance puts it: mean, lowest and highest score of the shuffled masks.

    p: the one-sided permutation p-value, (1 + how many shuffled masks score at least as high) / (1 + draws). All nan
    where the pattern fixes the score, or it does not apply to the mask or (tiny ones) to one of its shuffles.
    """

    score: float
    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class ModelBand:
    """Bands by score: of `each` matrix in the order given, and of `whole`, each score's mean over the matrices."""

    whole: dict[str, Band]
    each: tuple[dict[str, Band], ...]


def null_band(mask: Tensor, pattern: Pattern, head_size: int = 0, heads_in_columns: bool = False,
              draws: int = DRAWS, seed: int = 0) -> Job[dict[str, Band]]:
    """SCORES → Band of one mask, bool (out, in), against `draws` ≥ 1 shuffles of it, seeds seed … seed + draws − 1.

    The neighbour score's chance is here the mean similarity of all the shuffled masks, so its band's mean is 0.
    Steps count draws.
    """
    return _bands((yield from _drawn(mask, pattern, head_size, heads_in_columns, range(seed, seed + draws), 0, draws)))


def model_band(matrices: Iterable[tuple[Tensor, Pattern, int, bool]], draws: int = DRAWS,
               seed: int = 0) -> Job[ModelBand]:
    """Bands over at least one (mask, pattern, head_size, heads_in_columns), and of each: is the model patterned at all?

    A draw of the whole is one shuffle of every matrix. Matrix i is shuffled as by null_band with seed + i · draws:
    were seeds shared, matrices of one shape would be shuffled alike and the whole's band be too wide.
    A matrix whose score is nan is left out of that score's mean. Steps count draws, over all matrices.
    """
    given = tuple(matrices)
    scores = []
    for first, one in zip(range(0, len(given) * draws, draws), given, strict=True):
        seeds = range(seed + first, seed + first + draws)
        scores.append((yield from _drawn(*one, seeds, first, len(given) * draws)))
    together = torch.stack(scores)
    together.masked_fill_(together.isnan().any(1, keepdim=True), math.nan)
    return ModelBand(_bands(together.nanmean(0)), tuple(map(_bands, scores)))


def _drawn(mask: Tensor, pattern: Pattern, head_size: int, heads_in_columns: bool, seeds: range, done: int,
           total: int) -> Job[Tensor]:
    """float64 (1 + draws, SCORES): the mask's own scores, then each shuffle's; one shuffled mask lives at a time."""
    found = [_scores(mask, pattern, head_size, heads_in_columns)]
    for draw, seed in enumerate(seeds):
        yield Step(done + draw, total, "draw")
        found.append(_scores(shuffled(mask, pattern, seed), pattern, head_size, heads_in_columns))
    scores = torch.tensor(found, dtype=torch.float64)
    chance = float(scores[1:, -1].mean())
    scores[:, -1].apply_(lambda similar: beyond_chance(similar, chance))
    return scores


def _bands(scores: Tensor) -> dict[str, Band]:
    """float64 (1 + draws, SCORES), the observed first."""
    observed, drawn = scores[0], scores[1:]
    p = (1 + (drawn >= observed - ROUNDING).double().sum(0)) / len(scores)
    table = torch.stack([observed, drawn.mean(0), drawn.amin(0), drawn.amax(0), p])
    table[:, scores.isnan().any(0)] = math.nan
    return {name: Band(*numbers) for name, numbers in zip(SCORES, table.T.tolist(), strict=True)}


def column_band(mask: Tensor, z: float = 1.96) -> tuple[float, float]:
    """The 95 % band in which a column's density lies by chance when each row removes its share independently."""
    density = float(mask.double().mean())
    half = z * math.sqrt(density * (1 - density) / mask.shape[0])
    return max(0.0, density - half), min(1.0, density + half)


@dataclass(frozen=True)
class OutsideColumn:
    """A column outside the band of chance: its density, and how many standard deviations that is from the mask's."""

    column: int
    density: float
    z: float


def outside_columns(mask: Tensor, pattern: Pattern, z: float = 1.96) -> tuple[OutsideColumn, ...]:
    """The columns more than `z` standard deviations from the mask's density s, furthest first, then leftmost.

    Where each row removes its share by itself a column is R independent draws: variance s(1−s)/R. Where the whole
    matrix is one group it is R draws of its RC weights without replacement: that, times (RC−R)/(RC−1).
    """
    (rows, columns), size = mask.shape, mask.numel()
    counts = mask.sum(0)
    density = int(counts.sum()) / size
    variance = density * (1 - density) / rows
    if not _row_by_row(pattern):
        variance *= (size - rows) / max(1, size - 1)
    if variance == 0:
        return ()
    excess = counts * columns - counts.sum()  # in 1/size; whole numbers, so that equal distances stay equal
    deviations = excess.double() / (size * math.sqrt(variance))
    furthest = excess.abs().argsort(descending=True, stable=True)
    outside = furthest[deviations[furthest].abs() > z]
    return tuple(OutsideColumn(*found) for found in zip(
        outside.tolist(), (counts[outside].double() / rows).tolist(), deviations[outside].tolist(), strict=True))


def density_order(mask: Tensor, axis: int) -> Tensor:
    """int64: the rows (axis 0) or columns (axis 1), densest first, equal ones in place.

    `mask[density_order(mask, 0)]`, `mask[:, density_order(mask, 1)]` bring a pattern to the eye.
    """
    return mask.sum(1 - axis).argsort(descending=True, stable=True)


def position_order(columns: int, m: int) -> Tensor:
    """int64 (in,): of every group of `m` the first column, then of every group the second, and so on.

    An n:m mask has the density n/m in every group; what can differ is how often each place in the group goes.
    """
    return torch.arange(columns).reshape(-1, m).T.reshape(-1)


@dataclass(frozen=True, eq=False)
class RankOne:
    """The best row factor × column factor of a |gradient|; their outer product is in the gradient's unit.

    row_factor float64 (out,), in that unit; column_factor float64 (in,), of mean 1. share: the part of the sum of
    squares that they explain, 0 … 1; nan (and zero factors) for a gradient of zeros.
    """

    row_factor: Tensor
    column_factor: Tensor
    share: float


@torch.no_grad()
def rank_one(gradient: Tensor) -> RankOne:
    """σ₁uvᵀ of |gradient|, float (out, in): its leading singular pair, by power iteration in float64.

    Both vectors are nonnegative (Perron–Frobenius), and so never orthogonal to the column sums it starts from.
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
        if not float((column - before).norm()) > TOLERANCE:  # `not >`: a nan ends it as well
            break
    row = size @ column  # σ₁u
    share = float((row.norm() / size.norm()).square())
    return RankOne(row * column.mean(), column / column.mean(), min(1.0, share))


def left_over(gradient: Tensor, factors: RankOne) -> Tensor:
    """|G| − σ₁uvᵀ, of the gradient's shape and dtype: what a bright row crossing a bright column does not explain."""
    row, column = factors.row_factor.to(gradient.dtype), factors.column_factor.to(gradient.dtype)
    return torch.addr(gradient.abs(), row, column, alpha=-1)


def agreement(one: Tensor, other: Tensor) -> float:
    """The share of weights on which two masks agree."""
    return float((one == other).double().mean())


def chance_agreement(first: float, second: float) -> float:
    """The agreement of two unrelated masks of these densities."""
    return first * second + (1 - first) * (1 - second)


def kappa(one: Tensor, other: Tensor) -> float:
    """Cohen's κ: agreement beyond chance; nan where both masks are constant."""
    chance = chance_agreement(float(one.double().mean()), float(other.double().mean()))
    return beyond_chance(agreement(one, other), chance)
