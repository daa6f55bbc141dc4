"""The models that answer in the chat: the dense one, the applied pruned copy and, if a visitor added one, a third.

Models are stored in the Library under complete keys; a session contains only the third's keys. No components.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job
from gblm_viz.core.mask.patterns import checked_sparsity
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.words import Words

from ..visit.keys import MasksKey, ModelKey, StatisticsKey
from ..visit.library import Library, Visit
from ..visit.remembered import THIRD
from ..visit.session import Session
from . import work
from .applied import applied_tag, made_of


@dataclass(frozen=True)
class Asked:
    """The requested third model. `text`: file name of a bundled text; "" = the visitor's own statistics."""

    method: str
    sparsity: float
    text: str = ""


@dataclass(frozen=True)
class Third:
    """The third model after pruning: Library keys of its masks and of the statistics used (None = none)."""

    asked: Asked
    masks: MasksKey
    statistics: StatisticsKey | None


def third_of(visit: Visit) -> Third | None:
    found: Third | None = visit.session.extra(THIRD)
    return found


def keys(visit: Visit) -> dict[str, ModelKey | MasksKey | None]:
    """Return {side: key of its model} for the existing sides."""
    session, third = visit.session, third_of(visit)
    there: dict[str, ModelKey | MasksKey | None] = {"dense": session.model}
    if session.applied is not None:
        there["pruned"] = session.applied
    return there if third is None else {**there, "third": third.masks}


def models(visit: Visit) -> dict[str, Model]:
    """Return {side: model}, rebuilt from its masks if evicted. Raises GblmError if no pruned copy was applied."""
    third = third_of(visit)
    there = {"dense": visit.model(), "pruned": work.pruned_model(visit)}
    return there if third is None else {
        **there, "third": work.pruned_copy(visit, visit.library.get(third.masks), third.masks)}


def third_settings(visit: Visit, asked: Asked) -> Settings:
    """Return the visitor's settings with another method and sparsity; what does not fit the method gets its default.

    Raises SettingError for a sparsity outside 0 to 1.
    """
    before = visit.session.settings
    return replace(before.of_method(asked.method), sparsity=checked_sparsity(asked.sparsity), pattern="",
                   group="row" if before.group == "authors" and asked.method != "magnitude" else before.group).check()


def third_job(library: Library, session: Session, model: Model, asked: Asked, settings: Settings) -> Job[Third]:
    """Collect statistics on the text if the method needs them, prune a copy, and store both."""
    key = session.statistics
    if asked.text and settings.needs:
        choice = replace(session.text, text=work.read_bundled(asked.text), name=asked.text, dropped=frozenset())
        samples, held_out = work.samples_of(model, choice)
        key = yield from work.collect_job(library, model, samples, held_out, Event())
    if settings.needs and key is None:
        raise GblmError("nothing_collected")
    found: Statistics | None = library.get(key) if key is not None else None
    masks = yield from work.apply_job(library, replace(session, statistics=key), model, found, settings)
    return Third(asked, masks, key if settings.needs else None)


def tags(visit: Visit, say: Words) -> dict[str, str]:
    """Return {side: one line that says what made its model}."""
    third = third_of(visit)
    there = {"dense": visit.model().name}
    if visit.session.applied is not None and visit.library.has(visit.session.applied):
        there["pruned"] = applied_tag(visit, say)
    if third is not None and visit.library.has(third.masks):
        masks: Masks = visit.library.get(third.masks)
        found: Any = visit.library.get(third.statistics) if visit.library.has(third.statistics) else None
        there["third"] = made_of(visit, say, masks, found)
    return there
