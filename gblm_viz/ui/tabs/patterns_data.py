"""The data of the Patterns tab: one matrix of the chosen mask, of Wanda's and of a shuffled one, and their numbers.

Independent of components and words: turns a visitor's session into masks and core's results on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job, Step, run
from gblm_viz.core.look import two_masks
from gblm_viz.core.look.columns import ColumnProfile, column_profile
from gblm_viz.core.look.gradient_sums import Factors, gradient_factors
from gblm_viz.core.look.structure import Band, density_order, position_order
from gblm_viz.core.look.structure_maps import StructureBands, structure_band, structure_bands
from gblm_viz.core.look.two_masks import Comparison, Jumps, TwoMasks
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.patterns import NofM, Pattern, PerRow, shuffled
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings, preview_settings
from gblm_viz.core.score.alpha import Alpha

from ..visit.keys import BandKey, MasksKey, MovedKey, StructureBandsKey, StructureKey, TwoMasksKey
from ..visit.library import Visit
from ..visit.remembered import PATTERNS_ORDER
from ..work import work
from ..work.preview import plain_alpha, selected_matrix

MATRIX_AT_ONCE = 1_000_000
"""Largest number of weights for which one matrix is shuffled, ranked and factorised automatically: at most 5 s."""
ORDERS = ("stored", "density", "position")
SIDE = 258
"""Approximate side of a picture in pixels; a larger matrix is pooled."""
JUMPS = 5
"""Number of rescued weights, and of sacrificed ones, that are listed."""


@dataclass(frozen=True, eq=False)
class PatternData:
    """What the three views show: one matrix of the chosen mask, of Wanda's (or None) and of the shuffled one."""

    matrix: Any
    expert: int
    masks: Masks
    key: MasksKey | None
    applied: bool
    wanda: Masks | None
    wanda_key: MasksKey | None
    own: Any
    beside: Any
    others: dict[str, Any]
    """The masks of Wanda, magnitude and gradient-only for the same matrix, as far as they exist."""
    null: Any
    seed: int
    order: str
    """One of ORDERS"""
    columns: Any
    """int64 (in,): the stored columns in that order; None = stored order."""

    @property
    def signature(self) -> str:
        """A text that changes if and only if a picture does."""
        return f"{self.key!r} {self.matrix.name} {self.expert} {self.wanda_key!r} {self.seed} {self.order}"

    @property
    def pattern(self) -> Pattern:
        return self.masks.settings.make_pattern()

    @property
    def rows_fixed(self) -> bool:
        """Whether the pattern removes the same share of every row by design."""
        return isinstance(self.pattern, PerRow | NofM)

    @property
    def large(self) -> bool:
        return self.matrix.rows * self.matrix.columns > MATRIX_AT_ONCE

    @property
    def against(self) -> Masks | None:
        """Wanda's masks; None if this mask is Wanda's itself."""
        return None if self.masks.settings.method == "wanda" else self.wanda


# The masks that are shown

def pattern_data(visit: Visit, which: str, seed: int) -> PatternData | None:
    """Return the masks to show, the applied one if requested and available; None before there is any."""
    session, settings = visit.session, visit.session.settings
    if session.model is None:
        return None
    matrix = selected_matrix(visit)
    expert = session.selection.expert if matrix.experts else 0
    applied = which == "applied" and visit.library.has(session.applied)
    if not applied and settings.needs and session.statistics is None:
        return None
    masks = work.applied_masks(visit) if applied else work.preview_masks(visit, plain_alpha(visit, settings))
    key = session.applied if applied else work.masks_key(session, plain_alpha(visit, settings))
    wanda, gradient = work.comparison_masks(visit, masks.settings.of_method("wanda"))
    magnitude = work.preview_masks(visit, preview_settings(masks.settings.of_method("magnitude")))
    wanda_key = None if wanda is None else work.masks_key(session, wanda.settings)
    own = _pick_mask(masks, matrix, expert)
    null = shuffled(own, masks.settings.make_pattern(), seed)
    beside = None if wanda is None else _pick_mask(wanda, matrix, expert)
    order = _order(session.extra(PATTERNS_ORDER), masks.settings.make_pattern(), own.shape)
    columns = _columns(order, own, masks.settings.make_pattern())
    others = {found.settings.method: _pick_mask(found, matrix, expert) for found in (wanda, magnitude, gradient)
              if found}
    return PatternData(matrix, expert, masks, key, applied, wanda, wanda_key, own, beside, others, null, seed, order,
                       columns)


def _order(wanted: str | None, pattern: Pattern, shape: tuple[int, ...]) -> str:
    """Return the columns' order. n:m removes equally many per group: pooled, only positions in it can differ."""
    if not isinstance(pattern, NofM):
        return wanted if wanted == "density" else "stored"
    return wanted or ("position" if max(shape) > SIDE else "stored")


def _columns(order: str, own: Any, pattern: Pattern) -> Any:
    if order == "density":
        return density_order(own, axis=1)
    return position_order(own.shape[1], pattern.m) if order == "position" and isinstance(pattern, NofM) else None


def _pick_mask(masks: Masks, matrix: Any, expert: int) -> Any:
    mask = masks.masks[matrix.name]
    return mask[expert] if matrix.experts else mask


def require_data(data: PatternData | None) -> PatternData:
    """Return the sight. Raises GblmError if there is none."""
    if data is None:
        raise GblmError("nothing_collected")
    return data


def profile_of(data: PatternData) -> ColumnProfile:
    """Return the share removed per column, for the existing masks."""
    masks = {"chosen": data.own, "wanda": data.beside, "shuffled": data.null}
    return column_profile(data.matrix.name, {name: mask for name, mask in masks.items() if mask is not None})


def structure_key(data: PatternData) -> StructureKey:
    return StructureKey(data.key)


# Against chance

def bands_key(data: PatternData) -> StructureBandsKey:
    return StructureBandsKey(data.key, data.wanda_key)


def both_bands(model: Any, data: PatternData) -> Job[tuple[StructureBands, StructureBands | None]]:
    """Compute this mask's bands of every matrix, and Wanda's, which are also compared with shuffles of Wanda's mask."""
    own = yield from structure_bands(model, data.masks)
    return own, None if data.against is None else (yield from structure_bands(model, data.against))


def bands_of(visit: Visit, data: PatternData) -> tuple[dict[str, Band], dict[str, Band] | None] | None:
    """Return the selected matrix's bands and Wanda's; None if a large matrix still waits for the button."""
    here = (data.matrix.name, data.expert)
    if data.large:
        if not visit.library.has(bands_key(data)):
            return None
        own, wanda = visit.library.get(bands_key(data))
        return own.each[here], None if wanda is None else wanda.each[here]

    def band(key: MasksKey | None, masks: Masks) -> dict[str, Band]:
        return visit.library.get_or_make(BandKey(key, *here),
                                         lambda: run(structure_band(visit.model(), masks, *here)))

    return band(data.key, data.masks), None if data.against is None else band(data.wanda_key, data.against)


# Against Wanda

@dataclass(frozen=True)
class MovedWeights:
    """The weights on which this mask and Wanda's differ most (None if this one's sums are gone), and the gradient's
    factors (None if there is no ℓ1 sum)."""

    jumps: Jumps | None
    factors: Factors | None


def compare_masks(visit: Visit, data: PatternData, wanda: Masks) -> TwoMasks:
    """Compare this mask (A) with Wanda's (B) over all matrices.

    At once for every model: the masks themselves, made just before, take far longer.
    """
    return visit.library.get_or_make(TwoMasksKey(data.key, data.wanda_key),
                                     lambda: two_masks.compare(data.masks.masks, wanda.masks))


def compare_selected(visit: Visit, data: PatternData, wanda: Masks) -> tuple[Comparison, Comparison]:
    """Return the comparison with Wanda's mask for the selected matrix or expert, and for the whole model."""
    here = {data.matrix.name: data.own}
    return two_masks.compare(here, {data.matrix.name: data.beside}).whole, compare_masks(visit, data, wanda).whole


def moved_key(visit: Visit, data: PatternData) -> MovedKey:
    return MovedKey(data.key, data.wanda_key, visit.session.statistics, data.matrix.name, data.expert)


def moved_job(visit: Visit, data: PatternData) -> Job[MovedWeights]:
    """Find what this mask (B) rescues and sacrifices against Wanda's (A), and how far the gradient is row × column."""
    model, found, name = visit.model(), visit.statistics(), data.matrix.name
    own = work.applied_statistics(visit) if data.applied else found
    settings, wanda = scored_by(data.masks), needed_wanda(data).settings
    yield Step(0, 1, "matrix")
    jumps = None
    if own is not None or not settings.needs:
        scores = [prune.scores_of(model, *made, name) for made in ((found, wanda), (own, settings))]
        before, after = (one[data.expert] if data.matrix.experts else one for one in scores)
        jumps = two_masks.rank_jumps(before, after, data.beside, data.own, JUMPS)
    return MovedWeights(jumps, gradient_factors(found, name, data.expert))


def needed_wanda(data: PatternData) -> Masks:
    assert data.wanda is not None
    return data.wanda


def scored_by(masks: Masks) -> Settings:
    """Return the settings that made the masks, with α as its resolved number, so it is not computed again."""
    if masks.alpha is None:
        return masks.settings
    return replace(masks.settings, alpha=Alpha("number", masks.alpha))
