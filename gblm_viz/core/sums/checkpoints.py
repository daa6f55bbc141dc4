"""The files of a collection that was stopped before its end: what it had finished, and how another run continues.

A half-written file is never visible under its name. Does not add anything up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from ..base.errors import StatisticsError
from ..base.files import write_tensors
from ..base.lazy import F, torch
from ..model.matrices import Layout
from ..model.models import Model
from ..text.batches import Batch
from ..text.calibration import CalibrationSet
from .accumulator import Accumulator
from .statistics import ASKED, Statistics, load, other_model, read_manifest

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT = "checkpoint.safetensors"
UPSTREAM = "upstream"
"""Key of a sample's gradient on the shelf and in its file: ∂loss/∂(input of the block that was finished last)."""


def read_finished(folder: Path, wanted: dict[str, Any], calibration: CalibrationSet,
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


def read_checkpoint(folder: Path | None, wanted: dict[str, Any],
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


def whole_state(header: Header, accumulator: Accumulator, samples: int) -> dict[str, Kind]:
    """Return the kind of each tensor in a whole-plan checkpoint. Raises StatisticsError for a bad sample count."""
    done = math.prod(header.shape("losses"))
    if not 1 <= done <= samples:
        raise bad_field(header.folder, header.file, "losses", str(header.shape("losses")), f"(1 … {samples},)")
    signed = ("/sum", "/gradient_sum_even", "/gradient_sum_odd")
    kinds = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    return {"losses": Kind("F64", (done,), 0)} | {
        name: Kind(kinds[tensor.dtype], tuple(tensor.shape), -math.inf if name.endswith(signed) else 0)
        for name, tensor in accumulator.tensors(done).items()}


def streamed_state(header: Header, layout: Layout, samples: int) -> dict[str, Kind]:
    """Return the kind of each tensor in a streamed-plan checkpoint: losses, blocks left, ℓ1 of finished blocks."""
    each = Kind("F64", (samples,), 0)
    names = {f"sample_l1/{matrix.name}" for matrix in layout.matrices}
    return {"losses": each, "blocks_left": Kind("I64", (), 0, len(layout.blocks) - 1)} | {
        name: each for name in header.tensors if name in names}


def refuse_missing(state: Mapping[str, Tensor], names: Sequence[str], folder: Path) -> None:
    """Raises StatisticsError if a matrix's ℓ1 is missing in a checkpoint's tensors."""
    for name in names:
        if f"sample_l1/{name}" not in state:
            raise bad_field(folder, CHECKPOINT, f"sample_l1/{name}", "–", "float64")


def put_checkpoint(folder: Path, wanted: dict[str, Any], state: dict[str, Tensor], losses: Tensor) -> None:
    """Write all running state to one file, atomically: a half-written checkpoint is never visible."""
    tensors = {name: tensor.cpu() for name, tensor in state.items()}
    write_tensors(folder / CHECKPOINT, tensors | {"losses": losses}, wanted)


def upstream_file(folder: Path, block: int, sample: int) -> Path:
    """Return the path of a sample's gradient at the input of `block`; the checkpoint stores the block's number."""
    return folder / f"upstream-{block:04d}-{sample:06d}.safetensors"


def read_upstream(folder: Path, block: int, batch: Batch, like: Tensor | None) -> Tensor:
    """Read the gradients that a killed run stored, one file a sample, as (samples, longest, hidden).

    like: a hidden state whose dtype and shape they must have.
    """
    parts = [None] * batch.count if like is None else batch.apart(like)
    own = [_read_upstream(folder, block, sample, part) for sample, part in zip(batch.samples, parts, strict=True)]
    longest = max(batch.lengths)
    return torch.cat([F.pad(one, (0, 0) * (one.dim() - 2) + (0, longest - one.shape[1])) for one in own])


def _read_upstream(folder: Path, block: int, sample: int, like: Tensor | None) -> Tensor:
    """Read one sample's gradient. like: a hidden state whose dtype and shape it must have.

    Raises StatisticsError for a damaged file, a dtype or shape that differs, or a value that is not finite.
    """
    file = upstream_file(folder, block, sample).name
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
