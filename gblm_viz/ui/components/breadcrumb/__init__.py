"""The current selection as a path: model › matrix › weight. A click goes up to a level, Esc goes up one.
Independent of model and language: all text is in the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = '<nav class="breadcrumb"><ol></ol></nav>'


class Breadcrumb(OwnComponent):
    """Its value is what `breadcrumb` returns. Event `select` with `level`, the number of parts to keep."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.breadcrumb.breadcrumb"


def breadcrumb(parts: Sequence[str], label: str, hint: str, weight: str = "") -> dict[str, Any]:
    """Return a value for Breadcrumb. parts: topmost level first; label: its accessible name; hint: what a click does.

    weight: template with {row} and {column} for a weight under the pointer; empty = such weights are not shown.
    """
    return {"parts": list(parts), "label": label, "hint": hint, "weight": weight}
