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


def map_steps(job: Job[T], tell: Callable[[Step], Step]) -> Job[T]:
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


def offset_steps(job: Job[T], before: int, total: int) -> Job[T]:
    """Run a job as part of a longer one: its `done` is counted from `before`, out of `total`."""
    return map_steps(job, lambda step: Step(before + step.done, total, step.what))


def replace_steps(job: Job[T], step: Step) -> Job[T]:
    """Run a job as part of a longer one: yield `step` in place of each of its own steps."""
    return map_steps(job, lambda _: step)
