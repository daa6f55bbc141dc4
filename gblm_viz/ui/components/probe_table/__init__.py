"""A page of probes as a table: sorted by its heads, leafed through, a row's question put to both models.
Knows no model and no language: the rows and every word come in the value.
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
<div class="probe-table">
  <table><thead><tr></tr></thead><tbody></tbody></table>
  <div class="probe-pages"><button type="button" class="back"></button><span></span>
  <button type="button" class="on"></button><div class="save-bar"><a href="#" class="save">CSV</a></div></div>
</div>
"""


@dataclass(frozen=True)
class Column:
    """`name` is what the event tells, `title` its head, `kind` a CSS class; `sorted`: ascending, descending or none."""

    name: str
    title: str
    kind: str
    sorted: str


@dataclass(frozen=True)
class Line:
    """One probe: its number, and its cells in the columns' order. `fate`: kept, lost, gained or wrong."""

    index: int
    cells: tuple[str, ...]
    fate: str


class ProbeTable(gr.HTML):
    """Its value is what `table_value` returns. Event `select` with `asked`, a pair.

    ["open", index] a row's question is wanted; ["sort", column's name]; ["page", −1 or 1]; ["save", ""] all rows, of
    every page, as a file.
    """

    def __init__(self, value: Mapping[str, Any] | None = None, *, elem_id: str | None = None,
                 **arguments: Any) -> None:
        super().__init__(
            value=value, html_template=_TEMPLATE,
            css_template=(_HERE / "probe_table.css").read_text(encoding="utf-8"),
            js_on_load=(_HERE / "probe_table.js").read_text(encoding="utf-8"),
            apply_default_css=False, elem_id=elem_id, **arguments)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what gblm_viz.ui.components.probe_table.table_value returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


def table_value(columns: Sequence[Column], lines: Sequence[Line], pages: Mapping[str, Any],
                words: Mapping[str, str], file: str = "") -> dict[str, Any]:
    """A value for ProbeTable. pages: `told`, a sentence, and whether there is a page `before` and `after`.

    words: back, on, ask (a row's hint), save (what its link does). file: where the rows that were asked for wait.
    """
    return {"columns": [asdict(one) for one in columns], "lines": [asdict(one) for one in lines], "pages": dict(pages),
            "words": dict(words), "file": file}
