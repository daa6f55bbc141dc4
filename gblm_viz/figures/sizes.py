"""One scale for the whole app: letters, distances, corners, controls, defined once for the style sheets, the charts,
the canvas, the report and Gradio's theme.

A style sheet names a size as var(--table-name): var(--letters-small), var(--radius-box). On a page they are in rem, and
a rem grows a little with the window, so a large screen is filled by larger things, not by an empty margin. Letters and
controls grow further with one number: --enlarged, 1 by default, set on the root element. Contains no chart and no page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
ROOT = 16
"""Pixels of a rem in a window of laptop size, unless a reader has chosen another size in the browser."""
FLUID = "clamp(100%, 75% + .3125vw, 150%)"
"""A rem of the page: 16 pixels in a window of 1280, 18 at 1920, 20 at 2560; a reader's own size counts as the 100 %."""


@dataclass(frozen=True)
class Letters:
    """The five letter sizes of the page and its pictures, in pixels of a window of laptop size."""

    number: float = 28
    """the one number of a card"""
    head: float = 20
    """what a screen says; the mark of a removed weight in a large cell"""
    text: float = 16
    """sentences and answers"""
    small: float = 14
    """controls, tables, notes, what made a result"""
    fine: float = 13
    """inside pictures: axes, legends, links that save them. Nothing is smaller"""


@dataclass(frozen=True)
class Printed:
    """Letter sizes of the report: its body on the screen and on paper, and everything else relative to that."""

    screen: str = "15px"
    paper: str = "10.5pt"
    sheet_screen: str = "14px"
    sheet_paper: str = "8.5pt"
    """a hand-out that has to fit on one sheet"""
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
    """Distances, in pixels of a window of laptop size."""

    tight: float = 4
    """between what is read as one"""
    usual: float = 8
    """between neighbours"""
    columns: float = 16
    """between columns"""
    parts: float = 24
    """between the parts of a screen"""
    page: float = 32
    """around the page where there is room"""


@dataclass(frozen=True)
class Paddings:
    """Room inside a box above and below, left and right, in pixels of a window of laptop size."""

    control: tuple[float, float] = (4, 8)
    """a box with a control and its name"""
    button: tuple[float, float] = (4, 12)


@dataclass(frozen=True)
class Heights:
    """Heights of controls, in pixels: at least, at most."""

    button: tuple[float, float] = (36, 40)
    """buttons of all three kinds, and boxes of one line: large enough for a finger, and level in a row"""


@dataclass(frozen=True)
class Radii:
    """Radii of corners, in pixels."""

    mark: float = 4
    """bars, tokens, cells"""
    box: float = 8
    """buttons, boxes, panes"""
    round: float = 10
    """a slider's knob"""


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


def _pixels(table: Radii | Strokes) -> dict[str, str]:
    return {name: f"{size:g}px" for name, size in asdict(table).items()}


def _rem(table: Letters | Spaces) -> dict[str, str]:
    return {name: f"{size / ROOT:g}rem" for name, size in asdict(table).items()}


def _named(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{prefix}-{name.replace('_', '-')}": size for prefix, table in tables.items()
            for name, size in table.items()}


_GROWING = _named({"letters": _rem(LETTERS), "height": {
    name: f"clamp({least:g}px, {least / ROOT:g}rem, {most:g}px)" for name, (least, most) in asdict(HEIGHTS).items()}})
_FIXED = _named({"space": _rem(SPACES), "radius": _pixels(RADII), "stroke": _pixels(STROKES), "padding": {
    name: f"{high / ROOT:g}rem {wide / ROOT:g}rem" for name, (high, wide) in asdict(PADDINGS).items()}})
NAMED = {**_GROWING, **_FIXED, **_named({"printed": asdict(PRINTED)})}
"""Name → size of the CSS variables, e.g. var(--letters-small)."""


def css_variables() -> str:
    """Return the CSS rule that defines the page's sizes as variables; letters and controls grow with --enlarged."""
    growing = {name: f"calc({size} * var(--enlarged))" for name, size in _GROWING.items()}
    sizes = {"root": FLUID, "enlarged": "1", **growing, **_FIXED}
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
    return {"small": LETTERS.small, "head": LETTERS.head, "fine": LETTERS.fine}
