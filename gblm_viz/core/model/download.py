"""Download a hub id to a local folder through huggingface_hub, with progress in bytes; it can be cancelled.

What is already in the local cache is used as it is, without a connection. Independent of how models are loaded.
"""

from __future__ import annotations

import json
import shutil
import threading
from fnmatch import fnmatch
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm.auto import tqdm

from gblm_viz import proxies

from ..base.errors import ModelError
from ..base.job import Job, Step
from .folder_kind import ADAPTER, MOST_NAMES, other_kind_named
from .model_files import CONFIG, INDEX, NAMED_BY_CONFIG, WHOLE, chosen, first_file
from .model_source import split_revision

BESIDE = ["*.json", "*.txt", "*.jinja", "tokenizer.model", "*.tiktoken"]
"""Config, tokenizer, templates, index. Never *.bin or *.py: no pickle and no remote code is downloaded."""
NEVER = ["*/*.json", "*/*.txt", "*/*.tiktoken", "*/*.safetensors", "consolidated*", "*.index.json"]
"""Other copies of the model, in subfolders (original/, onnx/) or under other names; an index is fetched by its name."""


class _Cancelled(Exception):  # noqa: N818
    """Raised inside the download's own threads after the job was closed."""


def download(source: str) -> Job[Path]:
    """Fetch what a model needs from the hub; steps count bytes. Closing the job ends the transfer at its next chunk.

    Complete files stay in the hub's cache, so that a second try continues where this one ended.
    source: owner/name, or owner/name@revision. Raises ModelError: offline, a proxy that cannot be used, no such
    repository or revision, gated, or a failed connection.
    """
    problem: ModelError | None = None
    try:
        return _cached_folder(source)
    except (LocalEntryNotFoundError, OSError, ValueError):
        pass  # not in the cache, or incomplete: ask the hub
    except ModelError as error:
        problem = error  # a file is missing from the cache; the hub may have it
    proxies.set_aside()
    if proxies.unusable():  # a user who set a proxy does not want to connect without it
        raise ModelError("proxy_unusable", source=source, variable=", ".join(proxies.unusable()))
    transfer = _Transfer(source)
    yield from transfer.steps()
    if transfer.error is not None:
        told = _download_error(source, transfer.error)
        raise problem if problem is not None and told.key == "offline" else told from transfer.error
    return Path(transfer.folder)


class _Transfer:
    """A download on a thread of its own. At its end it has either the model's folder or the error."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.bars: list[tqdm] = []
        """The progress bars that count bytes."""
        self.cancelled, self.finished = threading.Event(), threading.Event()
        self.folder = ""
        self.error: BaseException | None = None

    def steps(self) -> Job[None]:
        """Start the transfer and follow it to its end."""
        bar = self._bar()
        try:
            names, total = _wanted(self.source, bar)
        except Exception as error:
            self.error = error
            return
        threading.Thread(target=self._fetch, args=(names, bar), daemon=True, name=f"download {self.source}").start()
        try:
            while not self.finished.wait(0.2):
                arrived = max((int(one.n) for one in self.bars), default=0)
                yield Step(arrived, max(total, arrived, 1), "byte")
        finally:
            self.cancelled.set()

    def _fetch(self, names: list[str], bar: type[tqdm]) -> None:
        try:
            self.folder = _snapshot(self.source, allow_patterns=names, tqdm_class=bar)
        except BaseException as error:
            self.error = error
        finally:
            self.finished.set()

    def _bar(self) -> type[tqdm]:
        """Return huggingface_hub's progress bar without output: it only counts bytes and raises _Cancelled."""
        transfer = self

        class Watch(tqdm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                kwargs["disable"] = False
                super().__init__(*args, **{**kwargs, "file": _NullStream()})
                if self.unit == "B":
                    transfer.bars.append(self)

            def update(self, n: float | None = 1) -> bool | None:
                if transfer.cancelled.is_set():
                    raise _Cancelled
                return super().update(n)

        return Watch


def _snapshot(source: str, **wanted: Any) -> Any:
    """Call huggingface_hub's snapshot_download for owner/name or owner/name@revision."""
    repository, revision = split_revision(source)
    return snapshot_download(repository, revision=revision, **wanted)


def _cached_folder(source: str) -> Path:
    """Return the folder of a repository whose files are all in the local cache.

    Raises what huggingface_hub raises if they are not, and ModelError if the files do not make a model.
    """
    folder = Path(_snapshot(source, allow_patterns=BESIDE, ignore_patterns=NEVER, local_files_only=True))
    for name in (WHOLE, INDEX):  # either may be in the repository but not in the cache
        if not (folder / WHOLE).exists():
            _snapshot(source, allow_patterns=[name], local_files_only=True)
    names = {file.name for file in folder.iterdir() if file.is_file()}
    chosen(names, lambda name: _object(folder / name), source)
    return folder


def _wanted(source: str, bar: type[tqdm]) -> tuple[list[str], int]:
    """Return (patterns of the files that make up the model, bytes of them still to download).

    Asks the hub before any weight is downloaded. Raises ModelError if they do not fit on the disk, or if nothing says
    which weights are the model.
    """
    @cache
    def read(name: str) -> dict[str, Any]:
        if name not in names:
            return {}
        return _object(Path(_snapshot(source, allow_patterns=[escape(name)], tqdm_class=bar)) / name)

    try:
        files = _snapshot(source, allow_patterns=[*BESIDE, "*.safetensors"], dry_run=True)
    except (OSError, ValueError, HfHubHTTPError):
        _snapshot(source, allow_patterns=[CONFIG], tqdm_class=bar)  # raises a more exact error
        raise
    listed = {file.filename: file for file in files}
    names = {name for name in listed if "/" not in name}
    beside = [name for name in listed if any(fnmatch(name, one) for one in BESIDE)
              and not any(fnmatch(name, one) for one in NEVER)]
    if not {WHOLE, INDEX} & names and NAMED_BY_CONFIG not in read(CONFIG):
        _refuse_other_kind(source)
    weights, first = chosen(names, read, source), first_file(names, read, source)
    wanted = [*beside, *weights] if first is None or first in weights else [*beside, first, *weights]
    coming = sum(listed[name].file_size or 0 for name in wanted if listed[name].will_download)
    kept = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(place for place in (kept, *kept.parents) if place.exists())).free
    if coming > free:
        raise ModelError("disk_full", source=source, needed=f"{coming / 1e9:.1f}", free=f"{free / 1e9:.1f}")
    return [escape(name) for name in wanted], coming


def _refuse_other_kind(source: str) -> None:
    """Raise ModelError if the names of all files of the repository show that it holds something else than a model."""
    names = sorted(file.filename for file in _snapshot(source, dry_run=True) if "/" not in file.filename)
    other = other_kind_named(names[:MOST_NAMES], source,
                             lambda: Path(_snapshot(source, allow_patterns=[ADAPTER])) / ADAPTER)
    if other is not None:
        raise other


def _object(file: Path) -> dict[str, Any]:
    """Return a file's JSON object; an empty one if it is broken, which `judge` reports when it opens the folder."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class _NullStream:
    """A stream that discards the progress bar's output."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


def _download_error(source: str, error: BaseException) -> ModelError:
    if isinstance(error, ModelError):
        return error
    causes = (
        (OfflineModeIsEnabled, "offline"), (GatedRepoError, "gated"), (RepositoryNotFoundError, "no_such_repository"),
        (RevisionNotFoundError, "no_such_revision"),
        (LocalEntryNotFoundError, "offline"), (HfHubHTTPError, "hub_failed"), (HFValidationError, "no_such_source"),
        (OSError, "offline"),
    )
    key = next((key for kind, key in causes if isinstance(error, kind)), "hub_failed")
    return ModelError(key, source=source)
