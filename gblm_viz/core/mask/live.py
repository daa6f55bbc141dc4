"""One matrix's mask, computed fast enough to follow a slider: the screen shows it until the exact numbers are ready.

The masks are those of prune.dense_masks. This module does not use the interface.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.job import run
from ..base.lazy import np, torch
from ..model.matrices import parameters
from ..model.models import Model
from ..score.methods import METHODS, Gblm, Method, norm_of
from ..score.scores import SIMPLER, fallbacks_of
from ..sums.statistics import NORMS, Statistics
from .patterns import Array, Global, NofM, PerRow, in_pieces
from .prune import dense_masks, scores_of
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

FAR = 2.0
"""Earlier cuts are used only if α changed by less than this factor."""
ROUNDING = 1e-5
"""Relative margin of the bounds, many times the rounding error of a float32 score."""


@dataclass(frozen=True, eq=False)
class Cuts:
    """The highest removed score of each row, float32 (out, 1), at one α.

    Another α scales every score, and so the cut too, by a factor between 1 and the ratio of the two α.
    """

    alpha: float
    highest: Array

    def bounds(self, alpha: float, rows: slice) -> tuple[Array, Array] | None:
        """Return (low, high) bounds of the cuts at another α; None if it is too far away for useful bounds."""
        ratio = alpha / self.alpha if self.alpha else math.inf
        if not 1 / FAR < ratio < FAR:
            return None
        highest = self.highest[rows]
        return (highest * np.float32(min(1.0, ratio) * (1 - ROUNDING)),
                highest * np.float32(max(1.0, ratio) * (1 + ROUNDING)))


@torch.no_grad()
def live_mask(model: Model, statistics: Statistics | None, settings: Settings, name: str, expert: int = 0,
              last: Cuts | None = None, every: int = 1) -> tuple[Array, Cuts | None]:
    """Return the mask, bool (out, in), True = removed, of one matrix or expert in the dense order, and Cuts or None.

    If rows are independent, the matrix is scored and masked a few rows at a time, so that they stay in the processor's
    cache; other groups cost as much as `dense_masks` for this matrix, or for all. last: the Cuts returned with the
    previous mask, for the same settings except α. every: only the first of this many rows is computed and repeated for
    all of them; it must be 1 where rows are not independent.
    """
    pattern = settings.check().make_pattern()
    matrix = model.layout.named(name)
    if isinstance(pattern, PerRow | NofM) and METHODS[settings.method].by_rows:
        return _by_rows(model, statistics, settings, name, expert, last, every)
    if isinstance(pattern, Global):
        mask = run(dense_masks(model, statistics, settings)).masks[name]
    else:
        mask = pattern.remove(scores_of(model, statistics, settings, name), name)
    return (mask[expert] if matrix.experts else mask).numpy(), None


def _by_rows(model: Model, statistics: Statistics | None, settings: Settings, name: str, expert: int,
             last: Cuts | None, every: int) -> tuple[Array, Cuts | None]:
    pattern, method, matrix = settings.make_pattern(), settings.make_method(statistics), model.layout.named(name)
    here: int | slice = expert if matrix.experts else slice(None)
    weight = parameters(model.network, model.layout)[name].detach().cpu()[here]
    sums = statistics.sums[name] if statistics else None
    stored = sums.gradients[NORMS[norm]] if sums and (norm := norm_of(method)) else None
    simpler = {one.expert or 0: one.rule for one in fallbacks_of(matrix, method, stored, sums.tokens if sums else None)}
    method = SIMPLER[simpler[expert]] if expert in simpler else method
    norm = norm_of(method)
    inputs = statistics.input_norm(name)[here] if statistics and "inputs" in method.needs else None

    def gradient(rows: slice) -> Tensor | None:
        place = (expert, rows) if matrix.experts else rows
        return statistics.gradient_norm(name, norm, place) if statistics and norm else None

    assert isinstance(pattern, PerRow | NofM)
    return by_rows(pattern, method, weight, inputs, gradient, name, last, every)


def by_rows(pattern: PerRow | NofM, method: Method, weight: Tensor, inputs: Tensor | None,
            gradient: Callable[[slice], Tensor | None], name: str = "",
            last: Cuts | None = None, every: int = 1) -> tuple[Array, Cuts | None]:
    """Return the mask (out, in) of a method and a row-wise pattern, and Cuts for Gblm with PerRow, else None.

    gradient: rows → their gradient norm. every: as in `live_mask`; the cuts cover only the computed rows.
    """
    whole, weight = weight, weight[::every]
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    cuts = Cuts(method.alpha, np.empty((len(weight), 1), np.float32)) if (
        isinstance(method, Gblm) and isinstance(pattern, PerRow)) else None

    def choose(rows: slice) -> None:
        score = method.score(weight[rows], inputs, gradient(_stored(rows, every)), name)
        if cuts is None:
            mask[rows] = pattern.remove(score, name)
            return
        assert isinstance(pattern, PerRow)
        cuts.highest[rows] = cut = pattern.cut(score, last.bounds(cuts.alpha, rows) if last else None)
        mask[rows] = pattern.remove_to(score, cut)

    in_pieces(weight.shape, choose)
    return _spread(mask.numpy(), every, len(whole)), cuts


def _stored(rows: slice, every: int) -> slice:
    """Convert a slice of the computed rows to the slice of the matrix's rows."""
    start, stop, _ = rows.indices(sys.maxsize)
    return slice(start * every, min(stop * every, sys.maxsize), every)


def _spread(mask: Array, every: int, rows: int) -> Array:
    """Return bool (rows, in): each computed row repeated `every` times."""
    return mask if every == 1 else np.repeat(mask, every, axis=0)[:rows]


@dataclass(frozen=True, eq=False)
class OrderedRows:
    """One matrix's scores, float32 (out, in), and each row's scores sorted, so a cut is one lookup at any sparsity.

    For 4096 × 11008 this needs 360 MB, and half a second once (tests/benchmarks/live_ratio.py).
    """

    scores: Tensor
    ordered: Array

    @property
    def nbytes(self) -> int:
        """Bytes in memory: the scores and the sorted scores."""
        return 2 * self.ordered.nbytes

    def mask(self, pattern: PerRow, every: int = 1) -> Array:
        """Return the mask, bool (out, in); every: as in `live_mask`."""
        scores, ordered = self.scores[::every], self.ordered[::every]
        mask = torch.zeros(scores.shape, dtype=torch.bool)
        count = int(mask.shape[-1] * pattern.sparsity)

        def choose(rows: slice) -> None:
            mask[rows] = pattern.remove_to(scores[rows], ordered[rows, count - 1 : count])

        if count:
            in_pieces(mask.shape, choose)
        return _spread(mask.numpy(), every, len(self.scores))


@torch.no_grad()
def ordered_rows(model: Model, statistics: Statistics | None, settings: Settings, name: str,
                 expert: int = 0) -> OrderedRows:
    """Score and sort a matrix, or one of its experts, for a slider of the sparsity."""
    scores = scores_of(model, statistics, settings, name)
    scores = scores[expert] if model.layout.named(name).experts else scores
    return OrderedRows(scores, in_order(scores))


def in_order(scores: Tensor) -> Array:
    """Return float32 (out, in), each row sorted in ascending order, on as many threads as torch uses."""
    ordered = np.empty(scores.shape, np.float32)

    def order(rows: slice) -> None:
        ordered[rows] = np.sort(scores[rows].numpy(), axis=-1)

    in_pieces(scores.shape, order)
    return ordered
