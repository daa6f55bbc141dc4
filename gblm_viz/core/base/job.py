"""Long work as a generator: it yields steps, returns its result and cleans up in `finally`.

Knows nothing of what the work is, nor of who watches it.
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
    """Drain a job and return its result; `watch` sees every step."""
    while True:
        try:
            step = next(job)
        except StopIteration as finished:
            result: T = finished.value
            return result
        if watch is not None:
            watch(step)


def retold(job: Job[T], tell: Callable[[Step], Step]) -> Job[T]:
    """A part of a longer job: each of its steps is said as `tell` turns it. Closed with whoever runs it."""
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
    """Its steps count on from `before`, of `total`."""
    return retold(job, lambda step: Step(before + step.done, total, step.what))


def within(job: Job[T], step: Step) -> Job[T]:
    """Its own steps are not told: `step` is said as often."""
    return retold(job, lambda _: step)
