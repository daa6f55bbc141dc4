"""Gradio's page with the address that the browser sees in place of the one that the server guesses.

The server knows its public address only from what proxies tell it, which they may not do: behind https, or below a
path, it would then name addresses that nobody can open. The browser always knows where it is.
"""

from __future__ import annotations

import re

_ROOT = re.compile(rb'const root = "[^"]*";')
_CONFIG = re.compile(rb"(<script>window\.gradio_config = .*?;)(</script>)", re.DOTALL)
_HERE = b'new URL(".", window.location.href).href.replace(/\\/$/, "")'
_MANIFEST = re.compile(rb'\s*<link rel="manifest" href="/manifest.json" />')
"""Names a file that is not there, at the root of a host that may be somebody else's."""


def by_browser(page: bytes) -> bytes:
    """The page; its addresses are relative to where it was opened."""
    page = _ROOT.sub(lambda _: b"const root = " + _HERE + b";", page, count=1)
    own = b"window.gradio_config.root = " + _HERE + b";"
    page = _CONFIG.sub(lambda found: found[1] + own + found[2], page, count=1)
    return _MANIFEST.sub(b"", page, count=1)
