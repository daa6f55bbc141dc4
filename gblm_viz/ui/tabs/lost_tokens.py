"""What was lost, token by token: one window of the user's own or of a held-out text at a time, the most lost first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from gblm_viz.core.measure.lost import TokenLoss
from gblm_viz.words import Words

from ..components.loss_strip import LossStrip, strip_value
from ..visit.page import NoLongerWanted, Page
from ..visit.session import Visit
from ..work import measuring, work
from ..work.applied import applied_tag

MOST_WINDOWS = 512
"""Most windows that the choice offers; if there are more, those with the largest loss."""


def build(page: Page, shown: gr.Tab) -> None:
    say = page.words
    with gr.Row(elem_id="lost-tokens-row", equal_height=True):
        which = gr.Dropdown([], label=say("lost.tokens.text"), elem_id="lost-text", scale=4, min_width=260,
                            filterable=False)
        window = gr.Dropdown([], label=say("lost.tokens.window"), elem_id="lost-window", scale=4, min_width=260)
        back = gr.Button(say("lost.tokens.back"), elem_id="lost-better", size="sm", scale=0, min_width=120)
        on = gr.Button(say("lost.tokens.on"), elem_id="lost-more", size="sm", scale=0, min_width=120)
        worst = gr.Button(say("lost.tokens.worst"), elem_id="lost-worst", size="sm", scale=0, min_width=160)
    strip = LossStrip(elem_id="lost-strip")
    drawn: Any = gr.State(None)
    """The key of the drawn window, so that reopening the view does not draw it again."""

    def choices(visit: Visit, name: str) -> list[tuple[str, int]]:
        """Return (label, window), the largest loss first."""
        order = measuring.worst_first(visit, measuring.texts(visit, say.language)[name])
        return [(say("lost.tokens.choice_plain", number=index + 1) if gone is None else
                 say("lost.tokens.choice", number=index + 1, lost=f"{gone:+.2f}"), index)
                for index, gone in order[:MOST_WINDOWS]]

    def refill(visit: Visit, name: str | None, index: int | None, key: Any, fresh: bool) -> Iterator[dict[Any, Any]]:
        """Update the choices and the window: the chosen one if it still exists, else the one with the largest loss."""
        work.applied_masks(visit)
        texts = measuring.texts(visit, say.language)
        name = name if name in texts else next(iter(texts))
        offered = choices(visit, name)
        index = index if not fresh and index in [one for _, one in offered] else offered[0][1]
        sorted_ones = measuring.losses(visit, texts[name]) is not None
        yield {which: gr.update(choices=[(say(f"lost.tokens.{one}", text=work.text_name(say, held.text_name)), one)
                                         for one, held in texts.items()], value=name),
               window: gr.update(choices=offered, value=index, info=None,
                                 label=say("lost.tokens.window" if sorted_ones else "lost.tokens.window_plain"))}
        yield from draw(visit, name, index, key)

    def draw(visit: Visit, name: str, index: int, key: Any) -> Iterator[dict[Any, Any]]:
        windows = measuring.texts(visit, say.language)[name]
        wanted = measuring.window_key(visit, windows, index)
        if wanted == key:
            return
        model, pruned, applied = visit.model(), work.pruned_model(visit), visit.session.applied
        task = visit.library.start(visit.key, wanted, lambda _: measuring.window_job(
            visit.library, wanted, model, pruned, windows, index), queued=False)
        try:
            tokens = yield from page.follow(visit, task, "evaluate", lambda: visit.session.applied == applied)
        except NoLongerWanted:
            return
        told = title(tokens, say, index + 1, windows.count, say(f"lost.tokens.{name}", text=work.text_name(
            say, windows.text_name)), model.dtype)
        if measuring.losses(visit, windows) is None:
            told += " " + say("lost.tokens.sorted_later")
        yield {strip: strip_value(tokens, say.table("lost.strip"), told, applied_tag(visit, say)), drawn: wanted,
               page.status: page.note(say("status.ready"))}

    def on_open(visit: Visit, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        yield from refill(visit, name, index, key, fresh=key is None)

    def on_moved(visit: Visit, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        """After another copy, text or measurement: redraw the window if the view was opened before, else on opening."""
        if key is not None and visit.session.applied is not None:
            yield from refill(visit, name, index, key, fresh=False)

    def on_text(visit: Visit, name: str | None, key: Any) -> Iterator[dict[Any, Any]]:
        yield from refill(visit, name, None, key, fresh=True)

    def on_window(visit: Visit, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        if name is not None and index is not None and name in measuring.texts(visit, say.language):
            yield from draw(visit, name, int(index), key)

    def on_worst(visit: Visit, name: str | None, key: Any) -> Iterator[dict[Any, Any]]:
        yield from refill(visit, name, None, key, fresh=True)

    def on_step(visit: Visit, step: int, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        """Go to the next or previous window of the choice; without effect at the ends or before there is a choice."""
        order = [one for _, one in choices(visit, name)] if name in measuring.texts(visit, say.language) else []
        if name is None or index not in order:
            return
        place = order.index(index) + (1 if step > 0 else -1)
        if 0 <= place < len(order):
            yield {window: order[place]}
            yield from draw(visit, name, order[place], key)

    reads, fills = [which, window, drawn], [which, window, strip, drawn]
    page.on([shown.select], on_open, reads, fills, latest=True)
    signals = page.signals
    page.on([signals.visit.change, signals.applied.change, signals.statistics.change, signals.measured.change],
            on_moved, reads, fills, latest=True)
    page.on(which.input, on_text, [which, drawn], fills, latest=True)
    page.on(window.input, on_window, reads, [strip, drawn], latest=True)
    page.on(worst.click, on_worst, [which, drawn], fills)
    page.on(back.click, lambda visit, *values: on_step(visit, -1, *values), reads, [window, strip, drawn])
    page.on(on.click, lambda visit, *values: on_step(visit, 1, *values), reads, [window, strip, drawn])
    page.on_event(strip.select, "step", "number", on_step, reads, [window, strip, drawn])


def title(tokens: tuple[TokenLoss, ...], say: Words, number: int, count: int, text: str, dtype: str) -> str:
    """Return a sentence on the window: loss per token before and after, the difference, the number of predictions."""
    sides = [[side.loss for side in (getattr(token, name) for token in tokens) if side] for name in ("first", "second")]
    dense, pruned = (sum(losses) / len(losses) for losses in sides)
    key = "lost.tokens.title" if pruned >= dense else "lost.tokens.title_better"
    return say(key, number=number, count=count, text=text, difference=f"{abs(pruned - dense):.2f}",
               dense=f"{dense:.2f}", pruned=f"{pruned:.2f}", predictions=len(sides[0]), dtype=dtype)
