"""How patterned a mask is, against chance. interface.md, Structure scores: 0 = what random removal gives, 1 = perfect.

A mask here is bool (out, in), True = removed. Knows nothing of weights, methods or pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .patterns import NofM, Pattern, PerRow, shuffled


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
    return mask.double().mean(0)


def column_score(mask: Tensor) -> float:
    """(Var of column densities − s(1−s)/R) / (s(1−s)(1−1/R)), R rows, s the mask's density; nan for an even mask."""
    rows = mask.shape[0]
    density = float(mask.double().mean())
    spread = density * (1 - density)
    if spread == 0 or rows < 2:
        return math.nan
    variance = float(column_densities(mask).var(correction=0))
    return (variance - spread / rows) / (spread * (1 - 1 / rows))


def row_score(mask: Tensor) -> float:
    """The column score of the transposed mask."""
    return column_score(mask.T)


def head_score(mask: Tensor, head_size: int) -> float:
    """Whether whole heads lose the same columns, beyond what the columns lose everywhere.

    With D_hj the density of column j in head h (d of R rows), p_j that of all rows, v = mean p_j(1 − p_j) and
    n₀ = v(R − d)/(d(R − 1)): (mean (D_hj − p_j)² − n₀)/(v − n₀). nan where the rows are no whole number of heads.
    """
    rows, columns = mask.shape
    if head_size < 2 or rows % head_size or rows == head_size:
        return math.nan
    per_head = mask.double().reshape(rows // head_size, head_size, columns).mean(1)
    overall = column_densities(mask)
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


def structure(mask: Tensor, pattern: Pattern, head_size: int = 0, heads_in_columns: bool = False,
              seed: int = 0) -> Structure:
    """All scores of a mask, the null being its own bits shuffled inside each comparison group.

    `heads_in_columns`: the output projection's heads lie along its inputs, so its head score is taken transposed.
    """
    null = shuffled(mask, pattern, seed)

    def heads(given: Tensor) -> float:
        return head_score(given.T if heads_in_columns else given, head_size)

    fixed_rows = isinstance(pattern, PerRow | NofM)
    similar, by_chance = neighbour_similarity(mask), neighbour_similarity(null)
    neighbour = (similar - by_chance) / (1 - by_chance) if by_chance < 1 else math.nan
    return Structure(column_score(mask), math.nan if fixed_rows else row_score(mask), heads(mask), neighbour,
                     column_score(null), math.nan if fixed_rows else row_score(null), heads(null))


def column_band(mask: Tensor, z: float = 1.96) -> tuple[float, float]:
    """The 95 % band in which a column's density lies by chance when each row removes its share independently."""
    density = float(mask.double().mean())
    half = z * math.sqrt(density * (1 - density) / mask.shape[0])
    return max(0.0, density - half), min(1.0, density + half)


def agreement(one: Tensor, other: Tensor) -> float:
    """The share of weights on which two masks agree."""
    return float((one == other).double().mean())


def kappa(one: Tensor, other: Tensor) -> float:
    """Cohen's κ: agreement beyond chance; nan where both masks are constant."""
    first, second = float(one.double().mean()), float(other.double().mean())
    chance = first * second + (1 - first) * (1 - second)
    return (agreement(one, other) - chance) / (1 - chance) if chance < 1 else math.nan
