"""What all visitors share, one Library per process: results under a byte budget, and tasks in their turns.

Models, statistics, samples and masks are stored under the keys of keys.py; the visitors' sessions count towards the
budget too. A Visit is one visitor's way to it. Independent of the components; computes nothing itself.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.footprint import available_memory, release_freed_memory
from gblm_viz.core.base.job import Job, Step
from gblm_viz.core.base.threads import Threads
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.statistics import Statistics

from ..components.answer_slider.live_answers import LIVE_ANSWERS
from .keys import Key, ReservedKey, SessionKey
from .presence import Presence
from .remembered import CHAT, Remembered
from .session import Selection, Session
from .tasks import Durations, Task
from .turns import Ticket, Turns
from .uploads import Uploads
from .value_size import value_bytes

T = TypeVar("T")
LOG = logging.getLogger("gblm_viz")
HOUR = 3600.0
SMALLEST_BUDGET = 512 * 1024**2
TURN_SECONDS = 0.2
TEXTS_SHARE = 4
"""All visitors' texts and chats together may use 1/TEXTS_SHARE of the budget."""
MOST_VISITS, VISITS_PER_ADDRESS = 500, 150
"""Most visits at a time, in all and from one address. 150 is enough for a class of sixty behind one router, with two
tabs each."""
MOST_TASKS = 8
"""Most computations of one visitor that may run or wait at a time."""
LOADS_AT_ONCE = 2
"""Models that are loaded at a time; loads have a queue of their own."""
LOAD_SECONDS = 300.0
"""A load without progress for this many seconds is given up."""
MOST_ABANDONED, ABANDONED_SECONDS = 4, 600.0
"""While MOST_ABANDONED loads that were given up in the last ABANDONED_SECONDS still run, no further load starts."""
CHECK_SECONDS = 1.0


class Library:
    """Shared by all visitors: expensive values by key under a byte budget, and tasks run one after another.

    The budget covers the visitors' texts, samples, chats and results and the models together.
    """

    def __init__(self, budget: int | None = None, device: str = "auto", dtype: str = "float32",
                 threads: Threads | None = None) -> None:
        self.device, self.dtype, self.threads = device, dtype, threads or Threads()
        self.local = True  # False if other machines can reach this process; nothing is written to its disk then
        self.open_models: tuple[str, ...] = ()  # what visitors may load besides pocket and the first visitor's model
        self.ready = threading.Event()
        self.budget = budget or max(SMALLEST_BUDGET, (available_memory() or 2 * SMALLEST_BUDGET) // 2)
        self.sessions: dict[str, tuple[float, Session]] = {}
        self.addresses: dict[str, str] = {}
        self.presence = Presence()
        self.first = Session()
        self.first_in: dict[str, Session] = {}  # of languages whose pages begin with an example of their own
        self.values: OrderedDict[Key[Any], tuple[Any, int]] = OrderedDict()
        self.used: dict[Key[Any], float] = {}
        self.pinned: set[Key[Any] | None] = set()
        self.tasks: OrderedDict[Key[Any], Task[Any]] = OrderedDict()
        self.visiting: dict[str, set[Key[Any]]] = {}
        self.chats: dict[str, threading.Event] = {}
        self.uploads = Uploads()
        self.lock = threading.RLock()
        self.worker = Turns()  # one heavy job at a time: two would only share the cores
        self.loading = Turns(LOADS_AT_ONCE)
        self.abandoned: dict[Task[Any], float] = {}
        self.durations = Durations()
        self._making: dict[Key[Any], threading.RLock] = {}
        self._weighed: dict[str, dict[str, tuple[Any, int]]] = {}

    # Visitors

    def first_of(self, language: str) -> Session:
        """Return what a visit begins with on a page in this language."""
        return self.first_in.get(language, self.first)

    def firsts(self) -> tuple[Session, ...]:
        """Return what visits begin with, whatever the page's language."""
        return (self.first, *self.first_in.values())

    def _in_language(self, session: Session, language: str) -> Session:
        """Return a session that still shows an example with this language's one, its own text and settings kept."""
        now = self.first_of(language)
        if not language or not session.example or session is now:
            return session
        before = next((one for one in self.firsts() if one is not now
                       and (one.statistics, one.applied) == (session.statistics, session.applied)), None)
        if before is None or session is before:
            return session if before is None else now
        return replace(session, text=now.text if session.text == before.text else session.text,
                       statistics=now.statistics, held_out=now.held_out, applied=now.applied)

    def visit(self, key: str | None, address: str = "", issued: bool = False, language: str = "") -> Visit:
        """Return the visit with this unguessable key; an unknown or forgotten key starts a new visit.

        issued: the key came from this process and not from outside, so a new visit may reuse it. language: of the page
        that asks; a visit that still sees the example sees the one of that language. Raises GblmError if
        there are too many visits, in all or from this address, and all of them still have a page open.
        """
        with self.lock:
            self.tidy()
            now = time.monotonic()
            if not key or key not in self.sessions:
                self._make_way(address, now)
                key = key if key and issued else secrets.token_urlsafe(18)
                self.sessions[key] = (now, self.first)
                self.addresses[key] = address
            self.sessions[key] = (now, self._in_language(self.sessions[key][1], language))
            return Visit(key, self)

    def _make_way(self, address: str, now: float) -> None:
        """At a limit, end a visit without an open page: first those without data, then the longest unused."""
        for most, key, among in (
                (VISITS_PER_ADDRESS, "too_many_visits_here", [one for one, place in self.addresses.items()
                                                              if place == address]),
                (MOST_VISITS, "too_many_visits", list(self.sessions))):
            if len(among) < most:
                continue
            idle = [one for one in among if not self.is_present(one, now)]
            if not idle:
                raise GblmError(key, count=most)
            self._forget(min(idle, key=lambda one: (self._has_something(one), self.sessions[one][0])))

    def _has_something(self, visitor: str) -> bool:
        session = self.sessions[visitor][1]
        return bool(session.extra(CHAT)) or not any(
            all(getattr(session, name) == getattr(first, name) for name in (
                "source", "model", "text", "statistics", "applied")) for first in self.firsts())

    def is_present(self, visitor: str, now: float | None = None) -> bool:
        """Return whether a page of this visit is open or has sent a request just now."""
        now = time.monotonic() if now is None else now
        seen = self.sessions.get(visitor, (now - HOUR, None))[0]
        return now - seen < self.presence.away or self.presence.is_present(visitor, now)

    def _forget(self, visitor: str) -> None:
        self.leave_all(visitor)
        for held in (self.sessions, self.addresses, self.chats, self.visiting, self._weighed):
            held.pop(visitor, None)
        self._drop(SessionKey(visitor))
        self.presence.forget(visitor)
        LIVE_ANSWERS.forget(visitor)

    def leave_all(self, visitor: str) -> None:
        """End the visitor's chat answer, and the tasks that nobody else watches."""
        with self.lock:
            for task in [self.tasks[key] for key in self.visiting.pop(visitor, set()) if key in self.tasks]:
                while visitor in task.watchers:  # once for each of their pages
                    self.leave(visitor, task)
            chat = self.chats.pop(visitor, None)
            if chat is not None:
                chat.set()

    def replace_session(self, visitor: str, session: Session) -> None:
        """Make this the visitor's session. Raises GblmError if its texts and chats do not fit beside the others'."""
        with self.lock:
            before = self._weighed.get(visitor, {})
            own_text = all(session.text != first.text for first in self.firsts())
            parts = dict(session.extras) | ({"text": session.text.text} if own_text else {})
            weighed = {name: before[name] if name in before and before[name][0] is part else (part, value_bytes(part))
                       for name, part in parts.items()}
            size = sum(one for _, one in weighed.values())
            key, most = SessionKey(visitor), self.budget // TEXTS_SHARE
            others = sum(held for name, (_, held) in self.values.items()
                         if isinstance(name, SessionKey) and name != key)
            if size > sum(one for _, one in before.values()) and others + size > most:
                raise GblmError("texts_full", needed=size / 1e6, allowed=max(0, most - others) / 1e6, most=most / 1e6)
            self._weighed[visitor] = weighed
            self.addresses.setdefault(visitor, "")
            self.sessions[visitor] = (time.monotonic(), session)
            if size:
                self.put(key, None, size, pin=True)
            else:
                self._drop(key)

    # Values

    def put(self, key: Key[T], value: T, size: int | None = None, pin: bool = False) -> Key[T]:
        """Store a value; the least recently used ones are evicted for it. `pin` exempts it from eviction (the example).

        size: bytes; None = measured with `value_bytes`.
        """
        size = value_bytes(value) if size is None else size
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

    def get(self, key: Key[T] | None) -> T:
        """Return the value of `key`. Raises GblmError if it was evicted or never stored."""
        with self.lock:
            if key is None or key not in self.values:
                raise GblmError("gone")
            self.values.move_to_end(key)
            self.used[key] = time.monotonic()
            found: T = self.values[key][0]
            return found

    def has(self, key: Key[Any] | None) -> bool:
        with self.lock:
            return key is not None and key in self.values

    def get_or_make(self, key: Key[T], make: Callable[[], T], size: Callable[[T], int] = value_bytes) -> T:
        """Return the value of `key`; one of the first concurrent callers makes it. For work of a few seconds."""
        with self.lock:
            making = self._making.setdefault(key, threading.RLock())
        with making:
            try:
                with self.lock:
                    if self.has(key):
                        return self.get(key)
                value = make()
                self.put(key, value, size(value))
                return value
            finally:
                with self.lock:
                    self._making.pop(key, None)

    def room(self, needed: Collection[Key[Any]] = ()) -> int:
        """Return the bytes a task may use: the budget without values that cannot be evicted (pinned, `needed`)."""
        with self.lock:
            return max(0, self.budget - sum(size for key, (_, size) in self.values.items()
                                            if key in self.pinned or key in needed))

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """While open, reserve `size` bytes of the budget for a task, evicting the least recently used values.

        Raises GblmError if evicting cannot free that much.
        """
        key = ReservedKey(secrets.token_urlsafe(8))
        with self.lock:
            self.require_memory(size)
            self.put(key, None, size, pin=True)
        try:
            yield
        finally:
            self._drop(key)

    def require_memory(self, size: int, free: int = 0) -> None:
        """Raise GblmError, with needed and allowed size, if `size` exceeds both the evictable bytes and `free`."""
        allowed = max(self.room(), free)
        if size > allowed:
            raise GblmError("no_room", needed=size / 1e6, allowed=allowed / 1e6, budget=self.budget / 1e6)

    def _drop(self, key: Key[Any]) -> None:
        with self.lock:
            self.pinned.discard(key)
            self.values.pop(key, None)
            self.used.pop(key, None)

    # Tasks

    def start(self, visitor: str, key: Key[Any], job: Callable[[threading.Event], Job[T]], *, graceful: bool = False,
              for_nobody: bool = False, queued: bool = True, loads: bool = False) -> Task[T]:
        """Join the running task of this key, or start a new one in the queue. Identical work is computed once.

        `graceful`: the job reads its cancel event itself and ends with the partial result; other jobs are closed at
        once. A graceful one is closed at once, too, if its last watcher left without Cancel, unless `for_nobody`.
        `queued` False: it runs beside the queue, for work that nobody asked for and nobody should wait for.
        `loads`: it loads a model. It waits only for other loads, is given up after LOAD_SECONDS without a step, and
        a Cancel does not wait for its thread. Raises GblmError if the visitor has MOST_TASKS already.
        """
        turns = self.loading if loads else self.worker if queued else None
        with self.lock:
            self._refuse_more(visitor, key)
            task = self.tasks.get(key)
            if task is None or task.done.is_set() or task.cancel.is_set():
                if loads:
                    self._refuse_another_load()
                task = Task(key, job, graceful, abandonable=loads)
                task.for_nobody = for_nobody
                task.ticket = None if turns is None else turns.ask((visitor,), task.kind, task)
                self.tasks[key] = task
                threading.Thread(target=self._work, args=(task, turns, visitor), daemon=True,
                                 name=f"task {key!r:.60}").start()
            elif turns is not None and task.ticket is not None:
                turns.join(task.ticket, visitor)
            task.watchers.append(visitor)
            self.visiting.setdefault(visitor, set()).add(key)
            return task

    def _refuse_more(self, visitor: str, key: Key[Any]) -> None:
        mine = {one for one in self.visiting.get(visitor, ()) if one in self.tasks}
        if key not in mine and len(mine) >= MOST_TASKS:
            raise GblmError("too_many_tasks", count=len(mine))
        if key in mine and self.tasks[key].watchers.count(visitor) >= MOST_TASKS:  # the same click, sent by a script
            raise GblmError("too_many_tasks", count=MOST_TASKS)

    def _refuse_another_load(self) -> None:
        now = time.monotonic()
        self.abandoned = {task: since for task, since in self.abandoned.items() if now - since < ABANDONED_SECONDS}
        if len(self.abandoned) >= MOST_ABANDONED:
            raise GblmError("loads_given_up", count=len(self.abandoned), minutes=ABANDONED_SECONDS / 60)

    def use_threads_for(self, visitor: str) -> None:
        """Have the calling thread compute with as many threads as suit this visitor's model."""
        model = self.sessions.get(visitor, (0.0, self.first))[1].model
        with self.lock:
            found = self.values.get(model) if model is not None else None
        if found is not None:
            self.threads.use_for(found[0].layout.largest)

    def _work(self, task: Task[Any], turns: Turns | None, visitor: str) -> None:
        try:
            self.use_threads_for(visitor)
            if turns is not None and task.ticket is not None:
                task.ticket.given.wait()
            if not task.done.is_set():
                if task.abandonable:
                    self._give_up_after(task, LOAD_SECONDS)
                began = time.monotonic()
                task.run()
                if task.error is None and not task.cancel.is_set():
                    self.durations.add(task.kind, time.monotonic() - began)
        finally:
            self._let_go(task)
            with self.lock:
                self.abandoned.pop(task, None)

    def _let_go(self, task: Task[Any]) -> None:
        """Free the task's place in the queue, even if its thread still runs."""
        with self.lock:
            for turns in (self.worker, self.loading):
                if task.ticket is not None:
                    turns.give_back(task.ticket)
            if self.tasks.get(task.key) is task:
                del self.tasks[task.key]

    def _give_up_after(self, task: Task[Any], seconds: float) -> None:
        """End the task with GblmError once it has made no step for LOAD_SECONDS; look first after `seconds`."""
        def look() -> None:
            left = LOAD_SECONDS - (time.monotonic() - task.stepped)
            if task.done.is_set():
                return
            if task.started is not None and left <= 0:
                self._abandon(task, GblmError("load_too_long", seconds=LOAD_SECONDS))
            else:
                self._give_up_after(task, max(left, TURN_SECONDS))

        timer = threading.Timer(seconds, look)
        timer.daemon = True
        timer.start()

    def _abandon(self, task: Task[Any], error: GblmError) -> None:
        """End the task for all its watchers; whatever its thread still returns is dropped."""
        with self.lock:
            task.stop()
            if not task.done.is_set():
                task.end(error=error)
                self.abandoned[task] = time.monotonic()
            self._let_go(task)

    def run_in_turn(self, job: Job[T], waiting: Step, key: Key[Any] | None = None) -> Job[T]:
        """Run a part of an unqueued task in its turn in the queue; yields `waiting` until the turn comes.

        key: of the task; the turn counts for its watchers.
        """
        with self.lock:
            task = None if key is None else self.tasks.get(key)
            owners = set(task.watchers) if task is not None else {""}
        kind = f"part of {'' if task is None else task.kind}"
        ticket = self.worker.ask(owners, kind)
        try:
            while not ticket.given.wait(TURN_SECONDS):
                yield waiting
            began = time.monotonic()
            result = yield from job
            self.durations.add(kind, time.monotonic() - began)
            return result
        finally:
            self.worker.give_back(ticket)

    def leave(self, visitor: str, task: Task[Any]) -> None:
        """Remove the visitor from the task's watchers once; a task without watchers is cancelled."""
        with self.lock:
            if visitor in task.watchers:
                task.watchers.remove(visitor)
            if visitor not in task.watchers:
                self.visiting.get(visitor, set()).discard(task.key)
                self._not_theirs(visitor, task)
            if not task.watchers and not task.cancel.is_set():
                task.graceful = task.graceful and task.for_nobody
            self._end_unwatched(task)

    def cancel(self, visitor: str) -> bool:
        """Remove the visitor from all its tasks and end those nobody else watches. Return whether there were any."""
        with self.lock:
            mine = [self.tasks[key] for key in self.visiting.pop(visitor, set()) if key in self.tasks]
            for task in mine:
                task.watchers = [other for other in task.watchers if other != visitor]
                self._not_theirs(visitor, task)
                self._end_unwatched(task)
            return bool(mine)

    def _not_theirs(self, visitor: str, task: Task[Any]) -> None:
        if task.ticket is not None and task.watchers:
            for turns in (self.worker, self.loading):
                turns.part(task.ticket, visitor)

    def _end_unwatched(self, task: Task[Any]) -> None:
        if task.watchers or task.done.is_set():
            return
        task.stop()
        if task.started is None:  # still in the queue: it can end without getting its turn
            task.end(error=GblmError("cancelled"))
            self._let_go(task)
        elif task.abandonable:
            self._abandon(task, GblmError("cancelled"))

    def end(self, wait: float) -> None:
        """Before the process ends, stop all tasks and chats and wait up to `wait` seconds for running tasks."""
        with self.lock:
            running = [task for task in self.tasks.values() if task.started is not None]
            for task in self.tasks.values():
                task.stop()
            for chat in self.chats.values():
                chat.set()
        until = time.monotonic() + wait
        for task in running:
            task.done.wait(max(0.0, until - time.monotonic()))

    # Forgetting

    def tidy(self, now: float | None = None) -> None:
        """Drop what nobody has used for an hour: visits with their texts, and values that are not pinned.

        An open page uses its visit and what it shows, also while nobody touches it, as before a lesson begins.
        """
        self.uploads.tidy(now)
        with self.lock:
            now = time.monotonic() if now is None else now
            for visitor, (seen, session) in list(self.sessions.items()):
                if self.presence.is_present(visitor, now):
                    self.sessions[visitor] = (now, session)
                    for key in session.shown_keys():
                        if key in self.used:
                            self.used[key] = now
                elif now - seen > HOUR:
                    self._forget(visitor)
            for key in [key for key, seen in self.used.items() if now - seen > HOUR and key not in self.pinned]:
                self.values.pop(key, None)
                del self.used[key]

    def end_absent(self, now: float | None = None) -> list[str]:
        """End the work of visitors without an open page and return their keys. Session and results stay for an hour."""
        with self.lock:
            busy = {one for one, keys in self.visiting.items() if keys} | set(self.chats)
            away = [one for one in busy if not self.is_present(one, now)]
            for visitor in away:
                self.leave_all(visitor)
        if self.presence.tidy(now):
            release_freed_memory()  # else the C library keeps the memory that a whole class of visitors has freed
        return away

    def keep_tidy(self) -> None:
        """Start a background thread that calls `end_absent` every second and `tidy` every minute."""
        def every_second() -> None:
            tidied = time.monotonic()
            while True:
                time.sleep(CHECK_SECONDS)
                try:
                    self.end_absent()
                    if time.monotonic() - tidied >= 60:
                        tidied = time.monotonic()
                        self.tidy()
                except Exception:  # one failure must not end the loop
                    LOG.exception("tidying failed")

        threading.Thread(target=every_second, daemon=True, name="tidy").start()

    # The queue, as shown to visitors

    def ahead(self, task: Task[Any]) -> int:
        """Return how many turns come before this task's: those in progress and those that are served earlier."""
        found = self._before(task)
        return 0 if found is None else sum(len(part) for part in found[:2])

    def wait_of(self, task: Task[Any]) -> float | None:
        """Return the seconds until this task starts, estimated from progress and past durations; None if unknown."""
        found = self._before(task)
        if found is None:
            return 0.0
        working, before, places = found
        left: list[float] = []
        for one in (*working, *before):
            expected = self.durations.expected(one.kind)
            known = one.work.seconds_left if one.work is not None else None
            if known is None and expected is not None:
                known = max(0.0, expected - (0.0 if one.since is None else time.monotonic() - one.since))
            if known is None:
                return None
            left.append(known)
        return sum(left) / places

    def _before(self, task: Task[Any]) -> tuple[list[Ticket], list[Ticket], int] | None:
        """Return (working now, waiting before this one, places); None if the task is not waiting."""
        if task.ticket is None or task.done.is_set() or task.started is not None:
            return None
        turns = self.loading if task.abandonable else self.worker
        order = turns.order()
        return (list(turns.working), order[:order.index(task.ticket)], turns.places) if task.ticket in order else None


@dataclass(frozen=True)
class Visit:
    """One visitor's access to the Library."""

    key: str
    library: Library

    @property
    def session(self) -> Session:
        return self.library.sessions.get(self.key, (0.0, self.library.first))[1]

    def update(self, **changes: Any) -> Session:
        """Replace fields of the session and return the new session."""
        with self.library.lock:
            return self.keep(replace(self.session, **changes))

    def select(self, selection: Selection) -> Session:
        """Show this matrix and weight in every view. Raises GblmError if the visitor's model has no such weight."""
        layout = self.model().layout
        if not selection.inside(layout):
            raise GblmError("bad_event" if Selection(selection.matrix).inside(layout) else "gone")
        return self.update(selection=selection)

    def remember(self, what: Remembered[T], value: T) -> Session:
        """Store one tab's own small value (see `Session.extra`)."""
        with self.library.lock:
            return self.keep(self.session.with_extra(what, value))

    def keep(self, session: Session) -> Session:
        """Make this the visitor's session. Raises GblmError if all visitors' texts and chats fill their share."""
        self.library.replace_session(self.key, session)
        return session

    def model(self) -> Model:
        return self.library.get(self.session.model)

    def statistics(self) -> Statistics:
        """Return the visitor's statistics. Raises GblmError if nothing is collected yet."""
        if self.session.statistics is None:
            raise GblmError("nothing_collected")
        return self.library.get(self.session.statistics)
