"""The next tokens of several answers of one model, computed in one pass: thirty answers take little longer than one.

Answers meet here token by token. One that is alone takes the way of a single answer, bit for bit. Of several, the pass
differs from single ones in the last digits, so that a token which is decided by less than NEAR is to be computed again
alone (`generate.stream` does): every answer is the one that its model gives without company. Some families cannot share
a pass; a trial with each network's first two answers finds out. Independent of masks and of the page.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Event, Lock, Semaphore
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..base.lazy import torch, transformers
from ..model.models import Model

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import Cache

STEPS_AT_ONCE = 2
"""How many passes are computed at the same time; more threads only compete for the interpreter. Measured on two cores:
sixty answers of 64 tokens for thirty visitors took 13 to 16 s without this limit and 4 to 6 s with it."""
TURN = Semaphore(STEPS_AT_ONCE)
PATIENCE = 0.03
"""Seconds that a pass waits for the other answers of its model, each of which comes back with its next token."""
MOST_CACHE = 256 * 2**20
"""Bytes of keys and values in one pass: they are put side by side, so they are in memory twice for a moment."""
TOP = 5
"""How many of the likeliest tokens are told of each token."""
NEAR = 1e-4
"""A shared pass may change a logit by this part of the largest one. In the 33 of the tests' 51 families that share
passes it changed none by more than 5.1e-7 of it."""
FURTHER = 3
"""Tokens of padding in the trial beyond those that its answers need."""
STRETCHED = ("dynamic", "longrope")
"""In the kind of a rotary embedding: it depends on the longest answer of a pass."""


@torch.no_grad()
def next_alone(model: Model, given: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
    """Return the logits after these tokens, float32 (vocabulary,), and the grown cache. given: int64 (1, tokens)."""
    with TURN:
        return _alone(model, given, cache)


def _alone(model: Model, given: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
    out = model.network(given, past_key_values=cache, use_cache=True)
    return out.logits[0, -1].float().cpu(), out.past_key_values


@dataclass(frozen=True)
class Best:
    """The likeliest next tokens, the first one first: ids, logits, and probabilities."""

    tokens: list[int]
    logits: list[float]
    probabilities: list[float]
    largest: float
    """The largest logit's absolute value."""


@dataclass(eq=False)
class _Pass:
    """The cache of a shared pass: its rows end at the same place, and begin after so much padding."""

    cache: Cache
    padding: list[int]


@dataclass(frozen=True, eq=False)
class Seat:
    """One answer's row in a pass; its cache there."""

    owner: _Pass
    row: int

    def get_seq_length(self) -> int:
        """Return the number of its tokens."""
        return int(self.owner.cache.get_seq_length()) - self.owner.padding[self.row]

    def own_cache(self) -> Cache:
        """Return a cache of its own: views into the pass's, without the padding."""
        found, blank = transformers.DynamicCache(), self.owner.padding[self.row]
        for index, layer in enumerate(_layers(self.owner.cache)):
            found.update(layer.keys[self.row:self.row + 1, :, blank:], layer.values[self.row:self.row + 1, :, blank:],
                         index)
        return found


@dataclass(eq=False)
class _Request:
    """One answer's last token, int64 (1, 1), and its cache; then the logits that follow it, and the grown cache."""

    model: Model
    given: Tensor
    cache: Cache | Seat
    logits: Tensor | None = None
    best: Best | None = None
    """Of a shared pass."""
    error: BaseException | None = None
    leads: bool = False
    told: Event = field(default_factory=Event)

    @property
    def length(self) -> int:
        return int(self.cache.get_seq_length())

    @property
    def own_cache(self) -> Cache:
        return self.cache.own_cache() if isinstance(self.cache, Seat) else self.cache


class Company:
    """The answers of one network that are being written at this moment."""

    def __init__(self, shares: bool | None = None) -> None:
        self.lock = Lock()
        self.arrived = Condition(self.lock)
        self.waiting: list[_Request] = []
        self.present, self.led = 0, False
        self.shares = shares
        """Whether this network's answers can share a pass; None until two have met."""

    @contextmanager
    def joined(self) -> Iterator[None]:
        """While open, passes wait for this answer."""
        with self.lock:
            self.present += 1
        try:
            yield
        finally:
            with self.lock:
                self.present -= 1
                self.arrived.notify()

    def next(self, model: Model, given: Tensor, cache: Cache | Seat,
             alone: bool = False) -> tuple[Tensor, Cache | Seat, Best | None]:
        """Return the logits after this token, the grown cache, and the likeliest tokens if the pass was shared.

        given: int64 (1, 1). alone: share none.
        """
        own = _Request(model, given, cache)
        if alone or self.shares is False or not _can_be_shared(own):
            return (*next_alone(model, given, own.own_cache), None)
        with self.lock:
            self.waiting.append(own)
            own.leads, self.led = not self.led, True
            self.arrived.notify()
        if not own.leads:
            own.told.wait()
        if own.leads:
            self._lead(own)
        if own.error is not None:
            raise own.error
        assert own.logits is not None
        return own.logits, own.cache, own.best

    def _lead(self, own: _Request) -> None:
        """Compute the pass of all that wait, this one first, and hand the lead to one of those left over."""
        with self.lock:
            self.arrived.wait_for(lambda: self.shares is False or len(self.waiting) >= self.present, PATIENCE)
            batch = self._take(own)
        try:
            self._compute(batch)
        except BaseException as error:
            for one in batch:
                one.error = error
        finally:
            with self.lock:
                following = self.waiting[0] if self.waiting else None
                self.led = following is not None
            if following is not None:
                following.leads = True
                following.told.set()
            for one in batch:
                one.told.set()

    def _take(self, own: _Request) -> list[_Request]:
        """Return this request and as many others as fit into a pass."""
        self.waiting.remove(own)
        batch, longest, each = [own], own.length, _bytes_of_a_token(own)
        for one in list(self.waiting):
            longest = max(longest, one.length)
            if self.shares is not False and (len(batch) + 1) * each * longest <= MOST_CACHE:
                self.waiting.remove(one)
                batch.append(one)
        return batch

    @torch.no_grad()
    def _compute(self, batch: list[_Request]) -> None:
        with TURN:
            if len(batch) > 1 and self.shares is None:
                self.shares = _trial(batch[:2])
            if len(batch) > 1 and self.shares:
                try:
                    _share(batch)
                    return
                except Exception:  # such as too little memory for all of them: no answer may end because of another
                    self.shares = False
            for one in batch:
                one.logits, one.cache = _alone(one.model, one.given, one.own_cache)


_COMPANIES: WeakKeyDictionary[nn.Module, Company] = WeakKeyDictionary()
_LOCK = Lock()


def company_of(model: Model) -> Company:
    """Return the company that this model's answers keep."""
    with _LOCK:
        if model.network not in _COMPANIES:
            _COMPANIES[model.network] = Company(False if _depends_on_others(model) else None)
        return _COMPANIES[model.network]


def _depends_on_others(model: Model) -> bool:
    """Return whether a token can depend on the other answers of a pass: by the longest of them, or by a router's
    experts, since which tokens they get can change with the last digit."""
    kinds = [getattr(module, "rope_type", None) for module in model.network.modules()]
    named = " ".join(str(one) for one in kinds if one is not None)  # a name, or one for each kind of layer
    return model.layout.has_experts or any(one in named for one in STRETCHED)


def _can_be_shared(request: _Request) -> bool:
    """Return whether keys and values of all its tokens are kept, layer by layer."""
    if isinstance(request.cache, Seat):
        return True
    layers = _layers(request.cache)
    return (type(request.cache) is transformers.DynamicCache and bool(layers)
            and all(type(one) is transformers.cache_utils.DynamicLayer and one.is_initialized
                    and one.get_seq_length() == request.length for one in layers))


def _layers(cache: Cache) -> list[Any]:
    return list(cache.layers)


def _bytes_of_a_token(request: _Request) -> float:
    seats = isinstance(request.cache, Seat)
    layers = _layers(request.cache.owner.cache if isinstance(request.cache, Seat) else request.cache)
    held = sum(one.keys[:1].nbytes + one.values[:1].nbytes for one in layers)
    return held / max(1, layers[0].get_seq_length() if seats else request.length)


def _trial(pair: list[_Request]) -> bool:
    """Return whether two answers get the same logits in one pass as alone, up to a tenth of NEAR."""
    copies = [copy.deepcopy(one.own_cache) for one in pair]
    try:
        together, _ = _passed(pair, _joined(pair, FURTHER))
    except Exception:  # a network that takes no mask, or caches of another form
        return False
    alone = [_alone(one.model, one.given, cache)[0] for one, cache in zip(pair, copies, strict=True)]
    return all(bool((first - second).abs().max() <= 0.1 * NEAR * second.abs().max())
               for first, second in zip(together, alone, strict=True))


def _share(batch: list[_Request]) -> None:
    """Compute one pass in which all answers end at the same place, and give each its logits and its seat there."""
    batch.sort(key=lambda one: one.cache.row if isinstance(one.cache, Seat) else 0)
    logits, owner = _passed(batch, _kept(batch) or _joined(batch))
    chances, best = torch.softmax(logits, -1), logits.topk(min(TOP, logits.shape[1]))
    columns = zip(logits, best.indices.tolist(), best.values.tolist(), chances.gather(1, best.indices).tolist(),
                  logits.abs().amax(1).tolist(), strict=True)
    for row, (one, (own, *likeliest)) in enumerate(zip(batch, columns, strict=True)):
        one.logits, one.cache, one.best = own, Seat(owner, row), Best(*likeliest)


def _passed(batch: list[_Request], owner: _Pass) -> tuple[Tensor, _Pass]:
    """Return logits float32 (answers, vocabulary) on the CPU, and the pass with its grown cache.

    The padding is masked, and each token keeps its own position.
    """
    network, device, padding = batch[0].model.network, batch[0].given.device, owner.padding
    long = int(owner.cache.get_seq_length())
    mask = torch.arange(long + 1, device=device)[None] >= torch.tensor(padding, device=device)[:, None]
    positions = {"position_ids": long - torch.tensor(padding, device=device)[:, None]}
    takes = inspect.signature(network.forward).parameters
    try:
        out = network(torch.cat([one.given for one in batch]), past_key_values=owner.cache, use_cache=True,
                      attention_mask=mask.long(), **{name: value for name, value in positions.items() if name in takes})
    except BaseException:  # the layers that were done have grown: as before, so that each can go on alone
        for layer in _layers(owner.cache):
            layer.keys, layer.values = layer.keys[:, :, :long], layer.values[:, :, :long]
        raise
    return out.logits[:, -1].float().cpu(), _Pass(out.past_key_values, padding)


def _kept(batch: list[_Request]) -> _Pass | None:
    """Return the pass before if exactly its answers meet again, so that nothing needs to be put together."""
    owners = [one.cache.owner if isinstance(one.cache, Seat) else None for one in batch]
    first = owners[0]
    same = first is not None and all(one is first for one in owners) and len(batch) == len(first.padding)
    return first if same else None


def _joined(batch: list[_Request], further: int = 0) -> _Pass:
    """Return a pass of these answers. The shorter ones are padded on the left; their own caches stay as they are."""
    lengths = [one.length for one in batch]
    padding = [max(lengths) + further - length for length in lengths]
    found = transformers.DynamicCache()
    for index, layers in enumerate(zip(*(_layers(one.own_cache) for one in batch), strict=True)):
        found.update(_padded([one.keys for one in layers], padding), _padded([one.values for one in layers], padding),
                     index)
    return _Pass(found, padding)


def _padded(parts: list[Tensor], padding: list[int]) -> Tensor:
    """Return keys or values, each (1, heads, length, size), as (answers, heads, longest, size): zeros on the left."""
    _, heads, length, size = parts[0].shape
    made = parts[0].new_zeros(len(parts), heads, length + padding[0], size)
    for row, (part, blank) in enumerate(zip(parts, padding, strict=True)):
        made[row, :, blank:] = part[0]
    return made
