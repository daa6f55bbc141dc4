"""One computation that any number of visitors may watch, and the durations of past computations.

Independent of who may start a computation and when its turn comes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job, Step

from .keys import Key, kind_of
from .turns import Ticket

T = TypeVar("T")
REMEMBERED = 8
"""Number of past computations of a kind from which the next one's time is estimated."""


class Task(Generic[T]):
    """A running job; `stop` sets `cancel`, and the job then ends.

    `graceful`: the job reads the event it was given and ends with its partial result; others are closed at once.
    `for_nobody`: that partial result is worth keeping even if nobody watches the task any more.
    `abandonable`: a cancel does not wait for its thread, which may be busy inside a library.
    """

    def __init__(self, key: Key[Any], job: Callable[[threading.Event], Job[T]], graceful: bool,
                 abandonable: bool = False) -> None:
        self.key, self.graceful, self.abandonable = key, graceful, abandonable
        self.kind = kind_of(key)
        self.cancel = threading.Event()
        self._asked = threading.Event()
        self.done = threading.Event()
        self.step = Step(0, 1, "wait")
        self.started: float | None = None
        self.stepped = 0.0
        self.ticket: Ticket | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self.watchers: list[str] = []
        self.for_nobody = False
        self._job = job
        self._ending = threading.Lock()

    def run(self) -> None:
        """Run the job to its end on this thread. A task cancelled while still in the queue never starts its job."""
        self.started = self.stepped = time.monotonic()
        try:
            if self.cancel.is_set():
                raise GblmError("cancelled")
            job = self._job(self._asked)
            while True:
                self.step = next(job)
                self.stepped = time.monotonic()
                if self.cancel.is_set() and not self.graceful:
                    job.close()
                    raise GblmError("cancelled")
        except StopIteration as finished:
            self.end(finished.value)
        except BaseException as error:
            self.end(error=error)

    def stop(self) -> None:
        """Ask a graceful job to end with its partial result; any other is closed at its next step."""
        self.cancel.set()
        if self.graceful or self.abandonable:
            self._asked.set()

    def end(self, result: T | None = None, error: BaseException | None = None) -> None:
        """Set the outcome; only the first call counts."""
        with self._ending:
            if not self.done.is_set():
                self.result, self.error = result, error
                self.done.set()

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the pace so far; None before the first step."""
        if self.started is None or not self.step.done:
            return None
        return (time.monotonic() - self.started) / self.step.done * max(0, self.step.total - self.step.done)


class Durations:
    """Mean seconds of the last computations of each kind."""

    def __init__(self) -> None:
        self._took: dict[str, deque[float]] = {}

    def add(self, kind: str, seconds: float) -> None:
        self._took.setdefault(kind, deque(maxlen=REMEMBERED)).append(seconds)

    def expected(self, kind: str) -> float | None:
        """Return the mean seconds of a kind; None before the first."""
        took = self._took.get(kind)
        return sum(took) / len(took) if took else None
