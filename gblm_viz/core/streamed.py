"""Gradients block by block, exact: one block's gradients and sums at a time, instead of the whole network's.

Forward once without gradients, keeping what enters every block; then from the last block to the first, each is run
again with gradients and given the gradient at its output. By the chain rule that is the gradient of the whole network's
loss, and no estimate of it. Knows nothing of sums and files: whoever calls it takes what comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from .matrices import Layout, Matrix
from .observe import InputSums, gradient_taps, observing, sample_loss
from .replay import Call, entering, output, replay


@dataclass(frozen=True, eq=False)
class Entered:
    """One sample: what entered each block, (1, length, hidden) detached, and the rest of its call; the loss in nats."""

    hidden: list[Tensor]
    calls: list[Call]
    loss: float


def _blocks(network: Any, layout: Layout) -> list[Any]:
    modules = dict(network.named_modules())
    return [modules[path] for path in layout.blocks]


@torch.enable_grad()
def streamable(network: Any, layout: Layout, tokens: Tensor) -> bool:
    """Whether a block hands on nothing but its hidden state, and no parameter belongs to two blocks.

    Otherwise a block by itself is not enough, and the whole network has to be differentiated. tokens int64 (length,),
    a few are enough; one forward pass.
    """
    blocks = _blocks(network, layout)
    owned = [{id(parameter) for parameter in block.parameters()} for block in blocks]
    if sum(map(len, owned)) != len(set().union(*owned)):
        return False
    alone: list[bool] = []

    def note(index: int, hidden: Tensor, call: Call) -> Tensor:
        given = tree_leaves((call.args, call.kwargs))
        alone.append(not any(isinstance(one, Tensor) and one.requires_grad for one in given))
        return hidden if hidden.requires_grad else hidden.detach().requires_grad_()

    with entering(blocks, note):
        network(tokens[None], use_cache=False)
    return len(alone) == len(blocks) and all(alone)


@torch.enable_grad()
def enter(network: Any, layout: Layout, tokens: Tensor) -> tuple[Entered, Tensor]:
    """One sample's forward pass, and ∂loss/∂(output of the last block). tokens int64 (length,).

    The parameters need no gradients: what is differentiated begins behind the last block.
    """
    blocks, hidden, calls, leaf = _blocks(network, layout), list[Tensor](), list[Call](), list[Tensor]()

    def note(index: int, state: Tensor, call: Call) -> None:
        hidden.append(state.detach())
        calls.append(call)

    def leave(module: Any, args: tuple[Any, ...], given: Any) -> Any:
        leaf.append(output(given).detach().requires_grad_())
        return (leaf[0], *given[1:]) if isinstance(given, tuple) else leaf[0]

    handle = blocks[-1].register_forward_hook(leave)
    try:
        with entering(blocks, note):
            loss = sample_loss(network, tokens)
    finally:
        handle.remove()
    upstream, = torch.autograd.grad(loss, leaf[0])
    return Entered(hidden, calls, float(loss.detach())), upstream


@torch.enable_grad()
def back_through(network: Any, layout: Layout, block: int, entered: Entered, upstream: Tensor, sums: InputSums,
                 take: Callable[[Matrix, Tensor], None]) -> Tensor:
    """One block of one sample again, with gradients. upstream: ∂loss/∂(its output); → ∂loss/∂(what entered it).

    Its matrices' gradients go to `take`, their inputs to `sums`.
    """
    matrices = layout.of_block(block)
    state = entered.hidden[block].detach().requires_grad_()
    with observing(network, matrices, sums), gradient_taps(network, matrices, take):
        replay(_blocks(network, layout)[block], state, entered.calls[block]).backward(upstream)
    assert state.grad is not None
    return state.grad
