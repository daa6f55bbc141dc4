"""Replaces the address that the server guesses in Gradio's page by the one that the browser sees.

The server knows its public address only from headers of the proxies in front, which may be missing: behind https, or
below a path, its links would then be wrong. The browser always knows the page's address.

The page has no <base>. With one, plotly writes the current full address into every reference within a picture
(`fill: url(http://…/?tab=prune#pattern)`), and hatched bars and clipped lines vanish when the address changes.
"""

from __future__ import annotations

import re

_ROOT = (b'const root = "', b'";')
_CONFIG = (b"<script>window.gradio_config = ", b";</script>")
_MANIFEST = b'<link rel="manifest" href="/manifest.json" />'
"""Removed: it names a file that does not exist, at the root of a host that may belong to somebody else."""
_BASE = re.compile(rb'<base href="[^"]*"\s*/?>')
"""Removed: Gradio's is "./", the page's own folder, to which addresses are relative anyway."""
_HERE = b'new URL(".", window.location.href).href.replace(/\\/$/, "")'


def use_browser_address(page: bytes) -> bytes:
    """Return the page with addresses relative to where it was opened. Uses plain search, since a page has 0.8 MB."""
    page = _BASE.sub(b"", page.replace(_MANIFEST, b"", 1), count=1)
    begin, end = _span(page, *_ROOT)
    if end:
        page = page[:begin] + b"const root = " + _HERE + b";" + page[end + len(_ROOT[1]):]
    _, end = _span(page, *_CONFIG)
    if end:
        page = page[: end + 1] + b"window.gradio_config.root = " + _HERE + b";" + page[end + 1:]
    return page


def _span(page: bytes, first: bytes, last: bytes) -> tuple[int, int]:
    """Return the positions of `first` and of the next `last` after it; (0, 0) if either is missing."""
    begin = page.find(first)
    end = page.find(last, begin + len(first)) if begin >= 0 else -1
    return (begin, end) if end >= 0 else (0, 0)
