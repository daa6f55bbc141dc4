"""The sweep's charts: perplexity, right probes and perplexity relative to dense, each against sparsity.

Built from points of core.measure.sweep, the paper's figures and a `say` that returns texts in the page's language. Uses
no model and no page. Each mark's `customdata[0]` is its index among the sweep's points, by which a click identifies it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .charts import Say, decades, percent, style
from .colours import DENSE, INK, PICK, PRUNED, SKY, THIRD
from .sizes import LETTERS, MARKS, STROKES

if TYPE_CHECKING:
    from gblm_viz.core.base.intervals import Interval
    from gblm_viz.core.measure.evaluate import Perplexity
    from gblm_viz.core.measure.published import Published
    from gblm_viz.core.measure.sweep import SweepPoint

LOOKS = {"magnitude": (SKY, "square"), "wanda": (THIRD, "diamond"), "gblm": (PRUNED, "triangle-up"),
         "gradient": (PICK, "pentagon"), "random": (INK, "x")}
"""Colour and mark of each method; the dense model is the blue circle, as everywhere."""
SPARE = ("#D55E00", "triangle-down"), ("#F0E442", "star"), ("#999999", "hexagon")
"""Colours and marks for methods that are not in LOOKS."""
GLYPHS = {"square": "□", "diamond": "◇", "triangle-up": "△"}
DASHES = {"dense": "solid", "sequential": "dash"}
END = 92
"""Percent: end of the axis, slightly beyond a sweep's end, so that its last marks are not cut off."""
TICKS = {at: "" if at % 20 else f"{at} %" for at in range(0, 91, 10)}
"""Percent → its label on the axis. Only every second tick has one: labels would overlap in the narrow charts."""
LEGEND_ROW = 20
WIDE, NARROW = 5, 3
"""Approximate number of legend entries per row below a wide and a narrow chart."""
SMALLEST, LARGEST = 5.5, 85.0
"""Billions of parameters: the ends of the axis of the paper's models."""


def look_of(method: str) -> tuple[str, str]:
    """Return a method's colour and mark; for a method that is not in LOOKS, one of SPARE determined by its name."""
    return LOOKS.get(method) or SPARE[sum(method.encode()) % len(SPARE)]


@dataclass(frozen=True)
class Drawn:
    """The data of a sweep's charts. `curves`: (method, order) → points, each beginning with the dense model's.

    `names`: the page's name of each curve; `numbers`: each point's index; `knees`: the knee of each complete curve, or
    None; `interval`: function that returns a perplexity's interval.
    """

    curves: Mapping[tuple[str, str], Sequence[SweepPoint]]
    names: Mapping[tuple[str, str], str]
    numbers: Mapping[SweepPoint, int]
    knees: Mapping[tuple[str, str], SweepPoint | None]
    interval: Callable[[Perplexity], Interval]


@dataclass(frozen=True)
class _Mark:
    """One mark: its position, the ends of its interval, the point's index, and the count n shown on hover."""

    x: float
    y: float
    low: float
    high: float
    number: int
    count: int


def perplexity(drawn: Drawn, texts: Mapping[str, str], told: str, say: Say, height: int = 330) -> go.Figure:
    """Draw perplexity on a log axis: held-out text on the left, calibration text (if any) on the right.

    texts: `held_out` and, if a text was collected on, `calibration` → the axis title, which names the text with its n.
    told: the title. Bars: 95 % over windows. A perplexity that is not finite is not drawn.
    """
    figure = make_subplots(1, len(texts), shared_yaxes=True, horizontal_spacing=0.03)

    def marks(points: Sequence[SweepPoint], which: str) -> list[_Mark]:
        found = [(point, getattr(point, which)) for point in points if getattr(point, which) is not None]
        return [_Mark(100 * point.sparsity, one.value, drawn.interval(one).low, drawn.interval(one).high,
                      drawn.numbers[point], one.windows) for point, one in found if math.isfinite(one.value)]

    for column, which in enumerate(texts, start=1):
        for (method, order), points in drawn.curves.items():
            own = marks(points, which)
            name = drawn.names[method, order]
            figure.add_trace(_curve(own, method, order, name if column == 1 else say("sweep.calibration", name=name),
                                    say("sweep.hover.perplexity"), column == 1), 1, column)
        dense = [point for points in drawn.curves.values() for point in points[:1] if not point.sparsity][:1]
        figure.add_trace(_dense(marks(dense, which), say, say("sweep.hover.perplexity"), column == 1), 1, column)
        ring = marks([point for point in drawn.knees.values() if point is not None], which)
        if ring and which == "held_out":
            figure.add_trace(go.Scatter(
                x=[one.x for one in ring], y=[one.y for one in ring], mode="markers", name=say("sweep.knee.ring"),
                hoverinfo="skip", marker={"symbol": "circle-open", "size": MARKS.ring, "color": PICK,
                                          "line": {"width": STROKES.ring}}), 1, column)
        figure.update_xaxes(title_text=texts[which], row=1, col=column)
    _finish(figure, told, height, WIDE)
    values = [mark for which in texts for points in drawn.curves.values() for mark in marks(points, which)]
    _log(figure, [one.y for one in values])
    figure.update_yaxes(title_text=say("sweep.axis.perplexity"), row=1, col=1)
    return figure


def probes(drawn: Drawn, told: str, say: Say, height: int = 330) -> go.Figure:
    """Draw the fraction of probes answered exactly right, with Wilson's 95 % intervals as bars."""
    figure = go.Figure()

    def marks(points: Sequence[SweepPoint]) -> list[_Mark]:
        found = [(point, point.probes) for point in points if point.probes is not None]
        return [_Mark(100 * point.sparsity, 100 * one.value, 100 * one.interval.low, 100 * one.interval.high,
                      drawn.numbers[point], one.total) for point, one in found]

    for (method, order), points in drawn.curves.items():
        figure.add_trace(_curve(marks(points), method, order, drawn.names[method, order],
                                say("sweep.hover.probes"), True))
    dense = [point for points in drawn.curves.values() for point in points[:1] if not point.sparsity][:1]
    figure.add_trace(_dense(marks(dense), say, say("sweep.hover.probes"), True))
    _finish(figure, told, height, NARROW)
    figure.update_xaxes(title_text=say("sweep.axis.sparsity"))
    figure.update_yaxes(title_text=say("sweep.axis.probes"), range=[-2, 102], ticksuffix=" %")
    return figure


def relative(drawn: Drawn, paper: Sequence[Published], at: float, told: str, say: Say, height: int = 330) -> go.Figure:
    """Draw held-out perplexity / that of the dense model: on the left ours, on the right the paper's at sparsity `at`.

    The paper's marks are hollow. Perplexities of two protocols are not comparable; ratios to their dense models are.
    """
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.03, column_widths=[0.6, 0.4])
    values = []
    for (method, order), points in drawn.curves.items():
        dense = points[0].held_out.value
        own = [_Mark(100 * point.sparsity, point.held_out.value / dense, math.nan, math.nan, drawn.numbers[point],
                     point.held_out.windows)
               for point in points if not points[0].sparsity and math.isfinite(point.held_out.value)]
        values += [one.y for one in own]
        figure.add_trace(_curve(own, method, order, drawn.names[method, order], say("sweep.hover.relative"), True,
                                bars=False), 1, 1)
    for method, (colour, symbol) in LOOKS.items():
        shown = [one for one in paper if method in one.pruned]
        if not shown:
            continue
        values += [one.relative(method) for one in shown]
        figure.add_trace(go.Scatter(
            x=[one.billions for one in shown], y=[one.relative(method) for one in shown], mode="markers",
            name=f"{method}: {say('sweep.paper_name')}", showlegend=False,
            customdata=[[None, one.model, method] for one in shown],
            marker={"symbol": f"{symbol}-open", "color": colour, "size": MARKS.hollow,
                    "line": {"width": STROKES.hollow}},
            hovertemplate=say("sweep.hover.paper") + "<extra></extra>"), 1, 2)
    marks = " · ".join(f"{GLYPHS[LOOKS[method][1]]} {method}" for method in LOOKS
                       if any(method in one.pruned for one in paper))
    figure.add_trace(go.Scatter(
        x=[None], y=[None], mode="markers", name=say("sweep.paper_marks", marks=marks),
        marker={"symbol": "circle-open", "color": INK, "size": MARKS.hollow, "line": {"width": STROKES.hollow}}), 1, 2)
    _finish(figure, told, height, NARROW)
    sizes = sorted({one.billions for one in paper})
    figure.update_xaxes(title_text=say("sweep.axis.sparsity"), row=1, col=1)
    figure.update_xaxes(title_text=say("sweep.axis.paper", sparsity=percent(at, 0)), type="log",
                        range=[math.log10(SMALLEST), math.log10(LARGEST)], tickvals=sizes,
                        ticktext=[f"{size:g}B" for size in sizes], row=1, col=2)
    _log(figure, values)
    figure.update_yaxes(title_text=say("sweep.axis.relative"), row=1, col=1)
    return figure


def _curve(marks: Sequence[_Mark], method: str, order: str, name: str, hover: str, legend: bool,
           bars: bool = True) -> go.Scatter:
    colour, symbol = look_of(method)
    return go.Scatter(
        x=[one.x for one in marks], y=[one.y for one in marks], mode="lines+markers", name=name, showlegend=legend,
        legendgroup=f"{method} {order}", line={"color": colour, "width": STROKES.curve, "dash": DASHES[order]},
        marker={"color": colour, "symbol": symbol, "size": MARKS.point}, error_y=_bars(marks, colour) if bars else None,
        customdata=[[one.number, one.low, one.high, one.count] for one in marks],
        hovertemplate=f"{name}<br>{hover}<extra></extra>")


def _dense(marks: Sequence[_Mark], say: Say, hover: str, legend: bool) -> go.Scatter:
    """Return the dense model's mark, at the curves' common first point."""
    return go.Scatter(
        x=[one.x for one in marks], y=[one.y for one in marks], mode="markers", name=say("compare.dense"),
        showlegend=legend, marker={"color": DENSE, "symbol": "circle", "size": MARKS.dense},
        customdata=[[one.number, one.low, one.high, one.count] for one in marks],
        hovertemplate=f"{say('compare.dense')}<br>{hover}<extra></extra>")


def _bars(marks: Sequence[_Mark], colour: str) -> dict[str, object]:
    return {"type": "data", "symmetric": False, "thickness": STROKES.interval, "width": 3, "color": colour,
            "array": [one.high - one.y for one in marks], "arrayminus": [one.y - one.low for one in marks]}


def _log(figure: go.Figure, values: Sequence[float]) -> None:
    """Set a log axis of at least one decade around the values. Their bars are ignored: with few windows these are so
    long that the curves would look flat."""
    low, high = math.log10(min(values, default=1.0)), math.log10(max(values, default=100.0))
    high = max(high, low + 1)
    room = 0.06 * (high - low)
    ticks, names = decades(low - room, high + room)
    plain = [f"{10**tick:,.0f}" if tick > -1e-9 else f"{10**tick:.1g}" for tick in ticks]
    figure.update_yaxes(type="log", range=[low - room, high + room], tickvals=[10**tick for tick in ticks],
                        ticktext=[short if tick < 5 else name for tick, short, name in zip(ticks, plain, names,
                                                                                            strict=True)])


def _finish(figure: go.Figure, title: str, height: int, entries: int) -> None:
    """Apply the common style, with the legend below the axes, since there are many names and a title of two lines."""
    rows = math.ceil(sum(one.showlegend is not False for one in figure.data) / entries)
    style(figure, title, height + LEGEND_ROW * max(0, rows - 1))
    figure.update_layout(title_y=0.95, margin={"t": 48, "b": 52 + LEGEND_ROW * rows, "l": 60, "r": 10},
                         legend={"y": -0.24, "yanchor": "top", "font": {"size": LETTERS.fine}})
    figure.update_xaxes(range=[-3, END], tickvals=list(TICKS), ticktext=list(TICKS.values()),
                        title_font={"size": LETTERS.fine})
