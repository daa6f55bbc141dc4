"""Compare, the chat: one prompt, both models side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr

from gblm_viz.core.errors import GblmError
from gblm_viz.core.generate import Sampling, fitted

from .. import work
from ..applied import amount, applied_tag
from ..chat import Turn, duel, messages_of, pane_html, parting_sentence
from ..escape import escape
from ..page import Page
from ..session import Visit


def build(page: Page, asked: gr.State) -> None:
    """asked: (count, prompt), the question another panel wants put to both models."""
    say = page.words
    with gr.Row(elem_id="ask-row", equal_height=True):
        prompt = gr.Textbox(placeholder=say("compare.prompt_hint"), label=say("compare.prompt"), show_label=False,
                            container=False, lines=1, max_lines=4, elem_id="prompt", scale=6)
        ask = gr.Button(say("compare.ask"), variant="primary", elem_id="ask", scale=0, min_width=90)
        stop = gr.Button(say("compare.stop"), elem_id="stop", scale=0, min_width=80)
        again = gr.Button(say("compare.regenerate"), elem_id="regenerate", scale=0, min_width=120)
        clear = gr.Button(say("compare.clear"), elem_id="compare-clear", scale=0, min_width=90)
    with gr.Row(elem_id="compare-sampling", equal_height=True):
        seed = gr.Textbox("0", label=say("compare.seed"), elem_id="seed", max_lines=1, scale=1, min_width=90)
        temperature = gr.Slider(0, 2, 0, step=0.1, label=say("compare.temperature"), elem_id="compare-temperature",
                                buttons=[], scale=2, min_width=180)
        top_p = gr.Slider(0.05, 1, 1, step=0.05, label=say("compare.top_p"), elem_id="compare-top-p", buttons=[],
                          scale=2, min_width=180)
        most = gr.Slider(8, 256, 96, step=8, label=say("compare.most"), elem_id="compare-most", buttons=[], scale=2,
                         min_width=180)
        follow_up = gr.Checkbox(False, label=say("compare.continue"), elem_id="compare-continue", scale=2,
                                min_width=200)
    parting = gr.HTML(_line(""), elem_id="compare-parting")
    with gr.Row(elem_id="compare-panes", equal_height=True):
        with gr.Column():
            dense_title = gr.HTML(_title(say("compare.dense"), "dense", ""))
            dense_chat = gr.HTML(pane_html((), "dense", say), elem_id="dense-chat")
        with gr.Column():
            pruned_title = gr.HTML(_title(say("compare.pruned"), "pruned", ""))
            pruned_chat = gr.HTML(pane_html((), "pruned", say), elem_id="pruned-chat")
    panes = [dense_chat, pruned_chat, parting]
    state = [prompt, seed, temperature, top_p, most, follow_up]

    def show(visit: Visit, turns: tuple[Turn, ...], finished: bool = True) -> dict[Any, Any]:
        return {dense_chat: pane_html(turns, "dense", say, finished),
                pruned_chat: pane_html(turns, "pruned", say, finished)}

    def kept_chat(visit: Visit) -> tuple[Turn, ...]:
        """The conversation so far, if the pruned copy that is applied now led it; another copy's is not continued."""
        return visit.session.extra("chat", ()) if visit.session.extra("chat_of") == visit.session.applied else ()

    def show_kept(visit: Visit) -> dict[Any, Any]:
        """The kept conversation; greyed, and said to be so, where an earlier pruned copy led it."""
        turns = visit.session.extra("chat", ())
        shown = show(visit, turns)
        if not turns or kept_chat(visit):
            return {**shown, parting: _line(parting_sentence(turns[-1], say) if turns else "")}
        greyed = {pane: body.replace('class="chat"', 'class="chat stale"', 1) for pane, body in shown.items()}
        return {**greyed, parting: _line(say("compare.older"))}

    def talk(visit: Visit, text: str, values: tuple[Any, ...], kept: tuple[Turn, ...]) -> Iterator[dict[Any, Any]]:
        stop_event = threading.Event()
        visit.library.chats[visit.key] = stop_event
        leader = visit.session.applied
        pruned, model = work.pruned_model(visit), visit.model()
        history, sampling = kept if values[4] else (), _sampling(*values[:4])
        asked = fitted(model, messages_of(history, "dense", text), sampling)
        stream = duel(model, pruned, text, history, sampling, stop_event)
        try:
            for turn, finished in stream:
                turns = (*kept, turn)
                if not finished:
                    yield {**show(visit, turns, False), parting: _line(say("compare.answering"))}
            visit.keep(visit.session.with_extra("chat", turns).with_extra("chat_of", leader))
            said = say("compare.cut", count=asked.cut) if asked.cut or asked.dropped else say("status.ready")
            yield {**show(visit, turns), parting: _line(parting_sentence(turn, say)),
                   page.status: page.note(said)}
        finally:
            stream.close()

    def on_ask(visit: Visit, text: str, *values: Any) -> Iterator[dict[Any, Any]]:
        kept = kept_chat(visit) if values[4] else ()
        yield from talk(visit, text, values, kept)

    def on_again(visit: Visit, text: str, *values: Any) -> Iterator[dict[Any, Any]]:
        """The last question once more: another seed where sampling is on, so that another answer can come."""
        turns = visit.session.extra("chat", ())
        if not turns and not text.strip():
            raise GblmError("empty_prompt")
        last = turns[-1].prompt if turns else text
        given = list(values)
        if float(values[1]) > 0:
            given[0] = str(_seed(values[0]) + 1)
        yield {seed: given[0]}
        yield from talk(visit, last, tuple(given), kept_chat(visit)[:-1])

    def on_stop(visit: Visit) -> dict[Any, Any]:
        event = visit.library.chats.get(visit.key)
        if event is not None:
            event.set()
        return {page.status: page.note(say("compare.stopped"))}

    def on_clear(visit: Visit) -> dict[Any, Any]:
        visit.keep(visit.session.with_extra("chat", ()))
        return {**show(visit, ()), parting: _line("")}

    def titles(visit: Visit) -> dict[Any, Any]:
        session = visit.session
        if session.applied is None or not visit.library.has(session.applied):
            return {pruned_title: _title(say("compare.pruned"), "pruned", say("compare.none_applied"))}
        tag = applied_tag(visit, say)
        stale = session.applied != work.masks_key(session, session.settings)
        late = say("compare.stale", now=amount(session.settings)) if stale else ""
        if not visit.model().has_chat_template:
            late = f"{late} {say('compare.plain')}".strip()
        return {dense_title: _title(say("compare.dense"), "dense", visit.model().name),
                pruned_title: _title(say("compare.pruned"), "pruned", tag, late)}

    def refresh(visit: Visit) -> dict[Any, Any]:
        """A new model, text or pruned copy: the titles and the kept chat."""
        return {**titles(visit), **show_kept(visit)}

    page.on([ask.click, prompt.submit], on_ask, state, panes)
    page.on(again.click, on_again, state, [*panes, seed])
    page.on(stop.click, on_stop)
    page.on(clear.click, on_clear, [], panes)
    page.on(asked.change, lambda visit, wanted: {prompt: wanted[1]}, [asked], [prompt])
    page.on([page.signals.applied.change], refresh, [], [dense_title, pruned_title, *panes], latest=True)
    page.on([page.signals.settings.change, page.signals.statistics.change], titles, [], [dense_title, pruned_title])


# What is asked of core

def _seed(value: Any) -> int:
    try:
        return int(str(value).strip())
    except ValueError:
        raise GblmError("seed_not_number", given=value) from None


def _sampling(seed: Any, temperature: float, top_p: float, most: float) -> Sampling:
    if not (0 <= float(temperature) <= 2 and 0 < float(top_p) <= 1 and 1 <= float(most) <= 256):
        raise GblmError("sampling_outside")
    return Sampling(_seed(seed), float(temperature), float(top_p), int(most))


# How it is drawn

def _line(sentence: str) -> str:
    return f'<div class="parting-line" aria-live="polite">{escape(sentence) or "&nbsp;"}</div>'


def _title(name: str, side: str, tag: str, late: str = "") -> str:
    mark = "●" if side == "dense" else "▲"
    warning = f' <span class="late">{escape(late)}</span>' if late else ""
    return (f'<div class="pane-title"><b class="{side}-colour">{mark} {escape(name)}</b> '
            f'<span class="tag">{escape(tag)}</span>{warning}</div>')
