"""Record how each block of a network is called on a sample, and repeat the call with another hidden state.

Independent of gradients, scores and masks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..base.lazy import nn, pytree, torch

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = "hidden_states"
Output: TypeAlias = "Tensor | tuple[Any, ...]"
"""What a block returns: its hidden state, or a tuple that begins with it."""


Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments of a block's call: whatever its family passes on."""
Hook = Callable[["nn.Module", tuple[Any, ...], dict[str, Any]], Arguments | None]
"""torch's hook before a forward pass; None leaves the arguments as they are."""


@dataclass(frozen=True, eq=False)
class Call:
    """Arguments of one block's call on one sample, without the hidden state. named: that was a keyword argument."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    named: bool

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Call]:
        """Return the hidden state, and a Call with the other arguments."""
        if args:
            return args[0], cls(args[1:], kwargs, False)
        return kwargs[HIDDEN], cls((), {name: value for name, value in kwargs.items() if name != HIDDEN}, True)

    def with_hidden(self, hidden: Tensor) -> Arguments:
        """Return (args, kwargs) of the same call with another hidden state."""
        return ((), {HIDDEN: hidden, **self.kwargs}) if self.named else ((hidden, *self.args), self.kwargs)


def output(given: Output) -> Tensor:
    """Return the hidden state from a block's output, which is a tensor or a tuple that begins with it."""
    return given[0] if isinstance(given, tuple) else given


def replay(block: nn.Module, hidden: Tensor, call: Call) -> Tensor:
    """Run one block on another hidden state and return its output, (samples, length, hidden) in and out."""
    args, kwargs = call.with_hidden(hidden)
    return output(block(*args, **kwargs))


@contextmanager
def watching_calls(blocks: Sequence[nn.Module], note: Callable[[int, Tensor, Call], Tensor | None]) -> Iterator[None]:
    """While open, call `note` before each block with (index of the block, hidden state, call).

    It may return another hidden state to continue with, or raise to end the forward pass.
    """
    def watch(index: int) -> Hook:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments | None:
            hidden, call = Call.of(args, kwargs)
            other = note(index, hidden, call)
            return None if other is None else call.with_hidden(other)
        return hook

    handles = [block.register_forward_pre_hook(watch(index), with_kwargs=True) for index, block in enumerate(blocks)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def skipping_blocks(blocks: Sequence[nn.Module], outputs: Sequence[Output],
                    last: Tensor | None = None) -> Iterator[None]:
    """While open, no block runs: each returns its input hidden state, and the last one `last` if that is given.

    outputs: an earlier output of each block; if it is a tuple, its other elements are returned too.
    """
    def passes(given: Output, instead: Tensor | None) -> Callable[..., Output]:
        def forward(*args: Any, **kwargs: Any) -> Output:
            hidden = Call.of(args, kwargs)[0] if instead is None else instead
            return (hidden, *given[1:]) if isinstance(given, tuple) else hidden
        return forward

    own = [block.__dict__.get("forward") for block in blocks]
    for block, given in zip(blocks, outputs, strict=True):
        block.forward = passes(given, last if block is blocks[-1] else None)
    try:
        yield
    finally:
        for block, forward in zip(blocks, own, strict=True):
            del block.forward
            if forward is not None:
                block.forward = forward


class _LastBlockReached(Exception):  # noqa: N818
    """Raised to end a forward pass at the last block: the head's logits are not needed."""


@torch.no_grad()
def record_calls(network: nn.Module, blocks: Sequence[nn.Module], outputs: Sequence[Output],
                 tokens: Tensor) -> tuple[Tensor, list[Call]]:
    """Return the first block's input, (samples, length, hidden), and the Call of each block. tokens (samples, length).

    No block is run: if blocks pass on only their hidden state, the other arguments do not depend on it.
    """
    entered: list[Tensor] = []
    calls: list[Call] = []

    def note(index: int, hidden: Tensor, call: Call) -> None:
        if not index:
            entered.append(hidden)
        calls.append(call)
        if index == len(blocks) - 1:
            raise _LastBlockReached

    with skipping_blocks(blocks, outputs), watching_calls(blocks, note), suppress(_LastBlockReached):
        network(tokens, use_cache=False)
    return entered[0], calls


@torch.no_grad()
def calls_are_stable(network: nn.Module, blocks: Sequence[nn.Module], outputs: Sequence[Output],
                     tokens: Tensor) -> bool:
    """Return whether running the blocks gives the same calls as `record_calls`. One forward pass, without the head."""
    told = record_calls(network, blocks, outputs, tokens)[1]
    same: list[bool] = []

    def note(index: int, hidden: Tensor, call: Call) -> None:
        one, other = (pytree.tree_leaves((given.args, given.kwargs)) for given in (call, told[index]))
        same.append(len(one) == len(other) and all(
            not isinstance(mine, torch.Tensor) or torch.equal(mine, its) for mine, its in zip(one, other, strict=True)))
        if index == len(blocks) - 1:
            raise _LastBlockReached

    with watching_calls(blocks, note), suppress(_LastBlockReached):
        network(tokens, use_cache=False)
    return all(same)


class CallInterner:
    """Makes equal tensors in several calls one object: samples of equal length mostly share masks and positions."""

    MOST = 4
    """Tensors to compare with, per place and shape; arguments that depend on the tokens differ in every sample."""

    def __init__(self) -> None:
        self._known: dict[Hashable, list[Tensor]] = {}

    def intern(self, calls: list[Call]) -> list[Call]:
        """Return the same calls, with each tensor replaced by an equal one of an earlier sample, if there is one."""
        done: dict[int, tuple[Tensor, Tensor]] = {}

        def one(value: object) -> object:
            if not isinstance(value, torch.Tensor):
                return value
            if id(value) not in done:
                done[id(value)] = value, self._intern_tensor(value, len(done))
            return done[id(value)][1]

        return [Call(pytree.tree_map(one, call.args), pytree.tree_map(one, call.kwargs), call.named)
                for call in calls]

    def _intern_tensor(self, value: Tensor, place: int) -> Tensor:
        known = self._known.setdefault((place, value.shape, value.dtype), [])
        same = next((other for other in known if torch.equal(other, value)), None)
        if same is not None:
            return same
        if len(known) < self.MOST:
            known.append(value)
        return value
