"""Rows → CSV text without cells that a spreadsheet would run, by the same csv_rule.toml as shared/csv.js."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RULE: dict[str, str] = tomllib.loads((Path(__file__).parent / "csv_rule.toml").read_text(encoding="utf-8"))
"""Regular expressions that Python and JavaScript read alike; the scripts get them from here."""
_FORMULA, _NUMBER = re.compile(RULE["formula"]), re.compile(RULE["number"])
_QUOTED = re.compile(r'[",\r\n]')


def harmless(value: Any) -> Any:
    """Return the value, with an apostrophe in front if it is text that a spreadsheet would run as a formula."""
    if isinstance(value, str) and _FORMULA.search(value) and not _NUMBER.search(value):
        return f"'{value}"
    return value


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """Return one line per row; None = empty cell. A cell with a comma, quote or line break is quoted."""
    return "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: Any) -> str:
    text = "" if value is None else str(harmless(value))
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
