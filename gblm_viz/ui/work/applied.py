"""The name of the applied pruned copy on screen: one line that says what made it."""

from __future__ import annotations

from gblm_viz.amounts import format_share
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.words import Words

from ..components.settings_words import settings_words
from ..visit.library import Visit
from . import work


def removed_amount(settings: Settings) -> str:
    """Return the amount removed, such as 50 %, 59.5 % or 2:4."""
    return settings.pattern or format_share(settings.sparsity)


def applied_tag(visit: Visit, say: Words) -> str:
    """Return what made the pruned model and the number of its Apply."""
    number = say("compare.applied_number", number=visit.session.applied_number)
    return say("compare.listed", parts=made_of(visit, say, work.applied_masks(visit), work.applied_statistics(visit)),
               last=number)


def collected_from(visit: Visit, say: Words) -> str:
    """Return the source of the visitor's statistics: model, text, samples."""
    return " · ".join(_taken_from(visit, say, visit.statistics()))


def _taken_from(visit: Visit, say: Words, found: Statistics | None) -> list[str]:
    if found is None:
        return [visit.model().name]
    samples = found.calibration
    return [visit.model().name, work.text_name(say, samples.text_name),
            say("prune.tag.samples", count=samples.count, length=samples.length, seed=samples.seed)]


def made_of(visit: Visit, say: Words, masks: Masks, found: Statistics | None) -> str:
    """Return what made a pruned copy: model, text, samples, method, α, group, order."""
    return " · ".join([*_taken_from(visit, say, found), *settings_words(say, masks.settings, masks.alpha),
                       say(f"sweep.orders.{masks.settings.order}")])
