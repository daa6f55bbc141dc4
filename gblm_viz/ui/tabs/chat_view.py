"""Compare, the chat: display of a visitor's conversation: panes, titles, notes, the line on where answers diverge.

Turns a session into component updates; the handlers are in other files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gblm_viz.core.talk.divergence import matching
from gblm_viz.core.talk.known import skill_of
from gblm_viz.core.talk.repetition import loop_at_end, repeats
from gblm_viz.escape import escape
from gblm_viz.words import Words

from ..components.chat_pane import Bubble, ChatPane, pane_value
from ..components.paragraph import paragraph
from ..components.skill_chips import Chip, skill_chips
from ..components.templates import render
from ..components.token_bars import MARKS
from ..visit.library import Visit
from ..visit.remembered import BLIND, BLIND_ROUND, CHAT
from ..work import chat_models, work
from ..work.applied import removed_amount
from ..work.chat import SIDES, Conversation, SideAnswer, Turn, parting_sentence

LETTERS = ("A", "B", "C")
MUCH_REPEATED = 0.3
LEAST_RUNS = 20
"""Repetition is reported from LEAST_RUNS runs of four tokens with a repeated share of MUCH_REPEATED; ordinary prose has
less."""


@dataclass(frozen=True)
class Round:
    """A blind question: the side at each place, and whether the sides were revealed."""

    order: tuple[str, ...]
    question: int
    revealed: bool = False


@dataclass(frozen=True, eq=False)
class Places:
    """The components that show answers: up to three places side by side, the line above, speed and bars below them."""

    columns: tuple[Any, ...]
    titles: tuple[Any, ...]
    panes: tuple[Any, ...]
    notes: tuple[Any, ...]
    parting: Any
    speed: Any
    bars: Any

    @property
    def all(self) -> list[Any]:
        """The components that are redrawn from a session; not the speed, which is only measured."""
        return [*self.columns, *self.titles, *self.panes, *self.notes, self.parting, self.bars]


def build(say: Words, parting: Any) -> Places:
    """Build the places, empty, and the bars below them."""
    columns, titles, panes, notes = [], [], [], []
    with gr.Row(elem_id="compare-panes", equal_height=True):
        for side in SIDES:
            with gr.Column(visible=side != "third", min_width=260) as column:
                titles.append(gr.HTML(_title(say, side, "")))
                panes.append(ChatPane(_empty(say, side), elem_id=f"{side}-chat"))
                notes.append(gr.HTML("", elem_id=f"compare-note-{side}", elem_classes="compare-note"))
            columns.append(column)
    speed = gr.HTML("", elem_id="compare-speed-told")
    bars = gr.HTML(hint(say, ""), elem_id="compare-bars")
    return Places(tuple(columns), tuple(titles), tuple(panes), tuple(notes), parting, speed, bars)


def conversation(visit: Visit) -> Conversation:
    """Return the visitor's last conversation, whichever models answered."""
    found: Conversation = visit.session.extra(CHAT, Conversation())
    return found


def continued_turns(visit: Visit) -> tuple[Turn, ...]:
    """Return the turns that can be continued: all of them if the current models answered them, else none."""
    kept = conversation(visit)
    return kept.turns if kept.of == tuple(chat_models.keys(visit).items()) else ()


def blind_round(visit: Visit) -> Round | None:
    """Return the blind question on screen; None if there is none."""
    found: Round | None = visit.session.extra(BLIND_ROUND)
    return found


def is_blind(visit: Visit) -> bool:
    return bool(visit.session.extra(BLIND, False))


def hidden(visit: Visit) -> bool:
    """Return whether the models are hidden now."""
    asked = blind_round(visit)
    return is_blind(visit) and (asked is None or not asked.revealed)


def order(visit: Visit) -> tuple[str, ...]:
    """Return the sides from left to right."""
    asked = blind_round(visit)
    return asked.order if is_blind(visit) and asked is not None else tuple(
        side for side in SIDES if side != "third" or chat_models.third_of(visit) is not None)


class ChatView:
    """Turns a visitor's session into updates of the places."""

    def __init__(self, say: Words, places: Places) -> None:
        self.say, self.places = say, places

    def everything(self, visit: Visit) -> dict[Any, Any]:
        """Return titles, the kept conversation and its notes; greyed, with a sentence, if other models answered."""
        return {**self.titles(visit), **self.answers(visit, conversation(visit).turns),
                self.places.parting: line(self.divergence_note(visit))}

    def divergence_note(self, visit: Visit) -> str:
        """Return where the answers diverge, or that earlier models gave them."""
        kept = conversation(visit)
        if not kept.turns:
            return ""
        return self.say("compare.older") if self._stale(visit) else self.parting(visit, kept.turns[-1])

    def answers(self, visit: Visit, turns: tuple[Turn, ...], finished: bool = True) -> dict[Any, Any]:
        """Return the panes, their notes and the visible columns; notes are empty while answers are written."""
        there, secret = order(visit), hidden(visit)
        stale = self._stale(visit) if finished and not secret else {}  # a greyed pane would reveal its model
        found: dict[Any, Any] = {column: gr.update(visible=place < len(there))
                                 for place, column in enumerate(self.places.columns)} if finished else {}
        for place, side in enumerate(there):
            other = there[1 if place == 0 else 0]
            found[self.places.panes[place]] = self._pane(turns, place, side, other, secret, finished,
                                                         stale.get(side, False))
            said = turns[-1].answers.get(side) if turns and finished and not secret else None
            found[self.places.notes[place]] = "" if said is None else answer_note(self.say, said)
        if finished:
            picked = bool(turns) and not secret
            found[self.places.bars] = hint(self.say, self.say("chat.bars.hint") if picked else "")
        return found

    def _stale(self, visit: Visit) -> dict[str, bool]:
        """Return the sides whose answers another model gave; empty if all are the current models'."""
        now = chat_models.keys(visit)
        return {side: True for side, key in conversation(visit).of if side in now and now[side] != key}

    def _pane(self, turns: tuple[Turn, ...], place: int, side: str, other: str, secret: bool, finished: bool,
              stale: bool) -> dict[str, Any]:
        there = [turn for turn in turns if side in turn.answers]
        bubbles = []
        for index, turn in enumerate(there):
            said, both = turn.answers[side], other in turn.answers
            growing = not finished and index == len(there) - 1
            same = None if growing or not both else matching(said.ids, turn.answers[other].ids)[0]
            parting = turn.parting(side, other) if both else None
            bubbles.append(Bubble(turn.prompt, [token.text for token in said.tokens], same, parting, growing))
        return pane_value(bubbles, "hidden" if secret else side, self._words(place, side, secret), stale=stale,
                          open_tokens=not secret)

    def _words(self, place: int, side: str, secret: bool) -> dict[str, str]:
        name = LETTERS[place] if secret else self.say(f"chat.sides.{side}")
        return {**_pane_words(self.say, name), "empty": self.say("compare.empty")}

    def parting(self, visit: Visit, turn: Turn) -> str:
        """Return where each other answer diverges from the first one, one sentence each."""
        first, *others = (side for side in order(visit) if side in turn.answers)
        if len(others) == 1:
            return parting_sentence(turn, self.say, first, others[0])
        def name(place: int, side: str) -> str:
            return LETTERS[place] if hidden(visit) else f"{MARKS[side]} {self.say(f'chat.sides.{side}')}"

        told = []
        for place, side in enumerate(others, start=1):
            count = turn.parting(first, side)
            how = "same" if count is None else "after" if count else "at_once"
            told.append(self.say(f"chat.part.{how}", name=name(place, side), count=count))
        return self.say("chat.against", name=name(0, first), told=" · ".join(told))

    def titles(self, visit: Visit) -> dict[Any, Any]:
        """Return the titles: each place's model, what made it, and whether the controls have changed since."""
        secret, there = hidden(visit), order(visit)
        if secret:
            return {title: _hidden_title(self.say, letter)
                    for title, letter in zip(self.places.titles, LETTERS, strict=True)}
        tags = chat_models.tags(visit, self.say)
        late = {"pruned": self._late(visit), "third": self._late_third(visit)}
        return {self.places.titles[place]: _title(self.say, side, tags.get(side, self.say("compare.none_applied")),
                                                  late.get(side, "")) for place, side in enumerate(there)}

    def _late(self, visit: Visit) -> str:
        session = visit.session
        if session.applied is None:
            return ""
        moved = session.applied != work.masks_key(session, session.settings)
        said = [self.say("compare.stale", now=removed_amount(session.settings))] if moved else []
        said += [] if visit.model().has_chat_template else [self.say("compare.plain")]
        return " · ".join(said)

    def _late_third(self, visit: Visit) -> str:
        third = chat_models.third_of(visit)
        moved = (third is not None and third.statistics is not None and not third.asked.text
                 and third.statistics != visit.session.statistics)
        return self.say("chat.third.text_moved") if moved else ""


# How it is drawn

def line(sentence: str) -> str:
    return f'<div class="parting-line" data-announce="parting">{escape(sentence) or "&nbsp;"}</div>'


def chips_of(say: Words, visit: Visit, question: str) -> dict[str, Any]:
    """Return what the model was taught, and a note if the question, unless it is empty, is outside of it."""
    known = work.known_of(visit.model())
    chips = [Chip(one.name[say.language], one.line[say.language], one.examples[say.language])
             for one in known if say.language in one.name]
    outside = chips and question.strip() and skill_of(known, question) is None
    return skill_chips(say("chat.chips.label"), chips, say("chat.chips.outside") if outside else "")


def hint(say: Words, sentence: str) -> str:
    """Return the HTML shown instead of the bars until a token is selected."""
    return paragraph(sentence, "tag bars-hint")


def answer_note(say: Words, said: SideAnswer) -> str:
    """Return the note under a pane: number of tokens, speed, how the answer ended, and whether it repeats itself."""
    count = len(said.tokens)
    pace = f"{count / said.seconds:.0f}" if said.seconds > 0 else "–"
    warning = ""
    loop, again = loop_at_end(said.ids), repeats(said.ids)
    if loop is not None:
        warning = say("chat.note.loop", length=loop.length, times=loop.times)
    elif again.total >= LEAST_RUNS and again.share >= MUCH_REPEATED:
        warning = say("chat.note.repeats", again=again.again, total=again.total)
    return render("tabs/chat_note.html", pace=say("chat.note.pace", count=count, pace=pace), repeats=warning,
                  ended=say(f"chat.note.ended.{said.ended}", count=count))


def _title(say: Words, side: str, tag: str, late: str = "") -> str:
    return render("tabs/chat_title.html", side=side, name=f"{MARKS[side]} {say(f'chat.sides.{side}')}", tag=tag,
                  late=late)


def _hidden_title(say: Words, letter: str) -> str:
    return render("tabs/chat_title.html", side="", name=letter, tag=say("chat.blind.secret"), late="")


def _pane_words(say: Words, name: str) -> dict[str, str]:
    return {"answer": say("chat.pane.answer", name=name), "part": say("chat.pane.part"), "next": say("chat.pane.next"),
            "log": say("chat.pane.log", name=name)}


def _empty(say: Words, side: str) -> dict[str, Any]:
    return pane_value((), side, {**_pane_words(say, say(f"chat.sides.{side}")), "empty": say("compare.empty")})
