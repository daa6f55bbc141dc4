"""A Run's tables as files: JSON, and a zip of CSVs. Equal runs give equal bytes. Independent of words and page."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from gblm_viz.core.keep.run import Run

from ..components import csv_file

DAWN_OF_ZIP = (1980, 1, 1, 0, 0, 0)
"""The fixed file time in every archive, the earliest that zip can store."""


def as_json(run: Run) -> bytes:
    """Return every table of the report, by name, as lists of rows, in JSON."""
    return (json.dumps({"hash": run.hash, "tables": run.as_tables()}, ensure_ascii=False, indent=1, sort_keys=True,
                       allow_nan=False) + "\n").encode()


def as_csv(run: Run) -> bytes:
    """Return a zip with one CSV per table; empty tables are left out."""
    return zipped((f"{name}.csv", as_lines(rows)) for name, rows in run.as_tables().items() if rows)


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    """Return one CSV in UTF-8 with a byte order mark, so that spreadsheets read Japanese. Columns: the first row's."""
    columns = list(rows[0])
    return csv_file.lines([columns, *([row.get(name) for name in columns] for row in rows)]).encode("utf-8-sig")


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip archive of the (name, content) pairs, in their order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, DAWN_OF_ZIP), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
