"""All letter sizes, and the other sizes that several places share, defined once for the style sheets, the charts, the
canvas, the report and Gradio's theme.

A style sheet names a size as var(--table-name): var(--letters-tag), var(--radius-box). On a page all that letters need
grows with one number: --enlarged, 1 by default, set on the root element. Contains no chart and no page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
ROOT = 16
"""Pixels of a rem, unless a reader has chosen another size in the browser."""


@dataclass(frozen=True)
class Letters:
    """Letter sizes on the page and in its pictures, in pixels."""

    numeral: float = 24
    """the number of a card"""
    cell_mark: float = 22
    """the mark of a removed weight in the matrix, where its cell is large enough"""
    title: float = 20
    headline: float = 17.92
    """what the first screen says"""
    verdict: float = 16.8
    """whether one weight is removed"""
    sentence: float = 16.32
    page: float = 16
    """a page without Gradio; Gradio's large buttons"""
    section: float = 15.68
    """head of a part of a tab"""
    answer: float = 15.2
    """a model's answer; sentences beside a picture"""
    icon: float = 15
    """signs on the matrix's buttons"""
    remark: float = 14.72
    note: float = 14.4
    detail: float = 14.08
    """formulas and texts below a picture"""
    table: float = 14.08
    token: float = 14
    """the text whose loss is shown"""
    limit: float = 13.76
    """what a number does not say"""
    table_half: float = 13.76
    """a table in half of the page's width"""
    choice: float = 13.6
    """options in one line"""
    compact: float = 13.44
    """labels, legends and buttons that share a line"""
    table_small: float = 13.44
    tag: float = 13.12
    """what made a result"""
    table_dense: float = 13.12
    body: float = 13
    """our own components, Gradio's text, titles of charts"""
    hint: float = 12.8
    """what a control is"""
    table_wide: float = 12.48
    """a table of many columns"""
    field: float = 12.16
    """labels above the boxes of sampling"""
    legend: float = 12
    """legends, axes, what a saved picture was made of"""
    axis: float = 11.5
    """titles of the sweep's axes"""
    caption: float = 11
    """notes inside a chart, words on small buttons, Gradio's labels"""
    mark: float = 10
    """links that save a picture; marks above tokens"""
    smaller: float = 9
    smallest: float = 8


@dataclass(frozen=True)
class Printed:
    """Letter sizes of the report: its body on the screen and on paper, and everything else relative to that."""

    screen: str = "15px"
    paper: str = "10.5pt"
    title: str = "1.5em"
    section: str = "1.2em"
    lead: str = "1.08em"
    code: str = ".92em"
    table: str = ".86em"
    tag: str = ".8em"
    table_wide: str = ".72em"


@dataclass(frozen=True)
class Drawn:
    """Sizes of letters, marks and lines in the report's figures, in units of their SVG."""

    text: float = 11
    small: float = 10
    """names of blocks, values in cells"""
    exponent: float = 8
    mark: float = 3.6
    """half of a mark's width"""
    curve: float = 1.6
    grid: float = 0.6
    """grid lines and outlines"""
    cut: float = 1.2
    ring: float = 2


@dataclass(frozen=True)
class Spaces:
    """Distances between neighbours in a row, a column or a grid, in pixels."""

    tight: float = 4
    close: float = 6
    usual: float = 8
    wide: float = 10
    apart: float = 12
    columns: float = 16


@dataclass(frozen=True)
class Paddings:
    """Room inside a box above and below, left and right, in pixels."""

    control: tuple[float, float] = (5, 9)
    """a box with a control and its name, where room is scarce"""
    link: tuple[float, float] = (3, 10)
    """a link or a button of one word"""


@dataclass(frozen=True)
class Heights:
    """Heights of controls, in pixels."""

    tool: float = 26
    """buttons and boxes of one line above or below a picture"""
    button: float = 34


@dataclass(frozen=True)
class Radii:
    """Radii of corners, in pixels."""

    bar: float = 2
    token: float = 3
    mark: float = 4
    tool: float = 5
    box: float = 6
    panel: float = 8


@dataclass(frozen=True)
class Strokes:
    """Widths of lines in pixels."""

    focus: float = 3
    """around what the keyboard is at"""
    pick: float = 3
    """around what has been selected"""
    edge: float = 4
    """at the left of an answer or a notice, in its colour"""
    curve: float = 2
    profile: float = 1.6
    reference: float = 1.5
    """a diagonal, the ends of a band"""
    cut: float = 3
    """a threshold"""
    ring: float = 3
    """around a knee"""
    interval: float = 1
    hollow: float = 2
    """the outline of a hollow mark"""


@dataclass(frozen=True)
class Marks:
    """Diameters of the charts' marks, in pixels."""

    point: float = 8
    hollow: float = 9
    dense: float = 11
    ring: float = 19


LETTERS, PRINTED, DRAWN = Letters(), Printed(), Drawn()
SPACES, PADDINGS, HEIGHTS, RADII = Spaces(), Paddings(), Heights(), Radii()
STROKES, MARKS = Strokes(), Marks()


def _pixels(table: Spaces | Heights | Radii | Strokes) -> dict[str, str]:
    return {name: f"{size:g}px" for name, size in asdict(table).items()}


def _named(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{prefix}-{name.replace('_', '-')}": size for prefix, table in tables.items()
            for name, size in table.items()}


_GROWING = _named({"letters": {name: f"{size / ROOT:g}rem" for name, size in asdict(LETTERS).items()},
                   "height": _pixels(HEIGHTS)})
_FIXED = _named({"space": _pixels(SPACES), "radius": _pixels(RADII), "stroke": _pixels(STROKES),
                 "padding": {name: f"{high:g}px {wide:g}px" for name, (high, wide) in asdict(PADDINGS).items()}})
NAMED = {**_GROWING, **_FIXED, **_named({"printed": asdict(PRINTED)})}
"""Name → size of the CSS variables, e.g. var(--letters-tag)."""


def css_variables() -> str:
    """Return the CSS rule that defines the page's sizes as variables; letters and controls grow with --enlarged."""
    growing = {name: f"calc({size} * var(--enlarged))" for name, size in _GROWING.items()}
    sizes = {"enlarged": "1", **growing, **_FIXED}
    return ":root { " + " ".join(f"--{name}: {size};" for name, size in sizes.items()) + " }\n"


def fill_variables(style: str) -> str:
    """Return a style sheet with each var(--name) of NAMED replaced by its size, for a page without them."""
    return _VARIABLE.sub(lambda found: NAMED.get(found[1], found[0]), style)


def add_fallbacks(style: str) -> str:
    """Return a style sheet that takes the page's sizes, and those of NAMED where a page defines none."""
    return _VARIABLE.sub(
        lambda found: f"var(--{found[1]}, {NAMED[found[1]]})" if found[1] in NAMED else found[0], style)


def for_scripts() -> dict[str, float]:
    """Return the letter sizes that the canvas scripts draw with, in pixels, as JSON values."""
    return {"body": LETTERS.body, "cellMark": LETTERS.cell_mark, "legend": LETTERS.legend}
