"""Files that wait for a browser to fetch them: in memory under an unguessable key, never on the disk.

Knows nothing of what is in them. They go when the Library needs the room, or an hour after their last use.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from .session import Library

ADDRESS = "/take-home/"
MEDIA = {"html": "text/html; charset=utf-8", "json": "application/json", "zip": "application/zip",
         "csv": "text/csv; charset=utf-8"}
"""By a file name's ending; anything else is bytes."""


@dataclass(frozen=True, eq=False)
class Offered:
    """A file as it will be saved."""

    name: str
    media: str
    content: bytes


def offer(library: Library, name: str, content: bytes) -> str:
    """Keep a file to be fetched; its address as a page of either language sees it, whatever path a proxy has in front.
    Only plain characters of the name stay."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    token = secrets.token_urlsafe(18)
    library.put(("offered", token), Offered(safe, MEDIA.get(safe.rpartition(".")[2], "application/octet-stream"),
                                            content), len(content))
    return ".." + ADDRESS + token


def fetch(library: Library, token: str) -> Offered | None:
    """The file behind an address's last part; None where there never was one, or it made room."""
    key = ("offered", token)
    if not library.has(key):
        return None
    found: Offered = library.get(key)
    return found
