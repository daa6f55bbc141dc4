"""A small page of our own, without Gradio: one sentence or one form, in the site's style, in one language."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import HTMLResponse

from gblm_viz.figures import colours, sizes
from gblm_viz.words import Words

from ..components.templates import render

_STYLE = colours.fill_variables(sizes.fill_variables(
    (Path(__file__).parent / "plain_page.css").read_text(encoding="utf-8")))
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def plain_page(say: Words, status: int, alert: str = "", headers: Mapping[str, str] | None = None, script: str = "",
               template: str = "door/plain_page.html", title: str = "", style: str = "",
               **values: object) -> HTMLResponse:
    """Return the page. alert: a sentence for a warning; script: the source of the only script that may run.

    template: one that extends plain_page.html; values: what it needs beside `say`. title: the app's name by default.
    style: rules that go behind those of every plain page.
    """
    policy = _POLICY + (f"; script-src '{script_hash(script)}'; connect-src 'self'" if script else "")
    page = render(template, say=say, language=say.language, title=title or say("frame.title"), style=_STYLE + style,
                  alert=alert, script=script, **values)
    return HTMLResponse(page, status, {
        "Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Vary": "Accept-Language", **(headers or {})})


def script_hash(script: str) -> str:
    """Return the hash by which a Content-Security-Policy allows one inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
