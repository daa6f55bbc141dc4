"""What the Patterns tab shows: its components, and a visitor's session as updates of them.

Masks come from work, numbers from core, pictures from figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.core.base.job import run
from gblm_viz.core.look import two_masks
from gblm_viz.core.look.columns import column_source
from gblm_viz.core.look.structure import DRAWS, column_score, outside_columns, row_score
from gblm_viz.core.look.structure_maps import agreement_map, structure_cells, structure_map
from gblm_viz.core.look.two_masks import CATEGORIES
from gblm_viz.core.mask.patterns import NofM, PerRow
from gblm_viz.escape import escape
from gblm_viz.figures import charts
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import empty_map, number
from gblm_viz.words import Words

from ..components.matrix_view import ArrayProvider, Field, MatrixView, picture, with_pin, without_pin
from ..components.model_map import ModelMapView
from ..components.table import plain_table
from ..visit.library import Visit
from ..visit.page import Page
from ..visit.remembered import PATTERNS_PANEL
from ..work import work
from .patterns_data import (
    SIDE,
    PatternData,
    bands_key,
    bands_of,
    compare_masks,
    compare_selected,
    moved_job,
    moved_key,
    pattern_data,
    profile_of,
    structure_key,
)
from .patterns_text import (
    MUCH,
    band_rows,
    counts_table,
    deviations,
    factors_sentence,
    jumps_tables,
    kappa_value,
    p_value_sentences,
    paper_sentence,
    score,
    source_name,
    structure_value,
)
from .prune_text import NEARLY_SAME, changes, made_of, place
from .weight import title

AT_ONCE = 20_000_000
"""Largest number of prunable weights for which all masks are scored automatically: under three seconds."""
FURTHEST = 8
"""Most columns outside the band of chance that are listed."""
BY_CHANCE = 0.05
"""Expected share of columns outside the band of chance if only chance is at work."""
SURE = 3.0
"""Standard deviations of the column score under chance that count as more than chance."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    matrix: gr.Dropdown
    which: gr.Radio
    shuffle: gr.Button
    sort: gr.Dropdown
    tag: gr.HTML
    chosen: MatrixView
    wanda: MatrixView
    null: MatrixView
    sentences: gr.HTML
    panels: dict[str, gr.Tab]
    order: gr.Radio
    profile: gr.Plot
    outside: gr.HTML
    measure: gr.Radio
    update: gr.Button
    map_note: gr.HTML
    map: ModelMapView
    bands: gr.HTML
    test: gr.Button
    tested: gr.HTML
    counts: gr.HTML
    factors: gr.HTML
    jumps: gr.HTML
    compare: gr.Button

    @property
    def views(self) -> tuple[Any, Any, Any]:
        return self.chosen, self.wanda, self.null

    @property
    def choices(self) -> list[Any]:
        """The controls that a refresh reads."""
        return [self.which, self.order, self.measure]

    @property
    def scored(self) -> list[Any]:
        return [self.map, self.map_note, self.update, self.bands, self.tested]

    @property
    def beside(self) -> list[Any]:
        return [self.counts, self.factors, self.jumps, self.compare]

    @property
    def inside(self) -> list[Any]:
        """The components in the inner tabs."""
        return [self.profile, self.outside, *self.scored, *self.beside]

    @property
    def shown(self) -> list[Any]:
        return [self.matrix, self.which, self.sort, self.tag, *self.views, self.sentences, *self.inside]


class Show:
    """Turns a visitor's session into updates of this tab's components."""

    def __init__(self, page: Page, parts: Parts, drawn: Any) -> None:
        self.page, self.words, self.parts, self.drawn = page, page.words, parts, drawn

    def everything(self, visit: Visit, known: dict[str, str], seed: int, panel: str, which: str, order: str,
                   measure: str, *values: Any, asked: bool = False) -> dict[Any, Any]:
        """Return the updates of all that is visible; unchanged pictures keep the visitor's zoom."""
        parts, say = self.parts, self.words
        data = pattern_data(visit, which, seed)
        if data is None:
            return {**dict.fromkeys(parts.views), parts.sentences: nothing_yet(say), parts.tag: "", self.drawn: {},
                    **self.nothing()}
        model, name = visit.model(), data.matrix.name
        choices = [(place(say, matrix), matrix.name) for matrix in model.layout.matrices]
        updates = {parts.tag: self.tag(visit, data), parts.sort: data.order,
                   parts.matrix: gr.update(choices=choices, value=name)}
        if asked or which != ("applied" if data.applied else "preview"):
            updates[parts.which] = "applied" if data.applied else "preview"
        if known.get("masks") == data.signature:
            return updates | self._pins(visit, values) | self.panels(visit, data, known, panel, order, measure)
        updates |= {view: self._picture(visit, view, data, value)
                    for view, value in zip(parts.views, values, strict=True)}
        return {**updates, parts.sentences: self.sentences(visit, data),
                **self.panels(visit, data, known | {"masks": data.signature}, panel, order, measure)}

    def nothing(self) -> dict[Any, Any]:
        """Return the inner tabs' updates before there is a mask."""
        parts, told = self.parts, nothing_yet(self.words)
        blank = dict.fromkeys([parts.tested, parts.factors, parts.jumps, parts.map_note], "")
        hidden = {one: gr.update(visible=False) for one in (parts.update, parts.compare)}
        return {**blank, **hidden, parts.profile: None, parts.outside: told, parts.bands: told, parts.counts: told,
                parts.map: empty_map(self.words("patterns.map.empty"))}

    def panels(self, visit: Visit, data: PatternData, known: dict[str, str], panel: str, order: str,
               measure: str) -> dict[Any, Any]:
        """Return the updates of the inner tab that is open, and of one that is just being opened."""
        updates = self.panel(visit, data, known, panel, order, measure)
        opened = visit.session.extra(PATTERNS_PANEL, panel)
        return updates | self.panel(visit, data, updates[self.drawn], opened, order, measure)

    def panel(self, visit: Visit, data: PatternData, known: dict[str, str], panel: str, order: str,
              measure: str) -> dict[Any, Any]:
        """Return the updates of the open inner tab, unless up to date; the others are filled when they are opened."""
        if known.get(panel) == data.signature:
            return {self.drawn: known}
        show = {"columns": lambda: self.columns(visit, data, order), "wanda": lambda: self.beside(visit, data),
                "scores": lambda: self.scores(visit, data, measure)}[panel]
        return {**show(), self.drawn: known | {panel: data.signature}}

    def _pins(self, visit: Visit, values: tuple[Any, ...]) -> dict[Any, Any]:
        selection = visit.session.selection
        if selection.row is None or selection.column is None:
            return {view: without_pin(value) for view, value in zip(self.parts.views, values, strict=True)
                    if value and value.get("pin")}
        pin = (selection.row, selection.column)
        return {view: with_pin(value, *pin) for view, value in zip(self.parts.views, values, strict=True)
                if value and value.get("pin") != list(pin)}

    def _picture(self, visit: Visit, view: Any, data: PatternData, previous: Any) -> Any:
        parts, say, selection = self.parts, self.words, visit.session.selection
        what = say("patterns.view.preview")
        if data.applied:
            what = say("patterns.view.applied", number=visit.session.applied_number)
        title, masks = {
            parts.chosen: (say("patterns.view.chosen", method=data.masks.settings.method, what=what),
                           {"mask": data.own}),
            parts.wanda: (say("patterns.view.others"), data.others),
            parts.null: (say("patterns.view.shuffled"), {"mask": data.null})}[view]
        order = slice(None) if data.columns is None else data.columns
        labels = {"mask": say("patterns.view.mask")}
        fields = {Field(name, labels.get(name, name), "mask"): mask[:, order].numpy() for name, mask in masks.items()}
        first, array = next(iter(fields.items()))
        if max(array.shape) > SIDE:
            named = say("patterns.view.chance")
            fields[Field("chance", named if first.id == "mask" else f"{first.label}: {named}", "diverging", -4, 4,
                         pooling="chance")] = array
        if view is parts.chosen and data.beside is not None:
            names = tuple(say(f"patterns.four.{name}") for name in CATEGORIES)
            four = Field("beside", say("patterns.view.beside"), "four", categories=names)
            fields[four] = two_masks.categories(data.own, data.beside)[:, order].numpy()
        pin = (-1 if selection.row is None else selection.row, -1 if selection.column is None else selection.column)
        inside = 0 <= pin[0] < array.shape[0] and 0 <= pin[1] < array.shape[1]
        made = [place(say, data.matrix, data.expert), *made_of(say, visit, data.masks.settings, data.masks), what]
        return picture(ArrayProvider(fields), title, say.table("matrix"), pin=pin if inside else None,
                       previous=previous, note=" · ".join(made), sorted_columns=data.columns,
                       sorted_by="" if data.columns is None else say(f"patterns.sort.note_{data.order}"),
                       heads=work.head_borders(visit.model(), data.matrix) if data.columns is None else (0, 0))

    def tag(self, visit: Visit, data: PatternData) -> str:
        """Return what made the mask, and whether the controls have changed since."""
        say, session, settings = self.words, visit.session, data.masks.settings
        parts = made_of(say, visit, settings, data.masks)
        if not data.applied:
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

    def sentences(self, visit: Visit, data: PatternData) -> str:
        """Return sentences on what to look for, with this mask's own numbers."""
        told = [self._same(visit, data), self._columns(data), self._rows(data)]
        if data.wanda is None:
            told.append(self.words("patterns.no_wanda"))
        return "".join(f'<p class="sentence">{escape(one)}</p>' for one in told if one)

    def _same(self, visit: Visit, data: PatternData) -> str:
        """Return a sentence on how far the mask equals Wanda's."""
        if data.against is None:
            return ""
        here, whole = compare_selected(visit, data, data.against)
        if data.masks.settings.method == "gblm":
            if whole.agreement > NEARLY_SAME:
                return self.words("patterns.sentence.same", agreement=percent(whole.agreement))
            if here.agreement > NEARLY_SAME:
                return self.words("patterns.sentence.same_matrix", agreement=percent(here.agreement))
        return self.words("patterns.sentence.agreement", agreement=percent(here.agreement),
                          chance=percent(here.chance))

    def _columns(self, data: PatternData) -> str:
        say = self.words
        own, null = column_score(data.own), column_score(data.null)
        fields = {"place": place(say, data.matrix, data.expert), "method": data.masks.settings.method,
                  "own": score(own), "shuffled": score(null)}
        if data.wanda is None:
            verdict = say("patterns.sentence.uneven" if own > chance_limit(data.own) else "patterns.sentence.chance")
            return say("patterns.sentence.columns_alone", **fields, verdict=verdict)
        beside = column_score(data.beside)
        verdict = column_verdict(say, data, own, beside)
        return say("patterns.sentence.columns", **fields, wanda=score(beside), verdict=verdict)

    def _rows(self, data: PatternData) -> str:
        pattern = data.pattern
        if isinstance(pattern, PerRow):
            return self.words("patterns.sentence.rows")
        if isinstance(pattern, NofM):
            return self.words("patterns.sentence.groups", m=pattern.m, n=pattern.n)
        return self.words("patterns.sentence.free", row=score(row_score(data.own)))

    def columns(self, visit: Visit, data: PatternData, order: str) -> dict[Any, Any]:
        """Return the updates of the columns' inner tab."""
        return {self.parts.profile: self.profile(data, order), self.parts.outside: self.outside(visit, data)}

    def outside(self, visit: Visit, data: PatternData) -> str:
        """Return the columns furthest outside the band of chance, and which unit produces each column's input."""
        say, model = self.words, visit.model()
        found = outside_columns(data.own, data.pattern)
        wanda = profile_of(data).densities.get("wanda")
        told = say("patterns.outside.told", count=f"{len(found):,}", columns=f"{data.matrix.columns:,}",
                   expected=f"{BY_CHANCE * data.matrix.columns:,.0f}")
        if not found:
            return f'<p class="sentence small">{escape(told)}</p>'
        heads = [(say(f"patterns.outside.{name}"), style) for name, style in (
            ("column", "number"), ("removed", "number"), ("wanda", "number"), ("z", "number"), ("writer", ""))]
        rows = [(f"{one.column:,}", percent(one.density), "–" if wanda is None else percent(float(wanda[one.column])),
                 deviations(one.z), source_name(say, column_source(model, data.matrix, one.column)))
                for one in found[:FURTHEST]]
        return (f'<p class="sentence small">{escape(told)}</p>' + title(say("patterns.outside.title"))
                + plain_table(heads, rows) + f'<p class="tag">{escape(say("patterns.outside.note"))}</p>')

    def profile(self, data: PatternData, order: str) -> Any:
        """Return the chart of the share removed per column, for all three masks."""
        say = self.words
        names = {"chosen": data.masks.settings.method, "wanda": say("patterns.view.wanda"),
                 "shuffled": say("patterns.view.shuffled")}
        return charts.column_profile(profile_of(data), place(say, data.matrix, data.expert), names,
                                     order == "sorted", say)

    def scores(self, visit: Visit, data: PatternData, measure: str) -> dict[Any, Any]:
        """Return the updates of the structure scores' inner tab."""
        return {**self.structure(visit, data, measure), self.parts.bands: self.bands(visit, data),
                self.parts.tested: self.tested(visit, data)}

    def bands(self, visit: Visit, data: PatternData) -> str:
        """Return the table of the selected matrix's scores beside Wanda's and those of chance."""
        say, found = self.words, bands_of(visit, data)
        head = title(say("patterns.bands.title", place=place(say, data.matrix, data.expert)))
        if found is None:
            waits = say("patterns.bands.waits", weights=f"{data.matrix.rows * data.matrix.columns:,}")
            return f'{head}<p class="sentence small">{escape(waits)}</p>'
        heads = [(say("patterns.bands.score"), ""), (data.masks.settings.method, "number"),
                 (say("patterns.bands.wanda"), "number"), (say("patterns.bands.chance", draws=DRAWS), "number"),
                 ("p", "number")]
        return (head + plain_table(heads, band_rows(say, *found, data.rows_fixed))
                + f'<p class="tag">{escape(say("patterns.bands.note", draws=DRAWS, all=DRAWS + 1))}</p>')

    def tested(self, visit: Visit, data: PatternData) -> str:
        """Return every score's mean over all matrices against chance; before it is computed, a hint."""
        say, key = self.words, bands_key(data)
        if not visit.library.has(key):
            return f'<p class="tag">{escape(say("patterns.tested.hint", draws=DRAWS))}</p>'
        own, wanda = visit.library.get(key)
        return p_value_sentences(say, own, wanda, data.rows_fixed) + paper_sentence(say, data.masks.settings.method,
                                                                                    own, wanda)

    def beside(self, visit: Visit, data: PatternData) -> dict[Any, Any]:
        """Return the updates of the inner tab that compares this mask with Wanda's."""
        parts, say, wanda = self.parts, self.words, data.against
        if wanda is None:
            told = say("patterns.no_wanda" if data.wanda is None else "patterns.is_wanda")
            return {parts.counts: f'<p class="sentence">{escape(told)}</p>', parts.factors: "", parts.jumps: "",
                    parts.compare: gr.update(visible=False)}
        counts = counts_table(say, place(say, data.matrix, data.expert), *compare_selected(visit, data, wanda))
        if data.large and not visit.library.has(moved_key(visit, data)):
            waits = say("patterns.jumps.waits", weights=f"{data.matrix.rows * data.matrix.columns:,}")
            return {parts.counts: counts, parts.factors: "", parts.compare: gr.update(visible=True),
                    parts.jumps: f'<p class="sentence small">{escape(waits)}</p>'}
        moved = visit.library.get_or_make(moved_key(visit, data), lambda: run(moved_job(visit, data)))
        return {parts.counts: counts, parts.compare: gr.update(visible=False),
                parts.jumps: jumps_tables(say, moved.jumps, data.masks.settings),
                parts.factors: factors_sentence(say, moved.factors, data.rows_fixed)}

    def structure(self, visit: Visit, data: PatternData, measure: str) -> dict[Any, Any]:
        """Return the map of all matrices' structure scores, or of agreement; a large model waits for the button."""
        parts, say, key = self.parts, self.words, structure_key(data)
        if measure == "kappa":
            return self.agreement(visit, data)
        if not visit.library.has(key) and data.masks.prunable > AT_ONCE:
            note = f'<div class="tag">{escape(say("patterns.update_note"))}</div>'
            return {parts.map: empty_map(say("patterns.map.empty")), parts.map_note: note,
                    parts.update: gr.update(visible=True)}
        model = visit.model()
        cells = visit.library.get_or_make(key, lambda: run(structure_cells(model, data.masks)))
        done = {parts.map_note: "", parts.update: gr.update(visible=False)}
        if measure == "row" and data.rows_fixed:
            return done | {parts.map: empty_map(say("patterns.map.fixed"))}
        return done | {parts.map: structure_value(say, structure_map(model, cells, measure), cells, measure,
                                                  data.matrix.name)}

    def agreement(self, visit: Visit, data: PatternData) -> dict[Any, Any]:
        """Return the map of how far this mask and Wanda's agree beyond chance, matrix by matrix."""
        parts, say, wanda = self.parts, self.words, data.against
        done = {parts.map_note: "", parts.update: gr.update(visible=False)}
        if wanda is None:
            told = say("patterns.no_wanda" if data.wanda is None else "patterns.is_wanda")
            return done | {parts.map: empty_map(told)}
        both = compare_masks(visit, data, wanda)
        shown = kappa_value(say, agreement_map(visit.model(), both), both, data.matrix.name)
        return done | {parts.map: shown}


def nothing_yet(say: Words) -> str:
    return f'<p class="sentence">{escape(say("patterns.nothing"))}</p>'


def chance_limit(mask: Any) -> float:
    """Return a column score that chance rarely reaches: the variance over C columns of R rows scatters by √(2/C)/R."""
    rows, columns = mask.shape
    return SURE * math.sqrt(2 / columns) / max(1, rows - 1)


def column_verdict(say: Words, data: PatternData, own: float, beside: float) -> str:
    """Return a sentence that compares the three masks' column scores."""
    kind = column_kind(data, own, beside)
    if kind in ("more", "less"):
        larger, smaller = (own, beside) if kind == "more" else (beside, own)
        return say(f"patterns.sentence.{kind}", times=number(larger / smaller) if smaller > 0 else "∞")
    return say(f"patterns.sentence.{kind}")


def column_kind(data: PatternData, own: float, beside: float) -> str:
    """Return what the sentence says: chance, is_wanda, more, less or like_wanda."""
    if not math.isfinite(own) or own <= chance_limit(data.own):
        return "chance"
    if data.masks.settings.method == "wanda":
        return "is_wanda"
    if beside <= chance_limit(data.beside) or own > MUCH * beside:
        return "more"
    return "less" if own * MUCH < beside else "like_wanda"
