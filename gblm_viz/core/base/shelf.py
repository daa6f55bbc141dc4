"""Store tensors for later use: in memory up to a budget of bytes, beyond it in a temporary file without a name.

Independent of what the tensors are.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StatisticsError
from .footprint import release_freed_memory
from .lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

SLAB, SHARE = 1 << 20, 1 << 10
"""A slab is memory requested from the system at once: at least SLAB bytes, and at least 1/SHARE of the bytes in memory.
Slabs are small because each is returned as a whole, but not smaller, as a process may request only some ten thousand.
"""
GIVE_BACK, PART = 1 << 26, 8
"""Freed memory is returned to the system after copying GIVE_BACK bytes or 1/PART of the bytes in memory, whichever is
more. Without this, 8 samples of 1,024 tokens through 12 blocks took twice their bytes. Returning it eight times as
often costs 4 % of the time at 2048 tokens, as the memory has to be requested again."""
ALIGNED = 64


@dataclass(frozen=True)
class _Place:
    """Where a tensor is in the file."""

    offset: int
    size: int
    shape: torch.Size
    dtype: torch.dtype


class Shelf:
    """Key → tensor on the CPU. What does not fit into `most_bytes` goes to an unnamed temporary file in `folder`.

    The file is deleted when the process ends, however it ends; the space of removed tensors is reused.
    """

    def __init__(self, most_bytes: int, folder: Path | None = None) -> None:
        self.most_bytes, self.folder = most_bytes, folder
        self.held = 0
        self._here: dict[Hashable, Tensor] = {}
        self._slab, self._copied = torch.empty(0, dtype=torch.uint8), 0
        self._away: dict[Hashable, _Place] = {}
        self._free: dict[int, list[int]] = {}
        self._file: BufferedRandom | None = None
        self._end = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._here or key in self._away

    @property
    def on_disk(self) -> int:
        """Size of the file in bytes."""
        return self._end

    def put(self, key: Hashable, tensor: Tensor) -> None:
        """Store a tensor, replacing the one with this key. Raises StatisticsError where the disk is full."""
        self._drop(key)
        if self.held + tensor.nbytes <= self.most_bytes:
            self._here[key] = self._copy(tensor.detach())
            self.held += tensor.nbytes
        else:
            self._write(key, tensor.detach().cpu().contiguous())

    def get(self, key: Hashable) -> Tensor:
        """Return the tensor, from memory or from the file; it stays on the shelf."""
        return self._here[key] if key in self._here else self._read(self._away[key])

    def pop(self, key: Hashable) -> Tensor:
        """Return the tensor and remove it from the shelf."""
        found = self.get(key)
        self._drop(key)
        return found

    def _drop(self, key: Hashable) -> None:
        if key in self._here:
            self.held -= self._here.pop(key).nbytes
        elif key in self._away:
            place = self._away.pop(key)
            self._free.setdefault(place.size, []).append(place.offset)

    def _copy(self, tensor: Tensor) -> Tensor:
        """Return a copy in a slab. A slab is returned to the system with the last tensor in it; no part is reused."""
        size = -(-tensor.nbytes // ALIGNED) * ALIGNED
        if size > len(self._slab):
            slab = max(size, SLAB, self.held // SHARE)
            self._slab = torch.frombuffer(_memory(slab), dtype=torch.uint8)
        self._copied += size
        if self._copied >= max(GIVE_BACK, self.held // PART):
            self._copied = 0
            release_freed_memory()
        own, self._slab = self._slab[:size], self._slab[size:]
        return own[: tensor.nbytes].view(tensor.dtype).view(tensor.shape).copy_(tensor)

    def _write(self, key: Hashable, tensor: Tensor) -> None:
        free = self._free.get(tensor.nbytes)
        offset = free.pop() if free else self._end
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115  # open as long as the shelf is
            self._file.seek(offset)
            self._file.write(_bytes_of(tensor))
            self._file.flush()
        except OSError as error:
            where = str(self.folder or tempfile.gettempdir())
            raise StatisticsError("cannot_write", file=where, why=error.strerror or str(error)) from error
        self._away[key] = _Place(offset, tensor.nbytes, tensor.shape, tensor.dtype)
        self._end = max(self._end, offset + tensor.nbytes)

    def _read(self, place: _Place) -> Tensor:
        tensor = torch.empty(place.shape, dtype=place.dtype)
        assert self._file is not None
        self._file.seek(place.offset)
        self._file.readinto(_bytes_of(tensor))
        return tensor


def _memory(size: int) -> mmap.mmap:
    """Return memory from the system, private where supported: filling shared memory takes 1.5 times as long."""
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    return mmap.mmap(-1, size, **private)


def _bytes_of(tensor: Tensor) -> Any:
    """Return the tensor's own memory as a buffer."""
    return tensor.view(-1).view(torch.uint8).numpy()
