"""Check a model folder before any library opens a file in it: which files may be read, what its JSON says, which
tensors its safetensors headers name. Folders may come from anybody, so nothing in them is trusted.

Nothing is built and no weight is read. Independent of networks; outline.py limits what the config would build.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from ..base.errors import ModelError, shortened
from . import folder_kind, model_files
from .headers import Entry, read_headers

CONFIG, INDEX, TEMPLATES = model_files.CONFIG, model_files.INDEX, "additional_chat_templates"
READ = (".json", ".safetensors", ".jinja", ".txt", ".model", ".tiktoken", ".codes", ".bpe", ".spm", ".vocab")
"""Endings of the files that transformers may read: config, weights, tokenizers of every kind, templates."""
MOST_BYTES = {".safetensors": None, ".jinja": 2**20, CONFIG: 10 * 2**20, "generation_config.json": 10 * 2**20}
"""Limits by name, else by ending, else OTHERS; None: no limit. Largest seen: tokenizer.json 35 MB, index 15 MB."""
OTHERS = 100 * 2**20
DEPTH = 100
"""Deepest nesting of lists and objects in a JSON file. The reader of the tokenizers library stops at 128."""
FILES = 2_000
FEW_LAYERS = 1024
"""Number of layers that a config may name whatever the files hold: so few cost nothing to build."""
MANY = 10**6
"""Upper limit of heads, experts or groups; no model has so many."""
_LAYERS = re.compile(r"(^|_)(layers?|blocks|depth)$")
_COUNTS = re.compile(r"(^|_)(heads?|experts|groups?)$")
_IMPLEMENTATION = re.compile(r"_?(attn|experts)_implementation(_internal)?")


@dataclass(frozen=True)
class Folder:
    """What is known of a model before anything is built. `config`: the unchanged content of config.json.

    `weights`: the files that are read; `entries`: the tensors in them; `on_disk`: bytes of those files.
    """

    place: Path
    source: str
    config: Mapping[str, Any]
    weights: tuple[Path, ...]
    entries: Mapping[str, Entry]
    on_disk: int

    @property
    def model_type(self) -> str:
        """The model type that config.json names, shortened for messages."""
        return shortened(str(self.config["model_type"]))

    @property
    def tensors(self) -> int:
        """How many tensors are stored."""
        return len(self.entries)

    @property
    def stored(self) -> int:
        """Total number of values in all tensors."""
        return sum(entry.numbers for entry in self.entries.values())


def check_folder(place: Path, source: str) -> Folder:
    """Check and return the folder's files, config and headers. Raises ModelError with the file and its problem."""
    other = folder_kind.other_kind(place, source)
    if other is not None:
        raise other
    if not (place / CONFIG).is_symlink() and not (place / CONFIG).exists():
        raise ModelError("no_config", source=source)
    for file in _read_files(place, source):
        _refuse_odd(file, place, source)
    config = _object(place / CONFIG, source)
    if not isinstance(config.get("model_type"), str) or "configuration_files" in config:
        raise ModelError("broken_config", source=source)
    if _foreign_kernel(config):
        raise ModelError("remote_code", source=source, model_type=shortened(config["model_type"]))
    for name in ("generation_config.json", "tokenizer_config.json"):
        if (place / name).exists():
            _object(place / name, source)
    weights = weight_files(place, source)
    entries = read_headers(weights, source)
    _refuse_numbers(config, len(entries), source)
    return Folder(place, source, config, tuple(weights), entries, sum(file.stat().st_size for file in weights))


def weight_files(place: Path, source: str = "") -> list[Path]:
    """Return the files that hold the model's weights. Raises ModelError if nothing says which, or if one is missing."""
    names = {file.name for file in place.iterdir() if file.is_file()}
    return [place / name for name in model_files.chosen(names, lambda name: _object(place / name, source), source)]


def without_paths(text: str, place: Path, source: str) -> str:
    """Return a library's message with local paths replaced: `place` by `source` as the user gave it, others by "…"."""
    for known in sorted({str(place), str(place.resolve())}, key=len, reverse=True):
        text = text.replace(known, "\0")
    text = re.sub(r"(?<![\w.])(?:~|[A-Za-z]:)?(?:[/\\][\w.@+=,~-]+){2,}[/\\]?", "…", text)
    return text.replace("\0", source)


# Which files

def _read_files(place: Path, source: str) -> Iterator[Path]:
    """Yield the paths in the folder that a library may open. Nothing is opened."""
    try:
        with os.scandir(place) as entries:
            for number, entry in enumerate(entries):
                if number >= FILES:
                    raise ModelError("too_many_files", source=source, most=FILES)
                if entry.name.endswith(READ):
                    yield place / entry.name
        if (place / TEMPLATES).is_dir():
            yield place / TEMPLATES
            yield from (place / TEMPLATES).glob("*.jinja")
    except OSError as error:
        raise ModelError("odd_file", source=source, file=place.name) from error


def _refuse_odd(file: Path, place: Path, source: str) -> None:
    """Raises ModelError for all but a regular file of limited size inside the folder: a pipe would never end."""
    name = file.relative_to(place).as_posix()
    try:
        real = Path(os.path.realpath(file, strict=True))
        found = real.stat()
    except (OSError, ValueError) as error:  # a link to nothing, or to itself
        raise ModelError("odd_file", source=source, file=name) from error
    kind = stat.S_ISDIR if file.name == TEMPLATES else stat.S_ISREG
    if not kind(found.st_mode) or not _inside(real, Path(os.path.realpath(place))):
        raise ModelError("odd_file", source=source, file=name)
    most = MOST_BYTES.get(file.name, MOST_BYTES.get(file.suffix, OTHERS))
    if most is not None and found.st_size > most:
        raise ModelError("file_too_large", source=source, file=name, megabytes=round(found.st_size / 2**20),
                         most=most // 2**20)


def _inside(real: Path, place: Path) -> bool:
    """Return whether a file is in the folder, or in the hub cache's models--owner--name/blobs, to which the links of
    its snapshots lead (and those of folders that older versions of huggingface_hub made)."""
    if real.is_relative_to(place):
        return True
    blobs = real.parent
    repository, cache = blobs.parent, Path(os.path.realpath(constants.HF_HUB_CACHE))
    stored = blobs.name == "blobs" and repository.name.startswith("models--")
    return stored and (place.is_relative_to(repository / "snapshots") or repository.parent == cache)


# What the JSON says

def _object(file: Path, source: str) -> dict[str, Any]:
    """Return the JSON object in a file whose size was checked before. Raises ModelError if it holds anything else."""
    broken = (ModelError("broken_config", source=source) if file.name == CONFIG
              else ModelError("broken_json", source=source, file=file.name))
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, OSError, RecursionError, MemoryError) as error:  # RecursionError: nested too deep
        raise broken from error
    if not isinstance(found, dict) or _too_deep(found):
        raise broken
    return found


def _too_deep(value: dict[str, Any]) -> bool:
    """Return whether lists and objects are nested deeper than DEPTH, checked level by level.

    The limit is needed because configs are later copied recursively.
    """
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(DEPTH):
        level = [inside for one in level for inside in (one.values() if isinstance(one, dict) else one)
                 if isinstance(inside, dict | list)]
        if not level:
            return False
    return True


def _walk(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, object]]:
    """Yield every (key, value) of a config, at all levels. Its depth was checked before."""
    for key, inside in value.items() if isinstance(value, dict) else [("", one) for one in value]:
        yield key, inside
        if isinstance(inside, dict | list):
            yield from _walk(inside)


def _foreign_kernel(config: dict[str, Any]) -> bool:
    """Return whether the config names a repository whose code computes its attention or experts.

    With the right package installed, that code would be run.
    """
    return any(_IMPLEMENTATION.fullmatch(key) and "/" in json.dumps(value) for key, value in _walk(config))


def _refuse_numbers(config: dict[str, Any], tensors: int, source: str) -> None:
    """Raises ModelError for counts so large that a loop over them would run long before a missing weight is noticed."""
    layers = max(FEW_LAYERS, tensors)
    for key, value in _walk(config):
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if _LAYERS.search(key) and abs(value) > layers:
            raise ModelError("layers_beyond", source=source, layers=_number(value), name=shortened(key),
                             tensors=tensors)
        if _COUNTS.search(key) and abs(value) > MANY:
            raise ModelError("number_beyond", source=source, name=shortened(key), value=_number(value))


def _number(value: float) -> str:
    if math.isinf(value):
        return str(value)
    return f"{value:,}" if abs(value) < 10**15 else f"{'-' if value < 0 else ''}10^{int(math.log10(abs(value)))}"
