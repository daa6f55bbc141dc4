"""Sentences as HTML paragraphs."""

from __future__ import annotations

from collections.abc import Iterable

from gblm_viz.escape import escape


def paragraph(sentence: str, kind: str) -> str:
    """Return a paragraph's HTML; kind: its CSS classes."""
    return f'<p class="{kind}">{escape(sentence)}</p>'


def paragraphs(sentences: Iterable[str], kind: str) -> str:
    """Return the HTML of one paragraph per sentence; empty sentences are left out."""
    return "".join(paragraph(sentence, kind) for sentence in sentences if sentence)
