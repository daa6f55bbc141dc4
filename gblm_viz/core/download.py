"""A hub id → a folder on this machine, with progress in bytes and a Cancel, through huggingface_hub.

What is already in the local cache is used as it is, without a connection. Knows nothing of models.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from tqdm.auto import tqdm

from .errors import ModelError
from .job import Job, Step

WANTED = ["*.json", "*.safetensors", "*.txt", "*.jinja", "tokenizer.model", "*.tiktoken"]
"""Config, tokenizer and safetensors. Never *.bin or *.py: no pickle and no remote code reaches this machine."""


class _Cancelled(Exception):  # noqa: N818
    """Raised inside the download's own threads when nobody wants it any more."""


def download(source: str) -> Job[Path]:
    """Fetch what a model needs from the hub; steps count bytes. Closing the job ends the transfer at its next chunk.

    Files that arrived stay in the hub's cache, so that a second try goes on where this one ended.
    Raises ModelError: offline, no such repository, gated, or a failed connection.
    """
    try:
        return Path(snapshot_download(source, allow_patterns=WANTED, local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError):
        pass  # not here yet, or not whole: ask the hub
    done = {"bytes": 0, "total": 0}
    cancelled, finished = threading.Event(), threading.Event()
    outcome: dict[str, Any] = {}

    class Watch(tqdm):
        """huggingface_hub's progress bar, drawn nowhere: it only counts bytes and carries the Cancel."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            super().__init__(*args, **{**kwargs, "file": _Nowhere()})
            if self.unit == "B":
                done["total"] += int(self.total or 0)

        def update(self, n: float | None = 1) -> bool | None:
            if cancelled.is_set():
                raise _Cancelled
            if self.unit == "B":
                done["bytes"] += int(n or 0)
            return super().update(n)

    def fetch() -> None:
        try:
            outcome["folder"] = snapshot_download(source, allow_patterns=WANTED, tqdm_class=Watch)
        except BaseException as error:
            outcome["error"] = error
        finally:
            finished.set()

    threading.Thread(target=fetch, daemon=True, name=f"download {source}").start()
    try:
        while not finished.wait(0.2):
            yield Step(done["bytes"], max(done["total"], done["bytes"], 1), "byte")
    finally:
        cancelled.set()
    error = outcome.get("error")
    if error is not None:
        raise _explained(source, error) from error
    return Path(outcome["folder"])


class _Nowhere:
    """A stream that swallows the bar's drawing."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def _explained(source: str, error: BaseException) -> ModelError:
    causes = (
        (OfflineModeIsEnabled, "offline"), (GatedRepoError, "gated"), (RepositoryNotFoundError, "no_such_repository"),
        (LocalEntryNotFoundError, "offline"), (HfHubHTTPError, "hub_failed"), (HFValidationError, "no_such_source"),
        (OSError, "offline"),
    )
    key = next((key for kind, key in causes if isinstance(error, kind)), "hub_failed")
    return ModelError(key, source=source)
