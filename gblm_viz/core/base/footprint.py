"""What this process holds and may still take: memory, its peak, and disk; and a person's `6GB` as a number.

Bytes throughout. Knows nothing of models or plans.
"""

from __future__ import annotations

import ctypes
import math
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch import distributed
from transformers.utils.import_utils import is_accelerate_available

from .errors import SettingError

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
MARGIN = 0.1
"""Of what is free, left to everybody else: an estimate is good to a factor, and other programs move."""


def parse_bytes(given: str) -> int:
    """`6GB`, `512 MiB`, `1.5gb` → bytes; a bare number is bytes. Raises SettingError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", given)
    size = UNITS.get(found[2].upper()) if found else None
    if found is None or size is None or not (value := float(found[1]) * size) >= 1 or math.isinf(value):
        raise SettingError("memory_unreadable", given=given)
    return int(value)


def available_memory() -> int | None:
    """Bytes of memory that can be taken without swapping, or None where the system does not tell."""
    with suppress(psutil.Error, OSError, NotImplementedError):
        return int(psutil.virtual_memory().available)
    return None


def gpus() -> tuple[int, ...]:
    """The GPUs that a model in memory is spread over: all of them where accelerate is there to do it, else one.

    Of several processes each keeps to its own.
    """
    apart = distributed.is_available() and distributed.is_initialized()
    if apart or not is_accelerate_available():
        return (torch.cuda.current_device(),)
    return tuple(range(torch.cuda.device_count()))


def free_memory(device: str = "cpu") -> int | None:
    """What may still be taken on a device, a margin left; None where the system does not tell. `cuda`: of all `gpus`.
    """
    if device == "cuda":
        return sum(free_on_gpu(gpu) for gpu in gpus())
    free = available_memory()
    return None if free is None else int(free * (1 - MARGIN))


def free_on_gpu(gpu: int) -> int:
    """What may still be taken on one GPU, a margin left."""
    return int(torch.cuda.mem_get_info(gpu)[0] * (1 - MARGIN))


def free_disk(folder: Path) -> int | None:
    """What may still be written where a folder is or will be, a margin left; None where the system does not tell."""
    with suppress(OSError):
        return int(shutil.disk_usage(existing(folder)).free * (1 - MARGIN))
    return None


def existing(folder: Path) -> Path:
    """The folder, or where it is not there yet, the nearest one above that is."""
    places = (folder.absolute(), *folder.absolute().parents)
    return next((place for place in places if place.is_dir()), places[-1])


def folder_bytes(folder: Path) -> int:
    """What a folder's files take together."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def resident() -> int | None:
    """What this process holds in memory now; None where the system does not tell."""
    with suppress(psutil.Error, OSError):
        return int(psutil.Process().memory_info().rss)
    return None


def _most_resident() -> int | None:
    """The most that this process has held since the peak was last forgotten; only Linux forgets one."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def give_back() -> None:
    """Memory that was freed goes back to the system, where its library keeps it otherwise: with glibc, and a block's
    matrices below 32 MB, the process grew by 35 MB a block of 13 M weights."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


M_MMAP_THRESHOLD, LARGE = -3, 1 << 23


def give_back_large_at_once() -> None:
    """From now on whatever takes `LARGE` bytes or more comes from the system and goes back when it is freed. glibc
    would raise its limit to 32 MiB as it sees such sizes go, and a matrix's gradient leaves a gap that the next one,
    which has to be aligned, does not fit. Time: no difference seen."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


@dataclass(frozen=True)
class Peak:
    """From `begin()` on: the most that was held beyond what was held then. One at a time in a process."""

    device: str
    before: int | None

    @classmethod
    def begin(cls, device: str = "cpu") -> Peak:
        """Forget the peak so far (proc(5), clear_refs; not ru_maxrss, which a child takes over from its parent)."""
        if device == "cuda":
            for gpu in gpus():
                torch.cuda.reset_peak_memory_stats(gpu)
            return cls(device, sum(torch.cuda.memory_allocated(gpu) for gpu in gpus()))
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            return cls(device, resident())
        return cls(device, None)

    def extra(self) -> int | None:
        """Bytes beyond the beginning; None where the system does not tell."""
        most = (sum(torch.cuda.max_memory_allocated(gpu) for gpu in gpus()) if self.device == "cuda"
                else _most_resident())
        return None if most is None or self.before is None else max(0, most - self.before)


def room() -> int:
    """Bytes of memory for what waits for its turn, beyond which it goes to a temporary file."""
    free = available_memory()
    return free // 2 if free is not None else 1 << 30
