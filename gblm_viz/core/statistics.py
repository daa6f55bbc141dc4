"""The sums over a calibration set: collected in one job, kept in memory or in a folder, resumed, refused for strangers.

Sums and counts, not norms: the one line that makes norms of them is `norms` below. Knows nothing of methods or masks.
"""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .calibration import CalibrationSet
from .errors import ScoreError, StatisticsError
from .job import Job, Step
from .matrices import Matrix
from .models import Model, private_copy
from .observe import InputSums, gradient_taps, observing, refuse_unobserved, sample_loss

KEPT = {"l1": "gradient_l1", "sq": "gradient_sq", "sum": "gradient_sum"}
"""--keep word → the sum's name in the files."""
NORMS = {"l1": "l1", "l2": "sq", "sum": "sum"}
"""Gradient norm → the --keep word of the sum it is made of."""
FORMAT = 1
LARGE = 10**9
"""Above this many prunable weights only ℓ1 is kept unless asked: all three are 12 bytes a weight."""
CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Sums:
    """One matrix's float32 sums over all samples: gradients (…, out, in), inputs (…, in); … = experts where stacked."""

    input_sq: Tensor
    gradients: dict[str, Tensor]
    tokens: Tensor
    """int64 () or (experts,): how many tokens this matrix (each expert) saw."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Everything a score needs of a text. `losses` float64 (N,); `sample_l1[name]` float64 (N,) = Σ_ij |G_s,ij|."""

    calibration: CalibrationSet
    model_key: str
    model_name: str
    dtype: str
    device: str
    keep: tuple[str, ...]
    sums: dict[str, Sums]
    losses: Tensor
    sample_l1: dict[str, Tensor]
    asked: int
    seconds: float = 0.0
    halves: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.calibration.count

    @property
    def cancelled(self) -> bool:
        """Whether fewer samples entered than were asked for."""
        return self.count < self.asked

    def input_norm(self, name: str) -> Tensor:
        """x_j float32 (in,) or (experts, in)."""
        return input_norm(self.sums[name].input_sq, self.count)

    def gradient_norm(self, name: str, norm: str, place: Any = ...) -> Tensor:
        """g_ij float32 (out, in) or (experts, out, in), for norm l1, l2 or sum (the foil |ΣG|).

        place: an index into that shape, for a part of it.
        """
        kept = NORMS[norm]
        if kept not in self.keep:
            raise StatisticsError("sum_not_kept", kept=", ".join(self.keep), wanted=kept)
        stored = self.sums[name].gradients[kept][place]
        return {"l1": stored.clone, "l2": stored.sqrt, "sum": stored.abs}[norm]()


def input_norm(input_sq: Tensor, samples: int) -> Tensor:
    """x_j = √(input_sq_j / N): the authors average ‖X_j‖² over sequences (lib/layerwrapper.py:34-39)."""
    return (input_sq / samples).sqrt()


def default_keep(model: Model) -> tuple[str, ...]:
    return tuple(KEPT) if model.layout.prunable <= LARGE else ("l1",)


class _Accumulator:
    """The running sums of one collection; the only place that adds."""

    def __init__(self, model: Model, keep: tuple[str, ...], halves: bool) -> None:
        device = model.device
        self.keep, self.model = keep, model
        self.inputs = InputSums(model.layout.matrices, device)
        self.gradients = {matrix.name: {kept: torch.zeros(matrix.shape, device=device) for kept in keep}
                          for matrix in model.layout.matrices}
        self.halves = {f"{matrix.name}.{KEPT[kept]}_{half}": torch.zeros(matrix.shape, device=device)
                       for matrix in model.layout.matrices for kept in keep
                       for half in (("even", "odd") if halves else ())}
        self.losses: list[float] = []
        self.sample_l1: dict[str, list[float]] = {matrix.name: [] for matrix in model.layout.matrices}

    def take(self, matrix: Matrix, gradient: Tensor) -> None:
        absolute = gradient.abs()
        parts = {"l1": absolute, "sq": gradient.square(), "sum": gradient}
        half = "even" if len(self.losses) % 2 == 0 else "odd"
        for kept in self.keep:
            self.gradients[matrix.name][kept] += parts[kept]
            if self.halves:
                self.halves[f"{matrix.name}.{KEPT[kept]}_{half}"] += parts[kept]
        self.sample_l1[matrix.name].append(float(absolute.sum(dtype=torch.float64)))

    def end_sample(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ScoreError("loss_not_finite", sample=len(self.losses))
        self.losses.append(loss)
        for values in self.sample_l1.values():
            if len(values) < len(self.losses):
                values.append(0.0)  # no gradient reached it on this sample: its experts saw no token

    def tensors(self) -> dict[str, Tensor]:
        """All running state, for a checkpoint."""
        state = {f"gradients/{name}/{kept}": tensor
                 for name, kinds in self.gradients.items() for kept, tensor in kinds.items()}
        state |= {f"inputs/{name}": tensor for name, tensor in self.inputs.squares.items()}
        state |= {f"tokens/{name}": tensor for name, tensor in self.inputs.tokens.items()}
        state |= {f"halves/{name}": tensor for name, tensor in self.halves.items()}
        state |= {f"sample_l1/{name}": torch.tensor(values, dtype=torch.float64)
                  for name, values in self.sample_l1.items()}
        state["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        for name, kinds in self.gradients.items():
            for kept, tensor in kinds.items():
                tensor.copy_(state[f"gradients/{name}/{kept}"])
            self.inputs.squares[name].copy_(state[f"inputs/{name}"])
            self.inputs.tokens[name].copy_(state[f"tokens/{name}"])
            self.sample_l1[name] = state[f"sample_l1/{name}"].tolist()
        for name, tensor in self.halves.items():
            tensor.copy_(state[f"halves/{name}"])
        self.losses = state["losses"].tolist()

    def finished(self, calibration: CalibrationSet, asked: int, seconds: float) -> Statistics:
        model = self.model
        refuse_unobserved(model.layout.matrices, self.inputs, bool(self.losses))
        sums = {name: Sums(self.inputs.squares[name].cpu(), {k: t.cpu() for k, t in kinds.items()},
                           self.inputs.tokens[name].cpu()) for name, kinds in self.gradients.items()}
        for name, one in sums.items():
            if not all(bool(torch.isfinite(tensor).all()) for tensor in (one.input_sq, *one.gradients.values())):
                raise ScoreError("sums_not_finite", matrix=name)
        return Statistics(
            calibration.first(len(self.losses)), model.key, model.name, model.dtype, model.device.type, self.keep, sums,
            torch.tensor(self.losses, dtype=torch.float64),
            {name: torch.tensor(values, dtype=torch.float64) for name, values in self.sample_l1.items()},
            asked, seconds, _halves_by_matrix({name: tensor.cpu() for name, tensor in self.halves.items()}))


def _halves_by_matrix(flat: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    by_matrix: dict[str, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        name, _, kind = key.rpartition(".")
        by_matrix.setdefault(name, {})[kind] = tensor
    return by_matrix


def collect(model: Model, calibration: CalibrationSet, *, keep: tuple[str, ...] | None = None, halves: bool = False,
            cancel: Event | None = None, folder: Path | None = None,
            checkpoint_seconds: float = CHECKPOINT_SECONDS) -> Job[Statistics]:
    """Sums, per-sample ℓ1 and losses of every sample: one forward and one backward pass each, gradients freed at once.

    `cancel` set: the whole samples done so far are the result, as a smaller N. With `folder`, the running sums are
    checkpointed there and a killed run goes on from its last checkpoint; the finished statistics are saved in it.
    Closing the job instead of cancelling leaves a checkpoint of the whole samples done so far.
    Raises StatisticsError for a folder of another model or text, ScoreError for a loss that is not finite.
    """
    keep = keep or default_keep(model)
    asked = calibration.count
    accumulator = _Accumulator(model, keep, halves)
    manifest = _manifest(model, calibration, keep, halves)
    if folder is not None:
        found = _resume(folder, manifest, calibration, accumulator)
        if found is not None:
            return found
        refuse_unwritable(folder)
    network = private_copy(model.network)
    started = saved = time.monotonic()
    try:
        for index in range(len(accumulator.losses), asked):
            yield Step(index, asked, "sample")
            if cancel is not None and cancel.is_set():
                break
            accumulator.end_sample(_one_sample(network, model, calibration.sample(index), accumulator))
            if folder is not None and time.monotonic() - saved >= checkpoint_seconds:
                _checkpoint(folder, manifest, accumulator)
                saved = time.monotonic()
    except GeneratorExit:  # closed at a `yield`, where every sample in the sums is whole
        if folder is not None and accumulator.losses:
            _checkpoint(folder, manifest, accumulator)
        raise
    if not accumulator.losses:
        raise StatisticsError("cancelled_before_first")
    yield Step(len(accumulator.losses), asked, "sample")
    statistics = accumulator.finished(calibration, asked, time.monotonic() - started)
    if folder is not None:
        save(statistics, folder)
    return statistics


@torch.enable_grad()
def _one_sample(network: Any, model: Model, tokens: Tensor, accumulator: _Accumulator) -> float:
    tokens = tokens.to(model.device)
    with (observing(network, model.layout.matrices, accumulator.inputs),
          gradient_taps(network, model.layout, accumulator.take)):
        loss = sample_loss(network, tokens)
        loss.backward()
    return float(loss.detach())


# The folder: fidelity.md, Files. Each file is written beside its place and renamed into it.

def _manifest(model: Model, calibration: CalibrationSet, keep: tuple[str, ...], halves: bool) -> dict[str, Any]:
    return {
        "format": FORMAT, "model": model.name, "model_key": model.key, "samples": calibration.count,
        "length": calibration.length, "seed": calibration.seed, "rule": calibration.rule, "keep": list(keep),
        "halves": halves, "text": calibration.text_name, "text_sha256": calibration.text_sha256,
        "tokens_sha256": calibration.key, "dtype": model.dtype, "device": model.device.type, "plan": "whole",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "python": platform.python_version()},
    }


def _put(path: Path, write: Any) -> None:
    """Write a file beside its place, then rename: a reader sees the whole file or none."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.touch()
        usual = beside.stat().st_mode
        write(beside)
        beside.chmod(usual)  # safetensors gives its files to their owner alone; these are to be shared
        os.replace(beside, path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StatisticsError("cannot_write", file=str(path), why=why) from error


def refuse_unwritable(folder: Path) -> None:
    """A folder that takes no file is refused before the hour of work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StatisticsError("cannot_write", file=str(folder), why=error.strerror or str(error)) from error


def put_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """One safetensors file, atomically; metadata is one key holding sorted JSON, so equal runs write equal bytes."""
    packed = {name: tensor.contiguous() for name, tensor in tensors.items()}
    _put(path, lambda beside: save_file(packed, beside, {"gblm": json.dumps(metadata, sort_keys=True)}))


def put_json(path: Path, value: Any) -> None:
    """A JSON file, atomically; keys are sorted, so equal runs write equal bytes."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    _put(path, lambda beside: beside.write_text(text, encoding="utf-8", errors="replace"))


def _block_file(folder: Path, block: int) -> Path:
    return folder / f"block-{block:04d}.safetensors"


def save(statistics: Statistics, folder: Path) -> None:
    """Write a statistics folder; the manifest goes last, so that a folder with a complete manifest is whole."""
    calibration = statistics.calibration
    (folder / "manifest.json").unlink(missing_ok=True)  # killed while overwriting, a folder must not look whole
    put_tensors(folder / "calibration.safetensors", {"tokens": calibration.tokens, "lengths": calibration.lengths}, {})
    put_tensors(folder / "samples.safetensors", {"loss": statistics.losses} | {
        f"{name}.sample_l1": values for name, values in statistics.sample_l1.items()}, {})
    blocks: dict[int, dict[str, Tensor]] = {}
    for name, sums in statistics.sums.items():
        block = blocks.setdefault(_block_of(statistics, name), {})
        block[f"{name}.input_sq"] = sums.input_sq
        block |= {f"{name}.{KEPT[kept]}": tensor for kept, tensor in sums.gradients.items()}
        block |= {f"{name}.{kind}": tensor for kind, tensor in statistics.halves.get(name, {}).items()}
        if sums.tokens.dim():
            block[f"{name}.tokens"] = sums.tokens
    for index, tensors in blocks.items():
        put_tensors(_block_file(folder, index), tensors, {})
    put_json(folder / "manifest.json", manifest_of(statistics))
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)
    for left in folder.glob(".*.safetensors.*"):  # what a run that was killed while writing left beside its place
        left.unlink(missing_ok=True)


def manifest_of(statistics: Statistics) -> dict[str, Any]:
    """What a folder of these statistics says of them: of the text its name and SHA-256, never a word of it."""
    calibration = statistics.calibration
    return {
        "format": FORMAT, "model": statistics.model_name, "model_key": statistics.model_key,
        "samples": statistics.asked, "samples_complete": statistics.count, "length": calibration.length,
        "seed": calibration.seed, "rule": calibration.rule, "keep": list(statistics.keep),
        "halves": bool(statistics.halves), "text": calibration.text_name, "text_sha256": calibration.text_sha256,
        "tokens_sha256": calibration.key, "dtype": statistics.dtype, "device": statistics.device, "plan": "whole",
        "left_out": dict(calibration.left_out),
        "blocks": sorted({_block_of(statistics, name) for name in statistics.sums}), "complete": True,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "python": platform.python_version()},
    }


def _block_of(statistics: Statistics, name: str) -> int:
    """The block number in a parameter's name: the first number of its path, as in every ModuleList."""
    return next((int(part) for part in name.split(".") if part.isdigit()), 0)


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    file = folder / "manifest.json"
    if not file.is_file():
        return None
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        whole = manifest["format"] == FORMAT and manifest["model_key"] and manifest["samples_complete"]
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise StatisticsError("torn", folder=str(folder), file="manifest.json")
    return manifest


def _refuse_stranger(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    if found["model_key"] != wanted["model_key"]:
        raise StatisticsError("other_model", folder=str(folder), found=found["model"], wanted=wanted["model"])
    for name in ("tokens_sha256", "keep", "halves", "dtype"):
        if found.get(name) != wanted[name]:
            raise StatisticsError("other_text" if name == "tokens_sha256" else "other_settings", folder=str(folder),
                                  found=found["text"] if name == "tokens_sha256" else f"{name} {found.get(name)}",
                                  wanted=wanted["text"] if name == "tokens_sha256" else f"{name} {wanted[name]}")


def _resume(folder: Path, manifest: dict[str, Any], calibration: CalibrationSet,
            accumulator: _Accumulator) -> Statistics | None:
    """The finished statistics where the folder holds them, else None with the checkpoint (if any) restored."""
    found = _read_manifest(folder)
    if found is not None:
        # A cancelled run's tokens are the first of the asked ones; its folder is whole, but smaller than asked.
        cancelled = found["samples_complete"] < found["samples"] == manifest["samples"]
        tokens = calibration.first(found["samples_complete"]).key if cancelled else calibration.key
        _refuse_stranger(found, manifest | {"tokens_sha256": tokens}, folder)
        if found["samples_complete"] == manifest["samples"]:
            return load(folder, accumulator.model)
    checkpoint = folder / "checkpoint.safetensors"
    if not checkpoint.is_file():
        return None
    try:
        with safe_open(checkpoint, "pt") as stored:
            _refuse_stranger(json.loads(stored.metadata()["gblm"]), manifest, folder)
            accumulator.restore({key: stored.get_tensor(key) for key in stored.keys()})  # noqa: SIM118  # no mapping
    except (SafetensorError, KeyError, ValueError) as error:
        raise StatisticsError("torn", folder=str(folder), file=checkpoint.name) from error
    return None


def _checkpoint(folder: Path, manifest: dict[str, Any], accumulator: _Accumulator) -> None:
    """All running sums in one file, put in place at once: no state in between exists."""
    put_tensors(folder / "checkpoint.safetensors",
                {name: tensor.cpu() for name, tensor in accumulator.tensors().items()}, manifest)


def checkpoint_samples(folder: Path) -> int:
    """How many whole samples the folder's checkpoint holds; 0 where there is none."""
    file = folder / "checkpoint.safetensors"
    if not file.is_file():
        return 0
    with safe_open(file, "pt") as stored:
        return int(stored.get_slice("losses").get_shape()[0])


def load(folder: Path, model: Model | None = None) -> Statistics:
    """Read a statistics folder back; with `model`, a folder made by another model is refused with both names."""
    manifest = _read_manifest(folder)
    if manifest is None:
        key = "unfinished" if (folder / "checkpoint.safetensors").is_file() else "no_statistics"
        raise StatisticsError(key, folder=str(folder))
    if model is not None and manifest["model_key"] != model.key:
        raise StatisticsError("other_model", folder=str(folder), found=manifest["model"], wanted=model.name)
    file = "calibration.safetensors"
    try:
        with safe_open(folder / file, "pt") as stored:
            calibration = CalibrationSet(
                stored.get_tensor("tokens"), stored.get_tensor("lengths"), manifest["rule"], manifest["seed"],
                manifest["text"], manifest["text_sha256"], tuple(sorted(manifest["left_out"].items())))
        file = "samples.safetensors"
        with safe_open(folder / file, "pt") as stored:
            losses = stored.get_tensor("loss")
            sample_l1 = {key.removesuffix(".sample_l1"): stored.get_tensor(key)
                         for key in stored.keys() if key != "loss"}  # noqa: SIM118  # no mapping
        sums: dict[str, Sums] = {}
        halves: dict[str, dict[str, Tensor]] = {}
        for block in manifest["blocks"]:
            file = _block_file(folder, block).name
            with safe_open(folder / file, "pt") as stored:
                for key in stored.keys():  # noqa: SIM118  # no mapping
                    if key.endswith(".input_sq"):
                        name = key.removesuffix(".input_sq")
                        sums[name] = _read_sums(stored, name, manifest, calibration)
                    elif key.endswith(("_even", "_odd")):
                        name, _, kind = key.rpartition(".")
                        halves.setdefault(name, {})[kind] = stored.get_tensor(key)
    except (SafetensorError, OSError, KeyError) as error:
        raise StatisticsError("torn", folder=str(folder), file=file) from error
    if model is not None:
        names = [matrix.name for matrix in model.layout.matrices]
        if set(sums) != set(names) or set(sample_l1) != set(names):
            raise StatisticsError("torn", folder=str(folder), file=file)
        sums = {name: sums[name] for name in names}  # files sort by name; sums over matrices go in the network's order
        sample_l1 = {name: sample_l1[name] for name in names}
    return Statistics(calibration, manifest["model_key"], manifest["model"], manifest["dtype"], manifest["device"],
                      tuple(manifest["keep"]), sums, losses, sample_l1, manifest["samples"], 0.0, halves)


def _read_sums(stored: Any, name: str, manifest: dict[str, Any], calibration: CalibrationSet) -> Sums:
    squares = stored.get_tensor(f"{name}.input_sq")
    tokens = stored.get_tensor(f"{name}.tokens") if squares.dim() == 2 else torch.tensor(calibration.token_count)
    return Sums(squares, {kept: stored.get_tensor(f"{name}.{KEPT[kept]}") for kept in manifest["keep"]}, tokens)
