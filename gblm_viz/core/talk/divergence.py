"""Where answers diverge: the tokens they share, and each model's next-token prediction after the same text.

Does not use masks or the interface; a pruned model is treated like any other.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from ..base.job import Job, Step
from ..base.lazy import torch
from ..model.models import Model
from .generate import Candidate
from .together import TOP

if TYPE_CHECKING:
    from torch import Tensor


def matching(first: Sequence[int], second: Sequence[int]) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Return for each token of both answers whether the other contains it in the same order (difflib's blocks)."""
    shared = ([False] * len(first), [False] * len(second))
    for block in SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks():
        shared[0][block.a : block.a + block.size] = [True] * block.size
        shared[1][block.b : block.b + block.size] = [True] * block.size
    return tuple(shared[0]), tuple(shared[1])


@dataclass(frozen=True)
class Next:
    """One model's prediction at one place: its likeliest tokens, the written token, the distance from the first model.

    `written` is None after the last token; `rank` is its rank among all tokens, 1 = the likeliest, 0 if there is no
    written token. `kl` = Σ p·ln(p/q) and `js` = ½ Σ p·ln(p/m) + ½ Σ q·ln(q/m), m = (p + q)/2, both in nats, with p the
    first model's probabilities and q this one's, at temperature 1 over all tokens. js is at most ln 2.
    """

    top: tuple[Candidate, ...]
    written: Candidate | None
    rank: int
    kl: float
    js: float


@dataclass(frozen=True)
class Predictions:
    """`places[place][model]`: each model's prediction after prompt + written[:place], over `vocabulary` tokens."""

    places: tuple[tuple[Next, ...], ...]
    vocabulary: int


@torch.no_grad()
def next_tokens(models: Sequence[Model], prompt: Sequence[int], written: Sequence[int]) -> Job[Predictions]:
    """Return every model's predictions at places 0 to len(written).

    Each model makes one pass over the whole text, so all see the same tokens, whichever model wrote them. Steps count
    models.
    """
    logarithms = []
    for done, model in enumerate(models):
        yield Step(done, len(models), "model")
        logarithms.append(_log_probabilities(model, [*prompt, *written], len(written) + 1))
    places = tuple(_place(models, [rows[place].double() for rows in logarithms],
                          written[place] if place < len(written) else None) for place in range(len(written) + 1))
    return Predictions(places, logarithms[0].shape[-1])


def _log_probabilities(model: Model, tokens: list[int], last: int) -> Tensor:
    """Return float32 (last, vocabulary): next-token log-probabilities after each of the `last` last tokens."""
    given = torch.tensor([tokens], device=model.device)
    # If the model supports it, only these rows go through the head: a long prompt's logits would fill the memory.
    fewer = {"logits_to_keep": last} if "logits_to_keep" in inspect.signature(model.network.forward).parameters else {}
    logits: Tensor = model.network(given, use_cache=False, **fewer).logits[0, -last:]
    return torch.log_softmax(logits.float().cpu(), -1)


def _place(models: Sequence[Model], rows: list[Tensor], written: int | None) -> tuple[Next, ...]:
    first = rows[0]
    found = []
    for model, row in zip(models, rows, strict=True):
        chances, best = row.exp(), row.topk(min(TOP, row.shape[0]))
        middle = torch.logaddexp(first, row) - torch.log(torch.tensor(2.0, dtype=row.dtype))
        kl = float((first.exp() * (first - row)).sum())
        js = float((first.exp() * (first - middle)).sum() + (chances * (row - middle)).sum()) / 2
        top = tuple(_candidate(model, int(token), float(chances[token])) for token in best.indices)
        came = None if written is None else _candidate(model, written, float(chances[written]))
        rank = 0 if written is None else 1 + int((row > row[written]).sum())
        found.append(Next(top, came, rank, max(0.0, kl), max(0.0, js)))  # rounding may give −1e-17
    return tuple(found)


def _candidate(model: Model, token: int, chance: float) -> Candidate:
    return Candidate(token, model.tokenizer.decode([token]), chance)
