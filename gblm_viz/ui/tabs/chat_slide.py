"""Compare, the chat: the last questions again under a slider, whose answers follow while it moves.

A preview: the answers are nobody's turn of the conversation, and no vote counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.words import Words

from ..components.answer_slider import AnswerSlider, Screen, own_answers
from ..components.answer_slider.live_answers import LONGEST_PROMPT
from ..visit.library import Visit
from ..visit.page import Page
from . import slider
from .chat_view import conversation, is_blind

MOST_QUESTIONS = 3


@dataclass(frozen=True, eq=False)
class Slide:
    """The folded part below the panes, and the slider in it."""

    box: gr.Accordion
    answers: AnswerSlider

    @property
    def all(self) -> list[Any]:
        """The components that `updates` writes."""
        return [self.box, self.answers]

    @property
    def emptied(self) -> dict[Any, Any]:
        """The updates where no question is offered."""
        return {self.box: gr.update(visible=False), self.answers: None}


def build(page: Page) -> Slide:
    """Lay it out, hidden until a question was asked, and let its button apply what it stands at."""
    with gr.Accordion(page.words("chat.slide"), open=False, visible=False, elem_id="chat-slide") as box:
        answers = AnswerSlider(None, elem_id="chat-answers")
    slider.wire(page, answers)
    return Slide(box, answers)


def updates(visit: Visit, slide: Slide, say: Words) -> dict[Any, Any]:
    """Offer the conversation's last questions; nothing before one was asked, in the blind mode, which it would give
    away, and where no answer is made live."""
    asked = [turn.prompt for turn in conversation(visit).turns if len(turn.prompt) <= LONGEST_PROMPT]
    questions = tuple(dict.fromkeys(reversed(asked)))[:MOST_QUESTIONS]
    found = slider.live(visit, say) if questions and not is_blind(visit) else None
    if found is None or not found.key:
        return slide.emptied
    waiting = say("overview.ask_again")
    return {slide.box: gr.update(visible=True),
            slide.answers: own_answers(Screen("", waiting, waiting), questions, slider.words_of(say), found)}
