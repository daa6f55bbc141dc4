"""Compare, what was lost: the figures, the text token by token, the probes one by one, the methods side by side.

Each view is in its own file; this file has the figures and the handler that measures them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from ..components.heading import heading
from ..visit.keys import MeasureTask
from ..visit.library import Visit
from ..visit.page import NoLongerWanted, Page, bump
from ..work import work
from . import lost_methods, lost_probes, lost_tokens
from .lost_text import measured_html, summary_html


def build(page: Page, summary: gr.HTML, panels: gr.Tabs, asked: gr.State) -> None:
    """summary: the line above all panels, updated here. panels, asked: used to send a probe to the chat."""
    say = page.words
    views: dict[str, Callable[[Page, gr.Tab], None]] = {
        "figures": partial(_figures, summary=summary), "tokens": lost_tokens.build,
        "probes": partial(lost_probes.build, panels=panels, asked=asked), "methods": lost_methods.build}
    with gr.Tabs(elem_id="lost-views"):
        for name, view in views.items():
            title = say(f"lost.views.{name}")
            with gr.Tab(title, id=f"lost-{name}", elem_id=f"lost-{name}-view") as shown:
                heading(title, 4)
                view(page, shown)


def _figures(page: Page, shown: gr.Tab, summary: gr.HTML) -> None:
    say = page.words
    with gr.Row(elem_id="compare-measure-row", equal_height=False):
        with gr.Column(scale=5):
            measured = gr.HTML(elem_id="compare-measured")
        with gr.Column(scale=1, min_width=150):
            measure = gr.Button(say("lost.measure"), elem_id="compare-measure", size="sm")

    def refresh(visit: Visit) -> dict[Any, Any]:
        """After a new model, text or pruned copy: show the existing measurements immediately."""
        return {measured: measured_html(visit, say), summary: summary_html(visit, say)}

    def remeasure(visit: Visit, counter: int) -> Iterator[dict[Any, Any]]:
        """Measure a new pruned copy of a small model unasked. Separate from `refresh`, which must not wait for it."""
        if visit.session.applied is not None and visit.model().parameters <= work.SMALL:
            yield from on_measure(visit, counter)

    def on_measure(visit: Visit, counter: int) -> Iterator[dict[Any, Any]]:
        work.applied_masks(visit)
        if not work.measured_all(visit, say.language):
            session, library = visit.session, visit.library
            job = work.measure_job(library, session, visit.model(), work.pruned_model(visit), say.language)
            task = library.start(visit.key, MeasureTask(session.model, session.applied, session.held_out, say.language),
                                 lambda _: job, queued=False)
            try:
                yield from page.follow(visit, task, "evaluate", lambda: visit.session.applied == session.applied)
            except NoLongerWanted:
                return  # a newer copy was applied and is measured by its own call
            yield {page.status: page.note(say("lost.measured", number=session.applied_number)),
                   page.signals.measured: bump(counter)}
        yield refresh(visit)

    count = page.signals.measured
    page.on(measure.click, on_measure, [count], [measured, summary, count])
    page.on_signals([page.signals.visit.change, page.signals.applied.change, page.signals.measured.change], refresh, [],
                    [measured, summary])
    page.on([page.signals.applied.change], remeasure, [count], [measured, summary, count], further="newest")
