"""Several processes that share the samples of one collection (torchrun) and add up their sums with all_reduce.

One process is the usual case; then nothing is sent. This module does not use models, matrices or files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ..base.errors import GblmError
from ..base.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

PATIENCE = timedelta(days=7)
"""How long a process waits for the slowest. A dead process is noticed immediately: its connection closes."""


@dataclass(frozen=True)
class Ranks:
    """The number of this process among `count`; `local`, `neighbours`: the same among those on its machine."""

    rank: int = 0
    count: int = 1
    local: int = 0
    neighbours: int = 1

    @classmethod
    def of_environment(cls) -> Ranks:
        """Read torchrun's environment variables; without them, a single process."""
        return cls(*(int(os.environ.get(name, default)) for name, default in (
            ("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1))))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    @contextmanager
    def joined(self, device: str) -> Iterator[Ranks]:
        """Connect the processes while open. On `cuda` each uses its own GPU; raises GblmError for too few."""
        if self.count == 1:
            yield self
            return
        if device == "cuda":
            if torch.cuda.device_count() < self.neighbours:
                raise GblmError("fewer_gpus", processes=self.neighbours, gpus=torch.cuda.device_count())
            torch.cuda.set_device(self.local)
        backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        torch.distributed.init_process_group(backend, timeout=PATIENCE)
        try:
            yield self
        finally:
            torch.distributed.destroy_process_group()

    def own(self, samples: int) -> range:
        """Return this process's samples: every `count`-th, so after each round the first samples are done."""
        return range(self.rank, samples, self.count)

    def add(self, tensor: Tensor) -> None:
        """Sum a tensor over all processes, in place in each. Raises GblmError if another process has ended."""
        if self.count == 1:
            return
        try:
            torch.distributed.all_reduce(tensor)
        except RuntimeError as error:
            raise GblmError("process_ended", count=self.count) from error

    def add_small(self, tensors: Sequence[Tensor]) -> None:
        """Do the same for many small tensors in one call; sent as float64, exact for float32 and counts below 2⁵³."""
        if self.count == 1:
            return
        packed = torch.cat([tensor.flatten().cpu().double() for tensor in tensors])
        self.add(packed)
        for tensor, total in zip(tensors, packed.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process; all processes wait for each other."""
        total = torch.tensor(int(flag))
        self.add(total)
        return bool(total)

    def wait(self) -> None:
        """Wait until every process has called this."""
        self.any(False)

    def of_first(self, number: int) -> int:
        """Return the first process's `number`, in every process."""
        said = torch.tensor(number if self.first else 0)
        self.add(said)
        return int(said)


ALONE = Ranks()
