"""What blind votes say, as sentences: for the chat and the report. Gets counted votes; counts nothing."""

from __future__ import annotations

from collections.abc import Sequence

from gblm_viz.core.keep.run import VoteRow
from gblm_viz.figures.charts import percent
from gblm_viz.words import Words

from .token_bars import MARKS


def preference_words(say: Words, rows: Sequence[VoteRow]) -> list[str]:
    """Return how often each side was preferred, with n, the interval, and what can be concluded; rows: of one set of
    models, with at least one vote."""
    told = [say("chat.blind.tally", name=f"{MARKS[one.side]} {say(f'chat.sides.{one.side}')}", k=one.preferred,
                n=one.votes, low=percent(one.low, 0), high=percent(one.high, 0),
                verdict=say(f"chat.blind.verdict.{one.verdict}", chance=percent(one.chance, 0))) for one in rows]
    first = rows[0]
    return [*told, say("chat.blind.counted", votes=first.votes + first.ties, questions=first.questions,
                       ties=first.ties)]
