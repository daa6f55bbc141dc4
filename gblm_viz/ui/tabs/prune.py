"""The Prune tab: every control re-thresholds the scores from the stored statistics, Apply builds the pruned copy.

Independent of tensors and scores: core prunes, work stores, figures draw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.look.histogram import score_histogram
from gblm_viz.core.mask.patterns import GROUPS, Global, checked_sparsity
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import ORDERS, Settings, preview_settings
from gblm_viz.core.score.alpha import Alpha, parse_alpha
from gblm_viz.core.score.methods import (
    GBLM_NORMS,
    METHODS,
    PAPER_ALPHA,
    Gblm,
    Knob,
    knobs_of,
    norm_for,
    norms_of,
    own_knobs,
)
from gblm_viz.escape import escape
from gblm_viz.figures import charts
from gblm_viz.words import Words

from ..components.free_slider import FreeSlider
from ..components.matrix_view import Field, Followed, MatrixView, picture
from ..components.settings_words import knob_name, knob_value
from ..visit.keys import HistogramKey
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.session import Selection
from ..work import work
from ..work.apply import apply
from ..work.live_picture import LEAST_SHARE, MOST_SHARE, MOST_SPARSITY, MaskProvider, control_places, slider_places
from ..work.preview import masks_and_preview, plain_alpha, selected_matrix
from .prune_text import (
    alpha_note,
    applied_sentence,
    card,
    formula,
    matrices_table,
    numbers,
    place,
    problem,
    reached,
    result_lines,
    sentences,
    tag,
    waiting,
)

PATTERNS = ("2:4", "4:8", "1:4")
KINDS = ("number", "balance", "share")
MASK_HEIGHT = 330
USUAL_SHARE = 0.5



@dataclass(frozen=True)
class Form:
    """The controls' values from the page, in the order of `Controls.inputs`. own: the values of `own_knobs`, in its
    order."""

    method: str
    norm: str | None
    group: str
    sparsity: object
    pattern: str | None
    order: str
    kind: str
    number: object
    share: object
    seed: object
    own: tuple[object, ...] = ()

    @classmethod
    def of(cls, *values: Any) -> Form:
        """Return the form of the values of `Controls.inputs`, one after the other."""
        shared = len(fields(cls)) - 1
        return replace(cls(*values[:shared]), own=tuple(values[shared:]))

    @property
    def values(self) -> list[Any]:
        """The values of `Controls.inputs`, one after the other."""
        return [*(getattr(self, one.name) for one in fields(self)[:-1]), *self.own]

    def settings(self, before: Settings) -> Settings:
        """Return the checked settings; what the method does not use is taken from `before`. Raises SettingError."""
        knobs = knobs_of(self.method)
        norm = norm_for(self.method, str(self.norm)) if "norm" in knobs else before.norm
        sparsity = min(checked_sparsity(self.sparsity), MOST_SPARSITY)
        own = {name: self._own(name, knob, given)
               for (name, knob), given in zip(own_knobs().items(), self.own, strict=True) if name in knobs}
        return Settings(
            method=self.method, norm=norm, alpha=self._alpha() if "alpha" in knobs else before.alpha,
            group=self.group, sparsity=sparsity, pattern=(self.pattern or "").strip(), order=self.order,
            seed=self._seed() if "seed" in knobs else before.seed).with_knobs(**own).check()

    def _own(self, name: str, knob: Knob, given: object) -> Any:
        try:
            return knob.read(given)
        except ValueError:
            raise SettingError(knob.refusal, method=self.method, knob=name, given=given, known=knob.wanted) from None

    def _alpha(self) -> Alpha:
        written = {"number": self.number, "balance": "balance", "share": f"share:{self.share}"}[self.kind]
        return parse_alpha("" if written is None else written)

    def _seed(self) -> int:
        try:
            number = float(str(self.seed))
        except ValueError:
            raise SettingError("seed_not_number", given=self.seed) from None
        if not number.is_integer():
            raise SettingError("seed_not_number", given=self.seed)
        return int(number)


@dataclass(frozen=True, eq=False)
class Controls:
    """The components on the left."""

    method: gr.Radio
    formula: gr.HTML
    norm_box: gr.Column
    norm: gr.Radio
    share_box: gr.Column
    group: gr.Dropdown
    sparsity: FreeSlider
    by_pattern: gr.Column
    pattern: gr.Dropdown
    order: gr.Dropdown
    alpha_box: gr.Column
    kind: gr.Radio
    number_box: gr.Column
    number: gr.Number
    ratio_box: gr.Column
    ratio: FreeSlider
    alpha_note: gr.HTML
    seed_box: gr.Column
    seed: gr.Number
    own_boxes: dict[str, Any]
    """The container of each own knob's control, by the knob's name."""
    own: dict[str, Any]
    problem: gr.HTML
    apply: gr.Button

    @property
    def inputs(self) -> list[Any]:
        return [self.method, self.norm, self.group, self.sparsity, self.pattern, self.order, self.kind, self.number,
                self.ratio, self.seed, *self.own.values()]

    @property
    def shaped(self) -> list[Any]:
        """The components that `shape` and `refill` change."""
        return [*self.inputs, self.formula, self.norm_box, self.share_box, self.by_pattern, self.alpha_box,
                self.number_box, self.ratio_box, self.seed_box, *self.own_boxes.values(), self.problem]


@dataclass(frozen=True, eq=False)
class Views:
    """The components on the right."""

    reached: gr.HTML
    numbers: gr.HTML
    sentences: gr.HTML
    matrix: gr.Dropdown
    chart: gr.Plot
    mask: MatrixView
    matrices: gr.HTML
    tag: gr.HTML

    @property
    def all(self) -> list[Any]:
        return [self.reached, self.numbers, self.sentences, self.matrix, self.chart, self.mask, self.matrices, self.tag]


def build(page: Page) -> None:
    """Lay out the tab and register its handlers."""
    with gr.Row(elem_id="prune"):
        with gr.Column(scale=0, min_width=400, elem_id="prune-controls"):
            controls = _controls(page.words)
        with gr.Column(scale=1, min_width=560, elem_id="prune-preview"):
            views = _views(page.words)
    own, held = gr.State(0), gr.State(Form.of(*(one.value for one in controls.inputs)))
    _Handlers(page, controls, views, _Show(page, controls, views, held), held, own).wire()


def _norms(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return (label, value) of the norms: ℓ1 for display, l1 as on the command line."""
    return [(re.sub(r"^l(?=\d)", "ℓ", name), name) for name in names]


def _slider(low: float, high: float, value: float, title: str, elem_id: str, step: float = 0.01) -> Any:
    return FreeSlider(low, high, value=value, step=step, label=title, elem_id=elem_id, buttons=[])


def _number_knob(say: Words, name: str, knob: Knob, elem_id: str) -> Any:
    return _slider(knob.low, knob.high, knob.default, knob_name(say, name), elem_id, knob.step)


def _whole_knob(say: Words, name: str, knob: Knob, elem_id: str) -> Any:
    return gr.Number(knob.default, label=knob_name(say, name), precision=None, elem_id=elem_id)


def _choice_knob(say: Words, name: str, knob: Knob, elem_id: str) -> Any:
    offered = [(knob_value(say, name, one), one) for one in knob.choices]
    return gr.Radio(offered, value=knob.default, label=knob_name(say, name), elem_id=elem_id)


KNOB_CONTROLS = {"number": _number_knob, "whole": _whole_knob, "choice": _choice_knob}
"""A knob's kind → its control; norm, α and seed have their own controls in the form."""


def _controls(say: Words) -> Controls:
    def choices(kind: str, names: Sequence[str]) -> list[tuple[str, str]]:
        return [(say(f"prune.{kind}.{name}"), name) for name in names]

    method = gr.Radio(list(METHODS), value=Gblm.name, label=say("prune.method.label"), elem_id="method")
    written = gr.HTML(formula(say, Gblm.name), elem_id="prune-formula")
    with gr.Column(visible=True, min_width=0, elem_id="prune-share-box") as share_box:
        sparsity = _slider(0, MOST_SPARSITY, 0.5, say("prune.sparsity.label"), "sparsity")
    with gr.Column(visible=False, min_width=0, elem_id="prune-by-pattern") as by_pattern:
        gr.HTML(f'<div class="prune-by-pattern">{escape(say("prune.pattern.sets"))}</div>')
    with gr.Row(elem_id="prune-choices"):
        pattern = gr.Dropdown([(say("prune.pattern.none"), ""), *PATTERNS], value="", allow_custom_value=True,
                              label=say("prune.pattern.label"), elem_id="pattern", min_width=100)
        group = gr.Dropdown(choices("group", GROUPS), value="row", filterable=False, label=say("prune.group.label"),
                            elem_id="group", min_width=100)
        order = gr.Dropdown(choices("order", ORDERS), value="dense", filterable=False, label=say("prune.order.label"),
                            elem_id="order", min_width=100)
    with gr.Column(elem_id="prune-knobs"):
        with gr.Row(elem_id="prune-gradient"):
            with gr.Column(visible=True, elem_id="prune-norm-box", scale=0, min_width=116) as norm_box:
                norm = gr.Radio(_norms(GBLM_NORMS), value="l1", label=say("prune.norm.label"), elem_id="norm")
            with gr.Column(visible=True, elem_id="alpha", min_width=0, scale=1) as alpha_box:
                kind = gr.Radio(choices("alpha", KINDS), value="share", label=say("prune.alpha.label"),
                                elem_id="alpha-kind")
                with gr.Column(visible=False, min_width=0) as number_box:
                    number = gr.Number(PAPER_ALPHA, label=say("prune.alpha.number_label"), elem_id="alpha-number",
                                       min_width=80)
                with gr.Column(visible=True, min_width=0) as ratio_box:
                    ratio = _slider(LEAST_SHARE, MOST_SHARE, USUAL_SHARE, say("prune.alpha.share_label"), "alpha-share")
        alpha_note = gr.HTML(elem_id="alpha-note")
        with gr.Column(visible=False, min_width=0) as seed_box:
            seed = gr.Number(0, label=say("prune.seed"), precision=None, elem_id="prune-seed")
        boxes, own = {}, {}
        for name, knob in own_knobs().items():
            with gr.Column(visible=False, min_width=0) as boxes[name]:
                own[name] = KNOB_CONTROLS[knob.kind](say, name, knob, f"knob-{name}")
    problem = gr.HTML(elem_id="prune-problem")
    apply = gr.Button(say("prune.apply"), variant="primary", elem_id="apply")
    return Controls(method, written, norm_box, norm, share_box, group, sparsity, by_pattern, pattern, order, alpha_box,
                    kind, number_box, number, ratio_box, ratio, alpha_note, seed_box, seed, boxes, own, problem, apply)


def _views(say: Words) -> Views:
    with gr.Row(elem_id="prune-figures"):
        reached = gr.HTML(waiting(say), elem_id="sparsity-reached", min_width=220)
        numbers = gr.HTML(elem_id="prune-numbers")
    sentences = gr.HTML(elem_id="prune-sentences")
    with gr.Row(elem_id="prune-pictures"):
        with gr.Column(min_width=300):
            matrix = gr.Dropdown([], label=say("prune.matrix.label"), show_label=False, container=False,
                                 filterable=False, elem_id="prune-matrix")
            chart = gr.Plot(show_label=False, container=False, elem_id="prune-histogram", elem_classes="small-chart",
                            buttons=[])
        with gr.Column(min_width=300):
            mask = MatrixView(height=MASK_HEIGHT, sliders=slider_places(), elem_id="prune-mask")
    tag = gr.HTML(elem_id="prune-tag")
    matrices = gr.HTML(elem_id="prune-matrices")
    return Views(reached, numbers, sentences, matrix, chart, mask, matrices, tag)


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    controls: Controls
    views: Views
    show: _Show
    held: gr.State
    """The values of this page's controls. Controls are written only if the settings differ from them, so that a late
    refresh does not undo a control that is being moved."""
    own: gr.State
    """The settings signal after this tab's last bump, so that the tab does not redraw for its own change."""

    def wire(self) -> None:
        page, signals, controls, views = self.page, self.signals, self.controls, self.views
        outputs = [*controls.shaped, controls.alpha_note, *views.all]
        moved = [controls.method.input, controls.norm.input, controls.group.input, controls.pattern.input,
                 controls.pattern.blur, controls.order.input, controls.kind.input, controls.number.input,
                 controls.seed.input, *(one.input for one in controls.own.values() if not isinstance(one, FreeSlider)),
                 views.mask.release]
        page.on(moved, self.on_control, [signals.settings, *controls.inputs],
                [*outputs, self.held, signals.settings, self.own], further="newest")
        page.on_event(views.mask.select, "index", "pair", self.on_weight, [signals.selection], [signals.selection])
        page.on(views.mask.clear, self.on_clear, [signals.selection], [signals.selection])
        page.on(controls.apply.click, self.on_apply, [signals.applied, signals.settings, *controls.inputs],
                [*outputs, self.held, signals.applied, signals.settings, self.own])
        page.on_signals([signals.visit.change, signals.statistics.change, signals.applied.change], self.show.everything,
                        [self.held], [*outputs, self.held])
        page.on_signals([signals.settings.change], self.on_settings, [self.held, self.own, signals.settings],
                        [*outputs, self.held])
        page.on(views.matrix.input, self.on_matrix, [signals.selection, views.matrix], [signals.selection],
                further="newest")
        page.on_signals([signals.selection.change], self.on_selection, [], [views.matrix, views.chart, views.mask])

    def on_control(self, visit: Visit, counter: int, *values: Any) -> dict[Any, Any]:
        """After a visitor moved a control: check, show, and only then store the settings."""
        page, say, controls = self.page, self.say, self.controls
        form, before = Form.of(*values), visit.session.settings
        updates = shape(say, controls, form)
        try:
            settings = form.settings(before)
            updates |= self.show.preview(visit, settings)
        except SettingError as error:
            return updates | self.refused(visit, before, error)
        visit.update(settings=settings)
        updates |= {controls.problem: "", self.held: form_of(settings), self.signals.settings: bump(counter),
                    self.own: bump(counter), page.status: page.note(say("prune.shown", method=settings.method))}
        if settings.sparsity != form.sparsity:
            updates[controls.sparsity] = settings.sparsity
        return updates

    def refused(self, visit: Visit, before: Settings, error: SettingError) -> dict[Any, Any]:
        """Say why the controls' values are refused, and show the mask of the settings `before` them again."""
        page, controls, mask, told = self.page, self.controls, self.views.mask, error.say(self.say)
        updates: dict[Any, Any] = {controls.problem: problem(told), page.status: page.note(told, "error")}
        if error.key in {"sparsity_outside", "sparsity_not_number"}:
            updates[controls.sparsity] = before.sparsity
        return updates | {mask: self.show.pictures(visit, before).get(mask, gr.skip())}

    def on_settings(self, visit: Visit, form: Form, mine: int, counter: int) -> dict[Any, Any]:
        """Update the tab after the settings were changed elsewhere."""
        return {} if counter == mine else self.show.everything(visit, form)

    def on_apply(self, visit: Visit, applied: int, counter: int, *values: Any) -> Iterator[dict[Any, Any]]:
        page = self.page
        try:
            yield from self.prune(visit, applied, counter, Form.of(*values).settings(visit.session.settings))
        except SettingError as error:
            told = error.say(self.say)
            yield {self.controls.problem: problem(told), page.status: page.note(told, "error")}

    def prune(self, visit: Visit, applied: int, counter: int, settings: Settings) -> Iterator[dict[Any, Any]]:
        """Make the pruned copy and show what was removed."""
        page = self.page
        masks = yield from apply(page, visit, settings)
        yield {**self.show.preview(visit, settings), self.controls.problem: "",
               page.status: page.note(applied_sentence(self.say, visit, masks)),
               self.held: form_of(settings), self.signals.applied: bump(applied),
               self.signals.settings: bump(counter), self.own: bump(counter)}

    def on_matrix(self, visit: Visit, counter: int, name: str | None) -> dict[Any, Any]:
        if not name:
            return {}
        visit.select(Selection(matrix=name))
        return {self.signals.selection: bump(counter)}

    def on_weight(self, visit: Visit, place: list[int], counter: int) -> dict[Any, Any]:
        one, kept = selected_matrix(visit), visit.session.selection
        visit.select(Selection(one.name, kept.expert if one.experts else 0, int(place[0]), int(place[1])))
        return {self.signals.selection: bump(counter)}

    def on_clear(self, visit: Visit, counter: int) -> dict[Any, Any]:
        visit.update(selection=visit.session.selection.unpinned())
        return {self.signals.selection: bump(counter)}

    def on_selection(self, visit: Visit) -> dict[Any, Any]:
        return self.show.pictures(visit, visit.session.settings)


class _Show:
    """Turns a visitor's settings into updates of this tab's components."""

    def __init__(self, page: Page, controls: Controls, views: Views, held: Any) -> None:
        self.page, self.words, self.controls, self.views, self.held = page, page.words, controls, views, held

    def everything(self, visit: Visit, held: Form) -> dict[Any, Any]:
        """Return new controls and preview: at page load, after collecting, after another model."""
        settings, controls = visit.session.settings, self.controls
        if visit.session.model is None:
            return {self.views.reached: waiting(self.words)}
        form, updates = form_of(settings), {}
        if form != held:
            updates = {**shape(self.words, controls, form), **values_of(controls, settings), self.held: form}
        try:
            updates |= {controls.problem: "", **self.preview(visit, settings)}
        except SettingError as error:
            updates[controls.problem] = problem(error.say(self.words))
        # A control moved meanwhile has already shown its own numbers; these older ones must not replace them.
        return updates if visit.session.settings == settings else {}

    def preview(self, visit: Visit, settings: Settings) -> dict[Any, Any]:
        """Return the numbers and pictures of settings; before anything is collected, a sentence instead."""
        views, say = self.views, self.words
        settings.check()
        if settings.needs and visit.session.statistics is None:
            told = f'<p class="sentence">{escape(say("errors.nothing_collected"))}</p>'
            return {views.reached: card(say("prune.reached.none"), "–", ""), views.numbers: "", views.sentences: told,
                    views.matrices: "", views.tag: "", views.chart: None, views.mask: None,
                    self.controls.alpha_note: "",
                    views.matrix: self._matrices(visit)}
        masks, seen = masks_and_preview(visit, settings)
        return {views.reached: reached(say, visit, settings, seen), views.numbers: numbers(say, seen),
                views.sentences: sentences(say, seen, masks), views.matrices: matrices_table(say, seen),
                views.tag: result_lines(say, visit, settings, masks),
                self.controls.alpha_note: alpha_note(say, visit, settings),
                **self.pictures(visit, settings)}

    def _matrices(self, visit: Visit) -> Any:
        model = visit.model()
        choices = [(place(self.words, matrix), matrix.name) for matrix in model.layout.matrices]
        return gr.update(choices=choices, value=selected_matrix(visit).name)

    def pictures(self, visit: Visit, settings: Settings) -> dict[Any, Any]:
        """The selected matrix's score histogram and its mask, which follows the sliders; its name in the list."""
        if visit.session.model is None:
            return {}
        if settings.needs and visit.session.statistics is None:
            return {self.views.matrix: self._matrices(visit)}
        matrix, number = selected_matrix(visit), plain_alpha(visit, settings)
        masks = work.preview_masks(visit, number)
        expert = visit.session.selection.expert if matrix.experts else 0
        found = visit.library.get_or_make(
            HistogramKey(work.masks_key(visit.session, number), matrix.name, expert),
            lambda: score_histogram(visit.model(), work.maybe_statistics(visit), number, masks, matrix.name,
                                           expert))
        named = place(self.words, matrix, expert)
        figure = charts.histogram(found, named, self.words, chosen_from(number))
        return {self.views.matrix: self._matrices(visit), self.views.chart: figure,
                self.views.mask: self._mask(visit, settings, number, masks, matrix, expert)}

    def _mask(self, visit: Visit, settings: Settings, number: Settings, masks: Masks, matrix: Any, expert: int) -> Any:
        say, selection = self.words, visit.session.selection
        field = Field("mask", say("prune.mask.field"), "mask")
        dense = preview_settings(number)
        provider = MaskProvider.of(visit, dense, settings.alpha, matrix, expert, field)
        choices = {"pattern": {say("prune.pattern.none"): ""},
                   "group": {say(f"prune.group.{group}"): group for group in GROUPS}}
        followed = {name: Followed(control, choices.get(name, {})) for name, control in control_places().items()}
        if visit.model().layout.prunable > work.MOST_SCORES:  # what needs every weight is not redrawn live
            del followed["share"], followed["group"]
            followed = {} if isinstance(dense.make_pattern(), Global) else followed
        pin = None if selection.row is None or selection.column is None else (selection.row, selection.column)
        note = tag(say, visit, settings, masks)
        title = say("prune.mask.title", place=place(say, matrix, expert))
        return picture(provider, title, say.table("matrix"), pin=pin, note=note, live=followed,
                       heads=work.head_borders(visit.model(), matrix))


def chosen_from(settings: Settings) -> str:
    """Return what the lowest scores are chosen from, for the histogram's title: every group, every row, or all."""
    if settings.pattern:
        return "pattern"
    return "row" if settings.group == "row" else ""


# Controls ↔ settings

def form_of(settings: Settings) -> Form:
    kind = settings.alpha.kind
    return Form(settings.method, settings.norm, settings.group, settings.sparsity, settings.pattern, settings.order,
                kind, settings.alpha.value if kind == "number" else PAPER_ALPHA,
                settings.alpha.value if kind == "share" else USUAL_SHARE, settings.seed,
                tuple(settings.knob(name) if name in settings.knobs else knob.default
                      for name, knob in own_knobs().items()))


def values_of(controls: Controls, settings: Settings) -> dict[Any, Any]:
    """Return every control's value, except the norm's, which `shape` sets together with its choices."""
    filled = dict(zip(controls.inputs, form_of(settings).values, strict=True))
    del filled[controls.norm]
    return filled


def shape(say: Words, controls: Controls, form: Form) -> dict[Any, Any]:
    """Return which controls are visible, and the texts on method and pattern. Changes no value but the norm's."""
    norms, knobs = norms_of(form.method), knobs_of(form.method)
    norm = form.norm if form.norm in norms else next(iter(norms), None)
    patterned = bool((form.pattern or "").strip())
    return {
        controls.formula: formula(say, form.method),
        controls.norm_box: gr.update(visible=bool(norms)),
        controls.norm: gr.update(choices=_norms(norms), value=norm) if norms else gr.skip(),
        controls.alpha_box: gr.update(visible="alpha" in knobs),
        controls.number_box: gr.update(visible=form.kind == "number"),
        controls.ratio_box: gr.update(visible=form.kind == "share"),
        controls.seed_box: gr.update(visible="seed" in knobs),
        **{box: gr.update(visible=name in knobs) for name, box in controls.own_boxes.items()},
        controls.share_box: gr.update(visible=not patterned),
        controls.by_pattern: gr.update(visible=patterned),
    }
