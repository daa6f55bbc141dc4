"""A table with a button in each row, and a chart whose marks do what the buttons do.
Knows no model and no language: the cells and every word come in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__).parent

# Static, and filled by the script through textContent: Gradio evaluates what is put into a template.
_TEMPLATE = """
<div class="point-table" tabindex="0">
  <table class="plain"><thead><tr></tr></thead><tbody></tbody></table>
</div>
"""


@dataclass(frozen=True)
class PointRow:
    """One row: the number its button tells, its cells, and the button's full name for those who hear the page."""

    number: int
    cells: tuple[str, ...]
    name: str


class PointTable(gr.HTML):
    """Its value is what `point_rows` returns. Event `select` with `number`, by a row's button, or by a click on a mark
    of a chart inside the element `charts` (a CSS selector) whose `customdata[0]` is that number."""

    def __init__(self, value: Mapping[str, Any] | None = None, *, charts: str = "", elem_id: str | None = None,
                 **arguments: Any) -> None:
        script = (_HERE / "point_table.js").read_text(encoding="utf-8").replace("CHARTS", repr(charts))
        super().__init__(
            value=value, html_template=_TEMPLATE,
            css_template=(_HERE / "point_table.css").read_text(encoding="utf-8"), js_on_load=script,
            apply_default_css=False, elem_id=elem_id, **arguments)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what gblm_viz.ui.components.point_table.point_rows returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


def point_rows(heads: Sequence[str], rows: Sequence[PointRow], load: str, label: str) -> dict[str, Any]:
    """A value for PointTable. load: what every button says; label: names the table."""
    return {"heads": list(heads), "rows": [asdict(row) for row in rows], "load": load, "label": label}
