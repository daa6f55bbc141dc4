"""Overview: a finished example in one view: what was removed, both answers, what it cost, where the gradients are."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import gradio as gr

from gblm_viz.amounts import format_share
from gblm_viz.core.base.intervals import paired_difference
from gblm_viz.core.look.cells import ModelMap
from gblm_viz.core.look.gradient_sums import GradientSummary, cell_map
from gblm_viz.core.look.two_masks import Jump
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.escape import escape
from gblm_viz.figures.charts import brief_percent, percent
from gblm_viz.figures.maps import empty_map, gradient_sentence, map_value
from gblm_viz.words import Words, join_sentences

from ..components.answer_slider import AnswerSlider, Live, Screen, example_answers, own_answers
from ..components.model_map import ModelMapView
from ..components.settings_words import settings_words
from ..visit.keys import PerplexityKey, ProbesKey, PrunedKey
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.session import Selection
from ..work import work
from ..work.applied import applied_tag, collected_from
from ..work.chat import answer_together, marked_points, parting_sentence
from ..work.example import LONGEST_ANSWER, SETTINGS, shipped_example, shipped_summaries
from ..work.stops import METHODS as STOP_METHODS
from ..work.stops import shipped_stops
from . import slider, story
from .prune_text import place
from .weight import telling_weight


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components."""

    answers: AnswerSlider
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
        return [self.answers, self.to_chat, self.limit, self.tag, self.map, self.telling, self.why]


def build(page: Page) -> None:
    """Lay out the finished example and register the handlers."""
    say = page.words
    example = shipped_example(say.language)
    with gr.Row(elem_id="overview-row", equal_height=False):
        with gr.Column(scale=6, min_width=480):
            answers = AnswerSlider(_example(say), resets="#reset", leads=True, elem_id="overview-answers")
            to_chat = gr.Button(say("overview.to_chat"), size="sm", visible=False, elem_id="overview-to-chat")
            limit = gr.HTML(limit_html(say, of_pocket=True), elem_id="overview-limit")
            gr.HTML(f'<a class="to-story" href="#story-head">{escape(say("overview.to_story"))}</a>',
                    elem_id="overview-to-story")
        with gr.Column(scale=5, min_width=420):
            overview_map = ModelMapView(_shipped_map(say), height=290, elem_id="overview-map")
            with gr.Row(equal_height=False, elem_id="overview-telling-row"):
                telling = gr.HTML(telling_html(say, _shipped_telling(say), example["settings"]["method"]),
                                  elem_id="overview-telling")
                why = gr.Button(say("overview.why"), elem_id="overview-why", size="sm", scale=0, min_width=130)
            with gr.Row(equal_height=False):
                tag = gr.HTML(_tag(_example_tag(say, example)))
                reset = gr.Button(say("overview.reset"), elem_id="reset", size="sm", scale=0, min_width=170)
    _Handlers(page, Parts(answers, to_chat, limit, tag, reset, overview_map, telling, why)).wire()
    story.build(page)


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        page.on(parts.why.click, self.on_why, [signals.selection], [signals.selection, page.tabs])
        page.on_event(parts.answers.select, "prompt", "text", self.on_prompt, [], [parts.answers])
        slider.wire(page, parts.answers)
        page.on(parts.reset.click, self.on_reset, [signals.visit], [*parts.shown, signals.visit])
        page.on(parts.to_chat.click, self.on_to_chat, [], [page.tabs])
        page.on_signals([signals.visit.change, signals.statistics.change, signals.applied.change], self.refresh, [],
                        parts.shown)
        page.on_signals([signals.measured.change], self.on_measured, [], [parts.answers])
        page.on_event(parts.map.select, "name", "text", self.on_cell, [signals.selection],
                      [signals.selection, page.tabs])

    def on_prompt(self, visit: Visit, prompt: str) -> Iterator[dict[Any, Any]]:
        """Let the visitor's two models answer greedily, without earlier turns."""
        page, say, parts = self.page, self.say, self.parts
        before, stop = visit.library.chats.get(visit.key), threading.Event()
        if before is not None:
            before.set()
        visit.library.chats[visit.key] = stop
        model, applied = visit.session.model, visit.session.applied
        models = {"dense": visit.model(), "pruned": work.pruned_model(visit)}
        screen, live, prompts = self.applied_screen(visit), slider.live(visit, say), _prompts(say, visit.model())
        stream = answer_together(models, prompt, (), Sampling(most=LONGEST_ANSWER), stop, visit.library.threads)
        try:
            for turn, finished in stream:
                now, running = visit.session, visit.library.chats.get(visit.key)
                if running not in (stop, None):
                    return  # another question uses the panes now
                if running is None or (now.model, now.applied) != (model, applied):
                    yield {parts.answers: self.refresh(visit)[parts.answers]}  # sent after what was answered so far
                    return
                told = parting_sentence(turn, say) if finished else say("compare.answering")
                asked = replace(screen, asked=prompt, dense=turn.answers["dense"].text,
                                pruned=turn.answers["pruned"].text, parting=told,
                                mark=marked_points(turn.answers["pruned"].tokens, turn.parting("dense", "pruned")))
                yield {parts.answers: own_answers(asked, prompts, slider.words_of(say), live)}
            yield {page.status: page.note(say("status.ready"))}
        finally:
            stream.close()

    def on_reset(self, visit: Visit, counter: int) -> dict[Any, Any]:
        page = self.page
        visit.keep(page.library.first_of(page.words.language).begun_after(visit.session))
        return {self.signals.visit: bump(counter), **self.example_shown(slider.live(visit, self.say)),
                page.status: page.note(self.say("overview.was_reset"))}

    def on_to_chat(self, visit: Visit) -> dict[Any, Any]:
        return {self.page.tabs: gr.Tabs(selected="compare")}

    def example_shown(self, live: Live | None) -> dict[Any, Any]:
        say, parts, example = self.say, self.parts, shipped_example(self.say.language)
        return {parts.answers: _example(say, live), parts.to_chat: gr.update(visible=False),
                parts.limit: limit_html(say, of_pocket=True), parts.tag: _tag(_example_tag(say, example)),
                parts.map: _shipped_map(say), parts.why: gr.update(visible=True),
                parts.telling: telling_html(say, _shipped_telling(say), example["settings"]["method"])}

    def refresh(self, visit: Visit) -> dict[Any, Any]:
        """Show the example, or the visitor's own run as far as it exists; the two are never mixed."""
        session = visit.session
        if session.example:
            return self.example_shown(slider.live(visit, self.say))
        collected = session.statistics is not None and visit.library.has(session.statistics)
        applied = session.applied is not None and visit.library.has(session.applied)
        pocket = work.is_pocket(visit.model())
        say, parts = self.say, self.parts
        found: dict[Any, Any] = {parts.to_chat: gr.update(visible=applied and not pocket), parts.telling: "",
                                 parts.map: empty_map(say("overview.no_map")), parts.why: gr.update(visible=False)}
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
        none = say("overview.no_answers")
        return {parts.answers: own_answers(Screen(told, none, none), (), slider.words_of(say)), parts.limit: "",
                parts.tag: _tag(say("overview.own_tag", run=collected_from(visit, say)) if collected else "")}

    def applied_shown(self, visit: Visit, collected: bool, pocket: bool) -> dict[Any, Any]:
        """Show the own run's pruned copy: what was removed, its costs, and its telling weight."""
        say, parts = self.say, self.parts
        jump = telling_weight(visit) if collected else None
        named = None if jump is None else (place(say, visit.model().layout.named(jump.matrix), jump.expert or 0), jump)
        return {parts.answers: self.own_shown(visit, self.applied_screen(visit)),
                parts.limit: limit_html(say, of_pocket=pocket),
                parts.tag: _tag(say("overview.own_tag", run=applied_tag(visit, say))),
                parts.telling: telling_html(say, named, visit.session.settings.method),
                parts.why: gr.update(visible=jump is not None)}

    def own_shown(self, visit: Visit, screen: Screen) -> dict[str, Any]:
        """Return the value of an own run's answers, with questions or beginnings that fit its model."""
        say = self.say
        return own_answers(screen, _prompts(say, visit.model()), slider.words_of(say), slider.live(visit, say))

    def applied_screen(self, visit: Visit) -> Screen:
        """Return what is said of the own run's pruned copy before a question is asked."""
        say, masks = self.say, work.applied_masks(visit)
        chats = visit.model().has_chat_template
        waiting = say("overview.ask_again" if chats else "overview.continue_again")
        big, tag, lost = cost_lines(say, *_measured(visit, say))
        return Screen(headline(say, masks.removed, masks.prunable, masks.sparsity), waiting, waiting, big=big, tag=tag,
                      lost=lost)

    def on_measured(self, visit: Visit) -> dict[Any, Any]:
        """Update the costs of an own run once Compare has measured them."""
        answers = self.parts.answers
        return {} if visit.session.example else {answers: self.refresh(visit)[answers]}

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


def _example(say: Words, live: Live | None = None) -> dict[str, Any]:
    """Return the finished example, whose slider starts at its own settings."""
    stops = shipped_stops(say.language)
    return example_answers(stops, {name: name for name in STOP_METHODS},
                           (SETTINGS.method, round(100 * SETTINGS.sparsity)), slider.words_of(say), live)


def _prompts(say: Words, model: Model) -> tuple[str, ...]:
    """Return what a model is asked: the example's questions, questions for any chat model, or texts to continue."""
    if work.is_pocket(model):
        return tuple(shipped_stops(say.language)["prompts"])
    kind = "chats" if model.has_chat_template else "continues"
    return tuple(say(f"overview.{kind}_{number}") for number in (1, 2, 3))


def _shipped_map(say: Words) -> dict[str, Any]:
    example, summaries = shipped_example(say.language), shipped_summaries(say.language)
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
    return say("overview.headline", share=format_share(sparsity), removed=f"{removed:,}", prunable=f"{prunable:,}")


def _shipped_telling(say: Words) -> tuple[str, Jump]:
    """Return the place of the example's weight with the largest jump, and how far its rank in the row moves."""
    jump = Jump(**shipped_example(say.language)["telling"])
    matrix = next(one for one in shipped_summaries(say.language) if one.name == jump.matrix)
    return place(say, matrix), jump


def telling_html(say: Words, named: tuple[str, Jump] | None, method: str) -> str:
    """Return a sentence on one weight that magnitude removes and the method keeps."""
    if named is None:
        return ""
    where, jump = named
    told = say("overview.telling", place=where, row=f"{jump.row:,}", column=f"{jump.column:,}", method=method,
               before=percent(jump.rank_a, 0), after=percent(jump.rank_b, 0))
    return f'<p class="telling"><b>{escape(say("overview.telling_title"))}</b> {escape(told)}</p>'


def limit_html(say: Words, of_pocket: bool) -> str:
    """Return the limits of what the copy shows; for the pocket model, also that it is tiny."""
    told = say("overview.limit") + (say("overview.limit_pocket") if of_pocket else "")
    return f'<p class="limit">{escape(told)}</p>'


def cost_lines(say: Words, probes: dict[str, Any] | None, losses: dict[str, Any] | None) -> tuple[str, str, str]:
    """Return right answers before and after, the interval, and the held-out perplexities with their protocol.

    Either may be None: not measured, or probes of a model other than the pocket, which is not asked them.
    """
    if probes is None and losses is None:
        return "", "", say("overview.not_measured")
    lost = "" if losses is None else say(
        "overview.perplexity", before=_perplexity(losses["dense"]), after=_perplexity(losses["pruned"]),
        windows=losses["windows"], length=losses["length"])
    if losses is not None and losses["difference"]["interval"]["low"] <= 0 <= losses["difference"]["interval"]["high"]:
        lost = join_sentences([lost, say("overview.no_difference")])
    if probes is None:
        return "", "", lost
    (before, n), (after, _), interval = probes["dense"], probes["pruned"], probes["interval"]
    right = say("overview.right", before=before, after=after, n=n, share_before=brief_percent(before / n),
                share_after=brief_percent(after / n))
    spread = say("overview.interval", low=brief_percent(interval["low"]), high=brief_percent(interval["high"]))
    return right, spread, lost


def _perplexity(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:,.{2 if value < 10 else 1}f}"


def _tag(told: str) -> str:
    return f'<div class="tag" id="overview-tag">{escape(told)}</div>'


def _example_tag(say: Words, example: dict[str, Any]) -> str:
    made = settings_words(say, SETTINGS, example["alpha"], example["share"])
    return say("overview.example_tag", model=example["model"], text=example["text"], samples=example["samples"],
               length=example["length"], seed=example["seed"],
               settings=say("settings.join").join([*made, say(f"sweep.orders.{SETTINGS.order}")]))
