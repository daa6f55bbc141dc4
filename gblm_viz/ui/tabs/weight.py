"""The Weight tab: why one weight is removed or kept, what its removal costs, its row edited by hand, and which text
contributes most to its gradient. It calls core and computes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.look import by_hand, pull, two_masks, weight
from gblm_viz.core.look.weight import Target, WeightReport
from gblm_viz.core.mask.settings import Settings, preview_settings
from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.score.methods import METHODS
from gblm_viz.core.talk.generate import Sampling, answer
from gblm_viz.core.text.tokens import token_texts, trim_cut_characters
from gblm_viz.escape import escape
from gblm_viz.figures import charts
from gblm_viz.figures.charts import percent, short
from gblm_viz.figures.colours import KEPT, REMOVED, shaded
from gblm_viz.figures.maps import number, role_name
from gblm_viz.words import Words, join_sentences

from ..components.hand_row import HandRow, hand_value
from ..components.heading import heading
from ..components.table import plain_table
from ..components.weight_words import (
    fate_words,
    numbers_words,
    signed,
    verdict_heads,
    verdict_rows,
    verdict_words,
)
from ..visit.keys import AnswerChangesKey, PullKey, StatisticsKey, WeightKey, ZeroedKey
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import WEIGHT_ASKED, WEIGHT_HAND
from ..visit.session import Selection
from ..work import work
from ..work.preview import plain_alpha
from .gradients import chosen
from .prune_text import made_of, place

SHOWN = 8
"""Number of a row's weights shown for editing: legible from afar, and whole groups of 2:4 and 4:8."""
PULLING = 3
"""Number of samples listed with their tokens: those with the largest pull on the matrix."""
DRAWN = 24
"""Number of weights in the scatter plot; on the pocket model they take a minute on one core."""
LONGEST_ANSWER = 48
AT_ONCE = 20_000_000
"""Most prunable weights for which a telling weight is searched in the whole model; above, in the matrix only."""
EFFECTS = ("weight", "row", "column", "head")
PULLS = ("weight", "row", "column", "head", "matrix", "block")


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    matrix: gr.Dropdown
    expert: gr.Number
    row: gr.Number
    column: gr.Number
    telling: gr.Button
    tag: gr.HTML
    card: gr.HTML
    effect: gr.HTML
    measure: gr.Button
    prompt: gr.Textbox
    ask: gr.Button
    asked: gr.HTML
    hand: HandRow
    before: gr.Button
    after: gr.Button
    back: gr.Button
    samples: gr.HTML
    kind: gr.Radio
    show: gr.Button
    tokens: gr.HTML
    draw: gr.Button
    scatter: gr.Plot
    boxes: gr.State
    """(model, Selection) of the weight that this page's boxes name. They are written only when another one is shown, so
    that a late refresh does not undo what somebody is typing."""

    @property
    def place(self) -> list[Any]:
        """The components that name the weight."""
        return [self.matrix, self.expert, self.row, self.column]

    @property
    def shown(self) -> list[Any]:
        """The components that depend on the weight and the settings."""
        return [*self.place, self.tag, self.card, self.effect, self.measure, self.asked, self.hand, self.samples,
                self.tokens]


def build(page: Page) -> None:
    """Lay out the tab and register its handlers."""
    say = page.words
    with gr.Row(elem_id="weight-place"):
        matrix = gr.Dropdown([], label=say("weight.matrix"), elem_id="weight-matrix", scale=2, min_width=200)
        expert = gr.Number(0, label=say("weight.expert"), precision=0, visible=False, elem_id="weight-expert",
                           min_width=90)
        row = gr.Number(0, label=say("weight.row"), precision=0, elem_id="weight-row", min_width=120)
        column = gr.Number(0, label=say("weight.column"), precision=0, elem_id="weight-column", min_width=120)
        telling = gr.Button(say("weight.telling"), size="sm", elem_id="weight-telling", scale=0, min_width=150)
    tag = gr.HTML(elem_id="weight-tag")
    with gr.Row(elem_id="weight", equal_height=False):
        with gr.Column(scale=10, min_width=520):
            card = gr.HTML(_nothing(say), elem_id="weight-card")
            effect = gr.HTML(elem_id="weight-effect")
            with gr.Row(elem_id="weight-ask-row"):
                measure = gr.Button(say("weight.effect.measure"), size="sm", scale=0, min_width=90,
                                    elem_id="weight-measure")
                prompt = gr.Textbox(say("overview.prompt_2"), show_label=False, label=say("weight.effect.prompt"),
                                    container=False, max_lines=1, elem_id="weight-prompt")
                ask = gr.Button(say("weight.effect.ask"), size="sm", scale=0, min_width=70, elem_id="weight-ask")
            asked = gr.HTML(elem_id="weight-asked")
        with gr.Column(scale=12, min_width=600), gr.Tabs(elem_id="weight-more"):
            with gr.Tab(say("weight.hand.tab"), id="hand"):
                heading(say("weight.hand.tab"), 3)
                hand = HandRow(elem_id="weight-hand")
                with gr.Row():
                    before = gr.Button(say("weight.hand.before"), size="sm", elem_id="weight-before")
                    after = gr.Button(say("weight.hand.after"), size="sm", elem_id="weight-after")
                    back = gr.Button(say("weight.hand.back"), size="sm", elem_id="weight-back")
            with gr.Tab(say("weight.pull.tab"), id="pull"):
                heading(say("weight.pull.tab"), 3)
                samples = gr.HTML(elem_id="weight-samples")
                with gr.Row(elem_id="weight-pull-row"):
                    kind = gr.Radio([(say(f"weight.pull.{one}"), one) for one in PULLS], value="weight",
                                    show_label=False, container=False, label=say("weight.pull.of"),
                                    elem_id="weight-kind")
                    show = gr.Button(say("weight.pull.show"), size="sm", scale=0, min_width=150,
                                     elem_id="weight-show")
                tokens = gr.HTML(elem_id="weight-tokens")
            with gr.Tab(say("weight.scatter.tab"), id="scatter"):
                heading(say("weight.scatter.tab"), 3)
                gr.HTML(f'<p class="tag">{escape(say("weight.scatter.hint"))}</p>')
                draw = gr.Button(say("weight.scatter.button", count=DRAWN), size="sm", elem_id="weight-draw")
                scatter = gr.Plot(show_label=False, container=False, elem_id="weight-scatter",
                                  elem_classes="small-chart", buttons=[], visible=False)
    parts = Parts(matrix, expert, row, column, telling, tag, card, effect, measure, prompt, ask, asked, hand, before,
                  after, back, samples, kind, show, tokens, draw, scatter, boxes=gr.State(None))
    _Handlers(page, parts, _Show(page, parts)).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts
    show: _Show

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        page.on_signals([signals.visit.change, signals.statistics.change, signals.settings.change,
                         signals.selection.change], self.refresh, [parts.boxes], [*parts.shown, parts.boxes])
        page.on([parts.matrix.input, parts.expert.submit, parts.row.submit, parts.column.submit, parts.row.blur,
                 parts.column.blur], self.on_place, [signals.selection, *parts.place],
                [signals.selection, parts.boxes], further="newest")
        page.on(parts.telling.click, self.on_telling, [signals.selection], [signals.selection])
        page.on_event(parts.hand.select, "change", "change", self.on_change, [], [parts.hand])
        page.on(parts.before.click, partial(self.on_step, direction=-1), [], [parts.hand], further="newest")
        page.on(parts.after.click, partial(self.on_step, direction=1), [], [parts.hand], further="newest")
        page.on(parts.back.click, self.on_back, [], [parts.hand])
        page.on(parts.measure.click, self.on_measure, [], [parts.effect], further="all")
        page.on([parts.ask.click, parts.prompt.submit], self.on_ask, [parts.prompt], [parts.effect, parts.asked],
                further="all")
        page.on(parts.show.click, self.on_show, [parts.kind], [parts.tokens], further="newest")
        page.on(parts.draw.click, self.on_draw, [], [parts.scatter], further="newest")

    def refresh(self, visit: Visit, written: object) -> dict[Any, Any]:
        """After another weight, model, text or setting: redraw everything and drop the numbers edited by hand."""
        updates = self.show.everything(visit)
        if is_ready(visit) and (named := (visit.session.model, at_of(visit).selection)) != written:
            updates |= {**self.show.boxes(visit, named[1]), self.parts.boxes: named}
        hand = self.show.hand(visit, hand_of(visit)) if is_ready(visit) else None
        return {**updates, self.parts.hand: hand}

    def on_place(self, visit: Visit, counter: int, name: str | None, expert: float | None, row: float | None,
                 column: float | None) -> dict[Any, Any]:
        page, say = self.page, self.say
        if not name:
            return {}
        found = visit.model().layout.named(name)
        wanted = Selection(name, int(expert or 0) if found.experts else 0, int(row or 0), int(column or 0))
        if not wanted.inside(visit.model().layout):
            told = say("weight.outside", block=found.block, role=role_name(say, found.role),
                       rows=f"{found.rows - 1:,}", columns=f"{found.columns - 1:,}")
            return {page.status: page.note(told, "error")}
        if wanted == visit.session.selection:  # a box that is left says its number a second time after Enter
            return {page.status: page.note(say("status.ready"))}
        session = visit.select(wanted)
        return {self.signals.selection: bump(counter), self.parts.boxes: (session.model, wanted),
                page.status: page.note(say("status.ready"))}

    def on_telling(self, visit: Visit, counter: int) -> dict[Any, Any]:
        """Select the weight that magnitude removes, the method keeps, and that moves up furthest in its row."""
        page, say = self.page, self.say
        visit.statistics()
        jump = telling_weight(visit)
        if jump is None:
            return {page.status: page.note(say("weight.telling_none"), "error")}
        visit.select(Selection(jump.matrix, jump.expert or 0, jump.row, jump.column))
        found = page.note(say("weight.telling_found", method=visit.session.settings.method))
        return {self.signals.selection: bump(counter), page.status: found}

    def keep_hand(self, visit: Visit, hand: Hand) -> dict[Any, Any]:
        """Keep a visitor's edits of the row and show what they change."""
        visit.remember(WEIGHT_HAND, hand)
        return {self.parts.hand: self.show.hand(visit, hand)}

    def on_change(self, visit: Visit, change: list[Any]) -> dict[Any, Any]:
        place, wanted = (str(change[0]), int(change[1])), change[2]
        hand = hand_of(visit)
        others = tuple(one for one in hand.changes if one[0] != place)
        mine = () if wanted is None else ((place, float(wanted)),)
        return self.keep_hand(visit, replace(hand, changes=others + mine))

    def on_step(self, visit: Visit, *, direction: int) -> dict[Any, Any]:
        """Show the next columns of the row, or the previous ones."""
        hand = hand_of(visit)
        last = max(0, visit.model().layout.named(at_of(visit).matrix).columns - SHOWN)
        return self.keep_hand(visit, replace(hand, first=min(max(0, hand.first + direction * SHOWN), last)))

    def on_back(self, visit: Visit) -> dict[Any, Any]:
        return self.keep_hand(visit, replace(hand_of(visit), changes=()))

    def on_measure(self, visit: Visit) -> Iterator[dict[Any, Any]]:
        at, model, found = at_of(visit), visit.model(), visit.statistics()
        targets = tuple(effects(model, at).values())
        yield from self.computed(visit, measured_key(visit, targets), "zeroing",
                                 lambda: weight.measured_changes(model, found.calibration, targets))
        done = self.page.note(self.say("weight.effect.measured_done", samples=found.count))
        yield {self.parts.effect: self.show.effect(visit, at_of(visit)), self.page.status: done}

    def on_ask(self, visit: Visit, prompt: str) -> Iterator[dict[Any, Any]]:
        """Let the model answer, and measure how likely the answer is without each of the weights."""
        page, say, at, model = self.page, self.say, at_of(visit), visit.model()
        said = answer(model, [{"role": "user", "content": prompt}], Sampling(most=LONGEST_ANSWER)).text
        if not said.strip():
            yield {page.status: page.note(say("weight.effect.no_answer"), "error")}
            return
        targets = tuple(effects(model, at).values())
        changes = yield from self.computed(visit, AnswerChangesKey(visit.session.model, prompt, targets), "zeroing",
                                           lambda: weight.answer_changes(model, prompt, said, targets))
        told = f'<p class="tag quoted">{escape(say("weight.effect.asked", answer=said))}</p>'
        visit.remember(WEIGHT_ASKED, (at, changes))
        yield {self.parts.effect: self.show.effect(visit, at_of(visit)), self.parts.asked: told,
               page.status: page.note(say("status.ready"))}

    def on_show(self, visit: Visit, kind: str) -> Iterator[dict[Any, Any]]:
        """Show how each token of the strongest samples pulls at the weight, its row or its matrix."""
        at, model, found = at_of(visit), visit.model(), visit.statistics()
        target, picked = pull_of(model, at, kind), strongest(visit, at, PULLING)
        pulls = yield from self.computed(visit, PullKey(visit.session.statistics, target, picked), "pull",
                                         lambda: pull.token_pulls(model, found.calibration, target, picked))
        yield {self.parts.tokens: self.show.tokens(visit, at, kind, pulls),
               self.page.status: self.page.note(self.say("status.ready"))}

    def on_draw(self, visit: Visit) -> Iterator[dict[Any, Any]]:
        """Draw predicted against measured changes of the loss for some weights."""
        page, say, model, found = self.page, self.say, visit.model(), visit.statistics()
        if weight.too_large(model):
            yield {page.status: page.note(too_large(say), "error")}
            return
        targets = weight.scatter_targets(model, found, DRAWN, seed=0)
        measured = yield from self.computed(visit, measured_key(visit, targets), "zeroing",
                                            lambda: weight.measured_changes(model, found.calibration, targets))
        predicted = [weight.predicted_change(model, found, target) for target in targets]
        done = page.note(say("weight.scatter.done", count=len(targets)))
        drawn = charts.prediction(predicted, measured, say)
        yield {self.parts.scatter: gr.update(value=drawn, visible=True), page.status: done}


# Which weight, and what of it

@dataclass(frozen=True)
class At:
    """The weight that is shown and the settings it is judged by: α as a number, dense order."""

    matrix: str
    expert: int
    row: int
    column: int
    settings: Settings
    statistics: StatisticsKey | None

    @property
    def selection(self) -> Selection:
        return Selection(self.matrix, self.expert, self.row, self.column)


@dataclass(frozen=True)
class Hand:
    """A visitor's edits: `changes` are ((field, column), number), `first` the first column shown."""

    at: At
    first: int
    changes: tuple[tuple[tuple[str, int], float], ...] = ()


def fresh_row(at: At) -> Hand:
    """Return a row without edits, with the weight in the middle."""
    return Hand(at, max(0, at.column - SHOWN // 2))


def hand_of(visit: Visit) -> Hand:
    """Return the visitor's edited row, or a fresh one if another weight is shown by now."""
    at, kept = at_of(visit), visit.session.extra(WEIGHT_HAND, None)
    return kept if kept is not None and kept.at == at else fresh_row(at)


def is_ready(visit: Visit) -> bool:
    """Return whether the chosen method has what it needs."""
    session = visit.session
    return session.model is not None and not (session.settings.needs and session.statistics is None)


def at_of(visit: Visit) -> At:
    """Return the pinned weight, else the matrix's telling or first one. Raises GblmError if nothing is ready."""
    if not is_ready(visit):
        raise GblmError("nothing_collected")
    session = visit.session
    settings = preview_settings(plain_alpha(visit, session.settings))
    selection, matrix = session.selection, chosen(visit)
    if selection.row is None or selection.column is None or selection.matrix != matrix.name:
        jump = telling_weight(visit, matrix.name) if session.statistics is not None else None
        selection = (Selection(matrix.name, selection.expert, 0, 0) if jump is None else
                     Selection(jump.matrix, jump.expert or 0, jump.row, jump.column))
    assert selection.row is not None and selection.column is not None
    matrix = visit.model().layout.named(selection.matrix)
    return At(matrix.name, min(selection.expert, max(0, matrix.experts - 1)), min(selection.row, matrix.rows - 1),
              min(selection.column, matrix.columns - 1), settings, session.statistics)


def telling_weight(visit: Visit, only: str | None = None) -> two_masks.Jump | None:
    """Return work.telling_weight of the visitor's settings; of a large model, in the selected matrix only."""
    settings = preview_settings(plain_alpha(visit, visit.session.settings))
    if only is None and visit.model().layout.prunable > AT_ONCE:
        only = chosen(visit).name
    return work.telling_weight(visit, settings, only)


def report_of(visit: Visit, at: At) -> WeightReport:
    key = WeightKey(visit.session.model, at)
    return visit.library.get_or_make(key, lambda: weight.explain(
        visit.model(), work.maybe_statistics(visit), at.settings, work.preview_masks(visit, at.settings), at.matrix,
        at.row, at.column, at.expert))


def head_of(model: Any, matrix: Matrix, at: At) -> int | None:
    """Return the weight's attention head; None if its matrix has none."""
    if not weight.heads(model, matrix):
        return None
    return int((at.column if matrix.role == "o" else at.row) // model.head_size)


def effects(model: Any, at: At) -> dict[str, Target]:
    """Return what is set to zero, each separately: the weight (of a model not too large), its row, column, head."""
    head = head_of(model, model.layout.named(at.matrix), at)
    targets = {"weight": Target(at.matrix, "weight", at.row, at.column, expert=at.expert),
               "row": Target(at.matrix, "row", row=at.row, expert=at.expert),
               "column": Target(at.matrix, "column", column=at.column, expert=at.expert)}
    if weight.too_large(model):
        del targets["weight"]
    return targets if head is None else {**targets, "head": Target(at.matrix, "head", head=head, expert=at.expert)}


def pull_of(model: Any, at: At, kind: str) -> pull.Pull:
    """Return the target of the pull; for kind "head", a matrix without heads is used as a whole."""
    matrix = model.layout.named(at.matrix)
    head = head_of(model, matrix, at)
    chosen_kind: Any = "matrix" if kind == "head" and head is None else kind
    return pull.Pull(chosen_kind, at.matrix, at.row, at.column, head or 0, matrix.block,
                     at.expert if matrix.experts else None)


def strongest(visit: Visit, at: At, most: int) -> tuple[int, ...]:
    """Return the samples with the largest pull on the matrix, largest first."""
    shares = pull.sample_shares(visit.statistics(), at.matrix)
    return tuple(int(index) for index in (-shares).argsort(kind="stable")[:most])


def measured_key(visit: Visit, targets: tuple[Target, ...]) -> ZeroedKey:
    return ZeroedKey(visit.session.model, visit.session.statistics, targets)


# What is said

class _Show:
    """Turns a visitor's session into updates of this tab's components."""

    def __init__(self, page: Page, parts: Parts) -> None:
        self.page, self.words, self.parts = page, page.words, parts

    def everything(self, visit: Visit) -> dict[Any, Any]:
        parts, say = self.parts, self.words
        if not is_ready(visit):
            return {parts.card: _nothing(say), **dict.fromkeys(
                (parts.tag, parts.effect, parts.asked, parts.samples, parts.tokens), "")}
        at = at_of(visit)
        told = made_of(say, visit, at.settings, work.preview_masks(visit, at.settings))
        collected = visit.session.statistics is not None
        return {
            parts.tag: f'<div class="tag">{escape(" · ".join([*told, say("prune.tag.preview_only")]))}</div>',
            parts.card: card(say, report_of(visit, at), at.settings), parts.effect: self.effect(visit, at),
            parts.measure: gr.update(interactive=collected), parts.asked: "",
            parts.samples: self.samples(visit, at) if collected else "",
            parts.tokens: f'<p class="tag">{escape(say("weight.pull.hint"))}</p>'}

    def boxes(self, visit: Visit, named: Selection) -> dict[Any, Any]:
        """The boxes that name the weight."""
        parts, layout = self.parts, visit.model().layout
        choices = [(place(self.words, one), one.name) for one in layout.matrices]
        expert = gr.update(visible=bool(layout.named(named.matrix).experts), value=named.expert)
        return {parts.matrix: gr.update(choices=choices, value=named.matrix), parts.expert: expert,
                parts.row: named.row, parts.column: named.column}

    def effect(self, visit: Visit, at: At) -> str:
        """Return what zeroing costs: always predicted; measured, and with probes, if that was done."""
        say, model, found = self.words, visit.model(), work.maybe_statistics(visit)
        targets = effects(model, at)
        key = measured_key(visit, tuple(targets.values()))
        asked_at, changes = visit.session.extra(WEIGHT_ASKED, (None, ()))
        asked: tuple[weight.AnswerChange, ...] = changes if asked_at == at else ()
        if visit.library.has(key):
            measured = [signed(change) for change in visit.library.get(key)]
        else:
            measured = [signed(math.nan) if weight.too_large(model) else say("weight.effect.to_measure")] * len(targets)
        rows = [] if not asked else [(say("weight.effect.nothing"), "", "", probability(asked[0].before))]
        for index, (name, target) in enumerate(targets.items()):
            named = say(f"weight.effect.{name}", **({} if name == "weight" else {name: getattr(target, name)}))
            rows.append((named, signed(weight.predicted_change(model, found, target)), measured[index],
                         probability(asked[index].after) if asked else say("weight.effect.to_ask")))
        notes = [say("weight.effect.unit"), too_large(say) if weight.too_large(model) else "",
                 say("weight.effect.needs_sum") if found is not None and "sum" not in found.keep else ""]
        heads = [(say(f"weight.effect.{name}"), kind) for name, kind in (
            ("what", ""), ("predicted", "number"), ("measured", "number"), ("answer", "number"))]
        return (title(say("weight.effect.title")) + plain_table(heads, rows)
                + f'<p class="tag">{escape(join_sentences(note for note in notes if note))}</p>')

    def hand(self, visit: Visit, hand: Hand) -> dict[str, Any]:
        """The row with the numbers written by hand, as the component's value."""
        say, at, model, changes = self.words, hand.at, visit.model(), dict(hand.changes)
        assert at is not None
        settings = at.settings
        row = by_hand.row_of(model, work.maybe_statistics(visit), settings, settings.alpha.value, at.matrix, at.row,
                             at.expert)
        found = by_hand.by_hand(row, hand.first, SHOWN, changes)
        used = ["weight", *(field for need, field in (("inputs", "input_norm"), ("gradients", "gradient_norm"))
                            if need in METHODS[settings.method].needs)]
        alpha = say("weight.hand.alpha", alpha=short(settings.alpha.value)) if "alpha" in settings.knobs else ""
        told = [say("weight.hand.intro", formula=METHODS[settings.method].formula, alpha=alpha, cut=f"{found.cut:,}",
                    size=f"{found.group:,}", group=say(f"weight.group.{row.group}"))]
        told += [say("weight.hand.alone")] if row.alone else []
        if changes:
            flipped = say("settings.join").join(map(str, found.flipped))
            told.append(say("weight.hand.turned", columns=flipped) if flipped else say("weight.hand.unturned"))
        return hand_value(found, list(changes), used, at.column, say.table("weight.hand"), join_sentences(told))

    def samples(self, visit: Visit, at: At) -> str:
        """Return the samples with the largest pull and their beginnings."""
        say, model, found = self.words, visit.model(), visit.statistics()
        shares = pull.sample_shares(found, at.matrix)
        heads = [(say("weight.pull.sample"), "number"), (say("weight.pull.share"), "number"),
                 (say("weight.pull.begins"), "begins")]
        rows = [(str(index), percent(float(shares[index])),
                 trim_cut_characters("".join(token_texts(model, found.calibration, index))))
                for index in strongest(visit, at, PULLING)]
        return title(say("weight.pull.samples")) + plain_table(heads, rows)

    def tokens(self, visit: Visit, at: At, kind: str, pulls: tuple[pull.SamplePull, ...]) -> str:
        """Return every token of the samples, coloured by its part of the sample's pull."""
        say, found = self.words, visit.statistics()
        what = say(f"weight.pull.{pull_of(visit.model(), at, kind).kind}")
        lines = []
        for one in pulls:
            texts = token_texts(visit.model(), found.calibration, one.sample)
            told = say("weight.pull.line", sample=one.sample, total=signed(one.total) if one.total else
                       say("weight.pull.no_pull"))
            lines.append(f'<p class="tag">{escape(told)}</p><p class="weight-strip" dir="auto" tabindex="0">'
                         f"{strip(say, texts, one)}</p>")
        return (title(say("weight.pull.title", what=what)) + "".join(lines)
                + f'<p class="tag">{escape(say("weight.pull.legend"))}</p>')


def strip(say: Words, texts: tuple[str, ...], one: pull.SamplePull) -> str:
    """Return one span per token: orange adds to the sample's pull, blue reduces it; deeper colour means more."""
    most = max((abs(part) for part in one.per_token), default=0.0)
    spans = []
    for text, part in zip(texts, one.per_token, strict=True):
        depth = abs(part) / most if most else 0.0
        colour = shaded(REMOVED if part * (one.total or 1.0) >= 0 else KEPT, 0.85 * depth)
        share = percent_signed(part / one.total) if one.total else number(part)
        spans.append(f'<span title="{escape(say("weight.pull.token", share=share))}" '
                     f'style="background: {colour}">{escape(text)}</span>')
    return "".join(spans)


def card(say: Words, found: WeightReport, settings: Settings) -> str:
    """Return the explanation: a sentence, the score's parts with the threshold, each method's verdict."""
    return sentence(say, found, settings) + score_bar(say, found, settings) + verdicts(say, found, settings)


def sentence(say: Words, found: WeightReport, settings: Settings) -> str:
    kind = "removed" if found.removed else "kept"
    return (f'<p class="weight-fate {kind}" data-removed="{int(found.removed)}"><b aria-hidden="true">'
            f'{"×" if found.removed else "·"}</b> {escape(fate_words(say, found))}</p>'
            f'<p class="tag">{escape(numbers_words(say, found, settings))}</p>')


def score_bar(say: Words, found: WeightReport, settings: Settings) -> str:
    """Return the score as a bar of its parts, with the threshold as a line across it."""
    parts = [("activation", found.activation_part), ("gradient", found.gradient_part)]
    known = [(name, value) for name, value in parts if not math.isnan(value)] or [("magnitude", found.score)]
    cut = found.cut_low if math.isnan(found.cut_high) else found.cut_high
    scale = 1.15 * max(found.score, 0.0 if math.isnan(cut) else cut) or 1.0
    alone = {"gradient": "gradient_alone"} if settings.method == "gradient" else {}
    bars = "".join(f'<i class="{name}" style="width:{100 * value / scale:.2f}%"></i>' for name, value in known)
    named = [(name, "■ " + say(f"weight.score.{alone.get(name, name)}", value=number(value))) for name, value in known]
    if not math.isnan(cut):
        bars += f'<b class="cut" style="left:{100 * cut / scale:.2f}%"></b>'
        named.append(("cut", "┃ " + say("weight.score.cut", value=number(cut))))
    legend = "".join(f'<span class="{name}">{escape(text)}</span>' for name, text in named)
    told = say("weight.score.described", score=number(found.score), cut=number(cut))
    return (title(say("weight.score.title", formula=METHODS[settings.method].formula, score=number(found.score)))
            + f'<div class="weight-bar" role="img" aria-label="{escape(told)}">{bars}</div>'
            + f'<p class="weight-legend">{legend}</p>')


def verdicts(say: Words, found: WeightReport, settings: Settings) -> str:
    """Return each method's verdict on the weight, and what would change the chosen method's verdict."""
    return (title(say("weight.verdict.title")) + plain_table(verdict_heads(say), verdict_rows(say, found, settings))
            + f'<p class="sentence small">{escape(verdict_words(say, found, settings))}</p>')


def title(text: str) -> str:
    return f'<h2 class="weight-title">{escape(text)}</h2>'


def percent_signed(share: float) -> str:
    return ("+" if share >= 0 else "−") + percent(abs(share))


def probability(logarithm: float) -> str:
    return percent(math.exp(logarithm), 3)


def too_large(say: Words) -> str:
    return say("weight.effect.too_large", limit=f"{weight.LARGEST / 1e6:.0f}")


def _nothing(say: Words) -> str:
    return f'<p class="sentence">{escape(say("weight.nothing"))}</p>'
