"""Every method × sparsity on the pocket model: held-out perplexity and exact probes, printed whatever they say.

    python -m tests.benchmarks.methods_table [--model DIR …] [--sparsity 0.3 0.5 … 2:4] [--out FILE.json]

Several models (training seeds) make several tables in one file. Goes on where a former run of the same models stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from tests.benchmarks.measure import METHODS, Measure, Score, rounded, row, write

SPARSITIES = ("0.3", "0.5", "0.6", "0.7", "0.8", "2:4")


def table(
    measure: Measure, dense: Score, amounts: list[str], rows: list[dict[str, object]], keep: Callable[[], None]
) -> None:
    """Appends the missing rows, calling `keep` after each."""
    done = {(line["method"], line["sparsity"]) for line in rows}
    for method in METHODS:
        for amount in amounts:
            if (method, amount) in done or (":" in amount and "matrix" in method):  # N:M has its own groups
                continue
            masks, found = measure.pruned(method, amount)
            rows.append(row(method, amount, masks, found, dense))
            print(f"{method:24} {amount:>4}  " + "  ".join(f"{one:9.2f}" for one in found.perplexity.values())
                  + f"  {found.right:4d} of {found.of}", flush=True)
            keep()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", default=["pocket"])
    parser.add_argument("--sparsity", nargs="+", default=list(SPARSITIES))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = json.loads(given.out.read_text(encoding="utf-8")) if given.out and given.out.exists() else {"models": []}
    for source in given.model:
        measure = Measure(run(load(source)))
        dense = measure.score(measure.model)
        one = next((one for one in found["models"] if one["model_key"] == measure.model.key), None)
        if one is None:
            one = {"model_key": measure.model.key, "calibration": measure.samples.text_name,
                   "samples": measure.samples.count, "length": measure.samples.length, "order": "dense",
                   "dense": {"perplexity": rounded(dense.perplexity), "right": dense.right, "of": dense.of,
                             "skills": dense.skills}, "rows": []}
            found["models"].append(one)

        print(f"{source}: dense {dense.perplexity}, {dense.right} of {dense.of}")
        table(measure, dense, given.sparsity, one["rows"], partial(write, given.out, found))


if __name__ == "__main__":
    main()
