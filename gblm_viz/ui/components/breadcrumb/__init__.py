"""Where one is: model › matrix › weight. A click goes up to a level, Esc goes up one.
Knows no model and no language: every word comes in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__).parent

# Static, and filled by the script through textContent: Gradio evaluates what is put into a template.
_TEMPLATE = '<nav class="breadcrumb"><ol></ol></nav>'


class Breadcrumb(gr.HTML):
    """Its value is what `breadcrumb` returns. Event `select` with `level`, the number of parts that are to stay."""

    def __init__(self, value: Mapping[str, Any] | None = None, *, elem_id: str | None = None,
                 **arguments: Any) -> None:
        super().__init__(
            value=value, html_template=_TEMPLATE,
            css_template=(_HERE / "breadcrumb.css").read_text(encoding="utf-8"),
            js_on_load=(_HERE / "breadcrumb.js").read_text(encoding="utf-8"),
            apply_default_css=False, elem_id=elem_id, **arguments)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what gblm_viz.ui.components.breadcrumb.breadcrumb returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


def breadcrumb(parts: Sequence[str], label: str, hint: str, weight: str = "") -> dict[str, Any]:
    """A value for Breadcrumb. parts: the widest place first; label names the whole; hint says what a click does.

    weight: how a weight that is only pointed at is named, with {row} and {column}; without it none is.
    """
    return {"parts": list(parts), "label": label, "hint": hint, "weight": weight}
