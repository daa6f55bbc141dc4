"""One number per matrix, laid out as blocks × roles: the data of a model map. numpy and floats only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..base.lazy import np
from ..model.matrices import Matrix

Array: TypeAlias = "np.ndarray[Any, Any]"


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
    """One number per matrix on a grid of blocks × roles. `measure` is a key of the words; `log`: logarithmic scale."""

    measure: str
    blocks: int
    roles: tuple[str, ...]
    cells: tuple[Cell, ...]
    log: bool
    samples: int = 0

    def grid(self) -> Array:
        """Return the values, float64 (blocks, roles); nan where a block has no such role."""
        grid = np.full((self.blocks, len(self.roles)), np.nan)
        for cell in self.cells:
            grid[cell.block, self.roles.index(cell.role)] = cell.value
        return grid


def _cell(matrix: Matrix, value: float) -> Cell:
    return Cell(matrix.name, matrix.block, matrix.role, matrix.rows, matrix.columns, matrix.experts, value)
