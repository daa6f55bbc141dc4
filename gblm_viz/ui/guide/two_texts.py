"""Two calibration texts, one method: the model is pruned once from each, and asked about the skill of each.

Which two is read from what was measured of the bundled model (assets/pocket/steering.json); what is told of them is
measured here, in this run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from threading import Event
from typing import Any

from gblm_viz.core.base.intervals import PairedShare, paired_share
from gblm_viz.core.base.job import Job, run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.shipped import ASSETS
from gblm_viz.words import FIRST

from ..visit.keys import StatisticsKey, TwoTextsKey
from ..visit.library import Library, Visit
from ..visit.text_choice import TextChoice
from ..work import work

FILE = ASSETS / "pocket" / "steering.json"
SKILL_TEXT = "skill_{skill}.txt"


@dataclass(frozen=True)
class Pair:
    """The two skills; each has a text of its own and probes."""

    a: str
    b: str

    @property
    def files(self) -> tuple[str, str]:
        return SKILL_TEXT.format(skill=self.a), SKILL_TEXT.format(skill=self.b)


@dataclass(frozen=True)
class TwoTexts:
    """right[text][skill]: the answers after the first or second text to the first or second skill's questions, of
    those that the dense model answers rightly."""

    pair: Pair
    right: tuple[tuple[tuple[bool, ...], ...], ...]

    @property
    def of_first(self) -> PairedShare:
        """The first skill's questions: right after the second text (before), after the first text (after)."""
        return paired_share(self.right[1][0], self.right[0][0])


@cache
def measured_rows() -> Mapping[str, Any]:
    """Return the shipped table: skill × text."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def pair_of(model: Model, language: str, settings: Settings) -> Pair | None:
    """Return the skills whose texts differ most in what they protect; None for another model, or fewer than two.

    Of the page's language, English if it has fewer than two with a text.
    """
    table = measured_rows()
    if table["model_key"] != model.key:
        return None
    known = {entry["file"] for entry in work.bundled_texts() if entry["kind"] == "skill"}
    rows = {row["text"]: row["skills"] for row in table["rows"]
            if row["method"].startswith(settings.method) and float(row["sparsity"]) == settings.sparsity
            and SKILL_TEXT.format(skill=row["text"]) in known and row["text"] in table["dense"]}
    own = [skill for skill in rows if skill.endswith(f"_{language}")]
    skills = own if len(own) > 1 else [skill for skill in rows if skill.endswith(f"_{FIRST}")]

    def kept(text: str, skill: str) -> float:
        return float(rows[text][skill][0] / max(1, table["dense"][skill][0]))

    pairs = [(kept(a, a) - kept(b, a) + kept(b, b) - kept(a, b), a, b) for a in skills for b in skills if a != b]
    return Pair(*max(pairs, key=lambda one: one[0])[1:]) if pairs else None


def choice_of(visit: Visit, pair: Pair, which: int) -> TextChoice:
    """Return the visitor's choice with one of the two texts, all its samples."""
    file = pair.files[which]
    return replace(visit.session.text, text=work.read_bundled(file), name=file, dropped=frozenset())


def key_of(visit: Visit, pair: Pair, settings: Settings) -> TwoTextsKey:
    return TwoTextsKey(visit.session.model, visit.session.statistics, pair.files, settings)


def compare_job(visit: Visit, pair: Pair, settings: Settings) -> Job[TwoTexts]:
    """Collect on the second text, prune from both, ask both copies. The first text's statistics are the visitor's."""
    library, model = visit.library, visit.model()
    samples, held_out = work.samples_of(model, choice_of(visit, pair, 1))
    other = yield from work.collect_job(library, model, samples, held_out, Event())
    probes = {skill: tuple(probe for probe in work.probes_of(model) if probe.skill == skill)
              for skill in (pair.a, pair.b)}
    asked = tuple(probe for each in probes.values() for probe in each)
    known = yield from evaluate.ask_probes(model, asked)
    able = tuple(one.probe for one in known.verdicts if one.right)
    right = []
    for key in (visit.session.statistics, other):
        verdicts = (yield from _after(library, model, key, settings, able)).verdicts
        right.append(tuple(tuple(one.right for one in verdicts if one.probe.skill == skill)
                           for skill in (pair.a, pair.b)))
    return TwoTexts(pair, tuple(right))


def _after(library: Library, model: Model, key: StatisticsKey | None, settings: Settings,
           probes: tuple[evaluate.Probe, ...]) -> Job[evaluate.ProbeResult]:
    statistics: Statistics = library.get(key)
    copy = prune.pruned(model, run(prune.dense_masks(model, statistics, settings)))
    return (yield from evaluate.ask_probes(copy, probes))
