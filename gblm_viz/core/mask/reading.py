"""Chooses how a pruning reads its model, completely or block by block from its folder, by the memory each way needs.

Uses a model's shape before it is loaded, no weights, scores or masks; the figures are estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..base.errors import SettingError
from ..sums.batched import FLOAT, SAVED
from ..sums.estimate import OWN, ModelShape, Room, ceil_gigabytes
from .settings import Settings

SCORING = 16
"""Bytes per weight of the largest matrix while it is scored and its lowest scores are found. The process's peak
(footprint.Peak) measured on a matrix of 3000 × 3000 is 15 by row, by matrix and for 2:4."""
MASKS = 2
"""Masks in memory at the same time: the requested one, and one that it is compared with."""
BITS = 8
"""Bits per byte: for a model read block by block, masks are packed."""
SHORT = {
    (True, False, False): "prune_short", (True, False, True): "prune_short_narrow",
    (True, True, False): "prune_short_sequential", (True, True, True): "prune_short_sequential_narrow",
    (False, False, False): "prune_short_whole", (False, False, True): "prune_short_whole_narrow",
}
"""(readable block by block, sequential order, narrower than float32) → key of the message: too little memory."""


@dataclass(frozen=True)
class Reading:
    """The chosen way, and bytes in addition to current use. `whole`: with the whole model loaded, chosen or not.

    inputs_in_memory: bytes of block inputs kept in memory, the rest goes to a temporary file; None: decided later by
    what is free.
    """

    by_block: bool
    memory: int
    whole: int
    room: int | None
    inputs_in_memory: int | None


def choose(shape: ModelShape, settings: Settings, room: Room, *, tokens: int = 0, longest: int = 0,
           exported: bool = False) -> Reading:
    """Choose to load the whole model if it fits, else block by block. tokens: of all samples; longest: of one.

    exported: whether the pruned model is written and read again. Raises SettingError with the size that would do.
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
        raise SettingError(_short(shape, sequential), needed=ceil_gigabytes(needs[ways[-1]] + room.held),
                           free=f"{(may + room.held) / 1e9:.2f}")
    way = fits[0]
    most = None if (may := rooms[way]) is None else min(inputs, may - needs[way])
    return Reading(way, needs[way] + (inputs if most is None else most), needs[False], room.memory, most)


def _short(shape: ModelShape, sequential: bool) -> str:
    """Return the key of the message that suggests what needs less memory, without what is chosen already."""
    return SHORT[shape.streamable, shape.streamable and sequential, shape.itemsize < FLOAT]


def _passing(shape: ModelShape, longest: int) -> int:
    """Return an upper bound of the bytes of one sample's pass through a block: what autograd would keep of it."""
    return int(longest * SAVED * max(block.features for block in shape.blocks) * shape.itemsize)


def _scoring(shape: ModelShape) -> int:
    return SCORING * max(block.largest for block in shape.blocks)


def _whole(shape: ModelShape, settings: Settings, exported: bool) -> int:
    """Return the bytes with all dense weights loaded; for an export, plus a pruned copy and the weights read again."""
    dense = shape.parameters * shape.itemsize
    pruned = shape.prunable * shape.itemsize
    block = max(block.parameters for block in shape.blocks) * shape.itemsize
    scoring = MASKS * shape.prunable + _scoring(shape) + block
    return OWN + dense + max(scoring, shape.prunable + pruned + dense if exported else 0)


def _by_block(shape: ModelShape, settings: Settings, exported: bool) -> int:
    """Return the bytes: weights outside blocks, one block dense and pruned, packed masks, and scoring or the export."""
    outside = (shape.parameters - sum(block.parameters for block in shape.blocks)) * shape.itemsize
    block = max(block.parameters for block in shape.blocks) * shape.itemsize
    packed = MASKS * shape.prunable // BITS
    sums = FLOAT * max(block.prunable for block in shape.blocks) if settings.needs else 0
    scoring = _scoring(shape) + sums
    return OWN + outside + 2 * block + packed + max(scoring, outside + 2 * block if exported else 0)


HELD: dict[bool, Callable[[ModelShape, Settings, bool], int]] = {False: _whole, True: _by_block}
"""Read block by block? → function that returns the bytes needed."""
