"""How a pruning reads its model: loaded whole, or block by block from its folder; by what each will hold in memory.

Made from a model's shape before it is loaded. Knows no weight, score or mask; the figures are estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..base.errors import SettingError
from ..sums.estimate import FLOAT, OWN, SAVED, ModelShape, Room, gigabytes_up
from .settings import Settings

SCORING = 16
"""Bytes a weight of the largest matrix while it is scored and its lowest are found. Measured as this process's peak
(footprint.Peak) over a matrix of 3000 × 3000: 15 by row, by matrix and 2:4."""
MASKS = 2
"""Masks that stand at once: the one that is asked for, and one that it is compared with."""
BITS = 8
"""Of a byte: by block, masks are packed."""
SHORT = {
    (True, False, False): "prune_short", (True, False, True): "prune_short_narrow",
    (True, True, False): "prune_short_sequential", (True, True, True): "prune_short_sequential_narrow",
    (False, False, False): "prune_short_whole", (False, False, True): "prune_short_whole_narrow",
}
"""Can be read block by block? in the sequential order? in less than float32? → the sentence of too little memory."""


@dataclass(frozen=True)
class Reading:
    """Bytes beyond what is held before the model is read. `whole`: with all of it loaded, chosen or not.

    inputs_in_memory: of what enters the blocks so many bytes wait in memory, the rest in a temporary file; None: by
    what is free.
    """

    by_block: bool
    memory: int
    whole: int
    room: int | None
    inputs_in_memory: int | None


def choose(shape: ModelShape, settings: Settings, room: Room, *, tokens: int = 0, longest: int = 0,
           exported: bool = False) -> Reading:
    """Loaded whole where that fits, else block by block. tokens: of all samples; longest: of one.

    exported: whether the pruned model is written and read again. Raises SettingError with the number that would do.
    """
    sequential = settings.order == "sequential" and "inputs" in settings.needs
    inputs = tokens * shape.hidden * shape.itemsize if sequential else 0
    passing = _passing(shape, longest) if sequential else 0
    needs = {by_block: held(shape, settings, exported) + passing for by_block, held in HELD.items()}
    ways = (False, True) if shape.streamable else (False,)
    rooms = {way: room.memory_for("streamed" if way else "whole") for way in ways}
    fits = [way for way, may in rooms.items() if may is None or needs[way] <= may]
    if not fits:
        may = rooms[ways[-1]]
        assert may is not None
        raise SettingError(_short(shape, sequential), needed=gigabytes_up(needs[ways[-1]] + room.held),
                           free=f"{(may + room.held) / 1e9:.2f}")
    way = fits[0]
    most = None if (may := rooms[way]) is None else min(inputs, may - needs[way])
    return Reading(way, needs[way] + (inputs if most is None else most), needs[False], room.memory, most)


def _short(shape: ModelShape, sequential: bool) -> str:
    """The key of the sentence that says what else would need less: nothing that was chosen already."""
    return SHORT[shape.streamable, shape.streamable and sequential, shape.itemsize < FLOAT]


def _passing(shape: ModelShape, longest: int) -> int:
    """What one sample's pass through a block holds for a moment: less than what autograd would keep of it."""
    return int(longest * SAVED * max(block.features for block in shape.blocks) * shape.itemsize)


def _scoring(shape: ModelShape) -> int:
    return SCORING * max(block.largest for block in shape.blocks)


def _whole(shape: ModelShape, settings: Settings, exported: bool) -> int:
    """Dense weights all along; to be exported, a pruned copy of the matrices and all that is read again."""
    dense = shape.parameters * shape.itemsize
    pruned = shape.prunable * shape.itemsize
    block = max(block.parameters for block in shape.blocks) * shape.itemsize
    scoring = MASKS * shape.prunable + _scoring(shape) + block
    return OWN + dense + max(scoring, shape.prunable + pruned + dense if exported else 0)


def _by_block(shape: ModelShape, settings: Settings, exported: bool) -> int:
    """What is outside of blocks, one block with a pruned copy of it, and its sums; or, exported, the weights again."""
    outside = (shape.parameters - sum(block.parameters for block in shape.blocks)) * shape.itemsize
    block = max(block.parameters for block in shape.blocks) * shape.itemsize
    packed = MASKS * shape.prunable // BITS
    sums = FLOAT * max(block.prunable for block in shape.blocks) if settings.needs else 0
    scoring = _scoring(shape) + sums
    return OWN + outside + 2 * block + packed + max(scoring, outside + 2 * block if exported else 0)


HELD: dict[bool, Callable[[ModelShape, Settings, bool], int]] = {False: _whole, True: _by_block}
"""Read block by block? → what that holds."""
