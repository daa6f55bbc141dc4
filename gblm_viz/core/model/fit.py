"""Compare the tensors in the files with those the network needs: a missing weight is an error, never initialised.

The names in the files' headers go through transformers' own key conversion into the network laid out without weights,
so that prefixes, renamings and stacked experts are treated as in loading; no weight is read. Independent of plans:
the result is the same for loading as a whole and by block.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ..base.errors import ModelError, shortened
from ..base.lazy import torch
from .folder import Folder
from .headers import TOLD
from .key_names import targets_of, without_tied

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_OTHERS = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16",
           "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64", "C64": "complex64"}
"""safetensors' name of a dtype → torch's, of those that are no float."""
NAMED = 3
"""Number of tensors that a message names."""

_METHODS = {"fp8": "FP8", "fbgemm_fp8": "FBGEMM FP8", "bitsandbytes": "bitsandbytes", "gptq": "GPTQ", "awq": "AWQ",
            "bitsandbytes_8bit": "bitsandbytes int8", "bitsandbytes_4bit": "bitsandbytes 4-bit", "mxfp4": "MXFP4",
            "compressed-tensors": "compressed-tensors", "torchao": "torchao", "hqq": "HQQ", "aqlm": "AQLM"}
"""quant_method in config.json → name in a message; others are named as in config.json."""
_ADAPTER = re.compile(r"(^|[._])lora_(A|B|embedding_A|embedding_B|magnitude_vector)([._]|$)|\.base_layer\.")
_SIGNS = (
    (re.compile(r"\.quant_state\.|\.(absmax|quant_map|nested_absmax|nested_quant_map)$"), "bitsandbytes 4-bit"),
    (re.compile(r"\.(SCB|weight_format)$"), "bitsandbytes int8"),
    (re.compile(r"\.(qweight|qzeros|g_idx)$"), "GPTQ / AWQ"),
    (re.compile(r"\.weight_(packed|shape|zero_point)$"), "compressed-tensors"),
    (re.compile(r"(_proj|_experts?|\.weight|w\d)_(blocks|scales)$"), "MXFP4"),
    (re.compile(r"\.weight_scale_inv$"), "block FP8"),
    (re.compile(r"(^|[._])scales?(_inv|_\d)?$"), "scale"),
)
"""Endings of the names of tensors stored beside quantised weights, and the quantisation they belong to."""
_HARMLESS = (r"inv_freq$", r"(^|\.)position_ids$", r"(^|\.)masked_bias$")
"""Buffers that older versions saved and that are computed from the config."""


@dataclass(frozen=True)
class Fit:
    """dtypes: name of a weight in the network → its stored dtype. unused: stored tensors that the network does not
    have, except buffers that are computed from the config."""

    dtypes: Mapping[str, torch.dtype]
    unused: tuple[str, ...]


def refuse_quantised(found: Folder) -> None:
    """Raises ModelError if config.json or a stored dtype says that the files hold quantised weights."""
    told = found.config.get("quantization_config", found.config.get("compression_config"))
    method = _quantisation_name(told) if isinstance(told, dict) else None
    small = [name for name, entry in found.entries.items() if entry.dtype[:2] in ("F8", "F6", "F4")]
    if method is not None or small:
        signs = [name for name, sign in _signs(found.entries) if sign]
        kind = method or next((sign for _, sign in _signs(found.entries)), "") or found.entries[small[0]].dtype
        raise _quantised(found, kind, [*small, *signs])


def fit(network: PreTrainedModel, found: Folder) -> Fit:
    """Return how the files fit the network, which is on the meta device and cannot be used afterwards.

    Raises ModelError if the files hold something else than weights, lack some, or hold them in another shape.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import convert_and_load_state_dict_in_model
    from transformers.modeling_utils import LoadStateDictConfig

    names = dict(network.state_dict())
    targets = targets_of(found.entries, network, names)
    unused = [key for key, into in targets.items() if not any(name in names for name in into)]
    _refuse_other_meaning(found, targets, unused, names)
    given = {key: torch.empty(entry.shape, dtype=_dtype(entry.dtype), device="meta")
             for key, entry in found.entries.items()}
    mapping: Any = get_model_conversion_mapping(network)
    info = convert_and_load_state_dict_in_model(network, given, LoadStateDictConfig(
        dtype=torch.float32, device_map={"": "meta"}, weight_mapping=mapping))[0]
    shapes = {name: (tuple(stored), tuple(wanted)) for name, stored, wanted in info.mismatched_keys}
    lacking = {name for name in without_tied(set(info.missing_keys), network.all_tied_weights_keys)
               if not _computed(name, network)}
    if lacking or shapes or info.conversion_errors:
        wanted = targets_of(_keys_wanted(network, names), network, names)
        missing = _missing(wanted, found.entries, lacking, {*shapes, *info.conversion_errors})
        if missing:
            raise _incomplete(found, missing, len(wanted), unused, network, names)
        raise ModelError("unreadable", source=found.source, why=_unlike(shapes, info.conversion_errors))
    dtypes = {name: _dtype(found.entries[key].dtype) for key, into in targets.items()
              for name in into if name in names and found.entries[key].dtype in TOLD}
    for pair in network.all_tied_weights_keys.items():
        dtypes |= {name: dtypes[other] for name, other in (pair, pair[::-1]) if other in dtypes and name not in dtypes}
    return Fit(dtypes, tuple(key for key in unused if not _harmless(key, network)))


def _dtype(told: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, TOLD.get(told) or _OTHERS[told])
    return found


# What is not the weights

def _quantisation_name(told: Mapping[str, object]) -> str | None:
    """Return the name of the quantisation in config.json; None for a method that transformers ignores as well."""
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    method = told.get("quant_method")
    for bits in ("4bit", "8bit"):
        if told.get(f"load_in_{bits}"):
            method = f"bitsandbytes_{bits}"
    if isinstance(method, str) and method not in AUTO_QUANTIZATION_CONFIG_MAPPING:
        return None
    if method == "fp8" and told.get("weight_block_size"):
        return "block FP8"
    return _METHODS.get(str(method), shortened(str(method or "quantization_config")))


def _signs(keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (key, quantisation it belongs to) for each tensor that is stored beside quantised weights."""
    for key in keys:
        for pattern, kind in _SIGNS:
            if pattern.search(key):
                yield key, kind
                break


def _refuse_other_meaning(found: Folder, targets: Mapping[str, tuple[str, ...]], unused: Collection[str],
                          names: Mapping[str, Tensor]) -> None:
    adapters = [key for key in unused if _ADAPTER.search(key)]
    if adapters:
        raise ModelError("adapter_inside", source=found.source, count=len(adapters), names=_listed(adapters))
    signs = dict(_signs(unused))
    numbers = [key for key, into in targets.items() if found.entries[key].dtype not in TOLD
               and any(name in names and names[name].is_floating_point() for name in into)]
    if signs or numbers:
        kind = next(iter(signs.values()), "") or found.entries[numbers[0]].dtype
        raise _quantised(found, kind, [*signs, *numbers])


def _quantised(found: Folder, kind: str, keys: Collection[str]) -> ModelError:
    key = "quantised" if keys else "quantised_config"
    return ModelError(key, source=found.source, kind=kind, count=len(set(keys)), names=_listed(keys))


# What is missing

def _computed(name: str, network: PreTrainedModel) -> bool:
    """Return whether a name is that of a buffer that transformers computes if the files do not hold it."""
    patterns = network._keys_to_ignore_on_load_missing or ()
    return any(re.search(pattern, name) for pattern in patterns) and name in dict(network.named_buffers())


def _harmless(key: str, network: PreTrainedModel) -> bool:
    patterns = (*_HARMLESS, *(network._keys_to_ignore_on_load_unexpected or ()))
    return any(re.search(pattern, key) for pattern in patterns)


def _keys_wanted(network: PreTrainedModel, names: Mapping[str, Tensor]) -> list[str]:
    """Return the keys that complete files of this network have, by the conversions used to read the given files."""
    from transformers.core_model_loading import revert_weight_conversion

    if not network._weight_conversions:
        del network._weight_conversions  # none was used: take those of its family
    kept = {name: one for name, one in names.items()
            if name not in network.all_tied_weights_keys and not _computed(name, network)}
    try:
        return list(revert_weight_conversion(network, kept))
    except Exception:  # an operation that needs the values, not only the shapes
        return list(kept)


def _missing(wanted: Mapping[str, tuple[str, ...]], stored: Collection[str], lacking: set[str],
             broken: set[str]) -> list[str]:
    """Return the keys that complete files have and these lack. wanted: key → names it goes into; lacking: names that
    nothing goes into; broken: names whose stored tensors do not fill them."""
    found, covered = list[str](), set[str]()
    for key, into in wanted.items():
        if key not in stored and not {*into}.isdisjoint(lacking | broken):
            found.append(key)
            covered.update(into)
    return [*found, *sorted(lacking - covered)]


def _unlike(shapes: Mapping[str, tuple[object, object]], errors: Collection[str]) -> str:
    """Return a text that says which tensor does not match the config."""
    for name, (stored, expected) in sorted(shapes.items()):
        return f"{shortened(name)}: {stored} ≠ {expected}."
    return f"{shortened(min(errors))} ≠ config.json."


def _incomplete(found: Folder, missing: list[str], total: int, unused: list[str],
                network: PreTrainedModel, names: dict[str, Tensor]) -> ModelError:
    told = {"source": found.source, "missing": len(missing), "total": max(total, len(missing)),
            "names": _listed(missing)}
    others = [key for key in unused if not _harmless(key, network)]
    prefix = _prefix(others, network, names)
    if prefix:
        return ModelError("weights_prefixed", prefix=prefix, **told)
    if others:
        return ModelError("weights_otherwise", count=len(others), others=_listed(others), **told)
    return ModelError("weights_missing", **told)


def _prefix(keys: list[str], network: PreTrainedModel, names: dict[str, Tensor]) -> str:
    """Return the prefix, up to a dot, that all keys share and without which most are known to the network; else ""."""
    if not keys:
        return ""
    first, last = min(keys).split("."), max(keys).split(".")
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    best = (0, 0, "")
    for parts in range(1, common + 1):
        prefix = ".".join(first[:parts]) + "."
        cut = [key.removeprefix(prefix) for key in keys]
        known = sum(any(name in names for name in into) for into in targets_of(cut, network, names).values())
        if known * 2 > len(keys):  # of several, prefer the one that leaves the network's own names
            best = max(best, (sum(key in names for key in cut), known, prefix))
    return best[2]


def _listed(keys: Iterable[str]) -> str:
    few = list(dict.fromkeys(keys))
    return ", ".join(shortened(key, 80) for key in few[:NAMED]) + (", …" if len(few) > NAMED else "")
