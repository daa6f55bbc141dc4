"""Gradio's page with the address that the browser sees in place of the one that the server guesses.

The server knows its public address only from what proxies tell it, which they may not do: behind https, or below a
path, it would then name addresses that nobody can open. The browser always knows where it is.

The page has no <base>. Where there is one, plotly writes the whole address of the moment into every reference within a
picture (`fill: url(http://…/?tab=prune#pattern)`), and hatched bars and clipped lines vanish when the address moves on.
"""

from __future__ import annotations

import re

_ROOT = (b'const root = "', b'";')
_CONFIG = (b"<script>window.gradio_config = ", b";</script>")
_MANIFEST = b'<link rel="manifest" href="/manifest.json" />'
"""Names a file that is not there, at the root of a host that may be somebody else's."""
_BASE = re.compile(rb'<base href="[^"]*"\s*/?>')
"""Gradio's is "./", the page's own folder, which is what addresses are relative to anyway."""
_HERE = b'new URL(".", window.location.href).href.replace(/\\/$/, "")'


def by_browser(page: bytes) -> bytes:
    """The page; its addresses are relative to where it was opened. Found by plain search: a page has 0.8 MB."""
    page = _BASE.sub(b"", page.replace(_MANIFEST, b"", 1), count=1)
    begin, end = _span(page, *_ROOT)
    if end:
        page = page[:begin] + b"const root = " + _HERE + b";" + page[end + len(_ROOT[1]):]
    _, end = _span(page, *_CONFIG)
    if end:
        page = page[: end + 1] + b"window.gradio_config.root = " + _HERE + b";" + page[end + 1:]
    return page


def _span(page: bytes, first: bytes, last: bytes) -> tuple[int, int]:
    """Where `first` begins and the next `last` after it; (0, 0) where they do not stand there."""
    begin = page.find(first)
    end = page.find(last, begin + len(first)) if begin >= 0 else -1
    return (begin, end) if end >= 0 else (0, 0)
