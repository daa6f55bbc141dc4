"""One side's answers: growing text while it is generated, then tokens to click or step through with arrow keys.
Independent of model and language: the tokens and all text are in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = '<div class="chat" role="log" aria-live="polite"></div>'


@dataclass(frozen=True)
class Bubble:
    """One question and its answer. tokens: their texts, "" for a part of a character; same: whether the other answer
    has each token too, None = not compared; parting: index of the first differing token, len(tokens) = this answer's
    end; growing: it is still being written."""

    asked: str
    tokens: Sequence[str]
    same: Sequence[bool] | None = None
    parting: int | None = None
    growing: bool = False


class ChatPane(OwnComponent):
    """Its value is what `pane_value` returns. Event `select` with `place`: [bubble, token]; the index after the last
    token means the token that would have come next."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.chat_pane.pane_value"


def pane_value(bubbles: Sequence[Bubble], look: str, words: Mapping[str, str], *, stale: bool = False,
               open_tokens: bool = True) -> dict[str, Any]:
    """Return a value for ChatPane. look: dense, pruned, third, or hidden to conceal which model wrote the answers.

    words: empty, log (the pane's name), answer (the list's name), part, next. open_tokens False: the tokens cannot be
    selected.
    """
    return {"bubbles": [_bubble(bubble) for bubble in bubbles], "look": look, "words": dict(words), "stale": stale,
            "open": open_tokens}


def _bubble(bubble: Bubble) -> dict[str, Any]:
    if not bubble.growing:
        return {"asked": bubble.asked, "tokens": list(bubble.tokens), "parting": bubble.parting,
                "same": None if bubble.same is None else [int(one) for one in bubble.same]}
    parting = None if bubble.parting is None else len("".join(bubble.tokens[: bubble.parting]))
    piece = 0 if bubble.parting is None else len("".join(bubble.tokens[bubble.parting : bubble.parting + 1]))
    return {"asked": bubble.asked, "growing": "".join(bubble.tokens),
            "mark": None if parting is None else [parting, parting + piece]}
