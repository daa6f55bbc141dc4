"""Overview, the story: seven questions with this run's numbers, a verdict by what is accepted, and what goes along.

The cards are made in story_cards.py, the table of other models in story_takes.py, the hand-out in story_handout.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.measure.tolerance import Tolerance
from gblm_viz.escape import escape
from gblm_viz.words import Words

from ..components.paragraph import paragraph
from ..components.story import Story
from ..components.templates import render
from ..door.teacher_page import ADDRESS as TEACHER
from ..visit import downloads
from ..visit.keys import TakesTask
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import ACCEPTED, SHOWN_PROBES
from ..visit.session import Selection
from ..work.example import shipped_example, shipped_summaries
from ..work.story_numbers import (
    Numbers,
    collected_seconds,
    example_numbers,
    is_older,
    is_text_foreign,
    own_numbers,
)
from . import story_takes
from .prune_text import place, problem
from .story_cards import PANELS, STEPS, run_name, story_value
from .story_handout import handout
from .weight import telling_weight

MOST_ACCEPTED = 1000.0
"""Percent."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The story's components."""

    intro: gr.HTML
    right: gr.Number
    perplexity: gr.Number
    problem: gr.HTML
    cards: Story
    estimate: gr.Button
    handout: gr.Button
    ready: gr.HTML
    takes: gr.HTML


def build(page: Page) -> None:
    say = page.words
    numbers = example_numbers(say.language)
    usual = Tolerance()
    with gr.Row(elem_id="story-head", equal_height=True):
        intro = gr.HTML(_intro(say, numbers, 0), elem_id="story-intro")
        right, perplexity = (_accepted_box(say, name, getattr(usual, name)) for name in ("right", "perplexity"))
    refused = gr.HTML("", elem_id="story-accept-problem")
    cards = Story(story_value(say, numbers, usual, _example_place(say)), elem_id="story")
    with gr.Row(elem_id="story-more", equal_height=True):
        estimate = gr.Button(say("story.estimate"), elem_id="story-estimate", size="sm", scale=0, min_width=260)
        paper = gr.Button(say("story.handout"), elem_id="story-handout", size="sm", scale=0, min_width=180)
        ready = gr.HTML("", elem_id="story-handout-ready")
        gr.HTML(f'<a class="to-story" href="{TEACHER}" target="_blank">{escape(say("link.frame.teacher"))}</a>',
                elem_id="story-teacher")
    takes = gr.HTML("", elem_id="story-takes")
    _Handlers(page, Parts(intro, right, perplexity, refused, cards, estimate, paper, ready, takes)).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        shown = [parts.intro, parts.cards, parts.ready, parts.right, parts.perplexity, parts.problem]
        page.on_signals([signals.visit.change, signals.statistics.change, signals.applied.change,
                         signals.measured.change], self.refresh, [], shown)
        page.on_signals([signals.visit.change], self.on_visit, [], [parts.takes])
        page.on([parts.right.change, parts.perplexity.change], self.on_accepted, [parts.right, parts.perplexity],
                [parts.cards, parts.ready, parts.problem], further="newest")
        page.on_event(parts.cards.select, "to", "text", self.on_link, [signals.selection, signals.probes],
                      [signals.selection, signals.probes, page.tabs])
        page.on(parts.handout.click, self.on_handout, [], [parts.ready])
        page.on(parts.estimate.click, self.on_estimate, [], [parts.takes])

    def refresh(self, visit: Visit) -> dict[Any, Any]:
        """Show the example's story, or that of the visitor's own copy; without a copy, how to get one."""
        session, parts, accepted = visit.session, self.parts, accepted_of(visit)
        boxes = {parts.right: 100 * accepted.right, parts.perplexity: 100 * accepted.perplexity, parts.ready: "",
                 parts.problem: ""}
        numbers = numbers_of(visit, self.say)
        if numbers is None:
            return {**boxes, parts.intro: paragraph(self.say("story.none_yet"), "tag"), parts.cards: None}
        older = is_older(visit)
        return {**boxes, parts.intro: _intro(self.say, numbers, session.applied_number, older,
                                              older and is_text_foreign(visit)),
                parts.cards: story_value(self.say, numbers, accepted, self.place_of(visit, numbers))}

    def on_visit(self, visit: Visit) -> dict[Any, Any]:
        """After another model: drop the estimates, whose last line is of the one before."""
        return {self.parts.takes: ""}

    def place_of(self, visit: Visit, numbers: Numbers) -> str:
        """Return the telling weight's matrix in words; "" if there is none."""
        if numbers.example:
            return _example_place(self.say)
        jump = numbers.jump
        return "" if jump is None else place(self.say, visit.model().layout.named(jump.matrix), jump.expert or 0)

    def on_accepted(self, visit: Visit, right: float | None, perplexity: float | None) -> dict[Any, Any]:
        """Judge anew by what the visitor accepts; what is no percentage is told below, and nothing changes."""
        try:
            accepted = checked_tolerance(right, perplexity)
        except GblmError as error:
            return {self.parts.problem: problem(error.say(self.say))}
        fine: dict[Any, Any] = {self.parts.problem: ""}
        if accepted == accepted_of(visit) or visit.session.model is None:
            return fine
        visit.remember(ACCEPTED, (accepted.right, accepted.perplexity))
        numbers = numbers_of(visit, self.say)
        if numbers is None:
            return fine
        return {**fine, self.parts.cards: story_value(self.say, numbers, accepted, self.place_of(visit, numbers)),
                self.parts.ready: ""}

    def on_link(self, visit: Visit, to: str, counter: int, probes: int) -> dict[Any, Any]:
        """Open what a card's link leads to; the telling weight, or the visitor's own questions, are selected first."""
        page = self.page
        if to == "why":
            jump = telling_weight(visit)
            if jump is None:
                return {page.status: page.note(self.say("weight.telling_none"), "error")}
            visit.select(Selection(jump.matrix, jump.expert or 0, jump.row, jump.column))
            return {self.signals.selection: bump(counter), page.tabs: gr.Tabs(selected="weight")}
        tab = "compare" if to in PANELS else to
        if tab not in ("weight", *STEPS):
            raise GblmError("bad_event")
        if to == "questions":
            visit.remember(SHOWN_PROBES, ("own", "each"))
            return {page.tabs: gr.Tabs(selected=tab), self.signals.probes: bump(probes)}
        return {page.tabs: gr.Tabs(selected=tab)}

    def on_handout(self, visit: Visit) -> dict[Any, Any]:
        """Offer the hand-out of what is shown as one page to print."""
        say, page = self.say, self.page
        numbers = numbers_of(visit, say)
        if numbers is None:
            raise GblmError("nothing_applied")
        made = handout(say, numbers, accepted_of(visit), self.place_of(visit, numbers),
                       run_name(say, numbers, visit.session.applied_number), f"{date.today():%Y-%m-%d}")
        address = downloads.offer(page.library, "gblm-viz-handout.html", made.encode())
        return {self.parts.ready: render("tabs/story_ready.html", say=say, address=address),
                page.status: page.note(say("story.handout_ready"))}

    def on_estimate(self, visit: Visit) -> Iterator[dict[Any, Any]]:
        """Estimate what models of usual sizes take, and the visitor's own."""
        page, say, model = self.page, self.say, visit.model()
        task = page.library.start(visit.key, TakesTask(visit.session.model),
                                  lambda _: story_takes.takes_job(page.library, model))
        found = yield from page.follow(visit, task, "takes")
        yield {self.parts.takes: story_takes.takes_html(say, found, model, numbers_of(visit, say)),
               page.status: page.note(say("status.ready"))}


def numbers_of(visit: Visit, say: Words) -> Numbers | None:
    """Return the example's numbers or those of the visitor's copy; None before one exists."""
    session = visit.session
    if session.example or _is_still_the_example(visit):
        seconds = collected_seconds(visit)
        return replace(example_numbers(say.language), seconds=seconds)
    if session.model is None or session.applied is None or not visit.library.has(session.applied):
        return None
    found = own_numbers(visit, say.language)
    collected = session.statistics is not None and visit.library.has(session.statistics) and not is_older(visit)
    return replace(found, jump=telling_weight(visit) if collected else None)


def _is_still_the_example(visit: Visit) -> bool:
    """Return whether the only copy is still the example's, though the visitor has collected on another text since."""
    session = visit.session
    return session.applied is not None and session.applied_number == 1 and any(
        one.example and one.applied == session.applied for one in visit.library.firsts())


def _accepted_box(say: Words, name: str, share: float) -> gr.Number:
    with gr.Column(scale=0, min_width=300):
        return gr.Number(100 * share, label=say(f"story.accept_{name}"), elem_id=f"story-accept-{name}")


def accepted_of(visit: Visit) -> Tolerance:
    """Return what this visitor accepts."""
    kept = visit.session.extra(ACCEPTED)
    return Tolerance() if kept is None else Tolerance(*kept)


def checked_tolerance(right: float | None, perplexity: float | None) -> Tolerance:
    """Return percents as a Tolerance. Raises GblmError outside 0 … MOST_ACCEPTED or for an empty box."""
    for one in (right, perplexity):
        if not isinstance(one, int | float) or not math.isfinite(one) or not 0 <= one <= MOST_ACCEPTED:
            raise GblmError("bad_accepted")
    assert right is not None and perplexity is not None
    return Tolerance(right / 100, perplexity / 100)


def _example_place(say: Words) -> str:
    name = shipped_example(say.language)["telling"]["matrix"]
    return place(say, next(one for one in shipped_summaries(say.language) if one.name == name))


def _intro(say: Words, numbers: Numbers, number: int, older: bool = False, foreign: bool | None = False) -> str:
    """Return the story's head. older: gradients were collected on another text since this copy was made; foreign:
    whether the model does not understand that text."""
    title, told = say("story.title"), say("story.intro", run=run_name(say, numbers, number))
    stale = paragraph(say("story.stale"), "limit") if older else ""
    stale += paragraph(say("text.foreign"), "limit") if foreign else ""
    return f'<h2 class="story-title">{escape(title)}</h2><p class="tag">{escape(told)}</p>{stale}'
