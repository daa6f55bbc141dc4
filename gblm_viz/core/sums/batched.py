"""Each sample's gradient from one forward and one backward pass of a batch of samples.

A matrix that its module uses once gets from sample s the gradient G_s = δ_sᵀ·x_s: x_s are the sample's inputs, and δ_s
is the loss's gradient at its outputs. So the network runs once for the batch, the weights' own gradients, which would
be those of all samples together, are not computed at all, and G_s is multiplied out in pieces that stay in the
processor's cache until they are added up. This module does not store sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..base.lazy import F, torch
from ..model.matrices import Layout, Matrix, embedding_weight
from ..model.models import Model
from ..text.batches import Batch, BatchSize
from .observe import InputSums

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH_TOKENS = 2048
"""Tokens of a batch at most. Fewer leave products small; more gained nothing (tests/benchmarks/collect_ratio.py)."""
SHORT = 512
"""A text of fewer tokens goes one by one, unless a batch is asked for: it takes a moment either way, its sums are then
the bits of the plain loop, and progress and Stop go by samples."""
HEAD_BYTES = 1 << 28
"""What the logits of a batch may take in head and loss: a large vocabulary makes batches smaller."""
PIECE = 1 << 17
"""Numbers of a gradient that are multiplied out and added up at a time on a processor: half a megabyte of float32."""
FEW = 8
"""Tokens of the trial."""
SAME = 1e-3
"""The trial's tolerance, relative to the largest number; the same for every dtype, times its spacing over float32's."""
ALONE_SIZE = BatchSize(1, 1)
"""Every sample alone."""
FLOAT = 4
"""Bytes of a float32: sums, logits of the loss and squared values are float32, whatever dtype the model has."""
HEAD_COPIES = 4
"""Float32 numbers that the head and the loss store per logit: the logit, its exponential, their gradients."""
BLOCK_BYTES = 1 << 26
"""What autograd may keep of a batch in one block, where the block's own sums take less."""
SAVED = 1.25
"""Numbers that autograd keeps per token and block ÷ the input and output features of its matrices. Counted by
saved_tensors_hooks with sdpa: llama 0.94 to 1.0, gpt_neox 1.13, qwen3 1.08, mixtral 1.2, phi 1.5, gpt2 1.75 (the last
two have a GELU written out in many steps)."""
Hook = Callable[["nn.Module", tuple[Any, ...], dict[str, Any], "Tensor"], "Tensor | None"]


class Adder(Protocol):
    """What adds up gradients and inputs: core.sums.collect.Accumulator."""

    def add_gradients(self, matrix: Matrix, first: int, rows: slice, gradients: Tensor) -> None:
        """Add some rows of the gradients of the samples from `first` on, (samples, rows, in). May overwrite them."""

    def add_inputs(self, matrix: Matrix, first: int, squares: Tensor, lengths: Sequence[int]) -> None:
        """Add the squared inputs of the samples from `first` on: float32 (samples, in), summed over their tokens."""


@contextmanager
def sample_gradients(network: nn.Module, matrices: tuple[Matrix, ...], batch: Batch, adder: Adder) -> Iterator[None]:
    """While open, a forward and a backward pass of `network` on the batch adds its samples' inputs and gradients.

    The loss must be the sum of the samples' losses, the weights must need no gradient, and `runs_in_batches` must hold.
    """
    squares = _Squares(batch)

    def watch(matrix: Matrix) -> Hook:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], given: Tensor) -> Tensor:
            entered = first_argument(args, kwargs)
            inputs, version = by_sample(entered.detach(), batch), entered._version
            adder.add_inputs(matrix, batch.first, squares.of(entered), batch.lengths)

            def add(gradient: Tensor) -> None:
                assert entered._version == version, f"{matrix.name}: its inputs were overwritten"
                add_products(matrix, batch, by_sample(gradient, batch), inputs, adder)

            # the first matrices of a network read numbers that need no gradient: a copy of their outputs then does
            outputs = given if given.requires_grad else given.detach().requires_grad_().clone()
            outputs.register_hook(add)
            return outputs
        return hook

    with watching_modules(network, matrices, watch):
        yield


@contextmanager
def sample_inputs(network: nn.Module, matrices: tuple[Matrix, ...], batch: Batch, sums: InputSums) -> Iterator[None]:
    """While open, a forward pass of `network` on the batch adds the matrices' inputs; `runs_in_batches` must hold."""
    squares = _Squares(batch)

    def watch(matrix: Matrix) -> Hook:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], given: Tensor) -> None:
            sums.add_samples(matrix.name, squares.of(first_argument(args, kwargs)), batch.lengths)
        return hook

    with watching_modules(network, matrices, watch):
        yield


class _Squares:
    """Each sample's sum of squared inputs. Remembers the last: q, k and v, or gate and up, read the same inputs."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.last: tuple[Tensor, Tensor] | None = None

    @torch.no_grad()
    def of(self, inputs: Tensor) -> Tensor:
        """Return float32 (samples, in)."""
        if self.last is None or self.last[0] is not inputs:
            square = by_sample(inputs, self.batch).float().square()  # float: half-precision activations overflow
            self.last = inputs, self.batch.clear_padding(square).sum(1)
        return self.last[1]


def add_products(matrix: Matrix, batch: Batch, gradient: Tensor, inputs: Tensor, adder: Adder) -> None:
    """Multiply out G_s = δ_sᵀ·x_s for every sample of a batch and add them up, in pieces of PIECE numbers.

    gradient: δ (samples, longest, out); inputs: x (samples, longest, in).
    """
    # never in place: autograd goes on with the gradient
    own = batch.clear_padding(gradient.clone()) if batch.padded else gradient
    turned = own.transpose(1, 2)
    piece = PIECE if inputs.device.type == "cpu" else matrix.weights
    rows = min(matrix.rows, max(1, piece // matrix.columns))
    together = max(1, piece // (rows * matrix.columns))
    for row in range(0, matrix.rows, rows):
        part = slice(row, row + rows)
        for place in range(0, batch.count, together):
            few = slice(place, place + together)
            adder.add_gradients(matrix, batch.first + place, part, torch.bmm(turned[few, part], inputs[few]).float())


def batch_size(model: Model, tokens: int, samples: int | None = None) -> BatchSize:
    """Return how much of a text of so many tokens goes through the model at once; samples: the number asked for."""
    if samples is None and tokens < SHORT:
        return ALONE_SIZE
    vocabulary = embedding_weight(model.network).shape[0]
    return BatchSize(batch_tokens(model.layout, vocabulary, model.network.dtype.itemsize), samples)


def batch_tokens(layout: Layout, vocabulary: int, itemsize: int) -> int:
    """Return the tokens of a batch at most.

    A block's activations take no more than its three gradient sums or BLOCK_BYTES, so that the streamed plan still
    needs the memory of one block; and the logits no more than HEAD_BYTES.
    """
    blocks = [layout.of_block(block) for block in range(len(layout.blocks))]
    features = max(sum(one.rows + one.columns for one in block) for block in blocks)
    weights = max(sum(one.weights for one in block) for block in blocks)
    by_block = max(3 * FLOAT * weights, BLOCK_BYTES) / (SAVED * features * itemsize)
    by_head = HEAD_BYTES / (FLOAT * HEAD_COPIES * vocabulary)
    return max(1, int(min(BATCH_TOKENS, by_block, by_head)))


def batch_losses(logits: Tensor, batch: Batch) -> Tensor:
    """Return each sample's mean next-token cross-entropy, float32 (samples,) (gradient_computation.py:66,198).

    logits: (samples, longest, vocabulary).
    """
    tokens = batch.tokens.to(logits.device)
    return torch.stack([F.cross_entropy(own[: length - 1].float(), known[1:length])
                        for own, known, length in zip(logits, tokens, batch.lengths, strict=True)])


def first_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Return the tensor that a module was called with, by position or by name."""
    given: Tensor = args[0] if args else next(iter(kwargs.values()))
    return given


def by_sample(values: Tensor, batch: Batch) -> Tensor:
    """Return (samples, longest, features) of values whose first dimensions may be joined to one."""
    return values.reshape(*batch.tokens.shape, values.shape[-1])


@contextmanager
def watching_modules(network: nn.Module, matrices: tuple[Matrix, ...],
                     watch: Callable[[Matrix], Hook]) -> Iterator[None]:
    """While open, the hook that `watch` makes for a matrix is called after each forward pass of its module."""
    with ExitStack() as opened:
        for matrix in matrices:
            module = network.get_submodule(matrix.module)
            opened.enter_context(module.register_forward_hook(watch(matrix), with_kwargs=True))
        yield


# Whether a network can run in batches

@dataclass(frozen=True, eq=False)
class _Seen:
    """What the matrices' modules got in one pass, by matrix name. `odd`: whether one broke the rules of a batch."""

    inputs: dict[str, Tensor] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


@torch.no_grad()
def runs_in_batches(network: nn.Module, layout: Layout, tokens: Tensor) -> bool:
    """Return whether batches give the sums that samples one by one give, by a trial with a few tokens.

    That is so where each matrix belongs to one module, which multiplies it once in a pass with every token in order,
    and where no number of a sample depends on the other samples or on what stands on its right. Experts never do: which
    tokens they get, and of how many, is the router's choice. tokens int64 (length,).
    """
    if layout.has_experts:
        return False
    owners = [id(parameter) for module in network.modules() for parameter in module.parameters(recurse=False)]
    stored = dict(network.named_parameters())
    if any(owners.count(id(stored[matrix.name])) != 1 for matrix in layout.matrices):
        return False
    few = tokens[:FEW]
    shorter = max(1, len(few) * 2 // 3)
    pair = few.repeat(2, 1)
    pair[1, shorter:] = few[shorter - 1]
    alone = _trial(network, layout, Batch(0, few[None], (len(few),)))
    both = _trial(network, layout, Batch(0, pair, (len(few), shorter)))
    names = [matrix.name for matrix in layout.matrices]
    if alone.odd or both.odd or not set(names) <= set(alone.inputs) & set(both.inputs):
        return False
    return all(_same(both.inputs[name][0], alone.inputs[name][0])
               and _same(both.inputs[name][1, :shorter], alone.inputs[name][0, :shorter]) for name in names)


def _trial(network: nn.Module, layout: Layout, batch: Batch) -> _Seen:
    seen, entered = _Seen(), list[tuple[str, "Tensor", int]]()

    def watch(matrix: Matrix) -> Hook:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], given: Any) -> None:
            inputs = first_argument(args, kwargs)
            fits = isinstance(given, torch.Tensor) and inputs.numel() == batch.tokens.numel() * matrix.columns
            if matrix.name in seen.inputs or not fits:
                seen.odd.append(matrix.name)
                return
            bias = getattr(module, "bias", None)
            product = F.linear(inputs, matrix.view(dict(module.named_parameters(recurse=False))[
                matrix.name.rpartition(".")[2]]), bias)
            seen.inputs[matrix.name] = by_sample(inputs, batch).clone()
            entered.append((matrix.name, inputs, inputs._version))
            if not _same(product, given):
                seen.odd.append(matrix.name)
        return hook

    with watching_modules(network, layout.matrices, watch):
        network(batch.tokens, use_cache=False)
    seen.odd.extend(name for name, inputs, version in entered if inputs._version != version)
    return seen


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    spacing = torch.finfo(one.dtype).eps / torch.finfo(torch.float32).eps
    allowed = min(SAME * max(1.0, spacing**0.5), 0.1) * float(other.abs().max())
    return bool((one - other).abs().max() <= allowed)
