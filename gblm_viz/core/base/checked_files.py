"""Read JSON and safetensors files of unknown origin within size limits, and check what they contain.

For a bad file, StatisticsError names the file and what is wrong: `torn` if it cannot be parsed in its format,
`not_regular` if it is a pipe, a device or a link out of its folder, `bad_field` if a value is not what it must be.
Independent of what the values mean.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from .errors import StatisticsError, shortened
from .lazy import np

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_JSON = 1 << 24
LARGEST_HEADER = 1 << 25
"""Limits in bytes. A header has some 150 per tensor; a model of 100 blocks with 1,000 matrices each stays below."""
PIECE = 1 << 20
"""Bytes of a tensor that are checked at a time: they fit into the processor's cache, and no more is in memory."""
_NUMPY = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1"}
_DTYPE_NAMES = {"F32": "float32", "F64": "float64", "I64": "int64", "U8": "uint8"}


# One value

@dataclass(frozen=True)
class Field:
    """What a value of a JSON object must be; `wanted` says so in a notation that needs no translation."""

    wanted: str
    holds: Callable[[Any], bool]


def integer(low: int, high: int | None = None) -> Field:
    """Return the Field for an int of at least `low` and at most `high`; True and False do not count as ints."""
    return Field(f"int ≥ {low}" if high is None else f"int {low} … {high}",
                 lambda value: type(value) is int and low <= value and (high is None or value <= high))


def one_of(*allowed: str | bool | int) -> Field:
    """Return the Field for one of these values; 1 and True are different values."""
    return Field(" | ".join(json.dumps(one) for one in allowed),
                 lambda value: any(type(value) is type(one) and value == one for one in allowed))


def string(pattern: str = ".*", longest: int = 4096) -> Field:
    """Return the Field for a string of at most `longest` characters that matches a regular expression as a whole."""
    return Field("str" if pattern == ".*" else f"/{pattern}/", lambda value: isinstance(value, str) and len(
        value) <= longest and re.fullmatch(pattern, value, re.DOTALL) is not None)


def list_of(one: Field) -> Field:
    """Return the Field for a list of at least one value of this kind, without duplicates."""
    return Field(f"[{one.wanted}, …]", lambda value: isinstance(value, list) and bool(value) and all(
        map(one.holds, value)) and len(set(value)) == len(value))


def dict_of(one: Field) -> Field:
    """Return the Field for an object with any keys and values of this kind."""
    return Field(f"{{…: {one.wanted}}}", lambda value: isinstance(value, dict) and all(map(one.holds, value.values())))


def bad_field(folder: Path, file: str, field: str, found: object, wanted: str) -> StatisticsError:
    """Return the error that says which value of a file is not what it must be."""
    told = found if isinstance(found, str) else json.dumps(found, default=str, ensure_ascii=False)
    return StatisticsError("bad_field", folder=str(folder), file=file, field=shortened(field, 200),
                           found=shortened(told), wanted=wanted)


def check_fields(folder: Path, file: str, value: object, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the JSON object. Raises StatisticsError if one of `fields` is missing or wrong; others are ignored."""
    if not isinstance(value, dict):
        raise bad_field(folder, file, "·", value, "{…}")
    for name, field in fields.items():
        if name not in value:
            raise bad_field(folder, file, name, "–", field.wanted)
        if not field.holds(value[name]):
            raise bad_field(folder, file, name, json.dumps(value[name], ensure_ascii=False), field.wanted)
    return value


# One file

def has_entry(folder: Path, file: str) -> bool:
    """Return whether the folder has an entry of this name, of any type. Raises StatisticsError if it cannot be read."""
    try:
        return os.path.lexists(folder / file)
    except (OSError, ValueError) as error:
        raise _unreadable(folder / file, error) from error


def regular_file(folder: Path, file: str) -> Path:
    """Return the path of a regular file inside the folder. Raises StatisticsError for anything else.

    Reading a pipe might never end, and a link may lead anywhere.
    """
    path = folder / file
    try:
        mode = path.stat().st_mode
        inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StatisticsError("torn", folder=str(folder), file=file) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(mode) or not inside:
        raise StatisticsError("not_regular", folder=str(folder), file=file)
    return path


def _unreadable(path: Path, error: Exception) -> StatisticsError:
    return StatisticsError("cannot_read", name=str(path), why=getattr(error, "strerror", None) or str(error))


def read_json(folder: Path, file: str) -> object:
    """Return the content of a JSON file in the folder. Raises StatisticsError if it is too large or cannot be read."""
    path = regular_file(folder, file)
    try:
        size = path.stat().st_size
        if size > LARGEST_JSON:
            raise bad_field(folder, file, "bytes", size, f"≤ {LARGEST_JSON}")
        return json.loads(path.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise _unreadable(path, error) from error
    except (OSError, ValueError, RecursionError) as error:
        raise StatisticsError("torn", folder=str(folder), file=file) from error


# One safetensors file

@dataclass(frozen=True)
class Kind:
    """What a tensor must be: its dtype as files name it, its shape, and the range of its values, always finite."""

    dtype: str
    shape: tuple[int, ...]
    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        return f"{_DTYPE_NAMES.get(self.dtype, self.dtype)} {self.shape}"

    @property
    def range(self) -> str:
        """The range of the values in a notation that needs no translation."""
        if self.low == -math.inf:
            return "finite"
        return f"finite, ≥ {self.low:g}" if self.high == math.inf else f"{self.low:g} … {self.high:g}"


@dataclass(frozen=True)
class Header:
    """The header of a safetensors file. tensors: name → (its dtype and shape, offset of its first byte in the file)."""

    folder: Path
    file: str
    tensors: Mapping[str, tuple[Kind, int]]
    metadata: Mapping[str, str]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor; () if the file has no such tensor."""
        return self.tensors[name][0].shape if name in self.tensors else ()


def read_header(folder: Path, file: str) -> Header:
    """Return a file's header. Raises StatisticsError if a tensor is cut off, overlaps another or leaves a gap."""
    path = regular_file(folder, file)
    try:
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            if size > path.stat().st_size:
                raise StatisticsError("torn", folder=str(folder), file=file)
            if size > LARGEST_HEADER:
                raise bad_field(folder, file, "header", f"{size} bytes", f"≤ {LARGEST_HEADER}")
            with safe_open(path, "pt"):  # raises if the header does not match the file
                told = json.loads(stream.read(size))
    except PermissionError as error:
        raise _unreadable(path, error) from error
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise StatisticsError("torn", folder=str(folder), file=file) from error
    metadata = told.pop("__metadata__", None) or {}
    return Header(folder, file, {name: (Kind(one["dtype"], tuple(one["shape"])), 8 + size + one["data_offsets"][0])
                                 for name, one in told.items()}, metadata)


def check_tensors(header: Header, wanted: Mapping[str, Kind]) -> None:
    """Raises StatisticsError unless the file has exactly these tensors, of these dtypes and shapes, values in range.

    The file is read once, PIECE bytes at a time: 0.5 s a GB from the system's cache (tests/benchmarks/check_folder.py),
    and no memory beyond the piece.
    """
    for name, kind in wanted.items():
        if name not in header.tensors:
            raise bad_field(header.folder, header.file, name, "–", str(kind))
        found = header.tensors[name][0]
        if (found.dtype, found.shape) != (kind.dtype, kind.shape):
            raise bad_field(header.folder, header.file, name, str(found), str(kind))
    for name in header.tensors:
        if name not in wanted:
            raise bad_field(header.folder, header.file, name, str(header.tensors[name][0]), "–")
    try:
        with (header.folder / header.file).open("rb", buffering=0) as stream:
            stream.seek(min((start for _, start in header.tensors.values()), default=0))
            for name in sorted(wanted, key=lambda name: header.tensors[name][1]):  # in the order of the file
                kind = wanted[name]
                wrong = _first_invalid(stream, kind)
                if wrong is not None:
                    raise bad_field(header.folder, header.file, name, f"{wrong:g}", kind.range)
    except OSError as error:
        raise StatisticsError("torn", folder=str(header.folder), file=header.file) from error


def _first_invalid(stream: FileIO, kind: Kind) -> float | None:
    """Return the first value found that is out of range or not finite; None if there is none."""
    dtype: np.dtype[np.generic] = np.dtype(_NUMPY[kind.dtype])
    left = math.prod(kind.shape) * dtype.itemsize
    buffer = bytearray(min(left, PIECE))
    while left > 0:
        read = stream.readinto(memoryview(buffer)[:left])
        if not read or read % dtype.itemsize:
            raise OSError("the file ends early")
        left -= read
        values = np.frombuffer(buffer, dtype, read // dtype.itemsize)
        for value in (values.min(), values.max()):  # both are NaN if any value is NaN
            if not (kind.low <= value <= kind.high and math.isfinite(value)):
                return float(value)
    return None


def read_tensors(header: Header, names: Iterable[str] | None = None) -> dict[str, Tensor]:
    """Return tensors of a file whose header was read, by name; by default all of them.

    Raises StatisticsError if the file has been damaged since.
    """
    try:
        with safe_open(header.folder / header.file, "pt") as stored:
            return {name: stored.get_tensor(name) for name in (header.tensors if names is None else names)}
    except (SafetensorError, OSError) as error:
        raise StatisticsError("torn", folder=str(header.folder), file=header.file) from error
