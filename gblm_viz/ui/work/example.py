"""The finished example of the first screen: shipped as numbers in assets/example, recomputed like a visitor's work.

Each language has its own, calibrated on its own text. `python -m gblm_viz.ui.work.example` makes the shipped files
again; a test compares them with the results of a run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from safetensors.numpy import load_file, save_file

from gblm_viz.core.base.intervals import paired_difference
from gblm_viz.core.base.job import run
from gblm_viz.core.look import fields
from gblm_viz.core.look.cells import Array
from gblm_viz.core.look.gradient_sums import GradientSummary, gradient_summaries
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import tolerance, won
from gblm_viz.core.measure.evaluate import ProbeResult, Verdict, perplexity_of
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.talk.generate import Sampling, answer
from gblm_viz.shipped import ASSETS
from gblm_viz.words import FIRST, LANGUAGES, words

from ..visit.keys import HeldOutKey, PerplexityKey, ProbesKey, PrunedKey
from ..visit.library import Library
from ..visit.session import Session
from ..visit.text_choice import TextChoice
from . import work

FOLDER = ASSETS / "example"
SETTINGS = Settings("gblm", "l1", Alpha("share", 0.5), "row", 0.5, "", "dense")
"""The default settings on the pocket model, chosen to show the effect; assets/example/README.md gives the reasons."""
PROMPTS = ("prompt_1", "prompt_2", "prompt_3")
LONGEST_ANSWER = 96


def example_text(language: str) -> TextChoice:
    """Return the text of this language that the example is calibrated on: the pocket model's own kind, chats."""
    name = f"chat_{language}.txt"
    return TextChoice(work.read_bundled(name), name)


def shipped_file(name: str, language: str) -> Path:
    """Return the file of this language that `name` (example, stops, sweep) is shipped in."""
    return FOLDER / f"{name}_{language}.json"


def read_shipped(name: str, language: str) -> dict[str, Any]:
    """Return what is shipped under this name for a page in this language."""
    found: dict[str, Any] = json.loads(shipped_file(name, example_language(language)).read_text(encoding="utf-8"))
    return found


def write_shipped(name: str, language: str, made: dict[str, Any], indent: int | None = None) -> None:
    told = json.dumps(made, ensure_ascii=False, indent=indent, sort_keys=True)
    shipped_file(name, language).write_text(told + "\n", encoding="utf-8")


def matrix_file(language: str) -> Path:
    return FOLDER / f"matrix_{language}.safetensors"


def example_language(language: str) -> str:
    """Return the language of the example that a page in this language shows: English if it has none of its own."""
    return language if shipped_file("example", language).is_file() else FIRST


@cache
def shipped_example(language: str = FIRST) -> dict[str, Any]:
    """Return the finished example of a page in this language as numbers and text."""
    return read_shipped("example", language)


def shipped_summaries(language: str = FIRST) -> tuple[GradientSummary, ...]:
    """Return the summary of every matrix's ℓ1 gradient."""
    return tuple(GradientSummary(**one) for one in shipped_example(language)["gradients"])


@cache
def shipped_matrix(language: str = FIRST) -> tuple[GradientSummary, Array]:
    """Return the summary and the ℓ1 gradient (out, in) of the matrix shown first, whose mean gradient is largest."""
    (name, gradient), = load_file(matrix_file(example_language(language))).items()
    return next(one for one in shipped_summaries(language) if one.name == name), gradient


def example_session(library: Library, language: str = FIRST) -> Session:
    """Compute the example and store its model, statistics, masks and pruned copy in the Library."""
    model_key = run(work.load_job(library, "pocket"))
    model, text = library.get(model_key), example_text(language)
    samples, held_out = work.samples_of(model, text)
    key = run(work.collect_job(library, model, samples, held_out, Event()))
    session = Session(model=model_key, text=text, statistics=key, held_out=HeldOutKey(key), settings=SETTINGS)
    applied = run(work.apply_job(library, session, model, library.get(key), session.settings))
    return replace(session, applied=applied, applied_number=1)


def store_shipped_measures(library: Library, session: Session, language: str = FIRST) -> None:
    """Store the shipped measurements under the keys of a real one, so that the first visitor need not wait."""
    model, example = library.get(session.model), shipped_example(language)
    probes = work.probes_of(model)
    if example["model_key"] != model.key or any(len(bits) != len(probes) for bits in example["verdicts"].values()):
        return  # made for another pocket model: measured again on request
    texts = {"own": library.get(session.statistics).calibration, "held_out": library.get(session.held_out)}
    for side, key in (("dense", session.model), ("pruned", PrunedKey(session.applied))):
        bits = example["verdicts"][side]
        library.put(ProbesKey(key), ProbeResult(tuple(
            Verdict(probe, bit == "1") for probe, bit in zip(probes, bits, strict=True))))
        for name, windows in texts.items():
            losses = tuple(example["losses"][name][side])
            library.put(PerplexityKey(key, windows.key), perplexity_of(losses, windows, model.dtype))


def example_prompts(language: str) -> tuple[str, ...]:
    """Return the questions that the first screen of this language offers."""
    return tuple(words(language)(f"overview.{name}") for name in PROMPTS)


def answers(model: Model, prompt: str) -> str:
    """Return the answer that the first screen shows: greedy, to the prompt without earlier turns."""
    return answer(model, [{"role": "user", "content": prompt}], Sampling(most=LONGEST_ANSWER)).text


def make(library: Library, language: str = FIRST) -> dict[str, Any]:
    """Measure and return everything that the first screen shows."""
    session = example_session(library, language)
    model, statistics = library.get(session.model), library.get(session.statistics)
    masks = library.get(session.applied)
    pruned_key = PrunedKey(session.applied)
    pruned = library.get(pruned_key)
    run(work.measure_job(library, session, model, pruned, language))
    asked = {"dense": library.get(ProbesKey(session.model)), "pruned": library.get(ProbesKey(pruned_key))}
    before, after = asked["dense"].total, asked["pruned"].total
    held = library.get(session.held_out)
    losses = [library.get(PerplexityKey(key, held.key)) for key in (session.model, pruned_key)]
    visit = library.visit(None)
    visit.keep(session)
    assert masks.alpha is not None  # the example's method has one
    plain = replace(session.settings, alpha=Alpha("number", masks.alpha))
    shown = work.preview_numbers(model, statistics, session.settings, masks)
    summaries = gradient_summaries(model, statistics, "l1")
    return {
        "model": model.name, "model_key": model.key, "text": session.text.name, "samples": statistics.count,
        "length": statistics.calibration.length, "seed": session.text.seed, "settings": session.settings.as_dict(),
        "alpha": masks.alpha, "share": shown.share, "agreement_wanda": shown.agreement_wanda,
        "sparsity": masks.sparsity, "removed": masks.removed, "prunable": masks.prunable,
        "parameters": model.parameters, "memory": won.memory(model), "masked": won.mask_and_values(pruned, masks),
        "tokens": statistics.calibration.token_count, "guessing": tolerance.guessing_of(statistics.calibration),
        "probes": {"dense": [before.right, before.total], "pruned": [after.right, after.total],
                   "interval": asdict(after.interval)},
        "perplexity": {"dense": losses[0].value, "pruned": losses[1].value, "windows": held.count,
                       "length": held.length,
                       "difference": asdict(paired_difference(losses[0].losses, losses[1].losses))},
        "verdicts": {side: "".join(str(int(one.right)) for one in found.verdicts) for side, found in asked.items()},
        "losses": {name: {side: library.get(PerplexityKey(key, windows.key)).losses
                          for side, key in (("dense", session.model), ("pruned", pruned_key))}
                   for name, windows in (("own", statistics.calibration), ("held_out", held))},
        "blocks": len(model.layout.blocks), "roles": list(model.layout.roles),
        "gradients": [asdict(one) for one in summaries],
        "telling": asdict(found) if (found := work.telling_weight(visit, plain)) else None,
        "answers": [{"prompt": prompt, "dense": answers(model, prompt), "pruned": answers(pruned, prompt)}
                    for prompt in example_prompts(language)],
    }


def make_matrix(library: Library, language: str = FIRST) -> dict[str, Array]:
    """Return {parameter name: ℓ1 gradient} of the matrix with the highest mean."""
    session = example_session(library, language)
    model, statistics = library.get(session.model), library.get(session.statistics)
    name = max(gradient_summaries(model, statistics, "l1"), key=lambda one: one.mean).name
    return {name: fields.field(model, statistics, name, "l1")}


def shown_languages() -> tuple[str, ...]:
    """Return the languages whose own example is shipped; pages in any other one show the English example."""
    return tuple(one for one in LANGUAGES if example_language(one) == one)


def made_languages() -> tuple[str, ...]:
    """Return the languages that have a text of chats, each of which gets an example of its own."""
    return tuple(one for one in LANGUAGES if (work.TEXTS / f"chat_{one}.txt").is_file())


def main() -> None:
    library = Library()
    FOLDER.mkdir(exist_ok=True)
    for language in made_languages():
        write_shipped("example", language, make(library, language), indent=1)
        save_file(make_matrix(library, language), matrix_file(language))


if __name__ == "__main__":
    main()
