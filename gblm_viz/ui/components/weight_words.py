"""One weight's explanation as texts: whether it goes, its numbers, each method's decision. For the page and the report.

Gets a WeightReport; computes nothing and makes no HTML.
"""

from __future__ import annotations

import math

from gblm_viz.core.look.weight import WeightReport
from gblm_viz.core.mask.settings import Settings
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import number
from gblm_viz.words import Words, join_sentences

from .table import Cell, Head


def group_name(say: Words, found: WeightReport) -> str:
    """Return the name of the weights that it competes with."""
    return say("weight.group." + ("neighbours" if found.group == "n:m" else found.group))


def fate_words(say: Words, found: WeightReport) -> str:
    """Return the sentence on whether it goes, and its place among those it competes with."""
    return say("weight.sentence." + ("removed" if found.removed else "kept"), place=f"{found.rank + 1:,}",
               size=f"{found.group_size:,}", group=group_name(say, found), cut=f"{found.cut:,}")


def numbers_words(say: Words, found: WeightReport, settings: Settings) -> str:
    """Return the sentence on the weight and both norms, and on the simpler rule that scored it, if one did."""
    if math.isnan(found.input_norm):
        told = [say("weight.sentence.plain", weight=signed(found.weight))]
    else:
        told = [say("weight.sentence.numbers", weight=signed(found.weight), input=number(found.input_norm),
                    gradient=number(found.gradient_norm), norm=say(f"compare.norms.{settings.norm}"))]
    told += [say("weight.sentence.fallback", rule=found.fallback)] if found.fallback else []
    return join_sentences(told)


def verdict_heads(say: Words) -> list[Head]:
    """Return the column heads of the methods' decisions."""
    return [(say("weight.verdict.method"), ""), (say("weight.verdict.fate"), ""),
            (say("weight.verdict.place"), "number")]


def verdict_rows(say: Words, found: WeightReport, settings: Settings) -> list[tuple[Cell, ...]]:
    """Return one row per method: its name, its decision with a mark, the weight's place in its group."""
    rows: list[tuple[Cell, ...]] = []
    for one in found.verdicts:
        fate, mark = ("goes", "×") if one.removed else ("stays", "·")
        stands = say("weight.verdict.at", place=f"{one.rank + 1:,}", size=f"{one.group_size:,}", cut=f"{one.cut:,}")
        name = say("weight.verdict.chosen", method=one.method) if one.method == settings.method else one.method
        rows.append((name, (fate, f'{mark} {say(f"weight.verdict.{fate}")}'), stands))
    return rows


def verdict_words(say: Words, found: WeightReport, settings: Settings) -> str:
    """Return who decides differently, and from which sparsity on the chosen method removes it."""
    told = [say("weight.verdict.otherwise", methods=say("settings.join").join(found.saved_by)) if found.saved_by
            else say("weight.verdict.same")]
    if not math.isnan(found.goes_from):
        told.append(say("weight.verdict.goes_from", method=settings.method, sparsity=percent(found.goes_from)))
    return join_sentences(told)


def signed(value: float) -> str:
    """Return a number with sign and two digits, such as +1.2e-6; – for nan."""
    if math.isnan(value) or value == 0:
        return number(value)
    return ("+" if value > 0 else "−") + number(abs(value))
