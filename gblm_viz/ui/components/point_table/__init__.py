"""A table with a button in each row, and a chart whose marks act like these buttons.
Independent of model and language: the cells and all text are in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="point-table" tabindex="0">
  <table class="plain"><thead><tr></tr></thead><tbody></tbody></table>
</div>
"""


@dataclass(frozen=True)
class PointRow:
    """One row: the number its button sends, its cells, and the button's full name for screen readers."""

    number: int
    cells: tuple[str, ...]
    name: str


class PointTable(OwnComponent):
    """Its value is what `point_rows` returns. Event `select` with `number`, by a row's button, or by a click on a mark
    of a chart inside the element `charts` (a CSS selector) whose `customdata[0]` is that number."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.point_table.point_rows"

    def __init__(self, value: Mapping[str, Any] | None = None, *, charts: str = "", elem_id: str | None = None,
                 **arguments: Any) -> None:
        super().__init__(value, elem_id=elem_id, config={"charts": charts}, **arguments)


def point_rows(heads: Sequence[str], rows: Sequence[PointRow], load: str, label: str) -> dict[str, Any]:
    """Return a value for PointTable. load: the text of every button; label: the table's name."""
    return {"heads": list(heads), "rows": [asdict(row) for row in rows], "load": load, "label": label}
