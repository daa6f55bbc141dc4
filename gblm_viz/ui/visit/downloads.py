"""Files for a browser to download: in memory under an unguessable key, never on the disk.

Independent of their contents. They are dropped when the Library needs the memory, or an hour after their last use.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from .keys import OfferedKey
from .library import Library

ADDRESS = "/take-home/"
MEDIA = {"html": "text/html; charset=utf-8", "json": "application/json", "zip": "application/zip",
         "csv": "text/csv; charset=utf-8"}
"""Media types by a file name's ending; any other ending is served as plain bytes."""


@dataclass(frozen=True, eq=False)
class Offered:
    """A file to download: name, media type and bytes."""

    name: str
    media: str
    content: bytes


def offer(library: Library, name: str, content: bytes) -> str:
    """Store a file for download and return its address relative to a language's page, valid behind any proxy path.
    Characters of the name other than letters, digits and ._- become a hyphen."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    token = secrets.token_urlsafe(18)
    library.put(OfferedKey(token), Offered(safe, MEDIA.get(safe.rpartition(".")[2], "application/octet-stream"),
                                            content), len(content))
    return ".." + ADDRESS + token


def fetch(library: Library, token: str) -> Offered | None:
    """Return the file whose address ends in `token`; None if there never was one or it was evicted."""
    key = OfferedKey(token)
    if not library.has(key):
        return None
    found: Offered = library.get(key)
    return found
