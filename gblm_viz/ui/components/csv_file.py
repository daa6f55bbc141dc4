"""Rows → the text of a CSV that no spreadsheet runs. csv_file.js does the same in the browser, by one csv_rule.toml."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_RULE: dict[str, str] = tomllib.loads((_HERE / "csv_rule.toml").read_text(encoding="utf-8"))
_FORMULA, _NUMBER = re.compile(_RULE["formula"]), re.compile(_RULE["number"])
_QUOTED = re.compile(r'[",\r\n]')


def script() -> str:
    """The browser's side of this file, as JavaScript that defines `gblmCsv`: `harmless(text)` and `lines(rows)`."""
    return (_HERE / "csv_file.js").read_text(encoding="utf-8").replace("RULE", json.dumps(_RULE))


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it; any other value is returned."""
    if isinstance(value, str) and _FORMULA.search(value) and not _NUMBER.search(value):
        return f"'{value}"
    return value


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """One line a row; None is an empty cell. Quoted where a comma, a quote or a line's end stands in a cell."""
    return "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: Any) -> str:
    text = "" if value is None else str(harmless(value))
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
