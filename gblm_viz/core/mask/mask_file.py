"""Mask files: masks and their settings in one safetensors file; every value is checked when it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.checked_files import Kind, bad_field, check_tensors, read_header, read_tensors
from ..base.errors import StatisticsError
from ..base.files import cannot_write, remove_leftovers, usable_path, write_atomically
from ..base.lazy import torch
from .patterns import label
from .prune import Masks
from .tensor_writer import write_one_by_one

if TYPE_CHECKING:
    from torch import Tensor


def read_mask_settings(path: Path) -> dict[str, Any] | None:
    """Return the settings in a mask file's metadata; None if the file is not a mask file."""
    try:
        found = json.loads(read_header(path.parent, path.name).metadata["gblm"])
    except (StatisticsError, KeyError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "calibration" in found else None


def save_masks(applied: Masks, path: Path) -> None:
    """Write each mask as uint8 of the parameter's (out, in) view, 1 = removed; the metadata stores the settings."""
    usable_path(path)
    shapes = {name: tuple(mask.shape) for name, mask in applied.masks.items()}
    try:
        remove_leftovers(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    write_atomically(path, lambda beside: write_one_by_one(beside, shapes, applied.masks.__getitem__,
                                                           _mask_metadata(applied)))


def mask_file_bytes(applied: Masks) -> bytes:
    """Return the same file as bytes, for a download."""
    from safetensors.torch import save as to_bytes

    tensors = {name: mask.to(torch.uint8).contiguous() for name, mask in applied.masks.items()}
    return to_bytes(tensors, _mask_metadata(applied))


def _mask_metadata(applied: Masks) -> dict[str, str]:
    metadata = applied.settings.as_dict() | {
        "format": 1, "model_key": applied.model_key, "calibration": applied.calibration_key,
        "alpha_value": applied.alpha, "pattern_label": label(applied.settings.make_pattern())}
    return {"gblm": json.dumps(metadata, sort_keys=True)}


def read_masks(path: Path) -> dict[str, Tensor]:
    """Return name → bool (out, in) or (experts, out, in), True = removed. Raises StatisticsError for any other file."""
    header = read_header(usable_path(path).parent, path.name)
    for name, (kind, _) in header.tensors.items():
        if len(kind.shape) not in {2, 3}:
            raise bad_field(path.parent, path.name, name, str(kind), "(…, out, in)")
    check_tensors(header, {name: Kind("U8", kind.shape, 0, 1) for name, (kind, _) in header.tensors.items()})
    return {name: found.bool() for name, found in read_tensors(header).items()}
