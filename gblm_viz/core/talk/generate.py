"""Generates answers token by token: our own loop with a cache, a seed, a stop event and each token's probability.

Tokens are argmax(filtered log-probability / temperature + Gumbel noise). The noise depends only on (seed, position), so
equal models give equal answers, next to each other and for every visitor. Does not use masks or the interface.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from threading import Event
from typing import TYPE_CHECKING

from ..base.errors import TextError
from ..base.lazy import torch
from ..model.models import Model
from ..model.tokenizer import Tokenizer, encode, encode_prefix
from . import chat_template
from .together import NEAR, TOP, Best, Seat, company_of, next_alone

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Cache

_PRIME = 1_000_003


@dataclass(frozen=True)
class Sampling:
    """temperature 0 = greedy; top_p keeps the smallest set of tokens whose probability reaches it."""

    seed: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    most: int = 128


@dataclass(frozen=True)
class Candidate:
    """A token that could have come next, its text, and its probability in the model."""

    token: int
    text: str
    probability: float


@dataclass(frozen=True)
class Token:
    """One generated token. `text`: the characters it completes; `probability`: the model's own, unfiltered."""

    token: int
    text: str
    probability: float
    top: tuple[Candidate, ...]


@dataclass(frozen=True)
class Prompt:
    """Token ids of a prompt. `plain`: it is continued as plain text, because the model has no chat template or one that
    fails; `dropped`: number of earlier messages that did not fit; `cut`: number of tokens at the beginning that did not
    fit when only the last message was left; `how`, `why`: as in chat_template.Rendered."""

    tokens: list[int]
    plain: bool
    dropped: int
    cut: int = 0
    how: str = "given"
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """A finished answer. `ended`: `end` (the model's end token), `length` or `stopped`, as in `stream`."""

    text: str
    tokens: tuple[Token, ...]
    ended: str


Message = dict[str, str]


def prompt_tokens(model: Model, messages: list[Message], room: int = 0) -> Prompt:
    """Return the messages as token ids, through the chat template if there is one, else as plain text to complete.

    The earliest turns are dropped until `room` tokens are free within the model's longest input. Raises TextError for
    an empty prompt, ModelError for a template that exceeds its limits, in total over all attempts with fewer turns. If
    the template fails, it is not used: the prompt is then plain text.
    """
    if not messages or not messages[-1]["content"].strip():
        raise TextError("empty_prompt")
    most = None if model.longest is None else max(1, model.longest - room)
    dropped = cut = 0
    until = time.monotonic() + chat_template.PATIENCE
    while True:
        if time.monotonic() > until:
            raise chat_template.limit_error(model.name)
        tokens, written = _encoded(model, messages[dropped:])
        if most is None or len(tokens) <= most:
            break
        if dropped + 1 >= len(messages):
            cut = len(tokens) - most
            tokens = tokens[-most:]
            break
        dropped += 2 if dropped + 2 < len(messages) else 1
    plain = written is None or written.how == "failed"
    return Prompt(tokens, plain, dropped, cut, *(("given", "") if written is None else (written.how, written.why)))


def _encoded(model: Model, messages: list[Message]) -> tuple[list[int], chat_template.Rendered | None]:
    """Return the tokens and the rendered chat template, or None instead of it if the model has no template."""
    written = chat_template.render_adapted(model.tokenizer, messages, model.name) if model.has_chat_template else None
    if written is not None and written.how != "failed":
        return encode(model.tokenizer, written.text, add_special_tokens=False), written
    return encode_prefix(model.tokenizer, "\n".join(message["content"] for message in messages)), written


@lru_cache(maxsize=512)
def gumbel_noise(seed: int, position: int, size: int) -> Tensor:
    """Return float32 (size,): −log(−log u); depends only on (seed, position)."""
    generator = torch.Generator("cpu").manual_seed((seed * _PRIME + position) & (2**63 - 1))
    uniform = torch.rand(size, generator=generator).clamp_(1e-20, 1 - 1e-7)
    return -torch.log(-torch.log(uniform))


def _choose(logits: Tensor, sampling: Sampling, position: int) -> int:
    return int(_scores(logits, sampling, position).argmax())


def _is_near(logits: Tensor, best: Best, sampling: Sampling, position: int) -> bool:
    """Return whether logits that are off by NEAR of the largest one could lead to another token."""
    if sampling.temperature <= 0:
        return best.logits[0] - best.logits[1] <= 2 * NEAR * best.largest
    first, second = _scores(logits, sampling, position).topk(2).values.tolist()
    return bool(first - second <= 2 * NEAR * best.largest / sampling.temperature)


def _scores(logits: Tensor, sampling: Sampling, position: int) -> Tensor:
    """Return the numbers of which the largest is the next token's."""
    if sampling.temperature <= 0:
        return logits
    scores = torch.log_softmax(logits / sampling.temperature, -1)
    if sampling.top_p < 1:
        ordered, order = scores.exp().sort(descending=True, stable=True)
        beyond = ordered.cumsum(-1) - ordered >= sampling.top_p  # the token that crosses top_p stays
        scores = scores.index_fill(0, order[beyond], -torch.inf)
    return scores + gumbel_noise(sampling.seed, position, scores.shape[0])


def _ends(model: Model) -> set[int]:
    found: set[int] = set()
    for given in (model.network.generation_config.eos_token_id, model.tokenizer.eos_token_id):
        # read from the model's folder, so values that are not integers are ignored
        found |= {one for one in (given if isinstance(given, list) else [given]) if isinstance(one, int)}
    return found


class _Pieces:
    """Converts ids to text, holding back the bytes of an incomplete character."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.shown = ""

    def add(self, token: int) -> str:
        self.ids.append(token)
        text = self.tokenizer.decode(self.ids, skip_special_tokens=True)
        if text.endswith("\ufffd"):
            return ""
        piece = text[len(self.shown):]
        self.shown = text
        return piece


def fit_prompt(model: Model, messages: list[Message], sampling: Sampling) -> Prompt:
    """Return the prompt with room for the answer: at most half of the model's longest input is kept free."""
    longest = model.longest
    return prompt_tokens(model, messages, sampling.most if longest is None else min(sampling.most, longest // 2))


def stream(model: Model, messages: list[Message], sampling: Sampling, stop: Event | None = None,
           prompt: Prompt | None = None) -> Generator[Token, None, str]:
    """Yield tokens as they are chosen; return how the answer ended. prompt: that of `fit_prompt`, if it is known.

    `end`: the model's own end token; `stopped`: `stop` was set; `length`: `most` tokens were generated, or the model's
    longest input was full, at least half of which is available to the prompt.
    """
    longest = model.longest
    prompt = fit_prompt(model, messages, sampling) if prompt is None else prompt
    most = sampling.most if longest is None else min(sampling.most, longest - len(prompt.tokens))
    pieces, ends = _Pieces(model.tokenizer), _ends(model)
    company = company_of(model)
    if most < 1:
        return "length"
    if stop is not None and stop.is_set():
        return "stopped"
    cache: Cache | Seat
    logits, cache = next_alone(model, torch.tensor([prompt.tokens], device=model.device), None)
    best: Best | None = None
    sociable = sampling.top_p >= 1  # what top_p leaves out can change with the last digit
    with company.joined() if sociable else nullcontext():
        for position in range(most):
            likeliest = best if sampling.temperature <= 0 else None
            token = likeliest.tokens[0] if likeliest else _choose(logits, sampling, position)
            if token in ends:
                return "end"
            text = pieces.add(token)
            yield _token(model, likeliest, text) if likeliest else _make_token(model, logits, token, text)
            if position + 1 == most:
                break
            if stop is not None and stop.is_set():
                return "stopped"
            given = torch.tensor([[token]], device=model.device)
            logits, cache, best = company.next(model, given, cache, alone=not sociable)
            if best is not None and _is_near(logits, best, sampling, position + 1):
                logits, cache = _again_alone(model, prompt.tokens, pieces.ids)
                best = None
    return "length"


def _again_alone(model: Model, prompt: list[int], written: list[int]) -> tuple[Tensor, Cache]:
    """Return what a single answer would have computed after these tokens, step by step as it would have."""
    logits, cache = next_alone(model, torch.tensor([prompt], device=model.device), None)
    for token in written:
        logits, cache = next_alone(model, torch.tensor([[token]], device=model.device), cache)
    return logits, cache


def _token(model: Model, best: Best, text: str) -> Token:
    """Return the likeliest token of a shared pass."""
    top = tuple(Candidate(index, model.tokenizer.decode([index]), chance)
                for index, chance in zip(best.tokens, best.probabilities, strict=True))
    return Token(best.tokens[0], text, best.probabilities[0], top)


def _make_token(model: Model, logits: Tensor, token: int, text: str) -> Token:
    probabilities = torch.softmax(logits, -1)
    best = probabilities.topk(min(TOP, probabilities.shape[0]))
    top = tuple(Candidate(index, model.tokenizer.decode([index]), chance)
                for chance, index in zip(best.values.tolist(), best.indices.tolist(), strict=True))
    return Token(token, text, float(probabilities[token]), top)


def answer(model: Model, messages: list[Message], sampling: Sampling | None = None, most: int | None = None,
           stop: Event | None = None) -> Answer:
    """Return a complete answer."""
    chosen = sampling or Sampling(most=most or Sampling.most)
    coming = stream(model, messages, chosen, stop)
    tokens: list[Token] = []
    while True:
        try:
            tokens.append(next(coming))
        except StopIteration as finished:
            return Answer("".join(token.text for token in tokens), tuple(tokens), finished.value)


def first_divergence(first: tuple[int, ...], second: tuple[int, ...]) -> int | None:
    """Return the position of the first token where two answers differ; None if they are equal."""
    for position, (left, right) in enumerate(zip(first, second, strict=False)):
        if left != right:
            return position
    return None if len(first) == len(second) else min(len(first), len(second))
