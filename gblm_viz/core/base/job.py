"""Long work as a generator: it yields steps, returns its result and cleans up in `finally`.

Independent of what the work is and of who watches it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """`done` of `total` units are finished; `what` is the unit, a key of the words' table `units`."""

    done: int
    total: int
    what: str


Job = Generator[Step, None, T]
"""A generator of steps with a result: `result = yield from job` inside another job, `run(job)` anywhere else."""


def run(job: Job[T], watch: Callable[[Step], None] | None = None) -> T:
    """Run a job to its end and return its result; call `watch` with every step."""
    while True:
        try:
            step = next(job)
        except StopIteration as finished:
            result: T = finished.value
            return result
        if watch is not None:
            watch(step)


def retold(job: Job[T], tell: Callable[[Step], Step]) -> Job[T]:
    """Run a job as part of a longer one: yield `tell(step)` for each of its steps. Closing this job closes it too."""
    try:
        while True:
            try:
                step = next(job)
            except StopIteration as finished:
                result: T = finished.value
                return result
            yield tell(step)
    finally:
        job.close()


def part_of(job: Job[T], before: int, total: int) -> Job[T]:
    """Run a job as part of a longer one: its `done` is counted from `before`, out of `total`."""
    return retold(job, lambda step: Step(before + step.done, total, step.what))


def within(job: Job[T], step: Step) -> Job[T]:
    """Run a job as part of a longer one: yield `step` in place of each of its own steps."""
    return retold(job, lambda _: step)
