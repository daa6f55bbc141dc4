"""Measures how fast models generate, each alone and all at once, in tokens per second.

Does not use masks or the interface.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from ..base.job import Job, Step
from ..model.models import Model
from .generate import Message, Sampling, stream

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Speeds:
    """Tokens per second of each model alone and while all generate: medians of `rounds` rounds of `tokens` tokens."""

    alone: tuple[float, ...]
    together: tuple[float, ...]
    tokens: int
    rounds: int

    @property
    def ratio(self) -> float:
        """Σ together/alone: 1 = running at once takes as long as one after another, n = no model slows another."""
        return sum(both / one for both, one in zip(self.together, self.alone, strict=True))


def speeds(models: Sequence[Model], messages: list[Message], sampling: Sampling, tokens: int,
           rounds: int = 3) -> Job[Speeds]:
    """Measure each model alone, then all at once, round after round, so other load on the machine affects all alike.

    Steps count tokens; a first short answer warms each model up.
    """
    settings: list[list[Model]] = [*([model] for model in models), list(models)]
    total = tokens * len(settings) * rounds
    found: list[list[tuple[float, ...]]] = [[] for _ in settings]
    for model in models:
        yield from _rates([model], messages, sampling, 4, 0, total)
    for done in range(rounds * len(settings)):
        which = done % len(settings)
        found[which].append((yield from _rates(settings[which], messages, sampling, tokens, done * tokens, total)))
    *alone, together = [tuple(median(rates) for rates in zip(*runs, strict=True)) for runs in found]
    return Speeds(tuple(rate for (rate,) in alone), together, tokens, rounds)


def _rates(models: list[Model], messages: list[Message], sampling: Sampling, tokens: int, before: int,
           total: int) -> Job[tuple[float, ...]]:
    """Return each model's tokens per second while all generate, until the first model has generated `tokens` tokens."""
    stop = threading.Event()
    counts = [0] * len(models)
    errors: list[BaseException] = []

    def talk(which: int) -> None:
        """Generate answer after answer; the end token counts, because it is computed like any other."""
        try:
            while counts[which] < tokens and not stop.is_set():
                for _ in stream(models[which], messages, replace(sampling, seed=sampling.seed + counts[which]), stop):
                    counts[which] += 1
                    if counts[which] >= tokens:
                        break
                else:
                    counts[which] += not stop.is_set()
        except BaseException as error:
            errors.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=talk, args=(which,), daemon=True) for which in range(len(models))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(POLL_SECONDS):
            yield Step(min(total, before + max(counts)), total, "token")
        seconds, said = time.perf_counter() - began, tuple(counts)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return tuple(count / seconds for count in said)
