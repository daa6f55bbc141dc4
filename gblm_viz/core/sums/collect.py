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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import torch
from torch import Tensor

from ..base.errors import GblmError, ScoreError, StatisticsError, refuse_unknown
from ..base.files import put_tensors, refuse_unwritable
from ..base.footprint import give_back, give_back_large_at_once, room
from ..base.job import Job, Step
from ..base.shelf import Shelf
from ..base.stored import Header, Kind, bad_field, check_fields, check_tensors, header_of, present, read_tensors
from ..model.matrices import Layout, Matrix
from ..model.models import Model, private_copy
from ..model.replay import Alike, Call
from ..text.calibration import CalibrationSet
from .observe import InputSums, gradient_taps, observing, refuse_unobserved, sample_loss
from .ranks import ALONE, Ranks
from .statistics import (
    ASKED,
    KEPT,
    Statistics,
    Sums,
    asked_for,
    check_block,
    checked_keep,
    default_keep,
    load,
    other_model,
    put_block,
    read_block,
    read_manifest,
    refuse_taken,
    save,
    tidy,
)
from .streamed import streamed

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

    def take(self, matrix: Matrix, gradient: Tensor) -> None:
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
        return {name: {kind: tensor.cpu() for kind, tensor in kinds.items()}
                for name, kinds in self.halves.items() if kinds}

    def finished_l1(self, samples: int) -> dict[str, Tensor]:
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
    wanted = asked_for(model, calibration, keep, halves, plan)
    if folder is not None:
        found = _finished(folder, wanted, calibration, model)
        if found is not None:
            tidy(folder)  # a run killed after writing the manifest left its checkpoint files behind
            return found
        refuse_taken(folder)
        refuse_unwritable(folder)
    started = time.monotonic()
    most = room() // ranks.neighbours if inputs_in_memory is None else inputs_in_memory
    run = PLANS[plan](model, calibration, wanted, cancel, folder, checkpoint_seconds, most, ranks)
    sums, losses, sample_l1, halved = yield from run
    statistics = Statistics(calibration.first(len(losses)), model.key, model.name, model.dtype, model.device.type, keep,
                            sums, losses, sample_l1, calibration.count, time.monotonic() - started, halved, plan)
    if folder is not None and ranks.first:
        save(statistics, folder, blocks=plan != "streamed")
    return statistics


_Run = tuple[dict[str, Sums], Tensor, dict[str, Tensor], dict[str, dict[str, Tensor]]]
"""sums, losses, sample_l1, halves: as in Statistics."""
Maker = Callable[[Model, Sequence[int], int, tuple[str, ...], bool], Any]
"""Constructor of the object that adds up the samples: `Accumulator`, or that of several draws at once (core.draws)."""


def _whole(model: Model, calibration: CalibrationSet, wanted: dict[str, Any], cancel: Event | None,
           folder: Path | None, checkpoint_seconds: float, inputs_in_memory: int, ranks: Ranks,
           make: Maker = Accumulator) -> Job[_Run]:
    """Run one forward and one backward pass per sample; steps count samples.

    When `cancel` is set, the result covers the samples completed so far, as a smaller N. The running sums are
    checkpointed every `checkpoint_seconds`, and when the job is closed instead of cancelled.

    Several processes work in rounds: one sample each, then they wait for each other. A checkpoint is the same file that
    a single process would write: all sums are added into the first process's and the others restart at zero, so a run
    with any number of processes can resume from it. If one of several processes is closed, it writes no checkpoint,
    because the others are at a different point by then; the last one stays.
    """
    count = calibration.count
    accumulator = make(model, range(len(model.layout.blocks)), count, tuple(wanted["keep"]), wanted["halves"])
    losses, done = torch.zeros(count, dtype=torch.float64), 0
    state = _checkpoint_of(folder, wanted, lambda header: _whole_state(header, accumulator, count))
    if state is not None:
        done = len(state["losses"])
        if ranks.first:
            losses[:done] = state["losses"]
            accumulator.restore(state, done)
    network = private_copy(model.network)
    saved = time.monotonic()

    def add() -> None:
        accumulator.add(ranks)
        ranks.add(losses)

    def checkpoint() -> None:
        if folder is None or not done:
            return
        add()
        if ranks.first:
            _put_checkpoint(folder, wanted, accumulator.tensors(done), losses[:done])
        else:
            accumulator.clear()
            losses.zero_()

    try:
        while done < count:
            yield Step(done, count, "sample")
            if cancel is not None and ranks.any(cancel.is_set()):
                break
            index = done + ranks.rank
            if index < count:
                accumulator.begin_sample(index)
                loss = _one_sample(network, model, calibration.sample(index), accumulator)
                losses[index] = _checked_loss(loss, index)
            done = min(done + ranks.count, count)
            if folder is not None and ranks.any(time.monotonic() - saved >= checkpoint_seconds):
                checkpoint()
                saved = time.monotonic()
    except GeneratorExit:  # closed at a `yield`: there the sums contain only complete samples
        if ranks.count == 1:
            checkpoint()
        raise
    if not done:
        raise StatisticsError("cancelled_before_first")
    yield Step(done, count, "sample")
    add()
    return accumulator.finished(), losses[:done], accumulator.finished_l1(done), accumulator.finished_halves()


@torch.enable_grad()
def _one_sample(network: Any, model: Model, tokens: Tensor, accumulator: Accumulator) -> float:
    tokens = tokens.to(model.device)
    with (observing(network, accumulator.matrices, accumulator.inputs),
          gradient_taps(network, accumulator.matrices, accumulator.take)):
        loss = sample_loss(network, tokens)
        loss.backward()
    return float(loss.detach())


def _streamed(model: Model, calibration: CalibrationSet, wanted: dict[str, Any], cancel: Event | None,
              folder: Path | None, checkpoint_seconds: float, inputs_in_memory: int, ranks: Ranks,
              make: Maker = Accumulator) -> Job[_Run]:
    """Run all samples through one block at a time, forward and then backward from the last block to the first.

    Steps count this process's samples × blocks, a block's backward pass as three forward ones. Setting `cancel` ends
    the run without a result, because no sample is complete until the backward pass reaches the first block. With a
    folder, each block's file is written when the block is done, and a later run continues with the next block; the
    block inputs are computed again.

    Several processes synchronise after each block: they add up its sums, each writes the gradient at the block's
    input, one file per sample, and then the first writes the checkpoint that marks the block as done. A run with any
    number of processes can continue from there.
    """
    give_back_large_at_once()
    layout, blocks = model.layout, len(model.layout.blocks)
    samples = ranks.own(calibration.count)
    count = len(samples)
    made = streamed(private_copy(model.network), layout, calibration.sample(0).to(model.device), model.weights)
    if made is None:
        raise StatisticsError("not_streamable", model=model.name)
    total = count * ((1 + BACK) * blocks + 1)
    shelf, alike = Shelf(inputs_in_memory, folder), Alike()
    state = _checkpoint_of(folder, wanted, lambda header: _streamed_state(header, layout, calibration.count))
    left = blocks if state is None else int(state["blocks_left"])
    if state is not None and folder is not None:
        _refuse_missing(state, [matrix.name for matrix in layout.matrices if matrix.block >= left], folder)
    calls: dict[int, list[Call]] = {}
    for block in range(left):
        with made.held(block):
            for place, index in enumerate(samples):
                yield Step(block * count + place, total, "sample_block")
                _refuse_cancelled(cancel)
                if not block:
                    hidden, own = made.enter(calibration.sample(index).to(model.device))
                    calls[index] = alike.of(own)
                    shelf.put((index, 0), hidden)
                if state is None or block + 1 < left:
                    hidden = shelf.get((index, block)).to(model.device)
                    shelf.put((index, block + 1), made.forward(block, hidden, calls[index][block]))
    sums: dict[str, Sums] = {}
    sample_l1: dict[str, Tensor] = {}
    halves: dict[str, dict[str, Tensor]] = {}
    losses = torch.zeros(calibration.count, dtype=torch.float64)
    if state is None:
        piece = made.piece(calibration.length)
        for place, index in enumerate(samples):
            yield Step(blocks * count + place, total, "sample_block")
            _refuse_cancelled(cancel)
            hidden = shelf.take((index, blocks)).to(model.device)
            loss, upstream = made.lost(calibration.sample(index).to(model.device), hidden, piece)
            losses[index] = _checked_loss(loss, index)
            shelf.put((index, UPSTREAM), upstream)
        ranks.add(losses)
    elif folder is not None:
        losses = state["losses"]
        for index in samples:
            like = shelf.get((index, left - 1)) if left else None
            shelf.put((index, UPSTREAM), _upstream_of(folder, left, index, like))
        for block in range(left, blocks):
            check_block(folder, block, wanted, layout)
            read_sums, read_halves = read_block(folder, block, wanted, calibration)
            sums, halves = read_sums | sums, read_halves | halves
        sample_l1 = {key.removeprefix("sample_l1/"): values for key, values in state.items()
                     if key.startswith("sample_l1/")}
    for block in reversed(range(left)):
        accumulator = make(model, [block], calibration.count, tuple(wanted["keep"]), wanted["halves"])
        with made.held(block):
            for place, index in enumerate(samples):
                yield Step(count * (blocks + 1 + BACK * (blocks - 1 - block)) + BACK * place, total, "sample_block")
                _refuse_cancelled(cancel)
                accumulator.begin_sample(index)
                hidden, upstream = (shelf.take((index, key)).to(model.device) for key in (block, UPSTREAM))
                shelf.put((index, UPSTREAM), made.back(block, hidden, calls[index][block], upstream, accumulator.inputs,
                                                       accumulator.take))
        accumulator.add(ranks)
        found, found_halves = accumulator.finished(), accumulator.finished_halves()
        sample_l1 |= accumulator.finished_l1(calibration.count)
        if folder is not None:
            if ranks.first:
                put_block(folder, block, found, found_halves)
            for index in samples:
                put_tensors(_upstream_file(folder, block, index), {UPSTREAM: shelf.get((index, UPSTREAM))}, {})
            ranks.wait()
            found, found_halves = read_block(folder, block, wanted, calibration)  # memory-mapped, to free memory
            if ranks.first:
                _put_checkpoint(folder, wanted, {"blocks_left": torch.tensor(block), **{
                    f"sample_l1/{name}": values for name, values in sample_l1.items()}}, losses)
                for older in folder.glob(_upstream_file(folder, block + 1, 0).name.replace("000000", "*")):
                    older.unlink()
        sums, halves = found | sums, found_halves | halves
        del accumulator
        give_back()
    yield Step(total, total, "sample_block")
    names = [matrix.name for matrix in layout.matrices]
    return ({name: sums[name] for name in names}, losses, {name: sample_l1[name] for name in names},
            {name: halves[name] for name in names if name in halves})


def _refuse_cancelled(cancel: Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise GblmError("cancelled")


PLANS = {"whole": _whole, "streamed": _streamed}


# The folder of an unfinished run

def _finished(folder: Path, wanted: dict[str, Any], calibration: CalibrationSet, model: Model) -> Statistics | None:
    """Return the statistics if the folder contains all that is requested, None otherwise."""
    found = read_manifest(folder)
    if found is None:
        return None
    # A cancelled run's folder is complete, but contains only the first of the requested samples.
    cancelled = found["samples_complete"] < found["samples"] == wanted["samples"]
    tokens = calibration.first(found["samples_complete"]).key if cancelled else calibration.key
    _refuse_stranger(found, wanted | {"tokens_sha256": tokens}, folder)
    return load(folder, model) if found["samples_complete"] == wanted["samples"] else None


def _refuse_stranger(found: dict[str, Any], wanted: dict[str, Any], folder: Path, *more: str) -> None:
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
    if folder is None or not present(folder, CHECKPOINT):
        return None
    header, asked = _checkpoint(folder)
    _refuse_stranger(asked, wanted, folder, "plan")
    check_tensors(header, states(header))
    return read_tensors(header)


def _checkpoint(folder: Path) -> tuple[Header, dict[str, Any]]:
    """Return (header, request) of a folder's checkpoint. Raises StatisticsError for a file of another format."""
    header = header_of(folder, CHECKPOINT)
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
    put_tensors(folder / CHECKPOINT, tensors | {"losses": losses}, wanted)


def _upstream_file(folder: Path, block: int, sample: int) -> Path:
    """Return the path of a sample's gradient at the input of `block`; the checkpoint stores the block's number."""
    return folder / f"upstream-{block:04d}-{sample:06d}.safetensors"


def _upstream_of(folder: Path, block: int, sample: int, like: Tensor | None) -> Tensor:
    """Read a sample's gradient that a killed run stored. like: a hidden state whose dtype and shape it must have.

    Raises StatisticsError for a damaged file, a dtype or shape that differs, or a value that is not finite.
    """
    file = _upstream_file(folder, block, sample).name
    header = header_of(folder, file)
    if set(header.tensors) != {UPSTREAM}:
        raise StatisticsError("torn", folder=str(folder), file=file)
    found = read_tensors(header)[UPSTREAM]
    if like is not None and (found.dtype, found.shape) != (like.dtype, like.shape):
        raise bad_field(folder, file, UPSTREAM, f"{found.dtype} {tuple(found.shape)}",
                        f"{like.dtype} {tuple(like.shape)}")
    if not bool(torch.isfinite(found).all()):
        raise bad_field(folder, file, UPSTREAM, "NaN", "finite")
    return found


def begun(folder: Path) -> str | None:
    """Return the plan of the folder's checkpoint, the only one that can continue from it; None without a checkpoint."""
    return str(_checkpoint(folder)[1]["plan"]) if present(folder, CHECKPOINT) else None


def checkpoint_samples(folder: Path) -> int:
    """Return how many complete samples the folder's checkpoint contains; 0 without a checkpoint."""
    if not present(folder, CHECKPOINT):
        return 0
    header, asked = _checkpoint(folder)
    return min(math.prod(header.shape("losses")), int(asked["samples"])) if header.shape("losses") else 0


def checkpoint_blocks(folder: Path) -> int | None:
    """Return how many blocks an unfinished streamed run has left; None without a checkpoint of the streamed plan."""
    if not present(folder, CHECKPOINT):
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
