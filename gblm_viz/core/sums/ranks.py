"""Several processes that share the samples of one collection (torchrun), and what they add up: all_reduce sums.

One process is the ordinary case, in which nothing is sent. Knows nothing of models, matrices or files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from ..base.errors import GblmError

PATIENCE = timedelta(days=7)
"""How long one process waits for the slowest. A dead one is noticed at once: its connection closes."""


@dataclass(frozen=True)
class Ranks:
    """This process's number among `count`; `local`, `neighbours`: the same among those on its machine."""

    rank: int = 0
    count: int = 1
    local: int = 0
    neighbours: int = 1

    @classmethod
    def of_environment(cls) -> Ranks:
        """What torchrun says of this process; one process where nothing does."""
        return cls(*(int(os.environ.get(name, default)) for name, default in (
            ("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1))))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @contextmanager
    def joined(self, device: str) -> Iterator[Ranks]:
        """While open, the processes can add. On `cuda` each has its own GPU, else GblmError."""
        if self.count == 1:
            yield self
            return
        if device == "cuda":
            if torch.cuda.device_count() < self.neighbours:
                raise GblmError("fewer_gpus", processes=self.neighbours, gpus=torch.cuda.device_count())
            torch.cuda.set_device(self.local)
        backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        try:
            yield self
        finally:
            distributed.destroy_process_group()

    def own(self, samples: int) -> range:
        """This process's samples: every `count`-th, so that after each round those that are done are the first ones."""
        return range(self.rank, samples, self.count)

    def add(self, tensor: Tensor) -> None:
        """The sum over all processes, in place, in every one. Raises GblmError where another one has ended."""
        if self.count == 1:
            return
        try:
            distributed.all_reduce(tensor)
        except RuntimeError as error:
            raise GblmError("process_ended", count=self.count) from error

    def add_small(self, tensors: Sequence[Tensor]) -> None:
        """The same for many small tensors in one call: counts below 2⁵³ and float32 are exact in the float64 sent."""
        if self.count == 1:
            return
        packed = torch.cat([tensor.flatten().cpu().double() for tensor in tensors])
        self.add(packed)
        for tensor, total in zip(tensors, packed.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all wait for each other."""
        total = torch.tensor(int(flag))
        self.add(total)
        return bool(total)

    def wait(self) -> None:
        """Until every process has come here."""
        self.any(False)

    def of_first(self, number: int) -> int:
        """The first process's number, in all of them."""
        said = torch.tensor(number if self.first else 0)
        self.add(said)
        return int(said)


ALONE = Ranks()
