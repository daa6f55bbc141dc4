"""A window of text as a strip of tokens, coloured and underlined by how much worse the second model predicts each.
Independent of model and language: losses and all text are in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gblm_viz.core.measure.lost import TokenLoss, TokenPrediction

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="loss-strip">
  <p class="strip-title"></p>
  <div class="strip-tokens" role="listbox" dir="auto"></div>
  <p class="strip-legend"></p>
  <div class="strip-told" aria-live="polite">
    <p class="strip-sentence"></p><table><thead></thead><tbody></tbody></table>
  </div>
</div>
"""
FULL = 3.0
"""Difference in nats from which a token has the full colour; the same for all windows, to make them comparable."""
STRONGEST = 3
"""Number of tokens marked as those with the largest loss increase."""


class LossStrip(OwnComponent):
    """Its value is what `strip_value` returns. Event `select` to go to another window: `step`, −1 or 1."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.loss_strip.strip_value"


def strip_value(tokens: Sequence[TokenLoss], words: Mapping[str, str], title: str, made: str) -> dict[str, Any]:
    """Return a value for LossStrip. words: the table lost.strip; title: a sentence about the window; made: what made
    the pruned model, for saving the picture.

    Its `start`: the token focused first, with the largest increase; `strongest`: the STRONGEST largest, in order.
    """
    order = sorted(range(len(tokens)), key=lambda place: -tokens[place].difference)
    strongest = [place for place in order[:STRONGEST] if tokens[place].difference > 0]
    return {"tokens": [{"text": token.text, "difference": token.difference, "dense": _side(token.first),
                        "pruned": _side(token.second)} for token in tokens],
            "start": order[0] if order else 0, "strongest": strongest, "full": FULL, "words": dict(words),
            "title": title, "made": made}


def _side(foretold: TokenPrediction | None) -> dict[str, Any] | None:
    return None if foretold is None else {"loss": foretold.loss, "rank": foretold.rank, "best": foretold.best,
                                          "best_probability": foretold.best_probability}
