"""What two models make of one window of text, token by token: each token's loss, and what would have stood there.

Knows nothing of methods and masks: the second model may be any that has the first one's tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..model.models import Model
from ..text.calibration import CalibrationSet
from ..text.tokens import token_texts
from .evaluate import ranks


@dataclass(frozen=True)
class Foretold:
    """One model before one token. `loss`: nats, −ln of the probability it gave the token that came; `best`: the text of
    the token it held most likely, with that one's probability; `rank`: the place of the one that came, 1 = `best`."""

    loss: float
    rank: int
    best: str
    best_probability: float


@dataclass(frozen=True)
class TokenLoss:
    """One token of a window as it is read (see pull.token_texts), and both models before it.

    `first` and `second` are None for the window's first token, which nothing foretells.
    """

    text: str
    first: Foretold | None
    second: Foretold | None

    @property
    def difference(self) -> float:
        """Nats: how much worse the second foretold it; 0 for the first token."""
        return 0.0 if self.first is None or self.second is None else self.second.loss - self.first.loss


def token_losses(first: Model, second: Model, windows: CalibrationSet, index: int) -> tuple[TokenLoss, ...]:
    """Every token of one window. The losses' mean over the window is core.evaluate's loss of it."""
    tokens = windows.sample(index)
    pairs = zip(foretold(first, tokens), foretold(second, tokens), strict=True)
    start, *rest = token_texts(first, windows, index)
    return (TokenLoss(start, None, None), *(TokenLoss(text, *pair) for text, pair in zip(rest, pairs, strict=True)))


@torch.no_grad()
def foretold(model: Model, tokens: Tensor) -> tuple[Foretold, ...]:
    """The length−1 predictions of one window, in float32. tokens int64 (length,)."""
    given = tokens.to(model.device)
    logits = model.network(given[None], use_cache=False).logits[0, :-1].float()
    losses = F.cross_entropy(logits, given[1:], reduction="none")
    best = torch.softmax(logits, -1).max(-1)
    places = ranks(logits, given[1:])
    return tuple(Foretold(loss, place, str(model.tokenizer.decode([token])), probability) for loss, place, token,
                 probability in zip(losses.tolist(), places.tolist(), best.indices.tolist(), best.values.tolist(),
                                    strict=True))
