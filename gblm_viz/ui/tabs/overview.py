"""Overview: a finished example in one view: what was removed, both answers, what it cost, where the gradients are."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr

from gblm_viz.core.base.intervals import paired_difference
from gblm_viz.core.look.cells import ModelMap
from gblm_viz.core.look.gradient_sums import GradientSummary, cell_map
from gblm_viz.core.look.two_masks import Jump
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.escape import escape
from gblm_viz.figures.maps import empty_map, gradient_sentence, map_value
from gblm_viz.words import FIRST, Words

from ..components.model_map import ModelMapView
from ..components.settings_words import settings_words
from ..components.token_bars import MARKS
from ..visit.keys import PerplexityKey, ProbesKey, PrunedKey
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.session import Selection
from ..work import work
from ..work.applied import applied_tag, collected_from
from ..work.chat import Turn, answer_together, pane_html, parting_sentence
from ..work.example import LONGEST_ANSWER, SETTINGS, shipped_example, shipped_summaries
from .prune_text import place
from .weight import telling_weight


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    sentence: gr.HTML
    questions: gr.Row
    buttons: tuple[gr.Button, ...]
    """One for each question of the example."""
    dense: gr.HTML
    pruned: gr.HTML
    parting: gr.HTML
    cost: gr.HTML
    to_chat: gr.Button
    limit: gr.HTML
    tag: gr.HTML
    reset: gr.Button
    map: ModelMapView
    telling: gr.HTML
    why: gr.Button

    @property
    def shown(self) -> list[Any]:
        """The components that `_Handlers.refresh` updates."""
        return [self.sentence, self.questions, self.to_chat, self.dense, self.pruned, self.parting, self.cost,
                self.limit, self.tag, self.map, self.telling, self.why]


def build(page: Page) -> None:
    """Lay out the finished example and register the handlers."""
    say = page.words
    example = shipped_example()
    pairs = _pairs(say)
    with gr.Row(elem_id="overview-row", equal_height=False):
        with gr.Column(scale=6, min_width=480):
            sentence = gr.HTML(headline(say, example["removed"], example["prunable"], example["sparsity"]))
            with gr.Row(elem_id="overview-examples", equal_height=True) as questions:
                buttons = [gr.Button(pair["prompt"], size="sm", elem_classes="example-prompt") for pair in pairs]
            with gr.Row(equal_height=True):
                dense = gr.HTML(_pane(say, "dense", pairs[0]), elem_id="overview-dense")
                pruned = gr.HTML(_pane(say, "pruned", pairs[0]), elem_id="overview-pruned")
            parting = gr.HTML(_sentence(_shipped_parting(say, pairs[0])), elem_id="overview-parting")
            cost = gr.HTML(cost_html(say, example["probes"], example["perplexity"]), elem_id="overview-cost")
            to_chat = gr.Button(say("overview.to_chat"), size="sm", visible=False, elem_id="overview-to-chat")
            limit = gr.HTML(limit_html(say, of_pocket=True), elem_id="overview-limit")
            with gr.Row(equal_height=False):
                tag = gr.HTML(_tag(_example_tag(say, example)))
                reset = gr.Button(say("overview.reset"), elem_id="reset", size="sm", scale=0, min_width=170)
        with gr.Column(scale=5, min_width=420):
            overview_map = ModelMapView(_shipped_map(say), height=330, elem_id="overview-map")
            with gr.Row(equal_height=False, elem_id="overview-telling-row"):
                telling = gr.HTML(telling_html(say, _shipped_telling(say), example["settings"]["method"]),
                                  elem_id="overview-telling")
                why = gr.Button(say("overview.why"), elem_id="overview-why", size="sm", scale=0, min_width=130)
    _Handlers(page, Parts(sentence, questions, tuple(buttons), dense, pruned, parting, cost, to_chat, limit, tag, reset,
                          overview_map, telling, why)).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        page.on(parts.why.click, self.on_why, [signals.selection], [signals.selection, page.tabs])
        for button in parts.buttons:
            page.on(button.click, self.on_prompt, [button], [parts.dense, parts.pruned, parts.parting])
        page.on(parts.reset.click, self.on_reset, [signals.visit], [*parts.shown, signals.visit])
        page.on(parts.to_chat.click, self.on_to_chat, [], [page.tabs])
        page.on_signals([signals.visit.change, signals.statistics.change, signals.applied.change], self.refresh, [],
                        parts.shown)
        page.on_signals([signals.measured.change], self.on_measured, [], [parts.cost])
        page.on_event(parts.map.select, "name", "text", self.on_cell, [signals.selection],
                      [signals.selection, page.tabs])

    def on_prompt(self, visit: Visit, prompt: str) -> Iterator[dict[Any, Any]]:
        """Let both models answer greedily, without earlier turns; this reproduces the example's answers."""
        page, say, parts = self.page, self.say, self.parts
        stop = threading.Event()
        visit.library.chats[visit.key] = stop
        models = {"dense": visit.model(), "pruned": work.pruned_model(visit)}
        stream = answer_together(models, prompt, (), Sampling(most=LONGEST_ANSWER), stop, visit.library.threads)
        try:
            for turn, finished in stream:
                told = parting_sentence(turn, say) if finished else say("compare.answering")
                yield {parts.dense: _live(say, "dense", turn, finished),
                       parts.pruned: _live(say, "pruned", turn, finished), parts.parting: _sentence(told)}
            yield {page.status: page.note(say("status.ready"))}
        finally:
            stream.close()

    def on_reset(self, visit: Visit, counter: int) -> dict[Any, Any]:
        page = self.page
        visit.keep(page.library.first.begun_after(visit.session))
        return {self.signals.visit: bump(counter), **self.example_shown(),
                page.status: page.note(self.say("overview.was_reset"))}

    def on_to_chat(self, visit: Visit) -> dict[Any, Any]:
        return {self.page.tabs: gr.Tabs(selected="compare")}

    def example_shown(self) -> dict[Any, Any]:
        say, parts, example = self.say, self.parts, shipped_example()
        pair = _pairs(say)[0]
        return {parts.sentence: headline(say, example["removed"], example["prunable"], example["sparsity"]),
                parts.questions: gr.update(visible=True), parts.to_chat: gr.update(visible=False),
                parts.dense: _pane(say, "dense", pair), parts.pruned: _pane(say, "pruned", pair),
                parts.parting: _sentence(_shipped_parting(say, pair)),
                parts.cost: cost_html(say, example["probes"], example["perplexity"]),
                parts.limit: limit_html(say, of_pocket=True), parts.tag: _tag(_example_tag(say, example)),
                parts.map: _shipped_map(say), parts.why: gr.update(visible=True),
                parts.telling: telling_html(say, _shipped_telling(say), example["settings"]["method"])}

    def refresh(self, visit: Visit) -> dict[Any, Any]:
        """Show the example, or the visitor's own run as far as it exists; the two are never mixed."""
        session = visit.session
        if session.example:
            return self.example_shown()
        collected = session.statistics is not None and visit.library.has(session.statistics)
        applied = session.applied is not None and visit.library.has(session.applied)
        pocket = work.is_pocket(visit.model())
        say, parts = self.say, self.parts
        found: dict[Any, Any] = {
            parts.questions: gr.update(visible=applied and pocket),
            parts.to_chat: gr.update(visible=applied and not pocket),
            parts.parting: _sentence(""), parts.map: empty_map(say("overview.no_map")), parts.telling: "",
            parts.why: gr.update(visible=False)}
        if collected:
            own = work.gradient_summaries(visit, "l1")
            own_map = _map(own, len(visit.model().layout.blocks), visit.model().layout.roles, visit.statistics().count)
            found[parts.map] = _drawn(say, own_map, own)
        return found | (self.applied_shown(visit, collected, pocket) if applied else
                        self.nothing_applied(visit, collected))

    def nothing_applied(self, visit: Visit, collected: bool) -> dict[Any, Any]:
        """Show what the own run still lacks, in place of answers and costs."""
        say, parts = self.say, self.parts
        told = say("overview.nothing_removed" if collected else "overview.nothing_collected", model=visit.model().name)
        return {parts.sentence: f'<p class="headline">{escape(told)}</p>', parts.cost: "", parts.limit: "",
                parts.dense: _empty(say, "dense", "overview.no_answers"),
                parts.pruned: _empty(say, "pruned", "overview.no_answers"),
                parts.tag: _tag(say("overview.own_tag", run=collected_from(visit, say)) if collected else "")}

    def applied_shown(self, visit: Visit, collected: bool, pocket: bool) -> dict[Any, Any]:
        """Show the own run's pruned copy: what was removed, its costs, and its telling weight."""
        say, parts = self.say, self.parts
        masks = work.applied_masks(visit)
        waiting = "overview.ask_again" if pocket else "overview.ask_in_chat"
        jump = telling_weight(visit) if collected else None
        named = None if jump is None else (place(say, visit.model().layout.named(jump.matrix), jump.expert or 0), jump)
        return {parts.sentence: headline(say, masks.removed, masks.prunable, masks.sparsity),
                parts.cost: cost_html(say, *_measured(visit, say)),
                parts.limit: limit_html(say, of_pocket=pocket),
                parts.tag: _tag(say("overview.own_tag", run=applied_tag(visit, say))),
                parts.dense: _empty(say, "dense", waiting), parts.pruned: _empty(say, "pruned", waiting),
                parts.telling: telling_html(say, named, visit.session.settings.method),
                parts.why: gr.update(visible=jump is not None)}

    def on_measured(self, visit: Visit) -> dict[Any, Any]:
        """Update the costs of an own run once Compare has measured them; the answers stay."""
        cost = self.parts.cost
        return {} if visit.session.example else {cost: self.refresh(visit).get(cost, gr.skip())}

    def on_cell(self, visit: Visit, name: str, counter: int) -> dict[Any, Any]:
        visit.select(Selection(matrix=name))
        return {self.signals.selection: bump(counter), self.page.tabs: gr.Tabs(selected="gradients")}

    def on_why(self, visit: Visit, counter: int) -> dict[Any, Any]:
        """Explain the telling weight on the Weight tab."""
        page, jump = self.page, telling_weight(visit)
        if jump is None:
            return {page.status: page.note(self.say("weight.telling_none"), "error")}
        visit.select(Selection(jump.matrix, jump.expert or 0, jump.row, jump.column))
        return {self.signals.selection: bump(counter), page.tabs: gr.Tabs(selected="weight")}


def _pairs(say: Words) -> list[dict[str, str]]:
    """Return the example's questions with both models' answers, in the page's language if it has them."""
    answers: dict[str, list[dict[str, str]]] = shipped_example()["answers"]
    return answers.get(say.language, answers[FIRST])


def _shipped_map(say: Words) -> dict[str, Any]:
    example, summaries = shipped_example(), shipped_summaries()
    return _drawn(say, _map(summaries, example["blocks"], tuple(example["roles"]), example["samples"]), summaries)


def _map(summaries: tuple[GradientSummary, ...], blocks: int, roles: tuple[str, ...], samples: int) -> ModelMap:
    return cell_map("gradient_mean", blocks, roles, summaries, "mean", True, samples)


def _drawn(say: Words, shown: ModelMap, summaries: tuple[GradientSummary, ...]) -> dict[str, Any]:
    return map_value(shown, say, title=say("overview.map_title"), unit=say("overview.map_unit"),
                     sentence=gradient_sentence(summaries, "mean", say))


def _measured(visit: Visit, say: Words) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the measurements of the applied model, in the shipped example's form."""
    session, library = visit.session, visit.library
    pruned = PrunedKey(session.applied)
    probes = None
    if library.has(ProbesKey(pruned)) and library.has(ProbesKey(session.model)):
        one, two = library.get(ProbesKey(session.model)).total, library.get(ProbesKey(pruned)).total
        probes = {"dense": [one.right, one.total], "pruned": [two.right, two.total],
                  "interval": {"low": two.interval.low, "high": two.interval.high}}
    held = work.held_out_windows(library, session, visit.model(), say.language)
    keys = [PerplexityKey(key, held.key) for key in (session.model, pruned)]
    if not all(library.has(key) for key in keys):
        return probes, None
    before, after = (library.get(key) for key in keys)
    return probes, {"dense": before.value, "pruned": after.value, "windows": before.windows, "length": before.length,
                    "difference": asdict(paired_difference(before.losses, after.losses))}


# How it is drawn

def headline(say: Words, removed: int, prunable: int, sparsity: float) -> str:
    """Return the sentence with the number of removed weights."""
    share = f"{sparsity:.1%}".replace(".0%", "%")
    text = say("overview.headline", share=share, removed=f"{removed:,}", prunable=f"{prunable:,}")
    return f'<p class="headline">{escape(text)}</p>'


def _shipped_telling(say: Words) -> tuple[str, Jump]:
    """Return the place of the example's weight with the largest jump, and how far its rank in the row moves."""
    jump = Jump(**shipped_example()["telling"])
    matrix = next(one for one in shipped_summaries() if one.name == jump.matrix)
    return place(say, matrix), jump


def telling_html(say: Words, named: tuple[str, Jump] | None, method: str) -> str:
    """Return a sentence on one weight that magnitude removes and the method keeps."""
    if named is None:
        return ""
    where, jump = named
    told = say("overview.telling", place=where, row=f"{jump.row:,}", column=f"{jump.column:,}", method=method,
               before=format(jump.rank_a, ".0%"), after=format(jump.rank_b, ".0%"))
    return f'<p class="telling"><b>{escape(say("overview.telling_title"))}</b> {escape(told)}</p>'


def _sentence(text: str) -> str:
    return f'<div class="parting-line">{escape(text) or "&nbsp;"}</div>'


def _frame(say: Words, side: str, body: str) -> str:
    name = f'{MARKS[side]} {escape(say(f"compare.{side}"))}'
    return f'<div class="pane-title"><b class="{side}-colour">{name}</b></div>{body}'


def _pane(say: Words, side: str, pair: dict[str, str]) -> str:
    body = (f'<div class="chat short" role="log"><div class="asked">{escape(pair["prompt"])}</div>'
            f'<div class="said {side}" data-side="{side}">{escape(pair[side])}</div></div>')
    return _frame(say, side, body)


def _empty(say: Words, side: str, key: str) -> str:
    """Return a pane without an answer that says how to get one."""
    return _frame(say, side, f'<div class="chat short"><div class="empty">{escape(say(key))}</div></div>')


def _live(say: Words, side: str, turn: Turn, finished: bool) -> str:
    pane = pane_html(turn, side, finished)
    return _frame(say, side, pane.replace('class="chat"', 'class="chat short"', 1))


def _shipped_parting(say: Words, pair: dict[str, str]) -> str:
    return say("overview.same" if pair["dense"] == pair["pruned"] else "overview.different")


def limit_html(say: Words, of_pocket: bool) -> str:
    """Return the limits of what the copy shows; for the pocket model, also that it is tiny."""
    told = say("overview.limit") + (say("overview.limit_pocket") if of_pocket else "")
    return f'<p class="limit">{escape(told)}</p>'


def cost_html(say: Words, probes: dict[str, Any] | None, losses: dict[str, Any] | None) -> str:
    """Return right answers before and after with the interval, and the held-out perplexities with their protocol.

    Either may be None: not measured, or probes of a model other than the pocket, which is not asked them.
    """
    if probes is None and losses is None:
        return f'<p class="cost">{escape(say("overview.not_measured"))}</p>'
    lost = "" if losses is None else say(
        "overview.perplexity", before=_perplexity(losses["dense"]), after=_perplexity(losses["pruned"]),
        windows=losses["windows"], length=losses["length"])
    if losses is not None and losses["difference"]["interval"]["low"] <= 0 <= losses["difference"]["interval"]["high"]:
        lost += " " + say("overview.no_difference")
    if probes is None:
        return f'<p class="cost">{escape(lost)}</p>'
    (before, n), (after, _), interval = probes["dense"], probes["pruned"], probes["interval"]
    right = say("overview.right", before=before, after=after, n=n, share_before=format(before / n, ".0%"),
                share_after=format(after / n, ".0%"))
    spread = say("overview.interval", low=format(interval["low"], ".0%"), high=format(interval["high"], ".0%"))
    return (f'<p class="cost"><span class="big">{escape(right)}</span> <span class="tag">{escape(spread)}</span>'
            f"<br>{escape(lost)}</p>")


def _perplexity(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:,.1f}"


def _tag(told: str) -> str:
    return f'<div class="tag" id="overview-tag">{escape(told)}</div>'


def _example_tag(say: Words, example: dict[str, Any]) -> str:
    made = settings_words(say, SETTINGS, example["alpha"], example["share"])
    return say("overview.example_tag", model=example["model"], text=example["text"], samples=example["samples"],
               length=example["length"], seed=example["seed"],
               settings=say("settings.join").join([*made, say(f"sweep.orders.{SETTINGS.order}")]))
