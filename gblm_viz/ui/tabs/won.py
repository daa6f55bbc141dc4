"""Compare, what was won: bytes and tokens per second of both models, measured on this machine on request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.amounts import format_bytes
from gblm_viz.core.base import intervals
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.measure import won as measuring
from gblm_viz.core.measure.won import Speed, Won
from gblm_viz.core.model.models import Model
from gblm_viz.words import Words, words

from ..components.paragraph import paragraph
from ..components.table import Table
from ..components.templates import render
from ..report.gains import speed_sentence
from ..visit.keys import WonKey, WonTask
from ..visit.library import Library, Visit
from ..visit.page import Page
from ..work import work
from ..work.applied import applied_tag


def build(page: Page) -> None:
    say = page.words
    with gr.Row(elem_id="won-row", equal_height=True):
        gr.HTML(paragraph(say("won.limit"), "limit"), elem_id="won-limit")
        measure = gr.Button(say("won.measure"), variant="primary", elem_id="won-measure", scale=0, min_width=120)
        cancel = gr.Button(say("frame.cancel"), elem_id="won-cancel", scale=0, min_width=110)
    shown = gr.HTML(paragraph(say("won.waiting"), "sentence"), elem_id="won-shown")

    def refresh(visit: Visit) -> dict[Any, Any]:
        """After another model or pruned copy: show what was measured of it in this run, if anything."""
        return {} if visit.session.model is None else {shown: won_html(visit, say)}

    def on_measure(visit: Visit) -> Iterator[dict[Any, Any]]:
        masks, library, key = work.applied_masks(visit), visit.library, work.won_key(visit.session)
        dense, pruned = visit.model(), work.pruned_model(visit)
        task = library.start(visit.key, WonTask(key), lambda _: won_job(library, key, dense, pruned, masks))
        try:
            yield from page.follow(visit, task, "won")
        except GblmError as error:
            if error.key == "cancelled":
                yield {shown: won_html(visit, say)}
            raise
        yield {shown: won_html(visit, say),
               page.status: page.note(say("won.measured", number=visit.session.applied_number))}

    def on_cancel(visit: Visit) -> dict[Any, Any]:
        task = visit.library.tasks.get(WonTask(work.won_key(visit.session)))
        if task is None or visit.key not in task.watchers:
            return {page.status: page.note(say("status.nothing_to_cancel"))}
        visit.library.leave(visit.key, task)
        return {}

    page.on(measure.click, on_measure, [], [shown])
    page.on(cancel.click, on_cancel)
    signals = page.signals
    page.on(page.opened[-1], refresh, [], [shown], further="newest")
    page.on_signals([signals.visit.change, signals.applied.change], refresh, [], [shown])


def won_job(library: Library, key: WonKey, dense: Model, pruned: Model, masks: Masks) -> Job[None]:
    """Measure and store; always measured again, since the machine's load may have changed. The prompt is the Overview's
    first, in English on every page, since visitors of all languages share the result."""
    messages = [{"role": "user", "content": words("en")("overview.prompt_1")}]
    library.put(key, (yield from measuring.measure(dense, pruned, masks, messages)))


def won_html(visit: Visit, say: Words) -> str:
    """Return both tables with their conclusions, or a sentence that says what to do."""
    session, library = visit.session, visit.library
    if session.applied is None or not library.has(session.applied):
        return paragraph(say("errors.nothing_applied"), "sentence")
    if not library.has(work.won_key(visit.session)):
        return paragraph(say("won.waiting"), "sentence")
    found: Won = library.get(work.won_key(visit.session))
    made = say("won.tag", run=applied_tag(visit, say), device=found.device, dtype=found.dtype)
    return render("tabs/won.html", panels=[bytes_panel(found, say), speed_panel(found, say)],
                  tags=[say("won.older"), made])


@dataclass(frozen=True)
class Panel:
    """A table under its heading, and the conclusions below it."""

    title: str
    table: Table
    sentences: Sequence[str]


def bytes_panel(found: Won, say: Words) -> Panel:
    """Return each kind of bytes of both models, with their ratio."""
    rows = []
    for name in ("memory", "saved", "zipped"):
        before, after = getattr(found.dense, name), getattr(found.pruned, name)
        rows.append(_row(say, name, before, after))
    rows.append(_row(say, "masked", found.dense.memory, found.masked))
    heads = ((say("won.what"), ""), (f"● {say('compare.dense')}", "number"), (f"▲ {say('compare.pruned')}", "number"),
             (say("won.bytes.ratio"), "number"))
    return Panel(say("won.bytes.title"), Table(heads, rows), [
        say("won.bytes.shared", shared=format_bytes(say, found.shared)), say("won.bytes.masked_note")])


def _row(say: Words, name: str, before: int, after: int) -> tuple[Any, ...]:
    return (say(f"won.bytes.{name}"), ("dense-colour", format_bytes(say, before)),
            ("pruned-colour", format_bytes(say, after)),
            f"{after / before:.2f}")


def speed_panel(found: Won, say: Words) -> Panel:
    """Return the tokens per second of the models, and whether zeros made it faster."""
    kinds = (("dense", "dense-colour", "●", found.speed_dense), ("zeroed", "pruned-colour", "▲", found.speed_pruned),
             ("semi", "", "■", found.speed_semi))
    rows = [(f"{mark} {say(f'won.speed.{name}')}", (colour, _speed(say, speed))) for name, colour, mark, speed in kinds]
    heads = ((say("won.what"), ""), (say("won.speed.row"), "number"))
    one = found.speed_dense
    told = [difference(say, found), say("won.speed.protocol", runs=len(one.runs), tokens=one.tokens, prompt=one.prompt)]
    if found.why_not:
        told.append(say(f"won.why_not.{found.why_not}"))
    return Panel(say("won.speed.title"), Table(heads, rows), told)


def _speed(say: Words, speed: Speed | None) -> str:
    if speed is None:
        return say("won.speed.not_measured")
    return say("won.speed.value", median=f"{speed.median:.1f}", low=f"{min(speed.runs):.1f}",
               high=f"{max(speed.runs):.1f}")


def difference(say: Words, found: Won) -> str:
    """Return whether zeros made it faster; the models' runs alternated, so they are compared in pairs."""
    gap = intervals.paired_difference(found.speed_dense.runs, found.speed_pruned.runs)
    kind = "same" if not gap.shown else "faster" if gap.mean > 0 else "slower"
    return speed_sentence(say, kind, gap.mean, gap.interval.low, gap.interval.high, gap.count)
