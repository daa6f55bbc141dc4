"""How much of a difference is luck? Several draws of the calibration windows, many probes, multiple choice.

    python -m tests.benchmarks.draws_table [--sparsity A …] [--draws N …] [--out FILE.json]

Up to 200 held-out probes a skill (all there are where there are fewer); choices are asked on the first draw.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from gblm_viz.core.base.job import run
from gblm_viz.core.mask.prune import pruned
from gblm_viz.core.measure import evaluate
from gblm_viz.core.measure.evaluate import Probe
from gblm_viz.core.model.models import Model, load
from gblm_viz.pocket import skills
from tests.benchmarks.measure import Measure, rounded, row, stored, write

CHOSEN = ("magnitude, per row", "magnitude, per matrix", "wanda", "gradient ℓ1", "gblm ℓ1, α = 100",
          "gblm ℓ1, balance", "gblm ℓ1, share 0.5")
WITHOUT_TEXT = ("magnitude, per row", "magnitude, per matrix")
MANY = 200
SAMPLES = 48
"""Windows a draw takes: less than half of those the text has, so that draws differ."""


def many_probes() -> tuple[Probe, ...]:
    """Up to `MANY` held-out questions of every skill that has one right answer."""
    lines = (json.loads(skills.probe_line(name, question)) for name in skills.SKILLS if name != skills.STORY
             for question in skills.probes(name, MANY))
    return tuple(Probe(line["skill"], line["language"], line["prompt"], line["answer"],
                       choices=tuple(line.get("choices", ()))) for line in lines)


def chosen(model: Model, probes: tuple[Probe, ...]) -> dict[str, tuple[int, int]]:
    shares = run(evaluate.choose_answers(model, probes)).skills
    return {skill: (share.right, share.total) for skill, share in shares.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--sparsity", nargs="+", default=["0.5", "0.6"])
    parser.add_argument("--draws", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    model, probes = run(load(given.model)), many_probes()
    found = stored(given.out, model)
    done = {(one["method"], one["sparsity"], one["draw"]) for one in found["rows"]}
    for draw in given.draws:
        measure = Measure(model, seed=draw, samples=SAMPLES)
        assert measure.samples.count == SAMPLES, "a draw of all windows there are is no draw"
        measure.probes = probes
        dense = measure.score(model)
        if "dense" not in found:
            found["dense"] = {"perplexity": rounded(dense.perplexity), "right": dense.right, "of": dense.of,
                              "skills": dense.skills, "choices": chosen(model, probes),
                              "chance": evaluate.chance(probes)}
        for amount in given.sparsity:
            for method in CHOSEN:
                if (method, amount, draw) in done or (draw and method in WITHOUT_TEXT):
                    continue
                masks, score = measure.pruned(method, amount)
                line = row(method, amount, masks, score, dense) | {"draw": draw}
                if draw == 0:
                    line["choices"] = chosen(pruned(model, masks), probes)
                found["rows"].append(line)
                print(f"{method:24} {amount:>4} draw {draw}: {score.right} of {score.of}", flush=True)
                write(given.out, found)


if __name__ == "__main__":
    main()
