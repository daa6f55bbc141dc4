"""Explain one weight: its rank among those it competes with, each method's verdict, and what its removal costs.

The cost is predicted from the gradient sums, or measured in a private float64 copy, for a weight, a row, a column or a
head. Everything here uses the dense order. Independent of charts and screens.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ..base.errors import GblmError, PlaceError, TextError
from ..base.job import Job, Step
from ..base.lazy import FunctionMode, torch
from ..mask.patterns import Authors, Global, LocalPattern, NofM, Pattern, PerMatrix, PerRow
from ..mask.prune import Masks
from ..mask.settings import Settings, preview_settings
from ..model.matrices import Matrix, check_place, parameters
from ..model.models import Model, private_copy
from ..model.replay import Output
from ..model.tokenizer import encode
from ..score.alpha import Alpha
from ..score.methods import METHODS
from ..score.scores import dense_scores
from ..sums.statistics import NORMS, Statistics
from ..talk.generate import prompt_tokens
from ..text.calibration import CalibrationSet
from ..text.tokens import end_token

if TYPE_CHECKING:
    from torch import Tensor

JUDGES = ("magnitude", "wanda", "gradient", "gblm")
"""The methods whose verdicts are compared."""
LARGEST = 50_000_000
"""Number of parameters above which single weights are not measured: a float64 pass takes seconds there, and one of so
many weights changes the loss by too little to be useful. Rows, columns and heads are still measured."""


# What is zeroed

@dataclass(frozen=True)
class Target:
    """The part set to zero alone: kind `weight` (row, column), `row`, `column` or `head`, of one matrix or expert.

    A head is a set of rows of q, k, v or a fused qkv (there each query, key and value head is numbered separately, in
    the order the module stores them), or a set of columns of o.
    """

    name: str
    kind: str
    row: int = -1
    column: int = -1
    head: int = -1
    expert: int = 0


Index = tuple[int | slice, ...]
_NAMED = {"weight": ("row", "column"), "row": ("row",), "column": ("column",), "head": ("head",)}
"""Kind → the fields that locate a target of this kind."""


def heads(model: Model, matrix: Matrix) -> int:
    """Return the number of attention heads along a matrix's rows or (role o) columns; 0 if it has none."""
    lengths = {"o": matrix.columns} | dict.fromkeys(("q", "k", "v", "qkv"), matrix.rows)
    length = lengths.get(matrix.role, 0)
    return length // model.head_size if model.head_size and length % model.head_size == 0 else 0


def _index(model: Model, target: Target) -> Index:
    """Return the target's index into its matrix, (out, in) or (experts, out, in). Raises PlaceError if outside."""
    matrix = model.layout.named(target.name)
    most = {"row": matrix.rows, "column": matrix.columns, "head": heads(model, matrix),
            "expert": max(1, matrix.experts)}
    if target.kind not in tuple(_NAMED):
        raise PlaceError("no_such_place", matrix=matrix.name, what="kind", given=target.kind, wanted=" | ".join(_NAMED))
    for number in (*_NAMED[target.kind], "expert"):
        check_place(matrix, number, getattr(target, number), most[number])
    start = target.head * model.head_size if target.kind == "head" else 0
    every, span = slice(None), slice(start, start + model.head_size)
    inside: dict[str, Index] = {
        "weight": (target.row, target.column), "row": (target.row, every), "column": (every, target.column),
        "head": (every, span) if matrix.role == "o" else (span, every)}
    return (target.expert, *inside[target.kind]) if matrix.experts else inside[target.kind]


# How a weight ranks

@dataclass(frozen=True)
class Verdict:
    """A method's decision at the same pattern: `rank` weights of the group go before it, `cut` are removed."""

    method: str
    removed: bool
    rank: int
    group_size: int
    cut: int


@dataclass(frozen=True)
class WeightReport:
    """One weight and its rank, in plain numbers; nan marks what does not apply or was not kept.

    Of the `group_size` weights it competes with, `rank` are removed before it (lower score first, ties by position) and
    `cut` in all: the largest removed score is `cut_low`, the smallest kept `cut_high`. `group`: row, matrix, global,
    authors or n:m. `fallback`: the simpler rule that scored it (prune.Fallback), or empty; with a fallback, the parts
    that the rule does not use are nan. `goes_from`: the smallest sparsity at which this pattern removes it; nan if none
    does, and for n:m. `saved_by`: the methods that decide the opposite. `predicted`: predicted_change of this weight.
    """

    weight: float
    input_norm: float
    gradient_norm: float
    alpha: float
    activation_part: float
    gradient_part: float
    score: float
    fallback: str
    removed: bool
    rank: int
    group: str
    group_size: int
    cut: int
    cut_low: float
    cut_high: float
    goes_from: float
    verdicts: tuple[Verdict, ...]
    saved_by: tuple[str, ...]
    predicted: float


@torch.no_grad()
def explain(model: Model, statistics: Statistics | None, settings: Settings, masks: Masks, name: str, row: int,
            column: int, expert: int = 0) -> WeightReport:
    """Return the report of one weight under `settings`, always in the dense order.

    `masks` are those made with the settings; using their α avoids bisecting for it again. x and g (the settings' norm)
    are given wherever the statistics contain them, the two parts only if the method adds them up. A method that the
    statistics or the group do not allow has no verdict. Raises PlaceError for a weight that does not exist.
    """
    settings = preview_settings(settings).check()
    if "alpha" in settings.knobs and masks.alpha is not None:
        settings = replace(settings, alpha=Alpha("number", masks.alpha))
    target = Target(name, "weight", row, column, expert=expert)
    index = _index(model, target)
    standing = _rank_in_group(model, statistics, settings, target)
    verdict = standing.verdict(settings.method)
    verdicts = tuple(found for method in JUDGES
                     if (found := verdict if method == settings.method else _verdict_of(
                         model, statistics, settings, target, method)) is not None)
    weight = float(parameters(model.network, model.layout)[name][index])
    inputs = gradient = math.nan
    if statistics is not None:
        inputs = float(statistics.input_norm(name)[(*index[:-2], column)])
        if NORMS[settings.norm] in statistics.keep:
            gradient = float(statistics.gradient_norm(name, settings.norm)[index])
    added = METHODS[settings.method].terms - _LEFT_OUT[standing.fallback]
    scale = standing.alpha if "alpha" in settings.knobs else 1.0
    cut_low, cut_high = standing.edges()
    return WeightReport(
        weight=weight, input_norm=inputs, gradient_norm=gradient, alpha=standing.alpha,
        activation_part=abs(weight) * inputs if "inputs" in added else math.nan,
        gradient_part=abs(weight) * scale * gradient if "gradients" in added else math.nan,
        score=standing.score, fallback=standing.fallback, removed=verdict.removed, rank=verdict.rank,
        group=_GROUPS[type(standing.pattern)], group_size=verdict.group_size, cut=verdict.cut, cut_low=cut_low,
        cut_high=cut_high, goes_from=standing.goes_from(), verdicts=verdicts,
        saved_by=tuple(other.method for other in verdicts if other.removed != verdict.removed),
        predicted=predicted_change(model, statistics, target))


_LEFT_OUT = {"": set(), "|W|": {"inputs", "gradients"}, "|W| · x": {"gradients"}}
"""The rule a score fell back to → the terms of the method that this rule leaves out."""
_GROUPS: dict[type[Pattern], str] = {PerRow: "row", PerMatrix: "matrix", Global: "global", Authors: "authors",
                                     NofM: "n:m"}


@dataclass(frozen=True, eq=False)
class _GroupRank:
    """The scores a weight competes with: `line` (group size,), in the order in which ties go; its own at `place`."""

    line: Tensor
    place: int
    pattern: Pattern
    alpha: float
    fallback: str

    @property
    def score(self) -> float:
        return float(self.line[self.place])

    @property
    def rank(self) -> int:
        own = self.line[self.place]
        return int((self.line < own).sum()) + int((self.line[: self.place] == own).sum())

    @property
    def cut(self) -> int:
        """Number of removed weights in the group; counted, since sorting a whole model for one weight takes seconds."""
        if isinstance(self.pattern, NofM):
            return self.pattern.n
        count = int(len(self.line) * self.pattern.sparsity)
        if isinstance(self.pattern, Authors):
            return int((self.line <= self.line.kthvalue(count + 1).values).sum()) if self.pattern.sparsity else 0
        return count

    def edges(self) -> tuple[float, float]:
        """Return the largest removed and the smallest kept score; nan where there is none."""
        cut = self.cut
        return (float(self.line.kthvalue(cut).values) if cut else math.nan,
                float(self.line.kthvalue(cut + 1).values) if cut < len(self.line) else math.nan)

    def goes_from(self) -> float:
        if isinstance(self.pattern, NofM):
            return math.nan
        if isinstance(self.pattern, Authors):  # all ties are removed together, once the threshold reaches them
            return _smallest_share(len(self.line), int((self.line < self.line[self.place]).sum()))
        return _smallest_share(len(self.line), self.rank + 1)

    def verdict(self, method: str) -> Verdict:
        rank, cut = self.rank, self.cut
        return Verdict(method, rank < cut, rank, len(self.line), cut)


def _smallest_share(size: int, count: int) -> float:
    """Return the smallest float s in (0, 1) with int(size · s) ≥ count; nan if only s = 1 satisfies this."""
    if count == 0:
        return math.ulp(0.0)
    share = count / size
    while int(size * share) < count:
        share = math.nextafter(share, 1.0)
    while int(size * (lower := math.nextafter(share, 0.0))) >= count:
        share = lower
    return share if share < 1 else math.nan


def _rank_in_group(model: Model, statistics: Statistics | None, settings: Settings, target: Target) -> _GroupRank:
    method, pattern = settings.make_method(statistics), settings.make_pattern()
    matrix, weights = model.layout.named(target.name), parameters(model.network, model.layout)

    def scored(one: Matrix) -> tuple[Tensor, str]:
        scores, fallbacks = dense_scores(model, statistics, method, one, weights[one.name].cpu())
        return scores, next((found.rule for found in fallbacks if found.expert in {None, target.expert}), "")

    scores, fallback = scored(matrix)
    if isinstance(pattern, Global):
        line, place = _whole_model(model, target, lambda one: scores if one is matrix else scored(one)[0])
    else:
        line, place = _group_scores(pattern, scores[target.expert] if matrix.experts else scores, target)
    return _GroupRank(line, place, pattern, getattr(method, "alpha", math.nan), fallback)


def _group_scores(pattern: LocalPattern, scores: Tensor, target: Target) -> tuple[Tensor, int]:
    """Return the scores of the target's group and its position among them, from scores (out, in)."""
    if isinstance(pattern, PerRow):
        return scores[target.row], target.column
    if isinstance(pattern, NofM):
        place = target.column % pattern.m
        return scores[target.row, target.column - place :][: pattern.m], place
    return scores.reshape(-1), target.row * scores.shape[-1] + target.column


def _whole_model(model: Model, target: Target, scored: Callable[[Matrix], Tensor]) -> tuple[Tensor, int]:
    """Return all scores in the network's order, and the target's position among them."""
    own = model.layout.named(target.name)
    before = sum(matrix.weights for matrix in takewhile(lambda matrix: matrix is not own, model.layout.matrices))
    place = before + (target.expert * own.rows + target.row) * own.columns + target.column
    return torch.cat([scored(matrix).reshape(-1) for matrix in model.layout.matrices]), place


def _verdict_of(model: Model, statistics: Statistics | None, settings: Settings, target: Target,
                method: str) -> Verdict | None:
    """Return another method's verdict at the same pattern and norm; None if statistics or group do not allow it."""
    other = settings.of_method(method)
    if other.needs and statistics is None:
        return None
    with suppress(GblmError):
        return _rank_in_group(model, statistics, other.check(), target).verdict(method)
    return None


# What its removal costs

@torch.no_grad()
def predicted_change(model: Model, statistics: Statistics | None, target: Target) -> float:
    """Return the first-order change of the mean loss if the target is zeroed: −Σ W·gradient_sum/N, nats per token.

    The change is signed; nan if the signed sums were not kept.
    """
    index = _index(model, target)
    if statistics is None or "sum" not in statistics.keep:
        return math.nan
    weight = parameters(model.network, model.layout)[target.name][index].cpu().double()
    gradient = statistics.sums[target.name].gradients["sum"][index].double()
    return 0.0 - float((weight * gradient).sum()) / statistics.count


def too_large(model: Model) -> bool:
    """Return whether the model is too large to measure single weights (see LARGEST)."""
    return model.parameters > LARGEST


def scatter_targets(model: Model, statistics: Statistics, count: int, seed: int,
                    name: str | None = None) -> tuple[Target, ...]:
    """Return `count` different weights (or all, if fewer), drawn uniformly by `seed` from all matrices or one.

    They are in the network's order. Weights whose gradient sum is 0 (of experts that no token visited) are left out:
    their change is 0, predicted and measured.
    """
    matrices = [matrix for matrix in model.layout.matrices if name in {None, matrix.name}]
    reached = [next(iter(statistics.sums[matrix.name].gradients.values())) != 0 for matrix in matrices]
    total = sum(int(one.sum()) for one in reached)
    chosen = sorted(random.Random(seed).sample(range(total), min(count, total)))
    targets: list[Target] = []
    start = 0
    for matrix, one in zip(matrices, reached, strict=True):
        places = one.nonzero()
        for index in chosen[len(targets):]:
            if index >= start + len(places):
                break
            *expert, row, column = places[index - start].tolist()
            targets.append(Target(matrix.name, "weight", row, column, expert=expert[0] if expert else 0))
        start += len(places)
    return tuple(targets)


@torch.no_grad()
def measured_changes(model: Model, samples: CalibrationSet, targets: tuple[Target, ...]) -> Job[tuple[float, ...]]:
    """Return each target's effect when zeroed alone: the change of the mean over samples of the mean cross-entropy.

    Next-token cross-entropy in nats per token, computed from the stored weights in float64 throughout (_InDoubles).
    Rounding changes a difference by at most 3e-14 in tiny networks of 48 families, 5e-15 in the pocket model; with
    transformers' own casts to float32, a float64 copy's differences change by up to 8e-8. Typical changes are 5e-7.
    Needs 8 bytes per parameter and one sample's block outputs. Steps count target × sample.
    """
    total = len(targets) * samples.count
    yield Step(0, total, "sample")
    copy = _DoubleCopy(model, targets)
    changes: list[list[float]] = [[] for _ in targets]
    for sample in range(samples.count):
        tokens = samples.sample(sample).to(model.device)
        before = _loss(copy.dense(tokens), tokens)
        for number, target in enumerate(targets):
            changes[number].append(_loss(copy.without(target), tokens) - before)
            yield Step(sample * len(targets) + number + 1, total, "sample")
    return tuple(math.fsum(found) / samples.count for found in changes)


@dataclass(frozen=True)
class AnswerChange:
    """Log probabilities (natural) of an answer with its end of turn, before and after zeroing a target."""

    before: float
    after: float


@torch.no_grad()
def answer_changes(model: Model, prompt: str, answer: str,
                   targets: tuple[Target, ...]) -> Job[tuple[AnswerChange, ...]]:
    """Return, for each target, the log probability of `answer` after `prompt` before and after zeroing it alone.

    In float64 like measured_changes. A prompt that is too long loses its beginning, as in the chat. Steps count
    targets. Raises TextError for an empty prompt, or an answer as long as the model's longest input.
    """
    said = [*encode(model.tokenizer, answer, add_special_tokens=False), end_token(model)]
    if model.longest is not None and len(said) >= model.longest:
        raise TextError("length_too_large", length=len(said) + 1, longest=model.longest)
    asked = prompt_tokens(model, [{"role": "user", "content": prompt}], room=len(said)).tokens
    yield Step(0, len(targets), "sample")
    tokens, wanted = (torch.tensor(given, device=model.device) for given in (asked + said[:-1], said))
    copy = _DoubleCopy(model, targets)
    before = _log_probability(copy.dense(tokens), wanted)
    changes = []
    for done, target in enumerate(targets, start=1):
        changes.append(AnswerChange(before, _log_probability(copy.without(target), wanted)))
        yield Step(done, len(targets), "sample")
    return tuple(changes)


def _loss(logits: Tensor, tokens: Tensor) -> float:
    """Return the mean loss of the length − 1 predictions, from logits (length, vocabulary) and tokens (length,)."""
    return -_log_probability(logits[:-1], tokens[1:]) / (len(tokens) - 1)


def _log_probability(logits: Tensor, wanted: Tensor) -> float:
    """Return the log probability of `wanted`, int64 (count,), under the last `count` predictions of the logits."""
    return float(torch.log_softmax(logits[-len(wanted):], -1).gather(-1, wanted[:, None]).sum())


class _DoubleCopy:
    """A private float64 copy that runs one text, unchanged or with one target set to zero.

    Blocks before the target's return their cached output of the dense run, so that only the rest is computed.
    """

    def __init__(self, model: Model, targets: tuple[Target, ...]) -> None:
        self.network = private_copy(model.network).double()
        modules = dict(self.network.named_modules())
        self.blocks = [modules[path] for path in model.layout.blocks]
        weights = parameters(self.network, model.layout)
        self.parts = {target: weights[target.name][index] for target in targets for index in (_index(model, target),)}
        self.first = {target: model.layout.named(target.name).block for target in targets}
        self.tokens = torch.empty(0)
        self.said: list[Output] = []

    def dense(self, tokens: Tensor) -> Tensor:
        """Return logits float64 (length, vocabulary) of tokens int64 (length,), and use this text in `without`."""
        self.tokens, self.said = tokens[None], []
        handles = [block.register_forward_hook(lambda block, args, output: self.said.append(output))
                   for block in self.blocks]
        try:
            return self._logits()
        finally:
            for handle in handles:
                handle.remove()

    def without(self, target: Target) -> Tensor:
        """Return the logits of the same text with the target set to zero; restores the weights afterwards."""
        part, skipped = self.parts[target], self.blocks[: self.first[target]]
        kept = part.clone()
        part.zero_()
        for block, output in zip(skipped, self.said, strict=False):
            block.forward = _returning(output)
        try:
            return self._logits()
        finally:
            part.copy_(kept)
            for block in skipped:
                del block.forward

    def _logits(self) -> Tensor:
        with _InDoubles():
            logits: Tensor = self.network(self.tokens, use_cache=False).logits[0]
        return logits


def _returning(output: Output) -> Callable[..., Output]:
    return lambda *args, **kwargs: output


class _InDoubles(FunctionMode):
    """Context manager that replaces casts to a narrower float by float64, on this thread.

    transformers computes norms, softmax and rotary angles in float32 whatever the weights' dtype, so a float64 copy
    alone is no more precise than that. Enter it around one forward pass, never around a `yield`.
    """

    def __torch_function__(self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        widened = {name: _widen(value) for name, value in (kwargs or {}).items()}
        if func is torch.full and any(isinstance(value, float) for value in (*args, *widened.values())):
            widened.setdefault("dtype", torch.float64)  # the default dtype cannot represent float64's minimum
        return _widening().get(func, func)(*map(_widen, args), **widened)


@cache
def _widening() -> dict[Callable[..., Any], Callable[..., Any]]:
    tensor = torch.Tensor
    return dict.fromkeys((tensor.float, tensor.half, tensor.bfloat16), tensor.double)


def _widen(value: object) -> object:
    narrow = isinstance(value, torch.dtype) and value in {torch.float32, torch.float16, torch.bfloat16}
    return torch.float64 if narrow else value
