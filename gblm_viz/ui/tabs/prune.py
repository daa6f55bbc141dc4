"""The tab where a visitor chooses what goes: every control re-thresholds the stored statistics, Apply builds the copy.

Knows no tensor and no score: core prunes, work keeps, figures draw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gblm_viz.core import alpha as alphas
from gblm_viz.core import report
from gblm_viz.core.alpha import Alpha, parse_alpha
from gblm_viz.core.errors import SettingError
from gblm_viz.core.methods import GBLM_NORMS, GRADIENT_NORMS, METHODS, PAPER_ALPHA
from gblm_viz.core.patterns import GROUPS, Global, NofM, checked_sparsity, label
from gblm_viz.core.prune import ORDERS, Masks, Settings, preview_settings
from gblm_viz.core.report import Preview
from gblm_viz.figures import charts
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import role_name
from gblm_viz.words import Words

from .. import work
from ..apply import apply
from ..escape import escape
from ..free_slider import FreeSlider
from ..live_picture import CONTROLS, LEAST_SHARE, MOST_SHARE, MOST_SPARSITY, MaskProvider
from ..matrix_view import Field, Followed, MatrixView, picture
from ..measured import measured
from ..page import Page, bump
from ..session import Selection, Visit

NORMS = {"gblm": GBLM_NORMS, "gradient": GRADIENT_NORMS}
PATTERNS = ("2:4", "4:8", "1:4")
KINDS = ("number", "balance", "share")
MASK_HEIGHT = 330
USUAL_SHARE = 0.5
NEARLY_SAME = 0.99
"""Agreement above which two masks are called almost the same."""
MOST_CHANGES = 2
"""So many changes since Apply are named; the rest is counted."""
NOTABLE = 0.005
"""Shares removed that differ by more between matrices are listed; less is only rounding."""


@dataclass(frozen=True)
class Form:
    """The controls' values as they came from the page, in the order of `Controls.inputs`."""

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

    def settings(self, before: Settings) -> Settings:
        """Checked settings; what the method does not use is kept from `before`. Raises SettingError."""
        norms = NORMS.get(self.method)
        norm = before.norm if norms is None else (self.norm if self.norm in norms else norms[0])
        sparsity = min(checked_sparsity(self.sparsity), MOST_SPARSITY)
        return Settings(
            method=self.method, norm=str(norm), alpha=self._alpha() if self.method == "gblm" else before.alpha,
            group=self.group, sparsity=sparsity, pattern=(self.pattern or "").strip(), order=self.order,
            seed=self._seed() if self.method == "random" else before.seed).check()

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

    method: Any
    formula: Any
    norm_box: Any
    norm: Any
    share_box: Any
    group: Any
    sparsity: Any
    by_pattern: Any
    pattern: Any
    order: Any
    alpha_box: Any
    kind: Any
    number_box: Any
    number: Any
    ratio_box: Any
    ratio: Any
    alpha_note: Any
    seed_box: Any
    seed: Any
    problem: Any
    apply: Any

    @property
    def inputs(self) -> list[Any]:
        return [self.method, self.norm, self.group, self.sparsity, self.pattern, self.order, self.kind, self.number,
                self.ratio, self.seed]

    @property
    def shaped(self) -> list[Any]:
        """What `shape` and `refill` change."""
        return [*self.inputs, self.formula, self.norm_box, self.share_box, self.by_pattern, self.alpha_box,
                self.number_box, self.ratio_box, self.seed_box, self.problem]


@dataclass(frozen=True, eq=False)
class Views:
    """The components on the right."""

    reached: Any
    numbers: Any
    sentences: Any
    matrix: Any
    chart: Any
    mask: Any
    matrices: Any
    tag: Any

    @property
    def all(self) -> list[Any]:
        return [self.reached, self.numbers, self.sentences, self.matrix, self.chart, self.mask, self.matrices, self.tag]


def build(page: Page) -> None:
    """Lay out the tab and wire it."""
    with gr.Row(elem_id="prune"):
        with gr.Column(scale=0, min_width=400, elem_id="prune-controls"):
            controls = _controls(page.words)
        with gr.Column(scale=1, min_width=560, elem_id="prune-preview"):
            views = _views(page.words)
    _wire(page, controls, views)


def _norms(names: Sequence[str]) -> list[tuple[str, str]]:
    """ℓ1 as it is written, l1 as the command line takes it."""
    return [(re.sub(r"^l(?=\d)", "ℓ", name), name) for name in names]


def _slider(low: float, high: float, value: float, title: str, elem_id: str) -> Any:
    return FreeSlider(low, high, value=value, step=0.01, label=title, elem_id=elem_id, buttons=[])


def _controls(say: Words) -> Controls:
    def choices(kind: str, names: Sequence[str]) -> list[tuple[str, str]]:
        return [(say(f"prune.{kind}.{name}"), name) for name in names]

    method = gr.Radio(list(METHODS), value="gblm", label=say("prune.method.label"), elem_id="method")
    written = gr.HTML(formula(say, "gblm"), elem_id="prune-formula")
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
    problem = gr.HTML(elem_id="prune-problem")
    apply = gr.Button(say("prune.apply"), variant="primary", elem_id="apply")
    return Controls(method, written, norm_box, norm, share_box, group, sparsity, by_pattern, pattern, order, alpha_box,
                    kind, number_box, number, ratio_box, ratio, alpha_note, seed_box, seed, problem, apply)


def _views(say: Words) -> Views:
    with gr.Row(elem_id="prune-figures"):
        reached = gr.HTML(_waiting(say), elem_id="sparsity-reached", min_width=220)
        numbers = gr.HTML(elem_id="prune-numbers")
    sentences = gr.HTML(elem_id="prune-sentences")
    with gr.Row(elem_id="prune-pictures"):
        with gr.Column(min_width=300):
            matrix = gr.Dropdown([], label=say("prune.matrix.label"), show_label=False, container=False,
                                 filterable=False, elem_id="prune-matrix")
            chart = gr.Plot(show_label=False, container=False, elem_id="prune-histogram", elem_classes="small-chart",
                            buttons=[])
        with gr.Column(min_width=300):
            mask = MatrixView(height=MASK_HEIGHT, elem_id="prune-mask")
    tag = gr.HTML(elem_id="prune-tag")
    matrices = gr.HTML(elem_id="prune-matrices")
    return Views(reached, numbers, sentences, matrix, chart, mask, matrices, tag)


def _wire(page: Page, controls: Controls, views: Views) -> None:
    say, signals = page.words, page.signals
    own = gr.State(0)
    """The settings signal as this tab last bumped it: its own echo is not drawn twice."""
    held = gr.State(Form(*(one.value for one in controls.inputs)))
    """What this page's controls hold. They are written only where the settings say something else: a late refresh takes
    nothing out of the hand of somebody who moves one."""
    show = _Show(page, controls, views, held)

    def on_control(visit: Visit, counter: int, *values: Any) -> dict[Any, Any]:
        """A visitor moved a control: check, show, and only then keep."""
        form, before = Form(*values), visit.session.settings
        updates = shape(say, controls, form)
        try:
            settings = form.settings(before)
            updates |= show.preview(visit, settings)
        except SettingError as error:
            told = error.say(say)
            refused: dict[Any, Any] = {controls.problem: problem(told), page.status: page.note(told, "error")}
            if error.key in {"sparsity_outside", "sparsity_not_number"}:
                refused[controls.sparsity] = before.sparsity
            kept = show.pictures(visit, before).get(views.mask, gr.skip())  # it has followed what is now refused
            return updates | refused | {views.mask: kept}
        visit.update(settings=settings)
        updates |= {controls.problem: "", held: form_of(settings), signals.settings: bump(counter), own: bump(counter),
                    page.status: page.note(say("prune.shown", method=settings.method))}
        if settings.sparsity != form.sparsity:
            updates[controls.sparsity] = settings.sparsity
        return updates

    def on_settings(visit: Visit, form: Form, mine: int, counter: int) -> dict[Any, Any]:
        """The settings were changed elsewhere."""
        return {} if counter == mine else show.everything(visit, form)

    def on_apply(visit: Visit, applied: int, counter: int, *values: Any) -> Iterator[dict[Any, Any]]:
        try:
            yield from prune(visit, applied, counter, Form(*values).settings(visit.session.settings))
        except SettingError as error:
            yield {controls.problem: problem(error.say(say)), page.status: page.note(error.say(say), "error")}

    def prune(visit: Visit, applied: int, counter: int, settings: Settings) -> Iterator[dict[Any, Any]]:
        masks = yield from apply(page, visit, settings)
        done = say("prune.applied", number=visit.session.applied_number, sparsity=percent(masks.sparsity),
                   removed=f"{masks.removed:,}", prunable=f"{masks.prunable:,}", agrees=agrees(say, visit, masks))
        yield {**show.preview(visit, settings), controls.problem: "", page.status: page.note(done),
               held: form_of(settings), signals.applied: bump(applied), signals.settings: bump(counter),
               own: bump(counter)}

    def on_matrix(visit: Visit, counter: int, name: str | None) -> dict[Any, Any]:
        if not name:
            return {}
        visit.update(selection=Selection(matrix=name))
        return {signals.selection: bump(counter)}

    def on_weight(visit: Visit, place: list[int], counter: int) -> dict[Any, Any]:
        one, kept = selected(visit), visit.session.selection
        visit.update(selection=Selection(one.name, kept.expert if one.experts else 0, int(place[0]), int(place[1])))
        return {signals.selection: bump(counter)}

    def on_clear(visit: Visit, counter: int) -> dict[Any, Any]:
        kept = visit.session.selection
        visit.update(selection=Selection(kept.matrix, kept.expert))
        return {signals.selection: bump(counter)}

    def on_selection(visit: Visit) -> dict[Any, Any]:
        return show.pictures(visit, visit.session.settings)

    outputs = [*controls.shaped, controls.alpha_note, *views.all]
    moved = [controls.method.input, controls.norm.input, controls.group.input, controls.pattern.input,
             controls.pattern.blur, controls.order.input, controls.kind.input, controls.number.input,
             controls.seed.input, views.mask.release]
    page.on(moved, on_control, [signals.settings, *controls.inputs], [*outputs, held, signals.settings, own],
            latest=True)
    page.on_event(views.mask.select, "index", on_weight, [signals.selection], [signals.selection])
    page.on(views.mask.clear, on_clear, [signals.selection], [signals.selection])
    page.on(controls.apply.click, on_apply, [signals.applied, signals.settings, *controls.inputs],
            [*outputs, held, signals.applied, signals.settings, own])
    page.on([signals.visit.change, signals.statistics.change, signals.applied.change], show.everything, [held],
            [*outputs, held], latest=True)
    page.on(signals.settings.change, on_settings, [held, own, signals.settings], [*outputs, held], latest=True)
    page.on(views.matrix.input, on_matrix, [signals.selection], [signals.selection])
    page.on(signals.selection.change, on_selection, [], [views.matrix, views.chart, views.mask], latest=True)


class _Show:
    """From a visitor's settings to the updates of this tab's components."""

    def __init__(self, page: Page, controls: Controls, views: Views, held: Any) -> None:
        self.page, self.words, self.controls, self.views, self.held = page, page.words, controls, views, held

    def everything(self, visit: Visit, held: Form) -> dict[Any, Any]:
        """Controls and preview anew: at page load, after collecting, after another model."""
        settings, controls = visit.session.settings, self.controls
        if visit.session.model is None:
            return {self.views.reached: _waiting(self.words)}
        form, updates = form_of(settings), {}
        if form != held:
            updates = {**shape(self.words, controls, form), **values_of(controls, settings), self.held: form}
        try:
            updates |= {controls.problem: "", **self.preview(visit, settings)}
        except SettingError as error:
            updates[controls.problem] = problem(error.say(self.words))
        # A control that was moved meanwhile has shown its own numbers: the older ones must not take it back.
        return updates if visit.session.settings == settings else {}

    def preview(self, visit: Visit, settings: Settings) -> dict[Any, Any]:
        """The numbers and pictures of settings; a sentence in their place before anything is collected."""
        views, say = self.views, self.words
        settings.check()
        if settings.needs and visit.session.statistics is None:
            told = f'<p class="sentence">{escape(say("errors.nothing_collected"))}</p>'
            return {views.reached: _card(say("prune.reached.none"), "–", ""), views.numbers: "", views.sentences: told,
                    views.matrices: "", views.tag: "", views.chart: None, views.mask: None,
                    self.controls.alpha_note: "",
                    views.matrix: self._matrices(visit)}
        masks, seen = look(visit, settings)
        return {views.reached: reached(say, visit, settings, seen), views.numbers: numbers(say, seen),
                views.sentences: sentences(say, seen, masks), views.matrices: matrices_table(say, seen),
                views.tag: made(say, visit, settings, masks),
                self.controls.alpha_note: alpha_note(say, visit, settings),
                **self.pictures(visit, settings)}

    def _matrices(self, visit: Visit) -> Any:
        model = visit.model()
        choices = [(place(self.words, matrix), matrix.name) for matrix in model.layout.matrices]
        return gr.update(choices=choices, value=selected(visit).name)

    def pictures(self, visit: Visit, settings: Settings) -> dict[Any, Any]:
        """The selected matrix's score histogram and its mask, which follows the sliders; its name in the list."""
        if visit.session.model is None:
            return {}
        if settings.needs and visit.session.statistics is None:
            return {self.views.matrix: self._matrices(visit)}
        matrix, number = selected(visit), plain_alpha(visit, settings)
        masks = work.preview_masks(visit, number)
        expert = visit.session.selection.expert if matrix.experts else 0
        found = visit.library.once(
            ("histogram", work.masks_key(visit.session, number), matrix.name, expert),
            lambda: report.score_histogram(visit.model(), work.maybe_statistics(visit), number, masks, matrix.name,
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
        followed = {name: Followed(control, choices.get(name, {})) for name, control in CONTROLS.items()}
        if visit.model().layout.prunable > work.MOST_SCORES:  # what needs every weight waits for the rest
            del followed["share"], followed["group"]
            followed = {} if isinstance(dense.make_pattern(), Global) else followed
        pin = None if selection.row is None or selection.column is None else (selection.row, selection.column)
        note = tag(say, visit, settings, masks)
        title = say("prune.mask.title", place=place(say, matrix, expert))
        return picture(provider, title, say.table("matrix"), pin=pin, note=note, live=followed,
                       heads=work.head_borders(visit.model(), matrix))


def chosen_from(settings: Settings) -> str:
    """What the lowest are chosen from, for the histogram's title: every group, every row, or all together."""
    if settings.pattern:
        return "pattern"
    return "row" if settings.group == "row" else ""


# Controls ↔ settings

def form_of(settings: Settings) -> Form:
    kind = settings.alpha.kind
    return Form(settings.method, settings.norm, settings.group, settings.sparsity, settings.pattern, settings.order,
                kind, settings.alpha.value if kind == "number" else PAPER_ALPHA,
                settings.alpha.value if kind == "share" else USUAL_SHARE, settings.seed)


def values_of(controls: Controls, settings: Settings) -> dict[Any, Any]:
    """Every control's value. The norm comes with its choices, from `shape`."""
    form = form_of(settings)
    values = (form.method, form.norm, form.group, form.sparsity, form.pattern, form.order, form.kind, form.number,
              form.share, form.seed)
    filled = dict(zip(controls.inputs, values, strict=True))
    del filled[controls.norm]
    return filled


def shape(say: Words, controls: Controls, form: Form) -> dict[Any, Any]:
    """Which controls show, and what the method and the pattern say of themselves. Touches no value but a norm's."""
    norms = NORMS.get(form.method, ())
    norm = form.norm if form.norm in norms else next(iter(norms), None)
    patterned = bool((form.pattern or "").strip())
    return {
        controls.formula: formula(say, form.method),
        controls.norm_box: gr.update(visible=bool(norms)),
        controls.norm: gr.update(choices=_norms(norms), value=norm) if norms else gr.skip(),
        controls.alpha_box: gr.update(visible=form.method == "gblm"),
        controls.number_box: gr.update(visible=form.kind == "number"),
        controls.ratio_box: gr.update(visible=form.kind == "share"),
        controls.seed_box: gr.update(visible=form.method == "random"),
        controls.share_box: gr.update(visible=not patterned),
        controls.by_pattern: gr.update(visible=patterned),
    }


# Numbers of settings, kept in the Library

def plain_alpha(visit: Visit, settings: Settings) -> Settings:
    """The same settings with α as the number it stands for: found once, not at every move of the slider."""
    if settings.method != "gblm" or settings.alpha.kind == "number":
        return settings
    key = ("alpha", visit.session.statistics, settings.alpha, settings.norm)
    value = visit.library.once(key, lambda: alphas.resolve(settings.alpha, visit.statistics(), settings.norm))
    return replace(settings, alpha=Alpha("number", value))


def look(visit: Visit, settings: Settings) -> tuple[Masks, Preview]:
    """The dense order's masks and their numbers."""
    number = plain_alpha(visit, settings)
    masks = work.preview_masks(visit, number)
    key = ("preview", work.masks_key(visit.session, number), visit.session.statistics)
    return masks, visit.library.once(key, lambda: work.preview(visit, number))


def share_at(visit: Visit, norm: str, alpha: float) -> float:
    """The gradient's share of the score at an α, with the visitor's statistics."""
    key = ("share", visit.session.statistics, norm, alpha)
    return visit.library.once(key, lambda: alphas.gradient_share(visit.statistics(), norm, alpha))


def selected(visit: Visit) -> Any:
    """The selected matrix, or the model's first where the selection is of another model."""
    layout = visit.model().layout
    wanted = visit.session.selection.matrix
    return next((matrix for matrix in layout.matrices if matrix.name == wanted), layout.matrices[0])


# What is said

def place(say: Words, matrix: Any, expert: int = 0) -> str:
    """How a matrix is named on screen: Block 3 · down."""
    name = say("prune.matrix.name", block=matrix.block, role=role_name(say, matrix.role))
    return say("prune.matrix.expert", name=name, expert=expert) if matrix.experts else name


def formula(say: Words, method: str) -> str:
    """The score as core.methods writes it, and its letters."""
    return (f'<div class="prune-formula"><b>{escape(say("prune.formula.score"))}</b> '
            f'<code>{escape(_formula(say, method))}</code> '
            f'<span>{escape(say(f"prune.formula.{method}"))}</span></div>')


def _formula(say: Words, method: str) -> str:
    """Mathematics reads the same everywhere; the one formula in words is translated."""
    return say("prune.formula.noise") if method == "random" else METHODS[method].formula


def problem(sentence: str) -> str:
    return f'<div class="prune-problem" role="alert"><b aria-hidden="true">!</b> {escape(sentence)}</div>'


def _waiting(say: Words) -> str:
    return _card(say("prune.reached.none"), "–", escape(say("prune.waiting")))


def _card(title: str, number: str, below: str, kind: str = "") -> str:
    """One number with its name above and a line below. `below` is HTML."""
    return (f'<div class="prune-card {kind}"><span class="name">{escape(title)}</span>'
            f'<b class="number">{escape(number)}</b><span class="below">{below}</span></div>')


def reached(say: Words, visit: Visit, settings: Settings, seen: Preview) -> str:
    """The sparsity: the applied model's where the controls still ask for it, else the preview's above the older one."""
    count = say("prune.reached.count", removed=f"{seen.removed:,}", prunable=f"{seen.prunable:,}")
    session = visit.session
    if session.applied is None or not visit.library.has(session.applied):
        return _card(say("prune.reached.preview"), percent(seen.sparsity),
                     f"{escape(count)}<br>{escape(say('prune.reached.press'))}", "preview")
    masks = work.applied_masks(visit)
    if session.applied == work.masks_key(session, settings):
        count = say("prune.reached.count", removed=f"{masks.removed:,}", prunable=f"{masks.prunable:,}")
        return _card(say("prune.reached.applied", number=session.applied_number), percent(masks.sparsity),
                     f"{escape(count)}<br>{escape(agrees(say, visit, masks))}", "applied")
    older = say("prune.reached.older", number=session.applied_number, sparsity=percent(masks.sparsity))
    moved = say("prune.reached.stale", changes=changes(say, visit, masks.settings, settings))
    return _card(say("prune.reached.preview"), percent(seen.sparsity),
                 f'{escape(count)}<br><span class="stale">{escape(older)}</span><br>{escape(moved)}', "preview")


def agrees(say: Words, visit: Visit, masks: Masks) -> str:
    """How far the applied mask agrees with what its preview showed; the order is what can part them."""
    if visit.session.applied != work.masks_key(visit.session, masks.settings):
        return say("prune.agrees.other_text")
    shown = work.preview_masks(visit, plain_alpha(visit, masks.settings))
    return say("prune.agrees." + masks.settings.order, agreement=percent(report.model_agreement(masks, shown), 2))


def changes(say: Words, visit: Visit, was: Settings, now: Settings) -> str:
    """What moved on since the mask was applied: `from 50 %, slider at 60 %`."""
    moved = []
    if not was.pattern and not now.pattern and was.sparsity != now.sparsity:
        moved.append(say("prune.stale.sparsity", was=percent(was.sparsity, 0), now=percent(now.sparsity, 0)))
    shown = {"pattern": lambda one: one.pattern or say("prune.pattern.none"), "method": lambda one: one.method,
             "norm": lambda one: one.norm if one.method in NORMS else "–",
             "alpha": lambda one: alpha_words(say, one) if one.method == "gblm" else "–",
             "group": lambda one: "–" if one.pattern else say(f"prune.group.{one.group}"),
             "order": lambda one: say(f"prune.order.{one.order}"),
             "seed": lambda one: one.seed if one.method == "random" else "–"}
    for name, read in shown.items():
        before, after = _field(read, was), _field(read, now)
        if before != after and "–" not in (before, after):  # what only one of the two has is no change of its own
            moved.append(say("prune.stale.other", what=say(f"prune.stale.{name}"), was=before, now=after))
    if not moved:
        moved.append(say("prune.stale.text"))
    more = [say("prune.stale.more", count=len(moved) - MOST_CHANGES)] if len(moved) > MOST_CHANGES else []
    return say("prune.stale.join").join(moved[:MOST_CHANGES] + more)


def _field(read: Callable[[Settings], object], settings: Settings) -> str:
    return str(read(settings))


def alpha_words(say: Words, settings: Settings) -> str:
    """How α was asked for."""
    alpha = settings.alpha
    return {"number": charts.short(alpha.value), "balance": say("prune.alpha.balance"),
            "share": say("prune.alpha.as_share", share=percent(alpha.value, 0))}[alpha.kind]


def numbers(say: Words, seen: Preview) -> str:
    """α with the gradient's share, and the agreement with Wanda and with gradient-only, as three cards."""
    none = "–"
    share = none if seen.share is None else percent(seen.share)
    alpha = escape(say("prune.numbers.no_alpha") if seen.alpha is None else
                   say("prune.numbers.alpha", alpha=charts.short(seen.alpha)))
    cards = [_card(say("prune.numbers.share"), share, alpha)]
    for name, agreement in (("wanda", seen.agreement_wanda), ("gradient", seen.agreement_gradient)):
        if agreement is None:
            below = say("prune.numbers.nothing_beside")
        else:
            below = say("prune.numbers.differs", count=f"{round((1 - agreement) * seen.prunable):,}")
        shown = none if agreement is None else percent(agreement)
        cards.append(_card(say(f"prune.numbers.{name}"), shown, escape(below)))
    return f'<div class="prune-cards">{"".join(cards)}</div>'


def sentences(say: Words, seen: Preview, masks: Masks) -> str:
    """What the numbers mean, in one to three sentences, and where a simpler rule had to do."""
    if not seen.removed:
        return f'<p class="sentence">{escape(say("prune.nothing_removed"))}</p>'
    told = [verdict(say, seen), where(say, seen)]
    if seen.fallbacks:
        first = masks.fallbacks[0]
        told.append(say("prune.fallbacks", count=seen.fallbacks, first=first.matrix, rule=first.rule))
    if seen.equal_rows:
        told.append(say("prune.equal_rows", count=f"{seen.equal_rows:,}"))
    return "".join(f'<p class="sentence">{escape(one)}</p>' for one in told if one)


def verdict(say: Words, seen: Preview) -> str:
    """Whether the gradient, or the input, changed anything here."""
    method, wanda, gradient = seen.settings.method, seen.agreement_wanda, seen.agreement_gradient
    if wanda is None or gradient is None:
        return ""
    fields = {"wanda": percent(wanda), "gradient": percent(gradient), "method": method}
    if method in {"wanda", "gradient"}:
        return say(f"prune.verdict.{method}", **fields)
    if method == "gblm" and wanda > NEARLY_SAME:
        return say("prune.verdict.like_wanda", **fields)
    if method == "gblm" and gradient > NEARLY_SAME:
        return say("prune.verdict.like_gradient", **fields)
    return say("prune.verdict.gblm" if method == "gblm" else "prune.verdict.other", **fields)


def differing(seen: Preview) -> bool:
    """Whether some matrices lose a larger share than others, beyond rounding."""
    shares = [cell.value for cell in seen.per_matrix]
    return max(shares) - min(shares) > NOTABLE


def where(say: Words, seen: Preview) -> str:
    """Where the weights go from: equal by design, or listed below."""
    if differing(seen):
        ordered = sorted(seen.per_matrix, key=lambda cell: cell.value)
        least, most = ordered[0], ordered[-1]
        return say("prune.where.differs", least=place(say, least), low=percent(least.value), most=place(say, most),
                   high=percent(most.value))
    pattern = seen.settings.make_pattern()
    if isinstance(pattern, NofM):
        return say("prune.where.pattern", n=pattern.n, m=pattern.m)
    return say("prune.where.row" if seen.settings.group == "row" else "prune.where.matrix")


def matrices_table(say: Words, seen: Preview) -> str:
    """What goes per matrix, blocks × roles, only where that differs."""
    if not differing(seen):
        return ""
    roles = list(dict.fromkeys(cell.role for cell in seen.per_matrix))
    values = {(cell.block, cell.role): cell.value for cell in seen.per_matrix}
    head = "".join(f'<th class="number">{escape(role)}</th>' for role in roles)
    rows = []
    for block in sorted({cell.block for cell in seen.per_matrix}):
        cells = "".join(_share_cell(values.get((block, role))) for role in roles)
        rows.append(f"<tr><th>{escape(say('prune.where.block', block=block))}</th>{cells}</tr>")
    return (f'<div class="prune-matrices"><p><b>{escape(say("prune.where.title"))}</b></p><table class="plain">'
            f"<tr><th></th>{head}</tr>{''.join(rows)}</table></div>")


def _share_cell(value: float | None) -> str:
    if value is None:
        return '<td class="number">–</td>'
    return f'<td class="number"><i style="width:{100 * value:.0f}%"></i><span>{escape(percent(value))}</span></td>'


def alpha_note(say: Words, visit: Visit, settings: Settings) -> str:
    """Why the app asks for a share: what the paper's α would give on this text, measured."""
    if settings.method != "gblm" or visit.session.statistics is None:
        return ""
    found = visit.statistics()
    hundred = share_at(visit, settings.norm, PAPER_ALPHA)
    key = ("balance", visit.session.statistics, settings.norm)
    balance = visit.library.once(key, lambda: alphas.resolve(Alpha("balance"), found, settings.norm))
    tokens = found.calibration.token_count / found.count
    told = say("prune.alpha.why", paper=f"{PAPER_ALPHA:g}", paper_share=percent(hundred), alpha=charts.short(balance),
               share=percent(share_at(visit, settings.norm, balance)), samples=found.count, length=f"{tokens:.0f}")
    return f'<div class="limit">{escape(told)}</div>'


def made_of(say: Words, visit: Visit, settings: Settings, masks: Masks) -> list[str]:
    """What a mask was made of, in short parts: model, text, samples, method, norm, α with its share, pattern."""
    parts = [visit.model().name]
    if settings.needs and visit.session.statistics is not None:
        samples = visit.statistics().calibration
        cut = say("prune.tag.samples", count=samples.count, length=samples.length, seed=samples.seed)
        parts += [work.text_name(say, samples.text_name), cut]
    parts.append(settings.method)
    if settings.method in NORMS:
        parts.append(settings.norm)
    if settings.method == "gblm" and masks.alpha is not None:
        share = share_at(visit, settings.norm, masks.alpha)
        parts.append(say("prune.tag.alpha", alpha=charts.short(masks.alpha), share=percent(share)))
    if settings.method == "random":
        parts.append(say("prune.tag.seed", seed=settings.seed))
    pattern = settings.make_pattern()
    if isinstance(pattern, NofM):
        parts.append(say("prune.tag.pattern", pattern=label(pattern), n=pattern.n, m=pattern.m))
    else:
        parts.append(f"{say('prune.group.' + settings.group)} {percent(settings.sparsity, 0)}")
    return parts


def made(say: Words, visit: Visit, settings: Settings, masks: Masks) -> str:
    """Under the pictures: what was measured on the bundled model at this amount, and what the preview was made of."""
    told = [measured(say, masks) if masks.removed else "", tag(say, visit, settings, masks)]
    return "".join(f'<p class="tag">{escape(one)}</p>' for one in told if one)


def tag(say: Words, visit: Visit, settings: Settings, masks: Masks) -> str:
    """The line under a preview."""
    told = say("prune.tag.preview_only" if settings.order == "dense" else "prune.tag.preview_sequential")
    return " · ".join([*made_of(say, visit, settings, masks), told])
