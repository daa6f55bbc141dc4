"""The samples a text becomes, one line each with a box that leaves it out.
Knows no tokenizer and no language: the rows and every word come in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr

_HERE = Path(__file__).parent

# Static, and filled by the script through textContent: Gradio evaluates what is put into a template.
_TEMPLATE = """
<div class="sample-list">
  <table><thead><tr></tr></thead><tbody></tbody></table>
  <p class="sample-more"></p>
</div>
"""

State = Literal["used", "held", "dropped"]


@dataclass(frozen=True)
class SampleRow:
    """One sample: its number (0-based), its tokens, how it begins, and what becomes of it."""

    index: int
    tokens: int
    text: str
    state: State


class SampleList(gr.HTML):
    """Its value is what `sample_rows` returns. Event `select` when a box is switched: `index`, the sample's number."""

    def __init__(self, value: Mapping[str, Any] | None = None, *, elem_id: str | None = None,
                 **arguments: Any) -> None:
        super().__init__(
            value=value, html_template=_TEMPLATE,
            css_template=(_HERE / "sample_list.css").read_text(encoding="utf-8"),
            js_on_load=(_HERE / "sample_list.js").read_text(encoding="utf-8"),
            apply_default_css=False, elem_id=elem_id, **arguments)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what gblm_viz.ui.components.sample_list.sample_rows returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


def sample_rows(rows: Sequence[SampleRow], words: Mapping[str, str], more: str = "") -> dict[str, Any]:
    """A value for SampleList. words: number, tokens, begins, becomes, used, held, dropped, use (with {index}).

    more: a line under the table, where not all samples are listed.
    """
    return {"rows": [asdict(row) for row in rows], "words": dict(words), "more": more}
