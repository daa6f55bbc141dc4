"""Summary numbers of each matrix's gradient norm, and how close that norm is to rank one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.lazy import torch
from ..model.matrices import Matrix
from ..model.models import Model
from ..sums.statistics import Statistics
from .cells import Cell, ModelMap
from .structure import rank_one

if TYPE_CHECKING:
    from torch import Tensor

PEAK = 0.01
"""Fraction of a matrix's weights, those with the largest gradients, whose share `peak_share` reports."""


LARGEST_QUANTILE = 4_000_000
"""torch.quantile accepts at most 2²⁴ values; larger matrices are sampled at an even stride."""


@dataclass(frozen=True)
class GradientSummary:
    """Summary of one matrix's gradient norm over samples. `peak_share`: the largest 1 %'s share of the total."""

    name: str
    block: int
    role: str
    rows: int
    columns: int
    experts: int
    mean: float
    median: float
    p99: float
    peak_share: float


def gradient_summaries(model: Model, statistics: Statistics, norm: str) -> tuple[GradientSummary, ...]:
    """Return a summary of the gradient norm (l1, l2 or sum) of each matrix, in the network's order."""
    return tuple(_gradient_summary(matrix, statistics.gradient_norm(matrix.name, norm))
                 for matrix in model.layout.matrices)


def _gradient_summary(matrix: Matrix, gradient: Tensor) -> GradientSummary:
    flat = gradient.reshape(-1)
    flat = flat[:: max(1, flat.numel() // LARGEST_QUANTILE)]
    ordered = flat.sort().values
    count = ordered.numel()
    total = float(ordered.sum(dtype=torch.float64))
    peak = float(ordered[count - max(1, int(count * PEAK)):].sum(dtype=torch.float64))
    return GradientSummary(
        matrix.name, matrix.block, matrix.role, matrix.rows, matrix.columns, matrix.experts,
        float(gradient.mean(dtype=torch.float64)), float(ordered[count // 2]), float(ordered[int(count * 0.99)]),
        peak / total if total else math.nan)


def gradient_map(model: Model, summaries: tuple[GradientSummary, ...], statistic: str, samples: int) -> ModelMap:
    """Return one statistic of the summaries (mean, median, p99, peak_share) as a map."""
    return cell_map(f"gradient_{statistic}", len(model.layout.blocks), model.layout.roles, summaries, statistic,
                    statistic != "peak_share", samples)


@dataclass(frozen=True)
class Factors:
    """Fraction (0 … 1) of a |gradient|'s sum of squares explained by one constant for all weights (`flat`), and by a
    row factor × a column factor (`share`). Both are nan for a gradient of zeros.
    """

    flat: float
    share: float


def gradient_factors(statistics: Statistics, name: str, expert: int = 0) -> Factors | None:
    """Return how well a row factor × a column factor explains one matrix's ℓ1 gradient; None if ℓ1 was not kept."""
    if "l1" not in statistics.keep:
        return None
    gradient = statistics.gradient_norm(name, "l1")
    gradient = gradient[expert] if gradient.dim() == 3 else gradient
    total, squares = float(gradient.double().sum()), float(gradient.double().square().sum())
    return Factors(total**2 / (gradient.numel() * squares) if squares else math.nan, rank_one(gradient).share)


def cell_map(measure: str, blocks: int, roles: tuple[str, ...], summaries: tuple[GradientSummary, ...],
             statistic: str, log: bool, samples: int) -> ModelMap:
    """Return one statistic of the summaries as a map; needs no model."""
    cells = tuple(Cell(one.name, one.block, one.role, one.rows, one.columns, one.experts,
                       float(getattr(one, statistic))) for one in summaries)
    return ModelMap(measure, blocks, roles, cells, log, samples)
