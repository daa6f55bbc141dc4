"""One matrix's scores as a histogram, split into kept and removed weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.lazy import np, torch
from ..mask.prune import Masks
from ..mask.settings import Settings
from ..model.matrices import parameters
from ..model.models import Model
from ..score.scores import dense_scores
from ..sums.statistics import Statistics
from .cells import Array

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Histogram:
    """log10 scores of one matrix. `edges` (bins + 1,), `removed` and `kept` counts (bins,); `zeros` scores are 0.

    cut_low, cut_high: the lowest and the highest threshold of a row, the same where rows do not compete by themselves.
    """

    name: str
    edges: Array
    kept: Array
    removed: Array
    zeros: int
    cut_low: float
    cut_high: float


BINS = 60


@torch.no_grad()
def score_histogram(model: Model, statistics: Statistics | None, settings: Settings, masks: Masks, name: str,
                    expert: int = 0) -> Histogram:
    """Return the histogram of one matrix's scores; the cut is a range, since each row has its own threshold."""
    matrix = model.layout.named(name)
    scores, _ = dense_scores(model, statistics, settings.make_method(statistics), matrix,
                             parameters(model.network, model.layout)[name].cpu())
    mask = masks.masks[name]
    if matrix.experts:
        scores, mask = scores[expert], mask[expert]
    positive = scores > 0
    logs = scores.clamp(min=1e-45).log10()
    shown = logs[positive]
    low, high = (float(shown.min()), float(shown.max())) if shown.numel() else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    removed, _edges = np.histogram(logs[positive & mask].double().numpy(), bins=edges)
    kept, _edges = np.histogram(logs[positive & ~mask].double().numpy(), bins=edges)
    cut_low, cut_high = _cut_range(scores, mask)
    if not settings.pattern and settings.group in {"matrix", "global"}:  # one contest, one cut
        cut_low = cut_high
    return Histogram(name, edges, kept, removed, int((~positive).sum()), cut_low, cut_high)


def _cut_range(scores: Tensor, mask: Tensor) -> tuple[float, float]:
    """Return log10 of the lowest and highest row threshold (a row's largest removed score); nan if none is > 0."""
    cuts = scores.masked_fill(~mask, -1).amax(-1)
    cuts = cuts[cuts > 0].log10()
    return (float(cuts.min()), float(cuts.max())) if cuts.numel() else (math.nan, math.nan)
