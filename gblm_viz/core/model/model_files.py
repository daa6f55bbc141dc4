"""Choose the files of a folder or repository that hold a model's weights: those that transformers reads, in its order.

These are the file that config.json names (transformers_weights); else model.safetensors; else the files that
model.safetensors.index.json names. Other files beside them (a second dtype, consolidated files, masks) are not part of
the model. Loading, estimate, key and download all use this. Independent of the content of the weight files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath

from ..base.errors import ModelError, shortened

MASKS_FILE = "masks.safetensors"
"""File with the masks, beside the weights in the folder of a model that this app pruned."""
CONFIG, INDEX, WHOLE = "config.json", "model.safetensors.index.json", "model.safetensors"
NAMED_BY_CONFIG = "transformers_weights"
_TENSORS, _INDEX = ".safetensors", ".safetensors.index.json"


def first_file(names: Collection[str], read: Callable[[str], Mapping[str, object]], source: str) -> str | None:
    """Return the file that loading starts from: weights or an index; None if there are no weights.

    names: files of the folder itself. read: returns the JSON object in one of them. Raises ModelError if there are
    weights but nothing says which of them are the model.
    """
    named = read(CONFIG).get(NAMED_BY_CONFIG)
    if named is not None:
        if not isinstance(named, str) or not named.endswith((_TENSORS, _INDEX)) or not _plain(named):
            raise ModelError("odd_file", source=source, file=shortened(named))
        if named not in names:
            raise ModelError("missing_shard", source=source, file=shortened(named), index=CONFIG)
        return named
    for name in (WHOLE, INDEX):
        if name in names:
            return name
    others = sorted(name for name in names if name.endswith(_TENSORS) and name != MASKS_FILE)
    if others:
        raise ModelError("no_index", source=source, count=len(others), file=shortened(others[0]),
                         whole=WHOLE, index=INDEX)
    return None


def chosen(names: Collection[str], read: Callable[[str], Mapping[str, object]], source: str) -> tuple[str, ...]:
    """Return the names of all files with weights, in the order in which they are read; () if there are no weights.

    Raises ModelError for no index, a broken index, or one that names a file which is missing or not allowed.
    """
    first = first_file(names, read, source)
    if first is None:
        return ()
    return _of_index(first, names, read(first), source) if first.endswith(_INDEX) else (first,)


def _of_index(index: str, names: Collection[str], content: Mapping[str, object], source: str) -> tuple[str, ...]:
    files = content.get("weight_map")
    if not isinstance(files, dict) or not all(isinstance(one, str) for one in files.values()):
        raise ModelError("broken_json", source=source, file=index)
    found = sorted(set(files.values()))
    for name in found:
        if not name.endswith(_TENSORS) or not _plain(name):
            raise ModelError("odd_file", source=source, file=shortened(name))
        if name not in names:
            raise ModelError("missing_shard", source=source, file=shortened(name), index=index)
    if not isinstance(content.get("metadata"), dict):
        raise ModelError("bad_index", source=source, file=index)
    return tuple(found)


def _plain(name: str) -> bool:
    """Return whether the name is that of a file in the folder itself, without a path."""
    return PurePosixPath(name).name == name and "\\" not in name
