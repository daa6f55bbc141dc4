"""Which of a step's conditions are met that the server answers: from the visitor's session, whatever path led there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.look import by_hand
from gblm_viz.core.mask.settings import Settings

from ..tabs import text as text_tab
from ..tabs import weight as weight_tab
from ..visit.keys import MasksKey, ModelKey
from ..visit.remembered import REPORT, SAVED, WEIGHT_HAND
from ..visit.session import Selection
from ..work import measuring, work
from .measures import read
from .readings import Run, both_texts, gblm_curve, held, versus
from .ways import Condition


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a page's visitor stands in a way, and how the run was when the step began."""

    step: str = ""
    model: ModelKey | None = None
    applied: MasksKey | None = None
    text: int = 0
    """The chosen text and its cut, as `text.boxes_of` returns it."""
    visit_count: int = 0
    """The value of the signal `visit`."""
    removed: float | None = None
    settings: Settings | None = None
    """The settings that the step has set; None if it left them alone."""
    selection: Selection | None = None
    """What it has selected; None if it selected nothing."""
    lacks: str = ""
    """What it cannot do without and the run has not: a name of NEEDS, weight, or empty."""


@dataclass(frozen=True)
class Now:
    """What a condition is judged by."""

    run: Run
    began: Standing
    visit_count: int


def is_collected(run: Run) -> bool:
    """Return whether the chosen text, with its cut, is the one that the statistics were collected on."""
    visit = run.visit
    if not visit.library.has(visit.session.statistics) or not visit.session.text.text:
        return False
    cut = text_tab.cut_of(visit, visit.session.text, run.say)
    return cut.samples.key == text_tab.samples_collected(visit)


def is_applied(run: Run) -> bool:
    """Return whether the pruned copy was made with the settings and the statistics that are shown."""
    visit, session = run.visit, run.visit.session
    return visit.library.has(session.applied) and session.applied == work.masks_key(session, session.settings)


def _loaded(now: Now, one: Condition) -> bool:
    visit = now.run.visit
    since = now.visit_count != now.began.visit_count and not visit.session.example
    return since or visit.session.model != visit.library.first.model


def _text(now: Now, one: Condition) -> bool:
    visit = now.run.visit
    if text_tab.boxes_of(visit.session.text) == now.began.text or not visit.session.text.text:
        return False
    return text_tab.cut_of(visit, visit.session.text, now.run.say).samples.count >= (one.at_least or 1)


def _value(now: Now, one: Condition) -> bool:
    return str(getattr(now.run.visit.session.settings, one.control)) == one.value


def _slider(now: Now, one: Condition) -> bool:
    """Return whether the setting of a slider has come into the range, whether by the slider or by its box."""
    value = float(getattr(now.run.visit.session.settings, one.control))
    return (one.at_least is None or value >= one.at_least) and (one.at_most is None or value <= one.at_most)


def _flipped(now: Now, one: Condition) -> bool:
    """Return whether the numbers written by hand have turned the shown weight's fate into `value`."""
    visit = now.run.visit
    kept = visit.session.extra(WEIGHT_HAND, None)
    if kept is None or kept.at != weight_tab.at_of(visit) or not kept.changes:
        return False
    at = kept.at
    row = by_hand.row_of(visit.model(), work.maybe_statistics(visit), at.settings, at.settings.alpha.value, at.matrix,
                         at.row, at.expert)
    found = by_hand.by_hand(row, at.column, weight_tab.SHOWN, dict(kept.changes))
    own = next(entry for entry in found.entries if entry.column == at.column)
    return at.column in found.flipped and own.removed == (one.value == "goes")


def _saved(now: Now, one: Condition) -> bool:
    session = now.run.visit.session
    report = session.extra(REPORT)
    made = report is not None and report["number"] == session.applied_number
    return made or session.applied in session.extra(SAVED, {})


RESULTS: Mapping[str, Callable[[Run], Any]] = {
    "probes": lambda run: measuring.verdicts_of(run.visit, measuring.sets_of(run.visit.model())[0]), "figures": held,
    "methods": versus, "sweep": gblm_curve, "won": lambda run: read(run, "bytes_dense"),
    "zeroing": lambda run: read(run, "measured_change"), "two_texts": both_texts}
"""Target of `measured` → a reading that is None or empty before it was measured."""
JUDGES: Mapping[str, Callable[[Now, Condition], bool]] = {
    "value": _value, "slider": _slider, "text": _text, "loaded": _loaded,
    "collected": lambda now, one: is_collected(now.run),
    "applied": lambda now, one: is_applied(now.run), "flipped": _flipped, "saved": _saved,
    "measured": lambda now, one: RESULTS[one.target](now.run) not in (None, ())}


def is_met(now: Now, one: Condition) -> bool:
    """Return whether a condition that the server answers is met; False where what it reads is missing."""
    try:
        return JUDGES[one.kind](now, one)
    except GblmError:
        return False
