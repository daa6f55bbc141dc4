"""One prompt, several models answering in parallel, and where their answers diverge. No components."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

from gblm_viz.core.base.threads import Threads
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk.generate import Message, Prompt, Sampling, Token, first_divergence, fit_prompt, stream
from gblm_viz.words import Words

from ..visit.keys import MasksKey, ModelKey

FIRST_SECONDS = 0.02
"""Seconds between two looks for an answer's first token."""
POLL_SECONDS, LONGEST_PAUSE, PAUSES = 0.08, 1.0, 4
"""Seconds between two updates of the shown answers: PAUSES times the duration of the last update, between POLL_SECONDS
and LONGEST_PAUSE. So with thirty visitors' answers the processor time goes to generating, not to displaying."""
SIDES = ("dense", "pruned", "third")


@dataclass(frozen=True)
class SideAnswer:
    """One side's answer so far. `ended`: end, length or stopped; "" while it grows. `seconds` include the prompt."""

    tokens: tuple[Token, ...] = ()
    ended: str = ""
    seconds: float = 0.0

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(token.token for token in self.tokens)

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


@dataclass(frozen=True)
class Turn:
    """One question with each side's answer, token by token, and the sampling settings."""

    prompt: str
    answers: Mapping[str, SideAnswer]
    sampling: Sampling = field(default_factory=Sampling)

    def parting(self, side: str, other: str) -> int | None:
        """Return the index of the first token at which two sides' answers differ; None if they are the same so far.

        An answer that is only shorter so far, because of Stop or because it still grows, does not differ.
        """
        first, second = self.answers[side], self.answers[other]
        found = first_divergence(first.ids, second.ids)
        shorter = first if len(first.tokens) < len(second.tokens) else second
        return None if found is not None and found >= len(shorter.tokens) and shorter.ended != "end" else found


@dataclass(frozen=True)
class Conversation:
    """The turns, and the keys of the models that answered them, by side."""

    turns: tuple[Turn, ...] = ()
    of: tuple[tuple[str, ModelKey | MasksKey | None], ...] = ()


LONGEST_LOG = 50
"""Most questions that are remembered for the report."""


def logged(log: Conversation, turn: Turn, of: tuple[tuple[str, ModelKey | MasksKey | None], ...]) -> Conversation:
    """Return the log with a further turn; one with the same prompt is replaced, one of other models begins anew."""
    before = [one for one in log.turns if one.prompt != turn.prompt] if log.of == of else []
    return Conversation((*before[1 - LONGEST_LOG:], turn), of)


@dataclass(eq=False)
class _AnswerStream:
    """One model's answer while its thread writes it. list.append is atomic, so the reader needs no lock."""

    tokens: list[Token] = field(default_factory=list)
    ended: str = ""
    seconds: float = 0.0
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def answer_so_far(self) -> SideAnswer:
        ended = self.ended  # read before the tokens, so that an answer marked as ended is complete
        return SideAnswer(tuple(self.tokens), ended, self.seconds)


def _generate(voice: _AnswerStream, model: Model, messages: list[Message], sampling: Sampling,
              stop: threading.Event, prompt: Prompt, threads: Threads) -> None:
    began = time.perf_counter()
    threads.use_for(model.layout.largest)
    coming = stream(model, messages, sampling, stop, prompt)
    try:
        while True:
            voice.tokens.append(next(coming))
    except StopIteration as finished:
        voice.seconds, voice.ended = time.perf_counter() - began, finished.value
    except BaseException as error:
        voice.error = error
    finally:
        voice.done.set()


def _ended(voices: Mapping[str, _AnswerStream], seconds: float) -> bool:
    """Wait up to `seconds` for all answers to end and return whether they did."""
    until = time.monotonic() + seconds
    return all(voice.done.wait(max(0.0, until - time.monotonic())) for voice in voices.values())


def messages_of(history: tuple[Turn, ...], side: str, prompt: str) -> list[Message]:
    """Return the conversation with one model's own answers, followed by the new prompt."""
    messages: list[Message] = []
    for turn in history:
        messages += [{"role": "user", "content": turn.prompt},
                     {"role": "assistant", "content": turn.answers[side].text}]
    return [*messages, {"role": "user", "content": prompt}]


def fit_prompts(models: Mapping[str, Model], prompt: str, history: tuple[Turn, ...],
                sampling: Sampling) -> dict[str, Prompt]:
    """Return each model's prompt, as `fit_prompt` does: once for models that are told the same, such as the pruned copy
    of a model without earlier turns. Raises as `fit_prompt` does."""
    found, made = dict[str, Prompt](), list[tuple[Model, list[Message], Prompt]]()
    for side, model in models.items():
        messages = messages_of(history, side, prompt)
        same = [one for other, said, one in made if said == messages and other.tokenizer is model.tokenizer
                and (other.longest, other.name) == (model.longest, model.name)]
        found[side] = same[0] if same else fit_prompt(model, messages, sampling)
        made.append((model, messages, found[side]))
    return found


def answer_together(models: Mapping[str, Model], prompt: str, history: tuple[Turn, ...], sampling: Sampling,
                    stop: threading.Event, threads: Threads | None = None,
                    asked: Mapping[str, Prompt] | None = None) -> Generator[tuple[Turn, bool], None, None]:
    """Yield (turn so far, whether it is finished), as often as the caller can show it; threads: of each answer.

    asked: what `fit_prompts` returns, if it is known. Closing the generator, or setting `stop`, ends all streams.
    """
    # an empty prompt is refused before any thread starts
    asked = fit_prompts(models, prompt, history, sampling) if asked is None else asked
    voices = {side: _AnswerStream() for side in models}
    for side, model in models.items():
        given = (voices[side], model, messages_of(history, side, prompt), sampling, stop, asked[side],
                 threads or Threads())
        threading.Thread(target=_generate, args=given, daemon=True, name=f"chat {side}").start()

    def turn() -> Turn:
        return Turn(prompt, {side: voice.answer_so_far() for side, voice in voices.items()}, sampling)

    pause, shown = FIRST_SECONDS, -1  # the question is shown before its first token
    try:
        while not _ended(voices, pause):
            written = sum(len(voice.tokens) for voice in voices.values())
            if written != shown:
                shown, began = written, time.monotonic()
                yield turn(), False
                if written:
                    pause = min(LONGEST_PAUSE, max(POLL_SECONDS, PAUSES * (time.monotonic() - began)))
    finally:
        stop.set()
    for voice in voices.values():
        if voice.error is not None:
            raise voice.error
    yield turn(), True


def marked_points(tokens: Sequence[Token], parting: int | None) -> tuple[int, int] | None:
    """Return the code points of the token at which an answer parts from another one; None if it has no such token."""
    if parting is None or parting >= len(tokens):
        return None
    before = sum(len(token.text) for token in tokens[:parting])
    return before, before + len(tokens[parting].text)


def parting_sentence(turn: Turn, say: Words, side: str = "dense", other: str = "pruned") -> str:
    """Return a sentence that says where two answers of a finished turn diverge."""
    parting = turn.parting(side, other)
    if parting is None:
        return say("compare.same", count=len(turn.answers[side].tokens))
    return say("compare.parted_at_once" if parting == 0 else "compare.parted", count=parting)
