"""Read the headers of safetensors files, before any library opens them: name, dtype and shape of each tensor.

Independent of networks.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import ModelError

HEADERS = 64 * 2**20
"""Limit in bytes for the headers of all files together; a model of 10¹² weights in many experts has 20 MB."""
BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
        "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
"""The format's dtypes → bits a value."""

TOLD = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
"""The dtypes that weights may be stored in, as torch names them."""


@dataclass(frozen=True)
class Entry:
    """One stored tensor. dtype: as the format names it; numbers: how many values it has."""

    dtype: str
    shape: tuple[int, ...]
    numbers: int
    file: Path


def read_headers(files: Sequence[Path], source: str) -> dict[str, Entry]:
    """Return every tensor by its name; if two files have the same name, the later counts, as in transformers.

    Raises ModelError for a file that the tensors in its header do not fill exactly.
    """
    left, found = HEADERS, dict[str, Entry]()
    for file in files:
        size = file.stat().st_size
        with file.open("rb") as stream:
            prefix = stream.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
            left -= length
            if not 0 < length <= size - 8 or left < 0:
                raise ModelError("broken_weights", source=source, file=file.name)
            data = stream.read(length)
        entries = _entries(data, size - 8 - length, file)
        if entries is None:
            raise ModelError("broken_weights", source=source, file=file.name)
        found |= entries
    return found


def dtypes_of(files: Sequence[Path]) -> tuple[str, ...]:
    """Return the dtypes of the files' floating-point tensors as torch names them, in the order of these names."""
    found = {entry.dtype for entry in read_headers(files, "").values()}
    return tuple(sorted(name for dtype, name in TOLD.items() if dtype in found))


def _entries(data: bytes, room: int, file: Path) -> Mapping[str, Entry] | None:
    """Return a header's tensors; None if they do not fill the `room` bytes after it exactly."""
    try:
        header = json.loads(data)
        placed = {name: _placed(entry, file) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError):
        return None
    reached = 0
    for begin, end in sorted(place for place, _ in placed.values()):
        if begin != reached:  # a gap, or tensors that overlap
            return None
        reached = end
    return {name: entry for name, (_, entry) in placed.items()} if reached == room else None


def _placed(entry: dict[str, Any], file: Path) -> tuple[tuple[int, int], Entry]:
    """Return ((begin, end), the tensor). Raises ValueError if its size does not match its shape."""
    begin, end = entry["data_offsets"]
    numbers = 1
    for extent in entry["shape"]:
        if type(extent) is not int or extent < 0:
            raise ValueError(extent)
        numbers *= extent
        if numbers > 2**63:
            raise ValueError(numbers)
    if type(begin) is not int or type(end) is not int or (end - begin) * 8 != numbers * BITS[entry["dtype"]]:
        raise ValueError(entry)
    return (begin, end), Entry(entry["dtype"], tuple(entry["shape"]), numbers, file)
