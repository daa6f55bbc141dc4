"""Masks stored as one bit per weight, where a byte is too much: a mapping name → mask that unpacks a mask on access.

Does not use how the masks were made.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from ..base.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor


class PackedMasks(MutableMapping[str, "Tensor"]):
    """name → bool, any shape, on the CPU. Reading returns a copy: changing it does not change the stored mask."""

    def __init__(self) -> None:
        self._packed: dict[str, tuple[np.ndarray, torch.Size]] = {}

    def __setitem__(self, name: str, mask: Tensor) -> None:
        self._packed[name] = np.packbits(mask.cpu().contiguous().numpy()), mask.shape

    def __getitem__(self, name: str) -> Tensor:
        bits, shape = self._packed[name]
        return torch.from_numpy(np.unpackbits(bits, count=shape.numel()).view(np.bool_)).reshape(shape)

    def __delitem__(self, name: str) -> None:
        del self._packed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    @property
    def nbytes(self) -> int:
        """Bytes in memory: one bit per weight."""
        return sum(bits.nbytes for bits, _ in self._packed.values())
