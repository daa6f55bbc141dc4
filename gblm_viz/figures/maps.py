"""Convert a model map's numbers to the value that the map on screen draws: colour, label and sentence per matrix.
Uses no model and no component, and contains no texts: these come from the caller and from `say`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Protocol

from .colours import RAMPS, Kind, channels

if TYPE_CHECKING:
    from gblm_viz.core.look.cells import Cell, ModelMap
    from gblm_viz.core.look.gradient_sums import GradientSummary

DARK_INK, LIGHT_INK = "#000000", "#ffffff"


class Say(Protocol):
    """Returns a text in one language; a missing key raises KeyError."""

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text of a key with its fields filled in."""


def colour_at(kind: Kind, place: float) -> str:
    """Return the colour at `place`, 0 … 1, of a ramp, as #rrggbb; values outside are clipped."""
    stops = RAMPS[kind]
    along = min(max(place, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(along), len(stops) - 2)
    pairs = zip(channels(stops[low]), channels(stops[low + 1]), strict=True)
    return "#" + "".join(f"{round(first + (along - low) * (second - first)):02x}" for first, second in pairs)


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, 0 … 1 (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: str) -> str:
    """Return the text colour, dark or light, with the higher WCAG contrast on a background."""
    under, dark, light = (luminance(one) + 0.05 for one in (colour, DARK_INK, LIGHT_INK))
    return DARK_INK if under / dark > light / under else LIGHT_INK


def number(value: float) -> str:
    """Return a number as text with two significant digits: 3.1e-4, 0.012, 1.7, 510; – for nan."""
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
    """Return a share as percent, with a non-breaking space: 38 %, 0.4 %; – for nan."""
    return "–" if math.isnan(value) else f"{number(100 * value)}\u00a0%"


def role_name(say: Say, role: str) -> str:
    """Return a role's name in a sentence; a role without a name is returned unchanged."""
    try:
        return say(f"map.role.{role}")
    except KeyError:
        return role


def role_label(say: Say, role: str) -> str:
    """Return a role's name as a column header; a role without a name is returned unchanged."""
    try:
        return say(f"map.short.{role}")
    except KeyError:
        return role


def _range(values: Sequence[float], log: bool, kind: Kind) -> tuple[float, float]:
    """Return (lo, hi), lo < hi, covering all finite values; above zero for a log scale, symmetric when diverging."""
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
              selected: str = "", note: str = "", stale: bool = False) -> dict[str, object]:
    """Return the value of a ModelMapView.

    title: a sentence; unit: the unit of the colour scale; sentence: a cell's text on hover. bounds: the ends of the
    colour scale, by default the smallest and largest value. label: formats a value as the cell's text. mark: the
    character before it ("!"), "" for none. selected: name of the marked matrix. note: one line under the grid.
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


def empty_map(note: str) -> dict[str, object]:
    """Return the value of an empty ModelMapView whose note says what to do."""
    return {"title": "", "corner": "", "blocks": 0, "cells": [], "selected": "", "roles": [], "legend": None,
            "note": note, "hint": "", "stale": False}


def gradient_sentence(summaries: Sequence[GradientSummary], statistic: str, say: Say) -> Callable[[Cell], str]:
    """Return a function from a cell of a gradient map to its sentence: mean, ratio to the typical mean, peak share.

    Typical is the median of the matrices' means. `statistic`: the one shown in colour; median and p99 are added to the
    sentence.
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
