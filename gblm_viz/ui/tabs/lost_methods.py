"""What was lost, the methods: each one's pruned copy measured on the same held-out windows, compared in pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.words import Words

from ..visit.keys import MethodsTask
from ..visit.library import Visit
from ..visit.page import Page
from ..work import measuring, text_draws, work
from .lost_text import methods_cost, methods_html


def build(page: Page, shown: gr.Tab) -> None:
    say = page.words
    with gr.Row(elem_id="lost-methods-row", equal_height=True):
        text = gr.Dropdown([], label=say("lost.methods.text"), elem_id="lost-methods-text", scale=1, min_width=360,
                           filterable=False)
        count = gr.Dropdown(draws_offered(say), label=say("verdict.draws"), elem_id="lost-methods-draws", scale=0,
                            min_width=220, filterable=False)
        compare = gr.Button(say("lost.methods.compare"), elem_id="lost-compare", size="sm", variant="primary", scale=0,
                            min_width=330)
    cost = gr.HTML(elem_id="lost-methods-cost")
    table = gr.HTML(elem_id="lost-methods")

    def texts_of(visit: Visit) -> dict[str, CalibrationSet]:
        return measuring.method_texts(visit.library, visit.session, visit.model(), say.language)

    def windows_of(visit: Visit, name: str | None) -> tuple[str, CalibrationSet]:
        """Return name and windows of the chosen text, or of the first one if the choice is no longer offered."""
        texts = texts_of(visit)
        name = name if name in texts else next(iter(texts))
        return name, texts[name]

    def refresh(visit: Visit, name: str | None) -> dict[Any, Any]:
        name, windows = windows_of(visit, name)
        offered = [(say("lost.methods.on", text=work.text_name(say, one.text_name), windows=one.count), key)
                   for key, one in texts_of(visit).items()]
        return {text: gr.update(choices=offered, value=name), count: text_draws.chosen_count(visit),
                cost: methods_cost(visit, windows, say), table: methods_html(visit, windows, say)}

    def on_draws(visit: Visit, name: str | None, asked: int) -> dict[Any, Any]:
        text_draws.choose_count(visit, asked)
        return refresh(visit, name)

    def on_compare(visit: Visit, name: str | None) -> Iterator[dict[Any, Any]]:
        session, library, model = visit.session, visit.library, visit.model()
        rivals = measuring.rivals(session, work.applied_masks(visit).settings)
        name, windows = windows_of(visit, name)
        many = text_draws.chosen_count(visit)
        if measuring.rivalry(library, session, rivals, windows, many) is None:
            drawn = text_draws.draws_of(library, session, many)
            key = MethodsTask(session.model, session.statistics, tuple(rivals.values()), windows.key,
                              None if drawn is None else drawn.key)
            task = library.start(visit.key, key, lambda _: measuring.drawn_job(library, session, model, rivals, windows,
                                                                               drawn))
            yield from page.follow(visit, task, "evaluate")
        yield {**refresh(visit, name), page.status: page.note(say("lost.methods.compared", count=len(rivals),
                                                                  windows=windows.count))}

    views = [text, count, cost, table]
    page.on(compare.click, on_compare, [text], views, further="newest")
    page.on(count.input, on_draws, [text, count], views, further="newest")
    page.on([shown.select, text.input], refresh, [text], views, further="newest")
    page.on_signals([page.signals.applied.change], refresh, [text], views)


def draws_offered(say: Words) -> list[tuple[str, int]]:
    """Return (label, number) of the numbers of draws that can be chosen."""
    return [(say("verdict.draws_one") if count == 1 else say("verdict.draws_many", draws=count), count)
            for count in text_draws.OFFERED]
