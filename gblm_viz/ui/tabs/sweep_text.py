"""The texts of the sweep: the charts' titles, the sentences below them, the table. Turns numbers into text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gblm_viz import verdict_text
from gblm_viz.amounts import format_bytes, format_differences, format_duration, format_share
from gblm_viz.core.base import intervals
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import sweep
from gblm_viz.core.measure.crossed import Crossed
from gblm_viz.core.measure.draws import Losses
from gblm_viz.core.measure.evaluate import Perplexity
from gblm_viz.core.measure.published import LENGTH, PUBLISHED, SPARSITY, TEXT
from gblm_viz.core.measure.sweep import DENSE, HIGHEST, SweepPoint
from gblm_viz.core.score.methods import METHODS
from gblm_viz.figures import charts, curves
from gblm_viz.figures.charts import percent
from gblm_viz.figures.curves import Drawn
from gblm_viz.words import Words, join_sentences

from ..components.knees import knees_line
from ..components.paragraph import paragraph
from ..components.point_table import PointRow, point_rows
from ..components.settings_words import amount_words, knob_words
from ..components.table import plain_table
from ..visit.library import Visit
from ..work import text_draws, work
from ..work.sweeping import Plan

SHOWN_FIRST = ("gblm", "wanda", "gradient", "magnitude", "random")
"""Order of preference for the method that is compared with the paper's numbers, if several were swept."""
GAP = {"more": "shown", "less": "shown", "none": "not_shown"}
"""Verdict of a gap between the orders → the key of its sentence, if they differ."""
NEAR = 0.03
"""A point whose sparsity is this close to the paper's counts as the paper's."""


def drawn_of(say: Words, plan: Plan, points: Sequence[SweepPoint]) -> Drawn:
    """Return curves, point numbers, and the knees of the complete curves: those with all of the plan's points."""
    found = sweep.curves(points)
    wanted = {name: sum(one == DENSE or (one.method, one.order) == name for one in plan.settings) for name in found}
    numbers = {point: plan.settings.index(point.settings) for point in points}
    knees = {name: sweep.knee(own) for name, own in found.items() if len(own) == wanted[name]}
    names = {(method, order): curve_name(say, method, order, plan) for method, order in found}
    return Drawn(found, names, numbers, knees, sweep.perplexity_interval)


def figures(say: Words, plan: Plan, points: Sequence[SweepPoint]) -> tuple[Any, Any, Any]:
    """Return the three charts: perplexity, probes, perplexity relative to dense."""
    drawn = drawn_of(say, plan, points)
    texts = {}
    for which in ("held_out", "calibration"):
        known = [one for point in points if (one := getattr(point, which)) is not None]
        if known:
            texts[which] = say(f"sweep.axis.{which}", windows=known[0].windows, length=known[0].length)
    none = say("sweep.title.none")
    asked = _probe_count(points)
    probes = say("sweep.title.probes", n=asked) if asked else (say("sweep.no_probes") if points else none)
    title = say("sweep.title.perplexity", knees=knees_named(say, drawn)) if points else none
    paper = say("sweep.title.relative", sparsity=percent(SPARSITY, 0))
    return (curves.perplexity(drawn, texts or {"held_out": say("sweep.axis.sparsity")}, title, say),
            curves.probes(drawn, probes, say), curves.relative(drawn, PUBLISHED, SPARSITY, paper, say))


def knees_named(say: Words, drawn: Drawn) -> str:
    """Return the knees of the complete curves in a line that fits the chart."""
    if not drawn.knees:
        return say("sweep.knee.later")
    return knees_line(say, {drawn.names[name]: None if point is None else point.settings.sparsity
                            for name, point in drawn.knees.items()}, len(drawn.knees))


def _probe_count(points: Sequence[SweepPoint]) -> int:
    """Return how many probes each point was asked; 0 if there are none."""
    return next((point.probes.total for point in points if point.probes is not None), 0)


def _knee_at(point: SweepPoint) -> str:
    return format_share(point.settings.sparsity)


def knee_table(say: Words, drawn: Drawn) -> str:
    """Return the knee of each complete curve and the quality left there; empty while no curve is complete."""
    if not drawn.knees:
        return ""
    asked = _probe_count([one for points in drawn.curves.values() for one in points])
    heads = [(say("sweep.knees.curve"), ""), (say("sweep.knees.at"), "number"), (say("sweep.knees.relative"), "number")]
    if asked:
        heads += [(say("sweep.knees.right", n=asked), "number"), (say("sweep.knees.dense", n=asked), "number")]
    rows = []
    for name, point in drawn.knees.items():
        dense = drawn.curves[name][0]
        row = [drawn.names[name], *((say("sweep.knee.none"), "–") if point is None else (
            _knee_at(point), f"{point.held_out.value / dense.held_out.value:.2f}"))]
        if asked:
            row += ["–" if one is None or one.probes is None else str(one.probes.right) for one in (point, dense)]
        rows.append(row)
    return plain_table(heads, rows)


def sentences(say: Words, plan: Plan, points: Sequence[SweepPoint],
              losses: Mapping[Settings, Losses] | None = None) -> str:
    """Return the text below the charts: knees, gap between the orders, the paper beside this model, the rules."""
    drawn, told = drawn_of(say, plan, points), []
    orders = {one.order for one in plan.settings}
    gap = sweep.widest_gap(points, losses)
    if gap is not None:
        key = GAP.get(gap.difference.verdict, gap.difference.verdict)
        interval = gap.difference.interval
        told.append(say(f"sweep.gap.{key}", method=gap.dense.settings.method,
                        sparsity=format_share(gap.dense.settings.sparsity), dense=_value(gap.dense.held_out),
                        sequential=_value(gap.sequential.held_out),
                        **format_differences(gap.difference.mean, interval.low, interval.high, 3)))
    if "sequential" in orders and any(one.order == "dense" and one != DENSE for one in plan.settings):
        told.append(say("sweep.same_orders"))
    texts = [("sentence", [say("sweep.knee_means")] if drawn.knees else []), ("sentence", told),
             ("sentence", [small_models(say, points)]),
             ("limit", [say("sweep.paper", text=TEXT, length=f"{LENGTH:,}", sparsity=percent(SPARSITY, 0))]),
             ("tag", [say("sweep.bars"), *_scope(say, plan, points, losses), say("sweep.knee_rule")])]
    prose = "".join(paragraph(join_sentences(those), kind) for kind, those in texts if those)
    table = knee_table(say, drawn)
    return f'<div class="sweep-told"><div>{table}</div><div>{prose}</div></div>' if table else prose


def _scope(say: Words, plan: Plan, points: Sequence[SweepPoint],
           losses: Mapping[Settings, Losses] | None) -> list[str]:
    """Return what the table's differences are averaged over; empty if there are none."""
    found = sweep.differences(points, losses)
    if not found:
        return []
    one = max(found.values(), key=lambda one: one.draws)
    return [verdict_text.scope(say, plan.drawn if one.draws > 1 else None, one.windows, one.block)]


def small_models(say: Words, points: Sequence[SweepPoint]) -> str:
    """Return that small models tolerate less pruning, with this run's evidence if it has the points."""
    by_method = {one.settings.method: one for one in points
                 if abs(one.settings.sparsity - SPARSITY) < NEAR and one.settings.method in PUBLISHED[0].pruned}
    dense = next((one for one in points if one.settings == DENSE), None)
    method = next((name for name in SHOWN_FIRST if name in by_method), None)
    if dense is None or method is None:
        return say("sweep.small")
    here = by_method[method].held_out.value / dense.held_out.value
    theirs = [one.relative(method) for one in PUBLISHED]
    key = "sweep.small_here" if here > max(theirs) else "sweep.small_not_here"
    return say(key, sparsity=percent(SPARSITY, 0), here=f"{here:.2f}", method=method, low=f"{min(theirs):.2f}",
               high=f"{max(theirs):.2f}")


def table(say: Words, plan: Plan, points: Sequence[SweepPoint],
          losses: Mapping[Settings, Losses] | None = None) -> dict[str, Any]:
    """Return every point as a row, by rising sparsity; with several methods, also the difference to one of them."""
    drawn, apart, against = drawn_of(say, plan, points), sweep.differences(points, losses), sweep.reference_method(
        plan.settings)
    dense = next((one for one in points if one.settings == DENSE), None)
    names = ("sparsity", "method", "held_out", *(("against",) if against else ()), "relative", "probes", "calibration")
    heads = [say(f"sweep.table.{name}", n=_probe_count(points), method=against) for name in names]
    rows = []
    for point in points:
        name = say("compare.dense") if point.settings == DENSE else drawn.names[
            point.settings.method, point.settings.order]
        ratio = "–" if dense is None else f"{point.held_out.value / dense.held_out.value:.2f}"
        beside = (_against(say, apart.get(point.settings), against),) if against else ()
        cells = (percent(point.sparsity), name, _with_interval(point.held_out), *beside, ratio, _right(point),
                 "–" if point.calibration is None else _with_interval(point.calibration))
        rows.append(PointRow(drawn.numbers[point], cells,
                             say("sweep.load_name", name=name, sparsity=format_share(point.settings.sparsity))))
    return point_rows(heads, rows, say("sweep.load"), say("sweep.table_label"))


def _against(say: Words, found: Crossed | None, method: str) -> str:
    """Return the difference with its interval and the conclusion; a dash if there is none."""
    if found is None:
        return "–"
    told = verdict_text.verdict(say, found, method)
    return told if found.verdict == "too_few" else say(
        "sweep.table.verdict", verdict=told,
        interval=verdict_text.interval(say, found.mean, found.interval.low, found.interval.high))


def draws_cost(say: Words, visit: Visit, plan: Plan) -> str:
    """Return the cost of the draws in addition to the points, before they are measured."""
    drawn = plan.drawn
    assert drawn is not None
    try:
        guess = text_draws.cost(visit, drawn, [one for one in plan.settings if one != DENSE], plan.held_out,
                                alone=False)
    except GblmError as error:
        return say("verdict.cost_none", why=error.say(say))
    return say("verdict.cost_short", draws=drawn.count, samples=drawn.samples, pool=drawn.pool.count,
               used=len(drawn.used), time=format_duration(say, guess.seconds), memory=format_bytes(say, guess.memory))


def curve_name(say: Words, method: str, order: str, plan: Plan) -> str:
    """Return the method, and its order if that matters and the plan is not all in the dense order."""
    decides = "inputs" in METHODS[method].needs and any(one.order != "dense" for one in plan.settings)
    return say("sweep.curve", method=method, order=say(f"sweep.orders.{order}")) if decides else method


def _value(found: Perplexity) -> str:
    return _number(found.value)


def _number(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.2f}" if value < 100 else charts.short(value)


def _with_interval(found: Perplexity) -> str:
    if found.windows < 2 or math.isinf(found.value):
        return _value(found)
    interval = sweep.perplexity_interval(found)
    return f"{_value(found)} ({_number(interval.low)}–{_number(interval.high)})"


def _right(point: SweepPoint) -> str:
    if point.probes is None:
        return "–"
    interval: intervals.Interval = point.probes.interval
    return f"{point.probes.right} ({100 * interval.low:.0f}–{percent(interval.high, 0)})"


def tag(say: Words, visit: Visit, plan: Plan, points: Sequence[SweepPoint]) -> str:
    """Return what made the charts: model, texts, samples, the methods' settings, what is removed, orders, probes."""
    parts = [visit.model().name]
    if plan.statistics is not None:
        samples = visit.statistics().calibration
        parts += [work.text_name(say, samples.text_name),
                  say("prune.tag.samples", count=samples.count, length=samples.length, seed=samples.seed)]
    if points:
        parts.append(say("sweep.held_out", text=work.text_name(say, points[0].held_out.text_name)))
    by_method = {one.method: one for one in plan.settings if one != DENSE}
    knobs = {name: knob_words(say, one) for name, one in by_method.items()}
    parts += [f"{name}: {say('settings.join').join(told)}" for name, told in knobs.items() if told]
    parts += [amount_words(say, one, f"0–{HIGHEST} %") for one in list(by_method.values())[:1]]
    orders = dict.fromkeys(one.order for one in plan.settings if "inputs" in one.needs)
    parts += [say(f"sweep.orders.{order}") for order in orders]
    asked = _probe_count(points)
    if asked:
        parts.append(say("sweep.probes_n", n=asked))
    parts.append(visit.model().dtype)
    return paragraph(" · ".join(parts), "tag")
