"""Exact forward and backward passes block by block, with one block's weights and gradients in memory at a time.

All samples go through one block after another, and each block's inputs are kept; then, from the last block to the
first, each block is run again with gradients and its backward pass starts from the gradient at its output. By the chain
rule the result is the exact gradient of the whole network's loss, not an estimate. This module does not store sums or
write files: the caller does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.lazy import F, pytree, torch
from ..model.block_weights import BlockWeights
from ..model.matrices import Layout, share_weights
from ..model.replay import Call, Output, calls_are_stable, output, record_calls, replay, skipping_blocks, watching_calls
from ..text.batches import Batch
from .batched import FLOAT, HEAD_COPIES, batch_losses

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

FEW = 8
"""Tokens of the trial run that shows what blocks pass on, and whether the head processes tokens independently."""
LEAST_HEAD = 1 << 26
"""Bytes that head and loss may use even if a block's sums need less."""
SAME_LOGITS = 1e-4
"""Tolerance, relative to the largest logit: logits of a piece against those of all tokens at once."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """A private network whose blocks pass on only their hidden state. `outputs`: a sample output of each, for its form.

    cuttable: whether the layers after the last block process each token independently.
    """

    network: PreTrainedModel
    layout: Layout
    weights: BlockWeights | None
    outputs: list[Output]
    cuttable: bool

    @property
    def blocks(self) -> list[nn.Module]:
        """The network's blocks, first to last."""
        return [self.network.get_submodule(path) for path in self.layout.blocks]

    def block_loaded(self, block: int) -> AbstractContextManager[None]:
        """Keep a block's weights in memory while open."""
        return self.weights.loaded(self.network, self.layout.blocks[block]) if self.weights else nullcontext()

    def enter(self, tokens: Tensor) -> tuple[Tensor, list[Call]]:
        """Return the first block's input (samples, length, hidden) and all blocks' calls. tokens (samples, length)."""
        return record_calls(self.network, self.blocks, self.outputs, tokens)

    @torch.no_grad()
    def forward(self, block: int, hidden: Tensor, call: Call) -> Tensor:
        """Run a block, (samples, length, hidden) in and out, inside `block_loaded(block)`."""
        return replay(self.blocks[block], hidden, call)

    def piece(self, length: int) -> int:
        """Return how many tokens go through head and loss at once, in the memory of one block's sum or LEAST_HEAD."""
        if not self.cuttable:
            return length
        blocks = range(len(self.layout.blocks))
        largest = max(FLOAT * sum(matrix.weights for matrix in self.layout.of_block(block)) for block in blocks)
        vocabulary = self.network.config.get_text_config().vocab_size
        return max(1, max(largest, LEAST_HEAD) // (FLOAT * HEAD_COPIES * vocabulary))

    @torch.enable_grad()
    def losses_and_gradient(self, batch: Batch, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the samples' losses in nats, float64 (samples,), and the gradient of their sum at the last block.

        hidden: the last block's output, (samples, longest, hidden). The batch goes through head and loss at once, so
        that the losses equal the whole network's bitwise; where that takes too much memory, pieces of each sample do.
        """
        piece = self.piece(batch.tokens.numel())
        if piece >= batch.tokens.numel():
            leaf = hidden.detach().requires_grad_()
            losses = batch_losses(self._head_logits(batch.tokens, leaf), batch)
            upstream, = torch.autograd.grad(losses.sum(), leaf)
            return losses.detach().double().cpu(), batch.clear_padding(upstream)
        upstream, totals = torch.zeros_like(hidden), []
        for place, length in enumerate(batch.lengths):
            own = slice(place, place + 1), slice(0, length)
            loss, upstream[own] = self._loss_in_pieces(batch.tokens[place, :length], hidden[own], self.piece(length))
            totals.append(loss)
        return torch.tensor(totals, dtype=torch.float64), upstream

    def _loss_in_pieces(self, tokens: Tensor, hidden: Tensor, piece: int) -> tuple[float, Tensor]:
        """Return one sample's loss and its gradient at (1, length, hidden), with `piece` tokens at once."""
        total, upstream, length = 0.0, torch.empty_like(hidden), len(tokens)
        for first in range(0, length, piece):
            own = slice(first, min(first + piece, length))
            part = hidden[:, own].detach().requires_grad_()
            logits = self._head_logits(tokens[None, own], part)[0]
            known = tokens[first + 1 : own.stop + 1].to(logits.device)
            loss = F.cross_entropy(logits[: len(known)].float(), known, reduction="sum") / (length - 1)
            upstream[:, own], = torch.autograd.grad(loss, part)
            total += float(loss.detach())
        return total, upstream

    def _head_logits(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """Return the logits (samples, length, vocabulary) for the last block's output."""
        with skipping_blocks(self.blocks, self.outputs, hidden):
            logits: Tensor = self.network(tokens.to(hidden.device), use_cache=False).logits
        return logits

    @torch.enable_grad()
    def backward(self, block: int, hidden: Tensor, call: Call, upstream: Tensor) -> Tensor:
        """Run a block again with gradients, inside `block_loaded(block)`, and return ∂loss/∂(its input).

        upstream: ∂loss/∂(its output).
        """
        state = hidden.detach().requires_grad_()
        replay(self.blocks[block], state, call).backward(upstream)
        assert state.grad is not None
        return state.grad


@torch.enable_grad()
def prepare_streamed(network: PreTrainedModel, layout: Layout, tokens: Tensor,
                     weights: BlockWeights | None = None) -> Streamed | None:
    """Prepare a private copy of a network to run block by block; None if the result would not be exact.

    That is the case if a block passes on more than its hidden state, if something happens between two blocks, or if two
    blocks share a parameter. tokens int64 (length,): one sample, whose first few tokens go through the head.
    """
    blocks = [network.get_submodule(path) for path in layout.blocks]
    if share_weights(network, layout.blocks):
        return None
    few, outputs, alone = tokens[:FEW], list[Output](), list[bool]()

    def note(index: int, hidden: Tensor, call: Call) -> Tensor:
        given = pytree.tree_leaves((call.args, call.kwargs))
        shared = any(isinstance(one, torch.Tensor) and one.requires_grad for one in given)
        alone.append(not shared and (index == 0 or torch.equal(hidden, output(outputs[index - 1]))))
        return hidden.detach().requires_grad_()  # a leaf, so requires_grad shows what is computed from it

    def leave(module: nn.Module, args: tuple[object, ...], given: Output) -> None:
        outputs.append(_detach(given))  # detached, so the autograd graph and the block's weights can be freed

    handles = [block.register_forward_hook(leave) for block in blocks]
    try:
        with watching_calls(blocks, note):
            logits = network(few[None], use_cache=False).logits[0].detach()
    finally:
        for handle in handles:
            handle.remove()
    if len(alone) != len(blocks) or not all(alone) or not calls_are_stable(network, blocks, outputs, tokens[None]):
        return None
    if weights is not None:
        weights.unwatch(network)
    made = Streamed(network, layout, weights, outputs, False)
    return Streamed(network, layout, weights, outputs, _is_token_wise(made, few, output(outputs[-1]), logits))


def _detach(given: Output) -> Output:
    if isinstance(given, tuple):
        return tuple(one.detach() if isinstance(one, torch.Tensor) else one for one in given)
    return given.detach()


@torch.no_grad()
def _is_token_wise(made: Streamed, tokens: Tensor, hidden: Tensor, logits: Tensor) -> bool:
    if hidden.dim() != 3:
        return False  # several states per token: we cannot know which dimension is the tokens
    middle = slice(len(tokens) // 3, len(tokens))
    cut = made._head_logits(tokens[None, middle], hidden[:, middle])[0]
    return float((cut - logits[middle]).abs().max()) <= SAME_LOGITS * float(logits.abs().max())
