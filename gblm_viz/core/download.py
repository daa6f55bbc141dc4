"""A hub id → a folder on this machine, with progress in bytes and a Cancel, through huggingface_hub.

What is already in the local cache is used as it is, without a connection. Knows nothing of models.
"""

from __future__ import annotations

import shutil
import threading
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

from .errors import ModelError
from .job import Job, Step
from .named import split

WANTED = ["*.json", "*.safetensors", "*.txt", "*.jinja", "tokenizer.model", "*.tiktoken"]
"""Config, tokenizer and safetensors. Never *.bin or *.py: no pickle and no remote code reaches this machine."""


class _Cancelled(Exception):  # noqa: N818
    """Raised inside the download's own threads when nobody wants it any more."""


def download(source: str) -> Job[Path]:
    """Fetch what a model needs from the hub; steps count bytes. Closing the job ends the transfer at its next chunk.

    Files that arrived stay in the hub's cache, so that a second try goes on where this one ended.
    source: owner/name, or owner/name@revision. Raises ModelError: offline, a proxy that cannot be used, no such
    repository or revision, gated, or a failed connection.
    """
    repository, revision = split(source)
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=WANTED, local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError):
        pass  # not here yet, or not whole: ask the hub
    proxies.set_aside()
    if proxies.unusable():  # whoever named a proxy does not want to be seen without it
        raise ModelError("proxy_unusable", source=source, variable=", ".join(proxies.unusable()))
    total = _refuse_full_disk(source)
    bars: list[Any] = []
    cancelled, finished = threading.Event(), threading.Event()
    outcome: dict[str, Any] = {}

    class Watch(tqdm):
        """huggingface_hub's progress bar, drawn nowhere: it only counts bytes and carries the Cancel."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            super().__init__(*args, **{**kwargs, "file": _Nowhere()})
            if self.unit == "B":
                bars.append(self)

        def update(self, n: float | None = 1) -> bool | None:
            if cancelled.is_set():
                raise _Cancelled
            return super().update(n)

    def fetch() -> None:
        try:
            outcome["folder"] = snapshot_download(repository, revision=revision, allow_patterns=WANTED,
                                                  tqdm_class=Watch)
        except BaseException as error:
            outcome["error"] = error
        finally:
            finished.set()

    threading.Thread(target=fetch, daemon=True, name=f"download {source}").start()
    try:
        while not finished.wait(0.2):
            arrived = max((int(bar.n) for bar in bars), default=0)
            yield Step(arrived, max(total, arrived, 1), "byte")
    finally:
        cancelled.set()
    error = outcome.get("error")
    if error is not None:
        raise _explained(source, error) from error
    return Path(outcome["folder"])


def _refuse_full_disk(source: str) -> int:
    """Bytes that are still to come, asked of the hub before any of them; more than the disk has is refused."""
    try:
        repository, revision = split(source)
        files = snapshot_download(repository, revision=revision, allow_patterns=WANTED, dry_run=True)
    except (OSError, ValueError, HfHubHTTPError):
        return 0  # the transfer itself says what is wrong, and more exactly
    coming = sum(file.file_size or 0 for file in files if file.will_download)
    cache = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(place for place in (cache, *cache.parents) if place.exists())).free
    if coming > free:
        raise ModelError("disk_full", source=source, needed=f"{coming / 1e9:.1f}", free=f"{free / 1e9:.1f}")
    return coming


class _Nowhere:
    """A stream that swallows the bar's drawing."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def _explained(source: str, error: BaseException) -> ModelError:
    causes = (
        (OfflineModeIsEnabled, "offline"), (GatedRepoError, "gated"), (RepositoryNotFoundError, "no_such_repository"),
        (RevisionNotFoundError, "no_such_revision"),
        (LocalEntryNotFoundError, "offline"), (HfHubHTTPError, "hub_failed"), (HFValidationError, "no_such_source"),
        (OSError, "offline"),
    )
    key = next((key for kind, key in causes if isinstance(error, kind)), "hub_failed")
    return ModelError(key, source=source)
