"""The sums over a calibration set, in memory and in a folder.

Stores sums and counts, not norms; `input_norm` below turns input sums into norms. This module does not collect sums and
does not use methods or masks.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from ..base.checked_files import (
    Kind,
    bad_field,
    check_fields,
    check_tensors,
    dict_of,
    has_entry,
    integer,
    list_of,
    one_of,
    read_header,
    read_json,
    read_tensors,
    regular_file,
    string,
)
from ..base.errors import PlaceError, StatisticsError, refuse_unknown
from ..base.files import usable_path, write_json, write_tensors
from ..base.lazy import torch, transformers
from ..model.matrices import Layout, embedding_weight
from ..model.models import Model
from ..text.calibration import RULES, CalibrationSet

if TYPE_CHECKING:
    from torch import Tensor

KEPT = {"l1": "gradient_l1", "sq": "gradient_sq", "sum": "gradient_sum"}
"""--keep word → the sum's name in the files."""
NORMS = {"l1": "l1", "l2": "sq", "sum": "sum"}
"""Gradient norm → the --keep word of the sum it is computed from."""
FORMAT = 1
LEFT = ("checkpoint.safetensors", ".*.safetensors.*", ".*.json.*", ".tmp??????", "upstream-*.safetensors")
"""Patterns of the files that a killed run leaves: its checkpoint, and partly written files (ours, safetensors')."""
MANIFEST, CALIBRATION, SAMPLES = "manifest.json", "calibration.safetensors", "samples.safetensors"
ASKED = {
    "format": one_of(FORMAT), "model": string(), "model_key": string("[0-9a-f]{64}"), "samples": integer(1),
    "length": integer(2), "seed": integer(-2**63, 2**64 - 1), "rule": one_of(*RULES), "keep": list_of(one_of(*KEPT)),
    "halves": one_of(True, False), "text": string(), "text_sha256": string("([0-9a-f]{64})?"),
    "tokens_sha256": string("[0-9a-f]{64}"), "dtype": string("[a-z0-9_]+"), "device": string("[a-z]+"),
    "plan": one_of("whole", "streamed"), "versions": dict_of(string()),
}
"""The request as a manifest and a checkpoint store it: field → check of its value."""
DONE = {
    "samples_complete": integer(1), "left_out": dict_of(integer(0)), "blocks": list_of(integer(0, 9999)),
    "complete": one_of(True),
}
"""The result fields of a manifest: field → check of its value."""
SHORT_KEY = 12
"""Hex digits of a model's key shown in a message."""
Place = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]
"""An index into a matrix's sums, for a part of them."""
LARGE = 10**9
"""Above this many prunable weights only ℓ1 is kept by default: all three sums take 12 bytes per weight."""


@dataclass(frozen=True, eq=False)
class Sums:
    """One matrix's float32 sums over all samples: gradients (…, out, in), inputs (…, in); … = experts, if stacked."""

    input_sq: Tensor
    gradients: dict[str, Tensor]
    tokens: Tensor
    """int64 () or (experts,): how many tokens this matrix (each expert) received."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """All data from a text that scores need. `losses` float64 (N,); `sample_l1[name]` float64 (N,) = Σ_ij |G_s,ij|."""

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
        """How many samples the sums cover."""
        return self.calibration.count

    @property
    def cancelled(self) -> bool:
        """Whether the sums cover fewer samples than were requested."""
        return self.count < self.asked

    def input_norm(self, name: str) -> Tensor:
        """Return x_j, float32 (in,) or (experts, in). Raises PlaceError for an unknown matrix."""
        self._refuse_missing(name)
        return input_norm(self.sums[name].input_sq, self.count)

    def gradient_norm(self, name: str, norm: str, place: Place = ...) -> Tensor:
        """Return g_ij, float32 (out, in) or (experts, out, in), for norm l1, l2 or sum (|ΣG|, for comparison only).

        place: an index into that shape, for a part of it. Raises SettingError for an unknown norm, StatisticsError
        for one whose sum was not kept, PlaceError for an unknown matrix.
        """
        refuse_unknown("gradient_norm_unknown", norm, NORMS)
        self._refuse_missing(name)
        kept = NORMS[norm]
        if kept not in self.keep:
            raise StatisticsError("sum_not_kept", kept=", ".join(self.keep), wanted=kept)
        stored = self.sums[name].gradients[kept][place]
        return {"l1": stored.clone, "l2": stored.sqrt, "sum": stored.abs}[norm]()

    def gradient_sum(self, name: str) -> Tensor:
        """Return ΣG, float32 (out, in) or (experts, out, in), with its sign. Raises the errors of `gradient_norm`."""
        self.gradient_norm(name, "sum", (..., slice(0, 1)))
        return self.sums[name].gradients["sum"]

    def _refuse_missing(self, name: str) -> None:
        if name not in self.sums:
            raise PlaceError("no_such_matrix", given=name)


def input_norm(input_sq: Tensor, samples: int) -> Tensor:
    """Return x_j = √(input_sq_j / N): the authors average ‖X_j‖² over sequences (lib/layerwrapper.py:34-39)."""
    return (input_sq / samples).sqrt()


def default_keep(model: Model) -> tuple[str, ...]:
    """Return the sums that are kept by default for this model."""
    return keep_for(model.layout.prunable)


def keep_for(prunable: int) -> tuple[str, ...]:
    """Return the sums that are kept by default for this number of prunable weights."""
    return tuple(KEPT) if prunable <= LARGE else ("l1",)


def checked_keep(keep: object) -> tuple[str, ...]:
    """Return the sums to keep, in the files' order. Raises SettingError for an unknown name, or if there is none."""
    asked = tuple(keep) if isinstance(keep, list | tuple | set | frozenset) else (keep,)
    for one in asked or ("",):
        refuse_unknown("sum_unknown", one, KEPT)
    return tuple(kept for kept in KEPT if kept in asked)


# The folder: core/README.md, Files. Each file is written under a temporary name, then renamed.

def refuse_overwrite(folder: Path) -> None:
    """Raises StatisticsError if a file that this program did not write has the name of a file to be written.

    Our own files are recognised by the `gblm` entry in their metadata.
    """
    usable_path(folder)
    blocks = [file.name for file in sorted(folder.glob("block-[0-9][0-9][0-9][0-9].safetensors"))]
    for name in (CALIBRATION, SAMPLES, *blocks):
        if has_entry(folder, name) and "gblm" not in read_header(folder, name).metadata:
            raise StatisticsError("statistics_taken", folder=str(folder), file=name)


def _block_file(folder: Path, block: int) -> Path:
    return folder / f"block-{block:04d}.safetensors"


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version()}


def collection_request(model: Model, calibration: CalibrationSet, keep: tuple[str, ...], halves: bool,
                       plan: str) -> dict[str, Any]:
    """Return the request of a collection as a checkpoint stores it; a manifest has the same fields and the result's."""
    return {
        "format": FORMAT, "model": model.name, "model_key": model.key, "samples": calibration.count,
        "length": calibration.length, "seed": calibration.seed, "rule": calibration.rule, "keep": list(keep),
        "halves": halves, "text": calibration.text_name, "text_sha256": calibration.text_sha256,
        "tokens_sha256": calibration.key, "dtype": model.dtype, "device": model.device.type, "plan": plan,
        "versions": _versions(),
    }


def put_block(folder: Path, block: int, sums: Mapping[str, Sums], halves: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write one block's file. Deletes the folder's manifest first, because it describes the previous content."""
    (folder / MANIFEST).unlink(missing_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, one in sums.items():
        tensors[f"{name}.input_sq"] = one.input_sq
        tensors |= {f"{name}.{KEPT[kept]}": tensor for kept, tensor in one.gradients.items()}
        tensors |= {f"{name}.{kind}": tensor for kind, tensor in halves.get(name, {}).items()}
        if one.tokens.dim():
            tensors[f"{name}.tokens"] = one.tokens
    write_tensors(_block_file(folder, block), tensors, {})


def save(statistics: Statistics, folder: Path, blocks: bool = True) -> None:
    """Write a statistics folder; the manifest is written last, so a folder with a manifest is complete.

    blocks: False if the blocks' files are written already.
    """
    refuse_overwrite(folder)
    calibration = statistics.calibration
    (folder / MANIFEST).unlink(missing_ok=True)  # a run killed while overwriting must not look complete
    write_tensors(folder / CALIBRATION, {"tokens": calibration.tokens, "lengths": calibration.lengths}, {})
    write_tensors(folder / SAMPLES, {"loss": statistics.losses} | {
        f"{name}.sample_l1": values for name, values in statistics.sample_l1.items()}, {})
    by_block: dict[int, dict[str, Sums]] = {}
    for name, sums in statistics.sums.items():
        by_block.setdefault(_block_of(name), {})[name] = sums
    for index, own in by_block.items() if blocks else ():
        put_block(folder, index, own, statistics.halves)
    write_json(folder / MANIFEST, manifest_of(statistics))
    remove_checkpoints(folder)


def remove_checkpoints(folder: Path) -> None:
    """Delete checkpoints and partly written files from a finished folder."""
    for pattern in LEFT:
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)


def manifest_of(statistics: Statistics) -> dict[str, Any]:
    """Return the manifest of these statistics; of the text it contains the name and SHA-256, never the text itself."""
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
    """Return the block number in a parameter's name: the first number of its path, as in every ModuleList."""
    return next((int(part) for part in name.split(".") if part.isdigit()), 0)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest with every field checked; None if there is none. Raises StatisticsError."""
    if not has_entry(usable_path(folder), MANIFEST):
        return None
    found = read_json(folder, MANIFEST)
    if isinstance(found, dict) and found.get("format") != FORMAT:  # another format may have other fields
        raise StatisticsError("torn", folder=str(folder), file=MANIFEST)
    manifest = check_fields(folder, MANIFEST, found, ASKED | DONE)
    if manifest["samples_complete"] > manifest["samples"]:
        raise bad_field(folder, MANIFEST, "samples_complete", manifest["samples_complete"],
                        f"≤ {manifest['samples']}")
    return manifest


def load(folder: Path, model: Model | None = None) -> Statistics:
    """Read a statistics folder. With `model`, raises StatisticsError for a folder made by another model.

    Every value is checked first, because the folder may come from anywhere: StatisticsError names the file and what is
    wrong. The check reads each file once, a MiB at a time. For a model whose blocks are read one at a time, the sums
    are read block by block too.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        key = "unfinished" if has_entry(folder, "checkpoint.safetensors") else "no_statistics"
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
    # Files sort by name; loops over matrices use the network's order.
    held = StoredSums(folder, tuple(names), manifest, calibration) if by_block else {name: sums[name] for name in names}
    return Statistics(calibration, manifest["model_key"], manifest["model"], manifest["dtype"], manifest["device"],
                      tuple(manifest["keep"]), held, losses, sample_l1, manifest["samples"], 0.0, halves,
                      manifest["plan"])


def other_model(folder: str, name: str, key: str, wanted: str, wanted_key: str) -> StatisticsError:
    """Return the error for statistics made by the model `name` instead of `wanted`: another model, or one of the same
    name with other weights."""
    if name == wanted:
        return StatisticsError("other_weights", folder=folder, model=name, found=key[:SHORT_KEY],
                               wanted=wanted_key[:SHORT_KEY])
    return StatisticsError("other_model", folder=folder, found=name, wanted=wanted)


def _read_calibration(folder: Path, manifest: Mapping[str, Any], model: Model | None) -> CalibrationSet:
    """Return the samples. Raises StatisticsError for tokens or lengths out of range, or not those of the manifest."""
    samples, length = manifest["samples_complete"], manifest["length"]
    longest = model.longest if model is not None else None
    if longest is not None and length > longest:
        raise bad_field(folder, MANIFEST, "length", length, f"≤ {longest}")
    header = read_header(folder, CALIBRATION)
    last = (embedding_weight(model.network).shape[0] if model is not None else 2**31) - 1
    check_tensors(header, {"tokens": Kind("I64", (samples, length), 0, last),
                           "lengths": Kind("I64", (samples,), 2, length)})
    found = read_tensors(header)
    calibration = CalibrationSet(found["tokens"], found["lengths"], manifest["rule"], manifest["seed"],
                                 manifest["text"], manifest["text_sha256"], tuple(sorted(manifest["left_out"].items())))
    if calibration.key != manifest["tokens_sha256"]:
        raise bad_field(folder, MANIFEST, "tokens_sha256", manifest["tokens_sha256"], calibration.key)
    return calibration


def _read_samples(folder: Path, names: list[str], samples: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Return (losses, ℓ1 of each sample's gradient by matrix)."""
    header = read_header(folder, SAMPLES)
    each = Kind("F64", (samples,), 0)
    check_tensors(header, {"loss": each} | {f"{name}.sample_l1": each for name in names})
    found = read_tensors(header)
    return found["loss"], {name: found[f"{name}.sample_l1"] for name in names}


def check_block(folder: Path, block: int, asked: Mapping[str, Any], layout: Layout | None = None) -> None:
    """Raises StatisticsError unless a block's file is as `put_block` writes it; sums of |G| and squares must be ≥ 0.

    With `layout` the matrices must be the network's; without it, the sums of each matrix must agree on its shape.
    """
    header = read_header(folder, _block_file(folder, block).name)
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
    """The sums in a folder, read on access; only the last used block's file is kept in memory (mapped)."""

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
    """Return one block's sums and halves as `put_block` wrote them. Raises StatisticsError for a damaged file."""
    file = regular_file(folder, _block_file(folder, block).name)
    sums: dict[str, Sums] = {}
    halves: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(file, "pt") as stored:
            for key in stored.keys():  # noqa: SIM118  # not a mapping
                if key.endswith(".input_sq"):
                    name = key.removesuffix(".input_sq")
                    sums[name] = _read_sums(stored, name, manifest, calibration)
                elif key.endswith(("_even", "_odd")):
                    name, _, kind = key.rpartition(".")
                    halves.setdefault(name, {})[kind] = stored.get_tensor(key)
    except (SafetensorError, OSError, KeyError) as error:
        raise StatisticsError("torn", folder=str(folder), file=file.name) from error
    return sums, halves


def _read_sums(stored: safe_open, name: str, manifest: Mapping[str, Any], calibration: CalibrationSet) -> Sums:
    squares = stored.get_tensor(f"{name}.input_sq")
    tokens = stored.get_tensor(f"{name}.tokens") if squares.dim() == 2 else torch.tensor(calibration.token_count)
    return Sums(squares, {kept: stored.get_tensor(f"{name}.{KEPT[kept]}") for kept in manifest["keep"]}, tokens)
