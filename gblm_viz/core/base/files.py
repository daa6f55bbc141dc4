"""Files and folders that are put in their place at once: written beside it, then renamed into it.

Whoever is killed on the way leaves what was there before, whole, and something beside it that the next one removes.
Knows nothing of what is written.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from .errors import StatisticsError, shortened

_RUNNING = Path("/proc")
_CURRENT_FOLDER, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2)."""
_numbers = itertools.count()
_own: set[str] = set()
"""Names that this process is writing under now."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path in the same folder, to write at before `path` is replaced. Whatever is at it afterwards is removed."""
    place = path.with_name(f".{path.name}.{os.getpid()}.{next(_numbers)}")
    _own.add(str(place))
    try:
        yield place
    finally:
        _remove(place)
        _own.discard(str(place))


def put(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, then rename: a reader sees the whole file or none. Raises StatisticsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside(path) as place:
            place.touch()
            usual = place.stat().st_mode
            write(place)
            place.chmod(usual)  # safetensors gives its files to their owner alone; these are to be shared
            os.replace(place, path)
    except (OSError, SafetensorError) as error:
        raise cannot_write(path, error) from error


def a_path(given: object) -> Path:
    """Itself. Raises StatisticsError for anything but a Path: a text has none of the ways to look behind a name."""
    if not isinstance(given, Path):
        raise StatisticsError("not_a_path", given=given)
    return given


def usable_path(given: object) -> Path:
    """Itself. Raises StatisticsError for anything but a Path, and for a name that no system takes: too long, or with a
    character that no name has."""
    path = a_path(given)
    try:
        os.stat(path)
    except ValueError as error:  # a null byte, half a character
        raise StatisticsError("odd_path", given=shortened(path), why=str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise StatisticsError("odd_path", given=shortened(path), why=error.strerror) from error
    return path


def cannot_write(path: Path, error: Exception) -> StatisticsError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StatisticsError("cannot_write", file=str(path), why=why)


def put_folder(new: Path, folder: Path) -> None:
    """The folder `new` in the place of `folder`, which is afterwards at `new` if there was one.

    In one step where the system can exchange two folders (Linux). Elsewhere there is a moment without either, and who
    is killed in it has the old one put back by the next run (clear_left).
    """
    if not folder.is_dir():
        os.replace(new, folder)
        return
    if not _exchanged(new, folder):
        aside = new.with_name(f"{new.name}.old")
        os.replace(folder, aside)
        try:
            os.replace(new, folder)
        except OSError:
            os.replace(aside, folder)
            raise
        os.replace(aside, new)


def _exchanged(one: Path, other: Path) -> bool:
    try:
        exchange = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):  # another system
        return False
    return int(exchange(_CURRENT_FOLDER, os.fsencode(one), _CURRENT_FOLDER, os.fsencode(other), _EXCHANGE)) == 0


def clear_left(path: Path) -> None:
    """Remove what runs that were killed left beside a path: it may be as large as a model. Raises OSError."""
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


def put_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """One safetensors file, atomically; metadata is one key holding sorted JSON, so equal runs write equal bytes."""
    packed = {name: tensor.contiguous() for name, tensor in tensors.items()}
    put(path, lambda beside: save_file(packed, beside, {"gblm": json.dumps(metadata, sort_keys=True)}))


def put_json(path: Path, value: Any) -> None:
    """A JSON file, atomically; keys are sorted, so equal runs write equal bytes."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    put(path, lambda beside: beside.write_text(text, encoding="utf-8", errors="replace"))
