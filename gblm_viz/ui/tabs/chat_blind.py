"""Compare, the chat in blind mode for an audience: models hidden, votes, Reveal, and the tally of the visit.

The order of the sides is drawn on the server and is sent to the browser only when it is revealed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.keep.run import vote_rows
from gblm_viz.core.talk.blind import Competitors, Vote
from gblm_viz.escape import escape
from gblm_viz.words import Words

from ..components.own_component import started
from ..components.preference_words import preference_words
from ..visit.library import Visit
from ..visit.page import Page
from ..visit.remembered import BLIND, BLIND_QUESTIONS, BLIND_ROUND, CHAT, VOTES
from ..work import chat_models
from ..work.chat import Conversation
from .chat_view import LETTERS, ChatView, Round, blind_round, conversation, hidden, is_blind

KEYS = Path(__file__).parents[1] / "components" / "blind_keys.js"


@dataclass(frozen=True, eq=False)
class Bar:
    """The row of vote buttons and its text, shown in blind mode only."""

    row: Any
    votes: tuple[Any, ...]
    tie: Any
    undo: Any
    reveal: Any
    told: Any

    @property
    def all(self) -> list[Any]:
        return [self.row, *self.votes, self.tie, self.undo, self.reveal, self.told]


def build(say: Words) -> Bar:
    with gr.Row(visible=False, elem_id="compare-blind-bar", equal_height=True) as row:
        votes = [gr.Button(say("chat.blind.better", letter=letter), elem_id=f"vote-{letter.lower()}", size="sm",
                           scale=0, min_width=110, interactive=False, visible=letter != "C") for letter in LETTERS]
        tie = gr.Button(say("chat.blind.tie"), elem_id="vote-tie", size="sm", scale=0, min_width=130, interactive=False)
        undo = gr.Button(say("chat.blind.undo"), elem_id="vote-undo", size="sm", scale=0, min_width=130,
                         interactive=False)
        reveal = gr.Button(say("chat.blind.reveal"), elem_id="reveal", size="sm", scale=0, min_width=110,
                           interactive=False)
        told = gr.HTML("", elem_id="compare-tally", js_on_load=started(KEYS))
    return Bar(row, tuple(votes), tie, undo, reveal, told)


def begin(visit: Visit) -> Round | None:
    """Start a new blind question with newly shuffled sides; None if the visitor is not in blind mode."""
    if not is_blind(visit):
        return None
    number = int(visit.session.extra(BLIND_QUESTIONS, 0)) + 1
    there = list(chat_models.keys(visit))
    secrets.SystemRandom().shuffle(there)
    asked = Round(tuple(there), number)
    visit.remember(BLIND_QUESTIONS, number)
    visit.remember(BLIND_ROUND, asked)
    return asked


def votes_of(visit: Visit) -> tuple[Vote, ...]:
    found: tuple[Vote, ...] = visit.session.extra(VOTES, ())
    return found


def votes_on(visit: Visit, asked: Round | None) -> list[int]:
    """Return the places, in the visit's votes, of those on this question."""
    number = None if asked is None else asked.question
    return [place for place, vote in enumerate(votes_of(visit)) if vote.question == number]


def bar_updates(visit: Visit, bar: Bar, say: Words, answering: bool = False) -> dict[Any, Any]:
    """Return the bar's updates from the session; while answers are written, voting is disabled."""
    on, asked = is_blind(visit), blind_round(visit)
    voting = bool(on and not answering and asked is not None and not asked.revealed and conversation(visit).turns)
    count = len(chat_models.keys(visit)) if asked is None else len(asked.order)
    found: dict[Any, Any] = {bar.row: gr.update(visible=on), bar.told: tally_html(visit, say) if on else ""}
    for place, button in enumerate(bar.votes):
        found[button] = gr.update(interactive=voting, visible=place < count)
    return found | {bar.tie: gr.update(interactive=voting), bar.reveal: gr.update(interactive=voting),
                    bar.undo: gr.update(interactive=bool(voting and votes_on(visit, asked)))}


def wire(page: Page, bar: Bar, box: Any, follow_up: Any, stop: Any, view: ChatView,
         emptied: Mapping[Any, Any]) -> None:
    """Register the handlers. box: the blind-mode checkbox; follow_up: the conversation checkbox, not used here;
    emptied: further updates for a chat without questions."""
    say = page.words

    def on_switch(visit: Visit, on: bool) -> dict[Any, Any]:
        """Switch blind mode on or off and clear the chat, since it was shown in the other mode."""
        running = visit.library.chats.pop(visit.key, None)
        if running is not None:
            running.set()
        visit.keep(visit.session.with_extra(BLIND, bool(on)).with_extra(BLIND_ROUND, None)
                   .with_extra(CHAT, Conversation()))
        return {**view.everything(visit), **bar_updates(visit, bar, say), **emptied, stop: gr.update(interactive=False),
                box: is_blind(visit),  # a refresh that began before may have set it back meanwhile
                follow_up: gr.update(interactive=not on),
                page.status: page.note(say("chat.blind.on" if on else "chat.blind.off"))}

    def on_vote(visit: Visit, *, place: int | None) -> dict[Any, Any]:
        asked = blind_round(visit)
        if asked is None or asked.revealed or not conversation(visit).turns:
            raise GblmError("nothing_to_vote_on")
        winner = "" if place is None else asked.order[place]
        with visit.library.lock:  # a room presses fast: no vote may be lost to another one's
            visit.remember(VOTES, (*votes_of(visit), Vote(conversation(visit).of, asked.question, winner)))
        return {bar.told: tally_html(visit, say), bar.undo: gr.update(interactive=True)}

    def on_undo(visit: Visit) -> dict[Any, Any]:
        """Take the last vote on this question back; what was revealed stays counted."""
        with visit.library.lock:
            asked = blind_round(visit)
            places = votes_on(visit, asked)
            if asked is None or asked.revealed or not places:
                raise GblmError("nothing_to_take_back")
            visit.remember(VOTES, tuple(vote for at, vote in enumerate(votes_of(visit)) if at != places[-1]))
        return {bar.told: tally_html(visit, say), bar.undo: gr.update(interactive=len(places) > 1)}

    def on_reveal(visit: Visit) -> dict[Any, Any]:
        asked = blind_round(visit)
        if asked is None or not conversation(visit).turns:
            raise GblmError("nothing_to_vote_on")
        visit.remember(BLIND_ROUND, replace(asked, revealed=True))
        return {**view.everything(visit), **bar_updates(visit, bar, say)}

    page.on(box.input, on_switch, [box], [*view.places.all, *bar.all, box, stop, follow_up, *emptied], further="newest")
    for place, button in [*enumerate(bar.votes), (None, bar.tie)]:
        page.on(button.click, partial(on_vote, place=place), [], [bar.told, bar.undo], further="all")
    page.on(bar.undo.click, on_undo, [], [bar.told, bar.undo], further="all")
    page.on(bar.reveal.click, on_reveal, [], [*view.places.all, *bar.all])


def tally_html(visit: Visit, say: Words) -> str:
    """Return the votes on this question and the tally of all revealed ones; models stay hidden until Reveal."""
    asked, votes = blind_round(visit), votes_of(visit)
    secret = asked.question if asked is not None and hidden(visit) else None
    own = sum(vote.question == secret for vote in votes)
    lines = [say("chat.blind.so_far", count=own)] if secret is not None else []
    counted = [vote for vote in votes if vote.question != secret]
    competitors = tuple(chat_models.keys(visit).items())
    lines += preference_sentences(counted, competitors, say)
    elsewhere = sum(vote.competitors != competitors for vote in counted)
    lines += [say("chat.blind.elsewhere", count=elsewhere)] if elsewhere else []
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="tally" data-announce="votes">{body}</div>'


def preference_sentences(votes: list[Vote], competitors: Competitors, say: Words) -> list[str]:
    """Return how often each side was preferred, with n, the interval, and what can be concluded."""
    rows = vote_rows([vote for vote in votes if vote.competitors == competitors])
    return preference_words(say, rows) if rows else []
