"""Writes the held-out probes and scores the saved model on them, as any user of its folder would.

Knows nothing of training. Scores: exact answers, multiple choice, perplexity of the answers, consistent stories,
perplexity of prose nobody trained on.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from pathlib import Path
from random import Random
from typing import TypedDict

from gblm_viz.core.base.intervals import Share
from gblm_viz.core.base.job import run
from gblm_viz.core.measure import evaluate
from gblm_viz.core.measure.evaluate import Probe
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.talk.generate import answer
from gblm_viz.pocket import places, prose, skills, stories, stories_ja, stream
from gblm_viz.pocket.question import KINDS

log = logging.getLogger("gblm_viz.pocket")
STORY_TOKENS = 260
"""Tokens a story may take; one that has not ended by then is cut and breaks a rule."""
LENGTH = 512
SHORT = 128
TELLERS = {"en": stories, "ja": stories_ja}
"""Whose rules a language's stories keep to."""
DRAWN = 60
"""Documents the generator draws anew for each of its kinds."""


def write(folder: Path) -> None:
    """One file of probes a skill: `<folder>/probes/<skill>.jsonl`."""
    place = folder / "probes"
    place.mkdir(parents=True, exist_ok=True)
    for old in place.glob("*.jsonl"):
        if not old.name.startswith(evaluate.FREE):
            old.unlink()
    for name in skills.SKILLS:
        lines = (skills.probe_line(name, question) + "\n" for question in skills.probes(name))
        (place / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def _share(found: Share) -> dict[str, float]:
    return {"right": found.right, "n": found.total, "share": round(found.value, 4),
            "low": round(found.interval.low, 4), "high": round(found.interval.high, 4)}


class Tale(TypedDict):
    """A story that the model told, and the rules that it breaks."""

    prompt: str
    story: str
    broken: list[str]


def score_stories(model: Model, probes: tuple[Probe, ...]) -> list[Tale]:
    """What the model tells, greedily, of every pair of words, and the rules it breaks."""
    found: list[Tale] = []
    for probe in probes:
        story = answer(model, [{"role": "user", "content": probe.prompt}], most=STORY_TOKENS).text
        broken = TELLERS[probe.language].broken_rules(story, *probe.contains)
        found.append({"prompt": probe.prompt, "story": story, "broken": broken})
        log.info("%s %s", "broken " + "; ".join(broken) if broken else "holds", story)
    return found


def entropy(model: Model) -> dict[str, dict[str, float]]:
    """How hard each kind of text is: prose training never saw by kind, and newly drawn documents of the generator.

    Perplexity a token and bits a byte (which does not depend on the tokenizer), windows of `SHORT` tokens.
    """
    kinds = {f"{kind}_{language}": [piece for piece in pieces if piece in prose.unseen(language)]
             for language in prose.LANGUAGES for kind, pieces in prose.by_kind(language).items()}
    random = Random("newly drawn")
    kinds |= {f"{kind} (generated)": [stream.KINDS[kind](random) for _ in range(DRAWN)]
              for kind in ("chat", "asked", "retold")}
    found = {}
    for kind, pieces in kinds.items():
        text = "\n\n".join(pieces)
        windows = evaluate.text_windows(model, text, kind, SHORT)
        value = run(evaluate.perplexity(model, windows)).value
        tokens = len(model.tokenizer(text, verbose=False)["input_ids"])
        found[kind] = {"perplexity": round(value, 3), "windows": windows.count,
                       "bits_per_byte": round(math.log2(value) * tokens / len(text.encode()), 4)}
    return found


def score(folder: Path) -> dict[str, object]:
    """Every probe and the held-out prose, computing in float32; written to `<folder>/scores.json`."""
    model = run(load(str(folder)))
    probes = evaluate.read_probes(folder / "probes")
    exact = tuple(probe for probe in probes if not probe.contains)
    asked, chosen = run(evaluate.ask_probes(model, exact)), run(evaluate.choose_answers(model, exact))
    chances, perplexities = evaluate.chance(exact), asked.perplexities
    found: dict[str, dict[str, object]] = {}
    for name, skill in skills.SKILLS.items():
        if skill.kind == "story":
            continue
        found[name] = {"kind": skill.kind, "title_en": skill.title_en, "title_ja": skill.title_ja,
                       "language": skill.language, **_share(asked.skills[name]),
                       "answer_perplexity": round(perplexities[name], 4)}
        if name in chances:
            found[name]["choice"] = _share(chosen.skills[name]) | {"chance": round(chances[name], 4)}
        log.info("%-16s %s", name, {key: found[name][key] for key in ("right", "n", "answer_perplexity")})
    for name in skills.STORIES:
        tales = score_stories(model, tuple(probe for probe in probes if probe.skill == name))
        story = skills.SKILLS[name]
        consistent = Share(sum(not tale["broken"] for tale in tales), len(tales))
        broken = Counter(rule for tale in tales for rule in tale["broken"])
        found[name] = {"kind": story.kind, "title_en": story.title_en, "title_ja": story.title_ja,
                       "language": story.language, **_share(consistent),
                       "rules": {rule: broken[rule] for rule in TELLERS[story.language].RULES}}
        log.info("%d of %d stories consistent; broken: %s", consistent.right, consistent.total, dict(broken))
    unseen = {}
    for language in prose.LANGUAGES:
        file = f"held_out_{language}.txt"
        windows = evaluate.text_windows(model, (places.TEXTS / file).read_text(encoding="utf-8"), file, LENGTH)
        unseen[language] = {"perplexity": round(run(evaluate.perplexity(model, windows)).value, 3),
                            "tokens": int(windows.lengths.sum()), "windows": windows.count}
    kinds = {kind: _share(Share(*map(sum, zip(*((one["right"], one["n"]) for one in found.values()
                                                if one["kind"] == kind), strict=True))))
             for kind in KINDS}
    log.info("%s", {kind: one["share"] for kind, one in kinds.items()})
    result: dict[str, object] = {"dtype": "bfloat16 weights, float32 computation", "length": LENGTH, "skills": found,
                                 "kinds": kinds, "held_out_prose": unseen, "entropy": entropy(model)}
    (folder / "scores.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result
