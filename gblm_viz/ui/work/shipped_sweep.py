"""The example's sweep over sparsity, shipped in assets/example/sweep_*.json, so that its chart is there at once.

`python -m gblm_viz.ui.work.shipped_sweep` makes the files again; a test compares some points with a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from gblm_viz.core.base.intervals import Share
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate, sweep
from gblm_viz.core.measure.evaluate import Perplexity, perplexity_of
from gblm_viz.core.measure.sweep import SweepPoint
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.words import FIRST

from ..visit.library import Library
from ..visit.session import Session
from . import work
from .example import SETTINGS, example_session, made_languages, read_shipped, write_shipped
from .stops import METHODS
from .sweeping import APART, Plan

DIGITS = 7
"""Significant digits of a shipped loss."""


@cache
def shipped_sweep(language: str = FIRST) -> dict[str, Any]:
    """Return what `make` returned when the file for a page in this language was made."""
    return read_shipped("sweep", language)


def shipped_plan(library: Library, session: Session) -> Plan:
    """Return the plan of the shipped points: what the panel offers first, on the example's model and text."""
    planned = sweep.plan(SETTINGS, METHODS, ("dense",), max(APART))
    return Plan(session.model, session.statistics, library.get(session.held_out), planned)


def make(library: Library, language: str = FIRST, chosen: Iterable[Settings] | None = None) -> dict[str, Any]:
    """Measure the example's points. chosen: only these settings; None = all of the plan."""
    session = example_session(library, language)
    model, statistics = library.get(session.model), library.get(session.statistics)
    plan = shipped_plan(library, session)
    probes = evaluate.questions(model, sweep.chosen_probes(work.probes_of(model)))
    points = [run(sweep.point(model, statistics, one, plan.held_out, probes)) for one in chosen or plan.settings]
    return {"model_key": model.key, "points": [_as_dict(one) for one in points]}


def _as_dict(point: SweepPoint) -> dict[str, Any]:
    def losses(found: Perplexity | None) -> list[float] | None:
        return None if found is None else [float(f"{loss:.{DIGITS}g}") for loss in found.losses]

    return {"settings": point.settings.as_dict(), "sparsity": point.sparsity, "calibration": losses(point.calibration),
            "held_out": losses(point.held_out),
            "probes": None if point.probes is None else [point.probes.right, point.probes.total]}


def store_shipped_sweep(library: Library, session: Session, language: str = FIRST) -> None:
    """Store the shipped points under the keys of measured ones."""
    model, shipped = library.get(session.model), shipped_sweep(language)
    if shipped["model_key"] != model.key:
        return  # made for another pocket model: measured on request
    plan, own = shipped_plan(library, session), library.get(session.statistics).calibration
    for told in shipped["points"]:
        settings = Settings.from_dict(told["settings"])

        def perplexity(name: str, windows: CalibrationSet, told: dict[str, Any] = told) -> Perplexity:
            return perplexity_of(tuple(told[name]), windows, model.dtype)

        library.put(plan.point_key(settings), SweepPoint(
            settings, told["sparsity"], perplexity("calibration", own), perplexity("held_out", plan.held_out),
            Share(*told["probes"])))


def main() -> None:
    library = Library()
    for language in made_languages():
        write_shipped("sweep", language, make(library, language))


if __name__ == "__main__":
    main()
