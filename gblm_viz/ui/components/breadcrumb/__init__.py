"""Where one is: model › matrix › weight. A click goes up to a level, Esc goes up one.
Knows no model and no language: every word comes in the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..own import OwnComponent

_TEMPLATE = '<nav class="breadcrumb"><ol></ol></nav>'


class Breadcrumb(OwnComponent):
    """Its value is what `breadcrumb` returns. Event `select` with `level`, the number of parts that are to stay."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.breadcrumb.breadcrumb"


def breadcrumb(parts: Sequence[str], label: str, hint: str, weight: str = "") -> dict[str, Any]:
    """A value for Breadcrumb. parts: the widest place first; label names the whole; hint says what a click does.

    weight: how a weight that is only pointed at is named, with {row} and {column}; without it none is.
    """
    return {"parts": list(parts), "label": label, "hint": hint, "weight": weight}
