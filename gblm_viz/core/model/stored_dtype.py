"""Convert weights back to the dtype of their files: what was widened on loading is narrowed again without loss.

Independent of masks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


@torch.no_grad()
def narrow_to_stored(state: Mapping[str, Tensor], stored: Mapping[str, torch.dtype]) -> dict[str, Tensor]:
    """Return each tensor in its stored dtype if that is narrower and represents all its values exactly; else unchanged.

    Tensors that share storage still share it afterwards, so that tied weights are written once.
    """
    made: dict[Hashable, Tensor] = {}
    found = {}
    for name, tensor in state.items():
        dtype = narrower(tensor.dtype, stored.get(name))
        if dtype == tensor.dtype or tensor.is_meta:
            found[name] = tensor
            continue
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), dtype)
        if place not in made:
            narrow = tensor.to(dtype)
            made[place] = narrow if torch.equal(narrow.to(tensor.dtype), tensor) else tensor
        found[name] = made[place]
    return found


def narrower(loaded: torch.dtype, stored: torch.dtype | None) -> torch.dtype:
    """Return the stored dtype if it takes fewer bytes than the loaded one; else the loaded one."""
    return loaded if stored is None or stored.itemsize >= loaded.itemsize else stored


def write_config_dtype(folder: Path, network: PreTrainedModel, stored: Mapping[str, torch.dtype]) -> None:
    """Write into config.json the dtype of most of the weights beside it, as save_pretrained does for a network."""
    count: Counter[torch.dtype] = Counter()
    for name, parameter in network.named_parameters():
        count[narrower(parameter.dtype, stored.get(name))] += parameter.numel()
    dtype, loaded = (str(one).removeprefix("torch.") for one in (count.most_common(1)[0][0], network.dtype))
    if dtype == loaded:
        return
    file = folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    for part in (config, *(one for one in config.values() if isinstance(one, dict))):
        if part.get("dtype") == loaded:
            part["dtype"] = dtype
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
