"""Two masks side by side, against the reference's loops.

Knows nothing of models: scores and masks are made by hand.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from gblm_viz.core.base.job import Step, run
from gblm_viz.core.look import structure, two_masks
from gblm_viz.core.look.two_masks import Jump
from gblm_viz.core.mask.patterns import NofM, PerMatrix, PerRow, label
from tests import reference

PATTERNS = (PerRow(0.5), PerRow(0.2), PerMatrix(0.4), NofM(2, 4))
SHAPES = {"a": (10, 12), "experts": (3, 6, 8), "wide": (4, 24)}


def scores(seed: int, shape: tuple[int, ...] = (10, 12), steps: int = 1000) -> Tensor:
    """Random scores of `steps` different values: few make many ties."""
    return torch.randint(0, steps, shape, generator=torch.Generator().manual_seed(seed)).float()


def stored(seed: int, steps: int = 9) -> dict[str, Tensor]:
    return {name: scores(seed + index, shape, steps) for index, (name, shape) in enumerate(SHAPES.items())}


def masks_of(made: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: PerRow(0.5).remove(score) for name, score in made.items()}


def places(jumps: tuple[Jump, ...]) -> list[tuple[str, int | None, int, int]]:
    return [(jump.matrix, jump.expert, jump.row, jump.column) for jump in jumps]


# Agreement

@pytest.mark.parametrize("shape", [(10, 12), (3, 6, 8)])
def test_categories_are_those_of_the_matrix_view(shape: tuple[int, ...]) -> None:
    one, other = scores(1, shape) < 500, scores(2, shape) < 300
    found = two_masks.categories(one, other)
    assert found.dtype == torch.uint8 and found.shape == one.shape
    wanted = [reference.category(a, b) for a, b in zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)]
    assert found.flatten().tolist() == wanted and set(wanted) == {0, 1, 2, 3}
    assert two_masks.CATEGORIES == ("kept", "removed", "only_a", "only_b")


def test_a_comparison_counts_each_matrix_and_the_whole_model() -> None:
    one, other = masks_of(stored(1)), masks_of(stored(50)) | {"a": scores(50) < 100}
    found = two_masks.compare(one, other)
    assert list(found.matrices) == list(SHAPES)
    flat_one, flat_other = (torch.cat([mask.flatten() for mask in masks.values()])[None] for masks in (one, other))
    for comparison, first, second in [
            *((found.matrices[name], one[name], other[name]) for name in SHAPES), (found.whole, flat_one, flat_other)]:
        pairs = list(zip(first.flatten().tolist(), second.flatten().tolist(), strict=True))
        assert (comparison.kept, comparison.removed, comparison.only_a, comparison.only_b) == tuple(
            sum(reference.category(*pair) == number for pair in pairs) for number in range(4))
        assert comparison.agreement == pytest.approx(reference.agreement(first, second))
        assert comparison.kappa == pytest.approx(reference.kappa(first, second))
        assert comparison.kappa == pytest.approx(structure.kappa(first, second))


def test_chance_is_what_unrelated_masks_of_these_densities_agree_on() -> None:
    one, other = torch.zeros(10, 10).bool(), torch.zeros(10, 10).bool()
    one[:, :2], other[:5] = True, True  # every pair of a row and a column once: exactly unrelated
    found = two_masks.compare({"m": one}, {"m": other}).whole
    assert found.chance == pytest.approx(0.2 * 0.5 + 0.8 * 0.5)
    assert found.agreement == pytest.approx(found.chance) and found.kappa == pytest.approx(0)


def test_two_masks_that_remove_nothing_agree_but_have_no_kappa() -> None:
    nothing = {"m": torch.zeros(4, 8).bool()}
    found = two_masks.compare(nothing, nothing)
    assert (found.whole.kept, found.whole.agreement) == (32, 1.0) and math.isnan(found.whole.kappa)


def test_masks_of_other_matrices_are_refused() -> None:
    mask = torch.zeros(2, 2).bool()
    for one, other in (({"x": mask}, {"y": mask}), ({"x": mask}, {"x": mask, "y": mask})):
        with pytest.raises(ValueError, match="y"):
            two_masks.compare(one, other)


# Rank jumps

def referenced(scores_a: Tensor, scores_b: Tensor, mask_a: Tensor, mask_b: Tensor,
               most: int) -> tuple[list[Jump], list[Jump]]:
    """All weights that the masks part over, sorted from the loops."""
    width = mask_a.shape[1]
    sides = []
    for removing, keeping, direction in ((mask_a, mask_b, 1), (mask_b, mask_a, -1)):
        found = reference.parted(scores_a, scores_b, removing, keeping)
        found.sort(key=lambda one: (-direction * (one[3] - one[2]), one[0], one[1]))
        sides.append([Jump(row, column, a / width, b / width, (b - a) / width) for row, column, a, b in found[:most]])
    return sides[0], sides[1]


@pytest.mark.parametrize("steps", [3, 1000])
@pytest.mark.parametrize("pattern", PATTERNS, ids=label)
@pytest.mark.parametrize("most", [5, 10_000])
def test_jumps_are_the_references_in_its_order(pattern: PerRow | PerMatrix | NofM, steps: int, most: int) -> None:
    for seed in range(4):
        a, b = scores(seed, steps=steps), scores(seed + 30, steps=steps)
        mask_a, mask_b = pattern.remove(a), pattern.remove(b)
        rescued, sacrificed = two_masks.rank_jumps(a, b, mask_a, mask_b, most)
        wanted_rescued, wanted_sacrificed = referenced(a, b, mask_a, mask_b, most)
        assert list(rescued) == wanted_rescued and list(sacrificed) == wanted_sacrificed
        assert len(rescued) == min(most, int((mask_a & ~mask_b).sum()))


def test_swapping_the_masks_swaps_rescued_and_sacrificed() -> None:
    a, b = scores(1, steps=5), scores(2, steps=5)
    mask_a, mask_b = PerRow(0.5).remove(a), PerRow(0.5).remove(b)
    rescued, sacrificed = two_masks.rank_jumps(a, b, mask_a, mask_b, 8)
    back_rescued, back_sacrificed = two_masks.rank_jumps(b, a, mask_b, mask_a, 8)
    assert places(rescued) == places(back_sacrificed) and places(sacrificed) == places(back_rescued)
    assert all(jump.change > 0 for jump in rescued) and all(jump.change < 0 for jump in sacrificed)


def test_equal_masks_part_over_nothing() -> None:
    a = scores(1)
    mask = PerRow(0.5).remove(a)
    assert two_masks.rank_jumps(a, scores(2), mask, mask, 5) == ((), ())


def test_a_jump_worked_by_hand() -> None:
    a, b = torch.tensor([[0.0, 1.0, 1.0, 3.0]]), torch.tensor([[9.0, 0.0, 2.0, 1.0]])
    rescued, sacrificed = two_masks.rank_jumps(a, b, PerRow(0.5).remove(a), PerRow(0.5).remove(b), 9)
    assert rescued == (Jump(0, 0, 0.0, 0.75, 0.75),)
    assert sacrificed == (Jump(0, 3, 0.75, 0.25, -0.5),)


# Over a model

@pytest.mark.parametrize("most", [1, 7, 10_000])
def test_a_models_jumps_are_the_strongest_of_all_its_matrices(most: int) -> None:
    a, b = stored(1), stored(60)
    masks_a, masks_b = masks_of(a), masks_of(b)
    steps: list[Step] = []
    found = run(two_masks.model_jumps(a.__getitem__, b.__getitem__, masks_a, masks_b, most), steps.append)
    assert steps == [Step(done, 3, "matrix") for done in range(3)]
    for side, direction in ((0, 1), (1, -1)):
        everything = []
        for order, (name, shape) in enumerate(SHAPES.items()):
            for expert in range(shape[0]) if len(shape) == 3 else (None,):
                parts = [one[name] if expert is None else one[name][expert] for one in (a, b, masks_a, masks_b)]
                removing, keeping = (parts[2], parts[3])[::direction]
                for row, column, rank_a, rank_b in reference.parted(parts[0], parts[1], removing, keeping):
                    change = Fraction(rank_b - rank_a, shape[-1])
                    everything.append((-direction * change, order, expert or 0, row, column, name, expert))
        wanted = sorted(everything, key=lambda one: one[:5])[:most]
        assert places(found[side]) == [(name, expert, row, column) for *_, row, column, name, expert in wanted]
        assert [jump.change for jump in found[side]] == [float(-direction * one[0]) for one in wanted]


def test_scores_are_asked_for_matrix_by_matrix_and_let_go() -> None:
    a, b = stored(1), stored(60)
    masks_a, masks_b = masks_of(a), masks_of(b)
    alive: list[tuple[str, weakref.ref[Tensor]]] = []

    def fresh(made: dict[str, Tensor]) -> Callable[[str], Tensor]:
        def asked(name: str) -> Tensor:
            assert not any(one() is not None for other, one in alive if other != name)
            score = made[name].clone()
            alive.append((name, weakref.ref(score)))
            return score
        return asked

    run(two_masks.model_jumps(fresh(a), fresh(b), masks_a, masks_b, 3))
    assert [name for name, _ in alive] == [name for name in SHAPES for _ in range(2)]


def test_the_showpiece_is_a_small_weight_in_a_bright_place() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = {name: torch.rand(shape, generator=generator) + 0.5 for name, shape in SHAPES.items()}
    gradients = {name: torch.ones(shape) for name, shape in SHAPES.items()}
    weights["experts"][1, 2, 3], gradients["experts"][1, 2, 3] = 0.01, 1e6

    def gblm(name: str) -> Tensor:
        return weights[name] * gradients[name]

    masks_a, masks_b = masks_of(weights), masks_of({name: gblm(name) for name in SHAPES})
    found = run(two_masks.largest_jump(weights.__getitem__, gblm, masks_a, masks_b))
    assert found == Jump(2, 3, 0.0, 7 / 8, 7 / 8, "experts", 1)
    assert found == run(two_masks.model_jumps(weights.__getitem__, gblm, masks_a, masks_b, 9))[0][0]


def test_masks_that_rescue_nothing_have_no_showpiece() -> None:
    a = stored(1)
    assert run(two_masks.largest_jump(a.__getitem__, a.__getitem__, masks_of(a), masks_of(a))) is None
