"""Compare, the sweep: sparsity against perplexity and probes, filled point by point; a point is loaded by a click."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gblm_viz.amounts import format_duration, format_share
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.mask.settings import ORDERS, Settings
from gblm_viz.core.measure.sweep import DENSE
from gblm_viz.core.score.methods import METHODS, SHARED
from gblm_viz.escape import escape
from gblm_viz.words import Words, join_sentences

from ..components.point_table import PointTable
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import SWEEP
from ..visit.tasks import Task
from ..work import text_draws
from ..work.apply import apply
from ..work.sweeping import APART, Plan, done_of, losses_of, plan_of, points_of, sweep_job
from . import sweep_text as told

USUAL_METHODS = ("magnitude", "wanda", "gblm")
ORDERS_OF = {"dense": ("dense",), "sequential": ("sequential",), "both": ("dense", "sequential")}
LEAST_PAUSE = 1.0
"""Least seconds between two drawings of the charts, since each one makes them from scratch."""
NOT_DRAWN: Hashable = None


@dataclass(frozen=True, eq=False)
class Parts:
    """The panel's components."""

    intro: gr.HTML
    methods: gr.CheckboxGroup
    apart: gr.Radio
    order: gr.Radio
    start: gr.Button
    cancel: gr.Button
    line: gr.HTML
    count: gr.Dropdown
    perplexity: gr.Plot
    probes: gr.Plot
    relative: gr.Plot
    sentences: gr.HTML
    table: PointTable
    tag: gr.HTML
    drawn: gr.State
    """What the charts show: the plan and the number of its points, so that the same is not drawn twice."""

    @property
    def choices(self) -> list[Any]:
        """What a plan is made of."""
        return [self.methods, self.apart, self.order]

    @property
    def views(self) -> list[Any]:
        return [self.intro, self.line, self.perplexity, self.probes, self.relative, self.sentences, self.table,
                self.tag, self.drawn, self.count]


def build(page: Page) -> None:
    say = page.words
    intro = gr.HTML(_intro(say, None), elem_id="sweep-intro")
    with gr.Row(elem_id="sweep-choices", equal_height=True):
        methods = gr.CheckboxGroup(list(METHODS), value=list(USUAL_METHODS), label=say("sweep.methods"),
                                   elem_id="sweep-methods", scale=53, min_width=440)
        apart = gr.Radio([(f"{step} %", step) for step in APART], value=APART[0], label=say("sweep.apart"),
                         elem_id="sweep-apart", scale=17, min_width=150)
        named = [*((say(f"prune.order.{name}"), name) for name in ORDERS[::-1]), (say("sweep.both"), "both")]
        order = gr.Radio(named, value="dense", label=say("sweep.order"), elem_id="sweep-order", scale=30, min_width=270)
        start = gr.Button(say("sweep.start"), variant="primary", elem_id="sweep-start", scale=0, min_width=90)
        cancel = gr.Button(say("sweep.cancel"), elem_id="sweep-cancel", scale=0, min_width=90)
    with gr.Row(elem_id="sweep-progress"):
        line = gr.HTML(_line(""), elem_id="sweep-line")
        count = gr.Dropdown([(say("verdict.draws_short", draws=one), one) for one in text_draws.OFFERED],
                            container=False,
                            label=say("verdict.draws"), show_label=False, elem_id="sweep-draws", scale=0, min_width=215,
                            filterable=False)
    with gr.Row(elem_id="sweep-charts"):
        with gr.Column(scale=8, min_width=480):
            perplexity = _plot("sweep-perplexity")
        with gr.Column(scale=5, min_width=320):
            probes = _plot("sweep-probes")
    with gr.Row(elem_id="sweep-below"):
        with gr.Column(scale=9, min_width=400):
            relative = _plot("sweep-relative")
        with gr.Column(scale=14, min_width=420):
            sentences = gr.HTML(elem_id="sweep-sentences")
    table = PointTable(charts="#sweep-charts, #sweep-relative", elem_id="sweep-table")
    tag = gr.HTML(elem_id="sweep-tag")
    _Handlers(page, Parts(intro, methods, apart, order, start, cancel, line, count, perplexity, probes, relative,
                          sentences, table, tag, gr.State(NOT_DRAWN))).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        choices, views = parts.choices, parts.views
        page.on([*page.opened, *(one.input for one in choices)], self.refresh, [parts.drawn, *choices], views,
                further="newest")
        page.on(parts.count.input, self.on_draws, [parts.count, parts.drawn, *choices], views, further="newest")
        page.on_signals([signals.visit.change], self.on_visit, [parts.drawn, *choices], views)
        page.on(parts.start.click, self.on_start, choices, views)
        page.on(parts.cancel.click, self.on_cancel)
        page.on_event(parts.table.select, "number", "number", self.on_point, [signals.applied, signals.settings],
                      [signals.applied, signals.settings])

    def plan(self, visit: Visit, chosen: list[str], step: int, orders: str) -> Plan:
        """Return the plan of the choices."""
        named = [name for name in METHODS if name in chosen]
        return plan_of(visit, named, ORDERS_OF.get(orders, ()), step, self.say.language)

    def draw(self, visit: Visit, plan: Plan, left: float | None = None, running: bool = False) -> dict[Any, Any]:
        """Return everything that the panel shows of a plan's points."""
        say, parts = self.say, self.parts
        points, losses = points_of(visit.library, plan), losses_of(visit.library, plan)
        first, second, third = told.figures(say, plan, points)
        return {parts.perplexity: first, parts.probes: second, parts.relative: third,
                parts.tag: told.tag(say, visit, plan, points),
                parts.sentences: told.sentences(say, plan, points, losses),
                parts.table: told.table(say, plan, points, losses),
                parts.intro: _intro(say, visit.session.settings), parts.drawn: (plan.key, len(points), len(losses)),
                parts.count: text_draws.chosen_count(visit), parts.line: self.progress(visit, plan, left, running)}

    def progress(self, visit: Visit, plan: Plan, left: float | None, running: bool) -> str:
        """Return how many points are measured and what the rest costs. left: seconds, if they are known."""
        say, library = self.say, visit.library
        done, total = done_of(library, plan), len(plan.settings)
        if left is None and done < total and library.has(plan.pace_key):
            left = library.get(plan.pace_key) * (total - done)
        drawn = plan.drawn is not None and not running and len(points_of(library, plan)) == total > done
        sentences = [say("sweep.line" if running or done == total else "sweep.line_draws" if drawn else
                         "sweep.line_start", done=done, total=total)]
        if left is not None and done < total:
            sentences.append(say("sweep.line_left", time=format_duration(say, left)))
        elif plan.drawn is not None and done < total and not running:
            sentences.append(told.draws_cost(say, visit, plan))
        return _line(join_sentences(sentences))

    def refresh(self, visit: Visit, shown: Hashable, *values: Any) -> dict[Any, Any]:
        """After another model, text, setting or choice: show what is measured for it."""
        if visit.session.model is None:
            return {}
        plan, parts = self.plan(visit, *values), self.parts
        visit.remember(SWEEP, (plan.key, plan.settings))
        if shown == (plan.key, len(points_of(visit.library, plan)), len(losses_of(visit.library, plan))):
            return {parts.intro: _intro(self.say, visit.session.settings), parts.count: text_draws.chosen_count(visit)}
        return self.draw(visit, plan)

    def on_draws(self, visit: Visit, asked: int, shown: Hashable, *values: Any) -> dict[Any, Any]:
        text_draws.choose_count(visit, asked)
        return self.refresh(visit, shown, *values)

    def on_visit(self, visit: Visit, shown: Hashable, *values: Any) -> dict[Any, Any]:
        """After another model: redraw if the panel was opened before, else on opening, since charts are expensive."""
        return {} if shown is NOT_DRAWN else self.refresh(visit, NOT_DRAWN, *values)

    def on_start(self, visit: Visit, *values: Any) -> Iterator[dict[Any, Any]]:
        page, say = self.page, self.say
        plan, library = self.plan(visit, *values), visit.library
        if any(one.needs for one in plan.settings):
            visit.statistics()
        visit.remember(SWEEP, (plan.key, plan.settings))
        # not queued as a whole: each point waits for its own turn, so that nobody waits for a whole sweep
        task = library.start(visit.key, plan.key, lambda _: sweep_job(library, plan), queued=False)
        try:
            yield from self.follow(visit, plan, task)
        except GblmError as error:
            if error.key != "cancelled":
                raise
            kept = say("sweep.cancelled", done=done_of(library, plan), total=len(plan.settings))
            yield {**self.draw(visit, plan), page.status: page.note(kept)}
            return
        yield {**self.draw(visit, plan), page.status: page.note(say("sweep.finished", total=len(plan.settings)))}

    def follow(self, visit: Visit, plan: Plan, task: Task[Any]) -> Iterator[dict[Any, Any]]:
        """Show a sweep's progress until it ends: its points at most once in LEAST_PAUSE seconds, its line always."""
        seen, last = -1, 0.0
        with closing(self.page.follow(visit, task, "sweep")) as following:
            for update in following:
                done, now = done_of(visit.library, plan), time.monotonic()
                looked_at = visit.session.extra(SWEEP, (None, ()))[0] == plan.key
                if looked_at and done != seen and now - last >= LEAST_PAUSE:
                    update |= self.draw(visit, plan, task.seconds_left, True)
                    seen, last = done, now
                elif looked_at:
                    update |= {self.parts.line: self.progress(visit, plan, task.seconds_left, True)}
                yield update

    def on_cancel(self, visit: Visit) -> dict[Any, Any]:
        key, _ = visit.session.extra(SWEEP, (None, ()))
        task = None if key is None else visit.library.tasks.get(key)
        if task is None or visit.key not in task.watchers:
            return {self.page.status: self.page.note(self.say("status.nothing_to_cancel"))}
        visit.library.leave(visit.key, task)
        return {}

    def on_point(self, visit: Visit, number: int, applied: int, counter: int) -> Iterator[dict[Any, Any]]:
        """Apply the settings of the selected point, as the Prune tab does."""
        page, say = self.page, self.say
        _, settings = visit.session.extra(SWEEP, (None, ()))
        if not isinstance(number, int) or not 0 <= number < len(settings):
            raise GblmError("gone")
        point = settings[number]
        yield from apply(page, visit, loaded(visit.session.settings, point))
        named = say("sweep.loaded_dense", number=visit.session.applied_number) if point == DENSE else say(
            "sweep.loaded", number=visit.session.applied_number, method=point.method,
            sparsity=format_share(point.sparsity), order=say(f"sweep.orders.{point.order}"))
        yield {page.status: page.note(named), self.signals.applied: bump(applied),
               self.signals.settings: bump(counter)}


def loaded(before: Settings, point: Settings) -> Settings:
    """Return a point's settings for Prune; what the point does not depend on stays as it was set there."""
    if point == DENSE:
        return replace(before, sparsity=0.0, pattern="")
    unused = {name: getattr(before, name) for name in SHARED if name not in point.knobs}
    return replace(point, pattern="", **unused)


def _plot(elem_id: str) -> Any:
    return gr.Plot(show_label=False, container=False, elem_id=elem_id, elem_classes="small-chart", buttons=[])


def _intro(say: Words, settings: Settings | None) -> str:
    sentence = say("sweep.intro") if settings is None or not settings.pattern else say(
        "sweep.intro_pattern", group=say(f"prune.group.{settings.group}"))
    return f'<p class="sentence">{escape(sentence)}</p>'


def _line(sentence: str) -> str:
    return f'<p class="sweep-line" data-announce="sweep">{escape(sentence) or "&nbsp;"}</p>'
