"""Estimate what a collection costs by each plan (seconds, memory, disk), and choose the plan, before it starts.

Uses only a model's shape, for which its config is enough, and the token counts of the text; no sum and no sample. The
figures are estimates: show them as such and next to the measured ones (tests/benchmarks/estimate_ratio.py).
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..base.errors import GblmError
from ..base.footprint import folder_bytes, free_disk, free_memory, free_on_gpu, gpus, nearest_existing, resident_bytes
from ..base.lazy import torch
from ..model.matrices import Layout, Matrix, embedding_weight, find_layout, share_weights
from ..model.models import DTYPES, Model, dtype_named, private_copy
from ..model.outline import outline
from ..text.calibration import CalibrationSet
from .batched import FLOAT, HEAD_COPIES, SAVED, SHORT, batch_tokens, runs_in_batches
from .checkpoints import checkpoint_blocks, checkpoint_plan, checkpoint_samples
from .collect import CHECKPOINT_SECONDS
from .streamed import FEW, LEAST_HEAD, prepare_streamed

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig, PreTrainedModel


# The size of the task: model and text

@dataclass(frozen=True)
class BlockShape:
    """The counts of one block. `visited`, `features`: only matrices one token passes (of experts, the chosen few)."""

    parameters: int
    prunable: int
    largest: int
    """Weights of the largest matrix."""
    inputs: int
    """Input features of all matrices, counted for each expert separately."""
    visited: int
    """Weights that one token is multiplied by."""
    features: int
    """Input and output features of the matrices that one token passes."""
    matrices: int


@dataclass(frozen=True)
class ModelShape:
    """The counts of a model. `eager`: its attention stores a table of length × length per head."""

    blocks: tuple[BlockShape, ...]
    parameters: int
    hidden: int
    vocabulary: int
    heads: int
    eager: bool
    itemsize: int
    streamable: bool
    batch_tokens: int = 1
    """Tokens that go through the model at once at most, where a sample is not longer; 1: every sample goes alone."""

    @property
    def prunable(self) -> int:
        """How many weights can be pruned."""
        return sum(block.prunable for block in self.blocks)


@dataclass(frozen=True)
class Work:
    """The size of one collection. `length`: tokens of the longest sample; `tokens`: of all samples together."""

    samples: int
    length: int
    tokens: int
    sums: int
    """Gradient sums per weight: the number of kept ones, times three with the halves."""
    folder: bool
    processes: int = 1
    """Number of processes that share the samples."""
    batch: int | None = None
    """Samples that go through the model at once at most; None: as many as its shape allows."""

    @property
    def share(self) -> Work:
        """The part that one process does, at most."""
        return replace(self, samples=math.ceil(self.samples / self.processes),
                       tokens=math.ceil(self.tokens / self.processes), processes=1)


def work_of(calibration: CalibrationSet, keep: tuple[str, ...], halves: bool, folder: bool, processes: int = 1,
            batch: int | None = None) -> Work:
    """Return the amount of work that a collection with these samples and sums is."""
    return Work(calibration.count, calibration.length, calibration.token_count, len(keep) * (3 if halves else 1),
                folder, processes, batch)


def samples_at_once(shape: ModelShape, work: Work) -> int:
    """Return how many samples go through the model at once; all of them counted as long as the longest."""
    if work.batch is None and work.tokens < SHORT:
        return 1
    return max(1, min(shape.batch_tokens // work.length, work.samples, work.batch or work.samples))


def passes(shape: ModelShape, work: Work) -> int:
    """Return how many batches there are."""
    return math.ceil(work.samples / samples_at_once(shape, work))


def shape_of(model: Model) -> ModelShape:
    """Return a loaded model's shape. `streamable` is found by running a few tokens."""
    network = private_copy(model.network)
    few = torch.arange(FEW, device=model.device) % embedding_weight(network).shape[0]
    together = runs_in_batches(network, model.layout, few)
    return _shape(network, model.layout, model.network.dtype.itemsize,
                  prepare_streamed(network, model.layout, few, model.weights) is not None, together)


def shape_of_config(config: PreTrainedConfig, dtype: str) -> ModelShape:
    """Return the shape of a model that is not loaded, built on torch's meta device (shapes without data).

    `streamable` means here only that no two blocks share a weight, `batch_tokens` that there are no experts; what else
    blocks pass on, and whether they treat samples alike, is seen when they run.
    """
    network = outline(config, dtype_named(dtype))
    if hasattr(network, "set_experts_implementation"):
        network.set_experts_implementation("eager")
    layout = find_layout(network)
    alone = not share_weights(network, layout.blocks)
    return _shape(network, layout, dtype_named(dtype).itemsize, alone, alone and not layout.has_experts)


def _shape(network: PreTrainedModel, layout: Layout, itemsize: int, alone: bool, together: bool) -> ModelShape:
    config = network.config.get_text_config()
    modules: dict[str, nn.Module] = dict(network.named_modules())
    few = next((int(value) for name in ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "top_k_experts")
                if isinstance(value := getattr(config, name, None), int) and value > 0), 0)
    blocks = tuple(_block(modules[path], layout.of_block(index), few) for index, path in enumerate(layout.blocks))
    vocabulary, width = embedding_weight(network).shape
    return ModelShape(blocks, sum(one.numel() for one in network.parameters()), getattr(config, "hidden_size", width),
                      vocabulary, getattr(config, "num_attention_heads", 0) or 0,
                      getattr(config, "_attn_implementation", "eager") == "eager", itemsize, alone,
                      batch_tokens(layout, vocabulary, itemsize) if together else 1)


def _block(block: nn.Module, matrices: tuple[Matrix, ...], few: int) -> BlockShape:
    def met(matrix: Matrix) -> int:
        return min(few or matrix.experts, matrix.experts) or 1

    return BlockShape(
        sum(one.numel() for one in block.parameters()), sum(one.weights for one in matrices),
        max((one.weights for one in matrices), default=0), sum(one.columns * max(1, one.experts) for one in matrices),
        sum(one.rows * one.columns * met(one) for one in matrices),
        sum((one.rows + one.columns) * met(one) for one in matrices), len(matrices))


# What it costs

Weights = Literal["there", "loaded", "by_block"]
"""The weights are in memory already, will be loaded completely, or (streamed) are read one block at a time."""

EAGER_TABLES = 2
"""Tables of heads × length that eager attention keeps per token: 1 for bloom, 2 for gemma2."""
WHOLE_PASSES, STREAMED_PASSES = 3, 4
"""Cost in forward passes: a backward pass costs two (by input, by weight); the streamed plan runs forward twice."""
HEAD_PASSES = 2
"""Forward, and backward by input only: the head's weights are frozen."""
OWN = 16 * 10**6
"""Bytes that torch allocates for its threads, kernels and caches in the first pass."""
TOUCHES = 6
"""Reads and writes per number of a gradient, without the sums: G, |G| and G² are written, G is read twice, |G| once for
its ℓ1. Each sum adds 3: the sum is read, the addend is read, the sum is written."""
SWEEPS = 16
"""Reads and writes per kept activation in three passes, by norms, products and sums of squares: fitted."""
OPERATIONS = 1700
"""Fixed cost of a block's three passes, however short the sample (Python, hooks, autograd), in torch calls: fitted.
SWEEPS and OPERATIONS were fitted on one core's CPU time, llama shapes of 2 to 70 M parameters, 32 to 512 tokens:
estimate ÷ actual 0.75 to 1.05."""
SUM_FILLS = 3
"""Cost of a sum's own memory, in first-time fills: sums start at zero, and are checked at the end."""
READS = 4
"""How often the streamed plan reads the blocks of a model that is not loaded: to see on a few tokens what a block
passes on, to record its calls on a complete sample, then for the forward and for the backward pass."""


@dataclass(frozen=True)
class PlanEstimate:
    """One plan's costs. Sizes in bytes; `memory` is in addition to current use and is the sum of `parts`.

    The words table `parts` names the parts. Where several processes share the samples, memory is that of one process
    and disk that of all. `disk`: the finished folder; `disk_peak`: at its largest, with checkpoints.
    """

    plan: str
    seconds: float
    memory: int
    disk: int
    disk_peak: int
    parts: tuple[tuple[str, int], ...]
    inputs_in_memory: int | None = None
    """Bytes of block inputs kept in memory, the rest goes to a temporary file; None for the whole plan."""

    @property
    def largest(self) -> tuple[str, int]:
        """The part that needs the most memory."""
        return max(self.parts, key=lambda part: part[1])


def sums_bytes(block: BlockShape, work: Work) -> int:
    """Return the bytes of one block's gradient and input sums, in memory or in its file."""
    return FLOAT * (block.prunable * work.sums + block.inputs)


def _activations(shape: ModelShape, block: BlockShape, work: Work) -> int:
    """Return the bytes that autograd keeps of the largest batch in one block."""
    tables = EAGER_TABLES * shape.heads * work.length if shape.eager else 0
    return int(samples_at_once(shape, work) * work.length * (SAVED * block.features + tables) * shape.itemsize)


def _weights(shape: ModelShape, plan: str, weights: Weights) -> int:
    outside = shape.parameters - sum(block.parameters for block in shape.blocks)
    by_block = outside + max(block.parameters for block in shape.blocks)
    count = {"there": 0, "loaded": shape.parameters,
             "by_block": by_block if plan == "streamed" else shape.parameters}[weights]
    return count * shape.itemsize


def _whole_memory(shape: ModelShape, work: Work) -> dict[str, int]:
    """Return the bytes of each part at the peak: all sums, all activations, and the head or one matrix's gradient."""
    return {
        "sums": sum(sums_bytes(block, work) for block in shape.blocks),
        "activations": sum(_activations(shape, block, work) for block in shape.blocks),
        **_larger({"head": FLOAT * HEAD_COPIES * samples_at_once(shape, work) * work.length * shape.vocabulary},
                  {"gradient": FLOAT * max(block.largest for block in shape.blocks)})}


def _streamed_memory(shape: ModelShape, work: Work) -> dict[str, int]:
    """Return the bytes of each part at the peak: all samples' block inputs and last gradients, and one block's work."""
    blocks = len(shape.blocks)
    entered = work.tokens * shape.hidden * shape.itemsize
    # each sample's attention mask is kept too: for eager attention length × length in the model's dtype
    masks = work.tokens * work.length * shape.itemsize if shape.eager else 0
    largest = max(shape.blocks, key=lambda block: sums_bytes(block, work))
    gradient = FLOAT * largest.largest
    piece = max(LEAST_HEAD, FLOAT * max(block.prunable for block in shape.blocks))
    head = min(FLOAT * HEAD_COPIES * samples_at_once(shape, work) * work.length * shape.vocabulary, piece)
    # a forward pass briefly needs as much as autograd keeps, and malloc does not return it between stored inputs
    standing = {"activations": max(_activations(shape, block, work) for block in shape.blocks)}
    begin = standing | {"inputs": entered * (blocks + 1) + masks} | _larger(
        {"head": head}, {"sums": sums_bytes(largest, work), "gradient": gradient})
    if work.folder:
        return begin
    # without a folder finished blocks' sums stay in memory while block inputs are freed: the end may be the peak
    return _larger(begin, standing | {"inputs": entered * 2 + masks, "gradient": gradient,
                                      "sums": sum(sums_bytes(block, work) for block in shape.blocks)})


def _larger(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Return the larger of two sets of parts that are never in memory at the same time."""
    return max(one, other, key=lambda parts: sum(parts.values()))


MEMORY: dict[str, Callable[[ModelShape, Work], dict[str, int]]] = {
    "whole": _whole_memory, "streamed": _streamed_memory}


def _disk(shape: ModelShape, work: Work, plan: str, seconds: float) -> tuple[int, int]:
    """Return (finished, largest) bytes of the folder. A new checkpoint is written next to the one it replaces."""
    if not work.folder:
        return 0, 0
    sums = sum(sums_bytes(block, work) for block in shape.blocks)
    matrices = sum(block.matrices for block in shape.blocks)
    done = sums + 8 * (work.samples * (matrices + 2 + work.length)) + HEADER * matrices * (work.sums + 2)
    if plan == "streamed":
        return done, done + 2 * work.tokens * shape.hidden * shape.itemsize
    # the estimated time is good to a factor of two, so assume a checkpoint from half its interval on
    checkpointed = seconds > CHECKPOINT_SECONDS / 2
    return done, done + sums if checkpointed else done


HEADER = 150
"""Bytes per tensor in the header of a safetensors file: its name, dtype, shape and offsets."""


# How fast this machine is

@dataclass(frozen=True)
class Pace:
    """`multiply`: floating point operations per second; `operation`: seconds per torch call. Bytes per second: `touch`
    for memory in use, `fill` for newly allocated memory, `store` for a folder's files.

    correction: measured ÷ estimated seconds of the last collection; None before the first.
    """

    multiply: float
    touch: float
    operation: float
    fill: float
    store: float = math.inf
    correction: float | None = None


PROBE_SECONDS = 0.05
PROBE_WIDEST, PROBE_LONGEST, PROBE_LARGEST = 2048, 512, 2**23
PROBE_FILLED = 2**26
"""Bytes; more than the allocator keeps for reuse, so each allocation comes from the operating system."""
PROBE_STORED = 2**24
CALLS = 100
SLOWEST_MULTIPLY, SLOWEST_TOUCH = 5e9, 2e9
"""Lower bounds, below one core of any current machine. Less is measured only where threads waited for each other while
other programs used the cores (a hundredth on two cores shared by eight programs); no collection is so slow throughout.
"""


def measure_pace(shape: ModelShape, work: Work, device: str = "cpu", folder: Path | None = None) -> Pace:
    """Measure this machine's pace in a few tenths of a second.

    Times a product of about the model's width in its dtype, matrices added one after another to sums as large as the
    model's, calls on tiny tensors, filling new memory, and writing an unnamed temporary file where `folder` is or
    will be."""
    dtype = next(one for one in map(dtype_named, DTYPES) if one.itemsize == shape.itemsize)
    widest = max(1, min(PROBE_WIDEST, shape.hidden))
    rows = torch.ones(max(2, min(PROBE_LONGEST, work.length)), widest, dtype=dtype, device=device)
    weight, small = torch.ones(widest, widest, dtype=dtype, device=device), torch.ones(8, device=device)
    sums = torch.zeros(max(1, min(PROBE_LARGEST, shape.prunable * work.sums)), device=device)
    parts = sums.split(max(block.largest for block in shape.blocks))
    gradient = torch.ones_like(parts[0])
    turn = itertools.cycle(parts)  # one after another: a small matrix used again would stay in the cache

    def add() -> int:
        part = next(turn)
        absolute = gradient[:len(part)].abs()
        part.add_(absolute)
        absolute.sum(dtype=torch.float64)
        return TOUCHES * FLOAT * len(part)

    def multiply() -> int:
        torch.mm(rows, weight)
        return 2 * rows.shape[0] * widest * widest

    def call() -> int:
        for _ in range(CALLS):
            torch.add(small, small)
        return CALLS

    def fill() -> int:
        return torch.zeros(PROBE_FILLED // FLOAT, device=device).nbytes

    return Pace(max(SLOWEST_MULTIPLY, _per_second(multiply, device)), max(SLOWEST_TOUCH, _per_second(add, device)),
                1 / _per_second(call, device), _per_second(fill, device), _stored_per_second(folder))


def _stored_per_second(folder: Path | None) -> float:
    """Return bytes per second; infinity without a folder, or where writing fails (the collection reports that)."""
    if folder is None:
        return math.inf
    content = bytes(PROBE_STORED)
    with suppress(OSError), tempfile.TemporaryFile(dir=nearest_existing(folder)) as file:
        def store() -> int:
            file.seek(0)
            file.truncate()
            return file.write(content)

        return _per_second(store, "cpu")
    return math.inf


def _per_second(act: Callable[[], int], device: str) -> float:
    """Return the units that `act` counts, per second, of its fastest round: an interruption makes one short round many
    times longer, but slows a collection only by its share of the machine."""
    act()  # warm-up: the first call pays for the setup
    began, rates = time.perf_counter(), list[float]()
    while time.perf_counter() - began < PROBE_SECONDS or not rates:
        start, done = time.perf_counter(), act()
        if device == "cuda":
            torch.cuda.synchronize()
        rates.append(done / (time.perf_counter() - start))
    return max(rates)


def _seconds(shape: ModelShape, work: Work, plan: str, pace: Pace, weights: Weights) -> float:
    forwards, runs = {"whole": WHOLE_PASSES, "streamed": STREAMED_PASSES}[plan], passes(shape, work)
    visited = sum(block.visited for block in shape.blocks)
    attention = 4 * work.length * shape.hidden * len(shape.blocks)  # two products of length × hidden per token
    multiplied = work.tokens * (forwards * (2 * visited + attention)
                                + HEAD_PASSES * 2 * shape.vocabulary * shape.hidden)
    summed = shape.prunable * FLOAT * (work.samples * TOUCHES + runs * 3 * work.sums)
    # however few the tokens, each pass reads the weights
    summed += runs * shape.itemsize * (forwards * visited + HEAD_PASSES * shape.vocabulary * shape.hidden)
    swept = work.tokens * shape.itemsize * SWEEPS * forwards / WHOLE_PASSES * (
        SAVED * sum(block.features for block in shape.blocks) + HEAD_COPIES * shape.vocabulary / WHOLE_PASSES)
    called = runs * OPERATIONS * len(shape.blocks) * forwards / WHOLE_PASSES
    sums = sum(sums_bytes(block, work) for block in shape.blocks)
    filled, stored = SUM_FILLS * sums, sums if work.folder else 0
    if plan == "streamed":
        if weights == "by_block":
            filled += READS * shape.itemsize * sum(block.parameters for block in shape.blocks)
        if work.folder:
            stored += work.tokens * shape.hidden * shape.itemsize * len(shape.blocks)
    return (multiplied / pace.multiply + (summed + swept) / pace.touch + called * pace.operation
            + filled / pace.fill + stored / pace.store) * (pace.correction or 1.0)


def estimates(shape: ModelShape, work: Work, pace: Pace, weights: Weights = "there", left: float = 1.0,
              memory_room: int | None = None) -> dict[str, PlanEstimate]:
    """Return every plan's estimate. left: fraction of the work that an unfinished folder leaves to do.

    memory_room: where the total would exceed it, block inputs are counted in a temporary file instead.
    """
    found = {}
    for plan, memory in MEMORY.items():
        seconds = _seconds(shape, work.share, plan, pace, weights) * left
        parts = {"weights": _weights(shape, plan, weights), "own": OWN} | memory(shape, work.share)
        done, peak = _disk(shape, work, plan, seconds)
        inputs = parts.get("inputs")
        if inputs is not None and memory_room is not None:
            away = max(0, min(inputs, sum(parts.values()) - memory_room))
            parts["inputs"], peak = inputs - away, peak + away * work.processes
        held = tuple((name, size) for name, size in parts.items() if size)
        found[plan] = PlanEstimate(plan, seconds, sum(parts.values()), done, peak, held, parts.get("inputs"))
    return found


# Which plan

@dataclass(frozen=True)
class Room:
    """Available bytes in addition to current use; None = unknown.

    held: the process's current memory if the user's limit includes it, else 0; error messages then add it.
    one: part of `memory` for running one block at a time, where the whole model would be spread over several GPUs.
    """

    memory: int | None
    disk: int | None = None
    held: int = 0
    one: int | None = None

    def memory_for(self, plan: str) -> int | None:
        """Return the available bytes for a plan: for running block by block those of one device, else of all."""
        return self.memory if plan == "whole" or self.one is None else self.one


def room_of(device: str, folder: Path | None = None, limit: int | None = None, processes: int = 1) -> Room:
    """Return what is free on this machine, less a margin; with a user's memory limit, what that leaves.

    processes: number that share the machine's memory; the limit applies to each, and each has its own GPU.
    The size of an unfinished folder counts as free, because its files are overwritten or reused.
    """
    held = resident_bytes() or 0 if limit is not None and device == "cpu" else 0
    memory = free_memory(device) if limit is None else limit - held
    if limit is None and memory is not None and device == "cpu":
        memory //= processes
    disk = None if folder is None else free_disk(folder)
    if disk is not None and folder is not None and folder.is_dir():
        disk += folder_bytes(folder)
    spread = device == "cuda" and len(gpus()) > 1
    one = min(free_on_gpu(gpus()[0]), memory or 0) if spread else None
    return Room(memory, disk, held, one)


@dataclass(frozen=True)
class Choice:
    """The chosen plan; `why`: a key of the words table `plan.why`; `whole`: that plan's estimate, chosen or not."""

    chosen: PlanEstimate
    why: str
    whole: PlanEstimate
    room: Room


def choose(found: Mapping[str, PlanEstimate], room: Room, *, plan: str = "auto", earlier: str | None = None,
           alone: bool = True) -> Choice:
    """Choose `whole` if it fits, else `streamed`; a folder's plan (`earlier`) has priority, then a requested `plan`.

    alone: whether blocks can be run one at a time. Raises GblmError with the size that would be enough.
    """
    only = earlier or (plan if plan != "auto" else None) or (None if alone else "whole")
    candidates = [only] if only else ["whole", "streamed"]
    fits = [name for name in candidates if _fits(found[name].memory, room.memory_for(name))
            and _fits(found[name].disk_peak, room.disk)]
    if not fits:
        raise _refusal([found[name] for name in candidates], room, alone)
    why = ("begun" if earlier else "asked" if plan != "auto" else "only_whole" if not alone
           else "fits" if fits[0] == "whole" else "memory" if not _fits(found["whole"].memory, room.memory) else "disk")
    return Choice(found[fits[0]], why, found["whole"], room)


def plan_for(shape: ModelShape, work: Work, pace: Pace, room: Room, *, weights: Weights = "there",
             folder: Path | None = None, plan: str = "auto") -> Choice:
    """Choose the plan of one collection, into a folder or memory. Raises GblmError with the size that would do."""
    earlier = checkpoint_plan(folder) if folder is not None else None
    left = 1.0
    if folder is not None and earlier is not None:
        blocks = checkpoint_blocks(folder)
        back = STREAMED_PASSES - 1
        left = (1 - checkpoint_samples(folder) / work.samples if blocks is None
                else (1 + back * blocks / len(shape.blocks)) / STREAMED_PASSES)
    found = estimates(shape, work, pace, weights, left, room.memory_for("streamed"))
    return choose(found, room, plan=plan, earlier=earlier, alone=shape.streamable)


def _fits(needed: int, free: int | None) -> bool:
    return free is None or needed <= free


def _refusal(candidates: list[PlanEstimate], room: Room, alone: bool) -> GblmError:
    least = min(candidates, key=lambda one: one.memory)
    may = room.memory_for(least.plan)
    if not _fits(least.memory, may):
        assert may is not None
        key = "memory_short" if len(candidates) > 1 else "memory_short_only" if alone else "memory_short_whole"
        return GblmError(key, plan=least.plan, needed=ceil_gigabytes(least.memory + room.held),
                         free=f"{(may + room.held) / 1e9:.2f}")
    assert room.disk is not None
    fit = [one for one in candidates if _fits(one.memory, room.memory_for(one.plan))]
    least = min(fit, key=lambda one: one.disk_peak)
    return GblmError("folder_short", needed=ceil_gigabytes(least.disk_peak), free=f"{room.disk / 1e9:.2f}")


def ceil_gigabytes(size: int) -> str:
    """Return GB with two decimals, rounded up, so that the displayed size is enough."""
    return f"{math.ceil(size / 1e7) / 100:.2f}"


@dataclass(frozen=True)
class Actual:
    """Measured cost of a collection. Sizes in bytes; None if the system does not report it or no folder was written."""

    seconds: float
    memory: int | None
    disk: int | None
