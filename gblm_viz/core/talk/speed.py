"""How fast models talk: each alone, then all at once, in tokens a second, in one run on this machine.

Knows nothing of masks or screens.
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
    """Tokens a second of each model alone and of each while all talk: medians of `rounds` of `tokens` tokens each."""

    alone: tuple[float, ...]
    together: tuple[float, ...]
    tokens: int
    rounds: int

    @property
    def ratio(self) -> float:
        """Σ together/alone: 1 = at once they take as long as one after the other, n = none slows another."""
        return sum(both / one for both, one in zip(self.together, self.alone, strict=True))


def speeds(models: Sequence[Model], messages: list[Message], sampling: Sampling, tokens: int,
           rounds: int = 3) -> Job[Speeds]:
    """Each alone, then all at once, round after round: what else the machine does meanwhile falls on all alike.

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
    """Tokens a second of each while all talk: everything ends when the first has drawn `tokens`."""
    stop = threading.Event()
    counts = [0] * len(models)
    errors: list[BaseException] = []

    def talk(which: int) -> None:
        """Answer after answer; the end token is drawn like any other and counts."""
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
