"""Every colour that means something, once: the style sheets, the charts, the canvas and the report take it here.

Kept and dense are blue, removed and pruned are orange, everywhere; a mark or a stroke says the same, so that no colour
is needed alone. Knows no chart and no page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

DENSE = KEPT = "#0072B2"
PRUNED = REMOVED = "#E69F00"
THIRD = "#009E73"
PICK = "#CC79A7"
"""What a visitor has selected."""
SKY = "#56B4E9"
"""Where the keyboard is; and the dense model's blue on dark ground."""
INK = "#808890"
"""A grey that is read on white and on black: a plot does not learn whether the page is dark."""
NAMED = {"dense": DENSE, "kept": KEPT, "pruned": PRUNED, "removed": REMOVED, "third": THIRD, "pick": PICK, "sky": SKY}
"""Names of CSS variables: var(--removed)."""

Kind = Literal["sequential", "diverging", "density"]
RAMPS: Mapping[Kind, tuple[str, ...]] = {
    "sequential": ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55",
                   "#fee838"),
    "diverging": ("#00395c", DENSE.lower(), "#7ab4d6", "#f7f7f7", "#f3cd7a", PRUNED.lower(), "#7f4a00"),
    "density": ("#ffffff", "#d9d9e0", "#9a9aa8", "#5a5a6e", "#1a1a2e"),
}
"""The stops of Cividis, of blue–white–orange, and of white to ink for the share removed."""
BOTH_KEPT, BOTH_REMOVED = "#e8e8ec", "#6e6e7a"
"""Where two masks agree: two greys, so that what differs keeps its colour when cells are mixed by share."""


def channels(colour: str) -> tuple[int, int, int]:
    """#rrggbb → red, green, blue, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def shaded(colour: str, share: float) -> str:
    """The colour laid on thinly, as CSS writes it: share 0 is nothing, 1 all of it."""
    return f"rgba({', '.join(map(str, channels(colour)))}, {share:.2f})"


def css_variables() -> str:
    """The rule that gives every named colour to a style sheet."""
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in NAMED.items()) + " }\n"


def filled(style: str) -> str:
    """A style sheet with each var(--name) of ours written out, for a page that has not the rule."""
    return re.sub(r"var\(--(\w+)\)", lambda found: NAMED.get(found[1], found[0]), style)


def for_scripts() -> dict[str, object]:
    """What a canvas draws with, as JSON."""
    return {"ramps": {kind: list(stops) for kind, stops in RAMPS.items()}, **NAMED,
            "bothKept": BOTH_KEPT, "bothRemoved": BOTH_REMOVED}
