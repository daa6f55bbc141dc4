"""The running sums of some blocks' matrices over the samples. Independent of how the gradients were computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..base.errors import ScoreError
from ..base.lazy import torch
from ..model.matrices import Matrix
from ..model.models import Model
from .observe import InputSums, refuse_unobserved
from .ranks import Ranks
from .statistics import KEPT, Sums

if TYPE_CHECKING:
    from torch import Tensor

HALVES = ("even", "odd")
"""The halves of the samples, by their numbers."""


class Accumulator:
    """The running sums of some blocks' matrices over the samples; the only class that adds them up.

    All float32 sums of a block's gradients are views of one buffer on the block's device, so that processes add them
    in one call and without a copy. samples: N, of all processes together.
    """

    def __init__(self, model: Model, blocks: Sequence[int], samples: int, keep: tuple[str, ...], halves: bool) -> None:
        self.keep = keep
        self.matrices = tuple(matrix for block in blocks for matrix in model.layout.of_block(block))
        self.inputs = InputSums(self.matrices, model.block_device)
        self.gradients: dict[str, dict[str, Tensor]] = {}
        self.halves: dict[str, dict[str, Tensor]] = {}
        self.buffers: list[Tensor] = []
        kinds = (*keep, *(f"{KEPT[kept]}_{half}" for kept in keep for half in HALVES if halves))
        for block in blocks:
            matrices = model.layout.of_block(block)
            buffer = torch.zeros(len(kinds) * sum(matrix.weights for matrix in matrices),
                                 device=model.block_device(block))
            parts = iter(buffer.split([matrix.weights for matrix in matrices for _ in kinds]))
            for matrix in matrices:
                sums = {kind: next(parts).view(matrix.shape) for kind in kinds}
                self.gradients[matrix.name] = {kept: sums.pop(kept) for kept in keep}
                self.halves[matrix.name] = sums
            self.buffers.append(buffer)
        self.sample_l1 = {matrix.name: torch.zeros(samples, dtype=torch.float64,
                                                   device=model.block_device(matrix.block))
                          for matrix in self.matrices}
        """float64 (samples,) by matrix; 0 where a sample gave it no gradient because its experts saw no token."""

    def inputs_of(self, sample: int) -> InputSums:
        """Return the object that adds one sample's inputs."""
        return self.inputs

    def add_inputs(self, matrix: Matrix, first: int, squares: Tensor, lengths: Sequence[int]) -> None:
        """Add the squared inputs of the samples from `first` on: float32 (samples, in), summed over their tokens."""
        self.inputs.add_samples(matrix.name, squares, lengths)

    def add_gradients(self, matrix: Matrix, first: int, rows: slice, gradients: Tensor) -> None:
        """Add some output rows of the gradients of the samples from `first` on, and overwrite them.

        gradients: float32 (samples, rows, in) or (samples, experts, rows, in). `first` is counted over all processes:
        it tells which samples are even and what indices their ℓ1 have.
        """
        into = [({kept: sums[..., rows, :] for kept, sums in self.gradients[matrix.name].items()}, slice(None))]
        if halves := self.halves[matrix.name]:
            into += [({kept: halves[f"{KEPT[kept]}_{half}"][..., rows, :] for kept in self.keep},
                      slice((first + odd) % 2, None, 2)) for odd, half in enumerate(HALVES)]
        for sums, own in into:
            if "sum" in sums:
                sums["sum"] += _sum_of(gradients[own])
        absolute = gradients.abs_()  # in place, and summed by rows before float64: no second tensor of that size
        for sums, own in into:
            if "l1" in sums:
                sums["l1"] += _sum_of(absolute[own])
        by_sample = absolute.sum(-1).flatten(1).sum(1, dtype=torch.float64)
        self.sample_l1[matrix.name][first : first + len(by_sample)] += by_sample
        squares = absolute.square_() if "sq" in self.keep else absolute
        for sums, own in into:
            if "sq" in sums:
                sums["sq"] += _sum_of(squares[own])

    def _small(self) -> list[Tensor]:
        return [*self.inputs.squares.values(), *self.inputs.tokens.values(), *self.sample_l1.values()]

    def add(self, ranks: Ranks) -> None:
        """Add up the sums of all processes, in every process: one call per block, and one for the small tensors."""
        for buffer in self.buffers:
            ranks.add(buffer)
        ranks.add_small(self._small())

    def clear(self) -> None:
        """Set all running sums to zero."""
        for tensor in (*self.buffers, *self._small()):
            tensor.zero_()

    def tensors(self, samples: int) -> dict[str, Tensor]:
        """Return all running state after `samples` samples, for a checkpoint."""
        state = {f"gradients/{name}/{kept}": tensor
                 for name, kinds in self.gradients.items() for kept, tensor in kinds.items()}
        state |= {f"inputs/{name}": tensor for name, tensor in self.inputs.squares.items()}
        state |= {f"tokens/{name}": tensor for name, tensor in self.inputs.tokens.items()}
        state |= {f"halves/{name}/{kind}": tensor for name, kinds in self.halves.items()
                  for kind, tensor in kinds.items()}
        return state | {f"sample_l1/{name}": values[:samples] for name, values in self.sample_l1.items()}

    def restore(self, state: dict[str, Tensor], samples: int) -> None:
        """Load the running state after `samples` samples from a checkpoint's tensors."""
        for name, tensor in self.tensors(samples).items():
            tensor.copy_(state[name])

    def finished(self) -> dict[str, Sums]:
        """Return the sums on the CPU. Raises ScoreError for a matrix no hook saw, or sums that are not finite."""
        refuse_unobserved(self.matrices, self.inputs)
        sums = {name: Sums(self.inputs.squares[name].cpu(), {k: t.cpu() for k, t in kinds.items()},
                           self.inputs.tokens[name].cpu()) for name, kinds in self.gradients.items()}
        for name, one in sums.items():
            if not all(bool(torch.isfinite(tensor).all()) for tensor in (one.input_sq, *one.gradients.values())):
                raise ScoreError("sums_not_finite", matrix=name)
        return sums

    def finished_halves(self) -> dict[str, dict[str, Tensor]]:
        """Return the sums of the even and the odd samples on the CPU, by matrix; empty if they were not asked for."""
        return {name: {kind: tensor.cpu() for kind, tensor in kinds.items()}
                for name, kinds in self.halves.items() if kinds}

    def finished_l1(self, samples: int) -> dict[str, Tensor]:
        """Return each matrix's ℓ1 of the first `samples` samples' gradients."""
        return {name: values[:samples].cpu() for name, values in self.sample_l1.items()}


def _sum_of(values: Tensor) -> Tensor:
    """Return the sum over the first dimension; of a single entry the entry itself, without a pass over it."""
    return values[0] if len(values) == 1 else values.sum(0)
