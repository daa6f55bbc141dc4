"""Several draws of calibration windows from one text, their sums, and how methods do on each of them.

A draw is what `collect` makes of the text with another seed; draws overlap, so a window's gradients are taken once and
added to the sums of every draw it is in. Knows nothing of intervals.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..base.errors import TextError
from ..base.footprint import room
from ..base.job import Job, Step, part_of, within
from ..mask import prune
from ..mask.settings import Settings
from ..model.matrices import Matrix
from ..model.models import Model
from ..sums.collect import PLANS, Accumulator
from ..sums.ranks import ALONE
from ..sums.statistics import NORMS, Statistics, Sums
from ..text.calibration import CalibrationSet, seeded_choice
from . import evaluate

USUAL = 5
"""Draws, on models where they take seconds. With fewer than three the interval is wide, and a little too short:
of 95 % promised it covers 88 to 97 % with two draws, 93 to 98 % from three on (tests/benchmarks/verdict_table.py)."""
MOST = 20
FEWEST_WINDOWS = 4


@dataclass(frozen=True, eq=False)
class Draws:
    """`pool`: all the windows there are; `places`: of each draw, which of them, in the text's order; `seeds`: its seed.
    """

    pool: CalibrationSet
    places: tuple[tuple[int, ...], ...]
    seeds: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.seeds)

    @property
    def samples(self) -> int:
        """Windows in each draw."""
        return len(self.places[0])

    @property
    def used(self) -> tuple[int, ...]:
        """Windows that are in any draw: so many gradients are taken."""
        return tuple(sorted({place for own in self.places for place in own}))

    @property
    def key(self) -> tuple[str, tuple[int, ...], int]:
        """What the draws' sums depend on besides the model."""
        return self.pool.key, self.seeds, self.samples

    def sample(self, draw: int) -> CalibrationSet:
        """The samples that `collect` would be given for this draw alone."""
        return replace(self.pool.pick(list(self.places[draw])), seed=self.seeds[draw])


def draws_of(pool: CalibrationSet, samples: int, count: int, seed: int = 0) -> Draws:
    """`count` seeded choices of `samples` of the pool's windows, without putting back: by seed, seed + 1, ….

    Several take at most half of the pool each, as draws of all that there is would be one and the same. Halves spread
    as much as a text of the pool's size does from another one: σ²/n · (1 − n/P) is σ²/P at n = P/2. Raises TextError
    for several of fewer than FEWEST_WINDOWS windows.
    """
    if count > 1 and pool.count < FEWEST_WINDOWS:
        raise TextError("too_few_to_draw", windows=pool.count, least=FEWEST_WINDOWS)
    size = min(samples, pool.count // 2 if count > 1 else pool.count)
    seeds = tuple(range(seed, seed + count))
    return Draws(pool, tuple(tuple(seeded_choice(pool.count, size, one)) for one in seeds), seeds)


def keep_of(settings: Sequence[Settings]) -> tuple[str, ...]:
    """The gradient sums that these methods need, ℓ1 where none does."""
    wanted = {NORMS[one.norm] for one in settings if "gradients" in one.needs}
    return tuple(kept for kept in ("l1", "sq", "sum") if kept in wanted) or ("l1",)


def collect_draws(model: Model, draws: Draws, keep: tuple[str, ...], plan: str = "whole",
                  inputs_in_memory: int | None = None) -> Job[tuple[Statistics, ...]]:
    """Each draw's statistics, bit for bit those of `collect` with the draw alone. Steps are those of the plan, over the
    windows that are in any draw."""
    started, used = time.monotonic(), draws.used
    number = {place: index for index, place in enumerate(used)}
    places = tuple(tuple(number[place] for place in own) for own in draws.places)
    found: tuple[Any, Tensor, Any, Any] = yield from PLANS[plan](
        model, draws.pool.pick(list(used)), {"keep": list(keep), "halves": False}, None, None, float("inf"),
        room() if inputs_in_memory is None else inputs_in_memory, ALONE, partial(_Several, places))
    sums, losses, sample_l1, _ = found  # of the first and the third a tuple a matrix, one of each draw
    return tuple(Statistics(
        draws.sample(draw), model.key, model.name, model.dtype, model.device.type, keep,
        {name: own[draw] for name, own in sums.items()}, losses[list(places[draw])],
        {name: own[draw] for name, own in sample_l1.items()}, draws.samples, time.monotonic() - started, {}, plan)
        for draw in range(draws.count))


class _Several:
    """An accumulator a draw. Each sample is added to those of the draws it is in, in its order among the draw's own."""

    def __init__(self, places: tuple[tuple[int, ...], ...], model: Model, blocks: Sequence[int], samples: int,
                 keep: tuple[str, ...], halves: bool) -> None:
        self.each = [Accumulator(model, blocks, len(own), keep, halves) for own in places]
        self.places = [{place: index for index, place in enumerate(own)} for own in places]
        self.now: list[Accumulator] = []
        self.inputs = _SeveralInputs(self)

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        return self.each[0].matrices

    def begin_sample(self, sample: int) -> None:
        self.now = []
        for accumulator, own in zip(self.each, self.places, strict=True):
            if sample in own:
                accumulator.begin_sample(own[sample])
                self.now.append(accumulator)

    def take(self, matrix: Matrix, gradient: Tensor) -> None:
        """Accumulators overwrite what they are given, so all but the last get a copy."""
        for accumulator in self.now[:-1]:
            accumulator.take(matrix, gradient.clone())
        self.now[-1].take(matrix, gradient)

    def add(self, ranks: Any) -> None:
        """Nothing: one process takes all samples."""

    def finished(self) -> dict[str, tuple[Sums, ...]]:
        return _by_name([one.finished() for one in self.each])

    def finished_halves(self) -> dict[str, Any]:
        return {}

    def finished_l1(self, samples: int) -> dict[str, tuple[Tensor, ...]]:
        return _by_name([one.finished_l1(samples) for one in self.each])


class _SeveralInputs:
    """The input sums of those draws that the sample at hand is in."""

    def __init__(self, several: _Several) -> None:
        self.several = several

    def add(self, name: str, inputs: Tensor, expert: int | None = None) -> None:
        for accumulator in self.several.now:
            accumulator.inputs.add(name, inputs, expert)


def _by_name(each: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(one[name] for one in each) for name in each[0]}


# What methods do on each draw

Losses = tuple[tuple[float, ...], ...]
"""(draws, windows): nats a token."""


def of_draw(settings: Settings, draw: int) -> Settings:
    """The settings on one draw: what a method draws by a seed is drawn anew beside the text."""
    return replace(settings, seed=settings.seed + draw) if "seed" in settings.knobs else settings


def copies_of(settings: Settings, draws: int) -> int:
    """How many pruned copies a method takes: magnitude looks at no text and draws no noise."""
    return draws if settings.needs or "seed" in settings.knobs else 1


def turns(*settings: Settings) -> bool:
    """Whether another draw of the text can change how these methods differ."""
    return any(one.needs for one in settings)


@torch.no_grad()
def drawn_losses(model: Model, statistics: Sequence[Statistics | None], settings: Settings,
                 windows: CalibrationSet) -> Job[Losses]:
    """One method, pruned by each draw's statistics and measured on the same windows. Steps count windows."""
    copies = copies_of(settings, len(statistics))
    found = []
    for draw in range(copies):
        step = Step(draw * windows.count, copies * windows.count, "window")
        masks = yield from within(prune.masks(model, statistics[draw] if settings.needs else None,
                                              of_draw(settings, draw)), step)
        copy = prune.pruned(model, masks)
        found.append((yield from part_of(evaluate.perplexity(copy, windows), step.done, step.total)).losses)
    return tuple(found if copies == len(statistics) else found * len(statistics))

