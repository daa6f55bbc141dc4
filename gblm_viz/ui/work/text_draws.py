"""Draws of a visitor's text for the Compare tab: their statistics and each method's losses, stored in the Library.

Methods and sweep share the stored values: a method's losses by draw are stored under the settings that its masks depend
on. No components.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gblm_viz.core.base.job import Job
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import draws, sweep
from gblm_viz.core.measure.draws import FEWEST_WINDOWS, Draws, Losses
from gblm_viz.core.measure.draws_estimate import DrawsEstimate, draws_estimate
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums import estimate
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import CalibrationSet

from ..visit.keys import DrawnLossesKey, DrawsKey
from ..visit.library import Library, Visit
from ..visit.remembered import DRAWS
from ..visit.session import Session
from . import work

OFFERED = (1, draws.USUAL, 2 * draws.USUAL)


def counts_of(session: Session) -> tuple[int, ...]:
    """Return the numbers of draws to look for results with: first the visitor's choice, then from most to fewest."""
    return tuple(dict.fromkeys((session.extra(DRAWS, OFFERED[-1]), *OFFERED[::-1])))


def chosen_count(visit: Visit) -> int:
    """Return how many draws the visitor compares on: their choice, else the usual number for pocket, else one."""
    usual = draws.USUAL if visit.session.model is not None and work.is_pocket(visit.model()) else 1
    found: int = visit.session.extra(DRAWS, usual)
    return found


def choose_count(visit: Visit, count: Any) -> None:
    if count in OFFERED:
        visit.remember(DRAWS, count)


def draws_of(library: Library, session: Session, count: int) -> Draws | None:
    """Return random halves of the collected windows, drawn with the text's seed and the following ones.

    None for one draw, which is the collected set itself, and if nothing or too little was collected.
    """
    if count < 2 or session.statistics is None or not library.has(session.statistics):
        return None
    pool: CalibrationSet = library.get(session.statistics).calibration
    return draws.draws_of(pool, pool.count, count, pool.seed) if pool.count >= FEWEST_WINDOWS else None


def _statistics_key(session: Session, drawn: Draws, keep: tuple[str, ...]) -> DrawsKey:
    return DrawsKey(session.model, drawn.key, keep)


def losses_key(session: Session, drawn: Draws, settings: Settings, windows: CalibrationSet) -> DrawnLossesKey:
    return DrawnLossesKey(session.model, drawn.key, sweep.canonical(settings), windows.key)


def known_losses(library: Library, session: Session, drawn: Draws, settings: Mapping[str, Settings],
                 windows: CalibrationSet) -> dict[str, Losses]:
    """Return each method's losses at every draw; empty unless all of them were measured."""
    keys = {name: losses_key(session, drawn, one, windows) for name, one in settings.items()}
    return {name: library.get(key) for name, key in keys.items()} if all(map(library.has, keys.values())) else {}


def sums_job(library: Library, session: Session, model: Model, drawn: Draws,
             settings: Sequence[Settings]) -> Job[tuple[Statistics | None, ...]]:
    """Collect every draw's statistics, each used window's gradients once; stored. None if no method needs them."""
    if not any(one.needs for one in settings):
        return (None,) * drawn.count
    keep = draws.keep_of(settings)
    key = _statistics_key(session, drawn, keep)
    if not library.has(key):
        shape, pace = work.shape_and_pace(library, model, estimate.work_of(drawn.sample(0), keep, False, False))
        guess = draws_estimate(shape, drawn, settings, drawn.pool, pace, work.room_for(library, model))
        assert guess.choice is not None
        with library.reserved(guess.memory):
            chosen_plan = guess.choice.chosen
            made = yield from draws.collect_draws(model, drawn, keep, chosen_plan.plan, chosen_plan.inputs_in_memory)
        library.put(key, made, sum(work.statistics_bytes(one) for one in made))
        return made
    return library.get(key)


def losses_job(library: Library, session: Session, model: Model, drawn: Draws,
               statistics: tuple[Statistics | None, ...], settings: Settings, windows: CalibrationSet) -> Job[None]:
    """Measure one method's losses at every draw; stored. Steps count windows."""
    key = losses_key(session, drawn, settings, windows)
    if not library.has(key):
        library.put(key, (yield from draws.drawn_losses(model, statistics, settings, windows)))


def cost(visit: Visit, drawn: Draws | None, settings: Sequence[Settings], windows: CalibrationSet,
         alone: bool = True) -> DrawsEstimate:
    """Return the cost of comparing these methods, once per draw and, if `alone`, once with the collected statistics.

    Raises GblmError with the number that would fit.
    """
    model, library = visit.model(), visit.library
    samples = windows if drawn is None else drawn.sample(0)
    shape, pace = work.shape_and_pace(library, model, estimate.work_of(samples, ("l1",), False, False))
    guess = draws_estimate(shape, drawn, settings, windows, pace, work.room_for(library, model))
    if drawn is None or not alone:
        return guess
    once = draws_estimate(shape, None, settings, windows, pace, work.room_for(library, model))
    return replace(guess, copies=guess.copies + once.copies, seconds=guess.seconds + once.seconds)

