"""A plain HTML table of escaped cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .escape import escape

Cell = str | tuple[str, str]
"""A cell's text, or (its CSS class, its text)."""


def plain_table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """Return the HTML. heads: (text, class) of each column; the class (`number`, …) also applies to its cells."""
    head = "".join(f'<th class="{style}">{escape(text)}</th>' for text, style in heads)
    body = "".join("<tr>" + "".join(_cell(cell, style) for cell, (_, style) in zip(cells, heads, strict=True)) + "</tr>"
                   for cells in rows)
    return f'<table class="plain {kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(cell: Cell, style: str) -> str:
    own, text = ("", cell) if isinstance(cell, str) else cell
    return f'<td class="{style} {own}">{escape(text)}</td>'
