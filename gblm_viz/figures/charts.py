"""The small charts: a matrix's scores with the threshold, the fraction removed per column, predicted against measured.

Built from numbers of core.look and a `say` that returns texts in the page's language. Uses no model, tensor or page.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from .colours import DENSE, INK, PICK, PRUNED, THIRD
from .sizes import LETTERS, MARKS, STROKES

if TYPE_CHECKING:
    from gblm_viz.core.look.columns import ColumnProfile
    from gblm_viz.core.look.histogram import Histogram

Say = Callable[..., str]
LINES = ((PRUNED, "solid"), (DENSE, "dash"), (THIRD, "dot"))
"""Colour and dash of the chosen mask, Wanda's and the shuffled one; the dash works without seeing the colour."""
PAPER = "rgba(128, 136, 144, 0.12)"
GRID = "rgba(128, 136, 144, 0.25)"
WHOLE_DECADES = 4
"""From this number of decades on, only whole powers of ten are labelled on the axis."""


def percent(share: float, digits: int = 1) -> str:
    """Return a share as text, 0.5 → `50.0 %`; never 100 % if below 1, never 0 % if above 0; – if not finite."""
    if not math.isfinite(share):
        return "–"
    shown = f"{100 * share:.{digits}f}"
    step = 10.0**-digits
    if share < 1 and float(shown) >= 100:
        shown = f"{100 - step:.{digits}f}"
    if share > 0 and float(shown) <= 0:
        shown = f"{step:.{digits}f}"
    return f"{shown} %"


def brief_percent(share: float) -> str:
    """Return a share for a headline: whole percents, below 10 % with one digit, 0.694 → `69 %`, 0.0048 → `0.5 %`."""
    return percent(share, 1 if 0 < share < 0.1 else 0)


def columns_of(text: str) -> int:
    """Return the width of a text in letters; a full-width (Japanese) character counts as two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def histogram(found: Histogram, place: str, say: Say, group: str = "", height: int = 250) -> go.Figure:
    """Draw scores on a log axis: kept in blue, removed in hatched orange, the range of the rows' thresholds marked.

    place: the page's name for the matrix. group: `row` or `pattern` if each row, or each group of neighbours, has its
    own threshold. Scores of exactly 0 have no logarithm; their number is in the title.
    """
    centres = (found.edges[:-1] + found.edges[1:]) / 2
    width = float(found.edges[1] - found.edges[0])
    removed, kept = int(found.removed.sum()), int(found.kept.sum())
    told = [say("prune.histogram.title" + (group and f"_{group}"), removed=f"{removed:,}", kept=f"{kept:,}")]
    if found.zeros:
        told.append(say("prune.histogram.zeros", count=f"{found.zeros:,}"))
    title = f"<b>{place}</b><br>{' '.join(told)}"
    figure = go.Figure()
    series = (("removed", found.removed, PRUNED, "/"), ("kept", found.kept, DENSE, ""))
    for name, counts, colour, hatch in series:
        marker: dict[str, object] = {"color": colour, "line": {"width": 0}}
        if hatch:
            marker["pattern"] = {"shape": hatch, "fgcolor": "rgba(0, 0, 0, 0.45)", "size": 5, "solidity": 0.25}
        figure.add_bar(
            x=centres, y=counts.astype(np.float32), width=width, name=say(f"prune.histogram.{name}"), marker=marker,
            customdata=np.stack([10.0 ** found.edges[:-1], 10.0 ** found.edges[1:]], 1),
            hovertemplate=say(f"prune.histogram.hover_{name}") + "<extra></extra>")
    if math.isfinite(found.cut_low):
        _mark_cut(figure, found, width, say)
    style(figure, title, height)
    figure.update_layout(barmode="stack", bargap=0, margin_t=72, title_y=0.93)
    ticks, names = decades(float(found.edges[0]), float(found.edges[-1]))
    figure.update_xaxes(title_text=say("prune.histogram.x"), tickvals=ticks, ticktext=names,
                        range=[float(found.edges[0]) - width, float(found.edges[-1]) + width])
    figure.update_yaxes(title_text=say("prune.histogram.y"))
    return figure


def _mark_cut(figure: go.Figure, found: Histogram, width: float, say: Say) -> None:
    """Draw a band from the lowest to the highest row threshold; a line if they are less than 1/4 bin apart."""
    low, high = found.cut_low, found.cut_high
    one = high - low < width / 4
    middle = (low + high) / 2
    if one:
        figure.add_vline(x=middle, line={"color": PICK, "width": STROKES.cut})
    else:
        figure.add_vrect(x0=low, x1=high, fillcolor=PICK, opacity=0.25,
                         line={"color": PICK, "width": STROKES.reference})
    named = say("prune.histogram.cut" if one else "prune.histogram.cuts", low=short(10.0**low), high=short(10.0**high))
    left = middle > (float(found.edges[0]) + float(found.edges[-1])) / 2
    figure.add_annotation(x=low if left else high, y=1, yref="paper", text=named, showarrow=False, yanchor="top",
                          xanchor="right" if left else "left", font={"color": INK, "size": LETTERS.fine},
                          bgcolor=PAPER)


def decades(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return axis ticks and labels for log10 values: powers of ten, with 2 and 5 between them if they are few."""
    factors = (1,) if high - low >= WHOLE_DECADES else (1, 2, 5)
    ticks, names = [], []
    for power in range(math.floor(low), math.ceil(high) + 1):
        for factor in factors:
            place = power + math.log10(factor)
            if low <= place <= high:
                ticks.append(place)
                names.append((f"{factor}·" if factor > 1 else "") + f"10<sup>{power}</sup>")
    return ticks, names


def short(value: float) -> str:
    """Return a number with three significant digits, whole from 1000 on: 0.0042, 12.3, 4,029, 1.20e-07."""
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value == 0 or 1e-4 <= abs(value) < 1000 else f"{value:.2e}"


def column_profile(found: ColumnProfile, place: str, names: dict[str, str], ordered: bool, say: Say,
                   height: int = 300) -> go.Figure:
    """Draw the fraction removed per column, in place or sorted, with the band that contains 95 % of columns by chance.

    names: label → the page's name of each of the profile's masks, drawn in the order chosen, Wanda, shuffled.
    """
    columns = len(next(iter(found.densities.values())))
    figure = go.Figure()
    figure.add_hrect(y0=100 * found.low, y1=100 * found.high, fillcolor=INK, opacity=0.22, line_width=0)
    for (label, density), (colour, dash) in zip(found.densities.items(), LINES, strict=False):
        order = np.argsort(-density, kind="stable") if ordered else np.arange(columns)
        figure.add_scatter(
            x=np.arange(columns, dtype=np.int32), y=(100 * density[order]).astype(np.float32), mode="lines",
            name=names[label], line={"color": colour, "dash": dash, "width": STROKES.profile},
            customdata=order.astype(np.int32), hovertemplate=f"{names[label]} · " + say("patterns.profile.hover")
            + "<extra></extra>")
    figure.add_annotation(x=1, xref="paper", y=100 * found.high, yanchor="bottom", xanchor="right", showarrow=False,
                          text=say("patterns.profile.band", low=percent(found.low, 0), high=percent(found.high, 0)),
                          font={"color": INK, "size": LETTERS.fine})
    first = next(iter(found.densities))
    told = say("patterns.profile.title", columns=f"{columns:,}", outside=percent(found.outside[first], 0))
    style(figure, f"<b>{place} · {names[first]}</b><br>{told}", height)
    # On a phone the legend takes three lines; below the chart they push nothing into the title.
    figure.update_layout(title_y=0.96, legend={"yref": "container", "y": 0, "yanchor": "bottom"})
    figure.update_xaxes(title_text=say("patterns.profile.x_sorted" if ordered else "patterns.profile.x"))
    figure.update_yaxes(title_text=say("patterns.profile.y"), ticksuffix="\u00a0%", rangemode="tozero")
    return figure


def prediction(predicted: Sequence[float], measured: Sequence[float], say: Say, height: int = 330) -> go.Figure:
    """Draw each weight's first-order prediction against the measured effect of zeroing it (nats per token).

    The diagonal marks a prediction without error. A weight without a prediction (nan) is left out.
    """
    known = np.array([pair for pair in zip(predicted, measured, strict=True) if not math.isnan(pair[0])]).reshape(-1, 2)
    spread = len(known) > 1 and bool((known.std(0) > 0).all())
    correlation = f"{np.corrcoef(known.T)[0, 1]:.3f}" if spread else "–"
    end = float(np.abs(known).max(initial=1e-12)) * 1.1
    figure = go.Figure()
    figure.add_scatter(x=[-end, end], y=[-end, end], mode="lines", name=say("weight.scatter.same"), hoverinfo="skip",
                       line={"color": INK, "dash": "dash", "width": STROKES.reference})
    figure.add_scatter(x=known[:, 0], y=known[:, 1], mode="markers", showlegend=False,
                       marker={"color": DENSE, "size": MARKS.point, "opacity": 0.75},
                       hovertemplate=say("weight.scatter.hover") + "<extra></extra>")
    style(figure, say("weight.scatter.title", correlation=correlation, count=len(known)), height)
    figure.update_xaxes(title_text=say("weight.scatter.x"), range=[-end, end], exponentformat="power")
    figure.update_yaxes(title_text=say("weight.scatter.y"), range=[-end, end], exponentformat="power")
    return figure


def style(figure: go.Figure, title: str, height: int) -> None:
    """Apply the small charts' common style: title and legend above, colours readable on white and on black."""
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": INK, "fixedrange": True, "title_standoff": 6}
    figure.update_layout(
        title={"text": title, "font": {"size": LETTERS.small, "color": INK}, "x": 0.01, "xanchor": "left", "y": 0.98,
               "yanchor": "top"},
        height=height, margin={"l": 56, "r": 12, "t": 52, "b": 42}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", font={"color": INK, "size": LETTERS.fine}, dragmode=False, hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "font": {"color": INK}})
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
