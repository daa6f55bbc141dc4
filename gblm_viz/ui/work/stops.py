"""The example at other sparsities and with other methods, shipped as text and numbers in assets/example/stops_*.json:
the first screen's answers follow a slider before any model is loaded.

`python -m gblm_viz.ui.work.stops` makes the files again; a test compares some of them with a run.
"""

from __future__ import annotations

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
from gblm_viz.words import FIRST

from ..visit.library import Library
from . import work
from .example import (
    SETTINGS,
    answers,
    example_prompts,
    example_session,
    made_languages,
    read_shipped,
    write_shipped,
)

METHODS = ("magnitude", "wanda", "gblm")
SPARSITIES = tuple(range(0, 95, 5))
"""Percent."""


@cache
def shipped_stops(language: str = FIRST) -> dict[str, Any]:
    """Return what `make` returned when the file for a page in this language was made."""
    return read_shipped("stops", language)


def settings_at(method: str, percent: int) -> Settings:
    """Return the example's settings with another method and sparsity."""
    return replace(SETTINGS.of_method(method), sparsity=percent / 100)


def make(library: Library, language: str = FIRST, methods: Iterable[str] = METHODS,
         sparsities: Iterable[int] = SPARSITIES) -> dict[str, Any]:
    """Prune the example's model in every way, let each copy answer the first screen's prompts, and measure it.

    Lists have a value for each sparsity. `probes`: right answers; `perplexity`: of the held-out text, null if infinite;
    `differs`: whether its 95 % interval against the dense model's excludes no difference.
    """
    session = example_session(library, language)
    model, statistics = library.get(session.model), library.get(session.statistics)
    held, probes = library.get(session.held_out), work.probes_of(model)
    prompts = example_prompts(language)
    dense = run(evaluate.perplexity(model, held))
    asked = run(evaluate.ask_probes(model, probes)).total
    sparsities = tuple(sparsities)
    found: dict[str, Any] = {
        "model_key": model.key, "prunable": model.layout.prunable, "sparsities": list(sparsities),
        "dense": {"probes": [asked.right, asked.total], "perplexity": dense.value,
                  "answers": [answers(model, prompt) for prompt in prompts]},
        "prompts": prompts, "windows": held.count, "length": held.length, "methods": {}}
    for method in methods:
        one: dict[str, Any] = {name: [] for name in ("removed", "probes", "interval", "perplexity", "differs")}
        one["answers"] = [[] for _ in prompts]
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
            for told, prompt in zip(one["answers"], prompts, strict=True):
                told.append(answers(pruned, prompt))
        found["methods"][method] = one
    return found


def main() -> None:
    library = Library()
    for language in made_languages():
        write_shipped("stops", language, make(library, language))


if __name__ == "__main__":
    main()
