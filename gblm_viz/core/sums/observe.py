"""Hooks that add up a running network's matrix inputs and hand on its gradients, for the sums that scores need.

Works on a private copy of the module tree, one sample at a time. This module does not use methods, masks or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from ..base.errors import ScoreError
from ..base.lazy import F, FunctionMode, torch
from ..model.matrices import Matrix
from ..text.batches import Batch

if TYPE_CHECKING:
    from torch import Tensor, nn


class LoneAdder(Protocol):
    """What adds up one sample's sums: core.sums.accumulator.Accumulator."""

    def inputs_of(self, sample: int) -> InputSums:
        """Return the object that adds one sample's inputs."""

    def add_gradients(self, matrix: Matrix, first: int, rows: slice, gradients: Tensor) -> None:
        """Add some rows of the gradients of the samples from `first` on, (samples, …, rows, in). May overwrite them."""


class InputSums:
    """Input sums by matrix: `squares`, float32 (in,) or (experts, in), is Σ over samples and tokens of X².

    `tokens`, int64 () or (experts,), is the number of tokens that were added.
    """

    def __init__(self, matrices: tuple[Matrix, ...], device_of: Callable[[int], torch.device]) -> None:
        """device_of: block number → device of its inputs."""
        self.squares: dict[str, Tensor] = {}
        self.tokens: dict[str, Tensor] = {}
        for matrix in matrices:
            stack, device = (matrix.experts,) if matrix.experts else (), device_of(matrix.block)
            self.squares[matrix.name] = torch.zeros(*stack, matrix.columns, device=device)
            self.tokens[matrix.name] = torch.zeros(stack, dtype=torch.int64, device=device)

    def add_samples(self, name: str, squares: Tensor, lengths: Sequence[int]) -> None:
        """Add some samples' squared inputs, float32 (samples, in), each summed over its tokens."""
        self.squares[name] += squares[0] if len(squares) == 1 else squares.sum(0)
        self.tokens[name] += sum(lengths)

    @torch.no_grad()
    def add(self, name: str, inputs: Tensor, expert: int | None = None) -> None:
        """Add inputs (..., in), any float dtype, to a matrix's sums."""
        rows = inputs.detach().reshape(-1, inputs.shape[-1])
        square = rows.float().square().sum(0)  # float: half-precision activations overflow when squared
        if expert is None:
            self.squares[name] += square
            self.tokens[name] += rows.shape[0]
        else:
            self.squares[name][expert] += square
            self.tokens[name][expert] += rows.shape[0]


class ExpertInputs(FunctionMode):
    """Adds up the inputs of every product in `products` with one expert's slice of a stacked parameter.

    Stacked experts are not modules, so module hooks cannot see them: a slice is recognised by its memory address.
    """

    def __init__(self, stacked: Mapping[str, tuple[Matrix, Tensor]], sums: InputSums) -> None:
        self.stacked = stacked
        self.sums = sums

    def __torch_function__(self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        if func in products() and len(args) >= 2 and isinstance(args[1], torch.Tensor):
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


@cache
def products() -> frozenset[Callable[..., Any]]:
    """Return torch's functions that multiply an input by a weight."""
    tensor = torch.Tensor
    return frozenset({F.linear, torch.matmul, torch.mm, tensor.matmul, tensor.mm, tensor.__matmul__})


@contextmanager
def observing(network: nn.Module, matrices: tuple[Matrix, ...], sums: InputSums) -> Iterator[None]:
    """While open, every forward pass of `network` on this thread adds the matrices' inputs to the sums.

    Open it around one sample, never around a `yield`: the mode for stacked experts applies to the whole thread.
    """
    stored = dict(network.named_parameters())
    handles = []

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            sums.add(name, args[0] if args else next(iter(kwargs.values())))
        return hook

    stacked = {matrix.name: (matrix, stored[matrix.name]) for matrix in matrices if matrix.experts}
    single = {id(stored[matrix.name]): matrix.name for matrix in matrices if not matrix.experts}
    for module in network.modules():  # every module that uses a weight: blocks that share one each add their inputs
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
    """Raises ScoreError for a matrix whose inputs no hook saw; for stacked experts, only if none of them was seen."""
    for matrix in layout_matrices:
        if int(sums.tokens[matrix.name].sum()) == 0:
            raise ScoreError("unobserved", matrix=matrix.name)


def sample_loss(network: nn.Module, tokens: Tensor) -> Tensor:
    """Return the mean next-token cross-entropy of one sample, in float32 (gradient_computation.py:66,198).

    tokens int64 (length,), used as inputs and labels. Router losses are not included, because only the logits are used.
    """
    logits = network(tokens[None], use_cache=False).logits[0]
    return F.cross_entropy(logits[:-1].float(), tokens[1:])


@contextmanager
def lone_gradients(network: nn.Module, matrices: tuple[Matrix, ...], batch: Batch, adder: LoneAdder) -> Iterator[None]:
    """While open, a forward and a backward pass of `network` on a batch of one sample adds its inputs and gradients.

    Works for every family: inputs are seen wherever a weight is used, and gradients are autograd's own.
    """
    sample, = batch.samples

    def add(matrix: Matrix, gradient: Tensor) -> None:
        adder.add_gradients(matrix, sample, slice(None), gradient[None])

    with observing(network, matrices, adder.inputs_of(sample)), gradient_taps(network, matrices, add):
        yield


@contextmanager
def gradient_taps(network: nn.Module, matrices: tuple[Matrix, ...],
                  take: Callable[[Matrix, Tensor], None]) -> Iterator[None]:
    """While open, a backward pass calls `take(matrix, gradient)` for each matrix and frees the gradient immediately.

    The gradient is float32, viewed as (out, in) or (experts, out, in).
    """
    stored = dict(network.named_parameters())
    handles = []

    def tap(matrix: Matrix) -> Callable[[nn.Parameter], None]:
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
