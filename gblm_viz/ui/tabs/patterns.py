"""The tab where a mask is looked at: beside Wanda's and a shuffled one, column by column, and scored against chance.

Knows no method and no weight: masks come from work, numbers from core, pictures from figures.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gblm_viz.core import report
from gblm_viz.core.job import run
from gblm_viz.core.patterns import NofM, PerRow, shuffled
from gblm_viz.core.prune import Masks
from gblm_viz.core.report import Cell, StructureCell
from gblm_viz.core.structure import agreement, column_score, row_score
from gblm_viz.figures import charts
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import empty_map, map_value, number, role_name
from gblm_viz.words import Words

from .. import work
from ..escape import escape
from ..matrix_view import ArrayProvider, Field, MatrixView, picture, with_pin
from ..model_map import ModelMapView
from ..page import Page, bump
from ..session import Selection, Visit
from .prune import NEARLY_SAME, changes, made_of, place, plain_alpha, selected

MEASURES = ("column", "head", "neighbour", "row")
VIEW_HEIGHT = 400
SIDE = 360
"""About the pixels a side of the picture has: a larger matrix is pooled, so its density against chance is offered."""
AT_ONCE = 20_000_000
"""Prunable weights up to which all masks are scored without being asked: under three seconds."""
SURE = 3.0
"""Standard deviations of the column score under chance that count as more than chance."""
MUCH = 1.25
"""How many times another score one must be to be called larger."""
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
    own: Any
    beside: Any
    null: Any

    @property
    def signature(self) -> str:
        """Changes exactly when a picture does."""
        return f"{self.key!r} {self.matrix.name} {self.expert} {None if self.wanda is None else self.wanda.settings!r}"


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    matrix: Any
    which: Any
    shuffle: Any
    tag: Any
    chosen: Any
    wanda: Any
    null: Any
    sentences: Any
    order: Any
    profile: Any
    measure: Any
    update: Any
    map_note: Any
    map: Any

    @property
    def views(self) -> tuple[Any, Any, Any]:
        return self.chosen, self.wanda, self.null

    @property
    def choices(self) -> list[Any]:
        """The controls a refresh reads."""
        return [self.which, self.order, self.measure]

    @property
    def shown(self) -> list[Any]:
        return [self.matrix, self.which, self.tag, *self.views, self.sentences, self.profile, self.update,
                self.map_note, self.map]


def build(page: Page) -> None:
    """Lay out the tab and wire it."""
    say = page.words
    with gr.Row(elem_id="patterns-choices"):
        with gr.Column(scale=0, min_width=250):
            matrix = gr.Dropdown([], label=say("patterns.matrix.label"), elem_id="patterns-matrix")
        with gr.Column(scale=0, min_width=200):
            which = gr.Radio([(say(f"patterns.which.{one}"), one) for one in ("applied", "preview")], value="applied",
                             label=say("patterns.which.label"), elem_id="patterns-which")
        shuffle = gr.Button(say("patterns.shuffle"), size="sm", scale=0, min_width=130, elem_id="patterns-shuffle")
        tag = gr.HTML(elem_id="patterns-tag")
    with gr.Row(elem_id="patterns-masks"):
        views = []
        for name in ("mask", "wanda", "shuffled"):
            with gr.Column(min_width=300):
                views.append(MatrixView(height=VIEW_HEIGHT, elem_id=f"patterns-{name}"))
    sentences = gr.HTML(f'<p class="sentence">{escape(say("patterns.nothing"))}</p>', elem_id="patterns-sentences")
    with gr.Row(elem_id="patterns-below"):
        with gr.Column(min_width=420):
            order = gr.Radio([(say(f"patterns.profile.{one}"), one) for one in ("in_place", "sorted")], value="sorted",
                             label=say("patterns.profile.order"), elem_id="patterns-order")
            profile = gr.Plot(show_label=False, container=False, elem_id="patterns-profile", elem_classes="small-chart",
                              buttons=[])
        with gr.Column(min_width=420):
            measure = gr.Radio([(say(f"patterns.measure.{one}"), one) for one in MEASURES], value="column",
                               label=say("patterns.measure.label"), elem_id="patterns-measure")
            with gr.Row():
                map_note = gr.HTML(elem_id="patterns-map-note")
                update = gr.Button(say("patterns.update"), size="sm", scale=0, min_width=160, visible=False,
                                   elem_id="patterns-update")
            structure = ModelMapView(empty_map(say("patterns.map.empty")), height=272, elem_id="patterns-map")
    chosen, wanda, null = views
    _wire(page, Parts(matrix, which, shuffle, tag, chosen, wanda, null, sentences, order, profile, measure, update,
                      map_note, structure))


def _wire(page: Page, parts: Parts) -> None:
    say, signals = page.words, page.signals
    drawn, seed = gr.State(""), gr.State(0)
    show = _Show(page, parts, drawn)
    reads = [drawn, seed, *parts.choices, *parts.views]
    outputs = [*parts.shown, drawn]

    def on_shuffle(visit: Visit, seeded: int, which: str, order: str, measure: str, *values: Any) -> dict[Any, Any]:
        return {seed: seeded + 1, **show.everything(visit, "", seeded + 1, which, order, measure, *values)}

    def on_which(visit: Visit, *values: Any) -> dict[Any, Any]:
        return show.everything(visit, *values, asked=True)

    def on_applied(visit: Visit, known: str, seeded: int, which: str, *values: Any) -> dict[Any, Any]:
        """A mask was just applied: that is the one to see."""
        return show.everything(visit, known, seeded, "applied", *values)

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

    def on_update(visit: Visit, which: str, measure: str) -> Iterator[dict[Any, Any]]:
        sight = sight_of(visit, which, 0)
        if sight is None:
            return
        model = visit.model()
        task = page.library.start(visit.key, structure_key(sight), lambda _: report.structure_cells(model, sight.masks))
        cells = yield from page.follow(visit, task, "structure")
        page.library.put(structure_key(sight), cells)
        done = page.note(say("patterns.scored", count=len(cells)))
        yield {**show.structure(visit, sight, measure), page.status: done}

    page.on([signals.model.change, signals.statistics.change, signals.settings.change, signals.selection.change],
            show.everything, reads, outputs, latest=True)
    page.on(signals.applied.change, on_applied, reads, outputs, latest=True)
    page.on(parts.which.input, on_which, reads, outputs, latest=True)
    page.on(parts.shuffle.click, on_shuffle, [seed, *parts.choices, *parts.views], [*outputs, seed], latest=True)
    page.on(parts.order.input, on_order, [seed, parts.which, parts.order], [parts.profile], latest=True)
    page.on(parts.measure.input, on_measure, [parts.which, parts.measure], [parts.map, parts.map_note, parts.update],
            latest=True)
    page.on(parts.matrix.input, on_matrix, [parts.matrix, signals.selection], [signals.selection], latest=True)
    page.on(parts.update.click, on_update, [parts.which, parts.measure], [parts.map, parts.map_note, parts.update])
    page.on_event(parts.map.select, "name", on_matrix, [signals.selection], [signals.selection])
    for view in parts.views:
        page.on_event(view.select, "index", on_weight, [signals.selection, *parts.views],
                      [*parts.views, signals.selection])


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
    own = _one(masks, matrix, expert)
    null = shuffled(own, masks.settings.make_pattern(), seed)
    beside = None if wanda is None else _one(wanda, matrix, expert)
    return Sight(matrix, expert, masks, key, applied, wanda, own, beside, null)


def _one(masks: Masks, matrix: Any, expert: int) -> Any:
    mask = masks.masks[matrix.name]
    return mask[expert] if matrix.experts else mask


def structure_key(sight: Sight) -> Hashable:
    return ("structure", sight.key)


class _Show:
    """From a visitor's session to the updates of this tab's components."""

    def __init__(self, page: Page, parts: Parts, drawn: Any) -> None:
        self.page, self.words, self.parts, self.drawn = page, page.words, parts, drawn

    def everything(self, visit: Visit, known: str, seed: int, which: str, order: str, measure: str, *values: Any,
                   asked: bool = False) -> dict[Any, Any]:
        """All of the tab; pictures that are the same stay as the visitor zoomed them."""
        parts, say = self.parts, self.words
        sight = sight_of(visit, which, seed)
        if sight is None:
            told = f'<p class="sentence">{escape(say("patterns.nothing"))}</p>'
            return {**dict.fromkeys(parts.views), parts.sentences: told, parts.profile: None, parts.tag: "",
                    parts.map: empty_map(say("patterns.map.empty")), parts.map_note: "", self.drawn: "",
                    parts.update: gr.update(visible=False)}
        model, name = visit.model(), sight.matrix.name
        choices = [(place(say, matrix), matrix.name) for matrix in model.layout.matrices]
        updates = {parts.tag: self.tag(visit, sight), parts.matrix: gr.update(choices=choices, value=name)}
        if asked or which != ("applied" if sight.applied else "preview"):
            updates[parts.which] = "applied" if sight.applied else "preview"
        signature = f"{sight.signature} {seed}"
        if signature == known:
            return updates | self._pins(visit, values)
        updates |= {view: self._picture(visit, view, sight, value)
                    for view, value in zip(parts.views, values, strict=True)}
        return {**updates, parts.sentences: self.sentences(sight), parts.profile: self.profile(sight, order),
                **self.structure(visit, sight, measure), self.drawn: signature}

    def _pins(self, visit: Visit, values: tuple[Any, ...]) -> dict[Any, Any]:
        selection = visit.session.selection
        if selection.row is None or selection.column is None:
            return {}
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
        array = mask.numpy()
        fields = {Field("mask", say("patterns.view.mask"), "mask"): array}
        if max(array.shape) > SIDE:
            fields[Field("chance", say("patterns.view.chance"), "diverging", -4, 4, pooling="chance")] = array
        pin = (-1 if selection.row is None else selection.row, -1 if selection.column is None else selection.column)
        inside = 0 <= pin[0] < array.shape[0] and 0 <= pin[1] < array.shape[1]
        return picture(ArrayProvider(fields), title, say.table("matrix"), pin=pin if inside else None,
                       previous=previous)

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

    def sentences(self, sight: Sight) -> str:
        """What the eye should look for, with this mask's own numbers."""
        told = [self._same(sight), self._columns(sight), self._rows(sight)]
        if sight.wanda is None:
            told.append(self.words("patterns.no_wanda"))
        return "".join(f'<p class="sentence">{escape(one)}</p>' for one in told if one)

    def _same(self, sight: Sight) -> str:
        """How much of the mask is Wanda's anyway."""
        if sight.wanda is None or sight.masks.settings.method == "wanda":
            return ""
        if sight.masks.settings.method == "gblm":
            whole = report.model_agreement(sight.masks, sight.wanda)
            if whole > NEARLY_SAME:
                return self.words("patterns.sentence.same", agreement=percent(whole))
        here = agreement(sight.own, sight.beside)
        if sight.masks.settings.method == "gblm" and here > NEARLY_SAME:
            return self.words("patterns.sentence.same_matrix", agreement=percent(here))
        one, other = float(sight.own.double().mean()), float(sight.beside.double().mean())
        return self.words("patterns.sentence.agreement", agreement=percent(here),
                          chance=percent(one * other + (1 - one) * (1 - other)))

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
        pattern = sight.masks.settings.make_pattern()
        if isinstance(pattern, PerRow):
            return self.words("patterns.sentence.rows")
        if isinstance(pattern, NofM):
            return self.words("patterns.sentence.groups", m=pattern.m, n=pattern.n)
        return self.words("patterns.sentence.free", row=score(row_score(sight.own)))

    def profile(self, sight: Sight, order: str) -> Any:
        """The share removed per column, of all three masks."""
        say = self.words
        masks = {"chosen": sight.own, "wanda": sight.beside, "shuffled": sight.null}
        names = {"chosen": sight.masks.settings.method, "wanda": say("patterns.view.wanda"),
                 "shuffled": say("patterns.view.shuffled")}
        there = {name: mask for name, mask in masks.items() if mask is not None}
        found = report.column_profile(sight.matrix.name, there)
        return charts.column_profile(found, place(say, sight.matrix, sight.expert), names, order == "sorted", say)

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
        if measure == "row" and isinstance(sight.masks.settings.make_pattern(), PerRow | NofM):
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
