"""Compare, the chat: one prompt, the models side by side; asking, stopping, editing, and each token's predictions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.talk.generate import Prompt, Sampling, fit_prompt
from gblm_viz.core.talk.speed import Speeds, speeds
from gblm_viz.escape import escape
from gblm_viz.model_text import template_note
from gblm_viz.words import Words, join_sentences

from ..components.skill_chips import SkillChips
from ..components.token_bars import MARKS, bars_html
from ..visit.keys import SpeedTask
from ..visit.library import Visit
from ..visit.page import Handlers, Page
from ..visit.remembered import BLIND_ROUND, CHAT, CHAT_EDIT, CHAT_LOG, PICKED
from ..work import chat_models, work
from ..work.chat import Conversation, Turn, answer_together, fit_prompts, logged, messages_of
from . import chat_blind, chat_slide, chat_third, chat_view
from .chat_view import ChatView, continued_turns, conversation, hidden, is_blind, line, order

MEASURED_TOKENS = 24
"""Number of tokens in each round of the speed measurement."""
VIEWS = ("all", "diffs", "matches")
# The page has all it needs to dim tokens, so this runs without the server.
_DIM = "(view) => { document.getElementById('compare-panes').dataset.view = view; }"
_TO_PROMPT = "() => { document.querySelector('#prompt textarea').focus(); }"
# Moves the focus out of the prompt box after Enter, so that a vote by key is not typed into it.
_TO_VOTES = """() => {
  const vote = document.getElementById("vote-a");
  if (vote && !vote.disabled && document.activeElement.closest("#prompt")) vote.focus();
}"""


@dataclass(frozen=True, eq=False)
class AskRow:
    """The question and the buttons beside it."""

    prompt: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    again: gr.Button
    edit: gr.Button
    clear: gr.Button


@dataclass(frozen=True, eq=False)
class Options:
    """How the models answer: the sampling, and the modes of the chat."""

    seed: gr.Textbox
    temperature: gr.Number
    top_p: gr.Number
    most: gr.Number
    follow_up: gr.Checkbox
    blind: gr.Checkbox
    third: gr.Button

    @property
    def sampling(self) -> list[Any]:
        return [self.seed, self.temperature, self.top_p, self.most]


def build(page: Page, asked: gr.State) -> None:
    """asked: (count, prompt), a question that another panel wants to be asked."""
    say = page.words
    row = _ask_row(say)
    chips = SkillChips(elem_id="chat-chips")
    options = _options(say)
    choices = chat_third.build(say, options.third)
    with gr.Row(elem_id="compare-parting-row", equal_height=True):
        parting = gr.HTML(line(""), elem_id="compare-parting")
        view = gr.Radio([(say(f"chat.view.{name}"), name) for name in VIEWS], value="all", label=say("chat.view.label"),
                        show_label=False, container=False, elem_id="compare-view", scale=0, min_width=250)
        measure = gr.Button(say("chat.speed.measure"), elem_id="compare-speed", size="sm", scale=0, min_width=130)
    bar = chat_blind.build(say)
    shown = ChatView(say, chat_view.build(say, parting))
    slide = chat_slide.build(page)
    _Handlers(page, asked, row, chips, options, choices, bar, shown, slide, view, measure).wire()


def _ask_row(say: Words) -> AskRow:
    with gr.Row(elem_id="ask-row", equal_height=True):
        prompt = gr.Textbox(placeholder=say("compare.prompt_hint"), label=say("compare.prompt"), show_label=False,
                            container=False, lines=1, max_lines=4, elem_id="prompt", scale=6)
        ask = gr.Button(say("compare.ask"), variant="primary", elem_id="ask", scale=0, min_width=80)
        stop = gr.Button(say("compare.stop"), elem_id="stop", scale=0, min_width=80, interactive=False)
        again = gr.Button(say("compare.regenerate"), elem_id="regenerate", scale=0, min_width=120)
        edit = gr.Button(say("chat.edit"), elem_id="compare-edit", scale=0, min_width=80)
        clear = gr.Button(say("compare.clear"), elem_id="compare-clear", scale=0, min_width=80)
    return AskRow(prompt, ask, stop, again, edit, clear)


def _options(say: Words) -> Options:
    with gr.Row(elem_id="compare-sampling", equal_height=True):
        seed = gr.Textbox("0", label=say("compare.seed"), elem_id="seed", max_lines=1, scale=1, min_width=80)
        temperature = gr.Number(0, label=say("compare.temperature"), step=0.1, elem_id="compare-temperature", scale=2,
                                min_width=130)
        top_p = gr.Number(1, label=say("compare.top_p"), step=0.05, elem_id="compare-top-p", scale=1, min_width=80)
        most = gr.Number(96, label=say("compare.most"), step=8, precision=0, elem_id="compare-most", scale=1,
                         min_width=90)
        follow_up = gr.Checkbox(False, label=say("compare.continue"), elem_id="compare-continue", scale=2,
                                min_width=170, container=False)
        blind = gr.Checkbox(False, label=say("chat.blind.label"), elem_id="compare-blind", scale=2, min_width=170,
                            container=False)
        third = gr.Button(say("chat.third.open"), elem_id="compare-third", size="sm", scale=0, min_width=130)
    return Options(seed, temperature, top_p, most, follow_up, blind, third)


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    asked: gr.State
    row: AskRow
    chips: SkillChips
    options: Options
    choices: chat_third.Choices
    bar: chat_blind.Bar
    shown: ChatView
    slide: chat_slide.Slide
    view: gr.Radio
    measure: gr.Button

    def wire(self) -> None:
        page, signals, row, options, bar, places = (self.page, self.signals, self.row, self.options, self.bar,
                                                    self.shown.places)
        question = [row.prompt, options.follow_up, *options.sampling]
        answering = [*places.all, *bar.all, *self.slide.all, row.stop, self.chips]
        for triggers, handler, more in (([row.ask.click, row.prompt.submit], self.on_ask, []),
                                        (row.again.click, self.on_again, [options.seed])):
            page.on(triggers, handler, question, [*answering, *more]).then(None, None, None, js=_TO_VOTES)
        page.on_event(self.chips.select, "question", "text", self.on_chip, question[1:], [row.prompt, *answering]).then(
            None, None, None, js=_TO_VOTES)
        page.on(row.stop.click, self.on_stop, queue=False)
        page.on(row.edit.click, self.on_edit, [], [row.prompt]).then(None, None, None, js=_TO_PROMPT)
        page.on(row.clear.click, self.on_clear, [], [*answering, places.speed])
        page.on(self.asked.change, self.on_asked, [self.asked], [row.prompt], further="newest")
        for place, pane in enumerate(places.panes):
            page.on_event(pane.select, "place", "pair", partial(self.on_token, place=place), [], [places.bars])
        page.on(self.measure.click, self.on_measure, question, [places.speed])
        self.view.change(None, [self.view], None, js=_DIM, api_visibility="private")
        chat_third.wire(page, self.choices, self.shown)
        chat_blind.wire(page, bar, options.blind, options.follow_up, row.stop, self.shown,
                        self.slide.emptied)
        page.on_signals([signals.visit.change, signals.applied.change], self.refresh, [],
                        [*places.all, *bar.all, *self.slide.all, self.chips, options.blind, options.follow_up,
                         places.speed, self.choices.remove])
        page.on_signals([signals.settings.change, signals.statistics.change], self.shown.titles, [], places.titles)

    def everything(self, visit: Visit) -> dict[Any, Any]:
        """Show the kept conversation and the votes on it."""
        turns = conversation(visit).turns
        return {**self.shown.everything(visit), **chat_blind.bar_updates(visit, self.bar, self.say),
                **chat_slide.updates(visit, self.slide, self.say),
                self.chips: chat_view.chips_of(self.say, visit, turns[-1].prompt if turns else "")}

    def talk(self, visit: Visit, text: str, chosen: Sampling, kept: tuple[Turn, ...],
             history: tuple[Turn, ...]) -> Iterator[dict[Any, Any]]:
        """kept: the turns that stay on screen; history: those in the models' context."""
        say, stop, shown = self.say, self.row.stop, self.shown
        stop_event = _take_over(visit)
        try:
            of, models = tuple(chat_models.keys(visit).items()), chat_models.models(visit)
            asked = fit_prompts(models, text, history, chosen)
            visit.remember(CHAT_EDIT, False)
            visit.remember(PICKED, None)
            begun = chat_blind.begin(visit)
            with closing(answer_together(models, text, history, chosen, stop_event, visit.library.threads,
                                         asked)) as stream:
                opening = {stop: gr.update(interactive=True), shown.places.parting: line(say("compare.answering")),
                           self.chips: chat_view.chips_of(say, visit, text),
                           **(chat_blind.bar_updates(visit, self.bar, say, answering=True) | shown.titles(visit)
                              if begun else {})}
                for turn, finished in stream:
                    if (now := visit.library.chats.get(visit.key)) is not stop_event:
                        if now is None:  # Clear: an answer sent before it may reach the page after it
                            yield {**self.everything(visit), self.row.stop: gr.update(interactive=False)}
                        return  # another question, or nothing, uses the panes now
                    if not finished:
                        yield opening | shown.answers(visit, (*kept, turn), finished=False)
                        opening = {}
            visit.remember(CHAT, Conversation((*kept, turn), of))
            visit.remember(CHAT_LOG, logged(visit.session.extra(CHAT_LOG, Conversation()), turn, of))
            told = self.page.note(_prompt_note(say, asked["dense"]))
            # an answer that is there before the first look has not said yet what an opening says
            yield {**opening, **(self.everything(visit) if begun else shown.everything(visit)),
                   **chat_slide.updates(visit, self.slide, say),
                   stop: gr.update(interactive=False), self.page.status: told}
        except Exception:
            # show the earlier conversation again, also in place of the unfinished answer to this question
            if visit.library.chats.get(visit.key) is stop_event:
                if is_blind(visit):
                    visit.remember(BLIND_ROUND, None)  # there is no answer to vote on
                yield {**self.everything(visit), stop: gr.update(interactive=False)}
            raise

    def on_ask(self, visit: Visit, text: str, continued: bool, *values: Any) -> Iterator[dict[Any, Any]]:
        """Ask the question; an edited one replaces the last one."""
        before = continued_turns(visit) if continued and not is_blind(visit) else ()
        kept = before[:-1] if visit.session.extra(CHAT_EDIT, False) else before
        yield from self.talk(visit, text, _sampling(*values), kept, kept)

    def on_chip(self, visit: Visit, question: str, continued: bool, *values: Any) -> Iterator[dict[Any, Any]]:
        """Ask one of the questions that show what the model was taught."""
        yield {self.row.prompt: question}
        yield from self.on_ask(visit, question, continued, *values)

    def on_again(self, visit: Visit, text: str, continued: bool, *values: Any) -> Iterator[dict[Any, Any]]:
        """Ask the last question again; with sampling on, with another seed, so that the answer can differ."""
        turns = conversation(visit).turns
        if not turns and not text.strip():
            raise GblmError("empty_prompt")
        chosen = list(values)
        if _sampling(*values).temperature > 0:
            chosen[0] = str(_seed(values[0]) + 1)
        yield {self.options.seed: chosen[0]}
        kept = continued_turns(visit)[:-1] if continued and not is_blind(visit) else ()
        yield from self.talk(visit, turns[-1].prompt if turns else text, _sampling(*chosen), kept, kept)

    def on_stop(self, visit: Visit) -> dict[Any, Any]:
        event = visit.library.chats.get(visit.key)
        if event is not None:
            event.set()
        return {self.page.status: self.page.note(self.say("compare.stopped"))}

    def on_edit(self, visit: Visit) -> dict[Any, Any]:
        page, turns = self.page, conversation(visit).turns
        if not turns:
            return {page.status: page.note(self.say("chat.edit_none"))}
        visit.remember(CHAT_EDIT, True)
        return {self.row.prompt: turns[-1].prompt, page.status: page.note(self.say("chat.editing"))}

    def on_clear(self, visit: Visit) -> dict[Any, Any]:
        running = visit.library.chats.pop(visit.key, None)
        if running is not None:
            running.set()
        visit.keep(visit.session.with_extra(CHAT, Conversation()).with_extra(CHAT_LOG, Conversation())
                   .with_extra(CHAT_EDIT, False).with_extra(BLIND_ROUND, None))
        return {**self.everything(visit), self.row.stop: gr.update(interactive=False), self.shown.places.speed: ""}

    def on_asked(self, visit: Visit, wanted: tuple[int, str]) -> dict[Any, Any]:
        """Put the question that another panel wants to be asked into the box."""
        return {self.row.prompt: wanted[1]}

    def on_token(self, visit: Visit, picked: list[int], *, place: int) -> Iterator[dict[Any, Any]]:
        """Show every model's predictions at one token of one answer, all given that answer's own text."""
        page, say, bars = self.page, self.say, self.shown.places.bars
        there, kept = order(visit), conversation(visit)
        if place >= len(there):  # the third pane, while two models answer
            return
        side = there[place]
        turns = tuple(turn for turn in kept.turns if side in turn.answers)
        number, token = (int(one) for one in picked)
        if hidden(visit) or not 0 <= number < len(turns):
            return
        if kept.of != tuple(chat_models.keys(visit).items()):
            yield {bars: chat_view.hint(say, say("compare.older"))}
            return
        visit.remember(PICKED, (place, number, token))
        turn, models = turns[number], chat_models.models(visit)
        asked = fit_prompt(models[side], messages_of(turns[:number], side, turn.prompt), turn.sampling)
        written = turn.answers[side]
        key = work.predictions_key(kept.of, asked.tokens, written.ids)
        task = page.library.start(
            visit.key, key, lambda _: work.predictions_job(page.library, key, tuple(models.values()), asked.tokens,
                                                           written.ids), queued=False)
        found = yield from page.follow(visit, task, "predict")
        if visit.session.extra(PICKED) != (place, number, token) or not 0 <= token < len(found.places):
            return  # another token was selected meanwhile
        before = "".join(one.text for one in written.tokens[:token])
        seen = dict(zip(models, found.places[token], strict=True))
        yield {bars: bars_html(say, side, token + 1, before, seen, found.vocabulary, chat_models.tags(visit, say)),
               page.status: page.note(say("status.ready"))}

    def on_measure(self, visit: Visit, text: str, continued: bool, *values: Any) -> Iterator[dict[Any, Any]]:
        """Measure each model alone, then all at once, on the last question; queued, so that no other job runs."""
        page, say, turns = self.page, self.say, conversation(visit).turns
        models, question = chat_models.models(visit), turns[-1].prompt if turns else text
        messages = messages_of((), "dense", question)
        fit_prompt(models["dense"], messages, _sampling(*values))
        task = page.library.start(
            visit.key, SpeedTask(visit.key, tuple(chat_models.keys(visit).items())),
            lambda _: speeds(tuple(models.values()), messages, _sampling(*values), MEASURED_TOKENS))
        found = yield from page.follow(visit, task, "speed")
        yield {self.shown.places.speed: speed_html(say, tuple(models), found),
               page.status: page.note(say("status.ready"))}

    def refresh(self, visit: Visit) -> dict[Any, Any]:
        """After a new model, text or pruned copy: update the titles, the kept chat and the switches."""
        shown = self.everything(visit)
        on = is_blind(visit)  # read last: the switch may be turned while the panes are written
        return {**shown, self.options.blind: on, self.shown.places.speed: "",
                self.options.follow_up: gr.update(interactive=not on),
                self.choices.remove: gr.update(interactive=chat_models.third_of(visit) is not None)}


def _take_over(visit: Visit) -> threading.Event:
    """Return the stop event of a new answer; an answer that still runs is ended."""
    before = visit.library.chats.get(visit.key)
    if before is not None:
        before.set()
    event = threading.Event()
    visit.library.chats[visit.key] = event
    return event


def _prompt_note(say: Words, asked: Prompt) -> str:
    """Return how the prompt was given to the models if it was changed, else that all is ready."""
    told = [say("compare.cut", count=asked.cut)] if asked.cut or asked.dropped else []
    told += [template_note(say, asked)] if asked.how != "given" else []
    return join_sentences(told) or say("status.ready")


# What is asked of core

def _seed(value: Any) -> int:
    try:
        return int(str(value).strip())
    except ValueError:
        raise GblmError("seed_not_number", given=value) from None


def _sampling(seed: Any, temperature: Any, top_p: Any, most: Any) -> Sampling:
    """Return the checked sampling settings. Raises GblmError for values out of range or an empty box."""
    numbers = [float("nan") if one is None else float(one) for one in (temperature, top_p, most)]
    if not (0 <= numbers[0] <= 2 and 0 < numbers[1] <= 1 and 1 <= numbers[2] <= 256):
        raise GblmError("sampling_outside")
    return Sampling(_seed(seed), numbers[0], numbers[1], int(numbers[2]))


# How it is drawn

def speed_html(say: Words, names: tuple[str, ...], found: Speeds) -> str:
    """Return a sentence with the speed of each model alone, of all at once, and the ratio."""
    def listed(rates: tuple[float, ...]) -> str:
        return say("settings.join").join(f"{MARKS[side]} {rate:.0f}" for side, rate in zip(names, rates, strict=True))

    told = say("chat.speed.told", alone=listed(found.alone), together=listed(found.together),
               ratio=f"{found.ratio:.2f}", models=len(names), tokens=found.tokens, rounds=found.rounds)
    return f'<p class="sentence small">{escape(told)}</p>'
