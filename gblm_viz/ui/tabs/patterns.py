"""The tab where a mask is looked at: beside Wanda's and a shuffled one, by columns, scored against chance, by weights.

Knows no method and no weight: masks come from work, numbers from core, pictures from figures.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gblm_viz.core import prune, report, two_masks
from gblm_viz.core.alpha import Alpha
from gblm_viz.core.errors import GblmError
from gblm_viz.core.job import Job, Step, run
from gblm_viz.core.patterns import NofM, Pattern, PerRow, shuffled
from gblm_viz.core.prune import Masks, Settings
from gblm_viz.core.report import Cell, ColumnProfile, Factors, StructureBands, StructureCell, Writer
from gblm_viz.core.structure import DRAWS, Band, column_score, density_order, outside_columns, row_score
from gblm_viz.core.two_masks import CATEGORIES, Comparison, Jump, Jumps
from gblm_viz.figures import charts
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import empty_map, map_value, number, role_name
from gblm_viz.words import Words

from .. import work
from ..escape import escape
from ..matrix_view import ArrayProvider, Field, MatrixView, picture, with_pin, without_pin
from ..model_map import ModelMapView
from ..page import Page, bump
from ..session import Selection, Visit
from ..table import plain_table
from .gradients import head_borders, unpin
from .prune import NEARLY_SAME, changes, made_of, place, plain_alpha, selected
from .weight import title

MEASURES = ("column", "head", "neighbour", "row")
PANELS = ("columns", "scores", "wanda")
VIEW_HEIGHT = 414
SIDE = 258
"""About the pixels a side of the picture has: a larger matrix is pooled, so its density against chance is offered."""
AT_ONCE = 20_000_000
"""Prunable weights up to which all masks are scored without being asked: under three seconds."""
MATRIX_AT_ONCE = 1_000_000
"""Weights up to which one matrix is shuffled, ranked and factorised without being asked: five seconds at most."""
FURTHEST = 8
"""Columns outside the band of chance that are listed."""
JUMPS = 5
"""Weights rescued, and sacrificed, that are listed."""
BY_CHANCE = 0.05
"""The share of columns that chance puts outside its band."""
SURE = 3.0
"""Standard deviations of the column score under chance that count as more than chance."""
MUCH = 1.25
"""How many times another score one must be to be called larger."""
SIGNIFICANT = 0.05
"""The p from which on a score counts as chance."""
LEAST_RANGE = 0.05
"""The map's colours reach at least so far: noise must not look like structure."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What the three views show: one matrix of the chosen mask, of Wanda's (or None) and of the shuffled one."""

    matrix: Any
    expert: int
    masks: Masks
    key: Hashable
    applied: bool
    wanda: Masks | None
    wanda_key: Hashable
    own: Any
    beside: Any
    null: Any
    seed: int
    columns: Any
    """int64 (in,): the order its columns are shown in, the densest first; None as they are stored."""

    @property
    def signature(self) -> str:
        """Changes exactly when a picture does."""
        return f"{self.key!r} {self.matrix.name} {self.expert} {self.wanda_key!r} {self.seed} {self.columns is None}"

    @property
    def pattern(self) -> Pattern:
        return self.masks.settings.make_pattern()

    @property
    def rows_fixed(self) -> bool:
        """Whether every row loses the same share by design."""
        return isinstance(self.pattern, PerRow | NofM)

    @property
    def large(self) -> bool:
        return self.matrix.rows * self.matrix.columns > MATRIX_AT_ONCE

    @property
    def against(self) -> Masks | None:
        """Wanda's masks, where this one is not Wanda's itself."""
        return None if self.masks.settings.method == "wanda" else self.wanda


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    matrix: Any
    which: Any
    shuffle: Any
    sort: Any
    tag: Any
    chosen: Any
    wanda: Any
    null: Any
    sentences: Any
    panels: dict[str, Any]
    order: Any
    profile: Any
    outside: Any
    measure: Any
    update: Any
    map_note: Any
    map: Any
    bands: Any
    test: Any
    tested: Any
    counts: Any
    factors: Any
    jumps: Any
    compare: Any

    @property
    def views(self) -> tuple[Any, Any, Any]:
        return self.chosen, self.wanda, self.null

    @property
    def choices(self) -> list[Any]:
        """The controls a refresh reads."""
        return [self.which, self.order, self.measure]

    @property
    def scored(self) -> list[Any]:
        return [self.map, self.map_note, self.update, self.bands, self.tested]

    @property
    def beside(self) -> list[Any]:
        return [self.counts, self.factors, self.jumps, self.compare]

    @property
    def inside(self) -> list[Any]:
        """What the inner tabs hold."""
        return [self.profile, self.outside, *self.scored, *self.beside]

    @property
    def shown(self) -> list[Any]:
        return [self.matrix, self.which, self.sort, self.tag, *self.views, self.sentences, *self.inside]


def build(page: Page) -> None:
    """Lay out the tab and wire it."""
    say = page.words
    with gr.Row(elem_id="patterns-choices"):
        with gr.Column(scale=0, min_width=250):
            matrix = gr.Dropdown([], label=say("patterns.matrix.label"), elem_id="patterns-matrix")
        with gr.Column(scale=0, min_width=200):
            which = gr.Radio([(say(f"patterns.which.{one}"), one) for one in ("applied", "preview")], value="applied",
                             label=say("patterns.which.label"), elem_id="patterns-which")
        with gr.Column(scale=0, min_width=170):
            shuffle = gr.Button(say("patterns.shuffle"), size="sm", elem_id="patterns-shuffle")
            sort = gr.Checkbox(False, label=say("patterns.sort"), container=False, elem_id="patterns-sort")
        tag = gr.HTML(elem_id="patterns-tag")
    with gr.Row(elem_id="patterns-masks"):
        views = []
        for name in ("mask", "wanda", "shuffled"):
            with gr.Column(min_width=300):
                views.append(MatrixView(height=VIEW_HEIGHT, elem_id=f"patterns-{name}"))
    sentences = gr.HTML(f'<p class="sentence">{escape(say("patterns.nothing"))}</p>', elem_id="patterns-sentences")
    panels = {}
    with gr.Tabs(elem_id="patterns-below"):
        with gr.Tab(say("patterns.tab.columns"), id="columns") as panels["columns"]:
            columns = _columns(say)
        with gr.Tab(say("patterns.tab.scores"), id="scores") as panels["scores"]:
            scores = _scores(say)
        with gr.Tab(say("patterns.tab.wanda"), id="wanda") as panels["wanda"]:
            beside = _beside(say)
    chosen, wanda, null = views
    _wire(page, Parts(matrix, which, shuffle, sort, tag, chosen, wanda, null, sentences, panels, *columns, *scores,
                      *beside))


def _columns(say: Words) -> tuple[Any, ...]:
    with gr.Row(elem_classes="patterns-panel"):
        with gr.Column(scale=11, min_width=420):
            order = gr.Radio([(say(f"patterns.profile.{one}"), one) for one in ("in_place", "sorted")], value="sorted",
                             label=say("patterns.profile.order"), elem_id="patterns-order")
            profile = gr.Plot(show_label=False, container=False, elem_id="patterns-profile", elem_classes="small-chart",
                              buttons=[])
        with gr.Column(scale=10, min_width=420):
            outside = gr.HTML(_nothing(say), elem_id="patterns-outside")
    return order, profile, outside


def _scores(say: Words) -> tuple[Any, ...]:
    with gr.Row(elem_classes="patterns-panel"):
        with gr.Column(scale=11, min_width=420):
            measure = gr.Radio([(say(f"patterns.measure.{one}"), one) for one in MEASURES], value="column",
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
            counts = gr.HTML(_nothing(say), elem_id="patterns-counts")
            factors = gr.HTML(elem_id="patterns-factors")
        with gr.Column(scale=10, min_width=420):
            jumps = gr.HTML(elem_id="patterns-jumps")
            compare = gr.Button(say("patterns.jumps.button"), size="sm", scale=0, min_width=200, visible=False,
                                elem_id="patterns-compare")
    return counts, factors, jumps, compare


def _wire(page: Page, parts: Parts) -> None:
    say, signals = page.words, page.signals
    drawn, seed, opened = gr.State({}), gr.State(0), gr.State(PANELS[0])
    show = _Show(page, parts, drawn)
    reads = [drawn, seed, opened, *parts.choices, *parts.views]
    outputs = [*parts.shown, drawn]

    def on_shuffle(visit: Visit, known: dict[str, str], seeded: int, *values: Any) -> dict[Any, Any]:
        return {seed: seeded + 1, **show.everything(visit, known, seeded + 1, *values)}

    def on_sort(visit: Visit, wanted: bool, *values: Any) -> dict[Any, Any]:
        visit.remember("patterns_sorted", wanted)
        return show.everything(visit, *values)

    def on_which(visit: Visit, *values: Any) -> dict[Any, Any]:
        return show.everything(visit, *values, asked=True)

    def on_applied(visit: Visit, known: dict[str, str], seeded: int, panel: str, which: str,
                   *values: Any) -> dict[Any, Any]:
        """A mask was just applied: that is the one to see."""
        return show.everything(visit, known, seeded, panel, "applied", *values)

    def on_open(panel: str) -> Any:
        def open_panel(visit: Visit, known: dict[str, str], seeded: int, _: str, which: str, order: str,
                       measure: str) -> dict[Any, Any]:
            sight = sight_of(visit, which, seeded)
            return {opened: panel, **(show.panel(visit, sight, known, panel, order, measure) if sight else {})}
        return open_panel

    def on_order(visit: Visit, seeded: int, which: str, order: str) -> dict[Any, Any]:
        sight = sight_of(visit, which, seeded)
        return {parts.profile: show.profile(sight, order)} if sight else {}

    def on_measure(visit: Visit, which: str, measure: str) -> dict[Any, Any]:
        sight = sight_of(visit, which, 0)
        return show.structure(visit, sight, measure) if sight else {}

    def on_matrix(visit: Visit, name: str | None, counter: int) -> dict[Any, Any]:
        if not name:
            return {}
        visit.update(selection=Selection(matrix=name))
        return {signals.selection: bump(counter)}

    def on_weight(visit: Visit, index: Any, counter: int, *values: Any) -> dict[Any, Any]:
        row, column = int(index[0]), int(index[1])
        visit.update(selection=replace(visit.session.selection, matrix=selected(visit).name, row=row, column=column))
        pinned = {view: with_pin(value, row, column)
                  for view, value in zip(parts.views, values, strict=True) if value}
        return {**pinned, signals.selection: bump(counter)}

    def followed(visit: Visit, key: Hashable, job: Job[Any]) -> Any:
        """Keeps the job's value under `key`, made by a task that the status line follows."""
        if not page.library.has(key):
            task = page.library.start(visit.key, key, lambda _: _kept(page, key, job))
            yield from page.follow(visit, task, "structure")
        return page.library.get(key)

    def on_update(visit: Visit, which: str, measure: str) -> Iterator[dict[Any, Any]]:
        sight = needed(sight_of(visit, which, 0))
        cells = yield from followed(visit, structure_key(sight), report.structure_cells(visit.model(), sight.masks))
        done = page.note(say("patterns.scored", count=len(cells)))
        yield {**show.scores(visit, needed(sight_of(visit, which, 0)), measure), page.status: done}

    def on_test(visit: Visit, which: str, measure: str) -> Iterator[dict[Any, Any]]:
        sight = needed(sight_of(visit, which, 0))
        own, _ = yield from followed(visit, bands_key(sight), both_bands(visit.model(), sight))
        done = page.note(say("patterns.tested.done", count=len(own.each)))
        yield {**show.scores(visit, needed(sight_of(visit, which, 0)), measure), page.status: done}

    def on_compare(visit: Visit, which: str) -> Iterator[dict[Any, Any]]:
        sight = needed(sight_of(visit, which, 0))
        yield from followed(visit, moved_key(visit, sight), moved_job(visit, sight))
        now = needed(sight_of(visit, which, 0))
        yield {**show.beside(visit, now), page.status: page.note(say("status.ready"))}

    page.on([signals.model.change, signals.statistics.change, signals.settings.change, signals.selection.change],
            show.everything, reads, outputs, latest=True)
    page.on(signals.applied.change, on_applied, reads, outputs, latest=True)
    page.on(parts.which.input, on_which, reads, outputs, latest=True)
    page.on(parts.sort.input, on_sort, [parts.sort, *reads], outputs, latest=True)
    page.on(parts.shuffle.click, on_shuffle, reads, [*outputs, seed], latest=True)
    for name, panel in parts.panels.items():
        page.on(panel.select, on_open(name), [drawn, seed, opened, *parts.choices], [*parts.inside, drawn, opened],
                latest=True)
    page.on(parts.order.input, on_order, [seed, parts.which, parts.order], [parts.profile], latest=True)
    page.on(parts.measure.input, on_measure, [parts.which, parts.measure], parts.scored, latest=True)
    page.on(parts.matrix.input, on_matrix, [parts.matrix, signals.selection], [signals.selection], latest=True)
    page.on(parts.update.click, on_update, [parts.which, parts.measure], parts.scored)
    page.on(parts.test.click, on_test, [parts.which, parts.measure], parts.scored)
    page.on(parts.compare.click, on_compare, [parts.which], parts.beside)
    page.on_event(parts.map.select, "name", on_matrix, [signals.selection], [signals.selection])
    def on_clear(visit: Visit, counter: int) -> dict[Any, Any]:
        return {signals.selection: unpin(visit, counter)}

    page.on([view.clear for view in parts.views], on_clear, [signals.selection], [signals.selection])
    for view in parts.views:
        page.on_event(view.select, "index", on_weight, [signals.selection, *parts.views],
                      [*parts.views, signals.selection])


def _kept(page: Page, key: Hashable, job: Job[Any]) -> Job[None]:
    page.library.put(key, (yield from job))


# What is looked at

def sight_of(visit: Visit, which: str, seed: int) -> Sight | None:
    """The masks to look at, or None before there is any. The applied one where it is asked for and there is one."""
    session, settings = visit.session, visit.session.settings
    if session.model is None:
        return None
    matrix = selected(visit)
    expert = session.selection.expert if matrix.experts else 0
    applied = which == "applied" and visit.library.has(session.applied)
    if not applied and settings.needs and session.statistics is None:
        return None
    masks = work.applied_masks(visit) if applied else work.preview_masks(visit, plain_alpha(visit, settings))
    key = session.applied if applied else work.masks_key(session, plain_alpha(visit, settings))
    wanda, _ = work.comparison_masks(visit, replace(masks.settings, method="wanda"))
    wanda_key = None if wanda is None else work.masks_key(session, wanda.settings)
    own = _one(masks, matrix, expert)
    null = shuffled(own, masks.settings.make_pattern(), seed)
    beside = None if wanda is None else _one(wanda, matrix, expert)
    order = density_order(own, axis=1) if session.extra("patterns_sorted", False) else None
    return Sight(matrix, expert, masks, key, applied, wanda, wanda_key, own, beside, null, seed, order)


def _one(masks: Masks, matrix: Any, expert: int) -> Any:
    mask = masks.masks[matrix.name]
    return mask[expert] if matrix.experts else mask


def needed(sight: Sight | None) -> Sight:
    """The sight, or the sentence that there is nothing to see."""
    if sight is None:
        raise GblmError("nothing_collected")
    return sight


def profile_of(sight: Sight) -> ColumnProfile:
    """The share removed per column, of the masks that are there."""
    masks = {"chosen": sight.own, "wanda": sight.beside, "shuffled": sight.null}
    return report.column_profile(sight.matrix.name, {name: mask for name, mask in masks.items() if mask is not None})


def structure_key(sight: Sight) -> Hashable:
    return ("structure", sight.key)


# Against chance

def bands_key(sight: Sight) -> Hashable:
    return ("structure bands", sight.key, sight.wanda_key)


def both_bands(model: Any, sight: Sight) -> Job[tuple[StructureBands, StructureBands | None]]:
    """This mask's bands of every matrix, and Wanda's: its neighbour score, too, is taken against all its shuffles."""
    own = yield from report.structure_bands(model, sight.masks)
    return own, None if sight.against is None else (yield from report.structure_bands(model, sight.against))


def bands_of(visit: Visit, sight: Sight) -> tuple[dict[str, Band], dict[str, Band] | None] | None:
    """The selected matrix's bands and Wanda's; None where a large matrix still waits for the button."""
    here = (sight.matrix.name, sight.expert)
    if sight.large:
        if not visit.library.has(bands_key(sight)):
            return None
        own, wanda = visit.library.get(bands_key(sight))
        return own.each[here], None if wanda is None else wanda.each[here]

    def band(key: Hashable, masks: Masks) -> dict[str, Band]:
        return visit.library.once(("structure band", key, *here),
                                  lambda: run(report.structure_band(visit.model(), masks, *here)))

    return band(sight.key, sight.masks), None if sight.against is None else band(sight.wanda_key, sight.against)


# Against Wanda

@dataclass(frozen=True)
class Moved:
    """The weights over which this mask and Wanda's part most (None where this one's sums are gone); the gradient's
    factors (None where there is no ℓ1 sum)."""

    jumps: Jumps | None
    factors: Factors | None


def comparison(visit: Visit, sight: Sight, wanda: Masks) -> tuple[Comparison, Comparison]:
    """This mask (A) and Wanda's (B): the selected matrix, or expert, and the whole model.

    At once for every model: the masks themselves, made just before, take far longer.
    """
    found = visit.library.once(("two masks", sight.key, sight.wanda_key),
                               lambda: two_masks.compare(sight.masks.masks, wanda.masks))
    here = {sight.matrix.name: sight.own}
    return two_masks.compare(here, {sight.matrix.name: sight.beside}).whole, found.whole


def moved_key(visit: Visit, sight: Sight) -> Hashable:
    return ("moved", sight.key, sight.wanda_key, visit.session.statistics, sight.matrix.name, sight.expert)


def moved_job(visit: Visit, sight: Sight) -> Job[Moved]:
    """A = Wanda, B = this mask: what B rescued and sacrificed; and how far the gradient is row × column."""
    model, found, name = visit.model(), visit.statistics(), sight.matrix.name
    own = work.applied_statistics(visit) if sight.applied else found
    settings, wanda = scored_by(sight.masks), needed_wanda(sight).settings
    yield Step(0, 1, "matrix")
    jumps = None
    if own is not None or not settings.needs:
        scores = [prune.scores_of(model, *made, name) for made in ((found, wanda), (own, settings))]
        before, after = (one[sight.expert] if sight.matrix.experts else one for one in scores)
        jumps = two_masks.rank_jumps(before, after, sight.beside, sight.own, JUMPS)
    return Moved(jumps, report.gradient_factors(found, name, sight.expert))


def needed_wanda(sight: Sight) -> Masks:
    assert sight.wanda is not None
    return sight.wanda


def scored_by(masks: Masks) -> Settings:
    """The settings that made the masks, α as the number it was: it need not be looked for again."""
    if masks.alpha is None:
        return masks.settings
    return replace(masks.settings, alpha=Alpha("number", masks.alpha))


class _Show:
    """From a visitor's session to the updates of this tab's components."""

    def __init__(self, page: Page, parts: Parts, drawn: Any) -> None:
        self.page, self.words, self.parts, self.drawn = page, page.words, parts, drawn

    def everything(self, visit: Visit, known: dict[str, str], seed: int, panel: str, which: str, order: str,
                   measure: str, *values: Any, asked: bool = False) -> dict[Any, Any]:
        """All that is in sight; pictures that are the same stay as the visitor zoomed them."""
        parts, say = self.parts, self.words
        sight = sight_of(visit, which, seed)
        if sight is None:
            return {**dict.fromkeys(parts.views), parts.sentences: _nothing(say), parts.tag: "", self.drawn: {},
                    **self.nothing()}
        model, name = visit.model(), sight.matrix.name
        choices = [(place(say, matrix), matrix.name) for matrix in model.layout.matrices]
        updates = {parts.tag: self.tag(visit, sight), parts.sort: sight.columns is not None,
                   parts.matrix: gr.update(choices=choices, value=name)}
        if asked or which != ("applied" if sight.applied else "preview"):
            updates[parts.which] = "applied" if sight.applied else "preview"
        if known.get("masks") == sight.signature:
            return updates | self._pins(visit, values) | self.panel(visit, sight, known, panel, order, measure)
        updates |= {view: self._picture(visit, view, sight, value)
                    for view, value in zip(parts.views, values, strict=True)}
        return {**updates, parts.sentences: self.sentences(visit, sight),
                **self.panel(visit, sight, known | {"masks": sight.signature}, panel, order, measure)}

    def nothing(self) -> dict[Any, Any]:
        """The inner tabs before there is a mask."""
        parts, told = self.parts, _nothing(self.words)
        blank = dict.fromkeys([parts.tested, parts.factors, parts.jumps, parts.map_note], "")
        hidden = {one: gr.update(visible=False) for one in (parts.update, parts.compare)}
        return {**blank, **hidden, parts.profile: None, parts.outside: told, parts.bands: told, parts.counts: told,
                parts.map: empty_map(self.words("patterns.map.empty"))}

    def panel(self, visit: Visit, sight: Sight, known: dict[str, str], panel: str, order: str,
              measure: str) -> dict[Any, Any]:
        """The inner tab in sight, unless it shows this already; the others are filled when they are opened."""
        if known.get(panel) == sight.signature:
            return {self.drawn: known}
        show = {"columns": lambda: self.columns(visit, sight, order), "wanda": lambda: self.beside(visit, sight),
                "scores": lambda: self.scores(visit, sight, measure)}[panel]
        return {**show(), self.drawn: known | {panel: sight.signature}}

    def _pins(self, visit: Visit, values: tuple[Any, ...]) -> dict[Any, Any]:
        selection = visit.session.selection
        if selection.row is None or selection.column is None:
            return {view: without_pin(value) for view, value in zip(self.parts.views, values, strict=True)
                    if value and value.get("pin")}
        pin = (selection.row, selection.column)
        return {view: with_pin(value, *pin) for view, value in zip(self.parts.views, values, strict=True)
                if value and value.get("pin") != list(pin)}

    def _picture(self, visit: Visit, view: Any, sight: Sight, previous: Any) -> Any:
        parts, say, selection = self.parts, self.words, visit.session.selection
        what = say("patterns.view.preview")
        if sight.applied:
            what = say("patterns.view.applied", number=visit.session.applied_number)
        title, mask = {
            parts.chosen: (say("patterns.view.chosen", method=sight.masks.settings.method, what=what), sight.own),
            parts.wanda: (say("patterns.view.wanda"), sight.beside),
            parts.null: (say("patterns.view.shuffled"), sight.null)}[view]
        if mask is None:
            return None
        order = slice(None) if sight.columns is None else sight.columns
        array = mask[:, order].numpy()
        fields = {Field("mask", say("patterns.view.mask"), "mask"): array}
        if max(array.shape) > SIDE:
            fields[Field("chance", say("patterns.view.chance"), "diverging", -4, 4, pooling="chance")] = array
        if view is parts.chosen and sight.beside is not None:
            names = tuple(say(f"patterns.four.{name}") for name in CATEGORIES)
            four = Field("beside", say("patterns.view.beside"), "four", categories=names)
            fields[four] = two_masks.categories(sight.own, sight.beside)[:, order].numpy()
        pin = (-1 if selection.row is None else selection.row, -1 if selection.column is None else selection.column)
        inside = 0 <= pin[0] < array.shape[0] and 0 <= pin[1] < array.shape[1]
        made = [place(say, sight.matrix, sight.expert), *made_of(say, visit, sight.masks.settings, sight.masks), what]
        return picture(ArrayProvider(fields), title, say.table("matrix"), pin=pin if inside else None,
                       previous=previous, note=" · ".join(made), sorted_columns=sight.columns,
                       heads=head_borders(visit.model(), sight.matrix) if sight.columns is None else (0, 0))

    def tag(self, visit: Visit, sight: Sight) -> str:
        """What made the mask, and whether the controls have moved on since."""
        say, session, settings = self.words, visit.session, sight.masks.settings
        parts = made_of(say, visit, settings, sight.masks)
        if not sight.applied:
            parts.append(say("prune.tag.preview_only"))
            return f'<div class="tag">{escape(" · ".join([*parts, say("patterns.tag.beside")]))}</div>'
        order = say(f"prune.order.{settings.order}")
        parts += [say("patterns.tag.applied", number=session.applied_number, order=order), say("patterns.tag.beside")]
        moved = ""
        if session.applied != work.masks_key(session, settings):
            moved = say("patterns.tag.other_text")
        elif session.applied != work.masks_key(session, session.settings):
            moved = say("patterns.tag.stale", changes=changes(say, visit, settings, session.settings))
        return (f'<div class="tag{" moved" if moved else ""}">{escape(" · ".join(parts))}'
                + (f"<br><b>{escape(moved)}</b>" if moved else "") + "</div>")

    def sentences(self, visit: Visit, sight: Sight) -> str:
        """What the eye should look for, with this mask's own numbers."""
        told = [self._same(visit, sight), self._columns(sight), self._rows(sight)]
        if sight.wanda is None:
            told.append(self.words("patterns.no_wanda"))
        return "".join(f'<p class="sentence">{escape(one)}</p>' for one in told if one)

    def _same(self, visit: Visit, sight: Sight) -> str:
        """How much of the mask is Wanda's anyway."""
        if sight.against is None:
            return ""
        here, whole = comparison(visit, sight, sight.against)
        if sight.masks.settings.method == "gblm":
            if whole.agreement > NEARLY_SAME:
                return self.words("patterns.sentence.same", agreement=percent(whole.agreement))
            if here.agreement > NEARLY_SAME:
                return self.words("patterns.sentence.same_matrix", agreement=percent(here.agreement))
        return self.words("patterns.sentence.agreement", agreement=percent(here.agreement),
                          chance=percent(here.chance))

    def _columns(self, sight: Sight) -> str:
        say = self.words
        own, null = column_score(sight.own), column_score(sight.null)
        fields = {"place": place(say, sight.matrix, sight.expert), "method": sight.masks.settings.method,
                  "own": score(own), "shuffled": score(null)}
        if sight.wanda is None:
            verdict = say("patterns.sentence.uneven" if own > chance_limit(sight.own) else "patterns.sentence.chance")
            return say("patterns.sentence.columns_alone", **fields, verdict=verdict)
        beside = column_score(sight.beside)
        verdict = column_verdict(say, sight, own, beside)
        return say("patterns.sentence.columns", **fields, wanda=score(beside), verdict=verdict)

    def _rows(self, sight: Sight) -> str:
        pattern = sight.pattern
        if isinstance(pattern, PerRow):
            return self.words("patterns.sentence.rows")
        if isinstance(pattern, NofM):
            return self.words("patterns.sentence.groups", m=pattern.m, n=pattern.n)
        return self.words("patterns.sentence.free", row=score(row_score(sight.own)))

    def columns(self, visit: Visit, sight: Sight, order: str) -> dict[Any, Any]:
        """The inner tab of the columns."""
        return {self.parts.profile: self.profile(sight, order), self.parts.outside: self.outside(visit, sight)}

    def outside(self, visit: Visit, sight: Sight) -> str:
        """The columns furthest outside the band of chance, and what writes them."""
        say, model = self.words, visit.model()
        found = outside_columns(sight.own, sight.pattern)
        wanda = profile_of(sight).densities.get("wanda")
        told = say("patterns.outside.told", count=f"{len(found):,}", columns=f"{sight.matrix.columns:,}",
                   expected=f"{BY_CHANCE * sight.matrix.columns:,.0f}")
        if not found:
            return f'<p class="sentence small">{escape(told)}</p>'
        heads = [(say(f"patterns.outside.{name}"), style) for name, style in (
            ("column", "number"), ("removed", "number"), ("wanda", "number"), ("z", "number"), ("writer", ""))]
        rows = [(f"{one.column:,}", percent(one.density), "–" if wanda is None else percent(float(wanda[one.column])),
                 deviations(one.z), written_by(say, report.writer(model, sight.matrix, one.column)))
                for one in found[:FURTHEST]]
        return (f'<p class="sentence small">{escape(told)}</p>' + title(say("patterns.outside.title"))
                + plain_table(heads, rows) + f'<p class="tag">{escape(say("patterns.outside.note"))}</p>')

    def profile(self, sight: Sight, order: str) -> Any:
        """The share removed per column, of all three masks."""
        say = self.words
        names = {"chosen": sight.masks.settings.method, "wanda": say("patterns.view.wanda"),
                 "shuffled": say("patterns.view.shuffled")}
        return charts.column_profile(profile_of(sight), place(say, sight.matrix, sight.expert), names,
                                     order == "sorted", say)

    def scores(self, visit: Visit, sight: Sight, measure: str) -> dict[Any, Any]:
        """The inner tab of the structure scores."""
        return {**self.structure(visit, sight, measure), self.parts.bands: self.bands(visit, sight),
                self.parts.tested: self.tested(visit, sight)}

    def bands(self, visit: Visit, sight: Sight) -> str:
        """The selected matrix's scores beside Wanda's and chance's."""
        say, found = self.words, bands_of(visit, sight)
        head = title(say("patterns.bands.title", place=place(say, sight.matrix, sight.expert)))
        if found is None:
            waits = say("patterns.bands.waits", weights=f"{sight.matrix.rows * sight.matrix.columns:,}")
            return f'{head}<p class="sentence small">{escape(waits)}</p>'
        heads = [(say("patterns.bands.score"), ""), (sight.masks.settings.method, "number"),
                 (say("patterns.bands.wanda"), "number"), (say("patterns.bands.chance", draws=DRAWS), "number"),
                 ("p", "number")]
        return (head + plain_table(heads, band_rows(say, *found, sight.rows_fixed))
                + f'<p class="tag">{escape(say("patterns.bands.note", draws=DRAWS, all=DRAWS + 1))}</p>')

    def tested(self, visit: Visit, sight: Sight) -> str:
        """Every score's mean over all matrices against chance, once the button was pressed."""
        say, key = self.words, bands_key(sight)
        if not visit.library.has(key):
            return f'<p class="tag">{escape(say("patterns.tested.hint", draws=DRAWS))}</p>'
        own, wanda = visit.library.get(key)
        return tested(say, own, wanda, sight.rows_fixed) + beside_paper(say, sight.masks.settings.method, own, wanda)

    def beside(self, visit: Visit, sight: Sight) -> dict[Any, Any]:
        """The inner tab where this mask is set against Wanda's."""
        parts, say, wanda = self.parts, self.words, sight.against
        if wanda is None:
            told = say("patterns.no_wanda" if sight.wanda is None else "patterns.is_wanda")
            return {parts.counts: f'<p class="sentence">{escape(told)}</p>', parts.factors: "", parts.jumps: "",
                    parts.compare: gr.update(visible=False)}
        counts = counts_table(say, place(say, sight.matrix, sight.expert), *comparison(visit, sight, wanda))
        if sight.large and not visit.library.has(moved_key(visit, sight)):
            waits = say("patterns.jumps.waits", weights=f"{sight.matrix.rows * sight.matrix.columns:,}")
            return {parts.counts: counts, parts.factors: "", parts.compare: gr.update(visible=True),
                    parts.jumps: f'<p class="sentence small">{escape(waits)}</p>'}
        moved = visit.library.once(moved_key(visit, sight), lambda: run(moved_job(visit, sight)))
        return {parts.counts: counts, parts.compare: gr.update(visible=False),
                parts.jumps: jumps_tables(say, moved.jumps, sight.masks.settings),
                parts.factors: factors_sentence(say, moved.factors, sight.rows_fixed)}

    def structure(self, visit: Visit, sight: Sight, measure: str) -> dict[Any, Any]:
        """The structure scores of all matrices as a map; a large model waits for the button."""
        parts, say, key = self.parts, self.words, structure_key(sight)
        if not visit.library.has(key) and sight.masks.prunable > AT_ONCE:
            note = f'<div class="tag">{escape(say("patterns.update_note"))}</div>'
            return {parts.map: empty_map(say("patterns.map.empty")), parts.map_note: note,
                    parts.update: gr.update(visible=True)}
        model = visit.model()
        cells = visit.library.once(key, lambda: run(report.structure_cells(model, sight.masks)))
        done = {parts.map_note: "", parts.update: gr.update(visible=False)}
        if measure == "row" and sight.rows_fixed:
            return done | {parts.map: empty_map(say("patterns.map.fixed"))}
        return done | {parts.map: structure_value(say, report.structure_map(model, cells, measure), cells, measure,
                                                  sight.matrix.name)}


def structure_value(say: Words, found: report.ModelMap, cells: tuple[StructureCell, ...], measure: str,
                    chosen: str) -> dict[str, Any]:
    """The model map of one structure score; each cell says its matrix's score and that of the shuffled mask."""
    scored = {cell.name: cell for cell in cells}
    shown = [cell.value for cell in found.cells if math.isfinite(cell.value)]
    named = say(f"patterns.measure.{measure}")

    def sentence(cell: Cell) -> str:
        fields = {"block": cell.block, "role": role_name(say, cell.role), "measure": named}
        if not math.isfinite(cell.value):
            return say("patterns.map.none", **fields)
        null = getattr(scored[cell.name], f"null_{measure}", math.nan)
        told = say("patterns.map.cell", **fields, value=score(cell.value))
        return told + (say("patterns.map.null", value=score(null)) if math.isfinite(null) else "")

    return map_value(found, say, title=say(f"patterns.map.title_{measure}"), unit=say("patterns.map.unit"),
                     sentence=sentence, bounds=(0.0, max([LEAST_RANGE, *shown])), label=score, selected=chosen,
                     note=say("patterns.map.note"))


def _nothing(say: Words) -> str:
    return f'<p class="sentence">{escape(say("patterns.nothing"))}</p>'


def written_by(say: Words, writer: Writer) -> str:
    """What writes a column's input: head 2, value row 81."""
    if writer.row is not None:
        return say("patterns.outside.head_row", number=writer.number, row=writer.row)
    return say(f"patterns.outside.{writer.kind}", number=f"{writer.number:,}")


def band_rows(say: Words, own: dict[str, Band], wanda: dict[str, Band] | None, fixed: bool) -> list[tuple[str, ...]]:
    """One row a score: this mask's, Wanda's, chance's lowest and highest, p; or why there is none."""
    rows: list[tuple[str, ...]] = []
    for name in MEASURES:
        band, named = own[name], say(f"patterns.measure.{name}")
        if math.isfinite(band.score):
            beside = math.nan if wanda is None else wanda[name].score
            rows.append((named, score(band.score), score(beside), between(say, band), probability(band.p)))
        else:
            rows.append((named, "–", "–", say(f"patterns.bands.{'fixed' if fixed and name == 'row' else 'none'}"), "–"))
    return rows


def tested(say: Words, own: StructureBands, wanda: StructureBands | None, fixed: bool) -> str:
    """The whole model's scores as sentences, one a score, and what p can say."""
    told = [say("patterns.tested.title", draws=DRAWS)]
    for name in MEASURES:
        band, named = own.whole[name], say(f"patterns.measure.{name}")
        count = sum(math.isfinite(one[name].score) for one in own.each.values())
        if not math.isfinite(band.score):
            told.append(say(f"patterns.tested.{'fixed' if fixed and name == 'row' else 'none'}", measure=named))
            continue
        beside = "" if wanda is None else say("patterns.tested.wanda", value=score(wanda.whole[name].score))
        told.append(say("patterns.tested.score", measure=named, value=score(band.score), wanda=beside, count=count,
                        chance=between(say, band), p=probability(band.p)))
    told.append(say("patterns.tested.smallest", all=DRAWS + 1, p=probability(1 / (DRAWS + 1))))
    return "".join(f'<p class="tested">{escape(one)}</p>' for one in told)


def beside_paper(say: Words, method: str, own: StructureBands, wanda: StructureBands | None) -> str:
    """What the paper says of structural patterns, and whether this run shows more of them than Wanda and chance do."""
    band = own.whole["column"]
    if not math.isfinite(band.score):
        return ""
    verdict = "chance" if band.p > SIGNIFICANT else "alone" if wanda is None else (
        "more" if band.score > MUCH * wanda.whole["column"].score else
        "less" if band.score * MUCH < wanda.whole["column"].score else "same")
    paper = say("patterns.paper.reports")
    run_shows = say("patterns.paper.shows", method=method, verdict=say(f"patterns.paper.{verdict}"))
    return f'<p class="tested"><b>{escape(paper)}</b> {escape(run_shows)}</p>'


def counts_table(say: Words, where: str, here: Comparison, whole: Comparison) -> str:
    """The four numbers of two masks, and how far they agree beyond chance, for the matrix and the whole model."""
    def counted(one: Comparison, name: str) -> str:
        count = getattr(one, name)
        return f"{count:,} ({percent(count / (one.kept + one.removed + one.only_a + one.only_b))})"

    rows = [(say(f"patterns.four.{name}"), counted(here, name), counted(whole, name)) for name in CATEGORIES]
    rows += [(say(f"patterns.counts.{name}"), percent(getattr(here, name)), percent(getattr(whole, name)))
             for name in ("agreement", "chance")]
    rows.append((say("patterns.counts.kappa"), score(here.kappa), score(whole.kappa)))
    heads = [(say("patterns.counts.what"), ""), (where, "number"), (say("patterns.counts.whole"), "number")]
    return title(say("patterns.counts.title")) + plain_table(heads, rows)


def jumps_tables(say: Words, jumps: Jumps | None, settings: Settings) -> str:
    """The weights rescued and sacrificed most, with their places in the row before and after."""
    if jumps is None:
        return f'<p class="sentence small">{escape(say("patterns.jumps.gone"))}</p>'
    method = settings.method
    heads = [(say("patterns.jumps.row"), "number"), (say("patterns.jumps.column"), "number"),
             (say("patterns.jumps.wanda"), "number"), (say("patterns.jumps.own", method=method), "number")]
    made = ""
    for name, found in zip(("rescued", "sacrificed"), jumps, strict=True):
        made += title(say(f"patterns.jumps.{name}", method=method))
        made += (plain_table(heads, [jump_row(one) for one in found]) if found
                 else f'<p class="tag">{escape(say("patterns.jumps.none"))}</p>')
    notes = [say("patterns.jumps.note")]
    if settings.order == "sequential" and "inputs" in settings.needs:
        notes.append(say("patterns.jumps.sequential"))
    return made + f'<p class="tag">{escape(" ".join(notes))}</p>'


def jump_row(jump: Jump) -> tuple[str, ...]:
    return f"{jump.row:,}", f"{jump.column:,}", percent(jump.rank_a), percent(jump.rank_b)


def factors_sentence(say: Words, factors: Factors | None, fixed: bool) -> str:
    """What of the gradient is more than a row factor times a column factor, and why that is what counts."""
    if factors is None or math.isnan(factors.share):
        told = say("patterns.factors.none")
    else:
        told = say("patterns.factors.told", flat=percent(factors.flat), share=percent(factors.share),
                   row=say(f"patterns.factors.{'row_fixed' if fixed else 'row_free'}"),
                   rest=percent(1 - factors.share))
    return f'<p class="sentence small">{escape(told)}</p>'


def between(say: Words, band: Band) -> str:
    return say("patterns.bands.between", low=score(band.low), high=score(band.high))


def probability(p: float) -> str:
    return f"{p:.3f}"


def deviations(z: float) -> str:
    """+4.1, −12.0"""
    return f"{z:+.1f}".replace("-", "−")


def score(value: float) -> str:
    """A structure score with three decimals: 0.031; – where it does not apply."""
    return "–" if not math.isfinite(value) else f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")


def chance_limit(mask: Any) -> float:
    """A column score that chance hardly reaches: the variance over C columns of R rows scatters by √(2/C)/R."""
    rows, columns = mask.shape
    return SURE * math.sqrt(2 / columns) / max(1, rows - 1)


def column_verdict(say: Words, sight: Sight, own: float, beside: float) -> str:
    """The three column scores in plain words."""
    if not math.isfinite(own) or own <= chance_limit(sight.own):
        return say("patterns.sentence.chance")
    if sight.masks.settings.method == "wanda":
        return say("patterns.sentence.is_wanda")
    if beside <= chance_limit(sight.beside) or own > MUCH * beside:
        return say("patterns.sentence.more", times=number(own / beside) if beside > 0 else "∞")
    if own * MUCH < beside:
        return say("patterns.sentence.less", times=number(beside / own))
    return say("patterns.sentence.like_wanda")
