"""Which training choices move the picture of pruning: one small run a choice, then dense and pruned scores.

    python -m tests.benchmarks.levers [--tokens N] [--only NAME …] [--work DIR] --out FILE.json

One choice is changed at a time, all else is the shipped recipe with fewer tokens. Choices that the file has for the
same text, recipe and number of tokens are not trained again, and a run that was killed goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.pocket import places, train
from tests.benchmarks.measure import Measure, rounded, row

LEVERS: dict[str, dict[str, float | int | bool]] = {
    "as shipped": {},
    "gains begin even": {"uneven": 0.0},
    "gains free to grow": {"uneven": 0.0, "gain_rate": 10.0},
    "twice the rate": {"rate": 6e-3},
    "half the rate": {"rate": 1.5e-3},
    "first weights of 0.02": {"copying": False, "spread": 0.02},
    "much decay": {"weight_decay": 0.1},
    "more prose": {"written": 0.4},
    "less prose": {"written": 0.06},
    "more and harder to know": {"harder": 0.3},
    "a head of its own": {"tied": False},
    "deeper and narrower": {"hidden": 96, "intermediate": 288, "blocks": 11, "heads": 3, "key_value_heads": 3},
    "one key/value head": {"key_value_heads": 1},
    "less capacity": {"hidden": 96, "intermediate": 256},
    "as shipped, long": {"tokens": train.Recipe.tokens},
    "twice the rate, long": {"tokens": train.Recipe.tokens, "rate": 6e-3},
}
METHODS = ("magnitude, per matrix", "magnitude, per row", "wanda", "gblm ℓ1, share 0.5")
SPARSITIES = ("0.5", "0.6")


def recipe_of(name: str, tokens: int) -> train.Recipe:
    return train.Recipe(**{"tokens": tokens, **LEVERS[name]})  # type: ignore[arg-type]


def _trained(recipe: train.Recipe, folder: Path) -> Path:
    network, progress = train.fit(recipe, folder, threads=1)
    train.save(network, folder, recipe, progress, 1, folder / "model")
    return folder / "model"


def measure(name: str, tokens: int, work: Path) -> dict[str, object]:
    """Trains one choice in its own folder and scores it dense and pruned; the shipped run is there already."""
    recipe = recipe_of(name, tokens)
    model = places.MODEL if recipe == train.Recipe() else _trained(recipe, work / re.sub(r"\W+", "-", name))
    one = Measure(run(load(str(model))))
    dense = one.score(one.model)
    rows = [row(method, amount, *one.pruned(method, amount), dense=dense)
            for amount in SPARSITIES for method in METHODS]
    return {"name": name, "recipe": asdict(recipe), "corpus_hash": train.corpus_hash(),
            "parameters": one.model.parameters,
            "dense": {"perplexity": dense.perplexity, "right": dense.right, "of": dense.of}, "rows": rows}


def stored(path: Path, tokens: int) -> list[dict[str, Any]]:
    """The file's choices that would come out the same if they were trained again."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    text = train.corpus_hash()
    return [one for one in found if one["corpus_hash"] == text and one["name"] in LEVERS
            and train.Recipe(**one["recipe"]) == recipe_of(one["name"], tokens)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=3_000_000)
    parser.add_argument("--only", nargs="+", choices=list(LEVERS), default=list(LEVERS))
    parser.add_argument("--work", type=Path, default=places.WORK / "levers")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(1)
    for name in given.only:
        if name not in {one["name"] for one in stored(given.out, given.tokens)}:
            made = measure(name, given.tokens, given.work)
            ordered = sorted([*stored(given.out, given.tokens), made], key=lambda one: list(LEVERS).index(one["name"]))
            given.out.write_text("[" + ",\n".join(json.dumps(rounded(one), ensure_ascii=False) for one in ordered)
                                 + "]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
