"""What every tab gets: the words, the Library, the visitor, the status line, and one way to register handlers.

A handler registered here is called with the Visit first, may be a plain function or a generator, and returns
{component: update}. Errors become a sentence in the status line; no click ends the server.
"""

from __future__ import annotations

import inspect
import logging
import math
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import gradio as gr

from gblm_viz.amounts import format_duration
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job
from gblm_viz.words import Words

from ..components.joined import passed_on
from ..components.templates import render
from .event_kinds import KINDS
from .keys import Key
from .library import Library, Visit
from .tasks import Task

T = TypeVar("T")
LOG = logging.getLogger("gblm_viz")
POLL_SECONDS = 0.2
QUIET_SECONDS = 1.0
"""Seconds between two updates of a status line that has not changed, or of a waiting task. Only updates reveal that a
page was closed, but each one takes time from the computation."""
TOLD_PERCENT = 25
"""A screen reader is told how far work is at every so many percent."""
LONGEST_WAIT = 120.0
"""Seconds the first visitor may wait for the example to be computed."""
Further = Literal["dropped", "newest", "all"]
_TRIGGER_MODES: dict[Further, str] = {"dropped": "once", "newest": "always_last", "all": "multiple"}
_SCRIPT = Path(__file__).parents[1] / "components" / "shown.js"


class NoLongerWanted(Exception):  # noqa: N818
    """Raised when a task's result is outdated because a newer task has been started."""


@dataclass(frozen=True, eq=False)
class Signals:
    """Counters that tabs listen to with `.change`. A tab that changes something returns `bump` for its counter.

    `visit`: everything at once (a page was opened, another model loaded, all reset): each tab refills itself with
    one listener, and no other counter is bumped. `text`: the calibration text now differs from the one the statistics
    were collected on, or matches it again (see `text_moved`). `probes`: another tab wants a certain set to be shown.
    """

    visit: gr.State
    text: gr.State
    statistics: gr.State
    settings: gr.State
    applied: gr.State
    measured: gr.State
    selection: gr.State
    probes: gr.State


@dataclass(frozen=True, eq=False)
class Page:
    """What the parts of a page share while it is built: words, library, the visitor's states and the signals."""

    words: Words
    library: Library
    visitor: gr.State
    status: gr.HTML
    tabs: gr.Tabs
    signals: Signals
    opened: tuple[Any, ...] = ()
    """The events that make the part being built visible: those of its tab or panel. Heavy hidden parts update on them
    instead of on every signal."""
    tab: str = ""
    """The name of the tab that is being built; "" for what is always on screen."""
    places: Iterator[int] = field(default_factory=count)
    """Numbers for what waits until its tab is opened."""

    @property
    def unmarked(self) -> dict[str, Any]:
        """Arguments of a listener for which Gradio marks no component as pending.

        Gradio's page tells every component that it may ever mark about every step of every event, four steps an event.
        With all outputs of all listeners, which it marks by default, that took 50 to 100 ms a step on the page's only
        thread. So each listener names one and the same component, the visitor's state, which is not drawn.
        """
        return {"show_progress": "hidden", "show_progress_on": self.visitor}

    def on(self, triggers: Any, handler: Callable[..., Any], inputs: Sequence[Any] = (), outputs: Sequence[Any] = (),
           *, further: Further = "dropped", js: str | None = None, concurrency: str | None = None,
           queue: bool = True) -> Any:
        """Register a handler. `triggers`: one event or a list (`button.click`, `[slider.release, box.change]`).

        `further`: what becomes of further events while a call runs; of sliders the newest one is handled afterwards,
        and all are handled at once where the work depends on what was chosen meanwhile. The status line is always an
        output.
        `queue` False: for a Stop, which must not wait in Gradio's queue (measured on busy cores: 0.3 s against 1.0).
        """
        inspect.signature(handler).bind(None, *inputs)  # inputs that do not fit fail here, not on a click
        events = list(triggers) if isinstance(triggers, list | tuple) else [triggers]
        spoken = self.wrap_handler(handler)
        return gr.on(events, spoken, [self.visitor, *inputs], [self.status, *outputs], **self.unmarked,
                     trigger_mode=_TRIGGER_MODES[further], js=js, concurrency_id=concurrency,
                     concurrency_limit=None, api_visibility="private", queue=queue)

    def on_signals(self, signals: Sequence[Any], handler: Callable[..., Any], inputs: Sequence[Any] = (),
                   outputs: Sequence[Any] = ()) -> Any:
        """Register a handler that draws a part of this tab anew after any of these signals (`signals.visit.change`).

        It is called at once if the tab is shown, else when the tab is opened next, once for all signals since.
        """
        inspect.signature(handler).bind(None, *inputs)
        place = next(self.places)
        shown = gr.on(list(signals), None, js=passed_on(_SCRIPT, "whenShown", self.tab, place),
                      trigger_mode="multiple", **self.unmarked, api_visibility="private")
        drawn = shown.then(self.wrap_handler(handler), [self.visitor, *inputs], [self.status, *outputs],
                           **self.unmarked, trigger_mode="always_last", concurrency_limit=None,
                           api_visibility="private")
        drawn.then(None, js=passed_on(_SCRIPT, "markFilled", self.tab, place), trigger_mode="multiple",
                   **self.unmarked, api_visibility="private")
        return drawn

    def on_event(self, listener: Any, field: str, kind: str, handler: Callable[..., Any], inputs: Sequence[Any] = (),
                 outputs: Sequence[Any] = ()) -> Any:
        """Register a handler of an own component's event: handler(visit, the event's `field`, *inputs); else as `on`.

        kind: the field's type, a key of event_kinds.KINDS; an event with any other value is refused.
        Every event is handled, including those that arrive during a call, so fast clicks are not lost.
        """
        inspect.signature(handler).bind(None, None, *inputs)

        def refuse_others(told: Any) -> None:
            if not KINDS[kind](told):
                raise GblmError("bad_event")

        def checked(visit: Visit, told: Any, *values: Any) -> Any:
            refuse_others(told)
            return handler(visit, told, *values)

        def checking(visit: Visit, told: Any, *values: Any) -> Iterator[dict[Any, Any]]:
            refuse_others(told)
            yield from handler(visit, told, *values)

        heard = _hear(field, self.wrap_handler(checking if inspect.isgeneratorfunction(handler) else checked))
        return listener(heard, [self.visitor, *inputs], [self.status, *outputs], **self.unmarked,
                        trigger_mode="multiple", concurrency_limit=None, api_visibility="private")

    def wrap_handler(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Return the handler as a function, or a generator, of updates that shows errors in the status line instead of
        raising them. A generator only for a generator: Gradio sends the last update of one twice."""
        def spoken(request: gr.Request, visitor: str, *values: Any) -> dict[Any, Any]:
            try:
                visit = self.visit_of(request, visitor or self.library.presence.owner(page_key(request)), issued=True)
                if visit.session.model is None:  # its status line says so since the page was built
                    self._wait_for_example(visit)
                self.library.use_threads_for(visit.key)
                found = handler(visit, *values) or {self.status: gr.skip()}
                if inspect.isgenerator(found):
                    raise TypeError(f"{handler} returns a generator but is no generator function")
                return cast("dict[Any, Any]", found)
            except Exception as error:
                return self._told(error)

        def speaking(request: gr.Request, visitor: str, *values: Any) -> Iterator[dict[Any, Any]]:
            try:
                visit = self.visit_of(request, visitor or self.library.presence.owner(page_key(request)), issued=True)
                if visit.session.model is None:
                    yield {self.status: self.note(self.words("status.preparing"), "working")}
                    self._wait_for_example(visit)
                self.library.use_threads_for(visit.key)
                with closing(handler(visit, *values)) as updates:
                    yield next(updates, {self.status: gr.skip()})  # no update at all would empty its outputs
                    yield from updates
            except Exception as error:
                yield self._told(error)

        return speaking if inspect.isgeneratorfunction(handler) else spoken

    def _wait_for_example(self, visit: Visit) -> None:
        self.library.ready.wait(LONGEST_WAIT)
        visit.keep(self.library.first_of(self.words.language))

    def _told(self, error: Exception) -> dict[Any, Any]:
        """Return the update of the status line that tells of an error; call it while the error is handled."""
        if isinstance(error, GblmError):
            return {self.status: self.note(error.say(self.words), "error")}
        number = secrets.token_hex(4)
        LOG.exception("error %s", number)
        return {self.status: self.note(self.words("errors.unknown", id=number), "error")}

    def visit_of(self, request: gr.Request, key: str, issued: bool = False) -> Visit:
        """Return the visit of this key and record that the requesting page belongs to it (see `Library.visit`)."""
        visit = self.library.visit(key, request.client.host if request.client else "", issued,
                                   self.words.language)
        self.library.presence.record_request(visit.key, page_key(request))
        return visit

    @staticmethod
    def note(sentence: str, kind: str = "done") -> str:
        """Return the status line's HTML: kind is `done`, `working` or `error`. The sentence is escaped."""
        return _status(sentence, kind)

    def follow(self, visit: Visit, task: Task[T], what: str,
               wanted: Callable[[], bool] = lambda: True) -> Generator[dict[Any, Any], None, T]:
        """Show a task's progress in the status line until it is done; return its result or raise its error.

        `what`: the key in words `status` that names the work. A visitor who closes the page stops watching; Cancel
        leaves a task that others still watch. Raises NoLongerWanted as soon as `wanted` returns False.
        """
        said, at = "", 0.0
        try:
            while not task.done.wait(POLL_SECONDS):
                if not wanted():
                    raise NoLongerWanted
                left = visit.key not in task.watchers
                if left and not task.cancel.is_set():
                    raise GblmError("cancelled")
                # shown from here only: the Cancel button's own handler could show it after the task has ended
                told = self.note(self.words("status.cancelling"), "working") if left else self._progress(task, what)
                pause = QUIET_SECONDS if told == said or task.started is None else 0.0
                if time.monotonic() - at >= pause:
                    said, at = told, time.monotonic()
                    yield {self.status: told}
        finally:
            self.library.leave(visit.key, task)
        if task.error is not None:
            raise task.error
        return task.result  # type: ignore[return-value]

    def _progress(self, task: Task[Any], what: str) -> str:
        name = self.words(f"status.{what}")
        if task.started is None:
            ahead, wait = self.library.ahead(task), self.library.wait_of(task)
            if wait is None:
                return self.note(self.words("status.queued", what=name, ahead=ahead), "working")
            return self.note(self.words("status.queued_time", what=name, ahead=ahead,
                                        time=format_duration(self.words, math.ceil(wait))), "working")
        step, left = task.step, task.seconds_left
        parts = [self.words("status.progress", what=name, done=f"{step.done:,}", total=f"{step.total:,}",
                            unit=self.words(f"units.{step.what}"))]
        if left is not None:
            parts.append(self.words("status.left", time=format_duration(self.words, left)))
        share = min(100.0, 100 * step.done / max(1, step.total))
        said = self.words("status.said", what=name, percent=f"{share - share % TOLD_PERCENT:.0f}")
        return _status(" · ".join(parts), "working", name, f"{share:.1f}", said)


def _hear(field: str, spoken: Callable[..., Any]) -> Callable[..., Any]:
    """Return a wrapped handler that is given the field of an own component's event as its first value."""
    def told(event: gr.EventData) -> Any:
        return event._data.get(field) if isinstance(event._data, dict) else None

    def heard(event: gr.EventData, request: gr.Request, visitor: str, *values: Any) -> dict[Any, Any]:
        return cast("dict[Any, Any]", spoken(request, visitor, told(event), *values))

    def hearing(event: gr.EventData, request: gr.Request, visitor: str, *values: Any) -> Iterator[dict[Any, Any]]:
        yield from spoken(request, visitor, told(event), *values)

    return hearing if inspect.isgeneratorfunction(spoken) else heard


def _status(sentence: str, kind: str, counted: str = "", percent: str = "", said: str = "") -> str:
    """Return the status line's HTML. counted: the name of the work that a bar shows `percent` of; "" for no bar. said:
    what a screen reader is told; "" for the sentence."""
    mark = {"done": "✓", "working": "…", "error": "!"}[kind]
    return render("visit/status.html", sentence=sentence, kind=kind, mark=mark, counted=counted, percent=percent,
                  said=said)


@dataclass(frozen=True, eq=False)
class Handlers:
    """Base of a tab's handlers. A subclass has the tab's components as further fields and a method for each event;
    its `wire` registers them all."""

    page: Page

    @property
    def say(self) -> Words:
        return self.page.words

    @property
    def signals(self) -> Signals:
        return self.page.signals

    def computed(self, visit: Visit, key: Key[T], what: str,
                 job: Callable[[], Job[T]]) -> Generator[dict[Any, Any], None, T]:
        """Return the Library's value of `key`. If it is missing, a task that the status line shows computes it first.

        `what`: as in `Page.follow`.
        """
        library = self.page.library

        def kept() -> Job[None]:
            library.put(key, (yield from job()))

        if not library.has(key):
            yield from self.page.follow(visit, library.start(visit.key, key, lambda _: kept()), what)
        return library.get(key)


def page_key(request: gr.Request) -> str:
    """Return Gradio's session hash of the requesting page; a reloaded page has a new one."""
    return request.session_hash or ""


def bump(counter: int) -> int:
    """Return the next value of a signal."""
    return (counter or 0) + 1
