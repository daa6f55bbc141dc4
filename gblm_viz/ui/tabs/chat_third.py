"""Compare, the chat: a third model of the visitor's choice: another method, sparsity or text.

The row of choices and its handlers; `chat_models` makes the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.core.score.methods import METHODS
from gblm_viz.words import Words

from ..visit.keys import ThirdTask
from ..visit.library import Visit
from ..visit.page import Page
from ..visit.remembered import THIRD
from ..work import chat_models
from .chat_view import ChatView
from .text import texts_offered


@dataclass(frozen=True, eq=False)
class Choices:
    """The button that opens the row, and the row."""

    toggle: Any
    open: Any
    row: Any
    method: Any
    sparsity: Any
    text: Any
    add: Any
    remove: Any


def build(say: Words, toggle: Any) -> Choices:
    with gr.Row(visible=False, elem_id="compare-third-row", equal_height=True) as row:
        method = gr.Dropdown(list(METHODS), value="wanda", filterable=False, label=say("chat.third.method"),
                             elem_id="third-method", scale=1, min_width=130)
        sparsity = gr.Number(0.5, label=say("chat.third.sparsity"), step=0.05, elem_id="third-sparsity", scale=1,
                             min_width=130)
        text = gr.Dropdown([(say("chat.third.this_text"), ""), *texts_offered(say)], value="", filterable=False,
                           label=say("chat.third.text"), elem_id="third-text", scale=4, min_width=240)
        add = gr.Button(say("chat.third.add"), variant="primary", elem_id="third-add", scale=0, min_width=130)
        remove = gr.Button(say("chat.third.remove"), elem_id="third-remove", scale=0, min_width=110, interactive=False)
    return Choices(toggle, gr.State(False), row, method, sparsity, text, add, remove)


def wire(page: Page, choices: Choices, view: ChatView) -> None:
    say = page.words

    def on_toggle(visit: Visit, opened: bool) -> dict[Any, Any]:
        return {choices.open: not opened, choices.row: gr.update(visible=not opened)}

    def on_add(visit: Visit, method: str, sparsity: Any, text: str) -> Iterator[dict[Any, Any]]:
        asked = chat_models.Asked(method, sparsity, text)
        settings = chat_models.third_settings(visit, asked)
        session, model = visit.session, visit.model()
        task = page.library.start(
            visit.key, ThirdTask(session.model, session.statistics, text and session.text, text, settings),
            lambda _: chat_models.third_job(page.library, session, model, asked, settings))
        third = yield from page.follow(visit, task, "third")
        if visit.session.model != session.model:
            return  # another model was loaded meanwhile: this third model no longer belongs to it
        visit.remember(THIRD, third)
        yield {**view.everything(visit), choices.open: False, choices.row: gr.update(visible=False),
               choices.remove: gr.update(interactive=True), page.status: page.note(say("chat.third.added"))}

    def on_remove(visit: Visit) -> dict[Any, Any]:
        visit.remember(THIRD, None)
        return {**view.everything(visit), choices.remove: gr.update(interactive=False), choices.open: False,
                choices.row: gr.update(visible=False), page.status: page.note(say("chat.third.removed"))}

    opening = [choices.open, choices.row]
    page.on(choices.toggle.click, on_toggle, [choices.open], opening)
    page.on(choices.add.click, on_add, [choices.method, choices.sparsity, choices.text],
            [*view.places.all, *opening, choices.remove])
    page.on(choices.remove.click, on_remove, [], [*view.places.all, *opening, choices.remove])
