"""Scores and a pattern → masks, in the two orders of fidelity.md; masks → a pruned copy.

The dense model is never touched. Knows nothing of texts beyond the samples, nor of files or screens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from . import alpha as alphas
from .alpha import Alpha
from .calibration import CalibrationSet
from .errors import ScoreError, SettingError, StatisticsError
from .job import Job, Step
from .matrices import Matrix, parameters
from .methods import (
    METHODS,
    NORMS_OF,
    PAPER_ALPHA,
    Gblm,
    Gradient,
    Magnitude,
    Method,
    Random,
    Wanda,
    norm_of,
)
from .models import Model, private_copy, with_weights
from .observe import InputSums, observing, refuse_unobserved
from .patterns import Global, NofM, Pattern, label, make_pattern
from .replay import Call, entering, replay
from .statistics import Statistics, input_norm, put_tensors

ORDERS = ("sequential", "dense")


@dataclass(frozen=True)
class Settings:
    """Everything a mask depends on besides the model and the statistics; the same names as the command line's flags."""

    method: str = "gblm"
    norm: str = "l1"
    alpha: Alpha = field(default_factory=lambda: Alpha("number", PAPER_ALPHA))
    group: str = "row"
    sparsity: float = 0.5
    pattern: str = ""
    order: str = "sequential"
    seed: int = 0

    def check(self) -> Settings:
        """Itself, or the sentence that says which two settings do not go together."""
        if self.method not in METHODS:
            raise SettingError("method_unknown", given=self.method, known=", ".join(METHODS))
        norms = NORMS_OF.get(self.method)
        if norms and self.norm not in norms:
            raise SettingError("norm_unknown", method=self.method, given=self.norm, known=", ".join(norms))
        if self.order not in ORDERS:
            raise SettingError("order_unknown", given=self.order, known=", ".join(ORDERS))
        if self.group == "authors" and self.method != "magnitude" and not self.pattern:
            raise SettingError("authors_group", method=self.method)
        if self.group == "global" and self.order == "sequential" and not self.pattern:
            raise SettingError("global_sequential")
        self.make_pattern()
        return self

    def make_pattern(self) -> Pattern:
        return make_pattern(self.group, self.sparsity, self.pattern)

    @property
    def scoring(self) -> Settings:
        """The same as far as scores depend on it: one for every sparsity, pattern, group and order."""
        return Settings(self.method, self.norm, self.alpha, order="dense", seed=self.seed)

    @property
    def needs(self) -> frozenset[str]:
        return METHODS[self.method].needs

    def make_method(self, statistics: Statistics | None) -> Method:
        """The method with its knobs set; α is turned into a number here, from the dense statistics."""
        if self.method == Gblm.name:
            assert statistics is not None
            return Gblm(self.norm, alphas.resolve(self.alpha, statistics, self.norm))
        return {"gradient": Gradient(self.norm), "random": Random(self.seed)}.get(self.method) or METHODS[self.method]()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"alpha": str(self.alpha)}


@dataclass(frozen=True)
class Fallback:
    """A matrix, or one expert of it, scored by a simpler rule: it saw no token, or only zero gradients came."""

    matrix: str
    expert: int | None
    reason: str
    rule: str


@dataclass(frozen=True, eq=False)
class Masks:
    """name → bool (out, in) or (experts, out, in), True = removed, with all that made them."""

    masks: dict[str, Tensor]
    settings: Settings
    alpha: float | None
    model_key: str
    calibration_key: str
    fallbacks: tuple[Fallback, ...]
    equal_rows: dict[str, int]
    """Matrices with rows whose scores are all equal (stable ties take their left columns) → how many such rows."""

    @property
    def removed(self) -> int:
        return sum(int(mask.sum()) for mask in self.masks.values())

    @property
    def prunable(self) -> int:
        return sum(mask.numel() for mask in self.masks.values())

    @property
    def sparsity(self) -> float:
        """The share really removed, of the prunable weights."""
        return self.removed / self.prunable


SIMPLER: dict[str, Method] = {kind.formula: kind() for kind in (Magnitude, Wanda)}
Scored = tuple[Tensor, tuple[Fallback, ...]]
"""A matrix's scores, float32 (out, in) or (experts, out, in), and what of them follows a simpler rule."""


def _require(model: Model, statistics: Statistics | None, settings: Settings) -> None:
    settings.check()
    if statistics is not None and statistics.model_key != model.key:
        raise StatisticsError("other_model", folder="–", found=statistics.model_name, wanted=model.name)
    if settings.needs and statistics is None:
        raise SettingError("needs_statistics", method=settings.method)
    pattern = settings.make_pattern()
    if isinstance(pattern, NofM):  # before the hour of work
        for matrix in model.layout.matrices:
            if matrix.columns % pattern.m:
                raise SettingError("width_not_divisible", n=pattern.n, m=pattern.m, matrix=matrix.name,
                                   columns=matrix.columns)


def score_matrix(matrix: Matrix, weight: Tensor, method: Method, inputs: Tensor | None, gradient: Tensor | None,
                 tokens: Tensor | None) -> Scored:
    """(scores, fallbacks) of one matrix. weight, gradient (out, in) or (experts, out, in).

    inputs (in,) or (experts, in); tokens int64 () or (experts,) or None. What received no token or only zero
    gradients is scored by |W| or |W|·x (fidelity.md, Which weights go) and listed. Raises ScoreError for a score that
    is not finite.
    """
    scores = method.score(weight, inputs, gradient, matrix.name)
    found = fallbacks_of(matrix, method, gradient, tokens)
    for one in found:
        here: Any = slice(None) if one.expert is None else one.expert
        scores[here] = SIMPLER[one.rule].score(weight[here], None if inputs is None else inputs[here], None,
                                               matrix.name)
    if not bool(torch.isfinite(scores).all()):
        raise ScoreError("score_not_finite", matrix=matrix.name, method=method.name)
    return scores, found


def fallbacks_of(matrix: Matrix, method: Method, gradient: Tensor | None,
                 tokens: Tensor | None) -> tuple[Fallback, ...]:
    """What of a matrix is scored by a simpler rule of `SIMPLER`."""
    found = []
    for expert in range(matrix.experts) if matrix.experts else (None,):
        here: Any = slice(None) if expert is None else expert
        unseen = bool(method.needs) and tokens is not None and int(tokens[here] if expert is not None else tokens) == 0
        flat = "gradients" in method.needs and gradient is not None and not bool(gradient[here].any())
        if unseen or (flat and "inputs" not in method.needs):
            found.append(Fallback(matrix.name, expert, "no_token" if unseen else "zero_gradient", Magnitude.formula))
        elif flat:
            found.append(Fallback(matrix.name, expert, "zero_gradient", Wanda.formula))
    return tuple(found)


def _equal_rows(scores: Tensor) -> int:
    return int((scores.amax(-1) == scores.amin(-1)).sum())


class _Collected:
    """Masks as they come, matrix by matrix."""

    def __init__(self) -> None:
        self.masks: dict[str, Tensor] = {}
        self.fallbacks: list[Fallback] = []
        self.equal_rows: dict[str, int] = {}

    def note(self, name: str, scores: Tensor, fallbacks: tuple[Fallback, ...]) -> None:
        self.fallbacks.extend(fallbacks)
        equal = _equal_rows(scores)
        if equal:
            self.equal_rows[name] = equal

    def finished(self, model: Model, statistics: Statistics | None, settings: Settings, method: Method) -> Masks:
        ordered = {matrix.name: self.masks[matrix.name] for matrix in model.layout.matrices}
        return Masks(ordered, settings, getattr(method, "alpha", None), model.key,
                     statistics.calibration.key if statistics and settings.needs else "", tuple(self.fallbacks),
                     self.equal_rows)


def dense_scores(model: Model, statistics: Statistics | None, method: Method, matrix: Matrix,
                 weight: Tensor) -> Scored:
    """One matrix's scores with all statistics taken from the dense model: what every preview shows."""
    inputs = statistics.input_norm(matrix.name) if statistics and "inputs" in method.needs else None
    norm = norm_of(method)
    gradient = statistics.gradient_norm(matrix.name, norm) if statistics and norm else None
    tokens = statistics.sums[matrix.name].tokens if statistics else None
    return score_matrix(matrix, weight, method, inputs, gradient, tokens)


def scores_of(model: Model, statistics: Statistics | None, settings: Settings, name: str) -> Tensor:
    """One matrix's scores under `settings` in the dense order: float32 (out, in) or (experts, out, in)."""
    weight = parameters(model.network, model.layout)[name].detach().cpu()
    return dense_scores(model, statistics, settings.make_method(statistics), model.layout.named(name), weight)[0]


@torch.no_grad()
def all_scores(model: Model, statistics: Statistics | None, settings: Settings) -> dict[str, Scored]:
    """Every matrix's scores in the dense order, to choose from again and again: 4 bytes a prunable weight."""
    _require(model, statistics, settings)
    method, weights = settings.make_method(statistics), parameters(model.network, model.layout)
    return {matrix.name: dense_scores(model, statistics, method, matrix, weights[matrix.name].cpu())
            for matrix in model.layout.matrices}


@torch.no_grad()
def dense_masks(model: Model, statistics: Statistics | None, settings: Settings,
                scored: Mapping[str, Scored] | None = None) -> Job[Masks]:
    """Masks in the dense order: all statistics from the dense model. Steps count matrices.

    scored: what `all_scores` gave for these settings, whatever their pattern; without it a matrix is scored when it
    comes, and its scores are gone with it.
    """
    _require(model, statistics, settings)
    method, pattern = settings.make_method(statistics), settings.make_pattern()
    weights = parameters(model.network, model.layout)
    collected = _Collected()
    together: dict[str, Tensor] = {}
    for done, matrix in enumerate(model.layout.matrices):
        yield Step(done, len(model.layout.matrices), "matrix")
        scores, fallbacks = scored[matrix.name] if scored else dense_scores(
            model, statistics, method, matrix, weights[matrix.name].cpu())
        collected.note(matrix.name, scores, fallbacks)
        if isinstance(pattern, Global):
            together[matrix.name] = scores
        else:
            collected.masks[matrix.name] = pattern.remove(scores, matrix.name)
    if isinstance(pattern, Global):
        collected.masks = pattern.remove_all(together)
    yield Step(len(model.layout.matrices), len(model.layout.matrices), "matrix")
    return collected.finished(model, statistics, settings, method)


class _LastBlockReached(Exception):  # noqa: N818
    """Ends a forward pass once the last block has been entered: the head's logits are not needed."""


@torch.no_grad()
def sequential_masks(model: Model, statistics: Statistics | None, settings: Settings) -> Job[Masks]:
    """Masks in the paper's order (lib/prune.py:246-308): inputs are measured behind the already pruned blocks.

    Gradients come from the dense model. Methods that need no inputs give the dense order's masks. Steps count blocks.
    """
    _require(model, statistics, settings)
    if "inputs" not in settings.needs:
        return (yield from dense_masks(model, statistics, settings))
    assert statistics is not None
    method, pattern = settings.make_method(statistics), settings.make_pattern()
    assert not isinstance(pattern, Global) or settings.pattern
    network = private_copy(model.network)
    stored = dict(network.named_parameters())
    modules = dict(network.named_modules())
    blocks = [modules[path] for path in model.layout.blocks]
    samples = statistics.calibration
    total = len(blocks) * samples.count
    hidden, calls = _first_inputs(network, blocks, samples, model)
    collected = _Collected()
    norm = norm_of(method)
    for index, block in enumerate(blocks):
        matrices = model.layout.of_block(index)
        sums = InputSums(matrices, model.device)
        for sample in range(samples.count):
            yield Step(index * samples.count + sample, total, "sample_block")
            with observing(network, matrices, sums):
                replay(block, hidden[sample], calls[sample][index])
        refuse_unobserved(matrices, sums)
        for matrix in matrices:
            weight = matrix.view(stored[matrix.name].detach())
            gradient = statistics.gradient_norm(matrix.name, norm).to(model.device) if norm else None
            inputs = input_norm(sums.squares[matrix.name], samples.count)
            scores, fallbacks = score_matrix(matrix, weight, method, inputs, gradient, sums.tokens[matrix.name])
            collected.note(matrix.name, scores, fallbacks)
            mask = pattern.remove(scores, matrix.name)  # type: ignore[union-attr]
            collected.masks[matrix.name] = mask.cpu()
            stored[matrix.name].data = matrix.view(weight.masked_fill(mask, 0)).contiguous()
        if index + 1 < len(blocks):
            for sample in range(samples.count):
                hidden[sample] = replay(block, hidden[sample], calls[sample][index])
    yield Step(total, total, "sample_block")
    return collected.finished(model, statistics, settings, method)


def _first_inputs(network: Any, blocks: list[Any], samples: CalibrationSet,
                  model: Model) -> tuple[list[Tensor], list[list[Call]]]:
    """Per sample: the first block's hidden state, and how every block is called."""
    hidden: list[Tensor] = []
    calls: list[list[Call]] = []

    def note(index: int, state: Tensor, call: Call) -> None:
        if index == 0:
            hidden.append(state)
            calls.append([])
        calls[-1].append(call)
        if index == len(blocks) - 1:
            raise _LastBlockReached

    for sample in range(samples.count):
        with entering(blocks, note), suppress(_LastBlockReached):
            network(samples.sample(sample)[None].to(model.device), use_cache=False)
    return hidden, calls


def masks(model: Model, statistics: Statistics | None, settings: Settings) -> Job[Masks]:
    """Masks in the order the settings name."""
    orders = {"dense": dense_masks, "sequential": sequential_masks}
    settings.check()
    return (yield from orders[settings.order](model, statistics, settings))


@torch.no_grad()
def pruned(model: Model, applied: Masks) -> Model:
    """A pruned copy: masked matrices are its own, everything else shares the dense model's storage."""
    stored = dict(model.network.named_parameters())
    changed = {}
    for matrix in model.layout.matrices:
        mask = matrix.view(applied.masks[matrix.name].to(model.device))
        changed[matrix.name] = stored[matrix.name].detach().masked_fill(mask, 0)
    return with_weights(model, changed)


# Mask files: fidelity.md, Files.

def save_masks(applied: Masks, path: Path) -> None:
    """uint8 of the parameter's (out, in) view, 1 = removed; the metadata is the settings that made it."""
    put_tensors(path, *_mask_file(applied))


def masks_file(applied: Masks) -> bytes:
    """The same file for those who have no folder here."""
    tensors, metadata = _mask_file(applied)
    return to_bytes(tensors, {"gblm": json.dumps(metadata, sort_keys=True)})


def _mask_file(applied: Masks) -> tuple[dict[str, Tensor], dict[str, Any]]:
    metadata = applied.settings.as_dict() | {
        "format": 1, "model_key": applied.model_key, "calibration": applied.calibration_key,
        "alpha_value": applied.alpha, "pattern_label": label(applied.settings.make_pattern())}
    return {name: mask.to(torch.uint8).contiguous() for name, mask in applied.masks.items()}, metadata


def read_masks(path: Path) -> dict[str, Tensor]:
    """name → bool, True = removed."""
    try:
        with safe_open(path, "pt") as stored:
            return {key: stored.get_tensor(key).bool() for key in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise StatisticsError("torn", folder=str(path.parent), file=path.name) from error


def preview_settings(settings: Settings) -> Settings:
    """The same settings in the dense order, which every live preview shows."""
    return replace(settings, order="dense")
