"""The example at other sparsities and with other methods, shipped as text and numbers in assets/example/stops.json, so
that the first screen's answers follow a slider before any model is loaded.

`python -m gblm_viz.ui.work.stops` makes the file again; a test compares some of it with a run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from gblm_viz.core.base.intervals import paired_difference
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.words import LANGUAGES, words

from ..visit.library import Library
from . import work
from .example import FILE, PROMPTS, SETTINGS, answers, example_session

STOPS_FILE = FILE.with_name("stops.json")
METHODS = ("magnitude", "wanda", "gblm")
SPARSITIES = tuple(range(0, 95, 5))
"""Percent."""


@cache
def shipped_stops() -> dict[str, Any]:
    """Return what `make` returned when the file was made."""
    found: dict[str, Any] = json.loads(STOPS_FILE.read_text(encoding="utf-8"))
    return found


def settings_at(method: str, percent: int) -> Settings:
    """Return the example's settings with another method and sparsity."""
    return replace(SETTINGS.of_method(method), sparsity=percent / 100)


def make(library: Library, methods: Iterable[str] = METHODS,
         sparsities: Iterable[int] = SPARSITIES) -> dict[str, Any]:
    """Prune the example's model in every way, let each copy answer the first screen's prompts, and measure it.

    Lists have a value for each sparsity. `probes`: right answers; `perplexity`: of the held-out text, null if infinite;
    `differs`: whether its 95 % interval against the dense model's excludes no difference.
    """
    session = example_session(library)
    model, statistics = library.get(session.model), library.get(session.statistics)
    held, probes = library.get(session.held_out), work.probes_of(model)
    prompts = {language: [words(language)(f"overview.{name}") for name in PROMPTS] for language in LANGUAGES}
    dense = run(evaluate.perplexity(model, held))
    asked = run(evaluate.ask_probes(model, probes)).total
    sparsities = tuple(sparsities)
    found: dict[str, Any] = {
        "model_key": model.key, "prunable": model.layout.prunable, "sparsities": list(sparsities),
        "dense": {"probes": [asked.right, asked.total], "perplexity": dense.value,
                  "answers": {language: [answers(model, prompt) for prompt in given]
                              for language, given in prompts.items()}},
        "prompts": prompts, "windows": held.count, "length": held.length, "methods": {}}
    for method in methods:
        one: dict[str, Any] = {name: [] for name in ("removed", "probes", "interval", "perplexity", "differs")}
        one["answers"] = {language: [[] for _ in given] for language, given in prompts.items()}
        for percent in sparsities:
            masks = run(prune.masks(model, statistics, settings_at(method, percent)))
            pruned = prune.pruned(model, masks)
            total, lost = run(evaluate.ask_probes(pruned, probes)).total, run(evaluate.perplexity(pruned, held))
            between = paired_difference(dense.losses, lost.losses).interval
            one["removed"].append(masks.removed)
            one["probes"].append(total.right)
            one["interval"].append([round(end, 4) for end in asdict(total.interval).values()])
            one["perplexity"].append(float(f"{lost.value:.5g}") if math.isfinite(lost.value) else None)
            one["differs"].append(not between.low <= 0 <= between.high)
            for language, given in prompts.items():
                for told, prompt in zip(one["answers"][language], given, strict=True):
                    told.append(answers(pruned, prompt))
        found["methods"][method] = one
    return found


def main() -> None:
    STOPS_FILE.write_text(json.dumps(make(Library()), ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
