"""Read a user's own probes from a CSV table of questions; errors name the line to correct.

Columns by name, in any order: `prompt`, `answer`; optional `skill`, and `choices` separated by |, the answer among
them. Uses no model and no screen.
"""

from __future__ import annotations

import csv
import io

from ..base.errors import TextError
from ..text.calibration import checked_text
from .evaluate import Probe

NEEDED, OPTIONAL = ("prompt", "answer"), ("skill", "choices")
MOST_PROBES = 2_000
LONGEST_CELL = 2_000
"""Maximum number of characters in a cell (a prompt, or all choices)."""
MOST_CHOICES = 26
UNNAMED = "own"
"""The skill of a probe without one."""


def read(raw: bytes | str, name: str) -> tuple[Probe, ...]:
    """Return the probes in the file's order. The first line names the columns; empty lines are skipped.

    Raises TextError for a table that cannot be read or has a wrong line.
    """
    text = checked_text(raw, name)
    text = text.removeprefix("\ufeff")
    tabs = "\t" in text.lstrip().partition("\n")[0]  # a table copied from a spreadsheet
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
    columns: dict[str, int] | None = None
    probes: list[Probe] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, name)
                continue
            if len(probes) == MOST_PROBES:
                raise TextError("probes_too_many", name=name, most=MOST_PROBES)
            probes.append(_probe(cells, columns, name, reader.line_num))
    except csv.Error as error:
        raise TextError("probes_unreadable", name=name, line=reader.line_num, why=error) from None
    if not probes:
        raise TextError("probes_none", name=name)
    return tuple(probes)


def _columns(cells: list[str], name: str) -> dict[str, int]:
    found = [cell.strip().lower() for cell in cells]
    missing = [column for column in NEEDED if column not in found]
    if missing:
        raise TextError("probes_no_column", name=name, missing=", ".join(missing), found=", ".join(found)[:80])
    return {column: found.index(column) for column in (*NEEDED, *OPTIONAL) if column in found}


def _probe(cells: list[str], columns: dict[str, int], name: str, line: int) -> Probe:
    if len(cells) <= max(columns[column] for column in NEEDED):
        raise TextError("probes_short_line", name=name, line=line, cells=len(cells))
    told = {column: cells[place].strip() for column, place in columns.items() if place < len(cells)}
    for column, cell in told.items():
        if len(cell) > LONGEST_CELL:
            raise TextError("probes_long_cell", name=name, line=line, column=column, characters=len(cell),
                            most=LONGEST_CELL)
    for column in NEEDED:
        if not told[column]:
            raise TextError("probes_empty_cell", name=name, line=line, column=column)
    return Probe(told.get("skill") or UNNAMED, "", told["prompt"], told["answer"],
                 choices=_choices(told["answer"], told.get("choices", ""), name, line))


def _choices(answer: str, cell: str, name: str, line: int) -> tuple[str, ...]:
    """Return the choices, the right one first as in Probe; none if the cell is empty."""
    offered = list(dict.fromkeys(one for part in cell.split("|") if (one := part.strip())))
    if not offered:
        return ()
    if answer not in offered:
        raise TextError("probes_answer_not_offered", name=name, line=line, answer=answer[:60])
    if not 2 <= len(offered) <= MOST_CHOICES:
        raise TextError("probes_choices_count", name=name, line=line, count=len(offered), most=MOST_CHOICES)
    return (answer, *(one for one in offered if one != answer))
