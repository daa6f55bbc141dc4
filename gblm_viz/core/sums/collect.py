"""A model and a calibration set → Statistics, by one of two plans. A killed run resumes from its folder's checkpoint.

whole: each sample goes forward and backward through the whole network; each gradient is freed as soon as it is summed.
streamed: all samples go through one block at a time (core.streamed), so only one block's gradients and sums are in
memory. Both plans add the same numbers in the same order: where a block passes only its hidden state to the next, the
results in float32 on the CPU are bitwise equal (tests/core/test_families.py). Several processes can share the samples
(core.ranks); their sums differ from one process's only in the last digits, because the order of addition differs. This
module does not use methods or masks.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import torch
from torch import Tensor

from ..base.checked_files import (
    Header,
    Kind,
    bad_field,
    check_fields,
    check_tensors,
    has_entry,
    read_header,
    read_tensors,
)
from ..base.errors import GblmError, ScoreError, StatisticsError, refuse_unknown
from ..base.files import refuse_unwritable, write_tensors
from ..base.footprint import memory_budget, release_freed_memory, release_large_at_once
from ..base.job import Job, Step
from ..base.shelf import Shelf
from ..model.matrices import Layout, Matrix
from ..model.models import Model, private_copy
from ..model.replay import Call, CallInterner
from ..text.calibration import CalibrationSet
from .observe import InputSums, gradient_taps, observing, refuse_unobserved, sample_loss
from .ranks import ALONE, Ranks
from .statistics import (
    ASKED,
    KEPT,
    Statistics,
    Sums,
    check_block,
    checked_keep,
    collection_request,
    default_keep,
    load,
    other_model,
    put_block,
    read_block,
    read_manifest,
    refuse_overwrite,
    remove_checkpoints,
    save,
)
from .streamed import prepare_streamed

CHECKPOINT = "checkpoint.safetensors"
CHECKPOINT_SECONDS = 60.0
BACK = 3
"""Cost of a block's backward pass in forward passes: the block is run again, plus two products for its gradients."""
UPSTREAM = "upstream"
"""Key of a sample's gradient on the shelf and in its file: ∂loss/∂(input of the block that was finished last)."""


class Accumulator:
    """The running sums of some blocks' matrices over the samples; the only class that adds them up.

    All float32 sums of a block's gradients are views of one buffer on the block's device, so that processes add them
    in one call and without a copy. samples: N, of all processes together.
    """

    def __init__(self, model: Model, blocks: Sequence[int], samples: int, keep: tuple[str, ...], halves: bool) -> None:
        self.keep = keep
        self.matrices = tuple(matrix for block in blocks for matrix in model.layout.of_block(block))
        self.inputs = InputSums(self.matrices, model.block_device)
        self.gradients: dict[str, dict[str, Tensor]] = {}
        self.halves: dict[str, dict[str, Tensor]] = {}
        self.buffers: list[Tensor] = []
        kinds = (*keep, *(f"{KEPT[kept]}_{half}" for kept in keep for half in ("even", "odd") if halves))
        for block in blocks:
            matrices = model.layout.of_block(block)
            buffer = torch.zeros(len(kinds) * sum(matrix.weights for matrix in matrices),
                                 device=model.block_device(block))
            parts = iter(buffer.split([matrix.weights for matrix in matrices for _ in kinds]))
            for matrix in matrices:
                sums = {kind: next(parts).view(matrix.shape) for kind in kinds}
                self.gradients[matrix.name] = {kept: sums.pop(kept) for kept in keep}
                self.halves[matrix.name] = sums
            self.buffers.append(buffer)
        self.sample = 0
        self.sample_l1 = {matrix.name: torch.zeros(samples, dtype=torch.float64) for matrix in self.matrices}
        """float64 (samples,) by matrix; 0 where a sample gave it no gradient because its experts saw no token."""

    def begin_sample(self, sample: int) -> None:
        """Set the sample's number, counted over all processes: it selects the half (even or odd) and its ℓ1's index."""
        self.sample = sample

    def add_gradient(self, matrix: Matrix, gradient: Tensor) -> None:
        """Add one sample's gradient of one matrix, float32 (out, in) or (experts, out, in). Overwrites `gradient`."""
        into = [self.gradients[matrix.name]]
        if halves := self.halves[matrix.name]:
            half = "even" if self.sample % 2 == 0 else "odd"
            into.append({kept: halves[f"{KEPT[kept]}_{half}"] for kept in self.keep})
        for sums in into:
            if "sum" in sums:
                sums["sum"] += gradient
            if "sq" in sums:
                sums["sq"].addcmul_(gradient, gradient)
        absolute = gradient.abs_()  # in place, and summed by rows before float64: no second matrix of that size
        for sums in into:
            if "l1" in sums:
                sums["l1"] += absolute
        self.sample_l1[matrix.name][self.sample] = float(absolute.sum(-1).sum(dtype=torch.float64))

    def _small(self) -> list[Tensor]:
        return [*self.inputs.squares.values(), *self.inputs.tokens.values(), *self.sample_l1.values()]

    def add(self, ranks: Ranks) -> None:
        """Add up the sums of all processes, in every process: one call per block, and one for the small tensors."""
        for buffer in self.buffers:
            ranks.add(buffer)
        ranks.add_small(self._small())

    def clear(self) -> None:
        """Set all running sums to zero."""
        for tensor in (*self.buffers, *self._small()):
            tensor.zero_()

    def tensors(self, samples: int) -> dict[str, Tensor]:
        """Return all running state after `samples` samples, for a checkpoint."""
        state = {f"gradients/{name}/{kept}": tensor
                 for name, kinds in self.gradients.items() for kept, tensor in kinds.items()}
        state |= {f"inputs/{name}": tensor for name, tensor in self.inputs.squares.items()}
        state |= {f"tokens/{name}": tensor for name, tensor in self.inputs.tokens.items()}
        state |= {f"halves/{name}/{kind}": tensor for name, kinds in self.halves.items()
                  for kind, tensor in kinds.items()}
        return state | {f"sample_l1/{name}": values[:samples] for name, values in self.sample_l1.items()}

    def restore(self, state: dict[str, Tensor], samples: int) -> None:
        """Load the running state after `samples` samples from a checkpoint's tensors."""
        for name, tensor in self.tensors(samples).items():
            tensor.copy_(state[name])

    def finished(self) -> dict[str, Sums]:
        """Return the sums on the CPU. Raises ScoreError for a matrix no hook saw, or sums that are not finite."""
        refuse_unobserved(self.matrices, self.inputs)
        sums = {name: Sums(self.inputs.squares[name].cpu(), {k: t.cpu() for k, t in kinds.items()},
                           self.inputs.tokens[name].cpu()) for name, kinds in self.gradients.items()}
        for name, one in sums.items():
            if not all(bool(torch.isfinite(tensor).all()) for tensor in (one.input_sq, *one.gradients.values())):
                raise ScoreError("sums_not_finite", matrix=name)
        return sums

    def finished_halves(self) -> dict[str, dict[str, Tensor]]:
        """Return the sums of the even and the odd samples on the CPU, by matrix; empty if they were not asked for."""
        return {name: {kind: tensor.cpu() for kind, tensor in kinds.items()}
                for name, kinds in self.halves.items() if kinds}

    def finished_l1(self, samples: int) -> dict[str, Tensor]:
        """Return each matrix's ℓ1 of the first `samples` samples' gradients."""
        return {name: values[:samples] for name, values in self.sample_l1.items()}


def _checked_loss(loss: float, sample: int) -> float:
    if not math.isfinite(loss):
        raise ScoreError("loss_not_finite", sample=sample)
    return loss


def collect(model: Model, calibration: CalibrationSet, *, keep: tuple[str, ...] | None = None, halves: bool = False,
            cancel: Event | None = None, folder: Path | None = None, plan: str = "whole",
            checkpoint_seconds: float = CHECKPOINT_SECONDS, inputs_in_memory: int | None = None,
            ranks: Ranks = ALONE) -> Job[Statistics]:
    """Return the sums, per-sample ℓ1 and losses, collected by a plan of `PLANS`; with `folder`, save them there.

    inputs_in_memory: bytes of block inputs that the streamed plan keeps in memory, the rest goes to a temporary file;
    by default this process's share of half of what is free.
    ranks: the processes that share the samples. Each calls this and gets the same result; the first writes the folder.

    Raises StatisticsError for a folder of another model or text or with files that this program did not write,
    SettingError for an unknown sum or plan, ScoreError for a loss that is not finite.
    """
    keep = default_keep(model) if keep is None else checked_keep(keep)
    refuse_unknown("plan_unknown", plan, PLANS)
    wanted = collection_request(model, calibration, keep, halves, plan)
    if folder is not None:
        found = _read_finished(folder, wanted, calibration, model)
        if found is not None:
            remove_checkpoints(folder)  # a run killed after writing the manifest left its checkpoint files behind
            return found
        refuse_overwrite(folder)
        refuse_unwritable(folder)
    started = time.monotonic()
    most = memory_budget() // ranks.neighbours if inputs_in_memory is None else inputs_in_memory
    run = Run(model, calibration, wanted, most, cancel, folder, checkpoint_seconds, ranks)
    sums, losses, sample_l1, halved = yield from PLANS[plan](run)
    statistics = Statistics(calibration.first(len(losses)), model.key, model.name, model.dtype, model.device.type, keep,
                            sums, losses, sample_l1, calibration.count, time.monotonic() - started, halved, plan)
    if folder is not None and ranks.first:
        save(statistics, folder, blocks=plan != "streamed")
    return statistics


Collected = tuple[dict[str, Sums], Tensor, dict[str, Tensor], dict[str, dict[str, Tensor]]]
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
    make: Maker = Accumulator

    def accumulator(self, blocks: Sequence[int]) -> Any:
        """Return the empty sums of some blocks' matrices."""
        return self.make(self.model, blocks, self.calibration.count, tuple(self.wanted["keep"]), self.wanted["halves"])

    def refuse_cancelled(self) -> None:
        """Raise GblmError if the run was cancelled."""
        if self.cancel is not None and self.cancel.is_set():
            raise GblmError("cancelled")


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
        state = _checkpoint_of(run.folder, run.wanted, lambda header: _whole_state(header, self.accumulator, count))
        if state is None:
            return
        self.done = len(state["losses"])
        if run.ranks.first:
            self.losses[: self.done] = state["losses"]
            self.accumulator.restore(state, self.done)

    def samples(self, network: Any) -> Job[None]:
        """Add up the remaining samples, and checkpoint from time to time, until all are done or `cancel` is set."""
        run, count, saved = self.run, self.run.calibration.count, time.monotonic()
        while self.done < count:
            yield Step(self.done, count, "sample")
            if run.cancel is not None and run.ranks.any(run.cancel.is_set()):
                break
            index = self.done + run.ranks.rank
            if index < count:
                self.accumulator.begin_sample(index)
                loss = _one_sample(network, run.model, run.calibration.sample(index), self.accumulator)
                self.losses[index] = _checked_loss(loss, index)
            self.done = min(self.done + run.ranks.count, count)
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
            _put_checkpoint(run.folder, run.wanted, self.accumulator.tensors(self.done), self.losses[: self.done])
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
def _one_sample(network: Any, model: Model, tokens: Tensor, accumulator: Accumulator) -> float:
    tokens = tokens.to(model.device)
    with (observing(network, accumulator.matrices, accumulator.inputs),
          gradient_taps(network, accumulator.matrices, accumulator.add_gradient)):
        loss = sample_loss(network, tokens)
        loss.backward()
    return float(loss.detach())


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
    state = _checkpoint_of(run.folder, run.wanted,
                           lambda header: _streamed_state(header, layout, run.calibration.count))
    if state is not None and run.folder is not None:
        going.left = int(state["blocks_left"])
        _refuse_missing(state, [matrix.name for matrix in layout.matrices if matrix.block >= going.left], run.folder)
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
        made = prepare_streamed(private_copy(model.network), model.layout, calibration.sample(0).to(model.device),
                                model.weights)
        if made is None:
            raise StatisticsError("not_streamable", model=model.name)
        self.run, self.made = run, made
        self.samples = run.ranks.own(calibration.count)
        self.blocks = self.left = len(model.layout.blocks)
        """left: the number of blocks, counted from the first, whose backward pass is still to come."""
        self.total = len(self.samples) * ((1 + BACK) * self.blocks + 1)
        self.shelf, self.alike = Shelf(run.inputs_in_memory, run.folder), CallInterner()
        """The shelf: (sample, block) → the block's input; (sample, UPSTREAM) → the gradient to go back with."""
        self.calls: dict[int, list[Call]] = {}
        self.sums: dict[str, Sums] = {}
        self.sample_l1: dict[str, Tensor] = {}
        self.halves: dict[str, dict[str, Tensor]] = {}
        self.losses = torch.zeros(calibration.count, dtype=torch.float64)

    def _passes(self, before: int, cost: int = 1) -> Iterator[tuple[int, Step]]:
        """Yield (sample, step) of this process's samples. before: the steps done before them; cost: those of each."""
        for place, index in enumerate(self.samples):
            yield index, Step(before + cost * place, self.total, "sample_block")

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.run.model.device)

    def forward(self, resumed: bool) -> Job[None]:
        """Run all samples through the blocks that are left, and put every block's input on the shelf.

        resumed: the gradient at the last block's output is stored already, so that output is not needed.
        """
        run, shelf = self.run, self.shelf
        for block in range(self.left):
            with self.made.block_loaded(block):
                for index, step in self._passes(block * len(self.samples)):
                    yield step
                    run.refuse_cancelled()
                    if not block:
                        hidden, own = self.made.enter(self._on_device(run.calibration.sample(index)))
                        self.calls[index] = self.alike.intern(own)
                        shelf.put((index, 0), hidden)
                    if not resumed or block + 1 < self.left:
                        hidden = self._on_device(shelf.get((index, block)))
                        shelf.put((index, block + 1), self.made.forward(block, hidden, self.calls[index][block]))

    def head(self) -> Job[None]:
        """Compute every sample's loss and put the gradient at the last block's output on the shelf."""
        run = self.run
        piece = self.made.piece(run.calibration.length)
        for index, step in self._passes(self.blocks * len(self.samples)):
            yield step
            run.refuse_cancelled()
            hidden = self._on_device(self.shelf.pop((index, self.blocks)))
            loss, upstream = self.made.loss_and_gradient(self._on_device(run.calibration.sample(index)), hidden, piece)
            self.losses[index] = _checked_loss(loss, index)
            self.shelf.put((index, UPSTREAM), upstream)
        run.ranks.add(self.losses)

    def restore(self, state: dict[str, Tensor], folder: Path) -> None:
        """Read what a killed run finished: the losses, the gradients at the next block's output, the blocks' sums."""
        run = self.run
        self.losses = state["losses"]
        for index in self.samples:
            like = self.shelf.get((index, self.left - 1)) if self.left else None
            self.shelf.put((index, UPSTREAM), _upstream_of(folder, self.left, index, like))
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
        before = len(self.samples) * (self.blocks + 1 + BACK * (self.blocks - 1 - block))
        with self.made.block_loaded(block):
            for index, step in self._passes(before, BACK):
                yield step
                run.refuse_cancelled()
                accumulator.begin_sample(index)
                hidden, upstream = (self._on_device(shelf.pop((index, key))) for key in (block, UPSTREAM))
                shelf.put((index, UPSTREAM), self.made.backward(block, hidden, self.calls[index][block], upstream,
                                                                accumulator.inputs, accumulator.add_gradient))
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
        for index in self.samples:
            write_tensors(_upstream_file(folder, block, index), {UPSTREAM: self.shelf.get((index, UPSTREAM))}, {})
        run.ranks.wait()
        mapped = read_block(folder, block, run.wanted, run.calibration)
        if run.ranks.first:
            _put_checkpoint(folder, run.wanted, {"blocks_left": torch.tensor(block), **{
                f"sample_l1/{name}": values for name, values in self.sample_l1.items()}}, self.losses)
            for older in folder.glob(_upstream_file(folder, block + 1, 0).name.replace("000000", "*")):
                older.unlink()
        return mapped

    def finished(self) -> Collected:
        """Return all sums, in the order of the layout's matrices."""
        names = [matrix.name for matrix in self.run.model.layout.matrices]
        return ({name: self.sums[name] for name in names}, self.losses, {name: self.sample_l1[name] for name in names},
                {name: self.halves[name] for name in names if name in self.halves})


PLANS = {"whole": _whole, "streamed": _streamed}


# The folder of an unfinished run

def _read_finished(folder: Path, wanted: dict[str, Any], calibration: CalibrationSet,
                   model: Model) -> Statistics | None:
    """Return the statistics if the folder contains all that is requested, None otherwise."""
    found = read_manifest(folder)
    if found is None:
        return None
    # A cancelled run's folder is complete, but contains only the first of the requested samples.
    cancelled = found["samples_complete"] < found["samples"] == wanted["samples"]
    tokens = calibration.first(found["samples_complete"]).key if cancelled else calibration.key
    _refuse_other_request(found, wanted | {"tokens_sha256": tokens}, folder)
    return load(folder, model) if found["samples_complete"] == wanted["samples"] else None


def _refuse_other_request(found: dict[str, Any], wanted: dict[str, Any], folder: Path, *more: str) -> None:
    if found["model_key"] != wanted["model_key"]:
        raise other_model(str(folder), found["model"], found["model_key"], wanted["model"], wanted["model_key"])
    for name in ("tokens_sha256", "keep", "halves", "dtype", *more):
        if found.get(name) != wanted[name]:
            raise StatisticsError("other_text" if name == "tokens_sha256" else "other_settings", folder=str(folder),
                                  found=found["text"] if name == "tokens_sha256" else f"{name} {found.get(name)}",
                                  wanted=wanted["text"] if name == "tokens_sha256" else f"{name} {wanted[name]}")


def _checkpoint_of(folder: Path | None, wanted: dict[str, Any],
                   states: Callable[[Header], Mapping[str, Kind]]) -> dict[str, Tensor] | None:
    """Return a killed run's state, or None. states: header → the tensors it must hold. Raises StatisticsError."""
    if folder is None or not has_entry(folder, CHECKPOINT):
        return None
    header, asked = _checkpoint(folder)
    _refuse_other_request(asked, wanted, folder, "plan")
    check_tensors(header, states(header))
    return read_tensors(header)


def _checkpoint(folder: Path) -> tuple[Header, dict[str, Any]]:
    """Return (header, request) of a folder's checkpoint. Raises StatisticsError for a file of another format."""
    header = read_header(folder, CHECKPOINT)
    try:
        asked = json.loads(header.metadata["gblm"])
    except (KeyError, ValueError, RecursionError) as error:
        raise StatisticsError("torn", folder=str(folder), file=CHECKPOINT) from error
    return header, check_fields(folder, CHECKPOINT, asked, ASKED)


def _whole_state(header: Header, accumulator: Accumulator, samples: int) -> dict[str, Kind]:
    """Return the kind of each tensor in a whole-plan checkpoint. Raises StatisticsError for a bad sample count."""
    done = math.prod(header.shape("losses"))
    if not 1 <= done <= samples:
        raise bad_field(header.folder, header.file, "losses", str(header.shape("losses")), f"(1 … {samples},)")
    signed = ("/sum", "/gradient_sum_even", "/gradient_sum_odd")
    kinds = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    return {"losses": Kind("F64", (done,), 0)} | {
        name: Kind(kinds[tensor.dtype], tuple(tensor.shape), -math.inf if name.endswith(signed) else 0)
        for name, tensor in accumulator.tensors(done).items()}


def _streamed_state(header: Header, layout: Layout, samples: int) -> dict[str, Kind]:
    """Return the kind of each tensor in a streamed-plan checkpoint: losses, blocks left, ℓ1 of finished blocks."""
    each = Kind("F64", (samples,), 0)
    names = {f"sample_l1/{matrix.name}" for matrix in layout.matrices}
    return {"losses": each, "blocks_left": Kind("I64", (), 0, len(layout.blocks) - 1)} | {
        name: each for name in header.tensors if name in names}


def _refuse_missing(state: Mapping[str, Tensor], names: Sequence[str], folder: Path) -> None:
    for name in names:
        if f"sample_l1/{name}" not in state:
            raise bad_field(folder, CHECKPOINT, f"sample_l1/{name}", "–", "float64")


def _put_checkpoint(folder: Path, wanted: dict[str, Any], state: dict[str, Tensor], losses: Tensor) -> None:
    """Write all running state to one file, atomically: a half-written checkpoint is never visible."""
    tensors = {name: tensor.cpu() for name, tensor in state.items()}
    write_tensors(folder / CHECKPOINT, tensors | {"losses": losses}, wanted)


def _upstream_file(folder: Path, block: int, sample: int) -> Path:
    """Return the path of a sample's gradient at the input of `block`; the checkpoint stores the block's number."""
    return folder / f"upstream-{block:04d}-{sample:06d}.safetensors"


def _upstream_of(folder: Path, block: int, sample: int, like: Tensor | None) -> Tensor:
    """Read a sample's gradient that a killed run stored. like: a hidden state whose dtype and shape it must have.

    Raises StatisticsError for a damaged file, a dtype or shape that differs, or a value that is not finite.
    """
    file = _upstream_file(folder, block, sample).name
    header = read_header(folder, file)
    if set(header.tensors) != {UPSTREAM}:
        raise StatisticsError("torn", folder=str(folder), file=file)
    found = read_tensors(header)[UPSTREAM]
    if like is not None and (found.dtype, found.shape) != (like.dtype, like.shape):
        raise bad_field(folder, file, UPSTREAM, f"{found.dtype} {tuple(found.shape)}",
                        f"{like.dtype} {tuple(like.shape)}")
    if not bool(torch.isfinite(found).all()):
        raise bad_field(folder, file, UPSTREAM, "NaN", "finite")
    return found


def checkpoint_plan(folder: Path) -> str | None:
    """Return the plan of the folder's checkpoint, the only one that can continue from it; None without a checkpoint."""
    return str(_checkpoint(folder)[1]["plan"]) if has_entry(folder, CHECKPOINT) else None


def checkpoint_samples(folder: Path) -> int:
    """Return how many complete samples the folder's checkpoint contains; 0 without a checkpoint."""
    if not has_entry(folder, CHECKPOINT):
        return 0
    header, asked = _checkpoint(folder)
    return min(math.prod(header.shape("losses")), int(asked["samples"])) if header.shape("losses") else 0


def checkpoint_blocks(folder: Path) -> int | None:
    """Return how many blocks an unfinished streamed run has left; None without a checkpoint of the streamed plan."""
    if not has_entry(folder, CHECKPOINT):
        return None
    header, asked = _checkpoint(folder)
    if asked["plan"] != "streamed":
        return None
    kind, _ = header.tensors.get("blocks_left", (None, 0))
    if kind is None or (kind.dtype, kind.shape) != ("I64", ()):
        raise bad_field(folder, CHECKPOINT, "blocks_left", str(kind or "–"), "int64 ()")
    left = int(read_tensors(header, ["blocks_left"])["blocks_left"])
    if left < 0:
        raise bad_field(folder, CHECKPOINT, "blocks_left", left, "≥ 0")
    return left
