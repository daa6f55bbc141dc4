"""A network run block by block, forward and backward, exact: one block's weights and gradients at a time.

All samples go through one block after the other, what enters each is kept; then from the last block to the first, each
is run again with gradients and given the gradient at its output. By the chain rule that is the gradient of the whole
network's loss, and no estimate of it. Knows nothing of sums and files: whoever calls it takes what comes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..model.block_weights import BlockWeights
from ..model.matrices import Layout, Matrix, share_weights
from ..model.replay import Call, calls_hold, calls_of, entering, output, passing, replay
from .observe import InputSums, gradient_taps, observing, sample_loss

FEW = 8
"""Tokens that show what blocks hand each other, and whether the head sees them one by one."""
HEAD_COPIES = 4
"""Float32 numbers that the head and the loss hold for each logit: itself, its exponential, their gradients."""
LEAST_HEAD = 1 << 26
"""Bytes that head and loss may take even where a block takes less."""
SAME_LOGITS = 1e-4
"""Relative to the largest: logits of a cut piece, against those of all tokens at once, where the head is token-wise."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """A private network whose blocks hand on nothing but their hidden state. `outputs`: one of each, for its form.

    cuttable: whether what comes behind the last block sees one token at a time.
    """

    network: Any
    layout: Layout
    weights: BlockWeights | None
    outputs: list[Any]
    cuttable: bool

    @property
    def blocks(self) -> list[Any]:
        return [self.network.get_submodule(path) for path in self.layout.blocks]

    def held(self, block: int) -> AbstractContextManager[None]:
        """While open, a block's weights are in memory."""
        return self.weights.held(self.network, self.layout.blocks[block]) if self.weights else nullcontext()

    def enter(self, tokens: Tensor) -> tuple[Tensor, list[Call]]:
        """What enters the first block, (1, length, hidden), and how every block is called. tokens int64 (length,)."""
        return calls_of(self.network, self.blocks, self.outputs, tokens)

    @torch.no_grad()
    def forward(self, block: int, hidden: Tensor, call: Call) -> Tensor:
        """(1, length, hidden) in and out; the block is held."""
        return replay(self.blocks[block], hidden, call)

    def piece(self, length: int) -> int:
        """So many tokens go through head and loss at once that they take no more memory than one of a block's sums."""
        if not self.cuttable:
            return length
        blocks = range(len(self.layout.blocks))
        largest = max(4 * sum(matrix.weights for matrix in self.layout.of_block(block)) for block in blocks)
        return max(1, max(largest, LEAST_HEAD) // (4 * HEAD_COPIES * self.network.config.get_text_config().vocab_size))

    @torch.enable_grad()
    def lost(self, tokens: Tensor, hidden: Tensor, piece: int) -> tuple[float, Tensor]:
        """The loss in nats of what leaves the last block, and its gradient there, (1, length, hidden).

        piece: tokens that go through head and loss at once. In one piece it is the whole network's loss, bitwise.
        """
        leaf, length = hidden.detach().requires_grad_(), len(tokens)
        if piece >= length:
            with passing(self.blocks, self.outputs, leaf):
                loss = sample_loss(self.network, tokens)
            upstream, = torch.autograd.grad(loss, leaf)
            return float(loss.detach()), upstream
        total, upstream = 0.0, torch.empty_like(hidden)
        for first in range(0, length, piece):
            own = slice(first, min(first + piece, length))
            part = leaf[:, own].detach().requires_grad_()
            logits = self._behind(tokens[own], part)
            known = tokens[first + 1 : own.stop + 1]
            loss = F.cross_entropy(logits[: len(known)].float(), known, reduction="sum") / (length - 1)
            upstream[:, own], = torch.autograd.grad(loss, part)
            total += float(loss.detach())
        return total, upstream

    def _behind(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """Logits (length, vocabulary) of what leaves the last block."""
        with passing(self.blocks, self.outputs, hidden):
            logits: Tensor = self.network(tokens[None], use_cache=False).logits[0]
        return logits

    @torch.enable_grad()
    def back(self, block: int, hidden: Tensor, call: Call, upstream: Tensor, sums: InputSums,
             take: Callable[[Matrix, Tensor], None]) -> Tensor:
        """A held block again, with gradients. upstream: ∂loss/∂(its output); → ∂loss/∂(what entered it).

        Its matrices' gradients go to `take`, their inputs to `sums`.
        """
        matrices = self.layout.of_block(block)
        state = hidden.detach().requires_grad_()
        with observing(self.network, matrices, sums), gradient_taps(self.network, matrices, take):
            replay(self.blocks[block], state, call).backward(upstream)
        assert state.grad is not None
        return state.grad


@torch.enable_grad()
def streamed(network: Any, layout: Layout, tokens: Tensor, weights: BlockWeights | None = None) -> Streamed | None:
    """A private copy of a network ready to be run block by block; None where that is not enough to be exact.

    It is where a block hands on anything but its hidden state, where something happens between two blocks, or where a
    parameter belongs to two of them. tokens int64 (length,): one sample, the first few of which go through the head.
    """
    blocks = [network.get_submodule(path) for path in layout.blocks]
    if share_weights(network, layout.blocks):
        return None
    few, outputs, alone = tokens[:FEW], list[Any](), list[bool]()

    def note(index: int, hidden: Tensor, call: Call) -> Tensor:
        given = tree_leaves((call.args, call.kwargs))
        shared = any(isinstance(one, Tensor) and one.requires_grad for one in given)
        alone.append(not shared and (index == 0 or torch.equal(hidden, output(outputs[index - 1]))))
        return hidden.detach().requires_grad_()  # a leaf: what is computed from it, and by it, can be told

    def leave(module: Any, args: tuple[Any, ...], given: Any) -> None:
        outputs.append(_apart(given))  # what was computed for it, the block's weights among it, can go

    handles = [block.register_forward_hook(leave) for block in blocks]
    try:
        with entering(blocks, note):
            logits = network(few[None], use_cache=False).logits[0].detach()
    finally:
        for handle in handles:
            handle.remove()
    if len(alone) != len(blocks) or not all(alone) or not calls_hold(network, blocks, outputs, tokens):
        return None
    if weights is not None:
        weights.unwatch(network)
    made = Streamed(network, layout, weights, outputs, False)
    return Streamed(network, layout, weights, outputs, _token_wise(made, few, output(outputs[-1]), logits))


def _apart(given: Any) -> Any:
    if isinstance(given, tuple):
        return tuple(one.detach() if isinstance(one, Tensor) else one for one in given)
    return given.detach()


@torch.no_grad()
def _token_wise(made: Streamed, tokens: Tensor, hidden: Tensor, logits: Tensor) -> bool:
    if hidden.dim() != 3:
        return False  # several states a token, one after the other: which dimension counts tokens is not ours to know
    middle = slice(len(tokens) // 3, len(tokens))
    cut = made._behind(tokens[middle], hidden[:, middle])
    return float((cut - logits[middle]).abs().max()) <= SAME_LOGITS * float(logits.abs().max())
