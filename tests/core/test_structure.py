"""Structure scores: 1 for a perfect pattern, about 0 for chance, and the reference's loops in between.

Knows nothing of weights or methods.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gblm_viz.core import structure
from gblm_viz.core.patterns import NofM, Pattern, PerMatrix, PerRow, label, shuffled
from tests import reference

ROWS, COLUMNS, HEAD = 24, 40, 6


def chance(seed: int, density: float = 0.5, rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < density


def columns_gone(places: Tensor, rows: int = ROWS) -> Tensor:
    """A mask that removes whole columns."""
    return places[None].expand(rows, -1).clone()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("density", [0.05, 0.3, 0.5, 0.9])
def test_all_scores_are_the_references_loops(seed: int, density: float) -> None:
    mask = chance(seed, density) | columns_gone(chance(seed + 9, 0.1)[0])
    assert structure.column_score(mask) == pytest.approx(reference.column_score(mask), abs=1e-9)
    assert structure.row_score(mask) == pytest.approx(reference.row_score(mask), abs=1e-9)
    assert structure.head_score(mask, HEAD) == pytest.approx(reference.head_score(mask, ROWS // HEAD), abs=1e-9)
    assert structure.neighbour_similarity(mask) == pytest.approx(reference.neighbour_similarity(mask), abs=1e-9)
    other = chance(seed + 30, density)
    assert structure.agreement(mask, other) == pytest.approx(reference.agreement(mask, other), abs=1e-12)
    assert structure.kappa(mask, other) == pytest.approx(reference.kappa(mask, other), abs=1e-9)


def test_whole_columns_score_one_and_whole_rows_score_one_as_rows() -> None:
    mask = columns_gone(chance(1)[0])
    assert structure.column_score(mask) == pytest.approx(1)
    assert structure.row_score(mask.T) == pytest.approx(1)
    assert structure.neighbour_similarity(mask) == 1
    assert math.isnan(structure.head_score(mask, HEAD))  # all heads lose the same: nothing is left to a head's own


def test_heads_that_lose_columns_of_their_own_score_one() -> None:
    mask = torch.cat([columns_gone(chance(seed)[0], HEAD) for seed in range(ROWS // HEAD)])
    assert structure.head_score(mask, HEAD) == pytest.approx(1)


def test_chance_scores_about_zero() -> None:
    masks = [chance(seed) for seed in range(60)]
    for score in (structure.column_score, structure.row_score, lambda mask: structure.head_score(mask, HEAD)):
        values = torch.tensor([score(mask) for mask in masks])
        assert abs(float(values.mean())) < 0.01
        assert float(values.abs().max()) < 0.1


def test_neighbours_worked_by_hand() -> None:
    mask = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]).bool()
    # both/either: 1/3, then 0/2, then two untouched rows
    assert structure.neighbour_similarity(mask) == pytest.approx((1 / 3 + 0 + 1) / 3)


def test_columns_worked_by_hand() -> None:
    mask = torch.tensor([[1, 0], [1, 0], [1, 1], [1, 0]]).bool()
    # densities 1 and 1/4, s = 5/8, variance (3/8)² = 9/64; s(1-s) = 15/64; (9/64 - 15/256) / (15/64 · 3/4)
    assert structure.column_densities(mask).tolist() == [1.0, 0.25]
    assert structure.column_score(mask) == pytest.approx((36 - 15) / (60 * 0.75))


@pytest.mark.parametrize("pattern", [PerRow(0.5), PerMatrix(0.5), NofM(2, 4)], ids=label)
def test_the_null_is_the_mask_shuffled_inside_its_groups(pattern: Pattern) -> None:
    mask = pattern.remove(torch.rand(ROWS, COLUMNS, generator=torch.Generator().manual_seed(3)))  # type: ignore[union-attr]
    found = structure.structure(mask, pattern, HEAD, seed=5)
    null = shuffled(mask, pattern, 5)
    assert found.column == structure.column_score(mask)
    assert found.null_column == structure.column_score(null)
    assert found.null_head == structure.head_score(null, HEAD)
    assert found.neighbour == pytest.approx(reference.neighbour_score(mask, reference.neighbour_similarity(null)))
    fixed = not isinstance(pattern, PerMatrix)  # every row loses the same share: rows say nothing
    assert math.isnan(found.row) == math.isnan(found.null_row) == fixed


def test_the_output_projections_heads_lie_along_its_columns() -> None:
    mask = torch.cat([columns_gone(chance(seed)[0], HEAD) for seed in range(ROWS // HEAD)]).T
    assert structure.structure(mask, PerMatrix(0.5), HEAD, heads_in_columns=True).head == pytest.approx(1)
    assert math.isnan(structure.structure(mask, PerMatrix(0.5), 7, heads_in_columns=True).head)


@pytest.mark.parametrize("even", [torch.zeros(4, 8).bool(), torch.ones(4, 8).bool()])
def test_an_even_mask_has_no_scores(even: Tensor) -> None:
    assert math.isnan(structure.column_score(even))
    assert math.isnan(structure.head_score(even, 2))
    assert math.isnan(structure.kappa(even, even))
    assert structure.agreement(even, even) == 1


def test_too_few_rows_have_no_scores() -> None:
    one = chance(0)[:1]
    assert math.isnan(structure.column_score(one))
    assert math.isnan(structure.neighbour_similarity(one))
    for head in (0, 1, 5, ROWS):
        assert math.isnan(structure.head_score(chance(0), head))


def test_the_band_of_chance_holds_about_95_of_100_columns() -> None:
    mask = chance(0, 0.4, rows=200, columns=4000)
    low, high = structure.column_band(mask)
    inside = ((structure.column_densities(mask) >= low) & (structure.column_densities(mask) <= high)).double().mean()
    assert float(inside) == pytest.approx(0.95, abs=0.02)
    assert structure.column_band(torch.zeros(4, 4).bool()) == (0.0, 0.0)
    assert structure.column_band(torch.ones(2, 4).bool()) == (1.0, 1.0)


def test_kappa_is_one_for_equal_masks_and_about_zero_for_strangers() -> None:
    assert structure.kappa(chance(1), chance(1)) == pytest.approx(1)
    assert structure.kappa(chance(1), ~chance(1)) == pytest.approx(-1, abs=0.01)
    assert structure.kappa(chance(1, rows=200), chance(2, rows=200)) == pytest.approx(0, abs=0.05)
