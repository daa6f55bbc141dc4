"""The samples a text becomes, one line each with a box that leaves it out.
Knows no tokenizer and no language: the rows and every word come in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..own import OwnComponent

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


class SampleList(OwnComponent):
    """Its value is what `sample_rows` returns. Event `select` when a box is switched: `index`, the sample's number."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.sample_list.sample_rows"


def sample_rows(rows: Sequence[SampleRow], words: Mapping[str, str], more: str = "") -> dict[str, Any]:
    """A value for SampleList. words: number, tokens, begins, becomes, used, held, dropped, use (with {index}).

    more: a line under the table, where not all samples are listed.
    """
    return {"rows": [asdict(row) for row in rows], "words": dict(words), "more": more}
