"""A few weights of one row as an editable table: change |W|, x or g and see score, rank and removal change.
Independent of method and language: numbers and all text are in the value, new numbers come from the server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gblm_viz.core.look.by_hand import FIELDS, ByHand

from ..own_component import OwnComponent

_TEMPLATE = '<div class="hand-row"><table><thead></thead><tbody></tbody></table><p class="hand-told"></p></div>'


class HandRow(OwnComponent):
    """Its value is what `hand_value` returns. Event `select` when a number was changed, with `change`.

    change = [field, column, number]; the number is null if the cell was emptied, which restores the stored number.
    """

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.hand_row.hand_value"


def hand_value(found: ByHand, changed: Collection[tuple[str, int]], used: Collection[str], pinned: int | None,
               words: Mapping[str, str], told: str) -> dict[str, Any]:
    """Return a value for HandRow. changed: (field, column) of the numbers that differ from the stored ones; used: the
    fields that enter the score; pinned: the selected column; told: the line under the table."""
    entries = [{"column": one.column, "numbers": {field: one.numbers[field] for field in FIELDS}, "score": one.score,
                "rank": one.rank + 1, "removed": one.removed, "pinned": one.column == pinned,
                "flipped": one.column in found.flipped} for one in found.entries]
    return {"entries": entries, "fields": [field for field in FIELDS if field in used],
            "changed": [f"{field} {column}" for field, column in changed], "words": dict(words), "told": told}
