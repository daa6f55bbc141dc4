"""A model map's numbers → what the map on screen draws: a colour, a label and a sentence for every matrix.
Knows no model, no component and no language: texts come from the caller and from `say`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from .colours import RAMPS, Kind, channels

if TYPE_CHECKING:
    from gblm_viz.core.look.cells import Cell, ModelMap
    from gblm_viz.core.look.gradient_sums import GradientSummary

DARK_INK, LIGHT_INK = "#111111", "#ffffff"


class Say(Protocol):
    """The words of one language; a missing key raises KeyError."""

    def __call__(self, key: str, **fields: object) -> str: ...


def colour_at(kind: Kind, place: float) -> str:
    """The colour at `place`, 0 … 1, of a ramp, as #rrggbb; outside values take the nearest end."""
    stops = RAMPS[kind]
    along = min(max(place, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(along), len(stops) - 2)
    pairs = zip(channels(stops[low]), channels(stops[low + 1]), strict=True)
    return "#" + "".join(f"{round(first + (along - low) * (second - first)):02x}" for first, second in pairs)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, 0 … 1 (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: str) -> str:
    """The text colour, dark or light, that stands out more on a background (WCAG contrast)."""
    light = luminance(colour)
    return DARK_INK if (light + 0.05) / 0.0556 > 1.05 / (light + 0.05) else LIGHT_INK


def number(value: float) -> str:
    """Two significant digits as a person writes them: 3.1e-4, 0.012, 1.7, 510; – for nan."""
    if math.isnan(value):
        return "–"
    if value == 0 or math.isinf(value):
        return {0.0: "0", math.inf: "∞", -math.inf: "−∞"}[value]
    if 1e-3 <= abs(value) < 1e4:
        text = f"{value:.{max(0, 1 - math.floor(math.log10(abs(value))))}f}"
    else:
        digits, exponent = f"{value:.1e}".split("e")
        text = f"{digits}e{int(exponent)}"
    return "−" + text[1:] if value < 0 else text


def percent(value: float) -> str:
    """A share as percent, with a space that does not break: 38 %, 0.4 %; – for nan."""
    return "–" if math.isnan(value) else f"{number(100 * value)}\u00a0%"


def role_name(say: Say, role: str) -> str:
    """What a role is called in a sentence; a role nobody named is shown as it is."""
    try:
        return say(f"map.role.{role}")
    except KeyError:
        return role


def role_label(say: Say, role: str) -> str:
    """What a role is called at the head of a column."""
    try:
        return say(f"map.short.{role}")
    except KeyError:
        return role


def _range(values: Sequence[float], log: bool, kind: Kind) -> tuple[float, float]:
    """(lo, hi), lo < hi, that shows all finite values; above zero for a logarithm, symmetric when diverging."""
    shown = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not shown:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(shown), max(shown)
    if kind == "diverging":
        far = max(abs(low), abs(high)) or 1.0
        return -far, far
    if low == high:
        return (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return low, high


def _place(value: float, low: float, high: float, log: bool) -> float:
    if log:
        return 0.0 if value <= 0 else math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def map_value(model_map: ModelMap, say: Say, *, title: str, unit: str, sentence: Callable[[Cell], str],
              kind: Kind = "sequential", bounds: tuple[float, float] | None = None,
              label: Callable[[float], str] = number, mark: Callable[[Cell], str] = lambda cell: "",
              selected: str = "", note: str = "", stale: bool = False) -> dict[str, Any]:
    """The value of a ModelMapView.

    title: a sentence; unit: what the colours count; sentence: what a cell says when it is pointed at. bounds: the
    colours' ends, by default the smallest and largest value. label: a value as the cell's text. mark: a character
    before it ("!"), "" for none. selected: the matrix marked. note: one line under the grid.
    """
    low, high = bounds or _range([cell.value for cell in model_map.cells], model_map.log, kind)
    cells = []
    for cell in model_map.cells:
        known = math.isfinite(cell.value)
        colour = colour_at(kind, _place(cell.value, low, high, model_map.log)) if known else ""
        cells.append({"block": cell.block, "role": cell.role, "name": cell.name, "text": sentence(cell),
                      "value": float(cell.value) if known else None, "colour": colour,
                      "ink": ink_on(colour) if known else "", "label": label(cell.value),
                      "mark": mark(cell)})
    words = [say("map.log") if model_map.log else say("map.linear"), unit]
    if model_map.samples:
        words.append(say("map.samples", count=model_map.samples))
    return {
        "title": title, "corner": say("map.block"), "blocks": model_map.blocks, "cells": cells, "selected": selected,
        "roles": [{"id": role, "label": role_label(say, role), "title": role_name(say, role)}
                  for role in model_map.roles],
        "legend": {"lo": label(low), "hi": label(high), "colours": list(RAMPS[kind]), "words": words,
                   "gap": say("map.gap")},
        "note": note, "hint": say("map.hint"), "stale": stale,
    }


def empty_map(note: str) -> dict[str, Any]:
    """The value of a ModelMapView that has nothing to show and says what to do."""
    return {"title": "", "corner": "", "blocks": 0, "cells": [], "selected": "", "roles": [], "legend": None,
            "note": note, "hint": "", "stale": False}


def gradient_sentence(summaries: Sequence[GradientSummary], statistic: str, say: Say) -> Callable[[Cell], str]:
    """What a cell of a gradient map says: its average, how that compares, and what its strongest 1 % carry.

    Typical is the median of the matrices' means. `statistic`: the one in colour, named where it is another number.
    """
    by_name = {summary.name: summary for summary in summaries}
    means = [summary.mean for summary in summaries if math.isfinite(summary.mean)]
    typical = median(means) if means else math.nan

    def sentence(cell: Cell) -> str:
        one = by_name[cell.name]
        ratio = one.mean / typical if typical else math.nan
        said = say("map.gradient", block=one.block, role=role_name(say, one.role), mean=number(one.mean),
                   ratio=number(ratio), share=percent(one.peak_share))
        if statistic in {"median", "p99"}:
            said += say(f"map.gradient_{statistic}", value=number(getattr(one, statistic)))
        return said

    return sentence
