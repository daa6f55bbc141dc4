"""Structure scores of each matrix of a mask, compared with chance, and a map of where two masks agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.job import Job, Step
from ..mask.prune import Masks
from ..model.matrices import Matrix
from ..model.models import Model
from .cells import ModelMap, _cell
from .structure import DRAWS, Band, model_band, null_band, structure
from .two_masks import TwoMasks

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class StructureCell:
    """One matrix's structure scores and those of its shuffled version (null); nan = does not apply."""

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
    """Return every matrix's structure scores (of an expert stack: its first expert's). Steps count matrices."""
    pattern = masks.settings.make_pattern()
    cells = []
    for done, matrix in enumerate(model.layout.matrices):
        yield Step(done, len(model.layout.matrices), "matrix")
        found = structure(_plane(masks, matrix, 0), pattern, *heads_of(model, matrix), seed)
        cells.append(StructureCell(matrix.name, matrix.block, matrix.role, found.column, found.row, found.head,
                                   found.neighbour, found.null_column, found.null_head))
    return tuple(cells)


def _plane(masks: Masks, matrix: Matrix, expert: int) -> Tensor:
    """Return the matrix's mask, bool (out, in); for a stack, the mask of one expert."""
    mask = masks.masks[matrix.name]
    return mask[expert] if matrix.experts else mask


def heads_of(model: Model, matrix: Matrix) -> tuple[int, bool]:
    """Return the size of an attention head (0 if there are no heads), and whether heads lie along the columns."""
    return model.head_size if matrix.role in {"q", "k", "v", "qkv", "o"} else 0, matrix.role == "o"


@dataclass(frozen=True)
class StructureBands:
    """structure.ModelBand by name: `each[name, expert]`, one entry per expert of a stack; else expert 0."""

    whole: dict[str, Band]
    each: dict[tuple[str, int], dict[str, Band]]


def _planes(model: Model) -> list[tuple[Matrix, int]]:
    return [(matrix, expert) for matrix in model.layout.matrices for expert in range(max(1, matrix.experts))]


def structure_bands(model: Model, masks: Masks, draws: int = DRAWS) -> Job[StructureBands]:
    """Return the bands of every matrix's structure scores, and of their means over all. Steps count draws."""
    pattern, planes = masks.settings.make_pattern(), _planes(model)
    found = yield from model_band([(_plane(masks, matrix, expert), pattern, *heads_of(model, matrix))
                                   for matrix, expert in planes], draws)
    named = [(matrix.name, expert) for matrix, expert in planes]
    return StructureBands(found.whole, dict(zip(named, found.each, strict=True)))


def structure_band(model: Model, masks: Masks, name: str, expert: int = 0) -> Job[dict[str, Band]]:
    """Return one matrix's bands alone, with the same numbers as structure_bands. Steps count draws."""
    planes = _planes(model)
    place = [(matrix.name, one) for matrix, one in planes].index((name, expert))
    matrix = planes[place][0]
    return (yield from null_band(_plane(masks, matrix, expert), masks.settings.make_pattern(), *heads_of(model, matrix),
                                 seed=place * DRAWS))


def structure_map(model: Model, cells: tuple[StructureCell, ...], measure: str) -> ModelMap:
    """Return one structure score (column, row, head, neighbour) as a map."""
    shapes = {matrix.name: matrix for matrix in model.layout.matrices}
    return ModelMap(f"structure_{measure}", len(model.layout.blocks), model.layout.roles,
                    tuple(_cell(shapes[cell.name], float(getattr(cell, measure))) for cell in cells), False)


def agreement_map(model: Model, compared: TwoMasks) -> ModelMap:
    """Return Cohen's κ of two masks per matrix as a map; nan where the agreement by chance is 1."""
    cells = tuple(_cell(matrix, compared.matrices[matrix.name].kappa) for matrix in model.layout.matrices)
    return ModelMap("agreement_kappa", len(model.layout.blocks), model.layout.roles, cells, False)
