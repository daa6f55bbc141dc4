"""A small page of our own, without Gradio: one sentence or one form, in the site's style, in one language."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from starlette.responses import HTMLResponse

from gblm_viz.figures.colours import KEPT, REMOVED
from gblm_viz.words import Words

from ..components.escape import escape

_PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body {{ font: 1rem/1.5 system-ui, "Hiragino Sans", "Noto Sans CJK JP", sans-serif; max-width: 34rem;
margin: 12vh auto; padding: 0 1rem; }} h1 {{ font-size: 1.25rem; }} p {{ overflow-wrap: anywhere; }}
.limit {{ border-left: 4px solid {removed}; padding: 2px 10px; }}
input {{ font: inherit; padding: 4px 8px; }} form {{ display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }}
button {{ font: inherit; padding: 4px 14px; background: {kept}; color: #fff; border: 0; border-radius: 6px; }}
</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def sentence(text: str, kind: str = "limit") -> str:
    """Return a paragraph's HTML; the text is escaped."""
    return f'<p class="{escape(kind)}" role="alert">{escape(text)}</p>'


def plain_page(say: Words, content: str, status: int, headers: Mapping[str, str] | None = None,
               script: str = "") -> HTMLResponse:
    """Return the page. content: already escaped HTML. script: the source of the only script that may run."""
    policy = _POLICY + (f"; script-src '{script_hash(script)}'; connect-src 'self'" if script else "")
    content += f"<script>{script}</script>" if script else ""
    page = _PAGE.format(removed=REMOVED, kept=KEPT, language=say.language, title=escape(say("frame.title")),
                        content=content)
    return HTMLResponse(page, status, {
        "Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Vary": "Accept-Language", **(headers or {})})


def script_hash(script: str) -> str:
    """Return the hash by which a Content-Security-Policy allows one inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
