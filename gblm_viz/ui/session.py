"""Who is here and what has been computed: one Session a visitor, one Library a process.

A Session holds keys and small values; models, statistics and masks live in the Library under a byte budget.
Knows nothing of components; computes nothing itself.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from gblm_viz.core.alpha import Alpha
from gblm_viz.core.errors import GblmError
from gblm_viz.core.footprint import available_memory
from gblm_viz.core.job import Job, Step
from gblm_viz.core.prune import Settings

from .uploads import Uploads

T = TypeVar("T")
HOUR = 3600.0
SMALLEST_BUDGET = 512 * 1024**2
TURN_SECONDS = 0.2


@dataclass(frozen=True)
class Selection:
    """What every view shows: a matrix by parameter name, and a weight of it where one is pinned. 0-based."""

    matrix: str = ""
    expert: int = 0
    row: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class TextChoice:
    """The calibration text as the visitor gave it, and how it is cut. Lives in memory only, for an hour."""

    text: str = ""
    name: str = ""
    rule: str = "auto"
    samples: int = 64
    length: int | None = None
    seed: int = 0
    dropped: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Session:
    """One visitor's place. `model`, `statistics`, `applied` are Library keys; None = not made yet."""

    source: str = "pocket"
    dtype: str = "float32"
    model: Hashable = None
    text: TextChoice = field(default_factory=TextChoice)
    statistics: Hashable = None
    held_out: Hashable = None
    settings: Settings = field(default_factory=lambda: Settings(alpha=Alpha("share", 0.5), order="dense"))
    applied: Hashable = None
    applied_number: int = 0
    selection: Selection = field(default_factory=Selection)
    example: bool = True
    extras: tuple[tuple[str, Any], ...] = ()

    @property
    def next_number(self) -> int:
        """What the next Apply of this visit is called; no two of its runs share a number."""
        return max([self.applied_number, *(one.number for one in self.extra("runs", ()))]) + 1

    def begun_after(self, before: Session) -> Session:
        """This session as the next of the same visit: the runs that the visit has seen stay known."""
        return self.with_extra("runs", before.extra("runs", ()))

    def extra(self, name: str, otherwise: Any = None) -> Any:
        """A small value that one tab keeps for itself (see `with_extra`)."""
        return dict(self.extras).get(name, otherwise)

    def with_extra(self, name: str, value: Any) -> Session:
        return replace(self, extras=tuple((dict(self.extras) | {name: value}).items()))


class Task(Generic[T]):
    """One computation that any number of visitors may watch. `cancel` asks it to end with what it has."""

    def __init__(self, key: Hashable, job: Callable[[threading.Event], Job[T]], graceful: bool) -> None:
        self.key, self.graceful = key, graceful
        self.cancel = threading.Event()
        self.done = threading.Event()
        self.step = Step(0, 1, "wait")
        self.started: float | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self.watchers: list[str] = []
        self._job = job

    def run(self) -> None:
        """Drain the job on the worker's thread. Cancelled while still in the queue: it never starts."""
        self.started = time.monotonic()
        try:
            if self.cancel.is_set():
                raise GblmError("cancelled")
            job = self._job(self.cancel)
            while True:
                self.step = next(job)
                if self.cancel.is_set() and not self.graceful:
                    job.close()
                    raise GblmError("cancelled")
        except StopIteration as finished:
            self.result = finished.value
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    @property
    def seconds_left(self) -> float | None:
        """From the pace so far; None before the first step."""
        if self.started is None or not self.step.done:
            return None
        return (time.monotonic() - self.started) / self.step.done * max(0, self.step.total - self.step.done)


class Library:
    """Everything expensive, shared by all visitors: values by key under a byte budget, tasks one after another."""

    def __init__(self, budget: int | None = None, device: str = "auto", dtype: str = "float32") -> None:
        self.device, self.dtype = device, dtype
        self.local = True  # False where others reach this process: then nothing is written on its disk
        self.ready = threading.Event()
        self.budget = budget or max(SMALLEST_BUDGET, (available_memory() or 2 * SMALLEST_BUDGET) // 2)
        self.sessions: dict[str, tuple[float, Session]] = {}
        self.first = Session()
        self.values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.used: dict[Hashable, float] = {}
        self.pinned: set[Hashable] = set()
        self.tasks: OrderedDict[Hashable, Task[Any]] = OrderedDict()
        self.visiting: dict[str, set[Hashable]] = {}
        self.chats: dict[str, threading.Event] = {}
        self.uploads = Uploads()
        self.lock = threading.RLock()
        self.worker = threading.Lock()

    # Visitors

    def visit(self, key: str | None) -> Visit:
        """The visitor behind an unguessable key; an unknown or forgotten key begins a new visit."""
        with self.lock:
            self.tidy()
            now = time.monotonic()
            if not key or key not in self.sessions:
                key = secrets.token_urlsafe(18)
                self.sessions[key] = (now, self.first)
            self.sessions[key] = (now, self.sessions[key][1])
            return Visit(key, self)

    # Values

    def put(self, key: Hashable, value: Any, size: int = 0, pin: bool = False) -> Hashable:
        """Keep a value; the least recently used ones make room. `pin` keeps it for good (the example)."""
        with self.lock:
            self.values[key] = (value, size)
            self.values.move_to_end(key)
            self.used[key] = time.monotonic()
            if pin:
                self.pinned.add(key)
            used = sum(held for _, held in self.values.values())
            for old in list(self.values):
                if used <= self.budget:
                    break
                if old not in self.pinned and old != key:
                    used -= self.values.pop(old)[1]
        return key

    def get(self, key: Hashable) -> Any:
        """The value, or the sentence that it is gone."""
        with self.lock:
            if key is None or key not in self.values:
                raise GblmError("gone")
            self.values.move_to_end(key)
            self.used[key] = time.monotonic()
            return self.values[key][0]

    def has(self, key: Hashable) -> bool:
        with self.lock:
            return key is not None and key in self.values

    def once(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int] = lambda value: 0) -> T:
        """The value under `key`, made on first use. For work of a second or less."""
        if not self.has(key):
            value = make()
            self.put(key, value, size(value))
            return value
        found: T = self.get(key)
        return found

    def room(self, needed: Collection[Hashable] = ()) -> int:
        """Bytes that a task may take: the budget of all visitors without what cannot make room: pinned, `needed`."""
        with self.lock:
            return max(0, self.budget - sum(size for key, (_, size) in self.values.items()
                                            if key in self.pinned or key in needed))

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """While open, `size` bytes of the budget are a task's: the least recently used values make room for it."""
        key = ("reserved", secrets.token_urlsafe(8))
        self.put(key, None, size, pin=True)
        try:
            yield
        finally:
            with self.lock:
                self.pinned.discard(key)
                del self.values[key], self.used[key]

    # Tasks

    def start(self, visitor: str, key: Hashable, job: Callable[[threading.Event], Job[T]], *,
              graceful: bool = False, queued: bool = True) -> Task[T]:
        """The running task of this key, joined, or a new one in the queue. Identical work is computed once.

        `graceful`: the job reads its cancel event itself and ends with what it has; others are closed at once.
        `queued` False: it runs beside the queue, for work that nobody asked for and nobody should wait behind.
        """
        with self.lock:
            task = self.tasks.get(key)
            if task is None or task.done.is_set() or task.cancel.is_set():
                task = Task(key, job, graceful)
                self.tasks[key] = task
                threading.Thread(target=self._work, args=(task, queued), daemon=True,
                                 name=f"task {key!r:.60}").start()
            task.watchers.append(visitor)
            self.visiting.setdefault(visitor, set()).add(key)
            return task

    def _work(self, task: Task[Any], queued: bool) -> None:
        with self.worker if queued else nullcontext():  # one heavy job at a time: two would only halve the cores
            if not task.done.is_set():
                task.run()
        with self.lock:
            if self.tasks.get(task.key) is task:
                del self.tasks[task.key]

    def turn(self, job: Job[T], waiting: Step) -> Job[T]:
        """A part of a task that runs beside the queue takes its turn in it; `waiting` is said until then."""
        while not self.worker.acquire(timeout=TURN_SECONDS):
            yield waiting
        try:
            return (yield from job)
        finally:
            self.worker.release()
            time.sleep(TURN_SECONDS / 10)  # whoever waits takes the lock now: a lock keeps no queue of its own

    def leave(self, visitor: str, task: Task[Any]) -> None:
        """A visitor stops watching; a task nobody watches is cancelled."""
        with self.lock:
            if visitor in task.watchers:
                task.watchers.remove(visitor)
            if visitor not in task.watchers:
                self.visiting.get(visitor, set()).discard(task.key)
            self._end_unwatched(task)

    def cancel(self, visitor: str) -> bool:
        """This visitor leaves all its tasks; those that nobody else watches end. Whether there was any."""
        with self.lock:
            mine = [self.tasks[key] for key in self.visiting.pop(visitor, set()) if key in self.tasks]
            for task in mine:
                task.watchers = [other for other in task.watchers if other != visitor]
                self._end_unwatched(task)
            return bool(mine)

    def _end_unwatched(self, task: Task[Any]) -> None:
        if task.watchers or task.done.is_set():
            return
        task.cancel.set()
        if task.started is None:  # still in the queue: it need not wait for its turn to end
            task.error = GblmError("cancelled")
            task.done.set()

    # Forgetting

    def tidy(self, now: float | None = None) -> None:
        """Forget what nobody has used for an hour: visits with their texts, and values that are not the example's."""
        with self.lock:
            now = time.monotonic() if now is None else now
            for visitor in [name for name, (seen, _) in self.sessions.items() if now - seen > HOUR]:
                for held in (self.sessions, self.chats, self.visiting):
                    held.pop(visitor, None)
            for key in [key for key, seen in self.used.items() if now - seen > HOUR and key not in self.pinned]:
                self.values.pop(key, None)
                del self.used[key]

    def keep_tidy(self) -> None:
        """Tidy every minute, in the background, as long as the process lives."""
        def every_minute() -> None:
            while True:
                time.sleep(60)
                self.tidy()

        threading.Thread(target=every_minute, daemon=True, name="tidy").start()

    def ahead(self, task: Task[Any]) -> int:
        """How many tasks stand before this one in the queue."""
        with self.lock:
            waiting = [key for key, other in self.tasks.items() if not other.done.is_set()]
            return waiting.index(task.key) if task.key in waiting else 0


@dataclass(frozen=True)
class Visit:
    """One visitor's handle on the Library."""

    key: str
    library: Library

    @property
    def session(self) -> Session:
        return self.library.sessions.get(self.key, (0.0, self.library.first))[1]

    def update(self, **changes: Any) -> Session:
        """Replace fields of the session; returns the new one."""
        with self.library.lock:
            return self.keep(replace(self.session, **changes))

    def remember(self, name: str, value: Any) -> Session:
        """Keep one tab's own small value (see `Session.extra`)."""
        with self.library.lock:
            return self.keep(self.session.with_extra(name, value))

    def keep(self, session: Session) -> Session:
        with self.library.lock:
            self.library.sessions[self.key] = (time.monotonic(), session)
        return session

    def model(self) -> Any:
        return self.library.get(self.session.model)

    def statistics(self) -> Any:
        """The visitor's statistics, or the sentence that nothing is collected yet."""
        if self.session.statistics is None:
            raise GblmError("nothing_collected")
        return self.library.get(self.session.statistics)
