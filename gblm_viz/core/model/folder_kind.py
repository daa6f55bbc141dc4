"""Recognise folders that are not model folders but are easily mistaken for one, by the names of their files. Each kind
has its own message, given before anything is built.

Only an adapter's config is opened, to name its base model. Independent of configs and networks.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import ModelError, shortened

ADAPTER = "adapter_config.json"
MOST_NAMES = 2_000
MOST_BYTES = 2**20
LONGEST = 100
"""Characters of a file's or a base model's name that a message quotes."""


@dataclass(frozen=True)
class Kind:
    """One kind of folder. `key`: of its message. `knows`: file names → the first that shows this kind, or None.

    `format`: what the files are called in the message.
    """

    key: str
    knows: Callable[[list[str]], str | None]
    format: str = ""


def _ending(*endings: str) -> Callable[[list[str]], str | None]:
    return lambda names: next((name for name in names if name.lower().endswith(endings)), None)


def _called(*wanted: str) -> Callable[[list[str]], str | None]:
    return lambda names: next((name for name in names if name in wanted), None)


def _native(names: list[str]) -> str | None:
    """Return "params.json" if the weights are in their makers' own format, without a config.json; else None."""
    return "params.json" if "params.json" in names and "config.json" not in names else None


KINDS = (
    Kind("gguf_only", _ending(".gguf")),
    Kind("pipeline", _called("model_index.json")),
    Kind("native_only", _native),
    Kind("other_format", _ending(".onnx"), "ONNX"),
    Kind("other_format", _ending(".h5"), "TensorFlow"),
    Kind("other_format", _ending(".msgpack"), "Flax"),
    Kind("other_format", _ending(".npz"), "NumPy"),
    Kind("other_format", _ending(".distcp"), "torch.distributed"),
    Kind("other_format", _ending(".tflite", ".mlmodel", ".nemo"), "another program"),
)
"""Kinds of folders without weights of their own in safetensors; the first that matches gives the message."""
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def other_kind(place: Path, source: str) -> ModelError | None:
    """Return the error that says what the folder is instead of a model folder; None if it may be one."""
    try:
        names = sorted(name for name, _ in zip(os.listdir(place), range(MOST_NAMES), strict=False))
    except OSError:
        return None
    return other_kind_named(names, source, lambda: place / ADAPTER)


def other_kind_named(names: list[str], source: str, adapter: Callable[[], Path]) -> ModelError | None:
    """Return the error that says what a folder or repository with files of these names is instead of a model folder.

    names: sorted, without those in subfolders. adapter: returns the place of an adapter's config, which names its base
    model; called only for an adapter. None if it may be a model folder.
    """
    weights = [name for name in names if name.endswith(".safetensors")]
    own = [name for name in weights if not name.startswith("adapter_model")]
    if ADAPTER in names and (not own or len(own) < len(weights)):
        return ModelError("adapter_beside" if own else "adapter", source=source, base=_base(adapter()))
    if own or ("config.json" in names and any(name.endswith(_PICKLES) for name in names)):
        return None
    for kind in KINDS:
        found = kind.knows(names)
        if found is not None:
            return ModelError(kind.key, source=source, file=shortened(found, LONGEST), format=kind.format)
    return None


def _base(file: Path) -> str:
    """Return the name of an adapter's base model from its config; a dash if that cannot be read."""
    try:
        if not stat.S_ISREG(os.lstat(os.path.realpath(file)).st_mode) or file.stat().st_size > MOST_BYTES:
            return "–"
        named = json.loads(file.read_bytes()).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError, RecursionError, MemoryError):
        return "–"
    return shortened(named, LONGEST) or "–" if isinstance(named, str) else "–"
