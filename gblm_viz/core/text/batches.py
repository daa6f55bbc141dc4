"""Samples that run through a network together, padded on the right to one length.

A causal network computes nothing of a token from the tokens after it, so what stands on the right of a sample changes
none of its numbers. Independent of networks and sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.lazy import torch
from .calibration import CalibrationSet

if TYPE_CHECKING:
    from torch import Tensor

PADDING = 1.25
"""A batch may have at most this many times the tokens of its samples: padding costs as much time as tokens do."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some consecutive samples. `tokens` int64 (samples, longest); beyond a sample's end its last token is repeated."""

    first: int
    tokens: Tensor
    lengths: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.lengths)

    @property
    def last(self) -> int:
        """The number of the sample after the last one."""
        return self.first + self.count

    @property
    def samples(self) -> range:
        """The samples' numbers in their calibration set."""
        return range(self.first, self.last)

    @property
    def padded(self) -> bool:
        """Whether a sample is shorter than the longest."""
        return min(self.lengths) < max(self.lengths)

    def apart(self, values: Tensor) -> list[Tensor]:
        """Return each sample's own part of (samples, longest, …), as (1, length, …), without its padding."""
        return [row[None, :length] for row, length in zip(values, self.lengths, strict=True)]

    def clear_padding(self, values: Tensor) -> Tensor:
        """Set to zero what belongs to padding, in place. values (samples, longest, …)."""
        if self.padded:
            for row, length in zip(values, self.lengths, strict=True):
                row[length:] = 0
        return values


@dataclass(frozen=True)
class BatchSize:
    """How much runs at once. `tokens`: of a batch at most, with padding; `samples`: at most, or None for any number."""

    tokens: int
    samples: int | None = None


def batches(calibration: CalibrationSet, size: BatchSize, first: int = 0) -> Iterator[Batch]:
    """Yield all samples from `first` on, in order, as many at once as `size` allows. A longer sample is alone.

    Where a batch ends depends only on the samples from its first one on, so a run that continues at the end of a batch
    makes the same ones.
    """
    lengths = calibration.lengths.tolist()
    while first < len(lengths):
        last, longest, together = first + 1, lengths[first], lengths[first]
        while last < len(lengths):
            longer, more = max(longest, lengths[last]), together + lengths[last]
            padded = longer * (last + 1 - first)
            if last - first == size.samples or padded > size.tokens or padded > PADDING * more:
                break
            last, longest, together = last + 1, longer, more
        yield _batch(calibration, first, last, longest)
        first = last


def _batch(calibration: CalibrationSet, first: int, last: int, longest: int) -> Batch:
    """Pad with a token of the sample itself: with a network's own padding token, transformers would warn."""
    tokens, lengths = calibration.tokens[first:last, :longest], calibration.lengths[first:last]
    ends = tokens.gather(1, lengths[:, None] - 1)
    inside = torch.arange(longest) < lengths[:, None]
    return Batch(first, torch.where(inside, tokens, ends), tuple(lengths.tolist()))


def largest_batch(calibration: CalibrationSet, size: BatchSize) -> int:
    """Return the tokens of the largest batch, with its padding."""
    return max(batch.tokens.numel() for batch in batches(calibration, size))
