"""Watching a network run: the sums over its matrices' inputs and gradients that every score is made of.

Works on a private copy of the module tree, one sample at a time. Knows nothing of methods, masks or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..base.errors import ScoreError
from ..model.matrices import Matrix


class InputSums:
    """Per matrix: `squares` float32 (in,) or (experts, in), Σ over samples and tokens of X²; `tokens` seen, int64."""

    def __init__(self, matrices: tuple[Matrix, ...], device_of: Callable[[int], torch.device]) -> None:
        """device_of: where a block's inputs are."""
        self.squares: dict[str, Tensor] = {}
        self.tokens: dict[str, Tensor] = {}
        for matrix in matrices:
            stack, device = (matrix.experts,) if matrix.experts else (), device_of(matrix.block)
            self.squares[matrix.name] = torch.zeros(*stack, matrix.columns, device=device)
            self.tokens[matrix.name] = torch.zeros(stack, dtype=torch.int64, device=device)

    @torch.no_grad()
    def add(self, name: str, inputs: Tensor, expert: int | None = None) -> None:
        """inputs (..., in), any float dtype."""
        rows = inputs.detach().reshape(-1, inputs.shape[-1])
        square = rows.float().square().sum(0)  # float: half-precision activations overflow when squared
        if expert is None:
            self.squares[name] += square
            self.tokens[name] += rows.shape[0]
        else:
            self.squares[name][expert] += square
            self.tokens[name][expert] += rows.shape[0]


class ExpertInputs(TorchFunctionMode):
    """Sees every product of a state with one expert's slice of a stacked parameter, whichever way it is written.

    Stacked experts are no modules, so no hook reaches them: the slice is recognised by where it lies in memory.
    """

    def __init__(self, stacked: dict[str, tuple[Matrix, Tensor]], sums: InputSums) -> None:
        super().__init__()
        self.stacked = stacked
        self.sums = sums

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS and len(args) >= 2 and isinstance(args[1], Tensor):
            found = self._slice(args[1])
            if found is not None:
                self.sums.add(found[0], args[0], found[1])
        return func(*args, **(kwargs or {}))

    def _slice(self, weight: Tensor) -> tuple[str, int] | None:
        pointer = weight.data_ptr()
        for name, (matrix, stored) in self.stacked.items():
            size = matrix.rows * matrix.columns
            offset = pointer - stored.data_ptr()
            expert, rest = divmod(offset, size * stored.element_size())
            if rest == 0 and 0 <= expert < matrix.experts and weight.numel() == size:
                return name, int(expert)
        return None


PRODUCTS = {F.linear, torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__}


@contextmanager
def observing(network: Any, matrices: tuple[Matrix, ...], sums: InputSums) -> Iterator[None]:
    """While open, every forward pass of `network` on this thread adds the matrices' inputs to the sums.

    Open it around one sample, never around a `yield`: the mode for stacked experts belongs to the thread.
    """
    stored = dict(network.named_parameters())
    handles = []

    def watch(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            sums.add(name, args[0] if args else next(iter(kwargs.values())))
        return hook

    stacked = {matrix.name: (matrix, stored[matrix.name]) for matrix in matrices if matrix.experts}
    single = {id(stored[matrix.name]): matrix.name for matrix in matrices if not matrix.experts}
    for module in network.modules():  # every module of a weight: blocks that share one each bring inputs
        for parameter in module.parameters(recurse=False):
            if id(parameter) in single:
                handles.append(module.register_forward_pre_hook(watch(single[id(parameter)]), with_kwargs=True))
    try:
        if stacked:
            with ExpertInputs(stacked, sums):
                yield
        else:
            yield
    finally:
        for handle in handles:
            handle.remove()


def refuse_unobserved(layout_matrices: tuple[Matrix, ...], sums: InputSums) -> None:
    """A matrix that no hook saw is an error, never a zero. Stacked experts count as seen if any one of them was."""
    for matrix in layout_matrices:
        if int(sums.tokens[matrix.name].sum()) == 0:
            raise ScoreError("unobserved", matrix=matrix.name)


def sample_loss(network: Any, tokens: Tensor) -> Tensor:
    """Mean next-token cross-entropy of one sample, labels = inputs, in float32 (gradient_computation.py:66,198).

    tokens int64 (length,). Router losses are left out because only the logits are asked for.
    """
    logits = network(tokens[None], use_cache=False).logits[0]
    return F.cross_entropy(logits[:-1].float(), tokens[1:])


@contextmanager
def gradient_taps(network: Any, matrices: tuple[Matrix, ...], take: Any) -> Iterator[None]:
    """While open, a backward pass hands each matrix's gradient to `take(matrix, gradient)` and frees it at once.

    The gradient is float32, seen as (out, in) or (experts, out, in).
    """
    stored = dict(network.named_parameters())
    handles = []

    def tap(matrix: Matrix) -> Any:
        def hook(parameter: nn.Parameter) -> None:
            assert parameter.grad is not None
            take(matrix, matrix.view(parameter.grad).float())
            parameter.grad = None
        return hook

    for matrix in matrices:
        parameter = stored[matrix.name]
        parameter.requires_grad_(True)
        handles.append(parameter.register_post_accumulate_grad_hook(tap(matrix)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for matrix in matrices:
            stored[matrix.name].requires_grad_(False)
            stored[matrix.name].grad = None
