"""How patterned each matrix of a mask is, against chance, and where two masks agree."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..base.job import Job, Step
from ..mask.prune import Masks
from ..model.matrices import Matrix
from ..model.models import Model
from .cells import ModelMap, _cell
from .structure import DRAWS, Band, model_band, null_band, structure
from .two_masks import TwoMasks


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
