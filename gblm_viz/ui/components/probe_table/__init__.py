"""A page of probes as a table: sortable by column, with paging and a button that asks both models a row's question.
Independent of model and language: the rows and all text are in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="probe-table">
  <table><thead><tr></tr></thead><tbody></tbody></table>
  <div class="probe-pages"><button type="button" class="back"></button><span></span>
  <button type="button" class="on"></button><div class="save-bar"><a href="#" class="save">CSV</a></div></div>
</div>
"""


@dataclass(frozen=True)
class Column:
    """`name` is sent with events, `title` is the head, `kind` a CSS class; `sorted`: ascending, descending or none."""

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


class ProbeTable(OwnComponent):
    """Its value is what `table_value` returns. Event `select` with `asked`, a pair.

    ["open", index]: ask a row's question; ["sort", column's name]; ["page", −1 or 1]; ["save", ""]: save the rows of
    all pages as a file.
    """

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.probe_table.table_value"


def table_value(columns: Sequence[Column], lines: Sequence[Line], pages: Mapping[str, Any],
                words: Mapping[str, str], file: str = "") -> dict[str, Any]:
    """Return a value for ProbeTable. pages: `told`, a sentence, and whether there is a page `before` and `after`.

    words: back, on, ask (a row's hint), save (what its link does). file: address of the saved rows, if requested.
    """
    return {"columns": [asdict(one) for one in columns], "lines": [asdict(one) for one in lines], "pages": dict(pages),
            "words": dict(words), "file": file}
