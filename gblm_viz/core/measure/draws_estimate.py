"""Estimate the seconds and memory of comparing methods over draws of a text, before it begins.

The collection is estimated like any other (core.sums.estimate), with the sums of all draws in memory at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..mask.settings import Settings
from ..sums.batched import HEAD_COPIES, SAVED
from ..sums.estimate import (
    OPERATIONS,
    SWEEPS,
    WHOLE_PASSES,
    Choice,
    ModelShape,
    Pace,
    Room,
    Work,
    choose,
    estimates,
    passes,
    work_of,
)
from ..text.calibration import CalibrationSet
from .draws import Draws, copies_of, keep_of

CHOOSE = 2e-7
"""Seconds per weight for scoring, sorting and copying, the same for every machine; fitted on one core."""


@dataclass(frozen=True)
class DrawsEstimate:
    """`choice`: the collection of all draws at once, None if no method needs it; `copies`: pruned models to measure."""

    choice: Choice | None
    copies: int
    seconds: float

    @property
    def memory(self) -> int:
        """Bytes of the collection; 0 if nothing is collected."""
        return 0 if self.choice is None else self.choice.chosen.memory


def draws_estimate(shape: ModelShape, draws: Draws | None, settings: Sequence[Settings], windows: CalibrationSet,
                   pace: Pace, room: Room) -> DrawsEstimate:
    """Estimate a comparison of methods over draws (`core.measure.draws`): the gradients of each used window once, added
    to every draw that contains it, and one pass of each copy over the windows. `draws` None: the sums exist already.
    Raises GblmError with the number that would fit."""
    choice, count = None, 1 if draws is None else draws.count
    if draws is not None and any(one.needs for one in settings):
        used, keep = draws.pool.pick(list(draws.used)), keep_of(settings)
        held = work_of(used, keep, False, False)
        added = replace(held, sums=math.ceil(held.sums * draws.count * draws.samples / used.count))
        slow = estimates(shape, added, pace, memory_room=room.memory_for("streamed"))
        fat = estimates(shape, replace(held, sums=held.sums * draws.count), pace,
                        memory_room=room.memory_for("streamed"))
        choice = choose({plan: replace(one, seconds=slow[plan].seconds) for plan, one in fat.items()}, room,
                        alone=shape.streamable)
    copies = sum(copies_of(one, count) for one in settings)
    each = _forward(shape, work_of(windows, ("l1",), False, False), pace) + CHOOSE * shape.prunable
    seconds = copies * each + (0.0 if choice is None else choice.chosen.seconds)
    if draws is not None:  # the sequential order runs a draw's samples through each block before and after it is pruned
        again = sum(count for one in settings if one.order == "sequential" and "inputs" in one.needs)
        seconds += 2 * again * _forward(shape, work_of(draws.sample(0), ("l1",), False, False), pace)
    return DrawsEstimate(choice, copies, seconds)


def _forward(shape: ModelShape, work: Work, pace: Pace) -> float:
    """Return the seconds of one pass over the windows without gradients."""
    visited = sum(block.visited for block in shape.blocks)
    attention = 4 * work.length * shape.hidden * len(shape.blocks)
    multiplied = 2 * work.tokens * (visited + shape.vocabulary * shape.hidden) + work.tokens * attention
    touched = float(passes(shape, work) * shape.itemsize * (visited + shape.vocabulary * shape.hidden))
    touched += work.tokens * shape.itemsize * SWEEPS / WHOLE_PASSES * (
        SAVED * sum(block.features for block in shape.blocks) + HEAD_COPIES * shape.vocabulary / WHOLE_PASSES)
    called = passes(shape, work) * OPERATIONS * len(shape.blocks) / WHOLE_PASSES
    return (multiplied / pace.multiply + touched / pace.touch + called * pace.operation) * (pace.correction or 1.0)
