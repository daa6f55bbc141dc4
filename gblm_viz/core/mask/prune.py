"""Scores and a pattern → masks, in the two orders of core/README.md; masks → a pruned copy.

The dense model is never changed. This module does not use files or the interface, and of texts only the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import SettingError, StatisticsError
from ..base.files import usable_path
from ..base.footprint import memory_budget, release_freed_memory
from ..base.job import Job, Step
from ..base.lazy import torch
from ..base.shelf import Shelf
from ..model.block_weights import BlockWeights
from ..model.matrices import Matrix
from ..model.models import Model, part_loaded, private_copy, with_weights
from ..model.replay import Call, CallInterner, replay, watching_calls
from ..score.methods import Method, norm_of
from ..score.scores import Fallback, Scored, dense_scores, score_matrix
from ..sums.batched import ALONE_SIZE, batch_size, runs_in_batches, sample_inputs
from ..sums.observe import InputSums, observing, refuse_unobserved
from ..sums.statistics import Statistics, input_norm, other_model
from ..sums.streamed import prepare_streamed
from ..text.batches import Batch, batches
from ..text.calibration import CalibrationSet
from .packed import PackedMasks
from .patterns import Global, GlobalCut, LocalPattern, NofM
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


@dataclass(frozen=True, eq=False)
class Masks:
    """name → bool (out, in) or (experts, out, in), True = removed, with everything that determined them.

    For a model that is read block by block the masks are packed, one bit per weight (packed.PackedMasks).
    """

    masks: Mapping[str, Tensor]
    settings: Settings
    alpha: float | None
    model_key: str
    calibration_key: str
    fallbacks: tuple[Fallback, ...]
    equal_rows: dict[str, int]
    """Matrix → number of rows whose scores are all equal (there the leftmost columns are removed); only if any."""

    @cached_property
    def removed(self) -> int:
        """How many weights the masks remove."""
        return sum(int(torch.count_nonzero(mask)) for mask in self.masks.values())

    @property
    def shares(self) -> dict[str, float]:
        """The removed fraction of each matrix, by count_nonzero: a mean or sum of bools would need 8 bytes for each."""
        return {name: int(torch.count_nonzero(mask)) / mask.numel() for name, mask in self.masks.items()}

    @property
    def prunable(self) -> int:
        """How many weights could have been removed."""
        return sum(mask.numel() for mask in self.masks.values())

    @property
    def sparsity(self) -> float:
        """Fraction of the prunable weights that the mask removes."""
        return self.removed / self.prunable


def _require(model: Model, statistics: Statistics | None, settings: Settings) -> None:
    settings.check()
    if statistics is not None and statistics.model_key != model.key:
        raise other_model("–", statistics.model_name, statistics.model_key, model.name, model.key)
    if settings.needs and statistics is None:
        raise SettingError("needs_statistics", method=settings.method)
    pattern = settings.make_pattern()
    if isinstance(pattern, NofM):  # checked before the long computation
        for matrix in model.layout.matrices:
            if matrix.columns % pattern.m:
                raise SettingError("width_not_divisible", n=pattern.n, m=pattern.m, matrix=matrix.name,
                                   columns=matrix.columns)


def _equal_rows(scores: Tensor) -> int:
    return int((scores.amax(-1) == scores.amin(-1)).sum())


class _MaskCollector:
    """Collects masks, fallbacks and equal rows, matrix by matrix."""

    def __init__(self, model: Model) -> None:
        self.masks: MutableMapping[str, Tensor] = PackedMasks() if model.weights else {}
        self.fallbacks: list[Fallback] = []
        self.equal_rows: dict[str, int] = {}

    def note(self, name: str, scores: Tensor, fallbacks: tuple[Fallback, ...]) -> None:
        self.fallbacks.extend(fallbacks)
        equal = _equal_rows(scores)
        if equal:
            self.equal_rows[name] = equal

    def finished(self, model: Model, statistics: Statistics | None, settings: Settings, method: Method) -> Masks:
        return Masks(self.masks, settings, getattr(method, "alpha", None), model.key,
                     statistics.calibration.key if statistics and settings.needs else "", tuple(self.fallbacks),
                     self.equal_rows)


def scores_of(model: Model, statistics: Statistics | None, settings: Settings, name: str) -> Tensor:
    """Return one matrix's scores with `settings` in the dense order: float32 (out, in) or (experts, out, in)."""
    matrix, method = model.layout.named(name), settings.make_method(statistics)
    with part_loaded(model, model.layout.blocks[matrix.block]) as weights:
        return dense_scores(model, statistics, method, matrix, matrix.view(weights[name]).cpu())[0]


def _scored(model: Model, statistics: Statistics | None, method: Method) -> Iterator[Scored]:
    """Yield every matrix's scores; for a model that is read block by block, one block is in memory at a time."""
    for block, path in enumerate(model.layout.blocks):
        with part_loaded(model, path) as weights:
            for matrix in model.layout.of_block(block):
                yield dense_scores(model, statistics, method, matrix, matrix.view(weights.pop(matrix.name)).cpu())


@torch.no_grad()
def all_scores(model: Model, statistics: Statistics | None, settings: Settings) -> dict[str, Scored]:
    """Return every matrix's scores in the dense order, to reuse for several patterns: 4 bytes per prunable weight."""
    _require(model, statistics, settings)
    scored = _scored(model, statistics, settings.make_method(statistics))
    return {matrix.name: one for matrix, one in zip(model.layout.matrices, scored, strict=True)}


@torch.no_grad()
def dense_masks(model: Model, statistics: Statistics | None, settings: Settings,
                scored: Mapping[str, Scored] | None = None) -> Job[Masks]:
    """Return masks in the dense order: all statistics come from the dense model.

    Steps count matrices; with the global group each matrix counts three times. scored: the result of `all_scores`
    for these settings (their pattern may differ); without it each matrix is scored when needed and its scores are not
    kept.
    """
    _require(model, statistics, settings)
    method, pattern = settings.make_method(statistics), settings.make_pattern()
    collected, matrices = _MaskCollector(model), model.layout.matrices

    def coming() -> Iterator[Scored]:
        return (scored[matrix.name] for matrix in matrices) if scored else _scored(model, statistics, method)

    chooser: LocalPattern | GlobalCut
    done, total = 0, len(matrices)
    if not isinstance(pattern, Global):
        chooser = pattern
    else:
        chooser, total = pattern.cut(model.layout.prunable), (GlobalCut.ROUNDS + 1) * len(matrices)
        for _ in chooser.search(lambda: (one[0] for one in coming())):
            yield Step(done, total, "matrix")
            done += 1
    for matrix, (scores, fallbacks) in zip(matrices, coming(), strict=True):
        yield Step(done, total, "matrix")
        collected.note(matrix.name, scores, fallbacks)
        collected.masks[matrix.name] = chooser.remove(scores, matrix.name)
        done += 1
    yield Step(total, total, "matrix")
    return collected.finished(model, statistics, settings, method)


@torch.no_grad()
def sequential_masks(model: Model, statistics: Statistics | None, settings: Settings,
                     inputs_in_memory: int | None = None, folder: Path | None = None) -> Job[Masks]:
    """Return masks in the paper's order: inputs are measured after the already pruned blocks (VILA-Lab/GBLM-Pruner
    lib/prune.py:246-308).

    Gradients come from the dense model. Methods that need no inputs give the dense order's masks. Steps count passes
    of a sample through a block: two for each block, one for the last. A block's pruned weights are freed once the next
    block's inputs are computed.

    inputs_in_memory: bytes of block inputs kept in memory, the rest goes to a temporary file in `folder`; by default
    half of what is free. Raises StatisticsError if the model is read block by block and its blocks pass on more than
    their hidden state.
    """
    _require(model, statistics, settings)
    if "inputs" not in settings.needs:
        return (yield from dense_masks(model, statistics, settings))
    assert statistics is not None
    method, pattern = settings.make_method(statistics), settings.make_pattern()
    if isinstance(pattern, Global):  # it needs all scores at once
        raise SettingError("global_sequential")
    network, paths = private_copy(model.network), model.layout.blocks
    pending = _Pending.of(model, network, statistics.calibration, inputs_in_memory, folder)
    collected = _MaskCollector(model)
    for index, path in enumerate(paths):
        matrices = model.layout.of_block(index)
        sums = InputSums(matrices, model.block_device)
        with model.weights.loaded(network, path) if model.weights else nullcontext():
            stored = dict(network.named_parameters())
            dense = {} if model.weights else {matrix.name: stored[matrix.name].data for matrix in matrices}
            yield from pending.measure(index, matrices, sums)
            refuse_unobserved(matrices, sums)
            for matrix in matrices:
                _prune_matrix(matrix, stored[matrix.name], sums, statistics, method, pattern, collected)
            yield from pending.leave(index)
            if pending.made is not None:
                for name, weights in dense.items():
                    stored[name].data = weights
            stored.clear()
        release_freed_memory()
    yield Step(pending.total, pending.total, "sample_block")
    return collected.finished(model, statistics, settings, method)


class _Pending:
    """The samples on their way through a network that is pruned block by block: what each block gets, and how.

    made: the blocks, to be run one at a time; None where a block passes on more than its hidden state, and then all
    blocks run again for each. together: whether samples go through in batches.
    """

    def __init__(self, model: Model, network: PreTrainedModel, samples: CalibrationSet, shelf: Shelf) -> None:
        first = samples.sample(0).to(model.device)
        self.model, self.network, self.shelf = model, network, shelf
        self.together = runs_in_batches(network, model.layout, first)
        self.made = prepare_streamed(network, model.layout, first, model.weights)
        self.batches = tuple(batches(samples, batch_size(model, samples.token_count) if self.together else ALONE_SIZE))
        self.count, self.blocks = samples.count, len(model.layout.blocks)
        self.total = (2 * self.blocks - 1) * samples.count
        self.calls: dict[int, list[Call]] = {}
        self.alike = CallInterner()

    @classmethod
    def of(cls, model: Model, network: PreTrainedModel, samples: CalibrationSet, inputs_in_memory: int | None,
           folder: Path | None) -> _Pending:
        """Raises StatisticsError if blocks are read one by one and cannot be run one by one."""
        made = cls(model, network, samples, Shelf(memory_budget() if inputs_in_memory is None else inputs_in_memory,
                                                  folder))
        if made.made is None and model.weights is not None:
            raise StatisticsError("not_by_block", model=model.name)
        return made

    def _run(self, index: int, batch: Batch, hidden: Tensor) -> Tensor:
        block = self.network.get_submodule(self.model.layout.blocks[index])
        return replay(block, hidden.to(self.model.device), self.calls[batch.first][index])

    def measure(self, index: int, matrices: tuple[Matrix, ...], sums: InputSums) -> Job[None]:
        """Run all samples through a block whose weights are dense, behind pruned ones, and add up its inputs."""
        for batch in self.batches:
            yield Step(2 * index * self.count + batch.first, self.total, "sample_block")
            if not index or self.made is None:
                tokens = batch.tokens.to(self.model.device)
                hidden, own = (self.made.enter(tokens) if self.made
                               else _record_inputs(self.network, self.model.layout.blocks, index, tokens))
                self.calls[batch.first] = self.alike.intern(own)
                self.shelf.put(batch.first, hidden)
            watching = (sample_inputs(self.network, matrices, batch, sums) if self.together
                        else observing(self.network, matrices, sums))
            with watching:
                self._run(index, batch, self.shelf.get(batch.first))

    def leave(self, index: int) -> Job[None]:
        """Run all samples through the same block, pruned by now, for the next block's inputs."""
        if self.made is None or index + 1 == self.blocks:
            return
        for batch in self.batches:
            yield Step((2 * index + 1) * self.count + batch.first, self.total, "sample_block")
            self.shelf.put(batch.first, self._run(index, batch, self.shelf.pop(batch.first)))


def _prune_matrix(matrix: Matrix, stored: nn.Parameter, sums: InputSums, statistics: Statistics, method: Method,
                  pattern: LocalPattern, collected: _MaskCollector) -> None:
    """Score a matrix by its measured inputs, note its mask, and replace its weights by a masked copy."""
    weight, norm = matrix.view(stored.detach()), norm_of(method)
    gradient = statistics.gradient_norm(matrix.name, norm).to(weight.device) if norm else None
    inputs = input_norm(sums.squares[matrix.name], statistics.count)
    scores, fallbacks = score_matrix(matrix, weight, method, inputs, gradient, sums.tokens[matrix.name])
    collected.note(matrix.name, scores, fallbacks)
    mask = pattern.remove(scores, matrix.name)
    collected.masks[matrix.name] = mask.cpu()
    stored.data = matrix.view(weight.masked_fill(mask, 0)).contiguous()


def _record_inputs(network: PreTrainedModel, paths: tuple[str, ...], first: int,
                   tokens: Tensor) -> tuple[Tensor, list[Call]]:
    """Return the input of block `first`, and every block's call, by running all blocks: needed if blocks share weights
    or pass on more than their hidden state, because earlier blocks then affect both. tokens (samples, length)."""
    hidden: list[Tensor] = []
    calls: list[Call] = []

    def note(index: int, state: Tensor, call: Call) -> None:
        hidden.append(state)
        calls.append(call)

    with watching_calls([network.get_submodule(path) for path in paths], note):
        network(tokens, use_cache=False)
    return hidden[first], calls


def masks(model: Model, statistics: Statistics | None, settings: Settings, inputs_in_memory: int | None = None,
          folder: Path | None = None) -> Job[Masks]:
    """Return masks in the settings' order; `inputs_in_memory` and `folder` as in `sequential_masks`."""
    settings.check()
    if folder is not None:
        usable_path(folder)
    if settings.order == "dense":
        return (yield from dense_masks(model, statistics, settings))
    return (yield from sequential_masks(model, statistics, settings, inputs_in_memory, folder))


@torch.no_grad()
def pruned(model: Model, applied: Masks) -> Model:
    """Return a pruned copy: it has its own masked matrices and shares all other storage with the dense model.

    For a model that is read block by block, the copy masks each block when it is read.
    """
    if model.weights is not None:
        return _pruned_by_block(model, model.weights, applied)
    stored = dict(model.network.named_parameters())
    changed = {}
    for matrix in model.layout.matrices:
        weight = stored[matrix.name].detach()
        changed[matrix.name] = weight.masked_fill(matrix.view(applied.masks[matrix.name].to(weight.device)), 0)
    return with_weights(model, changed)


def _pruned_by_block(model: Model, weights: BlockWeights, applied: Masks) -> Model:
    def change(name: str, stored: Tensor) -> Tensor:
        matrix = matrices.get(name)
        return stored if matrix is None else stored.masked_fill(matrix.view(applied.masks[name].to(stored.device)), 0)

    matrices = {matrix.name: matrix for matrix in model.layout.matrices}
    network, own = private_copy(model.network), replace(weights, change=change)
    own.unwatch(network)
    own.watch(network)
    return replace(model, network=network, weights=own)
