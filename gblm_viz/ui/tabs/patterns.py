"""The Patterns tab: a mask beside Wanda's and a shuffled one, by columns, scored against chance, and by weights.

Independent of methods and weights: masks come from work, numbers from core, pictures from figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from gblm_viz.core.look.structure_maps import structure_cells
from gblm_viz.escape import escape
from gblm_viz.figures.maps import empty_map
from gblm_viz.words import Words

from ..components.heading import heading
from ..components.matrix_view import MatrixView, with_pin
from ..components.model_map import ModelMapView
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import PATTERNS_ORDER, PATTERNS_PANEL, PATTERNS_SEED
from ..visit.session import Selection
from ..work.preview import selected_matrix
from .gradients import unpin
from .patterns_data import (
    ORDERS,
    bands_key,
    both_bands,
    moved_job,
    moved_key,
    pattern_data,
    require_data,
    structure_key,
)
from .patterns_show import Parts, Show, nothing_yet
from .patterns_text import (
    MAPS,
)

PANELS = ("columns", "scores", "wanda")
VIEW_HEIGHT = 364


def build(page: Page) -> None:
    """Lay out the tab and register its handlers."""
    say = page.words
    with gr.Row(elem_id="patterns-choices"):
        with gr.Column(scale=0, min_width=250):
            matrix = gr.Dropdown([], label=say("patterns.matrix.label"), elem_id="patterns-matrix")
        with gr.Column(scale=0, min_width=200):
            which = gr.Radio([(say(f"patterns.which.{one}"), one) for one in ("applied", "preview")], value="applied",
                             label=say("patterns.which.label"), elem_id="patterns-which")
        with gr.Column(scale=0, min_width=170):
            shuffle = gr.Button(say("patterns.shuffle"), size="sm", elem_id="patterns-shuffle")
            sort = gr.Dropdown([(say(f"patterns.sort.{one}"), one) for one in ORDERS], value=ORDERS[0],
                               filterable=False, label=say("patterns.sort.label"), show_label=False,
                               container=False, elem_id="patterns-sort")
        tag = gr.HTML(elem_id="patterns-tag")
    sentences = gr.HTML(f'<p class="sentence">{escape(say("patterns.nothing"))}</p>', elem_id="patterns-sentences")
    with gr.Row(elem_id="patterns-masks"):
        views = []
        for name in ("mask", "wanda", "shuffled"):
            with gr.Column(min_width=300):
                views.append(MatrixView(height=VIEW_HEIGHT, elem_id=f"patterns-{name}"))
    panels = {}
    with gr.Tabs(elem_id="patterns-below"):
        with gr.Tab(say("patterns.tab.columns"), id="columns") as panels["columns"]:
            heading(say("patterns.tab.columns"), 3)
            columns = _columns(say)
        with gr.Tab(say("patterns.tab.scores"), id="scores", elem_id="panel-scores") as panels["scores"]:
            heading(say("patterns.tab.scores"), 3)
            scores = _scores(say)
        with gr.Tab(say("patterns.tab.wanda"), id="wanda", elem_id="panel-wanda") as panels["wanda"]:
            heading(say("patterns.tab.wanda"), 3)
            beside = _beside(say)
    chosen, wanda, null = views
    parts = Parts(matrix, which, shuffle, sort, tag, chosen, wanda, null, sentences, panels, *columns, *scores, *beside)
    drawn, seed, opened = gr.State({}), gr.State(0), gr.State(PANELS[0])
    _Handlers(page, parts, Show(page, parts, drawn), drawn, seed, opened).wire()


def _columns(say: Words) -> tuple[Any, ...]:
    with gr.Row(elem_classes="patterns-panel"):
        with gr.Column(scale=11, min_width=420):
            order = gr.Radio([(say(f"patterns.profile.{one}"), one) for one in ("in_place", "sorted")], value="sorted",
                             label=say("patterns.profile.order"), elem_id="patterns-order")
            profile = gr.Plot(show_label=False, container=False, elem_id="patterns-profile", elem_classes="small-chart",
                              buttons=[])
        with gr.Column(scale=10, min_width=420):
            outside = gr.HTML(nothing_yet(say), elem_id="patterns-outside")
    return order, profile, outside


def _scores(say: Words) -> tuple[Any, ...]:
    with gr.Row(elem_classes="patterns-panel"):
        with gr.Column(scale=11, min_width=420):
            measure = gr.Radio([(say(f"patterns.measure.{one}"), one) for one in MAPS], value="column",
                               label=say("patterns.measure.label"), elem_id="patterns-measure")
            with gr.Row():
                map_note = gr.HTML(elem_id="patterns-map-note")
                update = gr.Button(say("patterns.update"), size="sm", scale=0, min_width=160, visible=False,
                                   elem_id="patterns-update")
            structure = ModelMapView(empty_map(say("patterns.map.empty")), height=232, elem_id="patterns-map")
        with gr.Column(scale=10, min_width=420):
            bands = gr.HTML(elem_id="patterns-bands")
            test = gr.Button(say("patterns.tested.button"), size="sm", scale=0, min_width=200, elem_id="patterns-test")
            tested = gr.HTML(elem_id="patterns-tested")
    return measure, update, map_note, structure, bands, test, tested


def _beside(say: Words) -> tuple[Any, ...]:
    with gr.Row(elem_classes="patterns-panel"):
        with gr.Column(scale=11, min_width=420):
            counts = gr.HTML(nothing_yet(say), elem_id="patterns-counts")
            factors = gr.HTML(elem_id="patterns-factors")
        with gr.Column(scale=10, min_width=420):
            jumps = gr.HTML(elem_id="patterns-jumps")
            compare = gr.Button(say("patterns.jumps.button"), size="sm", scale=0, min_width=200, visible=False,
                                elem_id="patterns-compare")
    return counts, factors, jumps, compare


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts
    show: Show
    drawn: gr.State
    """What the masks ("masks") and each inner tab show, as `Sight.signature`."""
    seed: gr.State
    """The seed of the shuffled mask."""
    opened: gr.State
    """The name of the open inner tab."""

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        reads = [self.drawn, self.seed, self.opened, *parts.choices, *parts.views]
        outputs = [*parts.shown, self.drawn]
        page.on_signals([signals.visit.change, signals.statistics.change, signals.settings.change,
                         signals.selection.change], self.show.everything, reads, outputs)
        page.on_signals([signals.applied.change], self.on_applied, reads, outputs)
        page.on(parts.which.input, self.on_which, reads, outputs, further="newest")
        page.on(parts.sort.input, self.on_sort, [parts.sort, *reads], outputs, further="newest")
        page.on(parts.shuffle.click, self.on_shuffle, reads, [*outputs, self.seed], further="newest")
        self.wire_panels()
        page.on_event(parts.map.select, "name", "text", self.on_matrix, [signals.selection], [signals.selection])
        page.on([view.clear for view in parts.views], self.on_clear, [signals.selection], [signals.selection])
        for view in parts.views:
            page.on_event(view.select, "index", "pair", self.on_weight, [signals.selection, *parts.views],
                          [*parts.views, signals.selection])

    def wire_panels(self) -> None:
        """Register the handlers of the inner tabs and of their controls."""
        page, signals, parts = self.page, self.signals, self.parts
        for name, panel in parts.panels.items():
            page.on(panel.select, partial(self.on_open, opening=name),
                    [self.drawn, self.seed, self.opened, *parts.choices], [*parts.inside, self.drawn, self.opened],
                    further="newest")
        page.on(parts.order.input, self.on_order, [self.seed, parts.which, parts.order], [parts.profile],
                further="newest")
        page.on(parts.measure.input, self.on_measure, [parts.which, parts.measure], parts.scored, further="newest")
        page.on(parts.matrix.input, self.on_matrix, [parts.matrix, signals.selection], [signals.selection],
                further="newest")
        page.on(parts.update.click, self.on_update, [parts.which, parts.measure], parts.scored, further="newest")
        page.on(parts.test.click, self.on_test, [parts.which, parts.measure], parts.scored, further="newest")
        page.on(parts.compare.click, self.on_compare, [parts.which], parts.beside, further="newest")

    def on_shuffle(self, visit: Visit, known: dict[str, str], seeded: int, *values: Any) -> dict[Any, Any]:
        visit.remember(PATTERNS_SEED, seeded + 1)
        return {self.seed: seeded + 1, **self.show.everything(visit, known, seeded + 1, *values)}

    def on_sort(self, visit: Visit, wanted: str, *values: Any) -> dict[Any, Any]:
        visit.remember(PATTERNS_ORDER, wanted)
        return self.show.everything(visit, *values)

    def on_which(self, visit: Visit, *values: Any) -> dict[Any, Any]:
        return self.show.everything(visit, *values, asked=True)

    def on_applied(self, visit: Visit, known: dict[str, str], seeded: int, panel: str, which: str,
                   *values: Any) -> dict[Any, Any]:
        """After an Apply: show the applied mask."""
        return self.show.everything(visit, known, seeded, panel, "applied", *values)

    def on_open(self, visit: Visit, known: dict[str, str], seeded: int, _: str, which: str, order: str, measure: str,
                *, opening: str) -> dict[Any, Any]:
        """opening: the inner tab that is open from now on."""
        visit.remember(PATTERNS_PANEL, opening)  # at once: what is clicked next can overtake this answer
        data = pattern_data(visit, which, seeded)
        shown = self.show.panel(visit, data, known, opening, order, measure) if data else {}
        return {self.opened: opening, **shown}

    def on_order(self, visit: Visit, seeded: int, which: str, order: str) -> dict[Any, Any]:
        data = pattern_data(visit, which, seeded)
        return {self.parts.profile: self.show.profile(data, order)} if data else {}

    def on_measure(self, visit: Visit, which: str, measure: str) -> dict[Any, Any]:
        data = pattern_data(visit, which, 0)
        return self.show.structure(visit, data, measure) if data else {}

    def on_matrix(self, visit: Visit, name: str | None, counter: int) -> dict[Any, Any]:
        if not name:
            return {}
        visit.select(Selection(matrix=name))
        return {self.signals.selection: bump(counter)}

    def on_weight(self, visit: Visit, index: Any, counter: int, *values: Any) -> dict[Any, Any]:
        row, column = int(index[0]), int(index[1])
        visit.select(replace(visit.session.selection, matrix=selected_matrix(visit).name, row=row, column=column))
        pinned = {view: with_pin(value, row, column)
                  for view, value in zip(self.parts.views, values, strict=True) if value}
        return {**pinned, self.signals.selection: bump(counter)}

    def on_clear(self, visit: Visit, counter: int) -> dict[Any, Any]:
        return {self.signals.selection: unpin(visit, counter)}

    def on_update(self, visit: Visit, which: str, measure: str) -> Iterator[dict[Any, Any]]:
        """Score the masks of all matrices."""
        page, model, data = self.page, visit.model(), require_data(pattern_data(visit, which, 0))
        cells = yield from self.computed(visit, structure_key(data), "structure",
                                         lambda: structure_cells(model, data.masks))
        done = page.note(self.say("patterns.scored", count=len(cells)))
        yield {**self.show.scores(visit, require_data(pattern_data(visit, which, 0)), measure), page.status: done}

    def on_test(self, visit: Visit, which: str, measure: str) -> Iterator[dict[Any, Any]]:
        """Test the structure of all matrices against chance."""
        page, model, data = self.page, visit.model(), require_data(pattern_data(visit, which, 0))
        own, _ = yield from self.computed(visit, bands_key(data), "structure", lambda: both_bands(model, data))
        done = page.note(self.say("patterns.tested.done", count=len(own.each)))
        yield {**self.show.scores(visit, require_data(pattern_data(visit, which, 0)), measure), page.status: done}

    def on_compare(self, visit: Visit, which: str) -> Iterator[dict[Any, Any]]:
        """Find which weights the mask keeps and Wanda removes, and the reverse."""
        page, data = self.page, require_data(pattern_data(visit, which, 0))
        yield from self.computed(visit, moved_key(visit, data), "structure", lambda: moved_job(visit, data))
        now = require_data(pattern_data(visit, which, 0))
        yield {**self.show.beside(visit, now), page.status: page.note(self.say("status.ready"))}
