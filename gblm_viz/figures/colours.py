"""All colours that carry meaning, defined once for the style sheets, the charts, the canvas and the report.

Kept and dense are blue, removed and pruned are orange, everywhere; a mark or a line style always shows the same, so
that nothing depends on colour alone. Contains no chart and no page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

DENSE = KEPT = "#0072B2"
PRUNED = REMOVED = "#E69F00"
THIRD = "#009E73"
PICK = "#CC79A7"
"""Marks what the user has selected."""
SKY = "#56B4E9"
"""Keyboard focus; and the dense model's blue on a dark background."""
INK = "#808890"
"""A grey readable on white and on black: a plot is not informed whether the page is dark."""
NAMED = {"dense": DENSE, "kept": KEPT, "pruned": PRUNED, "removed": REMOVED, "third": THIRD, "pick": PICK, "sky": SKY}
"""Name → colour of the CSS variables, e.g. var(--removed)."""

Kind = Literal["sequential", "diverging", "density"]
RAMPS: Mapping[Kind, tuple[str, ...]] = {
    "sequential": ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55",
                   "#fee838"),
    "diverging": ("#00395c", DENSE.lower(), "#7ab4d6", "#f7f7f7", "#f3cd7a", PRUNED.lower(), "#7f4a00"),
    "density": ("#ffffff", "#d9d9e0", "#9a9aa8", "#5a5a6e", "#1a1a2e"),
}
"""Colour stops of Cividis, of blue–white–orange, and of white to ink for the fraction removed."""
BOTH_KEPT, BOTH_REMOVED = "#e8e8ec", "#6e6e7a"
"""Where two masks agree: two greys, so that differences keep their hue when colours are mixed by share."""


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green, blue, 0 to 255, of #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def shaded(colour: str, share: float) -> str:
    """Return the colour as CSS rgba with the opacity `share`, 0 … 1."""
    return f"rgba({', '.join(map(str, channels(colour)))}, {share:.2f})"


def css_variables() -> str:
    """Return the CSS rule that defines every named colour as a variable."""
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in NAMED.items()) + " }\n"


def fill_variables(style: str) -> str:
    """Return a style sheet with each var(--name) of NAMED replaced by its colour, for a page without them."""
    return re.sub(r"var\(--(\w+)\)", lambda found: NAMED.get(found[1], found[0]), style)


def for_scripts() -> dict[str, object]:
    """Return the colours and ramps for the canvas scripts, as JSON values."""
    return {"ramps": {kind: list(stops) for kind, stops in RAMPS.items()}, **NAMED,
            "bothKept": BOTH_KEPT, "bothRemoved": BOTH_REMOVED}
