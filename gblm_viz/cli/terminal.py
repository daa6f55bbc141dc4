"""Output of a command: results, progress, errors; and its interruption. Independent of the single commands."""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from gblm_viz.core.base.job import Job, Step, run
from gblm_viz.core.sums.ranks import Ranks
from gblm_viz.words import words

T = TypeVar("T")


SHORT_WORK = 1.0
"""Seconds; shorter work shows no progress bar."""


WORDS = words("en")


@dataclass(frozen=True)
class Result:
    """`values` for --json, with the keys of the command's KEYS; `lines` of text otherwise."""

    values: Mapping[str, object]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Terminal:
    """A command's output streams: results to `out`, progress and errors to `err`."""

    out: TextIO
    err: TextIO
    json: bool

    def follow(self, job: Job[T], also: Callable[[Step], None] | None = None) -> T:
        """Run a job with a progress bar; `also` is called with every step and may raise to stop the job there."""
        shown = not self.json or self.err.isatty()
        with closing(job), _progress(self.err, shown) as draw:
            def watch(step: Step) -> None:
                draw(step)
                if also is not None:
                    also(step)
            return run(job, watch)


@contextmanager
def _progress(stream: TextIO, shown: bool) -> Iterator[Callable[[Step], None]]:
    """Yield a function that draws a progress bar with the time left, one per unit of work, cleared at the end."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def draw(step: Step) -> None:
        if step.what not in bars:
            for finished in bars.values():
                finished.close()
            bars[step.what] = tqdm(
                total=step.total, initial=step.done, desc=WORDS(f"units.{step.what}"), file=stream, leave=False,
                disable=not shown, delay=SHORT_WORK, mininterval=0.2 if stream.isatty() else 10, unit="",
                unit_scale=step.what == "byte",
                bar_format="{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}, {remaining} left")
        bar = bars[step.what]
        bar.total = step.total
        bar.update(step.done - bar.n)

    try:
        yield draw
    finally:
        for bar in bars.values():
            bar.close()


@contextmanager
def patient_interrupt(terminal: Terminal, ranks: Ranks) -> Iterator[Callable[[Step], None]]:
    """Stop the job at its next step, after a whole sample, on the first Ctrl-C or SIGTERM; at once on the second.

    With several processes each stops at once: their next steps differ, and the last checkpoint exists.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, handler in before.items()
            if callable(handler) or (number == signal.SIGTERM and handler == signal.SIG_DFL)]
    asked = threading.Event()

    def on_interrupt(number: int, frame: object) -> None:
        asked.set()
        restore()
        with suppress(RuntimeError):  # the signal may arrive while the bar is being written
            print(say("finishing"), file=terminal.err)

    def restore() -> None:
        for one in ours:
            signal.signal(one, before[one])

    def watch(step: Step) -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    if ranks.count > 1 or threading.current_thread() is not threading.main_thread():
        yield watch
        return
    for number in ours:
        signal.signal(number, on_interrupt)
    try:
        yield watch
    finally:
        restore()


class InterruptionError(Exception):
    """Raised after Ctrl-C, with a message that says what was kept."""


def say(key: str, **fields: object) -> str:
    """Return an English line of the words' table cli.say."""
    return WORDS(f"cli.say.{key}", **fields)


def as_json(value: object) -> object:
    """Return a value that JSON can represent: paths as text, numbers that are not finite as null."""
    if isinstance(value, dict):
        return {key: as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(result: Result, terminal: Terminal) -> None:
    """Print a result, as one JSON object or as its lines."""
    if terminal.json:
        print(json.dumps(as_json(result.values), allow_nan=False), file=terminal.out)
    for line in () if terminal.json else result.lines:
        print(line, file=terminal.out)
    terminal.out.flush()
