"""Structure scores: 1 for a perfect pattern, about 0 for chance, and the reference's loops in between.

Knows nothing of weights or methods.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import astuple

import pytest
import torch
from torch import Tensor

from gblm_viz.core.base.job import Step, run
from gblm_viz.core.look import structure
from gblm_viz.core.mask.patterns import NofM, Pattern, PerMatrix, PerRow, label, shuffled
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


# Against a null that has a band

RULES: dict[str, Pattern] = {"row": PerRow(0.5), "matrix": PerMatrix(0.3), "n:m": NofM(2, 4)}


def made(pattern: Pattern, seed: int, stripes: float = 0.0, rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    """A mask of a pattern from random scores; `stripes` raises whole columns' scores."""
    generator = torch.Generator().manual_seed(10**6 + seed)  # no shuffle's seed: its noise would sort the mask
    score = torch.rand(rows, columns, generator=generator) + stripes * torch.rand(columns, generator=generator)
    return pattern.remove(score)  # type: ignore[union-attr]


def same(found: structure.Band, wanted: tuple[float, ...]) -> bool:
    return astuple(found) == pytest.approx(wanted, abs=1e-9, nan_ok=True)


NO_BAND = (math.nan,) * 5


@pytest.mark.parametrize("stripes", [0.0, 0.1])
@pytest.mark.parametrize("rule", RULES)
def test_a_band_is_the_references_scores_of_the_shuffled_masks(rule: str, stripes: float) -> None:
    pattern = RULES[rule]
    mask = made(pattern, 4, stripes, rows=12, columns=16)
    nulls = [shuffled(mask, pattern, seed) for seed in range(7, 7 + 9)]
    chance = sum(map(reference.neighbour_similarity, nulls)) / len(nulls)
    scores: dict[str, Callable[[Tensor], float]] = {
        "column": reference.column_score, "row": reference.row_score,
        "head": lambda mask: reference.head_score(mask, 3),
        "neighbour": lambda mask: reference.neighbour_score(mask, chance)}
    found = run(structure.null_band(mask, pattern, 4, draws=9, seed=7))
    assert list(found) == list(scores)
    for name, score in scores.items():
        fixed = name == "row" and rule != "matrix"
        assert same(found[name], NO_BAND if fixed else reference.band(score, mask, nulls)), name
    assert found["neighbour"].mean == pytest.approx(0)
    turned = run(structure.null_band(mask, pattern, 4, heads_in_columns=True, draws=9, seed=7))
    assert same(turned["head"], reference.band(lambda mask: reference.head_score(mask.T, 4), mask, nulls))
    assert turned["column"] == found["column"]


def test_a_band_shows_the_scores_that_structure_gives() -> None:
    mask = made(PerMatrix(0.5), 1, 0.2)
    found = run(structure.null_band(mask, PerMatrix(0.5), HEAD, draws=1, seed=5))
    single = structure.structure(mask, PerMatrix(0.5), HEAD, seed=5)
    assert [found[name].score for name in structure.SCORES] == [
        single.column, single.row, single.head, single.neighbour]
    assert [found[name].mean for name in ("column", "row", "head")] == [
        single.null_column, single.null_row, single.null_head]


@pytest.mark.parametrize("draws", [4, 20])
@pytest.mark.parametrize("rule", RULES)
def test_a_perfect_stripe_scores_one_and_has_the_smallest_p_there_is(rule: str, draws: int) -> None:
    stripe = columns_gone(torch.arange(COLUMNS) % 4 < 2)
    found = run(structure.null_band(stripe, RULES[rule], HEAD, draws=draws))
    for name in ("column", "neighbour"):
        assert found[name].score == pytest.approx(1)
        assert found[name].p == 1 / (1 + draws)
        assert -0.1 < found[name].low <= found[name].mean <= found[name].high < 0.1
    assert same(found["head"], NO_BAND)  # nothing is left to a head's own
    if rule == "matrix":  # its rows are flatter than any shuffle's: nothing in favour of a row pattern
        assert found["row"].p == 1 and found["row"].score < found["row"].low


@pytest.mark.parametrize("rule", RULES)
def test_a_random_mask_lies_inside_its_band_in_most_of_40_seeds(rule: str) -> None:
    bands = [run(structure.null_band(made(RULES[rule], seed), RULES[rule], HEAD, seed=100 * seed))
             for seed in range(40)]
    for name in structure.SCORES:
        scored = [band[name] for band in bands if not math.isnan(band[name].p)]
        assert len(scored) == (0 if name == "row" and rule != "matrix" else 40)
        if scored:
            assert sum(one.low <= one.score <= one.high for one in scored) >= 31  # 36 expected: both ends are one of 21
            assert 0.4 < sum(one.p for one in scored) / 40 < 0.65                 # 11/21 expected
            assert sum(one.p <= 0.05 for one in scored) <= 6                      # 2 expected


@pytest.mark.parametrize("even", [torch.zeros(8, 8).bool(), torch.ones(8, 8).bool()])
def test_an_even_mask_has_no_band(even: Tensor) -> None:
    found = run(structure.null_band(even, PerMatrix(0.5), 2, draws=3))
    assert all(same(band, NO_BAND) for band in found.values())


def test_a_score_that_a_shuffle_may_lack_is_left_out() -> None:
    tiny = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool()  # one shuffle in eight removes one whole column
    assert structure.head_score(tiny, 2) == pytest.approx(1)
    ordinary = made(PerRow(0.5), 0)
    found = run(structure.model_band([(tiny, PerRow(0.5), 2, False), (ordinary, PerRow(0.5), HEAD, False)]))
    assert same(found.each[0]["head"], NO_BAND)
    assert same(found.whole["head"], astuple(found.each[1]["head"])) and not math.isnan(found.whole["head"].p)


def test_shuffles_that_all_equal_the_mask_have_p_one() -> None:
    one_column = made(PerMatrix(0.5), 3, columns=1)  # always as many of the one column: its score cannot change
    found = run(structure.null_band(one_column, PerMatrix(0.5), draws=6))["column"]
    assert found.p == 1 and found.low == pytest.approx(found.high) == pytest.approx(found.score)


def test_a_band_counts_its_draws_and_holds_one_shuffled_mask_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def watched(mask: Tensor, pattern: Pattern, seed: int) -> Tensor:
        assert not any(one() is not None for one in alive)
        null = shuffled(mask, pattern, seed)
        alive.append(weakref.ref(null))
        return null

    monkeypatch.setattr(structure, "shuffled", watched)
    steps: list[Step] = []
    mask = made(PerRow(0.5), 0)
    run(structure.null_band(mask, PerRow(0.5), HEAD, draws=5), steps.append)
    assert steps == [Step(done, 5, "draw") for done in range(5)]
    steps.clear()
    run(structure.model_band([(mask, PerRow(0.5), HEAD, False)] * 3, draws=2), steps.append)
    assert steps == [Step(done, 6, "draw") for done in range(6)]
    assert len(alive) == 11


def test_a_models_band_is_the_mean_over_matrices_draw_by_draw() -> None:
    pattern, draws, head = PerMatrix(0.4), 6, 4
    masks = [made(pattern, seed, 0.05, rows=12, columns=16) for seed in range(3)]
    heads = [(head, False), (0, False), (head, True)]  # the second has no heads and is left out of their mean
    given = ((mask, pattern, *one) for mask, one in zip(masks, heads, strict=True))
    found = run(structure.model_band(given, draws, 50))
    for index, (mask, one) in enumerate(zip(masks, heads, strict=True)):
        alone = run(structure.null_band(mask, pattern, *one, draws, 50 + index * draws))
        assert all(same(found.each[index][name], astuple(alone[name])) for name in structure.SCORES)

    def mean_score(draw: int | None, score: Callable[[int, Tensor], float], which: tuple[int, ...]) -> float:
        nulls = {index: masks[index] if draw is None else shuffled(masks[index], pattern, 50 + index * draws + draw)
                 for index in which}
        return sum(score(index, nulls[index]) for index in which) / len(which)

    for name, score, which in (
            ("column", lambda index, mask: reference.column_score(mask), (0, 1, 2)),
            ("row", lambda index, mask: reference.row_score(mask), (0, 1, 2)),
            ("head", lambda index, mask: reference.head_score(mask.T if index else mask, 4 if index else 3), (0, 2))):
        own, drawn = mean_score(None, score, which), [mean_score(draw, score, which) for draw in range(draws)]
        p = (1 + sum(one >= own for one in drawn)) / (1 + draws)
        assert same(found.whole[name], (own, sum(drawn) / draws, min(drawn), max(drawn), p)), name
    neighbours = [one["neighbour"] for one in found.each]
    assert found.whole["neighbour"].score == pytest.approx(sum(one.score for one in neighbours) / 3)


def test_many_matrices_show_together_what_none_shows_alone() -> None:
    faint = [made(PerRow(0.5), seed, 0.2) for seed in range(30)]
    found = run(structure.model_band((mask, PerRow(0.5), 0, False) for mask in faint))
    assert found.whole["column"].p == 1 / 21
    assert sum(one["column"].p > 1 / 21 for one in found.each) > 5
    assert same(found.whole["head"], NO_BAND) and same(found.whole["row"], NO_BAND)


def test_equal_matrices_are_not_shuffled_alike() -> None:
    mask = made(PerRow(0.5), 0)
    found = run(structure.model_band([(mask, PerRow(0.5), 0, False)] * 16))
    alone, whole = found.each[0]["column"], found.whole["column"]
    assert whole.high - whole.low < (alone.high - alone.low) / 2  # a mean of 16 scatters a quarter as far


# Columns, order

@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("z", [0.0, 1.0, 1.96])
def test_columns_outside_are_the_references_furthest_first(rule: str, z: float) -> None:
    mask = made(RULES[rule], 2, 0.3)
    deviations = reference.column_deviations(mask, rule)
    wanted = sorted((column for column in range(COLUMNS) if abs(deviations[column]) > z + 1e-9),
                    key=lambda column: (-round(abs(deviations[column]), 9), column))
    found = structure.outside_columns(mask, RULES[rule], z)
    assert [one.column for one in found] == wanted
    assert [one.z for one in found] == pytest.approx([deviations[column] for column in wanted])
    assert [one.density for one in found] == [float(mask[:, column].double().mean()) for column in wanted]


@pytest.mark.parametrize("rule", RULES)
def test_deviations_of_shuffled_columns_have_unit_variance(rule: str) -> None:
    # few columns, so that a wrong variance shows: drawn without replacement 4 columns scatter by 3/4 of the binomial
    pattern = PerMatrix(0.5) if rule == "matrix" else RULES[rule]
    mask = made(pattern, 0, rows=10, columns=4)
    found = [one.z for seed in range(400)
             for one in structure.outside_columns(shuffled(mask, pattern, seed), pattern, 0.0)]
    assert sum(z * z for z in found) / (4 * 400) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("even", [torch.zeros(4, 8).bool(), torch.ones(4, 8).bool(), torch.ones(1, 1).bool()])
@pytest.mark.parametrize("rule", RULES)
def test_an_even_mask_has_no_columns_outside(even: Tensor, rule: str) -> None:
    assert structure.outside_columns(even, RULES[rule], 0.0) == ()


def test_one_stripe_is_the_first_column_outside() -> None:
    mask = chance(0)
    mask[:, 17] = True
    first = structure.outside_columns(mask, PerMatrix(0.5))[0]
    assert (first.column, first.density) == (17, 1.0) and first.z > 4
    mask[:, 17] = False
    first = structure.outside_columns(mask, PerMatrix(0.5))[0]
    assert (first.column, first.density) == (17, 0.0) and first.z < -4


@pytest.mark.parametrize("axis", [0, 1])
def test_the_order_of_density_is_stable_and_densest_first(axis: int) -> None:
    mask = chance(6, 0.3)
    lines = mask if axis == 0 else mask.T
    wanted = sorted(range(len(lines)), key=lambda line: (-sum(lines[line].tolist()), line))
    found = structure.density_order(mask, axis)
    assert found.dtype == torch.int64 and found.tolist() == wanted
    assert len({int(line.sum()) for line in lines}) < len(lines)  # there are ties to break


# Row × column

@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (1, 5), (5, 1), (16, 16)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rank_one_is_the_leading_singular_pair(shape: tuple[int, int], dtype: torch.dtype) -> None:
    gradient = (1e-6 * torch.randn(shape, generator=torch.Generator().manual_seed(1))).to(dtype)
    left, values, right = torch.linalg.svd(gradient.abs().double())
    found = structure.rank_one(gradient)
    assert found.share == pytest.approx(float(values[0] ** 2 / values.square().sum()), rel=1e-9)
    approximation = values[0] * torch.outer(left[:, 0], right[0])
    torch.testing.assert_close(torch.outer(found.row_factor, found.column_factor), approximation, rtol=1e-6, atol=1e-14)
    assert found.row_factor.dtype == found.column_factor.dtype == torch.float64
    assert bool((found.row_factor >= 0).all()) and bool((found.column_factor >= 0).all())
    assert float(found.column_factor.mean()) == pytest.approx(1)
    rest = structure.residual(gradient, found)
    assert rest.dtype == dtype
    torch.testing.assert_close(rest.double(), gradient.abs().double() - approximation, rtol=0, atol=1e-12)


def test_an_outer_product_is_explained_whole_whatever_its_signs() -> None:
    row, column = torch.rand(6, generator=torch.Generator().manual_seed(0)), torch.arange(9.0)
    found = structure.rank_one(torch.outer(row, column) * (1 - 2 * chance(0, rows=6, columns=9).float()))
    assert found.share == pytest.approx(1) and found.share <= 1
    torch.testing.assert_close(found.column_factor, column.double() / 4, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.row_factor, row.double() * 4, rtol=1e-6, atol=1e-9)


def test_rank_one_finds_the_larger_of_two_blocks_that_share_nothing() -> None:
    gradient = torch.zeros(6, 9)
    gradient[:4, :7], gradient[4:, 7:] = 0.01, 1.0  # most rows and columns belong to the weaker block
    found = structure.rank_one(gradient)
    assert found.share == pytest.approx(4 / (4 + 28e-4))
    assert float(found.row_factor[:4].abs().max()) < 1e-9 < float(found.row_factor[4:].min())


def test_equal_singular_values_still_give_the_best_share() -> None:
    assert structure.rank_one(torch.eye(5)).share == pytest.approx(1 / 5)


def test_a_gradient_of_zeros_has_no_share_and_zero_factors() -> None:
    found = structure.rank_one(torch.zeros(3, 4))
    assert math.isnan(found.share)
    assert found.row_factor.tolist() == [0.0] * 3 and found.column_factor.tolist() == [0.0] * 4
    assert not structure.residual(torch.zeros(3, 4), found).any()
