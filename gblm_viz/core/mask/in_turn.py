"""A safetensors file of bytes, written one tensor after the other: never more than one of them in memory.

The bytes are those that safetensors itself writes of all of them together. Knows nothing of what the tensors are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

ALIGNED = 8
"""The header is padded with spaces to a multiple of so many bytes."""


def write_in_turn(path: Path, shapes: Mapping[str, tuple[int, ...]], tensor: Callable[[str], Tensor],
                  metadata: Mapping[str, str]) -> None:
    """uint8 tensors of these shapes, by name; `tensor` is asked for each when its turn comes."""
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
