"""What the sliders over answers share, on the Overview and in the chat: words, where they lead, what they apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gblm_viz.amounts import format_duration
from gblm_viz.core.base.errors import GblmError
from gblm_viz.words import Words

from ..components.answer_slider import AnswerSlider, Live
from ..components.token_bars import MARKS
from ..visit.library import Visit
from ..visit.page import Page, bump
from ..visit.remembered import APPLY_TOOK
from ..work.apply import apply
from ..work.live_answer import applied_settings, has_share, live_key, methods_of, statistics_of, stops_of
from ..work.story_numbers import is_older
from .prune_text import applied_sentence

SLIDER_WORDS = ("headline", "right", "interval", "perplexity", "no_difference", "same", "different", "prompts",
                "methods", "sparsity", "right_until", "right_at", "wrong_from", "wrong_at", "same_until", "same_at",
                "other_from", "other_at", "join", "outside", "own_question", "ask", "not_measured_here", "live_gone",
                "live_bad", "live_busy", "live_failed", "apply", "apply_took", "apply_all", "elsewhere")
"""The words of the Overview that a slider fills in the browser."""
WORTH_TELLING = 2.0
"""Seconds from which on it is said how long applying took last."""


def live(visit: Visit, say: Words) -> Live | None:
    """Return what the slider leads to: live answers, or for other models what may be applied; None where it cannot."""
    key, settings = live_key(visit), applied_settings(visit)
    if key is None and (visit.session.applied is None or not has_share(settings)):
        return None
    methods = methods_of(settings, statistics_of(visit) is not None)
    model, seconds = visit.session.extra(APPLY_TOOK, (None, 0.0))
    took = format_duration(say, seconds) if model == visit.session.model and seconds >= WORTH_TELLING else ""
    return Live(key or "", {name: name for name in methods}, stops_of(settings),
                (settings.method, round(100 * settings.sparsity)), visit.model().layout.prunable, not is_older(visit),
                took)


def words_of(say: Words) -> dict[str, str]:
    """Return the sentences that the browser fills, and the sides' titles."""
    named = {side: f'{MARKS[side]} {say(f"compare.{side}")}' for side in ("dense", "pruned")}
    return {**{name: say.table("overview")[name] for name in SLIDER_WORDS}, **named}


def wire(page: Page, answers: AnswerSlider) -> None:
    """Let the slider's button apply the method and the sparsity at which it stands, the rest as it was applied last."""
    signals = page.signals

    def on_apply(visit: Visit, place: list[Any], applied: int, settings: int) -> Iterator[dict[Any, Any]]:
        method, share = place
        last = applied_settings(visit)
        if (not has_share(last) or method not in methods_of(last, visit.session.statistics is not None)
                or share not in stops_of(last)):
            raise GblmError("bad_event")
        masks = yield from apply(page, visit, replace(last.of_method(method), sparsity=share / 100))
        yield {page.status: page.note(applied_sentence(page.words, visit, masks)), signals.applied: bump(applied),
               signals.settings: bump(settings)}

    page.on_event(answers.apply, "place", "choice", on_apply, [signals.applied, signals.settings],
                  [signals.applied, signals.settings])
