"""Every method × sparsity on the pocket model: held-out perplexity and exact probes, printed whatever they say.

    python -m tests.benchmarks.methods_table [--text chat_en.txt] [--out FILE.json] [--sparsity 0.3 0.4 …]

Not part of the test suite: some minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from gblm_viz.core import calibration, evaluate, prune, statistics
from gblm_viz.core.alpha import parse_alpha
from gblm_viz.core.job import run
from gblm_viz.core.models import load
from gblm_viz.core.prune import Settings

ASSETS = Path(__file__).parents[2] / "assets"
HELD_OUT = ("held_out_en.txt", "held_out_ja.txt")
LENGTH = 128
METHODS: dict[str, dict[str, str]] = {
    "random": {"method": "random"},
    "magnitude, per row": {"method": "magnitude"},
    "magnitude, per matrix": {"method": "magnitude", "group": "matrix"},
    "wanda": {"method": "wanda"},
    "gradient |ΣG|": {"method": "gradient", "norm": "sum"},
    "gradient ℓ1": {"method": "gradient", "norm": "l1"},
    "gradient ℓ2": {"method": "gradient", "norm": "l2"},
    "gblm ℓ1, α = 100": {"method": "gblm", "norm": "l1", "alpha": "100"},
    "gblm ℓ1, balance": {"method": "gblm", "norm": "l1", "alpha": "balance"},
    "gblm ℓ1, share 0.5": {"method": "gblm", "norm": "l1", "alpha": "share:0.5"},
    "gblm ℓ2, share 0.5": {"method": "gblm", "norm": "l2", "alpha": "share:0.5"},
}


def settings_of(choice: dict[str, str], sparsity: float) -> Settings:
    given = {name: value for name, value in choice.items() if name != "alpha"}
    return Settings(sparsity=sparsity, alpha=parse_alpha(choice.get("alpha", "100")), **given)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", nargs="+", default=["chat_en.txt", "prose_en.txt", "prose_ja.txt"])
    parser.add_argument("--sparsity", nargs="+", type=float, default=[0.3, 0.4, 0.5, 0.6, 0.7])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    model = run(load("pocket"))
    text = "\n".join((ASSETS / "texts" / name).read_text(encoding="utf-8") for name in given.text)
    samples = calibration.from_text(model.tokenizer, text, name="+".join(given.text), length=LENGTH, samples=128)
    found = run(statistics.collect(model, samples))
    windows = {name: evaluate.text_windows(model, (ASSETS / "texts" / name).read_text(encoding="utf-8"), name, LENGTH)
               for name in HELD_OUT}
    probes = tuple(probe for probe in evaluate.read_probes(ASSETS / "pocket" / "probes") if not probe.contains)
    dense = {name: run(evaluate.perplexity(model, one)) for name, one in windows.items()}
    asked = run(evaluate.ask_probes(model, probes))
    print(f"calibration: {samples.text_name}, {samples.count} × {samples.length} tokens, sequential order")
    print(f"dense: {', '.join(f'{name} {one.value:.2f}' for name, one in dense.items())}, "
          f"{asked.total.right} of {asked.total.total} probes")
    rows = []
    for name, choice in METHODS.items():
        for sparsity in given.sparsity:
            settings = settings_of(choice, sparsity)
            masks = run(prune.masks(model, found, settings))
            pruned = prune.pruned(model, masks)
            losses = {text: run(evaluate.perplexity(pruned, one)) for text, one in windows.items()}
            result = run(evaluate.ask_probes(pruned, probes))
            rows.append({
                "method": name, "sparsity": sparsity, "reached": masks.sparsity, "alpha": masks.alpha,
                "perplexity": {text: one.value for text, one in losses.items()},
                "difference": {text: asdict(evaluate.paired(dense[text].losses, one.losses))
                               for text, one in losses.items()},
                "right": result.total.right, "of": result.total.total,
                "skills": {skill: [share.right, share.total] for skill, share in result.skills.items()}})
            print(f"{name:24} {sparsity:.0%}  " + "  ".join(f"{one.value:9.2f}" for one in losses.values())
                  + f"  {result.total.right:4d} of {result.total.total}", flush=True)
    if given.out:
        given.out.write_text(json.dumps({
            "calibration": samples.text_name, "samples": samples.count, "length": samples.length,
            "dense": {"perplexity": {name: one.value for name, one in dense.items()}, "right": asked.total.right,
                      "of": asked.total.total, "skills": {s: [x.right, x.total] for s, x in asked.skills.items()}},
            "rows": rows}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
