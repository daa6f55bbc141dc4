"""Two masks of the same matrices side by side: where they agree, and over which weights they part the most.

A mask is bool, True = removed; one is A, the other B. Knows nothing of the methods that made them, nor of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..base.job import Job, Step
from .structure import beyond_chance, chance_agreement

CATEGORIES = ("kept", "removed", "only_a", "only_b")
"""What `categories` numbers 0, 1, 2, 3, in the order of the matrix view's kind `four`."""


def categories(one: Tensor, other: Tensor) -> Tensor:
    """uint8 like the masks A and B: 0 kept by both, 1 removed by both, 2 removed by A only, 3 removed by B only."""
    return torch.where(one == other, one.to(torch.uint8), 2 + other.to(torch.uint8))


@dataclass(frozen=True)
class Comparison:
    """How many weights both keep, both remove, only A and only B removes; and what the four say together.

    agreement: the share both treat alike; chance: that of unrelated masks as dense as these; kappa: Cohen's κ,
    agreement beyond chance, nan where chance is 1.
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
    """Two masks compared, by matrix name (an expert stack is one) and over the whole model."""

    matrices: dict[str, Comparison]
    whole: Comparison


def compare(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> TwoMasks:
    """Masks A and B, name → bool (out, in) or (experts, out, in). ValueError where they name different matrices."""
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
    """A weight over which two masks part. rank_a, rank_b: which share of its row goes before it, by A's and B's scores.

    change = rank_b − rank_a, above 0 where B values the weight more. `expert` is None outside an expert stack.
    """

    row: int
    column: int
    rank_a: float
    rank_b: float
    change: float
    matrix: str = ""
    expert: int | None = None


Jumps = tuple[tuple[Jump, ...], tuple[Jump, ...]]
"""(rescued, sacrificed): what A removes and B keeps, largest change first; what B removes and A keeps, lowest first."""
Scores = Callable[[str], Tensor]
"""name → the scores of one matrix, made when asked for and not held: float (out, in) or (experts, out, in)."""


def rank_jumps(scores_a: Tensor, scores_b: Tensor, mask_a: Tensor, mask_b: Tensor, most: int) -> Jumps:
    """The `most` weights of one matrix, all (out, in), that B rescued from A, and that it sacrificed.

    By the rank's change within the row; ties by row, then column.
    """
    rank_a, rank_b = _ranks(scores_a), _ranks(scores_b)
    return (_furthest(mask_a & ~mask_b, rank_a, rank_b, 1, most),
            _furthest(mask_b & ~mask_a, rank_a, rank_b, -1, most))


def _ranks(scores: Tensor) -> Tensor:
    """int32 (out, in): how many of its row go before each weight; the lowest first, the leftmost among equals."""
    order = scores.argsort(dim=-1, stable=True)
    ranks = torch.arange(scores.shape[-1], dtype=torch.int32, device=scores.device).expand(order.shape)
    return torch.empty_like(order, dtype=torch.int32).scatter_(-1, order, ranks)


def _furthest(chosen: Tensor, rank_a: Tensor, rank_b: Tensor, direction: int, most: int) -> tuple[Jump, ...]:
    width = chosen.shape[1]
    places = chosen.reshape(-1).nonzero().squeeze(1)  # row by row, so that the stable sort breaks ties as said
    before, after = rank_a.reshape(-1)[places], rank_b.reshape(-1)[places]
    first = (direction * (after - before)).argsort(descending=True, stable=True)[:most]
    return tuple(
        Jump(place // width, place % width, a / width, b / width, (b - a) / width)  # (b − a) whole: equal stay equal
        for place, a, b in zip(places[first].tolist(), before[first].tolist(), after[first].tolist(), strict=True))


def model_jumps(scores_a: Scores, scores_b: Scores, masks_a: Mapping[str, Tensor], masks_b: Mapping[str, Tensor],
                most: int) -> Job[Jumps]:
    """rank_jumps over all matrices, the `most` of all, each with its matrix (and expert); ties in the masks' order.

    Scores are asked for one matrix at a time, ranks held of one expert at a time. Steps count matrices.
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
    """rank_jumps of a matrix, or of each expert of a stack, with their names."""
    for expert in range(len(mask_a)) if mask_a.dim() == 3 else (None,):
        here: Any = slice(None) if expert is None else expert
        rescued, sacrificed = rank_jumps(scores_a[here], scores_b[here], mask_a[here], mask_b[here], most)
        yield _named(rescued, name, expert), _named(sacrificed, name, expert)


def _named(jumps: Iterable[Jump], name: str, expert: int | None) -> tuple[Jump, ...]:
    return tuple(replace(jump, matrix=name, expert=expert) for jump in jumps)


def showpiece(scores_a: Scores, scores_b: Scores, masks_a: Mapping[str, Tensor],
              masks_b: Mapping[str, Tensor]) -> Job[Jump | None]:
    """The one weight to show: the largest jump among those B rescued; None where it rescued none.

    With A = magnitude and B = GBLM: a small weight in a bright place, cut for its size, kept for the input and the
    gradient that meet there.
    """
    rescued, _ = yield from model_jumps(scores_a, scores_b, masks_a, masks_b, 1)
    return rescued[0] if rescued else None
