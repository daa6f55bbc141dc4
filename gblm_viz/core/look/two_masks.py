"""Compare two masks of the same matrices: where they agree, and on which weights they differ most in rank.

A mask is bool, True = removed; one is A, the other B. Independent of the methods that made them and of charts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..base.job import Job, Step
from ..base.lazy import torch
from .structure import beyond_chance, chance_agreement

if TYPE_CHECKING:
    from torch import Tensor

CATEGORIES = ("kept", "removed", "only_a", "only_b")
"""Names of the values 0, 1, 2, 3 of `categories`, in the order of the matrix view's kind `four`."""


def categories(one: Tensor, other: Tensor) -> Tensor:
    """Return uint8 of the masks' shape: 0 kept by both, 1 removed by both, 2 by A only, 3 by B only."""
    return torch.where(one == other, one.to(torch.uint8), 2 + other.to(torch.uint8))


@dataclass(frozen=True)
class Comparison:
    """Number of weights that both keep, both remove, only A and only B removes; and the agreement computed from them.

    agreement: the fraction both treat alike; chance: that of independent masks with these densities; kappa: Cohen's κ,
    the agreement beyond chance, nan if chance is 1.
    """

    kept: int
    removed: int
    only_a: int
    only_b: int
    agreement: float
    chance: float
    kappa: float


@dataclass(frozen=True)
class TwoMasks:
    """Comparison of two masks, by matrix name (an expert stack is one matrix) and over the whole model."""

    matrices: dict[str, Comparison]
    whole: Comparison


def compare(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> TwoMasks:
    """Compare masks A and B, name → bool (out, in) or (experts, out, in). Raises ValueError if the names differ."""
    if one.keys() != other.keys():
        raise ValueError(f"masks of different matrices: {', '.join(sorted(one.keys() ^ other.keys()))}")
    counts = {name: torch.bincount(categories(mask, other[name]).reshape(-1), minlength=len(CATEGORIES))
              for name, mask in one.items()}
    whole = torch.stack(list(counts.values())).sum(0)
    return TwoMasks({name: _comparison(*count.tolist()) for name, count in counts.items()},
                    _comparison(*whole.tolist()))


def _comparison(kept: int, removed: int, only_a: int, only_b: int) -> Comparison:
    total = kept + removed + only_a + only_b
    agreement = (kept + removed) / total
    chance = chance_agreement((removed + only_a) / total, (removed + only_b) / total)
    return Comparison(kept, removed, only_a, only_b, agreement, chance, beyond_chance(agreement, chance))


@dataclass(frozen=True)
class Jump:
    """A weight on which two masks differ. rank_a, rank_b: fraction of its row ranked below it by A's and B's scores.

    change = rank_b − rank_a, above 0 if B ranks the weight higher. `expert` is None outside an expert stack.
    """

    row: int
    column: int
    rank_a: float
    rank_b: float
    change: float
    matrix: str = ""
    expert: int | None = None


Jumps = tuple[tuple[Jump, ...], tuple[Jump, ...]]
"""(rescued, sacrificed): weights only A removes, largest change first; weights only B removes, lowest change first."""
Scores = Callable[[str], "Tensor"]
"""name → the scores of one matrix, computed on each call and not cached: float (out, in) or (experts, out, in)."""


def rank_jumps(scores_a: Tensor, scores_b: Tensor, mask_a: Tensor, mask_b: Tensor, most: int) -> Jumps:
    """Return up to `most` weights that only A removes, and that only B removes, of one matrix (all inputs (out, in)).

    Sorted by the change of rank within the row; ties by row, then column.
    """
    rank_a, rank_b = _ranks(scores_a), _ranks(scores_b)
    return (_furthest(mask_a & ~mask_b, rank_a, rank_b, 1, most),
            _furthest(mask_b & ~mask_a, rank_a, rank_b, -1, most))


def _ranks(scores: Tensor) -> Tensor:
    """Return int32 (out, in): each weight's rank in its row, 0 = lowest score; among equals the leftmost first."""
    order = scores.argsort(dim=-1, stable=True)
    ranks = torch.arange(scores.shape[-1], dtype=torch.int32, device=scores.device).expand(order.shape)
    return torch.empty_like(order, dtype=torch.int32).scatter_(-1, order, ranks)


def _furthest(chosen: Tensor, rank_a: Tensor, rank_b: Tensor, direction: int, most: int) -> tuple[Jump, ...]:
    width = chosen.shape[1]
    places = chosen.reshape(-1).nonzero().squeeze(1)  # row by row, so that the stable sort breaks ties by row, column
    before, after = rank_a.reshape(-1)[places], rank_b.reshape(-1)[places]
    first = (direction * (after - before)).argsort(descending=True, stable=True)[:most]
    return tuple(
        Jump(place // width, place % width, a / width, b / width, (b - a) / width)  # integer b − a: ties stay exact
        for place, a, b in zip(places[first].tolist(), before[first].tolist(), after[first].tolist(), strict=True))


def model_jumps(scores_a: Scores, scores_b: Scores, masks_a: Mapping[str, Tensor], masks_b: Mapping[str, Tensor],
                most: int) -> Job[Jumps]:
    """Return rank_jumps over all matrices, `most` in total, each with matrix (and expert); ties in the masks' order.

    Scores are computed for one matrix at a time, ranks for one expert at a time. Steps count matrices.
    """
    rescued: tuple[Jump, ...] = ()
    sacrificed: tuple[Jump, ...] = ()
    for done, name in enumerate(masks_a):
        yield Step(done, len(masks_a), "matrix")
        for saved, given in _expert_jumps(name, scores_a(name), scores_b(name), masks_a[name], masks_b[name], most):
            rescued = tuple(sorted(rescued + saved, key=lambda jump: -jump.change)[:most])
            sacrificed = tuple(sorted(sacrificed + given, key=lambda jump: jump.change)[:most])
    return rescued, sacrificed


def _expert_jumps(name: str, scores_a: Tensor, scores_b: Tensor, mask_a: Tensor, mask_b: Tensor,
                  most: int) -> Iterator[Jumps]:
    """Yield rank_jumps of a matrix, or of each expert of a stack, with matrix name and expert filled in."""
    for expert in range(len(mask_a)) if mask_a.dim() == 3 else (None,):
        here: int | slice = slice(None) if expert is None else expert
        rescued, sacrificed = rank_jumps(scores_a[here], scores_b[here], mask_a[here], mask_b[here], most)
        yield _named(rescued, name, expert), _named(sacrificed, name, expert)


def _named(jumps: Iterable[Jump], name: str, expert: int | None) -> tuple[Jump, ...]:
    return tuple(replace(jump, matrix=name, expert=expert) for jump in jumps)


def largest_jump(scores_a: Scores, scores_b: Scores, masks_a: Mapping[str, Tensor],
                 masks_b: Mapping[str, Tensor]) -> Job[Jump | None]:
    """Return the largest jump among the weights that A removes and B keeps, as an example to show; None without one.

    With A = magnitude and B = GBLM: a small weight, removed for its size, but kept for its large input and gradient.
    """
    rescued, _ = yield from model_jumps(scores_a, scores_b, masks_a, masks_b, 1)
    return rescued[0] if rescued else None
