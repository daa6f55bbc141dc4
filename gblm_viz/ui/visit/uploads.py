"""Uploaded files on their way to a handler: in memory, each for one visitor, read once, never on the disk.

Independent of their contents. A file that nobody reads is dropped after a minute.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from gblm_viz.core.base.errors import GblmError, TextError

ADDRESS = "/upload"
LARGEST_FILE = 4_000_000
"""Most bytes of a file, and of a text (UTF-8). Cutting a text takes 2.4 s and up to 0.4 GB per million (one core)."""
MOST_OF_VISITOR = 12_000_000
MOST_OF_ADDRESS, MOST_OF_ALL = 125_000_000, 250_000_000
"""Most bytes that arrive or wait to be read: of one visitor, of all visitors from one address, of all together."""
ARRIVES = 60.0
"""Seconds a file may take to arrive."""
WAITS = 60.0
"""Seconds until a file that nobody has read is dropped."""
LONGEST_NAME = 120


@dataclass(frozen=True, eq=False)
class Upload:
    """An uploaded file: its name on the visitor's machine, without folders, and its bytes."""

    name: str
    content: bytes
    address: str = ""
    """The network address it was sent from."""


class UploadRefused(Exception):  # noqa: N818
    """Raised at a limit. `status`: 413 file size, 429 the visitor's bytes, 503 the address's or all bytes, 408 time."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Uploads:
    """The files that wait to be read, by visitor and an unguessable token."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], tuple[float, Upload]] = {}
        self._held: Counter[str] = Counter()
        self._from: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def receive(self, visitor: str, name: str, parts: AsyncIterator[bytes], address: str = "") -> str:
        """Receive a file and return its token. Raises NotTaken as soon as a limit is passed, and keeps nothing."""
        self.tidy()
        content = bytearray()
        kept = False
        try:
            async with asyncio.timeout(ARRIVES):
                async for part in parts:
                    if len(content) + len(part) > LARGEST_FILE:
                        raise UploadRefused(413)
                    self._make_room(visitor, address, len(part))
                    content += part
            token = secrets.token_urlsafe(18)
            with self._lock:
                self._waiting[visitor, token] = (time.monotonic(), Upload(plain_name(name), bytes(content), address))
            kept = True
            return token
        except TimeoutError:
            raise UploadRefused(408) from None
        finally:
            if not kept:  # refused, or the browser went away
                self._free(visitor, address, len(content))

    def pop(self, visitor: str, token: str) -> Upload:
        """Return the visitor's file of this token and remove it. Raises GblmError if there is none."""
        with self._lock:
            _, found = self._waiting.pop((visitor, token), (0.0, None))
        if found is None:
            raise GblmError("upload_gone")
        self._free(visitor, found.address, len(found.content))
        return found

    def tidy(self, now: float | None = None) -> None:
        """Drop files that have waited longer than WAITS seconds."""
        now = time.monotonic() if now is None else now
        with self._lock:
            late = [place for place, (came, _) in self._waiting.items() if now - came > WAITS]
            dropped = [(visitor, self._waiting.pop((visitor, token))[1]) for visitor, token in late]
        for visitor, upload in dropped:
            self._free(visitor, upload.address, len(upload.content))

    @property
    def total_bytes(self) -> int:
        """Total bytes of all files that arrive or wait."""
        return self._held.total()

    def _make_room(self, visitor: str, address: str, size: int) -> None:
        with self._lock:
            if self._held[visitor] + size > MOST_OF_VISITOR:
                raise UploadRefused(429)
            if self._held.total() + size > MOST_OF_ALL or self._from[address] + size > MOST_OF_ADDRESS:
                raise UploadRefused(503)
            self._held[visitor] += size
            self._from[address] += size

    def _free(self, visitor: str, address: str, size: int) -> None:
        with self._lock:
            for held, name in ((self._held, visitor), (self._from, address)):
                held[name] -= size
                if not held[name]:
                    del held[name]


def plain_name(given: str) -> str:
    """Return a file name without folders and control characters, shortened to its end; `file` if nothing is left."""
    name = re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "", re.split(r"[/\\]", given)[-1]).strip()
    return name[-LONGEST_NAME:] or "file"


def claim_upload(uploads: Uploads, visitor: str, told: Mapping[str, Any]) -> Upload:
    """Return the file named by an UploadButton's event. Raises GblmError with the reason if it was refused."""
    if told["token"]:
        return uploads.pop(visitor, told["token"])
    name = plain_name(told["name"])
    if told["status"] == 413:
        raise TextError("text_file_too_large", name=name, megabytes=told["size"] / 1e6, most=LARGEST_FILE // 10**6)
    raise GblmError({429: "uploads_waiting", 503: "uploads_busy"}.get(told["status"], "upload_failed"), name=name)
