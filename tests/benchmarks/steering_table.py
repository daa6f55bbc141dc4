"""Does the calibration text steer what survives? Every skill's text × every skill, printed whatever it says.

    python -m tests.benchmarks.steering_table [--method NAME …] [--sparsity A] [--out FILE.json]

The model is calibrated on one skill's chats alone, pruned, and asked the held-out probes of all skills.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gblm_viz.core.base.job import run
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model.models import load
from tests.benchmarks.measure import METHODS, Measure, rounded, stored, write


def texts(skills: list[str]) -> dict[str, tuple[str, ...]]:
    """Each skill's own text, and the mixed chats as the yardstick."""
    return {"mixed": ("chat_en.txt", "chat_ja.txt"), **{skill: (f"skill_{skill}.txt",) for skill in skills}}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--method", nargs="+", default=["wanda", "gradient ℓ1", "gblm ℓ1, share 0.5"], choices=METHODS)
    parser.add_argument("--sparsity", default="0.5")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    model = run(load(given.model))
    found = stored(given.out, model)
    done = {(row["text"], row["method"], row["sparsity"]) for row in found["rows"]}
    probes = Measure.exact_probes()
    dense = run(evaluate.ask_probes(model, probes)).skills
    found["dense"] = {skill: (share.right, share.total) for skill, share in dense.items()}
    for name, files in texts(list(dense)).items():
        missing = [method for method in given.method if (name, method, given.sparsity) not in done]
        if not missing:
            continue
        measure = Measure(model, files)
        for method in missing:
            _, score = measure.pruned(method, given.sparsity)
            found["rows"].append({"text": name, "method": method, "sparsity": given.sparsity,
                                  "samples": measure.samples.count, "perplexity": rounded(score.perplexity),
                                  "right": score.right, "skills": score.skills})
            own = f"{score.skills[name]} of its own, " if name in score.skills else ""
            print(f"{name:16} {method:22} {own}{score.right} of {score.of}", flush=True)
            write(given.out, found)


if __name__ == "__main__":
    main()
