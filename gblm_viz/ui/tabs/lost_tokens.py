"""What was lost, token by token: one window of the user's own or of a held-out text at a time, the most lost first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.amounts import format_difference
from gblm_viz.core.measure.lost import TokenLoss
from gblm_viz.words import Words

from ..components.loss_strip import LossStrip, strip_value
from ..visit.library import Visit
from ..visit.page import Handlers, NoLongerWanted, Page
from ..work import measuring, work
from ..work.applied import applied_tag

MOST_WINDOWS = 512
"""Most windows that the choice offers; if there are more, those with the largest loss."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The view's components."""

    which: gr.Dropdown
    window: gr.Dropdown
    back: gr.Button
    on: gr.Button
    worst: gr.Button
    strip: LossStrip
    drawn: gr.State
    """The key of the drawn window, so that reopening the view does not draw it again."""


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
    _Handlers(page, Parts(which, window, back, on, worst, strip, drawn=gr.State(None)), shown).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts
    opened: gr.Tab

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        reads, draws = [parts.which, parts.window, parts.drawn], [parts.window, parts.strip, parts.drawn]
        fills = [parts.which, *draws]
        page.on([self.opened.select], self.on_open, reads, fills, further="newest")
        page.on_signals([signals.visit.change, signals.applied.change, signals.statistics.change,
                         signals.measured.change], self.on_moved, reads, fills)
        page.on(parts.which.input, self.on_worst, [parts.which, parts.drawn], fills, further="newest")
        page.on(parts.window.input, self.on_window, reads, [parts.strip, parts.drawn], further="newest")
        page.on(parts.worst.click, self.on_worst, [parts.which, parts.drawn], fills)
        for button, step in ((parts.back, -1), (parts.on, 1)):
            page.on(button.click, self.stepping(step), reads, draws)
        page.on_event(parts.strip.select, "step", "number", self.on_step, reads, draws)

    def stepping(self, step: int) -> Callable[..., Iterator[dict[Any, Any]]]:
        """Return the handler of a button that goes so many windows on."""
        def on_button(visit: Visit, *values: Any) -> Iterator[dict[Any, Any]]:
            yield from self.on_step(visit, step, *values)
        return on_button

    def choices(self, visit: Visit, name: str) -> list[tuple[str, int]]:
        """Return (label, window), the largest loss first."""
        say = self.say
        order = measuring.worst_first(visit, measuring.texts(visit, say.language)[name])
        return [(say("lost.tokens.choice_plain", number=index + 1) if gone is None else
                 say("lost.tokens.choice", number=index + 1, lost=format_difference(gone, 2)), index)
                for index, gone in order[:MOST_WINDOWS]]

    def refill(self, visit: Visit, name: str | None, index: int | None, key: Any,
               fresh: bool) -> Iterator[dict[Any, Any]]:
        """Update the choices and the window: the chosen one if it still exists, else the one with the largest loss."""
        say, parts = self.say, self.parts
        work.applied_masks(visit)
        texts = measuring.texts(visit, say.language)
        name = name if name in texts else next(iter(texts))
        offered = self.choices(visit, name)
        index = index if not fresh and index in [one for _, one in offered] else offered[0][1]
        sorted_ones = measuring.losses(visit, texts[name]) is not None
        yield {parts.which: gr.update(choices=[(say(f"lost.tokens.{one}", text=work.text_name(say, held.text_name)),
                                                one) for one, held in texts.items()], value=name),
               parts.window: gr.update(choices=offered, value=index, info=None, label=say(
                   "lost.tokens.window" if sorted_ones else "lost.tokens.window_plain"))}
        yield from self.draw(visit, name, index, key)

    def draw(self, visit: Visit, name: str, index: int, key: Any) -> Iterator[dict[Any, Any]]:
        """Draw a window, unless `key` says that it is drawn already."""
        page, say, parts = self.page, self.say, self.parts
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
        yield {parts.strip: strip_value(tokens, say.table("lost.strip"), told, applied_tag(visit, say)),
               parts.drawn: wanted, page.status: page.note(say("status.ready"))}

    def on_open(self, visit: Visit, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        yield from self.refill(visit, name, index, key, fresh=key is None)

    def on_moved(self, visit: Visit, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        """After another copy, text or measurement: redraw the window if the view was opened before, else on opening."""
        if key is not None and visit.session.applied is not None:
            yield from self.refill(visit, name, index, key, fresh=False)

    def on_worst(self, visit: Visit, name: str | None, key: Any) -> Iterator[dict[Any, Any]]:
        """Show the window of the chosen text with the largest loss."""
        yield from self.refill(visit, name, None, key, fresh=True)

    def on_window(self, visit: Visit, name: str | None, index: int | None, key: Any) -> Iterator[dict[Any, Any]]:
        if name is not None and index is not None and name in measuring.texts(visit, self.say.language):
            yield from self.draw(visit, name, int(index), key)

    def on_step(self, visit: Visit, step: int, name: str | None, index: int | None,
                key: Any) -> Iterator[dict[Any, Any]]:
        """Go to the next or previous window of the choice; without effect at the ends or before there is a choice."""
        if name not in measuring.texts(visit, self.say.language):
            return
        order = [one for _, one in self.choices(visit, name)]
        if index not in order:
            return
        place = order.index(index) + (1 if step > 0 else -1)
        if 0 <= place < len(order):
            yield {self.parts.window: order[place]}
            yield from self.draw(visit, name, order[place], key)


def title(tokens: tuple[TokenLoss, ...], say: Words, number: int, count: int, text: str, dtype: str) -> str:
    """Return a sentence on the window: loss per token before and after, the difference, the number of predictions."""
    sides = [[side.loss for side in (getattr(token, name) for token in tokens) if side] for name in ("first", "second")]
    dense, pruned = (sum(losses) / len(losses) for losses in sides)
    key = "lost.tokens.title" if pruned >= dense else "lost.tokens.title_better"
    return say(key, number=number, count=count, text=text, difference=f"{abs(pruned - dense):.2f}",
               dense=f"{dense:.2f}", pruned=f"{pruned:.2f}", predictions=len(sides[0]), dtype=dtype)
