"""Small values that a tab remembers for its visitor, each named and typed here once.

Where the class of a value lies in a room after this one, the type is Any, and the function that reads it says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gblm_viz.core.mask.settings import Settings

from .keys import MasksKey, OwnProbesKey, SweepKey

T = TypeVar("T")


@dataclass(frozen=True)
class Remembered(Generic[T]):
    """The name of a value of type T in `Session.extras`."""

    name: str


RUNS = Remembered[tuple[Any, ...]]("runs")
"""The rows of the visit's list of runs, one for each Apply that was measured."""
DRAWS = Remembered[int]("draws")
"""Number of draws of the text to compare on."""
SAVED = Remembered[dict[MasksKey | None, dict[str, Any]]]("saved")
"""Bytes and links of the saved copies, by their masks."""
APPLY_TOOK = Remembered[tuple[Any, float]]("apply_took")
"""The model's key, and how many seconds its last masks and copy took to make."""
REPORT = Remembered[dict[str, Any]]("report")
"""The last report: its run's number, whether it includes the visitor's own words, and its links."""
REPORT_OFFERED = Remembered[tuple[str, ...]]("report_offered")
"""The chat's questions that were offered for the report."""
OWN_PROBES = Remembered[OwnProbesKey]("own_probes")
SHOWN_PROBES = Remembered[tuple[Any, Any]]("lost_probes")
"""The set of probes that is shown, and which of them."""
SWEEP = Remembered[tuple[SweepKey | None, tuple[Settings, ...]]]("sweep")
"""The sweep that is shown: its task's key and its points."""

TEXT_MOVED = Remembered[bool]("text_moved")
"""Whether the text has changed since the last collection."""
KEEP_IN = Remembered[str]("keep_in")
"""The folder that was typed for the statistics."""
KEPT_IN = Remembered[str]("kept_in")
"""The folder that the last collection was written to."""

CHAT = Remembered[Any]("chat")
CHAT_LOG = Remembered[Any]("chat_log")
"""All questions that the models on screen were asked since the chat was cleared; `CHAT` holds the ones in sight."""
CHAT_EDIT = Remembered[bool]("chat_edit")
"""Whether the next question replaces the last one."""
PICKED = Remembered[tuple[int, int, int] | None]("picked")
"""The token that was clicked in an answer: side, turn, place."""
THIRD = Remembered[Any]("third")
"""The third model, or None."""
BLIND = Remembered[bool]("blind")
BLIND_ROUND = Remembered[Any]("blind_round")
"""The question that is being judged, or None."""
BLIND_QUESTIONS = Remembered[int]("blind_questions")
VOTES = Remembered[tuple[Any, ...]]("votes")

ALL_EXPERTS = Remembered[bool]("all_experts")
PATTERNS_ORDER = Remembered[str | None]("patterns_order")
"""The order of the columns on the Patterns tab."""
PATTERNS_SEED = Remembered[int]("patterns_seed")
"""The seed of the shuffled mask that is shown."""
PATTERNS_PANEL = Remembered[str]("patterns_panel")
"""The inner tab of the Patterns tab that was opened last."""
WEIGHT_HAND = Remembered[Any]("weight_hand")
"""The row of weights that is being edited by hand."""
WEIGHT_ASKED = Remembered[tuple[Any, tuple[Any, ...]]]("weight_asked")
"""A weight's place, and how the answer changed with each of its targets set to zero."""

GUIDE_TEXT = Remembered[Any]("guide_text")
"""The calibration text that a step of the guide chose."""

ACCEPTED = Remembered[tuple[float, float]]("accepted")
"""What the visitor accepts to lose: the fraction of the right answers, and the fraction of perplexity added."""
BEYOND_RUNS: tuple[Remembered[Any], ...] = (RUNS, ACCEPTED, OWN_PROBES)
"""What belongs to no single run, and stays when another one begins."""
