"""A step as the panel shows it: its texts with this run's numbers, what is met, and what the page's script opens."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from string import Formatter
from typing import Any

from gblm_viz.words import Words

from ..components.skill_name import skill_name
from . import measures
from .conditions import Now, Standing, is_met
from .readings import Run, both_texts
from .ways import CHOICES, SETTINGS, Guess, Setup, Step, Way

ASKED_FIRST = ("title", "text", "ask", "hint", "do")
PERCENT = {"%": 100, "count": 1}
"""Unit → what a measure is multiplied by for it."""


def way_list(say: Words, found: Mapping[str, Way]) -> list[dict[str, Any]]:
    """Return the ways for the panel: names, what each is about, the titles of its steps."""
    return [{"name": name, "title": say(f"guide.ways.{name}"), "about": say(f"guide.ways.{name}_about"),
             "steps": [say(f"guide.{step.name}.title") for step in way.steps]} for name, way in found.items()]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the fields that have a value filled in; the others stay for the page's script."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def step_value(step: Step, now: Now, controls: Mapping[str, Any], *, ready: bool, guessed: bool) -> dict[str, Any]:
    """Return the value of the panel. controls: of the page, by element id; ready: the step is set up; guessed: the
    guess was given, or none is asked, so that what comes after it may be told.

    `turn` makes each value another one, so that its coming is always seen.
    """
    run, lacks, guess = now.run, now.began.lacks, step.guess
    met = [False if one.of_page or not ready else is_met(now, one) for one in step.done]
    whole = guessed and ready and all(one.of_page or done for one, done in zip(step.done, met, strict=True))
    shown = step.then if guessed and step.then is not None else step.start
    return {"step": step.name, "turn": time.monotonic_ns(), "guessed": guessed, "ready": ready,
            "lacks": _lacks(run.say, lacks), "texts": _texts(step, run, whole, not ready and not lacks),
            "guess": None if guess is None else _guess(guess, run),
            "settled": _settled(guess, run, whole) if guessed and ready and guess is not None else None,
            "done": [{"kind": one.kind, "target": one.target, "least": one.at_least, "most": one.at_most,
                      "page": one.of_page, "met": done} for one, done in zip(step.done, met, strict=True)],
            "place": _place(shown if shown.tab else step.start, shown, controls), "cover": step.cover,
            "moved": ready and not lacks and has_moved(step, now), "table": _table(run) if whole else None}


def has_moved(step: Step, now: Now) -> bool:
    """Return whether the visitor has since changed what the step had set, other than what it asks to change."""
    session, began = now.run.visit.session, now.began
    asked = {one.control for one in step.done}
    if began.settings is not None and any(
            getattr(session.settings, name) != getattr(began.settings, name)
            for name in SETTINGS if name not in asked):
        return True
    return began.selection is not None and session.selection != began.selection


def _lacks(say: Words, lacks: str) -> str:
    if not lacks:
        return ""
    return say("guide.frame.no_weight") if lacks == "weight" else say(f"guide.frame.needs_{lacks}")


def _texts(step: Step, run: Run, whole: bool, waiting: bool) -> dict[str, str]:
    """Return the step's texts; `after` is empty until all that it tells of is there. A text whose numbers are not there
    is empty, and the step's own says in its place whether they are being made (`waiting`)."""
    own, tell = run.say.table(f"guide.{step.name}"), dict(step.tell)

    def filled(text: str) -> str | None:
        names = [name for _, name, _, _ in Formatter().parse(text) if name in tell]
        values = {name: measures.written(run, tell[name]) for name in names}
        known = {name: value for name, value in values.items() if value is not None}
        return fill(text, known) if len(known) == len(values) else None

    found = {name: filled(own[name]) or "" for name in (
        *ASKED_FIRST, *(f"choice_{letter}" for letter in CHOICES)) if name in own}
    found["text"] = found["text"] or run.say("guide.frame.preparing" if waiting else "guide.frame.no_number")
    after = filled(own["after"]) or run.say("guide.frame.no_number") if whole else ""
    return {**found, "after": after}


def _guess(guess: Guess, run: Run) -> dict[str, Any]:
    def end(value: float | str) -> Any:
        return measures.read(run, value) if isinstance(value, str) else value

    return {"kind": guess.kind, "low": end(guess.low), "high": end(guess.high), "step": guess.step,
            "unit": guess.unit, "near": guess.near}


def _settled(guess: Guess, run: Run, whole: bool) -> dict[str, Any] | None:
    """Return {"right": letter} or {"found": number}; {} if the run gives no answer; None while it is measured."""
    if guess.right:
        return {"right": guess.right}
    value = measures.read(run, guess.number)
    if value is None:
        return {} if whole else None
    return {"right": value} if guess.kind == "choice" else {"found": value * PERCENT[guess.unit]}


def _place(where: Setup, shown: Setup, controls: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the script opens, sets and frames. A choice is named by its label, which is what the page shows."""
    show = []
    for name, value in shown.show:
        labels = [label for label, one in getattr(controls[name], "choices", None) or () if one == value]
        show.append({"id": name, "value": value, "label": labels[0] if labels else ""})
    return {"tab": where.tab, "panel": where.panel, "view": where.view, "show": show, "highlight": shown.highlight}


def _table(run: Run) -> dict[str, Any] | None:
    """Return the guide's own table of two texts, once it is measured."""
    found = both_texts(run)
    if found is None:
        return None
    say, names = run.say, [skill_name(run.say, skill) for skill in (found.pair.a, found.pair.b)]
    rows = [[name, *(say("guide.two_texts.kept", right=sum(answers), n=len(answers)) for answers in found.right[text])]
            for text, name in enumerate(names)]
    heads = [say("guide.two_texts.collected_on"), *(say("guide.two_texts.asked", skill=name) for name in names)]
    return {"title": say("guide.two_texts.title"), "heads": heads, "rows": rows, "note": say("guide.two_texts.note")}


def closed() -> dict[str, Any]:
    """Return the value before a step is shown."""
    return {"step": ""}


NOWHERE = Standing()
