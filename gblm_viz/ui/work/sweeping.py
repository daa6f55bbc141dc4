"""Sweeps for the tabs: the keys of a sweep's points, the measured points, and the job that measures the others.

Each point is stored in the Library as soon as it is measured, so that a sweep that ended early continues there.
Contains no components.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.base.job import Job, Step, replace_steps
from gblm_viz.core.mask.settings import ORDERS, Settings
from gblm_viz.core.measure import evaluate, sweep
from gblm_viz.core.measure.draws import Draws, Losses
from gblm_viz.core.measure.sweep import SweepPoint
from gblm_viz.core.score.methods import METHODS
from gblm_viz.core.text.calibration import CalibrationSet

from ..visit.keys import DrawsOf, ModelKey, StatisticsKey, SweepKey, SweepPaceKey, SweepPointKey
from ..visit.library import Library, Visit
from ..visit.session import Session
from . import text_draws, work

APART = (10, 5)
"""Offered distances between two points, in percent."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What to measure, on which model and texts. `statistics`: None if nothing was collected."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    held_out: CalibrationSet
    settings: tuple[Settings, ...]
    drawn: Draws | None = None
    """The draws of the text on which differences are tested; None = only the collected one."""

    def point_key(self, settings: Settings) -> SweepPointKey:
        return SweepPointKey(self.model, self.statistics, self.held_out.key, sweep.PROBES, settings)

    @property
    def key(self) -> SweepKey:
        return SweepKey(self.model, self.statistics, self.held_out.key, self.settings, self._draws)

    @property
    def _draws(self) -> DrawsOf | None:
        return None if self.drawn is None else self.drawn.key

    @property
    def pace_key(self) -> SweepPaceKey:
        """Library key of the mean seconds per point in the last measurement on these texts."""
        return SweepPaceKey(self.model, self.statistics, self.held_out.key, self._draws)

    @property
    def compared(self) -> bool:
        """Whether the plan has methods to compare with each other."""
        return sweep.reference_method(self.settings) is not None


def plan_of(visit: Visit, methods: Sequence[str], orders: Sequence[str], apart: int, language: str) -> Plan:
    """Return the plan of the visitor's choice on their model and text, with norm, α, group and seed as on Prune.

    Raises SettingError if nothing valid was chosen.
    """
    if not methods or not set(orders) or not set(orders) <= set(ORDERS) or apart not in APART:
        raise SettingError("sweep_nothing")
    session = visit.session
    held_out = work.held_out_windows(visit.library, session, visit.model(), language)
    planned = sweep.plan(session.settings, methods, orders, apart)
    drawn = text_draws.draws_of(visit.library, session, text_draws.chosen_count(visit))
    return Plan(session.model, session.statistics, held_out, planned,
                drawn if sweep.reference_method(planned) else None)


def full_plan(session: Session, held_out: CalibrationSet, settings: Settings) -> Plan:
    """Return the plan of every point that the panel offers, with norm, α, group and seed as in `settings`."""
    base = replace(settings, group="row") if settings.group in {"authors", "global"} else settings
    methods = [name for name, method in METHODS.items() if not method.needs or session.statistics is not None]
    return Plan(session.model, session.statistics, held_out, sweep.plan(base, methods, ORDERS, min(APART)))


def points_of(library: Library, plan: Plan) -> tuple[SweepPoint, ...]:
    """Return the measured points of a plan."""
    keys = [plan.point_key(one) for one in plan.settings]
    return tuple(library.get(key) for key in keys if library.has(key))


def session_of(plan: Plan) -> Session:
    """Return a session with the fields that a plan's draws depend on."""
    return Session(model=plan.model, statistics=plan.statistics)


def losses_of(library: Library, plan: Plan) -> dict[Settings, Losses]:
    """Return the held-out losses at every draw, by the settings of the points for which they were measured."""
    if plan.drawn is None:
        return {}
    keys = {one: text_draws.losses_key(session_of(plan), plan.drawn, one, plan.held_out) for one in plan.settings}
    return {one: library.get(key) for one, key in keys.items() if library.has(key)}


def done_of(library: Library, plan: Plan) -> int:
    """Return how many points are fully measured; if the plan has several draws, at every draw."""
    drawn = losses_of(library, plan)
    return sum(library.has(plan.point_key(one)) and (plan.drawn is None or one == sweep.DENSE or one in drawn)
               for one in plan.settings)


def sweep_job(library: Library, plan: Plan) -> Job[None]:
    """Measure the missing points, each in its turn among the queued tasks; steps count the missing points."""
    model = library.get(plan.model)
    found = None if plan.statistics is None else library.get(plan.statistics)
    probes = evaluate.questions(model, sweep.chosen_probes(work.probes_of(model)))
    ready = losses_of(library, plan)
    missing = [one for one in plan.settings if not library.has(plan.point_key(one))
               or (plan.drawn is not None and one != sweep.DENSE and one not in ready)]
    began = time.monotonic()
    for done, settings in enumerate(missing):
        step, key = Step(done, len(missing), "point"), plan.point_key(settings)
        yield step
        if not library.has(key):  # another visitor's sweep may have measured it meanwhile
            measuring = replace_steps(sweep.point(model, found, settings, plan.held_out, probes), step)
            library.put(key, (yield from library.run_in_turn(measuring, step, plan.key)))
        if plan.drawn is not None and settings != sweep.DENSE:
            yield from library.run_in_turn(replace_steps(_drawn(library, plan, settings), step), step, plan.key)
        library.put(plan.pace_key, (time.monotonic() - began) / (done + 1))
    yield Step(len(missing), len(missing), "point")


def _drawn(library: Library, plan: Plan, settings: Settings) -> Job[None]:
    """Measure one point at every draw; the first point to need them collects the statistics of all draws."""
    assert plan.drawn is not None
    session, model = session_of(plan), library.get(plan.model)
    sums = yield from text_draws.sums_job(library, session, model, plan.drawn, plan.settings if settings.needs else ())
    yield from text_draws.losses_job(library, session, model, plan.drawn, sums, settings, plan.held_out)
