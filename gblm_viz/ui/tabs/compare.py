"""Compare: the dense and the pruned model side by side: what it cost in one line, below it one panel a question."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gradio as gr

from ..page import Page
from . import chat, lost, sweep, won


def build(page: Page) -> None:
    summary = gr.HTML(elem_id="compare-summary")
    panels: dict[str, Callable[[Page], None]] = {"chat": chat.build, "lost": partial(lost.build, summary=summary),
                                                "sweep": sweep.build, "won": won.build}
    with gr.Tabs(elem_id="compare-panels"):
        for name, panel in panels.items():
            with gr.Tab(page.words(f"compare.panels.{name}"), id=f"compare-{name}", elem_id=f"panel-{name}"):
                panel(page)
