"""Plain numbers for eyes and JSON: all that leaves core towards figures, screens and files. numpy and floats only.

Made from models, statistics and masks by the functions below; whoever reads them needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base.errors import refuse_unknown
from ..base.job import Job, Step
from ..mask.patterns import label
from ..mask.prune import Masks
from ..mask.settings import Settings
from ..model.matrices import Matrix, parameters
from ..model.models import Model
from ..score import alpha as alphas
from ..score.methods import METHODS, Gblm, Method
from ..score.scores import dense_scores
from ..sums.statistics import NORMS, Statistics
from .structure import DRAWS, Band, agreement, column_band, column_densities, model_band, null_band, rank_one, structure
from .two_masks import TwoMasks

Array = np.ndarray[Any, Any]
PEAK = 0.01
"""The strongest share of a matrix's gradients that the model map's sentence speaks of."""
LARGEST_QUANTILE = 4_000_000
"""torch.quantile takes at most 2²⁴ values; larger matrices are read on an even stride."""


@dataclass(frozen=True)
class Cell:
    """One matrix on a blocks × roles map. `value` may be nan (then hatched)."""

    name: str
    block: int
    role: str
    rows: int
    columns: int
    experts: int
    value: float


@dataclass(frozen=True)
class ModelMap:
    """blocks × roles of one number a matrix. `measure` and `unit` are keys of the words; `log` where decades matter."""

    measure: str
    blocks: int
    roles: tuple[str, ...]
    cells: tuple[Cell, ...]
    log: bool
    samples: int = 0

    def grid(self) -> Array:
        """float64 (blocks, roles); nan where a block has no such role."""
        grid = np.full((self.blocks, len(self.roles)), np.nan)
        for cell in self.cells:
            grid[cell.block, self.roles.index(cell.role)] = cell.value
        return grid


@dataclass(frozen=True)
class GradientSummary:
    """One matrix's gradient norm in numbers, summed over samples. `peak_share`: what its strongest 1 % carry."""

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
    """For each matrix, the gradient norm (l1, l2 or sum) in numbers, in the network's order."""
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


def cell_map(measure: str, blocks: int, roles: tuple[str, ...], summaries: tuple[GradientSummary, ...],
             statistic: str, log: bool, samples: int) -> ModelMap:
    """One statistic of the summaries as a map, from plain numbers alone."""
    cells = tuple(Cell(one.name, one.block, one.role, one.rows, one.columns, one.experts,
                       float(getattr(one, statistic))) for one in summaries)
    return ModelMap(measure, blocks, roles, cells, log, samples)


def gradient_map(model: Model, summaries: tuple[GradientSummary, ...], statistic: str, samples: int) -> ModelMap:
    """One statistic of the summaries (mean, median, p99, peak_share) as a map."""
    return cell_map(f"gradient_{statistic}", len(model.layout.blocks), model.layout.roles, summaries, statistic,
                    statistic != "peak_share", samples)


@dataclass(frozen=True, eq=False)
class Histogram:
    """log10 scores of one matrix. `edges` (bins + 1,), `removed` and `kept` counts (bins,); `zeros` scores equal 0."""

    name: str
    edges: Array
    kept: Array
    removed: Array
    zeros: int
    cut_low: float
    cut_high: float


@dataclass(frozen=True, eq=False)
class Preview:
    """What the controls would remove, without building anything: dense order, all matrices."""

    settings: Settings
    pattern: str
    sparsity: float
    removed: int
    prunable: int
    alpha: float | None
    share: float | None
    agreement_wanda: float | None
    agreement_gradient: float | None
    per_matrix: tuple[Cell, ...]
    """value = the share removed of each matrix"""
    agreement_map: tuple[Cell, ...]
    """value = agreement with Wanda's mask of each matrix; empty where there is none"""
    fallbacks: int
    equal_rows: int


def preview(model: Model, statistics: Statistics | None, settings: Settings, masks: Masks,
            wanda: Masks | None, gradient: Masks | None) -> Preview:
    """Numbers of a mask beside Wanda's and the gradient-only mask at the same pattern, where they exist."""
    share = (None if statistics is None or masks.alpha is None
             else alphas.gradient_share(statistics, settings.norm, masks.alpha))
    cells = tuple(_cell(matrix, float(masks.masks[matrix.name].double().mean())) for matrix in model.layout.matrices)
    against = () if wanda is None else tuple(
        _cell(matrix, agreement(masks.masks[matrix.name], wanda.masks[matrix.name]))
        for matrix in model.layout.matrices)
    return Preview(
        settings, label(settings.make_pattern()), masks.sparsity, masks.removed, masks.prunable, masks.alpha, share,
        None if wanda is None else model_agreement(masks, wanda),
        None if gradient is None else model_agreement(masks, gradient),
        cells, against, len(masks.fallbacks), sum(masks.equal_rows.values()))


def _cell(matrix: Matrix, value: float) -> Cell:
    return Cell(matrix.name, matrix.block, matrix.role, matrix.rows, matrix.columns, matrix.experts, value)


def model_agreement(one: Masks, other: Masks) -> float:
    """The share of all prunable weights on which two masks agree."""
    same = sum(int(torch.count_nonzero(mask == other.masks[name])) for name, mask in one.masks.items())
    return same / one.prunable


def comparison_settings(settings: Settings) -> tuple[Settings | None, Settings | None]:
    """The Wanda and the gradient-only settings beside which a mask is seen; None where the group forbids them."""
    if settings.group == "authors" and not settings.pattern:
        return None, None
    common = {"group": settings.group, "sparsity": settings.sparsity, "pattern": settings.pattern, "order": "dense"}
    norm = settings.norm if "norm" in settings.knobs else "l1"
    return Settings("wanda", **common), Settings("gradient", norm, **common)  # type: ignore[arg-type]


BINS = 60


@torch.no_grad()
def score_histogram(model: Model, statistics: Statistics | None, settings: Settings, masks: Masks, name: str,
                    expert: int = 0) -> Histogram:
    """One matrix's scores with what of them is removed; the cut is a range, since each row has its own."""
    matrix = model.layout.named(name)
    scores, _ = dense_scores(model, statistics, settings.make_method(statistics), matrix,
                             parameters(model.network, model.layout)[name].cpu())
    mask = masks.masks[name]
    if matrix.experts:
        scores, mask = scores[expert], mask[expert]
    positive = scores > 0
    logs = scores.clamp(min=1e-45).log10()
    shown = logs[positive]
    low, high = (float(shown.min()), float(shown.max())) if shown.numel() else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    removed, _edges = np.histogram(logs[positive & mask].double().numpy(), bins=edges)
    kept, _edges = np.histogram(logs[positive & ~mask].double().numpy(), bins=edges)
    cut_low, cut_high = _cut_range(scores, mask)
    return Histogram(name, edges, kept, removed, int((~positive).sum()), cut_low, cut_high)


def _cut_range(scores: Tensor, mask: Tensor) -> tuple[float, float]:
    """log10 of the lowest and highest row threshold: each row's largest removed score; nan where nothing goes."""
    cuts = scores.masked_fill(~mask, -1).amax(-1)
    cuts = cuts[cuts > 0].log10()
    return (float(cuts.min()), float(cuts.max())) if cuts.numel() else (math.nan, math.nan)


@dataclass(frozen=True)
class StructureCell:
    """One matrix's structure scores beside those of its shuffled null; nan = does not apply."""

    name: str
    block: int
    role: str
    column: float
    row: float
    head: float
    neighbour: float
    null_column: float
    null_head: float


def structure_cells(model: Model, masks: Masks, seed: int = 0) -> Job[tuple[StructureCell, ...]]:
    """Every matrix's structure scores (an expert stack: its first expert's). Steps count matrices."""
    pattern = masks.settings.make_pattern()
    cells = []
    for done, matrix in enumerate(model.layout.matrices):
        yield Step(done, len(model.layout.matrices), "matrix")
        found = structure(_plane(masks, matrix, 0), pattern, *heads_of(model, matrix), seed)
        cells.append(StructureCell(matrix.name, matrix.block, matrix.role, found.column, found.row, found.head,
                                   found.neighbour, found.null_column, found.null_head))
    return tuple(cells)


def _plane(masks: Masks, matrix: Matrix, expert: int) -> Tensor:
    """bool (out, in): the matrix's mask, of a stack one expert's."""
    mask = masks.masks[matrix.name]
    return mask[expert] if matrix.experts else mask


def heads_of(model: Model, matrix: Matrix) -> tuple[int, bool]:
    """Rows of an attention head, 0 where there are no heads; whether the heads lie along the columns instead."""
    return model.head_size if matrix.role in {"q", "k", "v", "qkv", "o"} else 0, matrix.role == "o"


@dataclass(frozen=True)
class StructureBands:
    """structure.ModelBand by name: `each[name, expert]`, every expert of a stack for itself, 0 of any other matrix."""

    whole: dict[str, Band]
    each: dict[tuple[str, int], dict[str, Band]]


def _planes(model: Model) -> list[tuple[Matrix, int]]:
    return [(matrix, expert) for matrix in model.layout.matrices for expert in range(max(1, matrix.experts))]


def structure_bands(model: Model, masks: Masks, draws: int = DRAWS) -> Job[StructureBands]:
    """Every matrix's structure scores against shuffled masks, and their means over all. Steps count draws."""
    pattern, planes = masks.settings.make_pattern(), _planes(model)
    found = yield from model_band([(_plane(masks, matrix, expert), pattern, *heads_of(model, matrix))
                                   for matrix, expert in planes], draws)
    named = [(matrix.name, expert) for matrix, expert in planes]
    return StructureBands(found.whole, dict(zip(named, found.each, strict=True)))


def structure_band(model: Model, masks: Masks, name: str, expert: int = 0) -> Job[dict[str, Band]]:
    """One matrix's bands by themselves: the very numbers of structure_bands. Steps count draws."""
    planes = _planes(model)
    place = [(matrix.name, one) for matrix, one in planes].index((name, expert))
    matrix = planes[place][0]
    return (yield from null_band(_plane(masks, matrix, expert), masks.settings.make_pattern(), *heads_of(model, matrix),
                                 seed=place * DRAWS))


def structure_map(model: Model, cells: tuple[StructureCell, ...], measure: str) -> ModelMap:
    """One structure score (column, row, head, neighbour) as a map."""
    shapes = {matrix.name: matrix for matrix in model.layout.matrices}
    return ModelMap(f"structure_{measure}", len(model.layout.blocks), model.layout.roles,
                    tuple(_cell(shapes[cell.name], float(getattr(cell, measure))) for cell in cells), False)


def agreement_map(model: Model, compared: TwoMasks) -> ModelMap:
    """Cohen's κ of two masks, matrix by matrix, as a map; nan where a matrix leaves them no choice."""
    cells = tuple(_cell(matrix, compared.matrices[matrix.name].kappa) for matrix in model.layout.matrices)
    return ModelMap("agreement_kappa", len(model.layout.blocks), model.layout.roles, cells, False)


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """Share removed per column of several masks of one matrix, with the band of chance. densities[label] (in,)."""

    name: str
    densities: dict[str, Array]
    low: float
    high: float
    outside: dict[str, float]
    """the share of columns outside the band, by label; about 0.05 by chance"""


def column_profile(name: str, masks: dict[str, Tensor]) -> ColumnProfile:
    """masks: label → bool (out, in), the first being the one the band belongs to."""
    low, high = column_band(next(iter(masks.values())))
    densities = {one: column_densities(mask).numpy() for one, mask in masks.items()}
    outside = {one: float(((values < low) | (values > high)).mean()) for one, values in densities.items()}
    return ColumnProfile(name, densities, low, high, outside)


FEATURES = {"q", "k", "v", "qkv", "gate", "up", "gate_up"}
"""The roles that read the block's hidden state."""


@dataclass(frozen=True)
class Writer:
    """What writes one input of a matrix: a `head`, a `neuron` of the MLP, a `feature` of the hidden state, an `input`.

    `number` is the head's, otherwise the column's own; `row` that of the block's v matrix, None where it has none.
    """

    kind: str
    number: int
    row: int | None = None


def writer(model: Model, matrix: Matrix, column: int) -> Writer:
    """Which head and value row, which neuron or which feature a column of the matrix multiplies."""
    roles, size = {one.role: one for one in model.layout.of_block(matrix.block)}, model.head_size
    if matrix.role == "o" and roles.keys() & {"q", "qkv"} and size and matrix.columns % size == 0:
        head = column // size
        if "v" not in roles:
            return Writer("head", head)
        shared = matrix.columns // roles["v"].rows  # grouped-query attention: so many heads read one head's values
        return Writer("head", head, head // shared * size + column % size)
    return Writer("neuron" if matrix.role == "down" else "feature" if matrix.role in FEATURES else "input", column)


@dataclass(frozen=True)
class Factors:
    """Which part of a |gradient|'s sum of squares, 0 … 1, is explained by one number for all weights (`flat`), and by a
    row factor × a column factor (`share`). Both nan for a gradient of zeros.
    """

    flat: float
    share: float


def gradient_factors(statistics: Statistics, name: str, expert: int = 0) -> Factors | None:
    """How far one matrix's ℓ1 gradient is row × column; None where that sum was not kept."""
    if "l1" not in statistics.keep:
        return None
    gradient = statistics.gradient_norm(name, "l1")
    gradient = gradient[expert] if gradient.dim() == 3 else gradient
    total, squares = float(gradient.double().sum()), float(gradient.double().square().sum())
    return Factors(total**2 / (gradient.numel() * squares) if squares else math.nan, rank_one(gradient).share)


@dataclass(frozen=True)
class MethodRow:
    """One line of the table of methods: README, form and card read the same."""

    name: str
    formula: str
    needs: str
    knobs: str
    source: str


def method_rows() -> tuple[MethodRow, ...]:
    return tuple(MethodRow(name, kind.formula, ", ".join(sorted(kind.needs)) or "–", _knobs_told(kind), kind.source)
                 for name, kind in METHODS.items())


def _knobs_told(kind: type[Method]) -> str:
    """`norm: l1, l2; alpha`; what a number may be where it is not any."""
    told = [f"{name}: {knob.wanted}" if knob.kind in {"choice", "number"} else name
            for name, knob in kind.knobs().items()]
    return "; ".join(told) or "–"


@torch.no_grad()
def field(model: Model, statistics: Statistics | None, name: str, which: str, expert: int | None = 0,
          settings: Settings | None = None) -> Array:
    """One matrix as float32 (out, in) for the matrix view; of a stack one expert, or, for None, all of them one under
    another, (experts · out, in).

    `which`: weight, l1, l2, sum (signed), input (x_j on every row), activation (|W|·x); with `settings` also score and,
    of gblm's, the gradient's term pull (α·|W|·g).
    """
    matrix = model.layout.named(name)
    weight = parameters(model.network, model.layout)[name].float().cpu()

    def found() -> Statistics:
        assert statistics is not None
        return statistics

    def chosen() -> Settings:
        assert settings is not None
        return settings

    def pull() -> Tensor:
        method = chosen().make_method(found())
        assert isinstance(method, Gblm), method
        return method.alpha * weight.abs() * found().gradient_norm(name, method.norm)

    fields: dict[str, Callable[[], Tensor]] = {
        **{norm: partial(found().gradient_norm, name, norm) for norm in NORMS if statistics is not None},
        "sum": lambda: found().gradient_sum(name),
        "weight": lambda: weight,
        "input": lambda: found().input_norm(name).unsqueeze(-2).expand(weight.shape),
        "activation": lambda: weight.abs() * found().input_norm(name).unsqueeze(-2),
        "pull": pull,
        "score": lambda: dense_scores(model, statistics, chosen().make_method(statistics), matrix, weight)[0],
    }
    refuse_unknown("field_unknown", which, fields)
    shown = fields[which]()
    if matrix.experts:
        shown = shown.reshape(-1, matrix.columns) if expert is None else shown[expert]
    return np.ascontiguousarray(shown.detach().float().numpy())


def mask_array(masks: Masks, name: str, expert: int = 0) -> Array:
    """One mask as uint8 (out, in), 1 = removed."""
    mask = masks.masks[name]
    return (mask[expert] if mask.dim() == 3 else mask).to(torch.uint8).numpy()


def methods_table() -> str:
    """The table of methods as Markdown: what the README prints."""
    lines = ["| method | score | needs | knobs | source |", "|---|---|---|---|---|"]
    lines += [f"| {row.name} | `{row.formula.replace('|', chr(92) + '|')}` | {row.needs} | {row.knobs} | {row.source} |"
              for row in method_rows()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(methods_table())
