"""Find a weight, or a matrix, that shows one thing clearly, among all of a model. Always in the dense order.

Of equals the first is taken: by the layout's matrices, then experts, rows, columns. Independent of who asks and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.lazy import torch
from ..mask.patterns import Pattern, shuffled
from ..model.matrices import Matrix, parameters
from ..model.models import Model
from ..sums.statistics import Statistics
from .structure import column_score
from .weight import Target

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Found:
    """A weight, or a matrix if `row` and `column` are None. `expert` is 0 outside an expert stack."""

    matrix: str
    expert: int = 0
    row: int | None = None
    column: int | None = None


def over_median(norms: Tensor) -> Tensor:
    """Return x_j ÷ the median of x over the columns, float64 (in,); zeros if the median is 0."""
    ordered = norms.double().sort().values
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return norms.double() / middle if middle > 0 else torch.zeros_like(ordered)


def loudest_input(model: Model, statistics: Statistics, dropped: Mapping[str, Tensor],
                  kept: Mapping[str, Tensor]) -> Found | None:
    """Return a weight that the masks `dropped` remove and `kept` keep: of these columns the one whose input is
    strongest against its matrix's median, in it the largest weight. None if there is none."""
    weights, best, found = parameters(model.network, model.layout), 0.0, None
    for matrix in model.layout.matrices:
        norms = statistics.input_norm(matrix.name)
        for expert, here in _experts(matrix):
            chosen = dropped[matrix.name][here] & ~kept[matrix.name][here]
            louder = over_median(norms[expert] if matrix.experts else norms).masked_fill(~chosen.any(0), 0.0)
            column = int(louder.argmax())
            if float(louder[column]) > best:
                best = float(louder[column])
                sizes = weights[matrix.name][here].detach().float().abs().cpu()[:, column]
                row = int(sizes.masked_fill(~chosen[:, column], -1.0).argmax())
                found = Found(matrix.name, expert, row, column)
    return found


def most_uneven_columns(model: Model, masks: Mapping[str, Tensor], pattern: Pattern) -> Found | None:
    """Return the matrix whose column score exceeds that of its shuffled mask most; None without a finite score."""
    def excess(mask: Tensor) -> float:
        return column_score(mask) - column_score(shuffled(mask, pattern))

    return _largest(model, {(matrix.name, expert): excess(masks[matrix.name][here])
                            for matrix in model.layout.matrices for expert, here in _experts(matrix)})


def most_uneven_rows(model: Model, masks: Mapping[str, Tensor]) -> Found | None:
    """Return the matrix with the largest difference between the shares removed of two of its rows."""
    def apart(mask: Tensor) -> float:
        return float(row_range(mask)[1] - row_range(mask)[0])

    return _largest(model, {(matrix.name, expert): apart(masks[matrix.name][here])
                            for matrix in model.layout.matrices for expert, here in _experts(matrix)})


def row_range(mask: Tensor) -> tuple[float, float]:
    """Return the lowest and the highest share removed of a row."""
    shares = mask.double().mean(1)
    return float(shares.min()), float(shares.max())


def kept_with_lowest_prediction(model: Model, statistics: Statistics, masks: Mapping[str, Tensor],
                                most: int) -> tuple[Target, ...]:
    """Return up to `most` kept weights with the lowest predicted change of the loss below 0, lowest first.

    The prediction is −W·ΣG/N for each alone. Empty if the signed sums were not kept.
    """
    if "sum" not in statistics.keep:
        return ()
    weights, found = parameters(model.network, model.layout), list[tuple[float, Target]]()
    for matrix in model.layout.matrices:
        gradients = statistics.sums[matrix.name].gradients["sum"]
        for expert, here in _experts(matrix):
            changes = -(weights[matrix.name][here].detach().cpu().double() * gradients[here].double())
            flat = changes.masked_fill(masks[matrix.name][here], 0.0).reshape(-1)
            lowest = flat.argsort(stable=True)[:most]
            found += [(float(flat[place]), Target(matrix.name, "weight", int(place) // matrix.columns,
                                                  int(place) % matrix.columns, expert=expert))
                      for place in lowest if flat[place] < 0]
    return tuple(target for _, target in sorted(found, key=lambda one: one[0])[:most])


def _experts(matrix: Matrix) -> Iterator[tuple[int, int | slice]]:
    """Yield (number, index into the matrix's tensors) of each expert; outside a stack, 0 and everything."""
    if not matrix.experts:
        yield 0, slice(None)
    else:
        yield from ((expert, expert) for expert in range(matrix.experts))


def _largest(model: Model, values: Mapping[tuple[str, int], float]) -> Found | None:
    finite = {place: value for place, value in values.items() if value == value}
    return Found(*max(finite, key=lambda place: finite[place])) if finite else None
