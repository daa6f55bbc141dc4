"""Replace files and folders atomically: each is written beside its final path, then renamed to it.

If the process is killed on the way, the previous version stays complete, and the next run removes the partial one
beside it. Independent of what is written.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from .errors import StatisticsError, shortened

if TYPE_CHECKING:
    from torch import Tensor

_RUNNING = Path("/proc")
_CURRENT_FOLDER, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2)."""
_numbers = itertools.count()
_own: set[str] = set()
"""Temporary paths that this process is writing to now."""


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, to write to before replacing `path`; remove it afterwards."""
    place = path.with_name(f".{path.name}.{os.getpid()}.{next(_numbers)}")
    _own.add(str(place))
    try:
        yield place
    finally:
        _remove(place)
        _own.discard(str(place))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its final path, then rename it: a reader sees all of it or none. Raises StatisticsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(path) as place:
            place.touch()
            usual = place.stat().st_mode
            write(place)
            place.chmod(usual)  # safetensors lets only the owner read its files; these are to be shared
            os.replace(place, path)
    except (OSError, SafetensorError) as error:
        raise cannot_write(path, error) from error


def require_path(given: object) -> Path:
    """Return `given` unchanged. Raises StatisticsError if it is not a Path, as a str lacks the methods of one."""
    if not isinstance(given, Path):
        raise StatisticsError("not_a_path", given=given)
    return given


def usable_path(given: object) -> Path:
    """Return `given` unchanged. Raises StatisticsError if it is not a Path, or is a path that the system rejects: too
    long, or with a character that no name may have."""
    path = require_path(given)
    try:
        os.stat(path)
    except ValueError as error:  # a null byte or a lone surrogate
        raise StatisticsError("odd_path", given=shortened(path), why=str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise StatisticsError("odd_path", given=shortened(path), why=error.strerror) from error
    return path


def cannot_write(path: Path, error: Exception) -> StatisticsError:
    """Return the error for a path that could not be written, with the system's reason."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StatisticsError("cannot_write", file=str(path), why=why)


def replace_folder(new: Path, folder: Path) -> None:
    """Move the folder `new` to `folder`; if there was a folder already, it is at `new` afterwards.

    Takes one step where the system can exchange two folders (Linux). Elsewhere `folder` is missing for a moment; if
    the process is killed then, the next run restores the old one (remove_leftovers).
    """
    if not folder.is_dir():
        os.replace(new, folder)
        return
    if not _swap_folders(new, folder):
        aside = new.with_name(f"{new.name}.old")
        os.replace(folder, aside)
        try:
            os.replace(new, folder)
        except OSError:
            os.replace(aside, folder)
            raise
        os.replace(aside, new)


def _swap_folders(one: Path, other: Path) -> bool:
    try:
        exchange = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):  # another system
        return False
    return int(exchange(_CURRENT_FOLDER, os.fsencode(one), _CURRENT_FOLDER, os.fsencode(other), _EXCHANGE)) == 0


def remove_leftovers(path: Path) -> None:
    """Remove what killed runs left beside a path, which may be as large as a model. Raises OSError."""
    start = f".{path.name}."
    for left in sorted(path.parent.iterdir()) if (_RUNNING / "self").exists() and path.parent.is_dir() else ():
        process, _, rest = left.name.removeprefix(start).partition(".")
        if not left.name.startswith(start) or not process.isascii() or not process.isdigit():
            continue
        if process != str(os.getpid()) and (_RUNNING / process).exists():
            continue
        if str(left.with_name(left.name.removesuffix(".old"))) in _own:
            continue
        if rest.endswith(".old") and not path.exists():
            os.replace(left, path)
        else:
            _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def refuse_unwritable(folder: Path) -> None:
    """Raises StatisticsError now, not after the run, if the folder is not writable."""
    usable_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StatisticsError("cannot_write", file=str(folder), why=error.strerror or str(error)) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, object]) -> None:
    """Write a safetensors file atomically; the metadata is one key with sorted JSON, so equal runs give equal bytes."""
    from safetensors.torch import save_file

    packed = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_atomically(path, lambda beside: save_file(packed, beside, {"gblm": json.dumps(metadata, sort_keys=True)}))


def write_json(path: Path, value: object) -> None:
    """Write a JSON file atomically; keys are sorted, so equal runs write equal bytes."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda beside: beside.write_text(text, encoding="utf-8", errors="replace"))
