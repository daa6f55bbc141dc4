"""Several draws of calibration windows from one text, their gradient sums, and each method's losses on each draw.

A draw is the sample that `collect` would choose with another seed; draws overlap, so a window's gradients are computed
once and added to the sums of every draw that contains it. Computes no intervals.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.errors import TextError
from ..base.footprint import memory_budget
from ..base.job import Job, Step, offset_steps, replace_steps
from ..base.lazy import torch
from ..mask import prune
from ..mask.settings import Settings
from ..model.matrices import Matrix
from ..model.models import Model
from ..sums.accumulator import Accumulator
from ..sums.collect import PLANS, Run
from ..sums.ranks import Ranks
from ..sums.statistics import NORMS, Statistics, Sums
from ..text.calibration import CalibrationSet, seeded_choice
from . import evaluate

if TYPE_CHECKING:
    from torch import Tensor

USUAL = 5
"""Default number of draws, for models where they take seconds. With fewer than three the interval is wide, and yet a
little too short: the nominal 95 % interval covers 88 to 97 % with two draws, 93 to 98 % with three or more
(tests/benchmarks/verdict_table.py)."""
MOST = 20
T = TypeVar("T")
FEWEST_WINDOWS = 4


@dataclass(frozen=True, eq=False)
class Draws:
    """`pool`: all windows; `places`: each draw's indices of windows, in the text's order; `seeds`: one each."""

    pool: CalibrationSet
    places: tuple[tuple[int, ...], ...]
    seeds: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many draws there are."""
        return len(self.seeds)

    @property
    def samples(self) -> int:
        """Windows in each draw."""
        return len(self.places[0])

    @property
    def used(self) -> tuple[int, ...]:
        """Indices of the windows that are in at least one draw; gradients are computed for these."""
        return tuple(sorted({place for own in self.places for place in own}))

    @property
    def key(self) -> tuple[str, tuple[int, ...], int]:
        """Key of everything that the draws' sums depend on besides the model."""
        return self.pool.key, self.seeds, self.samples

    def sample(self, draw: int) -> CalibrationSet:
        """Return the samples that `collect` would use for this draw alone."""
        return replace(self.pool.pick(list(self.places[draw])), seed=self.seeds[draw])


def draws_of(pool: CalibrationSet, samples: int, count: int, seed: int = 0) -> Draws:
    """Return `count` seeded choices of `samples` of the pool's windows, without replacement: seeds seed, seed + 1, ….

    With several draws each has at most half of the pool, since draws of the whole pool would all be identical. Halves
    vary as much as texts of the pool's size do: σ²/n · (1 − n/P) is σ²/P at n = P/2. Raises TextError for several draws
    from fewer than FEWEST_WINDOWS windows.
    """
    if count > 1 and pool.count < FEWEST_WINDOWS:
        raise TextError("too_few_to_draw", windows=pool.count, least=FEWEST_WINDOWS)
    size = min(samples, pool.count // 2 if count > 1 else pool.count)
    seeds = tuple(range(seed, seed + count))
    return Draws(pool, tuple(tuple(seeded_choice(pool.count, size, one)) for one in seeds), seeds)


def keep_of(settings: Sequence[Settings]) -> tuple[str, ...]:
    """Return the gradient sums that these methods need, or ℓ1 if none needs any."""
    wanted = {NORMS[one.norm] for one in settings if "gradients" in one.needs}
    return tuple(kept for kept in ("l1", "sq", "sum") if kept in wanted) or ("l1",)


def collect_draws(model: Model, draws: Draws, keep: tuple[str, ...], plan: str = "whole",
                  inputs_in_memory: int | None = None, batch: int | None = None) -> Job[tuple[Statistics, ...]]:
    """Return each draw's statistics: those of `collect` with that draw alone, bit for bit with `batch` 1, else up to
    the last digits, since other windows share a batch. Steps are the plan's, over the windows in any draw."""
    started, used = time.monotonic(), draws.used
    number = {place: index for index, place in enumerate(used)}
    places = tuple(tuple(number[place] for place in own) for own in draws.places)
    run = Run(model, draws.pool.pick(list(used)), {"keep": list(keep), "halves": False},
              memory_budget() if inputs_in_memory is None else inputs_in_memory,
              batch=batch, make=partial(_DrawAccumulators, places))
    found: tuple[Any, Tensor, Any, Any] = yield from PLANS[plan](run)
    sums, losses, sample_l1, _ = found  # sums, sample_l1: per matrix a tuple over draws
    return tuple(Statistics(
        draws.sample(draw), model.key, model.name, model.dtype, model.device.type, keep,
        {name: own[draw] for name, own in sums.items()}, losses[list(places[draw])],
        {name: own[draw] for name, own in sample_l1.items()}, draws.samples, time.monotonic() - started, {}, plan)
        for draw in range(draws.count))


class _DrawAccumulators:
    """One accumulator per draw. A sample is added to that of each draw that contains it, at its index there."""

    def __init__(self, places: tuple[tuple[int, ...], ...], model: Model, blocks: Sequence[int], samples: int,
                 keep: tuple[str, ...], halves: bool) -> None:
        self.each = [Accumulator(model, blocks, len(own), keep, halves) for own in places]
        self.places = [{place: index for index, place in enumerate(own)} for own in places]

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        return self.each[0].matrices

    def inputs_of(self, sample: int) -> _DrawInputSums:
        """Return the object that adds one sample's inputs to every draw that contains it."""
        return _DrawInputSums([one for one, own in zip(self.each, self.places, strict=True) if sample in own])

    def _own(self, first: int, count: int) -> Iterator[tuple[Accumulator, int, list[int]]]:
        """Yield each draw with some of the samples from `first` on: (its sums, its number of the first, which)."""
        for accumulator, own in zip(self.each, self.places, strict=True):
            which = [index for index in range(count) if first + index in own]
            if which:
                yield accumulator, own[first + which[0]], which

    def add_inputs(self, matrix: Matrix, first: int, squares: Tensor, lengths: Sequence[int]) -> None:
        """Add the squared inputs of the samples from `first` on to the draws that contain them."""
        for accumulator, number, which in self._own(first, len(lengths)):
            accumulator.add_inputs(matrix, number, squares[which], [lengths[index] for index in which])

    def add_gradients(self, matrix: Matrix, first: int, rows: slice, gradients: Tensor) -> None:
        """Add the gradients of the samples from `first` on to the draws that contain them; each overwrites a copy."""
        for accumulator, number, which in self._own(first, len(gradients)):
            accumulator.add_gradients(matrix, number, rows, gradients[which])

    def add(self, ranks: Ranks) -> None:
        """Do nothing: one process handles all samples."""

    def finished(self) -> dict[str, tuple[Sums, ...]]:
        return _by_name([one.finished() for one in self.each])

    def finished_halves(self) -> dict[str, dict[str, Tensor]]:
        return {}

    def finished_l1(self, samples: int) -> dict[str, tuple[Tensor, ...]]:
        return _by_name([one.finished_l1(samples) for one in self.each])


class _DrawInputSums:
    """Adds one sample's inputs to the input sums of some draws."""

    def __init__(self, draws: Sequence[Accumulator]) -> None:
        self.draws = draws

    def add(self, name: str, inputs: Tensor, expert: int | None = None) -> None:
        for accumulator in self.draws:
            accumulator.inputs.add(name, inputs, expert)


def _by_name(each: list[dict[str, T]]) -> dict[str, tuple[T, ...]]:
    return {name: tuple(one[name] for one in each) for name in each[0]}


# Losses of methods on each draw

Losses = tuple[tuple[float, ...], ...]
"""(draws, windows), nats per token."""


def of_draw(settings: Settings, draw: int) -> Settings:
    """Return the settings for one draw: a method that has a seed gets another one for each draw."""
    return replace(settings, seed=settings.seed + draw) if "seed" in settings.knobs else settings


def copies_of(settings: Settings, draws: int) -> int:
    """Return the number of pruned copies a method needs: 1 if it uses neither text nor a seed (magnitude)."""
    return draws if settings.needs or "seed" in settings.knobs else 1


def depends_on_draw(*settings: Settings) -> bool:
    """Return whether another draw of the text can change the difference of these methods."""
    return any(one.needs for one in settings)


@torch.no_grad()
def drawn_losses(model: Model, statistics: Sequence[Statistics | None], settings: Settings,
                 windows: CalibrationSet) -> Job[Losses]:
    """Return one method's losses, pruned by each draw's statistics, on the same windows. Steps count windows."""
    copies = copies_of(settings, len(statistics))
    found = []
    for draw in range(copies):
        step = Step(draw * windows.count, copies * windows.count, "window")
        masks = yield from replace_steps(prune.masks(model, statistics[draw] if settings.needs else None,
                                                     of_draw(settings, draw)), step)
        copy = prune.pruned(model, masks)
        found.append((yield from offset_steps(evaluate.perplexity(copy, windows), step.done, step.total)).losses)
    return tuple(found if copies == len(statistics) else found * len(statistics))

