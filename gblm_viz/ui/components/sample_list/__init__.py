"""The samples that a text is cut into, one line each with a checkbox to leave it out.
Independent of tokenizer and language: the rows and all text are in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="sample-list">
  <table><thead><tr></tr></thead><tbody></tbody></table>
  <p class="sample-more"></p>
</div>
"""

State = Literal["used", "held", "dropped"]


@dataclass(frozen=True)
class SampleRow:
    """One sample: its number (0-based), its tokens, how it begins, and how it is used."""

    index: int
    tokens: int
    text: str
    state: State


class SampleList(OwnComponent):
    """Its value is what `sample_rows` returns. Event `select` when a box is toggled: `index`, the sample's number."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.sample_list.sample_rows"


def sample_rows(rows: Sequence[SampleRow], words: Mapping[str, str], more: str = "") -> dict[str, Any]:
    """Return a value for SampleList. words: number, tokens, begins, becomes, used, held, dropped, use (with {index}).

    more: a line under the table if not all samples are listed.
    """
    return {"rows": [asdict(row) for row in rows], "words": dict(words), "more": more}
