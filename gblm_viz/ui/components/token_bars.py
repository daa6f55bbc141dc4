"""Each model's next-token probabilities as small bars with numbers, and a sentence on how far apart they are.

Knows predictions and words; no component, and not how predictions are computed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gblm_viz.core.talk.divergence import Next
from gblm_viz.core.talk.generate import Candidate
from gblm_viz.words import Words

from .templates import render

MARKS = {"dense": "●", "pruned": "▲", "third": "■"}

CONTEXT = 48
"""Number of characters shown of the text before the token."""


@dataclass(frozen=True)
class _Bar:
    """One token as it is drawn; `width` in percent; `came`: who wrote it, "" if nobody did."""

    rank: str
    piece: str
    width: str
    percentage: str
    came: str


@dataclass(frozen=True)
class _Column:
    """One model's bars."""

    side: str
    caption: str
    bars: Sequence[_Bar]


def visible_text(text: str, token: int) -> str:
    """Return a token's text with visible white space; its number if it has no text or is a part of a character."""
    if not text or "\ufffd" in text:
        return f"#{token}"
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def bars_html(say: Words, side: str, number: int, before: str, seen: Mapping[str, Next], vocabulary: int,
              made: Mapping[str, str]) -> str:
    """Return the HTML of the bars for a clicked token of an answer.

    side: whose answer was clicked; number: the token's, 1-based; before: the answer up to it; seen: predictions by
    side. made: side → what made its model; it and the numbers behind the bars are included for saving the picture.
    """
    text = before if len(before) <= CONTEXT else "…" + before[-CONTEXT:]
    title = say("chat.bars.title" if before else "chat.bars.title_first", number=number, before=text.replace("\n", "⏎"),
                name=say(f"chat.sides.{side}"))
    by_side = "; ".join(f"{MARKS[one]} {say(f'chat.sides.{one}')}: {made[one]}" for one in seen if one in made)
    return render("components/token_bars.html", say=say, title=title, made=by_side,
                  numbers=json.dumps(numbers(say, side, seen), ensure_ascii=False),
                  columns=[_column(say, one, found, side) for one, found in seen.items()],
                  sentences=[distance_sentence(say, one, found, vocabulary) for one, found in seen.items()
                             if one != "dense"])


def numbers(say: Words, author: str, seen: Mapping[str, Next]) -> list[list[str | int | float]]:
    """Return a header row and one row per bar: model, rank, token's number and text, probability, who wrote it."""
    rows: list[list[str | int | float]] = [
        [say(f"chat.bars.{name}") for name in ("model", "rank", "number", "token", "probability", "came")]]
    for side, found in seen.items():
        for rank, one in _ranked_tokens(found):
            came = found.written is not None and found.written.token == one.token
            rows.append([say(f"chat.sides.{side}"), rank, one.token, visible_text(one.text, one.token), one.probability,
                         say("chat.bars.written", name=say(f"chat.sides.{author}")) if came else ""])
    return rows


def _ranked_tokens(found: Next) -> list[tuple[int, Candidate]]:
    """Return (rank, token) of the likeliest tokens, and of the written one if it is not among them."""
    ranked = list(enumerate(found.top, start=1))
    if found.written is not None and found.rank > len(found.top):
        ranked.append((found.rank, found.written))
    return ranked


def distance_sentence(say: Words, side: str, found: Next, vocabulary: int) -> str:
    """Return a sentence with KL and JS against the dense model and what the number means."""
    name = say(f"chat.sides.{side}")
    numbers = {"name": name, "kl": f"{found.kl:.2f}", "js": f"{found.js:.2f}", "vocabulary": f"{vocabulary:,}"}
    if found.kl < 0.005:
        return say("chat.bars.alike", **numbers)
    times = math.exp(min(found.kl, 700.0))
    return say("chat.bars.kl", **numbers, times=f"{times:.2f}" if times < 10 else f"{times:,.0f}")


def _column(say: Words, side: str, found: Next, author: str) -> _Column:
    bars = [_bar(say, rank, one, found.written, author) for rank, one in _ranked_tokens(found)]
    return _Column(side, f"{MARKS[side]} {say(f'chat.sides.{side}')}", bars)


def _bar(say: Words, rank: int, one: Candidate, written: Candidate | None, author: str) -> _Bar:
    """author: the side whose answer contains the written token, whatever this side would have written."""
    came = written is not None and written.token == one.token
    return _Bar(f"{rank:,}", visible_text(one.text, one.token), f"{100 * one.probability:.1f}",
                percentage(one.probability),
                say("chat.bars.written", name=say(f"chat.sides.{author}")) if came else "")


def percentage(chance: float) -> str:
    """Return a probability in percent with up to two decimals; below 0.01 % as "< 0.01 %", never as 0."""
    share = 100 * chance
    return "< 0.01 %" if share < 0.01 else f"{share:.2f} %" if share < 1 else f"{share:.1f} %"
