"""One matrix's columns: the fraction of each that is removed, and which part of the model produces its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.matrices import Matrix
from ..model.models import Model
from .cells import Array
from .structure import column_band, column_densities

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """Fraction removed per column for several masks of one matrix, with the chance band. densities[label] (in,)."""

    name: str
    densities: dict[str, Array]
    low: float
    high: float
    outside: dict[str, float]
    """Label → fraction of columns outside the band; about 0.05 by chance."""


def column_profile(name: str, masks: dict[str, Tensor]) -> ColumnProfile:
    """Return the profile of `masks`, label → bool (out, in); the band is that of the first mask."""
    low, high = column_band(next(iter(masks.values())))
    densities = {one: column_densities(mask).numpy() for one, mask in masks.items()}
    outside = {one: float(((values < low) | (values > high)).mean()) for one, values in densities.items()}
    return ColumnProfile(name, densities, low, high, outside)


FEATURES = {"q", "k", "v", "qkv", "gate", "up", "gate_up"}
"""The roles that read the block's hidden state."""


@dataclass(frozen=True)
class ColumnSource:
    """What produces one input of a matrix: a `head`, an MLP `neuron`, a `feature` of the hidden state, an `input`.

    `number` is the head's index, otherwise the column; `row` is the row of the block's v matrix, None without one.
    """

    kind: str
    number: int
    row: int | None = None


def column_source(model: Model, matrix: Matrix, column: int) -> ColumnSource:
    """Return the head and value row, the neuron or the feature that a column of the matrix multiplies."""
    roles, size = {one.role: one for one in model.layout.of_block(matrix.block)}, model.head_size
    if matrix.role == "o" and roles.keys() & {"q", "qkv"} and size and matrix.columns % size == 0:
        head = column // size
        if "v" not in roles:
            return ColumnSource("head", head)
        shared = matrix.columns // roles["v"].rows  # grouped-query attention: query heads per value head
        return ColumnSource("head", head, head // shared * size + column % size)
    return ColumnSource("neuron" if matrix.role == "down" else "feature" if matrix.role in FEATURES else "input",
                        column)
