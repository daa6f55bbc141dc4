"""The rules by which a step finds its weight, or its matrix, in this run. core finds it; the Library keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from gblm_viz.core.base.job import Job, Step
from gblm_viz.core.look import examples, two_masks, weight
from gblm_viz.core.look.examples import Found
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings, preview_settings
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.statistics import Statistics

from ..visit.keys import FoundKey
from ..visit.library import Visit
from ..visit.session import Selection
from ..work import work
from ..work.preview import plain_alpha

CANDIDATES = 16
"""Number of weights measured to find one whose removal lowers the loss."""


@dataclass(frozen=True, eq=False)
class Place:
    """What a rule may use: the model, its statistics, and the masks of any method at the step's settings."""

    model: Model
    statistics: Statistics
    visit: Visit
    settings: Settings

    def of_method(self, method: str) -> Settings:
        """Return the step's settings for another method, in the dense order, with α as a number."""
        return preview_settings(plain_alpha(self.visit, self.settings.of_method(method)))

    def masks(self, settings: Settings) -> Masks:
        return work.preview_masks(self.visit, settings)


def _loudest(place: Place) -> Job[Found | None]:
    yield Step(0, 1, "matrix")
    dropped, kept = (place.masks(place.of_method(method)).masks for method in ("magnitude", "wanda"))
    return examples.loudest_input(place.model, place.statistics, dropped, kept)


def _rescued(place: Place) -> Job[Found | None]:
    both = [place.of_method(method) for method in ("wanda", "gblm")]
    wanda, gblm = (partial(prune.scores_of, place.model, place.statistics, one) for one in both)
    jump = yield from two_masks.largest_jump(wanda, gblm, *(place.masks(one).masks for one in both))
    return None if jump is None else Found(jump.matrix, jump.expert or 0, jump.row, jump.column)


def _columns(place: Place) -> Job[Found | None]:
    yield Step(0, 1, "matrix")
    masks = place.masks(place.of_method("gblm"))
    return examples.most_uneven_columns(place.model, masks.masks, masks.settings.make_pattern())


def _rows(place: Place) -> Job[Found | None]:
    yield Step(0, 1, "matrix")
    settings = replace(place.of_method(place.settings.method), group="matrix", pattern="")
    return examples.most_uneven_rows(place.model, place.masks(settings).masks)


def _harmful(place: Place) -> Job[Found | None]:
    if weight.too_large(place.model):
        return None
    masks = place.masks(place.of_method("gblm")).masks
    targets = examples.kept_with_lowest_prediction(place.model, place.statistics, masks, CANDIDATES)
    if not targets:
        return None
    changes = yield from weight.measured_changes(place.model, place.statistics.calibration, targets)
    lowest = min(range(len(targets)), key=changes.__getitem__)
    one = targets[lowest]
    return Found(one.name, one.expert, one.row, one.column) if changes[lowest] < 0 else None


RULES: Mapping[str, Callable[[Place], Job[Found | None]]] = {
    "loudest_input": _loudest, "kept_by_gblm_dropped_by_wanda": _rescued, "most_uneven_columns": _columns,
    "most_uneven_rows": _rows, "kept_though_harmful": _harmful}

BY_METHOD = ("most_uneven_rows",)
"""The rules whose answer depends on which method is chosen."""


def found_key(visit: Visit, rule: str, settings: Settings) -> FoundKey:
    """Return the Library key of what a rule finds in the visitor's run."""
    own = settings if rule in BY_METHOD else settings.of_method("gblm")
    return FoundKey(visit.session.model, visit.session.statistics, rule, own)


def find_job(visit: Visit, rule: str, settings: Settings) -> Job[Found | None]:
    """Find the weight or matrix of a rule. Raises GblmError if nothing is collected."""
    return (yield from RULES[rule](Place(visit.model(), visit.statistics(), visit, settings)))


def selection_of(found: Found) -> Selection:
    return Selection(found.matrix, found.expert, found.row, found.column)
