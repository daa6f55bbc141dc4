"""The sums over a calibration set, in memory and in a folder.

Sums and counts, not norms: the one line that makes norms of them is `input_norm` below. Knows nothing of how they are
collected, nor of methods or masks.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..base.errors import PlaceError, StatisticsError, refuse_unknown
from ..base.files import put_json, put_tensors, usable_path
from ..base.stored import (
    Header,
    Kind,
    bad_field,
    check_fields,
    check_tensors,
    header_of,
    one_of,
    present,
    read_json,
    regular,
    several,
    table,
    text,
    whole,
)
from ..model.matrices import Layout
from ..model.models import Model
from ..text.calibration import RULES, CalibrationSet

KEPT = {"l1": "gradient_l1", "sq": "gradient_sq", "sum": "gradient_sum"}
"""--keep word → the sum's name in the files."""
NORMS = {"l1": "l1", "l2": "sq", "sum": "sum"}
"""Gradient norm → the --keep word of the sum it is made of."""
FORMAT = 1
LEFT = ("checkpoint.safetensors", ".*.safetensors.*", ".*.json.*", ".tmp??????", "upstream-*.safetensors")
"""What a run leaves in its folder: its state, and half files of ours and of safetensors, if it was killed."""
MANIFEST, CALIBRATION, SAMPLES = "manifest.json", "calibration.safetensors", "samples.safetensors"
ASKED = {
    "format": one_of(FORMAT), "model": text(), "model_key": text("[0-9a-f]{64}"), "samples": whole(1),
    "length": whole(2), "seed": whole(-2**63, 2**64 - 1), "rule": one_of(*RULES), "keep": several(one_of(*KEPT)),
    "halves": one_of(True, False), "text": text(), "text_sha256": text("([0-9a-f]{64})?"),
    "tokens_sha256": text("[0-9a-f]{64}"), "dtype": text("[a-z0-9_]+"), "device": text("[a-z]+"),
    "plan": one_of("whole", "streamed"), "versions": table(text()),
}
"""What a manifest and a checkpoint say was asked for: name → what its value must be."""
DONE = {
    "samples_complete": whole(1), "left_out": table(whole(0)), "blocks": several(whole(0, 9999)),
    "complete": one_of(True),
}
"""What a manifest says came of it."""
SHORT_KEY = 12
"""So many hex digits of a model's key tell two apart in a sentence."""
LARGE = 10**9
"""Above this many prunable weights only ℓ1 is kept unless asked: all three are 12 bytes a weight."""


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
    sums: Mapping[str, Sums]
    losses: Tensor
    sample_l1: dict[str, Tensor]
    asked: int
    seconds: float = 0.0
    halves: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    plan: str = "whole"

    @property
    def count(self) -> int:
        return self.calibration.count

    @property
    def cancelled(self) -> bool:
        """Whether fewer samples entered than were asked for."""
        return self.count < self.asked

    def input_norm(self, name: str) -> Tensor:
        """x_j float32 (in,) or (experts, in). Raises PlaceError for a matrix that is not there."""
        self._refuse_missing(name)
        return input_norm(self.sums[name].input_sq, self.count)

    def gradient_norm(self, name: str, norm: str, place: Any = ...) -> Tensor:
        """g_ij float32 (out, in) or (experts, out, in), for norm l1, l2 or sum (the foil |ΣG|).

        place: an index into that shape, for a part of it. Raises SettingError for another norm, StatisticsError for
        one whose sum was not kept, PlaceError for a matrix that is not there.
        """
        refuse_unknown("gradient_norm_unknown", norm, NORMS)
        self._refuse_missing(name)
        kept = NORMS[norm]
        if kept not in self.keep:
            raise StatisticsError("sum_not_kept", kept=", ".join(self.keep), wanted=kept)
        stored = self.sums[name].gradients[kept][place]
        return {"l1": stored.clone, "l2": stored.sqrt, "sum": stored.abs}[norm]()

    def gradient_sum(self, name: str) -> Tensor:
        """ΣG float32 (out, in) or (experts, out, in), with its sign. Raises as `gradient_norm`."""
        self.gradient_norm(name, "sum", (..., slice(0, 1)))
        return self.sums[name].gradients["sum"]

    def _refuse_missing(self, name: str) -> None:
        if name not in self.sums:
            raise PlaceError("no_such_matrix", given=name)


def input_norm(input_sq: Tensor, samples: int) -> Tensor:
    """x_j = √(input_sq_j / N): the authors average ‖X_j‖² over sequences (lib/layerwrapper.py:34-39)."""
    return (input_sq / samples).sqrt()


def default_keep(model: Model) -> tuple[str, ...]:
    return keep_for(model.layout.prunable)


def keep_for(prunable: int) -> tuple[str, ...]:
    """The sums that are kept unless others are asked for, by the number of prunable weights."""
    return tuple(KEPT) if prunable <= LARGE else ("l1",)


def checked_keep(keep: object) -> tuple[str, ...]:
    """The sums that are to be kept, in the files' order. Raises SettingError for a name that is none, or for none."""
    asked = tuple(keep) if isinstance(keep, list | tuple | set | frozenset) else (keep,)
    for one in asked or ("",):
        refuse_unknown("sum_unknown", one, KEPT)
    return tuple(kept for kept in KEPT if kept in asked)


# The folder: core/README.md, Files. Each file is written beside its place and renamed into it.

def refuse_taken(folder: Path) -> None:
    """Raises StatisticsError where a file that belongs to somebody else has the name of one that will be written.

    What a run of ours left is known by what all of its files say of themselves.
    """
    usable_path(folder)
    blocks = [file.name for file in sorted(folder.glob("block-[0-9][0-9][0-9][0-9].safetensors"))]
    for name in (CALIBRATION, SAMPLES, *blocks):
        if present(folder, name) and "gblm" not in header_of(folder, name).metadata:
            raise StatisticsError("statistics_taken", folder=str(folder), file=name)


def _block_file(folder: Path, block: int) -> Path:
    return folder / f"block-{block:04d}.safetensors"


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version()}


def asked_for(model: Model, calibration: CalibrationSet, keep: tuple[str, ...], halves: bool,
              plan: str) -> dict[str, Any]:
    """What a collection is asked for; the manifest of its folder says the same, and what came of it."""
    return {
        "format": FORMAT, "model": model.name, "model_key": model.key, "samples": calibration.count,
        "length": calibration.length, "seed": calibration.seed, "rule": calibration.rule, "keep": list(keep),
        "halves": halves, "text": calibration.text_name, "text_sha256": calibration.text_sha256,
        "tokens_sha256": calibration.key, "dtype": model.dtype, "device": model.device.type, "plan": plan,
        "versions": _versions(),
    }


def put_block(folder: Path, block: int, sums: Mapping[str, Sums], halves: Mapping[str, Mapping[str, Tensor]]) -> None:
    """One block's file. A manifest of what the folder held before is no longer true, so it goes first."""
    (folder / MANIFEST).unlink(missing_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, one in sums.items():
        tensors[f"{name}.input_sq"] = one.input_sq
        tensors |= {f"{name}.{KEPT[kept]}": tensor for kept, tensor in one.gradients.items()}
        tensors |= {f"{name}.{kind}": tensor for kind, tensor in halves.get(name, {}).items()}
        if one.tokens.dim():
            tensors[f"{name}.tokens"] = one.tokens
    put_tensors(_block_file(folder, block), tensors, {})


def save(statistics: Statistics, folder: Path, blocks: bool = True) -> None:
    """Write a statistics folder; the manifest goes last, so that a folder with a complete manifest is whole.

    blocks: False where the blocks' files are in place already.
    """
    refuse_taken(folder)
    calibration = statistics.calibration
    (folder / MANIFEST).unlink(missing_ok=True)  # killed while overwriting, a folder must not look whole
    put_tensors(folder / CALIBRATION, {"tokens": calibration.tokens, "lengths": calibration.lengths}, {})
    put_tensors(folder / SAMPLES, {"loss": statistics.losses} | {
        f"{name}.sample_l1": values for name, values in statistics.sample_l1.items()}, {})
    by_block: dict[int, dict[str, Sums]] = {}
    for name, sums in statistics.sums.items():
        by_block.setdefault(_block_of(name), {})[name] = sums
    for index, own in by_block.items() if blocks else ():
        put_block(folder, index, own, statistics.halves)
    put_json(folder / MANIFEST, manifest_of(statistics))
    tidy(folder)


def tidy(folder: Path) -> None:
    """A finished folder holds what the contract names and nothing of the runs that made it."""
    for pattern in LEFT:
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)


def manifest_of(statistics: Statistics) -> dict[str, Any]:
    """What a folder of these statistics says of them: of the text its name and SHA-256, never a word of it."""
    calibration = statistics.calibration
    return {
        "format": FORMAT, "model": statistics.model_name, "model_key": statistics.model_key,
        "samples": statistics.asked, "samples_complete": statistics.count, "length": calibration.length,
        "seed": calibration.seed, "rule": calibration.rule, "keep": list(statistics.keep),
        "halves": bool(statistics.halves), "text": calibration.text_name, "text_sha256": calibration.text_sha256,
        "tokens_sha256": calibration.key, "dtype": statistics.dtype, "device": statistics.device,
        "plan": statistics.plan, "left_out": dict(calibration.left_out),
        "blocks": sorted({_block_of(name) for name in statistics.sums}), "complete": True, "versions": _versions(),
    }


def _block_of(name: str) -> int:
    """The block number in a parameter's name: the first number of its path, as in every ModuleList."""
    return next((int(part) for part in name.split(".") if part.isdigit()), 0)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest with every field checked; None where there is none. Raises StatisticsError."""
    if not present(usable_path(folder), MANIFEST):
        return None
    found = read_json(folder, MANIFEST)
    if isinstance(found, dict) and found.get("format") != FORMAT:  # another one may have other fields
        raise StatisticsError("torn", folder=str(folder), file=MANIFEST)
    manifest = check_fields(folder, MANIFEST, found, ASKED | DONE)
    if manifest["samples_complete"] > manifest["samples"]:
        raise bad_field(folder, MANIFEST, "samples_complete", manifest["samples_complete"],
                        f"≤ {manifest['samples']}")
    return manifest


def load(folder: Path, model: Model | None = None) -> Statistics:
    """Read a statistics folder back; with `model`, a folder made by another model is refused with both names.

    Every value in it is checked first, as anybody may have made it: StatisticsError names the file and what is wrong.
    That reads each file once, a MiB at a time. Beside a model whose blocks are read one at a time, the sums are too.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        key = "unfinished" if present(folder, "checkpoint.safetensors") else "no_statistics"
        raise StatisticsError(key, folder=str(folder))
    if model is not None and manifest["model_key"] != model.key:
        raise other_model(str(folder), manifest["model"], manifest["model_key"], model.name, model.key)
    calibration = _read_calibration(folder, manifest, model)
    blocks = sorted(manifest["blocks"])
    if model is not None and blocks != sorted({_block_of(matrix.name) for matrix in model.layout.matrices}):
        raise bad_field(folder, MANIFEST, "blocks", blocks, f"0 … {len(model.layout.blocks) - 1}")
    by_block = model is not None and model.weights is not None
    sums: dict[str, Sums] = {}
    halves: dict[str, dict[str, Tensor]] = {}
    for block in blocks:
        check_block(folder, block, manifest, None if model is None else model.layout)
        own, own_halves = read_block(folder, block, manifest, calibration)
        sums |= own
        halves |= own_halves
    names = list(sums) if model is None else [matrix.name for matrix in model.layout.matrices]
    losses, sample_l1 = _read_samples(folder, names, calibration.count)
    # Files sort by name; sums over matrices go in the network's order.
    held = StoredSums(folder, tuple(names), manifest, calibration) if by_block else {name: sums[name] for name in names}
    return Statistics(calibration, manifest["model_key"], manifest["model"], manifest["dtype"], manifest["device"],
                      tuple(manifest["keep"]), held, losses, sample_l1, manifest["samples"], 0.0, halves,
                      manifest["plan"])


def other_model(folder: str, name: str, key: str, wanted: str, wanted_key: str) -> StatisticsError:
    """The error that says why statistics made by the model `name` do not go with `wanted`: another model, or one of
    the same name whose weights are others."""
    if name == wanted:
        return StatisticsError("other_weights", folder=folder, model=name, found=key[:SHORT_KEY],
                               wanted=wanted_key[:SHORT_KEY])
    return StatisticsError("other_model", folder=folder, found=name, wanted=wanted)


def _read_calibration(folder: Path, manifest: Mapping[str, Any], model: Model | None) -> CalibrationSet:
    """The samples: tokens that the model has, lengths within the tensor's, and the very ones the manifest names."""
    samples, length = manifest["samples_complete"], manifest["length"]
    longest = model.longest if model is not None else None
    if longest is not None and length > longest:
        raise bad_field(folder, MANIFEST, "length", length, f"≤ {longest}")
    header = header_of(folder, CALIBRATION)
    last = (model.network.get_input_embeddings().weight.shape[0] if model is not None else 2**31) - 1
    check_tensors(header, {"tokens": Kind("I64", (samples, length), 0, last),
                           "lengths": Kind("I64", (samples,), 2, length)})
    found = _read(header)
    calibration = CalibrationSet(found["tokens"], found["lengths"], manifest["rule"], manifest["seed"],
                                 manifest["text"], manifest["text_sha256"], tuple(sorted(manifest["left_out"].items())))
    if calibration.key != manifest["tokens_sha256"]:
        raise bad_field(folder, MANIFEST, "tokens_sha256", manifest["tokens_sha256"], calibration.key)
    return calibration


def _read_samples(folder: Path, names: list[str], samples: int) -> tuple[Tensor, dict[str, Tensor]]:
    """(losses, ℓ1 of each sample's gradient by matrix)"""
    header = header_of(folder, SAMPLES)
    each = Kind("F64", (samples,), 0)
    check_tensors(header, {"loss": each} | {f"{name}.sample_l1": each for name in names})
    found = _read(header)
    return found["loss"], {name: found[f"{name}.sample_l1"] for name in names}


def _read(header: Header) -> dict[str, Tensor]:
    try:
        with safe_open(header.folder / header.file, "pt") as stored:
            return {name: stored.get_tensor(name) for name in header.tensors}
    except (SafetensorError, OSError) as error:
        raise StatisticsError("torn", folder=str(header.folder), file=header.file) from error


def check_block(folder: Path, block: int, asked: Mapping[str, Any], layout: Layout | None = None) -> None:
    """A block's file holds what `put_block` writes of what was asked for: sums of |G| and of squares not below 0.

    With `layout` its matrices are the network's; without, each has the shape that its own sums agree on.
    """
    header = header_of(folder, _block_file(folder, block).name)
    if layout is not None:
        shapes = {matrix.name: matrix.shape for matrix in layout.matrices if _block_of(matrix.name) == block}
    else:
        names = [key.removesuffix(".input_sq") for key in header.tensors if key.endswith(".input_sq")]
        shapes = {name: header.shape(f"{name}.{KEPT[asked['keep'][0]]}") for name in names if _block_of(name) == block}
    wanted: dict[str, Kind] = {}
    for name, shape in shapes.items():
        if len(shape) not in {2, 3}:
            raise bad_field(folder, header.file, f"{name}.{KEPT[asked['keep'][0]]}", str(shape), "(…, out, in)")
        wanted[f"{name}.input_sq"] = Kind("F32", (*shape[:-2], shape[-1]), 0)
        for kept in asked["keep"]:
            kinds = (KEPT[kept], *(f"{KEPT[kept]}_{half}" for half in ("even", "odd") if asked["halves"]))
            low = 0 if kept != "sum" else -math.inf
            wanted |= {f"{name}.{kind}": Kind("F32", shape, low) for kind in kinds}
        if len(shape) == 3:
            wanted[f"{name}.tokens"] = Kind("I64", shape[:1], 0)
    check_tensors(header, wanted)


class StoredSums(Mapping[str, Sums]):
    """The sums in a folder, of which one block's file at a time is mapped: what was read of others is let go."""

    def __init__(self, folder: Path, names: tuple[str, ...], manifest: Mapping[str, Any],
                 calibration: CalibrationSet) -> None:
        self._names = dict.fromkeys(names)
        self._read = lru_cache(1)(lambda block: read_block(folder, block, manifest, calibration)[0])

    def __getitem__(self, name: str) -> Sums:
        if name not in self._names:
            raise KeyError(name)
        return self._read(_block_of(name))[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def read_block(folder: Path, block: int, manifest: Mapping[str, Any],
               calibration: CalibrationSet) -> tuple[dict[str, Sums], dict[str, dict[str, Tensor]]]:
    """One block's sums and halves as `put_block` wrote them. Raises StatisticsError where the file is torn."""
    file = regular(folder, _block_file(folder, block).name)
    sums: dict[str, Sums] = {}
    halves: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(file, "pt") as stored:
            for key in stored.keys():  # noqa: SIM118  # no mapping
                if key.endswith(".input_sq"):
                    name = key.removesuffix(".input_sq")
                    sums[name] = _read_sums(stored, name, manifest, calibration)
                elif key.endswith(("_even", "_odd")):
                    name, _, kind = key.rpartition(".")
                    halves.setdefault(name, {})[kind] = stored.get_tensor(key)
    except (SafetensorError, OSError, KeyError) as error:
        raise StatisticsError("torn", folder=str(folder), file=file.name) from error
    return sums, halves


def _read_sums(stored: Any, name: str, manifest: Mapping[str, Any], calibration: CalibrationSet) -> Sums:
    squares = stored.get_tensor(f"{name}.input_sq")
    tokens = stored.get_tensor(f"{name}.tokens") if squares.dim() == 2 else torch.tensor(calibration.token_count)
    return Sums(squares, {kept: stored.get_tensor(f"{name}.{KEPT[kept]}") for kept in manifest["keep"]}, tokens)
