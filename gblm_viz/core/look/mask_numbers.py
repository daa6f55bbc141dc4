"""Numbers of a mask, compared with Wanda's and the gradient-only mask at the same pattern."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..base.lazy import torch
from ..mask.patterns import label
from ..mask.prune import Masks
from ..mask.settings import Settings
from ..model.models import Model
from ..score import alpha as alphas
from ..sums.statistics import Statistics
from .cells import Array, Cell, _cell
from .structure import agreement


@dataclass(frozen=True, eq=False)
class Preview:
    """What the current settings would remove, without building a pruned model: dense order, all matrices."""

    settings: Settings
    pattern: str
    sparsity: float
    removed: int
    prunable: int
    alpha: float | None
    share: float | None
    agreement_wanda: float | None
    agreement_gradient: float | None
    per_matrix: tuple[Cell, ...]
    """Cells whose value is the fraction of the matrix that is removed."""
    agreement_map: tuple[Cell, ...]
    """Cells whose value is the matrix's agreement with Wanda's mask; empty without a Wanda mask."""
    fallbacks: int
    equal_rows: int


def preview(model: Model, statistics: Statistics | None, settings: Settings, masks: Masks,
            wanda: Masks | None, gradient: Masks | None) -> Preview:
    """Return the numbers of a mask, compared with Wanda's and the gradient-only mask where those are given."""
    share = (None if statistics is None or masks.alpha is None
             else alphas.gradient_share(statistics, settings.norm, masks.alpha))
    cells = tuple(_cell(matrix, float(masks.masks[matrix.name].double().mean())) for matrix in model.layout.matrices)
    against = () if wanda is None else tuple(
        _cell(matrix, agreement(masks.masks[matrix.name], wanda.masks[matrix.name]))
        for matrix in model.layout.matrices)
    return Preview(
        settings, label(settings.make_pattern()), masks.sparsity, masks.removed, masks.prunable, masks.alpha, share,
        None if wanda is None else model_agreement(masks, wanda),
        None if gradient is None else model_agreement(masks, gradient),
        cells, against, len(masks.fallbacks), sum(masks.equal_rows.values()))


def model_agreement(one: Masks, other: Masks) -> float:
    """Return the fraction of all prunable weights on which two masks agree."""
    same = sum(int(torch.count_nonzero(mask == other.masks[name])) for name, mask in one.masks.items())
    return same / one.prunable


def comparison_settings(settings: Settings) -> tuple[Settings | None, Settings | None]:
    """Return the Wanda and the gradient-only settings to compare a mask with; None where the group forbids them."""
    if settings.group == "authors" and not settings.pattern:
        return None, None
    common = replace(Settings(), group=settings.group, sparsity=settings.sparsity, pattern=settings.pattern,
                     order="dense")
    norm = settings.norm if "norm" in settings.knobs else "l1"
    return replace(common, method="wanda"), replace(common, method="gradient", norm=norm)


def mask_array(masks: Masks, name: str, expert: int = 0) -> Array:
    """Return one mask as uint8 (out, in), 1 = removed."""
    mask = masks.masks[name]
    return (mask[expert] if mask.dim() == 3 else mask).to(torch.uint8).numpy()
