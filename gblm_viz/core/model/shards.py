"""Write a network whose blocks are read from files as a folder for transformers, one safetensors file for each block.

Keys, shapes and values are those that `save_pretrained` writes for the same network in memory; only one block is in
memory at a time. Independent of masks and model cards.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.job import Job, Step
from ..base.lazy import torch
from .block_weights import OUTSIDE, BlockWeights, part_of
from .matrices import decoder_blocks
from .model_files import INDEX, WHOLE
from .stored_dtype import narrow_to_stored, write_config_dtype

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


@torch.no_grad()
def write(network: PreTrainedModel, weights: BlockWeights, folder: Path) -> Job[None]:
    """Write config, generation config and weights of a private copy of a network, in their stored dtypes.

    Steps count files. Raises OSError and what safetensors raises.
    """
    from safetensors.torch import save_file

    blocks = decoder_blocks(network)
    parts = (OUTSIDE, *blocks)
    files: dict[str, str] = {}
    size = 0
    for number, part in enumerate(parts):
        yield Step(number, len(parts), "load")
        file = folder / f"model-{number + 1:05d}-of-{len(parts):05d}.safetensors"
        with weights.loaded(network, part):
            own = {name: tensor for name, tensor in network.state_dict().items() if part_of(name, blocks) == part}
            if part == OUTSIDE:  # save_pretrained also writes the configs
                network.save_pretrained(folder, state_dict=narrow_to_stored(own, weights.stored))
                os.replace(folder / WHOLE, file)
            else:
                save_file(_stored_tensors(network, narrow_to_stored(own, weights.stored)), file, {"format": "pt"})
            own.clear()
        names, bytes_ = _keys_and_bytes(file)
        files |= dict.fromkeys(names, file.name)
        size += bytes_
    write_config_dtype(folder, network, weights.stored)
    index = {"metadata": {"total_parameters": network.num_parameters(), "total_size": size}, "weight_map": files}
    (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    yield Step(len(parts), len(parts), "load")


def _stored_tensors(network: PreTrainedModel, own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a block's tensors by the keys that they have in files."""
    from transformers.core_model_loading import revert_weight_conversion

    left_out = network._keys_to_ignore_on_save or ()
    kept = {name: tensor for name, tensor in own.items() if name not in left_out}
    return {name: tensor.contiguous() for name, tensor in revert_weight_conversion(network, kept).items()}


def _keys_and_bytes(file: Path) -> tuple[list[str], int]:
    """Return (keys, bytes of their tensors) from a file's header."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    return list(entries), max((entry["data_offsets"][1] for entry in entries.values()), default=0)
