"""Memory in use, free memory, peak memory and free disk space; and a size such as `6GB` as a number.

All sizes are in bytes. Independent of models and plans.
"""

from __future__ import annotations

import ctypes
import math
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingError
from .lazy import psutil, torch, transformers

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
MARGIN = 0.1
"""Fraction of the free bytes left unused: estimates are right only to a factor, and other programs' use changes."""


def parse_bytes(given: str) -> int:
    """Return a size such as `6GB`, `512 MiB` or `1.5gb` in bytes; a bare number is bytes. Raises SettingError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", given)
    size = UNITS.get(found[2].upper()) if found else None
    if found is None or size is None or not (value := float(found[1]) * size) >= 1 or math.isinf(value):
        raise SettingError("memory_unreadable", given=given)
    return int(value)


def available_memory() -> int | None:
    """Return the bytes of memory available without swapping, or None where the system does not report them."""
    with suppress(psutil.Error, OSError, NotImplementedError):
        return int(psutil.virtual_memory().available)
    return None


def gpus() -> tuple[int, ...]:
    """Return the GPUs that a model in memory is spread over: all of them if accelerate is installed, else one.

    In a distributed run, each process uses only its current GPU.
    """
    apart = torch.distributed.is_available() and torch.distributed.is_initialized()
    if apart or not transformers.utils.import_utils.is_accelerate_available():
        return (torch.cuda.current_device(),)
    return tuple(range(torch.cuda.device_count()))


def free_memory(device: str = "cpu") -> int | None:
    """Return the free bytes on a device less MARGIN; None where the system does not tell. `cuda`: all `gpus`."""
    if device == "cuda":
        return sum(free_on_gpu(gpu) for gpu in gpus())
    free = available_memory()
    return None if free is None else int(free * (1 - MARGIN))


def free_on_gpu(gpu: int) -> int:
    """Return the free bytes on one GPU less MARGIN."""
    return int(torch.cuda.mem_get_info(gpu)[0] * (1 - MARGIN))


def free_disk(folder: Path) -> int | None:
    """Return the free disk bytes at a present or future folder less MARGIN; None where the system does not tell."""
    with suppress(OSError):
        return int(shutil.disk_usage(nearest_existing(folder)).free * (1 - MARGIN))
    return None


def nearest_existing(folder: Path) -> Path:
    """Return the folder, or its nearest existing parent if it does not exist yet."""
    places = (folder.absolute(), *folder.absolute().parents)
    return next((place for place in places if place.is_dir()), places[-1])


def folder_bytes(folder: Path) -> int:
    """Return the total bytes of a folder's files, without subfolders."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def resident_bytes() -> int | None:
    """Return the bytes that this process has in memory now; None where the system does not report them."""
    with suppress(psutil.Error, OSError):
        return int(psutil.Process().memory_info().rss)
    return None


def _peak_resident_bytes() -> int | None:
    """Return the peak memory in bytes since the last reset, or None; only Linux can reset the peak."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def release_freed_memory() -> None:
    """Return freed memory to the system where the C library would keep it: with glibc, and a block's matrices below
    32 MB, the process grew by 35 MB a block of 13 M weights."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


M_MMAP_THRESHOLD, LARGE = -3, 1 << 23


def release_large_at_once() -> None:
    """From now on, allocate `LARGE` bytes or more directly from the system, and return them when they are freed. By
    itself, glibc would raise this limit to 32 MiB as such sizes are freed; then a matrix's gradient leaves a gap that
    the next one, which has to be aligned, does not fit. No difference in time was seen."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


@dataclass(frozen=True)
class Peak:
    """Peak memory since `begin()` beyond what was in use then. Only one at a time in a process."""

    device: str
    before: int | None

    @classmethod
    def begin(cls, device: str = "cpu") -> Peak:
        """Reset the peak (proc(5), clear_refs; not ru_maxrss, which a child process inherits from its parent)."""
        if device == "cuda":
            for gpu in gpus():
                torch.cuda.reset_peak_memory_stats(gpu)
            return cls(device, sum(torch.cuda.memory_allocated(gpu) for gpu in gpus()))
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            return cls(device, resident_bytes())
        return cls(device, None)

    def extra(self) -> int | None:
        """Return the peak bytes beyond those at `begin()`; None where the system does not report them."""
        most = (sum(torch.cuda.max_memory_allocated(gpu) for gpu in gpus()) if self.device == "cuda"
                else _peak_resident_bytes())
        return None if most is None or self.before is None else max(0, most - self.before)


def memory_budget() -> int:
    """Return the bytes of memory for data that is needed later; beyond them it goes to a temporary file."""
    free = available_memory()
    return free // 2 if free is not None else 1 << 30
