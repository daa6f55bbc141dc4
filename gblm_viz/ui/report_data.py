"""A Run → its tables as files: JSON, and a zip of CSVs. Equal runs write equal bytes; knows no words and no page."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from gblm_viz.core.run import Run

DAWN_OF_ZIP = (1980, 1, 1, 0, 0, 0)
"""The one time in every archive."""


def as_json(run: Run) -> bytes:
    """Every table of the report, by name, as lists of rows."""
    return (json.dumps({"hash": run.hash, "tables": run.as_tables()}, ensure_ascii=False, indent=1, sort_keys=True,
                       allow_nan=False) + "\n").encode()


def as_csv(run: Run) -> bytes:
    """A zip with one CSV a table; an empty table is left out."""
    return zipped((f"{name}.csv", as_lines(rows)) for name, rows in run.as_tables().items() if rows)


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    """One CSV: UTF-8 with its mark, so that spreadsheets read Japanese."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
    return lines.getvalue().encode("utf-8-sig")


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """An archive of (name, content), in their order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, DAWN_OF_ZIP), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
