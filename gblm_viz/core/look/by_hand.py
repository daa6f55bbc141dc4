"""A few weights of one row with the numbers their score is computed from, which a student can change to see the ranks.

The whole row is scored again with the changed numbers in place of the stored ones. Independent of charts and screens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..base.errors import PlaceError
from ..mask.patterns import NofM, PerRow
from ..mask.settings import Settings
from ..model.matrices import check_place, parameters
from ..model.models import Model
from ..score.alpha import Alpha
from ..score.methods import GBLM_NORMS, Method
from ..sums.statistics import NORMS, Statistics

if TYPE_CHECKING:
    from torch import Tensor

FIELDS = ("weight", "input_norm", "gradient_norm")
"""The numbers of a weight that can be changed: |W|, x and g."""
LARGEST = (2 - 2**-23) * 2.0**127  # float32's
Changes = Mapping[tuple[str, int], float]
"""(field, column) → the number that replaces the stored one."""


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a matrix with its method and pattern. `numbers`: field → float32 (in,), for the fields that exist.

    `alone`: the settings compare across rows, which one row cannot show; the same sparsity is applied to the row.
    """

    numbers: dict[str, Tensor]
    method: Method
    pattern: PerRow | NofM
    alone: bool

    @property
    def columns(self) -> int:
        """How many weights the row has."""
        return len(self.numbers["weight"])

    @property
    def group(self) -> str:
        """Which weights a weight competes with: `row` or `neighbours`."""
        return "neighbours" if isinstance(self.pattern, NofM) else "row"


@dataclass(frozen=True)
class Entry:
    """One weight: its numbers (None if not in the statistics), its score, `rank` (weights removed before it)."""

    column: int
    numbers: dict[str, float | None]
    score: float
    rank: int
    removed: bool


@dataclass(frozen=True)
class ByHand:
    """Some weights of a row; in a group of `group` competing weights (the row, or m neighbours) `cut` are removed."""

    entries: tuple[Entry, ...]
    group: int
    cut: int
    flipped: tuple[int, ...]
    """The columns, shown or not, that the changes turned from kept to removed or back."""


def row_of(model: Model, statistics: Statistics | None, settings: Settings, alpha: float | None, name: str, row: int,
           expert: int = 0) -> Row:
    """Return the row under `settings`, in the dense order. `alpha`: the numeric value of α, if it is known.

    Raises PlaceError for a matrix, row or expert that does not exist.
    """
    matrix = model.layout.named(name)
    check_place(matrix, "row", row, matrix.rows)
    check_place(matrix, "expert", expert, max(1, matrix.experts))
    here: tuple[int, ...] = (expert, row) if matrix.experts else (row,)
    numbers = {"weight": parameters(model.network, model.layout)[name][here].detach().float().abs().cpu()}
    if statistics is not None:
        numbers["input_norm"] = statistics.input_norm(name)[here[:-1]]
        norm = settings.norm if settings.method == "gradient" or settings.norm in GBLM_NORMS else GBLM_NORMS[0]
        if NORMS[norm] in statistics.keep:
            numbers["gradient_norm"] = statistics.gradient_norm(name, norm)[here]
    if "alpha" in settings.knobs and alpha is not None:
        settings = replace(settings, alpha=Alpha("number", alpha))
    pattern = settings.make_pattern()
    own = pattern if isinstance(pattern, PerRow | NofM) else PerRow(pattern.sparsity)
    return Row(numbers, settings.make_method(statistics), own, own is not pattern)


def by_hand(row: Row, first: int, count: int, changes: Changes) -> ByHand:
    """Return `count` weights from column `first` on (whole groups for N:M), with the changes applied.

    Raises PlaceError for a number that is negative or not finite, and for a field or column that does not exist.
    """
    numbers = {field: values.clone() for field, values in row.numbers.items()}
    for (field, column), value in changes.items():
        if not (isinstance(value, int | float) and 0 <= value <= LARGEST):
            raise PlaceError("no_such_place", matrix=field, what=column, given=value, wanted=f"0 … {LARGEST:.2g}")
        if field not in numbers or type(column) is not int or not 0 <= column < row.columns:
            raise PlaceError("no_such_place", matrix=field, what="column", given=column,
                             wanted=f"0 … {row.columns - 1}")
        numbers[field][column] = float(value)
    before, after = _removed(row, row.numbers), _removed(row, numbers)
    scores = _scores(row, numbers)
    group = row.pattern.m if isinstance(row.pattern, NofM) else row.columns
    ranks = scores.reshape(-1, group).argsort(dim=-1, stable=True).argsort(dim=-1).reshape(-1)
    cut = row.pattern.n if isinstance(row.pattern, NofM) else int(row.columns * row.pattern.sparsity)
    start = max(0, min(first, row.columns - count))
    start -= start % group if isinstance(row.pattern, NofM) else 0
    entries = tuple(
        Entry(column, {field: float(numbers[field][column]) if field in numbers else None for field in FIELDS},
              float(scores[column]), int(ranks[column]), bool(after[column]))
        for column in range(start, min(start + count, row.columns)))
    return ByHand(entries, group, cut, tuple((before != after).nonzero().flatten().tolist()))


def _scores(row: Row, numbers: Mapping[str, Tensor]) -> Tensor:
    gradient = numbers.get("gradient_norm")
    return row.method.score(numbers["weight"][None], numbers.get("input_norm"),
                            None if gradient is None else gradient[None], "")[0]


def _removed(row: Row, numbers: Mapping[str, Tensor]) -> Tensor:
    return row.pattern.remove(_scores(row, numbers)[None])[0]
