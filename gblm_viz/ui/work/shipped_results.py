"""The shipped measurements of every method on the bundled model: says whether GBLM wins or loses.

Independent of the page: turns the numbers of assets/pocket/methods.json into sentences.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from gblm_viz.core.mask.prune import Masks
from gblm_viz.figures.charts import percent
from gblm_viz.shipped import ASSETS
from gblm_viz.words import Words

FILE = ASSETS / "pocket" / "methods.json"
NEAR = 0.005
"""A sparsity this close to a measured one counts as that one."""
SHOWN = {"magnitude": ("magnitude, per row",), "wanda": ("wanda",), "gradient": ("gradient ℓ1", "gradient ℓ2")}
"""Method → its lines in the table; in addition, every line that begins with gblm is gblm's."""


@cache
def results_table() -> dict[str, Any]:
    """Return model_key → {"of", "dense", "rows": sparsity or N:M → {line's name → right}}, the shipped model first."""
    return {one["model_key"]: {"of": one["dense"]["of"], "dense": one["dense"]["right"],
                               "rows": _by_amount(one["rows"])}
            for one in json.loads(FILE.read_text(encoding="utf-8"))["models"]}


def _by_amount(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["sparsity"], {})[row["method"]] = row["right"]
    return found


def results_sentence(say: Words, masks: Masks) -> str:
    """Return what the methods kept at this amount; empty for another model, another amount or comparison group."""
    settings, known = masks.settings, results_table().get(masks.model_key)
    if known is None or (settings.group != "row" and not settings.pattern):
        return ""
    amounts = known["rows"]
    amount = settings.pattern if settings.pattern else next(
        (one for one in amounts if ":" not in one and abs(float(one) - settings.sparsity) <= NEAR), "")
    if amount not in amounts:
        return ""
    right = amounts[amount]
    gblm = [count for name, count in right.items() if name.startswith("gblm")]
    wanda, low, high = right["wanda"], min(gblm), max(gblm)
    verdict = "all" if low > wanda else "none" if high <= wanda else "some"
    others = {name: _span(say, [right[line] for line in lines]) for name, lines in SHOWN.items()}
    shown = amount if ":" in amount else percent(float(amount), 0)
    return say("prune.measured.kept", amount=shown, of=f"{known['of']:,}",
               dense=f"{known['dense']:,}", gblm=_span(say, gblm), settings=len(gblm), **others,
               verdict=say(f"prune.measured.{verdict}"))


def _span(say: Words, counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else say("prune.measured.span", low=f"{low:,}", high=f"{high:,}")
