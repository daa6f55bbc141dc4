"""How far the training seed matters: the scores of models that differ in nothing else, side by side.

    python -m tests.benchmarks.seeds_table --model DIR … [--out FILE.json]

Each folder was written by `python -m gblm_viz.pocket train --seed N --model DIR`; the shipped one comes first.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from gblm_viz.pocket import places


def scored(folder: Path) -> dict[str, Any]:
    """The seed, what it scores by kind of skill, and its perplexity on held-out prose."""
    trained, scores = (json.loads((folder / name).read_text(encoding="utf-8"))
                       for name in ("training.json", "scores.json"))
    return {"seed": trained["recipe"]["seed"], "recipe": trained["recipe"], "corpus_hash": trained["corpus_hash"],
            "kinds": {kind: [one["right"], one["n"]] for kind, one in scores["kinds"].items()},
            "perplexity": {language: one["perplexity"] for language, one in scores["held_out_prose"].items()}}


def same_but_seed(rows: list[dict[str, Any]]) -> bool:
    """Whether the runs differ in nothing but the seed."""
    return all({**one["recipe"], "seed": 0} == {**rows[0]["recipe"], "seed": 0}
               and one["corpus_hash"] == rows[0]["corpus_hash"] for one in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", type=Path, default=[places.MODEL])
    parser.add_argument("--out", type=Path, default=places.MODEL / "seeds.json")
    given = parser.parse_args()
    rows = [scored(folder) for folder in given.model]
    if not same_but_seed(rows):
        raise SystemExit("These models differ in more than the seed: train them with the same text and recipe.")
    given.out.write_text(json.dumps([{key: one[key] for key in ("seed", "kinds", "perplexity")} for one in rows],
                                    indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
