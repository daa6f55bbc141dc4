"""Figures for print: small self-contained SVGs of plain numbers, with axes, legend and unit.

Each gets its texts through `say` and a text alternative; missing values are hatched. Uses no model and no page.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gblm_viz.escape import escape

from .charts import columns_of, decades, short
from .colours import DENSE, PICK, PRUNED, Kind
from .curves import DASHES, look_of
from .maps import Say, colour_at, ink_on, number, role_label
from .sizes import DRAWN

if TYPE_CHECKING:
    from gblm_viz.core.keep.run import SweepRow
    from gblm_viz.core.look.histogram import Histogram

Array = np.ndarray[Any, Any]
WIDTH = 680
"""Width of every figure in SVG units; 18 cm on an A4 page."""
TALLEST = 860
"""Maximum height of a figure in SVG units, so that it fits on one page."""
LETTER = DRAWN.text * 6.2 / 11
"""Width of a letter in SVG units at the usual font size; a Japanese character is two letters wide."""
Interval = tuple[float, float, float]
"""A share with the ends of its interval: value, low, high."""


PATTERNS = {
    "hatch": f'<rect width="5" height="5" fill="{PRUNED}"/><rect width="1.6" height="5" fill="#5e4000"/>',
    "gap": '<rect width="1" height="5" fill="#999"/>',
}
"""Name → fill: `hatch` for removed weights, `gap` for missing values."""


def _svg(height: float, alternative: str, body: str) -> str:
    """Return one SVG; its fill patterns get ids unique to it, since several figures share a page."""
    own = f"p{zlib.crc32(body.encode()):08x}"
    used = "".join(f'<pattern id="{own}-{name}" width="5" height="5" patternTransform="rotate(45)" '
                   f'patternUnits="userSpaceOnUse">{drawn}</pattern>' for name, drawn in PATTERNS.items()
                   if f"url(#{name})" in body)
    defined = f"<defs>{used}</defs>" if used else ""
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(alternative)}" '
            f'xmlns="http://www.w3.org/2000/svg">{defined}{body.replace("url(#", f"url(#{own}-")}</svg>')


def _text(x: float, y: float, words: str, anchor: str = "start", fill: str = "", size: float = DRAWN.text) -> str:
    colour = f' fill="{fill}"' if fill else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}"{colour}>{words}</text>'


def _rect(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"{more}/>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1) -> str:
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width:g}"/>')


def heat_map(cells: Sequence[tuple[int, str, float | None]], say: Say, *, unit: str, alternative: str,
             log: bool = False, kind: Kind = "sequential", bounds: tuple[float, float] | None = None) -> str:
    """Return a map of blocks × roles from (block, role, value), each value printed in its cell if there is room.

    bounds: the ends of the colour scale, by default the smallest and the largest value. log: logarithmic colour scale.
    """
    roles = list(dict.fromkeys(role for _, role, _ in cells))
    blocks = max((block for block, _, _ in cells), default=0) + 1
    known = [value for _, _, value in cells if value is not None and math.isfinite(value) and (value > 0 or not log)]
    low, high = bounds or (min(known, default=0.0), max(known, default=1.0))
    left, top = 56.0, 24.0
    tall = min(22.0, (TALLEST - 90) / blocks)
    wide = (WIDTH - left) / max(1, len(roles))
    body = [_text(left + wide * (at + 0.5), 15, escape(role_label(say, role)), "middle")
            for at, role in enumerate(roles)]
    every = max(1, math.ceil(12 / tall))
    body += [_text(left - 6, top + tall * (block + 0.5) + 4, f"{escape(say('map.block'))} {block}", "end",
                   size=DRAWN.small)
             for block in range(0, blocks, every)]
    for block, role, value in cells:
        x, y = left + wide * roles.index(role), top + tall * block
        if value is None or not math.isfinite(value):
            body.append(_rect(x, y, wide - 1, tall - 1, "url(#gap)"))
            continue
        colour = colour_at(kind, _place(value, low, high, log))
        body.append(_rect(x, y, wide - 1, tall - 1, colour))
        if tall >= 13 and wide >= 40:
            body.append(_text(x + wide / 2, y + tall / 2 + 3.5, number(value), "middle", ink_on(colour), DRAWN.small))
    below = top + tall * blocks + 14
    scale = say("map.log" if log else "map.linear")
    body.append(_colour_bar(left, below, kind, number(low), number(high), f"{unit} · {scale}"))
    return _svg(below + 34, alternative, "".join(body))


def _place(value: float, low: float, high: float, log: bool) -> float:
    """Return the position of a value on the colour scale, 0 … 1."""
    if log:
        value, low, high = (math.log(max(one, 1e-300)) for one in (value, low, high))
    return (value - low) / (high - low) if high > low else 0.5


def _colour_bar(x: float, y: float, kind: Kind, low: str, high: str, told: str) -> str:
    steps, width = 40, 4.0
    bar = "".join(_rect(x + 60 + step * width, y, width + 0.3, 10, colour_at(kind, step / (steps - 1)))
                  for step in range(steps))
    end = x + 60 + steps * width
    return _text(x + 54, y + 9, low, "end") + bar + _text(end + 6, y + 9, high) + _text(x, y + 26, escape(told))


def score_histogram(found: Histogram, say: Say, alternative: str) -> str:
    """Draw the histogram of scores: removed weights hatched, kept ones plain, the rows' thresholds marked."""
    left, right, top, tall = 64.0, 10.0, 30.0, 190.0
    low, high = float(found.edges[0]), float(found.edges[-1])
    total = found.kept + found.removed
    most = max(1, int(total.max()))
    scale = (WIDTH - left - right) / (high - low)
    at = [left + (float(edge) - low) * scale for edge in found.edges]
    body = []
    for share in (0.0, 0.5, 1.0):
        y = top + tall * (1 - share)
        body += [_line(left, y, WIDTH - right, y, "#ccc", DRAWN.grid),
                 _text(left - 6, y + 4, f"{most * share:,.0f}", "end")]
    for index, (removed, kept) in enumerate(zip(found.removed, found.kept, strict=True)):
        width, down = at[index + 1] - at[index], tall * float(removed) / most
        up = tall * float(kept) / most
        if removed:
            body.append(_rect(at[index], top + tall - down, width, down, "url(#hatch)"))
        if kept:
            body.append(_rect(at[index], top + tall - down - up, width, up, DENSE))
    if math.isfinite(found.cut_low):
        from_x, to_x = (left + (cut - low) * scale for cut in (found.cut_low, found.cut_high))
        body.append(_rect(from_x - 1, top, max(2.0, to_x - from_x + 2), tall, PICK,
                          f' fill-opacity="0.25" stroke="{PICK}" stroke-width="{DRAWN.cut:g}"'))
    ticks, names = decades(low, high)
    crowded = max(1, len(ticks) // 9)
    raised = f'<tspan dy="-4" font-size="{DRAWN.exponent:g}">'
    for tick, name in list(zip(ticks, names, strict=True))[::crowded]:
        x = left + (tick - low) * scale
        body += [_line(x, top + tall, x, top + tall + 4, "#666"),
                 _text(x, top + tall + 16, name.replace("<sup>", raised).replace("</sup>", "</tspan>"), "middle")]
    body += [_text(left + (WIDTH - left - right) / 2, top + tall + 33, escape(say("prune.histogram.x")), "middle"),
             _text(left - 6, top - 12, escape(say("prune.histogram.y")), "end")]
    legend = [("url(#hatch)", say("prune.histogram.removed")), (DENSE, say("prune.histogram.kept"))]
    if math.isfinite(found.cut_low):
        same = short(10.0**found.cut_low) == short(10.0**found.cut_high)
        legend.append((PICK, say("prune.histogram.cut" if same else "prune.histogram.cuts",
                                 low=short(10.0**found.cut_low), high=short(10.0**found.cut_high))))
    for place, (fill, name) in enumerate(legend):
        body += [_rect(left + 110 * place, 6, 11, 11, fill), _text(left + 110 * place + 16, 16, escape(name))]
    return _svg(top + tall + 40, alternative, "".join(body))


def sweep(rows: Sequence[SweepRow], names: Mapping[tuple[str, str], str], say: Say, alternative: str) -> str:
    """Draw held-out perplexity (log axis) against the fraction removed: one line per curve, dashed if sequential.

    names: (method, order) → the curve's name. Each has its own colour and mark, as on screen; a knee is circled.
    Values that are not finite are not drawn.
    """
    left, top, tall = 64.0, 16.0, 220.0
    right = 44 + LETTER * max(map(columns_of, names.values()), default=10)
    shown = [row for row in rows if math.isfinite(row.perplexity_held_out)]
    logs = [math.log10(row.perplexity_held_out) for row in shown]
    low, high = min(logs, default=0.0), max(logs, default=1.0)
    high = max(high, low + 0.5)

    def at(row: SweepRow) -> tuple[float, float]:
        up = (math.log10(row.perplexity_held_out) - low) / (high - low)
        return left + (WIDTH - left - right) * row.sparsity, top + tall * (1 - up)

    body = []
    for percent in range(0, 101, 20):
        x = left + (WIDTH - left - right) * percent / 100
        body += [_line(x, top, x, top + tall, "#ddd", DRAWN.grid), _text(x, top + tall + 15, f"{percent} %", "middle")]
    for tick in decades(low, high)[0]:
        y = top + tall * (1 - (tick - low) / (high - low))
        body += [_line(left, y, WIDTH - right, y, "#ddd", DRAWN.grid), _text(left - 6, y + 4, short(10.0**tick), "end")]
    for place, name in enumerate(dict.fromkeys((row.method, row.order) for row in shown)):
        method, order = name
        colour, mark = look_of(method)
        own = [row for row in shown if (row.method, row.order) == name]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, own))
        dash = ' stroke-dasharray="5 3"' if DASHES[order] == "dash" else ""
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{DRAWN.curve:g}"{dash}/>')
        for row in own:
            body.append(_symbol(*at(row), mark, colour))
            if row.knee:
                x, y = at(row)
                body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="{PICK}" '
                            f'stroke-width="{DRAWN.ring:g}"/>')
        y = top + 12 + 18 * place
        body += [_symbol(WIDTH - right + 22, y - 4, mark, colour),
                 _text(WIDTH - right + 34, y, escape(names[name]))]
    body += [_text(left + (WIDTH - left - right) / 2, top + tall + 32, escape(say("sweep.axis.sparsity")), "middle"),
             _text(6, top - 4, escape(say("sweep.axis.perplexity")))]
    return _svg(top + tall + 40, alternative, "".join(body))


SYMBOLS = {"square": ((-1, -1), (1, -1), (1, 1), (-1, 1)), "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
           "triangle-up": ((0, -1.2), (1.2, 1), (-1.2, 1)), "x": ((-1, -0.4), (1, -0.4), (1, 0.4), (-1, 0.4)),
           "pentagon": ((0, -1.2), (1.2, -0.3), (0.7, 1), (-0.7, 1), (-1.2, -0.3)),
           "triangle-down": ((-1.2, -1), (1.2, -1), (0, 1.2)),
           "star": ((0, -1.4), (0.4, -0.4), (1.4, -0.4), (0.6, 0.3), (0.9, 1.3), (0, 0.7), (-0.9, 1.3), (-0.6, 0.3),
                    (-1.4, -0.4), (-0.4, -0.4)),
           "hexagon": ((0, -1.2), (1.05, -0.6), (1.05, 0.6), (0, 1.2), (-1.05, 0.6), (-1.05, -0.6))}
"""Corners of the curves' marks, in multiples of their size."""


def _symbol(x: float, y: float, mark: str, colour: str, size: float = DRAWN.mark) -> str:
    corners = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in SYMBOLS[mark])
    return f'<polygon points="{corners}" fill="{colour}"/>'


def shares(rows: Sequence[tuple[str, Interval, Interval]], say: Say, alternative: str) -> str:
    """Draw rows (name, dense, pruned): each share as a mark (● dense, ▲ pruned) on its 95 % interval, 0 to 100 %."""
    left, right, top = 20 + LETTER * max((columns_of(name) for name, _, _ in rows), default=10), 16.0, 34.0
    tall = min(24.0, (TALLEST - 80) / max(1, len(rows)))
    wide = WIDTH - left - right
    bottom = top + tall * len(rows)
    body = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + wide * share
        body += [_line(x, top, x, bottom, "#ccc", DRAWN.grid), _text(x, bottom + 14, f"{100 * share:.0f} %", "middle")]
    for index, (name, dense, pruned) in enumerate(rows):
        middle = top + tall * (index + 0.5)
        body.append(_text(left - 8, middle + 4, escape(name), "end", size=min(DRAWN.text, tall)))
        for (value, low, high), colour, away in ((dense, DENSE, -tall / 5), (pruned, PRUNED, tall / 5)):
            y, x = middle + away, left + wide * value
            body.append(_line(left + wide * low, y, left + wide * high, y, colour, DRAWN.curve))
            body.append(_mark(x, y, colour))
    for place, (name, colour) in enumerate(((say("compare.dense"), DENSE), (say("compare.pruned"), PRUNED))):
        body += [_mark(left + 6 + 130 * place, 14, colour), _text(left + 16 + 130 * place, 18, escape(name))]
    body.append(_text(left + 280, 18, escape(say("report.figures.interval"))))
    return _svg(bottom + 22, alternative, "".join(body))


def _mark(x: float, y: float, colour: str) -> str:
    if colour == DENSE:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DRAWN.mark:g}" fill="{colour}"/>'
    return (f'<path d="M{x:.1f} {y - 4.4:.1f}l4.4 7.6h-8.8z" fill="{colour}" stroke="#5e4000" '
            f'stroke-width="{DRAWN.grid:g}"/>')


KEPT_TO_REMOVED = ("#ffffff", PRUNED)
"""Ends of a mask's colour scale: white for kept, orange for removed, in between the fraction removed of a square."""


def mask_image(density: Array, shape: tuple[int, int], step: int, say: Say, alternative: str) -> str:
    """Draw a mask, or the fraction removed of each of its squares; row 0 at the top, column 0 at the left.

    density: float32 (rows, columns), 0 … 1; shape: the mask's; step: weights along the side of a square.
    """
    rows, columns = density.shape
    left, top = 56.0, 22.0
    scale = min((WIDTH - left - 10) / columns, (TALLEST - 120) / 2 / rows, 3.0)
    wide, tall = columns * scale, rows * scale
    data = base64.b64encode(png(np.rint(255 * np.clip(density, 0, 1)).astype(np.uint8))).decode()
    outline = f' stroke="#666" stroke-width="{DRAWN.grid:g}"'
    body = [f'<image x="{left:g}" y="{top:g}" width="{wide:.1f}" height="{tall:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering: pixelated" href="data:image/png;base64,{data}"/>',
            _rect(left, top, wide, tall, "none", outline),
            _text(left - 6, top + 10, "0", "end"), _text(left - 6, top + tall, f"{shape[0] - 1:,}", "end"),
            _text(left, top - 6, "0"), _text(left + wide, top - 6, f"{shape[1] - 1:,}", "end"),
            _text(left + wide / 2, top - 6, escape(say("report.figures.columns")), "middle"),
            _text(left - 6, top + tall / 2, escape(say("report.figures.rows")), "end")]
    below = top + tall + 12
    for place, (fill, key) in enumerate(zip(KEPT_TO_REMOVED, ("stays", "went"), strict=True)):
        body += [_rect(left + 90 * place, below, 11, 11, fill, outline),
                 _text(left + 90 * place + 16, below + 10, escape(say(f"report.figures.{key}")))]
    told = say("report.figures.weight") if step == 1 else say("report.figures.square", step=step)
    body.append(_text(left + 190, below + 10, escape(told)))
    return _svg(below + 18, alternative, "".join(body))


def png(codes: Array) -> bytes:
    """Return codes, uint8 (rows, columns), 0 … 255 along `KEPT_TO_REMOVED`, as a PNG with a palette (RFC 2083)."""
    rows, columns = codes.shape
    ends = [np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) for colour in KEPT_TO_REMOVED]
    along = np.linspace(0, 1, 256)[:, None]
    palette = np.rint((1 - along) * ends[0] + along * ends[1]).astype(np.uint8)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), codes], 1)  # each row starts with a filter byte: 0 = none

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0))
            + chunk(b"PLTE", palette.tobytes()) + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
            + chunk(b"IEND", b""))
