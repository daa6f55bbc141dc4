"""The one escape: text → HTML or SVG in which it stays text, also where Gradio inserts it into a page."""

from __future__ import annotations

import html

_TEMPLATE_MARKS = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})


def escape(text: object) -> str:
    """Return the text HTML-escaped, including what Gradio's templates would evaluate (`${…}`, `{{…}}`)."""
    return html.escape(str(text)).translate(_TEMPLATE_MARKS)
