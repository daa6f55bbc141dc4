"""The Gradients tab: the model map of the aggregated gradient, and the matrix of the selected cell.
It requests both and computes neither."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job, Step
from gblm_viz.core.look import fields
from gblm_viz.core.look.cells import Array
from gblm_viz.core.look.gradient_sums import GradientSummary, cell_map, gradient_map, gradient_summaries
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.score.methods import METHODS
from gblm_viz.core.sums.statistics import NORMS, Statistics
from gblm_viz.figures import maps
from gblm_viz.figures.tiles import colour_range
from gblm_viz.words import Words

from ..components.matrix_view import ArrayProvider, Field, MatrixView, picture
from ..components.model_map import ModelMapView
from ..components.paragraph import paragraph
from ..visit.keys import FieldRangesKey, ModelKey, StatisticsKey, SummariesKey
from ..visit.library import Library, Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import ALL_EXPERTS, TEXT_MOVED
from ..visit.session import Selection
from ..work import work
from ..work.example import shipped_example, shipped_matrix, shipped_summaries
from ..work.preview import plain_alpha

STATISTICS = ("mean", "median", "p99", "peak_share")
AT_ONCE = 50_000_000
"""Largest number of prunable weights for which a click computes the summaries; above, a task with progress does."""
MAP_HEIGHT, MATRIX_HEIGHT = 322, 490


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    norm: gr.Radio
    statistic: gr.Dropdown
    explained: gr.HTML
    map: ModelMapView
    tag: gr.HTML
    matrix: MatrixView
    about: gr.HTML
    expert: gr.Number
    stacked: gr.Checkbox
    scored: gr.State
    """The part of the settings that scores depend on, as the matrix was last drawn."""

    @property
    def controls(self) -> list[Any]:
        return [self.norm, self.statistic]

    @property
    def on_left(self) -> list[Any]:
        """The components that `_Handlers.draw_map` updates."""
        return [self.map, self.tag]

    @property
    def views(self) -> list[Any]:
        """The map and the matrix."""
        return [*self.on_left, self.matrix, self.about, self.expert, self.stacked, self.scored]


def build(page: Page) -> None:
    """Lay out controls and map on the left, the matrix on the right; both are visible at 1280 × 720."""
    say = page.words
    with gr.Row(elem_id="gradients"):
        with gr.Column(scale=9, min_width=460):
            with gr.Row(elem_classes="gradient-controls"):
                norm = gr.Radio([(say(f"gradients.norm.{name}"), name) for name in NORMS], value="l1", show_label=False,
                                label=say("gradients.norm_label"), container=False, elem_id="gradient-norm", scale=3)
                statistic = gr.Dropdown([(say(f"gradients.statistic.{name}"), name) for name in STATISTICS],
                                        value="mean", show_label=False, label=say("gradients.statistic_label"),
                                        container=False, elem_id="gradient-statistic", scale=2, min_width=150)
            explained = gr.HTML(_explained(say, "l1"), elem_id="gradient-explained")
            model_map = ModelMapView(_shipped_map(say), height=MAP_HEIGHT, elem_id="model-map")
            tag = gr.HTML("", elem_id="gradient-tag")
        with gr.Column(scale=11, min_width=520):
            matrix = MatrixView(_shipped_matrix(say), height=MATRIX_HEIGHT, elem_id="matrix-view")
            with gr.Row(elem_classes="gradient-under"):
                about = gr.HTML("", elem_id="gradient-matrix-tag")
                expert = gr.Number(0, label=say("gradients.expert"), precision=0, visible=False, scale=0, min_width=130,
                                   elem_id="gradient-expert")
                stacked = gr.Checkbox(False, label=say("gradients.stacked"), visible=False, container=False, scale=0,
                                      min_width=130, elem_id="gradient-stacked")
    _Handlers(page, Parts(norm, statistic, explained, model_map, tag, matrix, about, expert, stacked,
                          scored=gr.State(None))).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        controls, views = parts.controls, parts.views
        page.on_signals([signals.settings.change], self.on_settings, [parts.scored], views)
        page.on_signals([signals.visit.change, signals.statistics.change], self.refresh, [*controls, signals.selection],
                        [*views, signals.selection])
        page.on_signals([signals.text.change], self.on_statistic, controls, parts.on_left)
        page.on_signals([signals.selection.change], self.on_selection, controls, views)
        page.on(parts.norm.change, self.on_norm, controls, [*views, parts.explained], further="newest")
        page.on(parts.statistic.change, self.on_statistic, controls, parts.on_left, further="newest")
        page.on_event(parts.map.select, "name", "text", self.on_cell, [signals.selection], [signals.selection])
        page.on(parts.expert.input, self.on_expert, [parts.expert, signals.selection], [signals.selection],
                further="newest")
        page.on(parts.stacked.input, self.on_stacked, [parts.stacked], views, further="newest")
        page.on_event(parts.matrix.select, "index", "pair", self.on_weight, [signals.selection], [signals.selection])
        page.on(parts.matrix.clear, self.on_clear, [signals.selection], [signals.selection])

    def draw_map(self, visit: Visit, norm: str, statistic: str) -> Generator[dict[Any, Any], None, dict[Any, Any]]:
        say, parts = self.say, self.parts
        if visit.session.model is None:
            return {parts.map: maps.empty_map(say("gradients.preparing")), parts.tag: ""}
        if visit.session.statistics is None:
            return {parts.map: maps.empty_map(say("errors.nothing_collected")), parts.tag: ""}
        found: Statistics = visit.statistics()
        summaries = yield from _summaries(self.page, visit, norm)
        shown = gradient_map(visit.model(), summaries, statistic, found.count)
        moved = text_moved(visit)
        value = maps.map_value(
            shown, say, title=say(f"gradients.title.{statistic}", norm=say(f"gradients.norm_name.{norm}")),
            unit=say("gradients.unit_share") if statistic == "peak_share" else say(f"gradients.unit.{norm}"),
            sentence=maps.gradient_sentence(summaries, statistic, say),
            label=maps.percent if statistic == "peak_share" else maps.number,
            selected=chosen(visit, summaries).name, stale=moved)
        return {parts.map: value, parts.tag: statistics_tag(say, visit, found)}

    def draw_matrix(self, visit: Visit, field: str | None = None) -> dict[Any, Any]:
        say, parts = self.say, self.parts
        if visit.session.model is None:
            return {parts.matrix: gr.skip()}
        one = chosen(visit)
        selection = visit.session.selection
        all_experts = stack_shown(visit, one)
        provider = GradientProvider.of(visit, one, None if all_experts else selection.expert if one.experts else 0, say)
        above = selection.expert * one.rows if all_experts else 0
        pin = None if selection.row is None or selection.column is None else (above + selection.row, selection.column)
        known = {known.id for known in provider.known}
        return {parts.matrix: picture(provider, matrix_title(say, one), say.table("matrix"),
                                      field if field in known else None, pin,
                                      heads=(one.rows, 0) if all_experts else work.head_borders(visit.model(), one),
                                      borders="experts" if all_experts else "heads",
                                      note=_made_of(say, visit)),
                parts.about: _matrix_tag(say, one), parts.scored: scoring(visit),
                parts.expert: gr.update(visible=bool(one.experts) and not all_experts, value=selection.expert),
                parts.stacked: gr.update(visible=bool(one.experts), value=all_experts)}

    def refresh(self, visit: Visit, norm: str, statistic: str, counter: int) -> Iterator[dict[Any, Any]]:
        drawn = yield from self.draw_map(visit, norm, statistic)
        if visit.session.model is not None and visit.session.selection.matrix != (name := chosen(visit).name):
            select(visit, name)
            drawn[self.signals.selection] = bump(counter)
        yield drawn | self.draw_matrix(visit)

    def on_norm(self, visit: Visit, norm: str, statistic: str) -> Iterator[dict[Any, Any]]:
        drawn = yield from self.draw_map(visit, norm, statistic)
        yield drawn | self.draw_matrix(visit, norm) | {self.parts.explained: _explained(self.say, norm)}

    def on_statistic(self, visit: Visit, norm: str, statistic: str) -> Iterator[dict[Any, Any]]:
        yield (yield from self.draw_map(visit, norm, statistic))

    def on_cell(self, visit: Visit, name: str, counter: int) -> dict[Any, Any]:
        select(visit, name)
        return {self.signals.selection: bump(counter)}

    def on_expert(self, visit: Visit, number: float | None, counter: int) -> dict[Any, Any]:
        one = chosen(visit)
        select(visit, one.name, min(max(0, int(number or 0)), max(0, one.experts - 1)))
        return {self.signals.selection: bump(counter)}

    def on_stacked(self, visit: Visit, wanted: bool) -> dict[Any, Any]:
        visit.remember(ALL_EXPERTS, wanted)
        return self.draw_matrix(visit)

    def on_selection(self, visit: Visit, norm: str, statistic: str) -> Iterator[dict[Any, Any]]:
        yield (yield from self.draw_map(visit, norm, statistic)) | self.draw_matrix(visit)

    def on_weight(self, visit: Visit, place: list[int], counter: int) -> dict[Any, Any]:
        one, row, column = chosen(visit), int(place[0]), int(place[1])
        expert = visit.session.selection.expert
        if stack_shown(visit, one):
            expert, row = divmod(row, one.rows)
        visit.select(Selection(one.name, expert, row, column))
        return {self.signals.selection: bump(counter)}

    def on_clear(self, visit: Visit, counter: int) -> dict[Any, Any]:
        return {self.signals.selection: unpin(visit, counter)}

    def on_settings(self, visit: Visit, drawn: Settings | None) -> dict[Any, Any]:
        """Redraw the matrix if the scores changed: with α or method, not with sparsity."""
        return {} if visit.session.model is None or scoring(visit) == drawn else self.draw_matrix(visit)


# The selection, for every tab that shows one matrix

def chosen(visit: Visit, summaries: tuple[GradientSummary, ...] | None = None) -> Matrix:
    """Return the matrix that all views show: the visitor's, else the one of highest mean gradient, else the first."""
    layout = visit.model().layout
    by_name: dict[str, Matrix] = {matrix.name: matrix for matrix in layout.matrices}
    wanted = by_name.get(visit.session.selection.matrix)
    if wanted is not None:
        return wanted
    key = SummariesKey(visit.session.statistics, "l1")
    if summaries is None and visit.library.has(key):
        summaries = visit.library.get(key)
    highest = max(summaries, key=lambda summary: summary.mean).name if summaries else layout.matrices[0].name
    return by_name[highest]


def stack_shown(visit: Visit, matrix: Matrix) -> bool:
    """Return whether all experts of a stack are shown, one under another."""
    return bool(matrix.experts) and bool(visit.session.extra(ALL_EXPERTS, False))


def unpin(visit: Visit, counter: int) -> int:
    """Unpin the weight, keep its matrix selected, and return the bumped selection signal."""
    visit.update(selection=visit.session.selection.unpinned())
    return bump(counter)


def select(visit: Visit, name: str, expert: int = 0) -> None:
    """Show a matrix in every view; the caller bumps `signals.selection`. Raises GblmError for an unknown name."""
    visit.select(Selection(name, expert))


def matrix_title(say: Words, matrix: Matrix | GradientSummary) -> str:
    """Return a title such as "Block 3, MLP down: 128 × 384"."""
    return say("gradients.matrix_title", block=matrix.block, role=maps.role_name(say, matrix.role),
               rows=f"{matrix.rows:,}", columns=f"{matrix.columns:,}")


def text_moved(visit: Visit) -> bool:
    """Return whether the text, or its cutting, differs from the one the statistics were collected on."""
    return bool(visit.session.extra(TEXT_MOVED, False))


def statistics_tag(say: Words, visit: Visit, found: Statistics) -> str:
    """Return what made the gradients as a `.tag` line: model, text, N × length, seed, and whether the text changed."""
    parts = [paragraph(_made_of(say, visit), "tag")]
    if found.count == 1:
        parts.append(paragraph(say("gradients.one_sample"), "tag"))
    if text_moved(visit):
        parts.append(paragraph(say("gradients.moved"), "limit"))
    return "".join(parts)


def _made_of(say: Words, visit: Visit) -> str:
    """Return model, text, N × length and seed; only the model before anything is collected."""
    if visit.session.statistics is None:
        return str(visit.model().name)
    found: Statistics = visit.statistics()
    samples = found.calibration
    return say("gradients.tag", model=found.model_name, text=work.text_name(say, samples.text_name),
               samples=found.count, length=samples.length, seed=samples.seed)


# The shipped example, until the computed one is ready

def _shipped_map(say: Words) -> dict[str, Any]:
    summaries, found = shipped_summaries(say.language), shipped_example(say.language)
    shown = cell_map("gradient_mean", found["blocks"], tuple(found["roles"]), summaries, "mean", True,
                            found["samples"])
    return maps.map_value(shown, say, title=say("gradients.title.mean", norm=say("gradients.norm_name.l1")),
                          unit=say("gradients.unit.l1"), sentence=maps.gradient_sentence(summaries, "mean", say),
                          selected=shipped_matrix(say.language)[0].name)


def _shipped_matrix(say: Words) -> dict[str, Any]:
    summary, gradient = shipped_matrix(say.language)
    unit = say("gradients.field_unit.l1", samples=shipped_example(say.language)["samples"])
    field = Field("l1", say("gradients.field.l1"), "sequential", *colour_range(gradient, "log"), "log", unit)
    return picture(ArrayProvider({field: gradient}), matrix_title(say, summary), say.table("matrix"), kept=True)


# The numbers

def _summaries(page: Page, visit: Visit,
               norm: str) -> Generator[dict[Any, Any], None, tuple[GradientSummary, ...]]:
    """Return the summaries of all matrices, stored; on a large model computed by a task shown in the status line."""
    library, model, found = visit.library, visit.model(), visit.statistics()
    key = SummariesKey(visit.session.statistics, norm)
    if model.layout.prunable > AT_ONCE and not library.has(key):
        task = library.start(visit.key, key, lambda cancel: _summary_job(library, key, model, found, norm))
        yield from page.follow(visit, task, "estimate")
        yield {page.status: page.note(page.words("status.ready"))}
    return library.get_or_make(key, lambda: gradient_summaries(model, found, norm))


def _summary_job(library: Library, key: SummariesKey, model: Any, found: Statistics, norm: str) -> Job[None]:
    yield Step(0, 1, "matrix")
    library.put(key, gradient_summaries(model, found, norm))


@dataclass(frozen=True)
class GradientProvider:
    """One matrix's fields for the matrix view. Contains keys, not tensors: an array is read when it is shown."""

    library: Library
    model: ModelKey | None
    statistics: StatisticsKey | None
    settings: Settings
    name: str
    expert: int | None
    """None: all experts, one under another"""
    rows: int
    columns: int
    known: tuple[Field, ...]

    @classmethod
    def of(cls, visit: Visit, matrix: Matrix, expert: int | None, say: Words) -> GradientProvider:
        """Return the provider with the range of every field; ranges are stored, since they need the whole matrix."""
        session, library, settings = visit.session, visit.library, scoring(visit)
        found = None if session.statistics is None else visit.statistics()
        offered = _offered(found, settings)
        key = FieldRangesKey(session.model, session.statistics, settings, matrix.name, expert)
        ranges: dict[str, tuple[float, float]] = library.get_or_make(
            key, lambda: {field: colour_range(fields.field(visit.model(), found, matrix.name, field, expert, settings),
                                              scale, kind == "diverging") for field, kind, scale in offered})
        count = found.count if found is not None else 0
        known = tuple(Field(field, say(f"gradients.field.{field}"), kind, *ranges[field], scale,
                            say(f"gradients.field_unit.{field}", samples=count, method=settings.method))
                      for field, kind, scale in offered)
        return cls(library, session.model, session.statistics, settings, matrix.name, expert,
                   matrix.rows * (matrix.experts if expert is None else 1),
                   matrix.columns, known)

    def fields(self) -> tuple[Field, ...]:
        return self.known

    def array(self, field_id: str) -> Array:
        """Return float32 (out, in). Raises LookupError if model or statistics were evicted."""
        try:
            model = self.library.get(self.model)
            found = None if self.statistics is None else self.library.get(self.statistics)
        except GblmError as error:
            raise LookupError(self.name) from error
        return fields.field(model, found, self.name, field_id, self.expert, self.settings)


FIELDS = (("l1", "sequential", "log"), ("l2", "sequential", "log"), ("sum", "diverging", "linear"),
          ("weight", "diverging", "linear"), ("input", "sequential", "linear"), ("activation", "sequential", "log"),
          ("pull", "sequential", "log"), ("score", "sequential", "log"))
"""(field of core.report, its kind and scale in the matrix view)."""


def scoring(visit: Visit) -> Settings:
    """Return the settings that a score depends on: the same for every sparsity, pattern and order."""
    settings = visit.session.settings
    if settings.needs and visit.session.statistics is None:
        return Settings("magnitude", order="dense")
    return plain_alpha(visit, settings).scoring


def _offered(found: Statistics | None, settings: Settings) -> list[tuple[str, Any, Any]]:
    """Return the available fields: weights and scores always, inputs after collecting, norms whose sums were kept."""
    there = {"weight": True, "score": True, "input": found is not None,
             "activation": found is not None and "inputs" in settings.needs,
             "pull": len(METHODS[settings.method].terms) == 2}
    return [entry for entry in FIELDS
            if there.get(entry[0], found is not None and NORMS.get(entry[0]) in getattr(found, "keep", ()))]


# Sentences

def _explained(say: Words, norm: str) -> str:
    kind = "limit" if norm == "sum" else "tag"
    return paragraph(say(f"gradients.explained.{norm}"), kind)


def _matrix_tag(say: Words, matrix: Matrix) -> str:
    return paragraph(say("gradients.matrix_tag", name=matrix.name), "tag")
