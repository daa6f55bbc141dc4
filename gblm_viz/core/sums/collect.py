"""A model and a calibration set → Statistics, by one of two plans. A killed run resumes from its folder's checkpoint.

whole: each sample goes forward and backward through the whole network; each gradient is freed as soon as it is summed.
streamed: all samples go through one block at a time (core.streamed), so only one block's gradients and sums are in
memory. Both plans add the same numbers in the same order: where a block passes only its hidden state to the next, the
results in float32 on the CPU are bitwise equal (tests/core/test_families.py). Several processes can share the samples
(core.ranks); their sums differ from one process's only in the last digits, because the order of addition differs. This
module does not use methods or masks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from ..base.errors import GblmError, ScoreError, SettingError, StatisticsError, refuse_unknown
from ..base.files import refuse_unwritable, write_tensors
from ..base.footprint import memory_budget, release_freed_memory, release_large_at_once
from ..base.job import Job, Step
from ..base.lazy import torch
from ..base.shelf import Shelf
from ..model.matrices import Matrix
from ..model.models import Model, private_copy
from ..model.replay import Call, CallInterner
from ..text.batches import Batch, BatchSize, batches
from ..text.calibration import CalibrationSet
from .accumulator import Accumulator
from .batched import ALONE_SIZE, batch_losses, batch_size, runs_in_batches, sample_gradients
from .checkpoints import (
    UPSTREAM,
    put_checkpoint,
    read_checkpoint,
    read_finished,
    read_upstream,
    refuse_missing,
    streamed_state,
    upstream_file,
    whole_state,
)
from .observe import lone_gradients
from .ranks import ALONE, Ranks
from .statistics import (
    Statistics,
    Sums,
    check_block,
    checked_keep,
    collection_request,
    default_keep,
    put_block,
    read_block,
    refuse_overwrite,
    remove_checkpoints,
    save,
)
from .streamed import prepare_streamed

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

CHECKPOINT_SECONDS = 60.0
BACK = 3
"""Cost of a block's backward pass in forward passes: the block is run again, plus two products for its gradients."""


def _checked_losses(losses: Tensor, batch: Batch) -> Tensor:
    """Return the losses of a batch. Raises ScoreError for one that is not finite."""
    for sample, loss in zip(batch.samples, losses.tolist(), strict=True):
        if not math.isfinite(loss):
            raise ScoreError("loss_not_finite", sample=sample)
    return losses


def collect(model: Model, calibration: CalibrationSet, *, keep: tuple[str, ...] | None = None, halves: bool = False,
            cancel: Event | None = None, folder: Path | None = None, plan: str = "whole",
            checkpoint_seconds: float = CHECKPOINT_SECONDS, inputs_in_memory: int | None = None,
            ranks: Ranks = ALONE, batch: int | None = None) -> Job[Statistics]:
    """Return the sums, per-sample ℓ1 and losses, collected by a plan of `PLANS`; with `folder`, save them there.

    inputs_in_memory: bytes of block inputs that the streamed plan keeps in memory, the rest goes to a temporary file;
    by default this process's share of half of what is free.
    ranks: the processes that share the samples. Each calls this and gets the same result; the first writes the folder.
    batch: how many samples go through the network at once at most; by default as many as core.sums.batched allows.
    Where a family treats the samples of a batch unlike, each goes alone. The sums differ only in the last digits.

    Raises StatisticsError for a folder of another model or text or with files that this program did not write,
    SettingError for an unknown sum or plan or a batch below 1, ScoreError for a loss that is not finite.
    """
    keep = default_keep(model) if keep is None else checked_keep(keep)
    refuse_unknown("plan_unknown", plan, PLANS)
    if batch is not None and batch < 1:
        raise SettingError("batch_too_small", given=batch)
    wanted = collection_request(model, calibration, keep, halves, plan)
    if folder is not None:
        found = read_finished(folder, wanted, calibration, model)
        if found is not None:
            remove_checkpoints(folder)  # a run killed after writing the manifest left its checkpoint files behind
            return found
        refuse_overwrite(folder)
        refuse_unwritable(folder)
    started = time.monotonic()
    most = memory_budget() // ranks.neighbours if inputs_in_memory is None else inputs_in_memory
    run = Run(model, calibration, wanted, most, cancel, folder, checkpoint_seconds, ranks, batch)
    sums, losses, sample_l1, halved = yield from PLANS[plan](run)
    statistics = Statistics(calibration.first(len(losses)), model.key, model.name, model.dtype, model.device.type, keep,
                            sums, losses, sample_l1, calibration.count, time.monotonic() - started, halved, plan)
    if folder is not None and ranks.first:
        save(statistics, folder, blocks=plan != "streamed")
    return statistics


Collected = tuple[dict[str, Sums], "Tensor", dict[str, "Tensor"], dict[str, dict[str, "Tensor"]]]
"""sums, losses, sample_l1, halves: as in Statistics."""
Maker = Callable[[Model, Sequence[int], int, tuple[str, ...], bool], Any]
"""Constructor of the object that adds up the samples: `Accumulator`, or that of several draws at once (core.draws)."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a plan is given. `wanted`: the request, as the manifest stores it; the rest as in `collect`."""

    model: Model
    calibration: CalibrationSet
    wanted: dict[str, Any]
    inputs_in_memory: int
    cancel: Event | None = None
    folder: Path | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    ranks: Ranks = ALONE
    batch: int | None = None
    make: Maker = Accumulator

    def accumulator(self, blocks: Sequence[int]) -> Any:
        """Return the empty sums of some blocks' matrices."""
        return self.make(self.model, blocks, self.calibration.count, tuple(self.wanted["keep"]), self.wanted["halves"])

    def stepping(self, network: PreTrainedModel) -> Stepping:
        """Return how samples go through a private copy of the network: in batches, or alone where that is not exact."""
        together = runs_in_batches(network, self.model.layout, self.calibration.sample(0).to(self.model.device))
        size = batch_size(self.model, self.calibration.token_count, self.batch) if together else ALONE_SIZE
        if self.ranks.count > 1:  # every process gets some
            share = math.ceil(self.calibration.count / self.ranks.count)
            size = BatchSize(size.tokens, min(size.samples or share, share))
        return Stepping(self, size, together)

    def refuse_cancelled(self) -> None:
        """Raise GblmError if the run was cancelled."""
        if self.cancel is not None and self.cancel.is_set():
            raise GblmError("cancelled")


@dataclass(frozen=True, eq=False)
class Stepping:
    """How samples go through the network. together: whether a pass has the gradients of several samples apart."""

    run: Run
    size: BatchSize
    together: bool

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """Yield all samples from `first` on, in order."""
        return batches(self.run.calibration, self.size, first)

    def adding(self, network: nn.Module, matrices: tuple[Matrix, ...], batch: Batch,
               accumulator: Any) -> AbstractContextManager[None]:
        """While open, a forward and a backward pass on a batch adds its samples' inputs and gradients."""
        way = sample_gradients if self.together else lone_gradients
        return way(network, matrices, batch, accumulator)


# The plan "whole"

def _whole(run: Run) -> Job[Collected]:
    """Run one forward and one backward pass per sample; steps count samples.

    When `cancel` is set, the result covers the samples completed so far, as a smaller N. The running sums are
    checkpointed every `checkpoint_seconds`, and when the job is closed instead of cancelled.

    Several processes work in rounds: one sample each, then they wait for each other. A checkpoint is the same file that
    a single process would write: all sums are added into the first process's and the others restart at zero, so a run
    with any number of processes can resume from it. If one of several processes is closed, it writes no checkpoint,
    because the others are at a different point by then; the last one stays.
    """
    going, count = _Whole(run), run.calibration.count
    going.resume()
    try:
        yield from going.samples(private_copy(run.model.network))
    except GeneratorExit:  # closed at a `yield`: there the sums contain only complete samples
        if run.ranks.count == 1:
            going.checkpoint()
        raise
    if not going.done:
        raise StatisticsError("cancelled_before_first")
    yield Step(going.done, count, "sample")
    return going.finished()


class _Whole:
    """The running state of the whole plan: the sums, the losses, and how many samples are done."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.accumulator = run.accumulator(range(len(run.model.layout.blocks)))
        self.losses, self.done = torch.zeros(run.calibration.count, dtype=torch.float64), 0

    def resume(self) -> None:
        """Continue from the folder's checkpoint, if there is one."""
        run, count = self.run, self.run.calibration.count
        state = read_checkpoint(run.folder, run.wanted, lambda header: whole_state(header, self.accumulator, count))
        if state is None:
            return
        self.done = len(state["losses"])
        if run.ranks.first:
            self.losses[: self.done] = state["losses"]
            self.accumulator.restore(state, self.done)

    def samples(self, network: Any) -> Job[None]:
        """Add up the remaining samples, and checkpoint from time to time, until all are done or `cancel` is set."""
        run, count, saved = self.run, self.run.calibration.count, time.monotonic()
        stepping = run.stepping(network)
        coming = stepping.batches(self.done)
        while turn := tuple(islice(coming, run.ranks.count)):
            yield Step(self.done, count, "sample")
            if run.cancel is not None and run.ranks.any(run.cancel.is_set()):
                break
            for batch in turn[run.ranks.rank : run.ranks.rank + 1]:
                self.losses[batch.first : batch.last] = _checked_losses(
                    _one_batch(network, stepping, batch, self.accumulator), batch)
            self.done = turn[-1].last
            if run.folder is not None and run.ranks.any(time.monotonic() - saved >= run.checkpoint_seconds):
                self.checkpoint()
                saved = time.monotonic()

    def checkpoint(self) -> None:
        """Write all running state to the folder, if there is one; the first process does so for all of them."""
        run = self.run
        if run.folder is None or not self.done:
            return
        self._add()
        if run.ranks.first:
            put_checkpoint(run.folder, run.wanted, self.accumulator.tensors(self.done), self.losses[: self.done])
        else:
            self.accumulator.clear()
            self.losses.zero_()

    def _add(self) -> None:
        self.accumulator.add(self.run.ranks)
        self.run.ranks.add(self.losses)

    def finished(self) -> Collected:
        """Return the sums over the samples that are done, in every process."""
        self._add()
        return (self.accumulator.finished(), self.losses[: self.done], self.accumulator.finished_l1(self.done),
                self.accumulator.finished_halves())


@torch.enable_grad()
def _one_batch(network: Any, stepping: Stepping, batch: Batch, accumulator: Any) -> Tensor:
    """Run a batch forward and backward and add its sums; return its losses, float64 (samples,)."""
    tokens = batch.tokens.to(stepping.run.model.device)
    with stepping.adding(network, accumulator.matrices, batch, accumulator):
        losses = batch_losses(network(tokens, use_cache=False).logits, batch)
        losses.sum().backward()
    return losses.detach().double().cpu()


# The plan "streamed"

def _streamed(run: Run) -> Job[Collected]:
    """Run all samples through one block at a time, forward and then backward from the last block to the first.

    Steps count this process's samples × blocks, a block's backward pass as three forward ones. Setting `cancel` ends
    the run without a result, because no sample is complete until the backward pass reaches the first block. With a
    folder, each block's file is written when the block is done, and a later run continues with the next block; the
    block inputs are computed again.

    Several processes synchronise after each block: they add up its sums, each writes the gradient at the block's
    input, one file per sample, and then the first writes the checkpoint that marks the block as done. A run with any
    number of processes can continue from there.
    """
    release_large_at_once()
    going, layout = _Streamed(run), run.model.layout
    state = read_checkpoint(run.folder, run.wanted,
                           lambda header: streamed_state(header, layout, run.calibration.count))
    if state is not None and run.folder is not None:
        going.left = int(state["blocks_left"])
        refuse_missing(state, [matrix.name for matrix in layout.matrices if matrix.block >= going.left], run.folder)
    yield from going.forward(resumed=state is not None)
    if state is None:
        yield from going.head()
    elif run.folder is not None:
        going.restore(state, run.folder)
    for block in reversed(range(going.left)):
        yield from going.backward(block)
        release_freed_memory()
    yield Step(going.total, going.total, "sample_block")
    return going.finished()


class _Streamed:
    """The running state of the streamed plan: what waits on the shelf, and the sums of the finished blocks."""

    def __init__(self, run: Run) -> None:
        model, calibration = run.model, run.calibration
        network = private_copy(model.network)
        self.stepping = run.stepping(network)
        made = prepare_streamed(network, model.layout, calibration.sample(0).to(model.device), model.weights)
        if made is None:
            raise StatisticsError("not_streamable", model=model.name)
        self.run, self.made = run, made
        every = tuple(self.stepping.batches())
        self.batches = tuple(every[index] for index in run.ranks.own(len(every)))
        self.samples = sum(batch.count for batch in self.batches)
        self.blocks = self.left = len(model.layout.blocks)
        """left: the number of blocks, counted from the first, whose backward pass is still to come."""
        self.total = self.samples * ((1 + BACK) * self.blocks + 1)
        self.shelf, self.alike = Shelf(run.inputs_in_memory, run.folder), CallInterner()
        """The shelf: (batch's first sample, block) → the block's input; (that sample, UPSTREAM) → the gradient that
        goes back."""
        self.calls: dict[int, list[Call]] = {}
        self.sums: dict[str, Sums] = {}
        self.sample_l1: dict[str, Tensor] = {}
        self.halves: dict[str, dict[str, Tensor]] = {}
        self.losses = torch.zeros(calibration.count, dtype=torch.float64)

    def _passes(self, before: int, cost: int = 1) -> Iterator[tuple[Batch, Step]]:
        """Yield (batch, step) for this process's samples. before: steps done before them; cost: those of a sample."""
        for batch in self.batches:
            yield batch, Step(before, self.total, "sample_block")
            before += cost * batch.count

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.run.model.device)

    def forward(self, resumed: bool) -> Job[None]:
        """Run all samples through the blocks that are left, and put every block's input on the shelf.

        resumed: the gradient at the last block's output is stored already, so that output is not needed.
        """
        run, shelf = self.run, self.shelf
        for block in range(self.left):
            with self.made.block_loaded(block):
                for batch, step in self._passes(block * self.samples):
                    yield step
                    run.refuse_cancelled()
                    if not block:
                        hidden, own = self.made.enter(self._on_device(batch.tokens))
                        self.calls[batch.first] = self.alike.intern(own)
                        shelf.put((batch.first, 0), hidden)
                    if not resumed or block + 1 < self.left:
                        hidden = self._on_device(shelf.get((batch.first, block)))
                        shelf.put((batch.first, block + 1),
                                  self.made.forward(block, hidden, self.calls[batch.first][block]))

    def head(self) -> Job[None]:
        """Compute every sample's loss and put the gradient at the last block's output on the shelf."""
        run = self.run
        for batch, step in self._passes(self.blocks * self.samples):
            yield step
            run.refuse_cancelled()
            hidden = self._on_device(self.shelf.pop((batch.first, self.blocks)))
            losses, upstream = self.made.losses_and_gradient(batch, hidden)
            self.losses[batch.first : batch.last] = _checked_losses(losses, batch)
            self.shelf.put((batch.first, UPSTREAM), upstream)
        run.ranks.add(self.losses)

    def restore(self, state: dict[str, Tensor], folder: Path) -> None:
        """Read what a killed run finished: the losses, the gradients at the next block's output, the blocks' sums."""
        run = self.run
        self.losses = state["losses"]
        for batch in self.batches:
            like = self.shelf.get((batch.first, self.left - 1)) if self.left else None
            self.shelf.put((batch.first, UPSTREAM), read_upstream(folder, self.left, batch, like))
        for block in range(self.left, self.blocks):
            check_block(folder, block, run.wanted, run.model.layout)
            sums, halves = read_block(folder, block, run.wanted, run.calibration)
            self.sums, self.halves = sums | self.sums, halves | self.halves
        self.sample_l1 = {key.removeprefix("sample_l1/"): values for key, values in state.items()
                          if key.startswith("sample_l1/")}

    def backward(self, block: int) -> Job[None]:
        """Run all samples backward through a block and add up its sums; with a folder, store them there."""
        run, shelf = self.run, self.shelf
        accumulator = run.accumulator([block])
        matrices = run.model.layout.of_block(block)
        before = self.samples * (self.blocks + 1 + BACK * (self.blocks - 1 - block))
        with self.made.block_loaded(block):
            for batch, step in self._passes(before, BACK):
                yield step
                run.refuse_cancelled()
                hidden, upstream = (self._on_device(shelf.pop((batch.first, key))) for key in (block, UPSTREAM))
                with self.stepping.adding(self.made.network, matrices, batch, accumulator):
                    below = self.made.backward(block, hidden, self.calls[batch.first][block], upstream)
                shelf.put((batch.first, UPSTREAM), batch.clear_padding(below))
        accumulator.add(run.ranks)
        sums, halves = accumulator.finished(), accumulator.finished_halves()
        self.sample_l1 |= accumulator.finished_l1(run.calibration.count)
        if run.folder is not None:
            sums, halves = self._stored(run.folder, block, sums, halves)
        self.sums, self.halves = sums | self.sums, halves | self.halves

    def _stored(self, folder: Path, block: int, sums: dict[str, Sums],
                halves: dict[str, dict[str, Tensor]]) -> tuple[dict[str, Sums], dict[str, dict[str, Tensor]]]:
        """Write a finished block and the checkpoint; return the block's sums memory-mapped, to free memory."""
        run = self.run
        if run.ranks.first:
            put_block(folder, block, sums, halves)
        for batch in self.batches:
            for index, own in zip(batch.samples, batch.apart(self.shelf.get((batch.first, UPSTREAM))), strict=True):
                write_tensors(upstream_file(folder, block, index), {UPSTREAM: own}, {})
        run.ranks.wait()
        mapped = read_block(folder, block, run.wanted, run.calibration)
        if run.ranks.first:
            put_checkpoint(folder, run.wanted, {"blocks_left": torch.tensor(block), **{
                f"sample_l1/{name}": values for name, values in self.sample_l1.items()}}, self.losses)
            for older in folder.glob(upstream_file(folder, block + 1, 0).name.replace("000000", "*")):
                older.unlink()
        return mapped

    def finished(self) -> Collected:
        """Return all sums, in the order of the layout's matrices."""
        names = [matrix.name for matrix in self.run.model.layout.matrices]
        return ({name: self.sums[name] for name in names}, self.losses, {name: self.sample_l1[name] for name in names},
                {name: self.halves[name] for name in names if name in self.halves})


PLANS = {"whole": _whole, "streamed": _streamed}
