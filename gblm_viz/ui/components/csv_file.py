"""Rows → CSV text without cells that a spreadsheet would execute. csv_file.js does the same; both use csv_rule.toml."""

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
    """Return this module's JavaScript counterpart; it defines `gblmCsv` with `harmless(text)` and `lines(rows)`."""
    return (_HERE / "csv_file.js").read_text(encoding="utf-8").replace("RULE", json.dumps(_RULE))


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
