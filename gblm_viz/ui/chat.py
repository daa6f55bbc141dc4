"""One prompt, two models, two streams that advance together; and how answers are drawn. No components here."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field

from gblm_viz.core.generate import Message, Sampling, Token, first_divergence, prompt_tokens, stream
from gblm_viz.core.models import Model
from gblm_viz.words import Words

from .escape import escape

POLL_SECONDS = 0.08


@dataclass(frozen=True)
class Turn:
    """One question with both answers, token by token, and what was sampled with."""

    prompt: str
    dense: tuple[Token, ...] = ()
    pruned: tuple[Token, ...] = ()

    @property
    def parting(self) -> int | None:
        """The first token where the answers part; None where they are the same so far."""
        return first_divergence(tuple(token.token for token in self.dense), tuple(token.token for token in self.pruned))


@dataclass(eq=False)
class _Voice:
    """One model's answer as its thread writes it. list.append is atomic, so the reader needs no lock."""

    tokens: list[Token] = field(default_factory=list)
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


def _speak(voice: _Voice, model: Model, messages: list[Message], sampling: Sampling, stop: threading.Event) -> None:
    try:
        for token in stream(model, messages, sampling, stop):
            voice.tokens.append(token)
    except BaseException as error:
        voice.error = error
    finally:
        voice.done.set()


def messages_of(history: tuple[Turn, ...], side: str, prompt: str) -> list[Message]:
    """The conversation as one model had it, with its own answers, and the new prompt behind it."""
    messages: list[Message] = []
    for turn in history:
        said = "".join(token.text for token in (turn.dense if side == "dense" else turn.pruned))
        messages += [{"role": "user", "content": turn.prompt}, {"role": "assistant", "content": said}]
    return [*messages, {"role": "user", "content": prompt}]


def duel(dense: Model, pruned: Model, prompt: str, history: tuple[Turn, ...], sampling: Sampling,
         stop: threading.Event) -> Generator[tuple[Turn, bool], None, None]:
    """Both answers growing: (turn, whether it is finished) every 80 ms. Closing it, or `stop`, ends both streams."""
    conversations = {"dense": messages_of(history, "dense", prompt), "pruned": messages_of(history, "pruned", prompt)}
    prompt_tokens(dense, conversations["dense"])  # an empty prompt is refused before any thread starts
    voices = {"dense": _Voice(), "pruned": _Voice()}
    for side, model in (("dense", dense), ("pruned", pruned)):
        threading.Thread(target=_speak, args=(voices[side], model, conversations[side], sampling, stop), daemon=True,
                         name=f"chat {side}").start()
    try:
        while not all(voice.done.is_set() for voice in voices.values()):
            time.sleep(POLL_SECONDS)
            yield Turn(prompt, tuple(voices["dense"].tokens), tuple(voices["pruned"].tokens)), False
    finally:
        stop.set()
    for voice in voices.values():
        if voice.error is not None:
            raise voice.error
    yield Turn(prompt, tuple(voices["dense"].tokens), tuple(voices["pruned"].tokens)), True


def answer_html(turn: Turn, side: str, finished: bool) -> str:
    """One side's answer as HTML, escaped, its first token that parts from the other side marked."""
    tokens = turn.dense if side == "dense" else turn.pruned
    both = min(len(turn.dense), len(turn.pruned))
    parting = turn.parting
    if parting is not None and not finished and parting >= both:
        parting = None  # the other side has only not come this far yet
    pieces = [f'<mark class="parting">{escape(token.text)}</mark>' if index == parting and token.text else
              escape(token.text) for index, token in enumerate(tokens)]
    ended = parting is not None and finished and parting >= len(tokens)
    return "".join(pieces) + ('<mark class="parting" aria-hidden="true">◾</mark>' if ended else "")


def pane_html(turns: tuple[Turn, ...], side: str, say: Words, finished: bool = True) -> str:
    """A whole conversation of one side."""
    bubbles = []
    for index, turn in enumerate(turns):
        last = index == len(turns) - 1
        said = answer_html(turn, side, finished or not last)
        waiting = '<span class="cursor" aria-hidden="true">▍</span>' if last and not finished else ""
        bubbles.append(f'<div class="asked">{escape(turn.prompt)}</div>'
                       f'<div class="said {side}" data-side="{side}">{said or ("" if waiting else "…")}{waiting}</div>')
    empty = f'<div class="empty">{escape(say("compare.empty"))}</div>'
    return f'<div class="chat" role="log" aria-live="polite">{"".join(bubbles) or empty}</div>'


def parting_sentence(turn: Turn, say: Words) -> str:
    """Where the two answers of a finished turn part, in a sentence."""
    parting = turn.parting
    if parting is None:
        return say("compare.same", count=len(turn.dense))
    return say("compare.parted_at_once" if parting == 0 else "compare.parted", count=parting)
