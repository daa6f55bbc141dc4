"""Compare: the dense and the pruned model side by side: the loss in one line, below it one panel per question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import gradio as gr

from ..components.heading import heading
from ..visit.page import Page
from . import chat, lost, sweep, won


def build(page: Page) -> None:
    summary = gr.HTML(elem_id="compare-summary")
    asked = gr.State((0, ""))
    """(count, prompt): a panel that wants a question asked increases count; the chat puts the prompt into its box."""
    shown = gr.Tabs(elem_id="compare-panels")
    panels: dict[str, Callable[[Page], None]] = {
        "chat": partial(chat.build, asked=asked),
        "lost": partial(lost.build, summary=summary, panels=shown, asked=asked),
        "sweep": sweep.build, "won": won.build}
    with shown:
        for name, panel in panels.items():
            title = page.words(f"compare.panels.{name}")
            with gr.Tab(title, id=f"compare-{name}", elem_id=f"panel-{name}") as inside:
                heading(title, 3)
                panel(replace(page, opened=(*page.opened, inside.select)))
