"""How many threads torch uses for a computation: one where a model's matrices are small, else all that are allowed.

torch's threads wait for each other after every operation. With small matrices that costs more than it gains, and where
other programs use the cores too, each operation waits until the last thread gets its turn.
tests/benchmarks/busy.py measures both. Independent of models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

SMALL = 1 << 17
"""Most weights in the largest matrix of a model that is computed on one thread. Chosen, not measured: the bundled model
is below it (`busy --even` tells where threads begin to help on a machine)."""


@cache
def usual_count() -> int:
    """Return how many threads torch uses by itself: OMP_NUM_THREADS, or one per core. Asked once, before any is set."""
    import torch  # here, so that who only passes a number on does not wait for torch

    return torch.get_num_threads()


@dataclass(frozen=True)
class Threads:
    """How many threads a computation may use. asked: exactly this many; None: chosen by the size of the matrices."""

    asked: int | None = None

    def count_for(self, largest: int) -> int:
        """Return the number of threads for a model whose largest matrix has this many weights."""
        return self.asked or (1 if largest <= SMALL else usual_count())

    def use_for(self, largest: int) -> None:
        """Have the calling thread compute with that many threads from now on, and threads that start after it.

        torch keeps the number of each thread that has computed before, so each thread sets its own where its work
        begins.
        """
        import torch

        usual_count()
        count = self.count_for(largest)
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)
