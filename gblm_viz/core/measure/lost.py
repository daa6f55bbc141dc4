"""Two models' predictions on one window of text: each token's loss, and the token each model held most likely.

Independent of methods and masks: the second model may be any that has the first one's tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.lazy import F, torch
from ..model.models import Model
from ..text.calibration import CalibrationSet
from ..text.tokens import token_texts
from .evaluate import ranks

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TokenPrediction:
    """One model's prediction of one token. `loss`: −ln of the actual token's probability, nats; `best`: the text of the
    most likely token, with its probability; `rank`: the actual token's rank, 1 = `best`."""

    loss: float
    rank: int
    best: str
    best_probability: float


@dataclass(frozen=True)
class TokenLoss:
    """One token of a window as readable text (see text.tokens.token_texts), and both models' predictions of it.

    `first` and `second` are None for the window's first token, which has no prediction.
    """

    text: str
    first: TokenPrediction | None
    second: TokenPrediction | None

    @property
    def difference(self) -> float:
        """The second model's loss minus the first's, nats; 0 for the window's first token."""
        return 0.0 if self.first is None or self.second is None else self.second.loss - self.first.loss


def token_losses(first: Model, second: Model, windows: CalibrationSet, index: int) -> tuple[TokenLoss, ...]:
    """Return every token of one window. The mean of the losses is the window's loss in core.measure.evaluate."""
    tokens = windows.sample(index)
    pairs = zip(predict_tokens(first, tokens), predict_tokens(second, tokens), strict=True)
    start, *rest = token_texts(first, windows, index)
    return (TokenLoss(start, None, None), *(TokenLoss(text, *pair) for text, pair in zip(rest, pairs, strict=True)))


@torch.no_grad()
def predict_tokens(model: Model, tokens: Tensor) -> tuple[TokenPrediction, ...]:
    """Return the length − 1 predictions of one window, in float32. tokens int64 (length,)."""
    given = tokens.to(model.device)
    logits = model.network(given[None], use_cache=False).logits[0, :-1].float()
    losses = F.cross_entropy(logits, given[1:], reduction="none")
    best = torch.softmax(logits, -1).max(-1)
    places = ranks(logits, given[1:])
    return tuple(TokenPrediction(loss, place, str(model.tokenizer.decode([token])), probability) for loss, place, token,
                 probability in zip(losses.tolist(), places.tolist(), best.indices.tolist(), best.values.tolist(),
                                    strict=True))
