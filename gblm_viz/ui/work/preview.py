"""Numbers of a visitor's settings: the dense order's masks, α, the gradient's share, each stored in the Library.

Contains no components and no text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gblm_viz.core.look.mask_numbers import Preview
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import Alpha

from ..visit.keys import AlphaKey, GradientShareKey, PreviewKey
from ..visit.library import Visit
from . import work


def plain_alpha(visit: Visit, settings: Settings) -> Settings:
    """Return the settings with α resolved to a number; computed once, not at every move of the slider."""
    if "alpha" not in settings.knobs or settings.alpha.kind == "number":
        return settings
    key = AlphaKey(visit.session.statistics, settings.alpha, settings.norm)
    value = visit.library.get_or_make(key, lambda: alphas.resolve(settings.alpha, visit.statistics(), settings.norm))
    return replace(settings, alpha=Alpha("number", value))


def masks_and_preview(visit: Visit, settings: Settings) -> tuple[Masks, Preview]:
    """Return the dense order's masks and their preview numbers."""
    number = plain_alpha(visit, settings)
    masks = work.preview_masks(visit, number)
    key = PreviewKey(work.masks_key(visit.session, number), visit.session.statistics)
    return masks, visit.library.get_or_make(key, lambda: work.preview(visit, number))


def share_at(visit: Visit, norm: str, alpha: float) -> float:
    """Return the gradient's share of the score at an α, with the visitor's statistics."""
    key = GradientShareKey(visit.session.statistics, norm, alpha)
    return visit.library.get_or_make(key, lambda: alphas.gradient_share(visit.statistics(), norm, alpha))


def selected_matrix(visit: Visit) -> Any:
    """Return the selected matrix, or the model's first if this model does not have the selected one."""
    layout = visit.model().layout
    wanted = visit.session.selection.matrix
    return next((matrix for matrix in layout.matrices if matrix.name == wanted), layout.matrices[0])
