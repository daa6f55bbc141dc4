"""Writes a safetensors file of uint8 tensors one tensor at a time, with only one of them in memory.

The file is identical to the one safetensors itself writes. This module does not use the tensors' meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

ALIGNED = 8
"""The header is padded with spaces to a multiple of this many bytes."""


def write_one_by_one(path: Path, shapes: Mapping[str, tuple[int, ...]], tensor: Callable[[str], Tensor],
                     metadata: Mapping[str, str]) -> None:
    """Write uint8 tensors of these shapes, by name; `tensor(name)` is called when that tensor is written."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + torch.Size(shapes[name]).numel()
        header[name] = {"dtype": "U8", "shape": list(shapes[name]), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNED)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in sorted(shapes):
            file.write(tensor(name).to(torch.uint8).contiguous().view(-1).numpy().data)
