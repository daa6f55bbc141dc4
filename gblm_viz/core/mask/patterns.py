"""Patterns: which weights are removed, given their scores. A pattern does not use weights, models or methods.

Ties are broken by a stable sort: the leftmost, then the uppermost, is removed first. True = removed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, TypeAlias

from ..base.errors import SettingError
from ..base.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "np.ndarray[Any, Any]"
AT_A_TIME = 1 << 19
"""Scores processed at once on the CPU: 2 MB, about the size of a processor's second-level cache."""
WIDE, SAMPLED = 4096, 16
"""Rows at least WIDE long are sampled before the selection, one score in SAMPLED."""
NARROW = 8
"""Groups up to this width are ranked by comparing every pair."""
"""Dtypes that numpy has too; narrower floats are converted to float32 exactly."""
GROUPS = ("row", "matrix", "global", "authors")


def checked_sparsity(sparsity: object) -> float:
    """Return a share in [0, 1). Raises SettingError otherwise."""
    if not isinstance(sparsity, str | SupportsFloat | SupportsIndex):
        raise SettingError("sparsity_not_number", given=sparsity)
    try:
        share = float(sparsity)
    except (TypeError, ValueError, OverflowError):
        raise SettingError("sparsity_not_number", given=sparsity) from None
    if not 0 <= share < 1:
        raise SettingError("sparsity_outside", given=sparsity)
    return share


def _lowest(score: Tensor, count: int) -> Tensor:
    """Return bool like `score`: the `count` lowest of each last-dimension row, leftmost first among equals.

    On the CPU a few rows are processed at a time, so that they stay in the cache, on as many threads as torch uses.
    """
    mask = torch.zeros(score.shape, dtype=torch.bool, device=score.device)
    if not count:
        return mask
    rows, chosen = score.detach().reshape(-1, score.shape[-1]), mask.view(-1, score.shape[-1])

    def choose(some: slice) -> None:
        chosen[some] = _lowest_selected(rows[some], count)

    if rows.device.type == "cpu":
        in_pieces(rows.shape, choose)
    else:
        choose(slice(None))
    return mask


def in_pieces(shape: tuple[int, ...], work: Callable[[slice], None]) -> None:
    """Call `work` on a few rows of (rows, columns) at a time: they stay in the cache, on as many threads as torch uses.

    Each piece uses one thread: torch's own threads would wait for each other at every step.
    """
    rows, columns = shape
    step = max(1, AT_A_TIME // columns)
    pieces = [slice(first, first + step) for first in range(0, rows, step)]
    if len(pieces) < 2:
        work(slice(None))
    else:
        with ThreadPoolExecutor(torch.get_num_threads(), initializer=partial(torch.set_num_threads, 1)) as pool:
            list(pool.map(work, pieces))


def _lowest_selected(score: Tensor, count: int) -> Tensor:
    """Do the same for (rows, columns) by selecting the `count`-th lowest; only rows with ties there are sorted.

    On the CPU numpy selects, with the processor's widest instructions: on 4096 × 11008 several times faster than
    torch's kthvalue or topk, many times faster than a stable sort (tests/benchmarks/live_ratio.py).
    """
    if score.device.type == "cpu":
        if score.shape[1] <= NARROW:
            return _lowest_ranked(score, count)
        numbers = _numbers(score)
        return _lowest_by_cut(score, numbers, count, _cut(numbers, count))
    mask = score <= score.kthvalue(count, dim=-1, keepdim=True).values
    return _break_ties(score, count, mask, mask.sum(-1))


def _numbers(score: Tensor) -> Array:
    return (score if score.dtype in {torch.float32, torch.float64} else score.float()).numpy()


def _lowest_ranked(score: Tensor, count: int) -> Tensor:
    """Do the same for narrow groups, (groups, m): a score is lowest if fewer than `count` others precede it.

    Every pair is compared, in all groups at once: for 2:4 on 4096 × 11008 a fifth of the time of selecting.
    """
    numbers = _numbers(score)
    if np.isnan(numbers.min(initial=0)):  # NaN compares False with everything, so counting would be wrong
        return _lowest_sorted(score, count)
    places = [np.ascontiguousarray(place) for place in numbers.T]
    before = [np.full(len(numbers), len(places) - 1 - place, np.uint8) for place in range(len(places))]
    for left, right in combinations(range(len(places)), 2):  # initially, all places to the right precede a place
        first = (places[left] <= places[right]).view(np.uint8)
        before[right] += first
        before[left] -= first
    mask = np.empty(numbers.shape, bool)
    for place, others in enumerate(before):
        mask[:, place] = others < count
    return torch.from_numpy(mask)


def _counted(mask: Array) -> Array:
    """Return int64 (rows,): how many of each row are True; counts eight bytes at once if the width allows it."""
    if mask.shape[1] % 8 or not mask.flags.c_contiguous:
        return np.count_nonzero(mask, axis=1)
    return np.bitwise_count(mask.view(np.uint64)).sum(axis=1, dtype=np.int64)


def _lowest_by_cut(score: Tensor, numbers: Array, count: int, cut: Array) -> Tensor:
    """Do the same with a known cut, (rows, 1). `numbers` is `score` as a numpy array."""
    lowest = numbers <= cut
    return _break_ties(score, count, torch.from_numpy(lowest), torch.from_numpy(_counted(lowest)))


def _break_ties(score: Tensor, count: int, mask: Tensor, taken: Tensor) -> Tensor:
    """Return the mask; rows with more or fewer than `count` (ties at the cut, a NaN cut) are sorted instead."""
    tied = taken != count
    if tied.any():
        mask[tied] = _lowest_sorted(score[tied], count)
    return mask


def _cut(numbers: Array, count: int, bounds: tuple[Array, Array] | None = None) -> Array:
    """Return (rows, 1): the `count`-th lowest of each row, count at least 1.

    Only values between two bounds, each (rows, 1), are sorted. Without given bounds they come from a sample; if the
    bounds are wrong for any row, all rows are selected from completely.
    """
    rows, columns = numbers.shape
    if not bounds and columns < WIDE:
        return _selected(numbers, count)
    low, high = bounds or _sampled(numbers, count)
    below = numbers < low
    between = below ^ (numbers <= high)
    rank, held = count - 1 - _counted(below), _counted(between)
    if ((rank < 0) | (rank >= held)).any():
        return _selected(numbers, count)
    ordered = np.full((rows, held.max()), np.inf, numbers.dtype)
    ordered[np.arange(held.max()) < held[:, None]] = numbers.reshape(-1)[np.flatnonzero(between)]
    ordered.sort(axis=-1)
    return np.take_along_axis(ordered, rank[:, None], axis=-1)


def _sampled(numbers: Array, count: int) -> tuple[Array, Array]:
    """Return two scores of each row, (rows, 1), between which its `count`-th lowest very likely lies: five standard
    deviations of its rank to either side."""
    sample = np.sort(numbers[:, ::SAMPLED], axis=-1)
    drawn, share = sample.shape[1], count / numbers.shape[1]
    spread = 5 * math.sqrt(drawn * share * (1 - share)) + 1
    return (sample[:, [max(0, int(drawn * share - spread))]],
            sample[:, [min(drawn - 1, math.ceil(drawn * share + spread))]])


def _selected(numbers: Array, count: int) -> Array:
    return np.partition(numbers, count - 1, axis=-1)[:, count - 1 : count]


def _lowest_sorted(score: Tensor, count: int) -> Tensor:
    """Do the same with a stable sort, which defines the order of ties."""
    order = torch.sort(score, dim=-1, stable=True).indices[..., :count]
    return torch.zeros(score.shape, dtype=torch.bool, device=score.device).scatter_(-1, order, True)


@dataclass(frozen=True)
class PerRow:
    """In each output row the int(in · sparsity) lowest: the paper's comparison group (VILA-Lab/GBLM-Pruner
    lib/prune.py:277,300)."""

    sparsity: float

    def remove(self, score: Tensor, name: str = "") -> Tensor:
        """Return the mask: (…, out, in) float -> bool, True = removed."""
        return _lowest(score, int(score.shape[-1] * self.sparsity))

    def cut(self, score: Tensor, bounds: tuple[Array, Array] | None = None) -> Array:
        """Return float32 (out, 1): the highest removed score of each row of (out, in), −∞ if none is removed.

        bounds: two arrays of that shape between which the cut should lie; it is found faster if they are right.
        """
        count = int(score.shape[-1] * self.sparsity)
        return _cut(score.numpy(), count, bounds) if count else np.full((len(score), 1), -np.inf, np.float32)

    def remove_to(self, score: Tensor, cut: Array) -> Tensor:
        """Return the same as `remove` for (out, in), from its known `cut`."""
        return _lowest_by_cut(score, score.numpy(), int(score.shape[-1] * self.sparsity), cut)


@dataclass(frozen=True)
class PerMatrix:
    """The int(out · in · sparsity) lowest of a matrix (of each expert), row-major."""

    sparsity: float

    def remove(self, score: Tensor, name: str = "") -> Tensor:
        """Return the mask: (…, out, in) float -> bool, True = removed."""
        flat = score.reshape(*score.shape[:-2], -1)
        return _lowest(flat, int(flat.shape[-1] * self.sparsity)).reshape(score.shape)


@dataclass(frozen=True)
class Authors:
    """The authors' magnitude threshold (VILA-Lab/GBLM-Pruner lib/prune.py:177), for magnitude only.

    Removes scores `<=` the sorted value at int(out · in · sparsity), so at least one too many.
    """

    sparsity: float

    def remove(self, score: Tensor, name: str = "") -> Tensor:
        """Return the mask: (…, out, in) float -> bool, True = removed."""
        if self.sparsity == 0:
            return torch.zeros(score.shape, dtype=torch.bool, device=score.device)
        flat = score.reshape(*score.shape[:-2], -1)
        threshold = flat.sort(dim=-1).values[..., int(flat.shape[-1] * self.sparsity), None]
        return (flat <= threshold).reshape(score.shape)


@dataclass(frozen=True)
class NofM:
    """The `n` lowest of every `m` neighbours along the input dimension. NVIDIA's 2:4 is NofM(2, 4)."""

    n: int
    m: int

    @property
    def sparsity(self) -> float:
        """The share that is removed: n / m."""
        return self.n / self.m

    def remove(self, score: Tensor, name: str = "") -> Tensor:
        """Return the mask: (…, out, in) float -> bool, True = removed."""
        columns = score.shape[-1]
        if columns % self.m:
            raise SettingError("width_not_divisible", n=self.n, m=self.m, matrix=name, columns=columns)
        groups = score.reshape(*score.shape[:-1], columns // self.m, self.m)
        return _lowest(groups, self.n).reshape(score.shape)


@dataclass(frozen=True)
class Global:
    """The int(total · sparsity) lowest of all matrices together, in the order given; dense order only.

    Uses a `GlobalCut`, which reads the matrices one at a time.
    """

    sparsity: float

    def cut(self, total: int) -> GlobalCut:
        """Return the cut to search for in matrices with `total` weights together."""
        return GlobalCut(int(total * self.sparsity))

    def remove_all(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return all masks: {name: (…, out, in) float32 or narrower} -> {name: bool}, True = removed."""
        cut = self.cut(sum(score.numel() for score in scores.values()))
        for _ in cut.search(scores.values):
            pass
        return {name: cut.remove(score) for name, score in scores.items()}


class GlobalCut:
    """The cut below which the `wanted` lowest scores of many matrices lie, found by reading one matrix at a time.

    A float's bits, mapped to an integer, sort like the floats. So each of `ROUNDS` rounds over all matrices counts the
    next 16 bits of the scores that are still undecided (`search`); then `remove` returns each matrix's mask, in the
    order in which ties are broken. Only 65,536 counts are stored.
    """

    DIGIT = 16
    ROUNDS = 32 // DIGIT

    def __init__(self, wanted: int) -> None:
        self.wanted, self.rounds = wanted, 0
        self.cut = 0
        self.left = wanted
        """How many of the scores at the cut, as far as it is known, are removed."""
        self.counts = np.zeros(1 << self.DIGIT, np.int64)

    def search(self, coming: Callable[[], Iterable[Tensor]]) -> Iterator[None]:
        """Run all rounds, yielding before each matrix. `coming` gives every matrix's scores, the same each time."""
        for _ in range(self.ROUNDS):
            for score in coming():
                yield
                self._count(score)
            self._narrow()

    def _count(self, score: Tensor) -> None:
        """Count one matrix's scores in this round."""
        rest = 32 - self.DIGIT * (self.rounds + 1)
        for keys in _ordered(score):
            digits = keys >> rest
            undecided = digits[digits >> self.DIGIT == self.cut] if self.rounds else digits
            self.counts += np.bincount(undecided & (1 << self.DIGIT) - 1, minlength=len(self.counts))

    def _narrow(self) -> None:
        """End a round: append the digit that contains the cut."""
        reached = np.cumsum(self.counts)
        digit = min(int(np.searchsorted(reached, self.left)), len(reached) - 1)
        self.left -= int(reached[digit] - self.counts[digit])
        self.cut = self.cut << self.DIGIT | digit
        self.rounds += 1
        self.counts[:] = 0

    def remove(self, score: Tensor, name: str = "") -> Tensor:
        """Return a mask: (…, out, in) float -> bool, True = removed. Call after all rounds, once a matrix, in order."""
        assert self.rounds == self.ROUNDS
        parts = []
        for keys in _ordered(score) if self.wanted else ():
            mask, tied = keys < self.cut, np.flatnonzero(keys == self.cut)[: self.left]
            mask[tied] = True
            self.left -= len(tied)
            parts.append(mask)
        flat = np.concatenate(parts) if parts else np.zeros(score.numel(), bool)
        return torch.from_numpy(flat).reshape(score.shape).to(score.device)


def _ordered(score: Tensor) -> Iterator[Array]:
    """Yield int64 pieces, row-major: integers from 0 to 2³² that sort like the scores; −0 counts as 0."""
    flat = score.detach().reshape(-1).cpu().float().numpy()
    for first in range(0, len(flat), AT_A_TIME):
        bits = (flat[first : first + AT_A_TIME] + np.float32(0)).view(np.int32).astype(np.int64)
        yield np.where(bits < 0, -1 - (bits & 0x7FFFFFFF), bits) + (1 << 31)


LocalPattern = PerRow | PerMatrix | Authors | NofM
Pattern = LocalPattern | Global
_BY_GROUP: dict[str, type[PerRow] | type[PerMatrix] | type[Authors] | type[Global]] = {
    "row": PerRow, "matrix": PerMatrix, "global": Global, "authors": Authors}


def parse_pattern(text: str) -> NofM:
    """Parse `2:4` to NofM(2, 4). Raises SettingError for anything but n:m with 0 ≤ n < m."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*:\s*(\d{1,9})\s*", str(text))
    if not found:
        raise SettingError("pattern_unreadable", given=text)
    n, m = int(found[1]), int(found[2])
    if not 0 <= n < m:
        raise SettingError("pattern_impossible", given=text)
    return NofM(n, m)


def make_pattern(group: str, sparsity: object, pattern: str | None = None) -> Pattern:
    """Return the pattern of these settings: N:M if `pattern` is given, else the group with its sparsity."""
    if pattern:
        return parse_pattern(pattern)
    if group not in GROUPS:
        raise SettingError("group_unknown", given=group, known=", ".join(GROUPS))
    return _BY_GROUP[group](checked_sparsity(sparsity))


def label(pattern: Pattern) -> str:
    """Return a short machine-readable name: `row 0.5`, `2:4`."""
    if isinstance(pattern, NofM):
        return f"{pattern.n}:{pattern.m}"
    group = next(group for group, kind in _BY_GROUP.items() if isinstance(pattern, kind))
    return f"{group} {pattern.sparsity:g}"


def shuffled(mask: Tensor, pattern: Pattern, seed: int = 0) -> Tensor:
    """Return the null model of every structure score: the mask permuted inside each comparison group, seeded.

    bool (out, in) -> bool (out, in) with the same number removed in every group.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    shape = mask.shape
    if isinstance(pattern, NofM):
        grouped = mask.reshape(-1, pattern.m)
    elif isinstance(pattern, PerRow):
        grouped = mask.reshape(-1, shape[-1])
    else:
        grouped = mask.reshape(1, -1)
    noise = torch.rand(grouped.shape, generator=generator).to(mask.device)
    return grouped.gather(-1, noise.argsort(dim=-1)).reshape(shape)
