"""Questions as an audience types them, and what the model makes of them.

A large language model wrote them, in several independent runs that had been told only what the model is about, and had
seen neither its training text nor its probes. They are no probes: there is no answer to compare with, so two readers
judge each answer by `RULES`. None is ever trained on. One half is open; the other, `kept`, is not read while the
training text is changed, so that it still tells what an audience will meet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gblm_viz.core.measure.evaluate import FREE
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk.generate import answer

RULES: Mapping[str, str] = {
    "right": "It answers what was asked, in the language of the question, and everything it says is true; a story is "
             "about the things that were asked for. Small slips of grammar do not count.",
    "declined": "In the language of the question it says that it does not know, cannot do this, or did not understand, "
                "or what it can be asked instead. A greeting or thanks answered by a friendly sentence is right, not "
                "declined.",
    "wrong": "Everything else: untrue, about something else, in the other language, broken off, or no language at all."}
"""Verdict → when a reader gives it."""
HALVES = ("open", "kept")
MOST = 96
"""Tokens of an answer, as on the page."""


@dataclass(frozen=True)
class FreeQuestion:
    """about: the skill that its writer had in mind, `other` for none that was announced; half: one of HALVES.

    answer: the model's, greedy; verdicts: each reader's, keys of RULES; both empty if it was not judged.
    """

    language: str
    question: str
    about: str
    half: str
    answer: str = ""
    verdicts: tuple[str, ...] = ()


def read(folder: Path, half: str = "") -> Iterator[FreeQuestion]:
    """Yield the questions in a model's folder of probes, of one half if it is named."""
    for file in sorted(folder.glob(f"{FREE}*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry: dict[str, Any] = json.loads(line)
            if half in ("", entry["half"]):
                yield FreeQuestion(file.stem.removeprefix(FREE), entry["question"], entry["about"], entry["half"],
                                   entry.get("answer", ""), tuple(entry.get("verdicts", ())))


def ask(model: Model, questions: Sequence[FreeQuestion]) -> Iterator[dict[str, str]]:
    """Yield each question with the model's greedy answer, as a reader needs them."""
    for one in questions:
        told = answer(model, [{"role": "user", "content": one.question}], most=MOST).text
        yield {"language": one.language, "about": one.about, "question": one.question, "answer": told}


def counts(questions: Sequence[FreeQuestion]) -> dict[str, float]:
    """Return how many were judged, the readers' verdicts as shares of all verdicts, and the share they agree on."""
    judged = [one for one in questions if one.verdicts]
    given = Counter(verdict for one in judged for verdict in one.verdicts)
    return {"judged": len(judged), **{name: round(given[name] / max(1, given.total()), 4) for name in RULES},
            "agreed": round(sum(len(set(one.verdicts)) == 1 for one in judged) / max(1, len(judged)), 4)}
