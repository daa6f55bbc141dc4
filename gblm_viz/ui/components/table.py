"""A plain HTML table of escaped cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .templates import render

Head = tuple[str, str]
"""A column's title and its CSS class (`number`, …), which also applies to its cells."""
Cell = str | tuple[str, str]
"""A cell's text, or (its CSS class, its text)."""


@dataclass(frozen=True)
class Table:
    """A table as values, for a template; `kind`: its own CSS class."""

    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    kind: str = ""

    @property
    def cells(self) -> list[list[tuple[str, str]]]:
        """The rows with each cell as (its CSS classes, its text)."""
        return [[_cell(cell, style) for cell, (_, style) in zip(row, self.heads, strict=True)] for row in self.rows]


def _cell(cell: Cell, style: str) -> tuple[str, str]:
    own, text = ("", cell) if isinstance(cell, str) else cell
    return f"{style} {own}", text


def plain_table(heads: Sequence[Head], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """Return a table's HTML. Within a template: the macro `plain_table` of pieces.html, with a `Table`."""
    return render("components/table.html", table=Table(heads, list(rows), kind))
