"""The written prose: read from `corpus/`, split into pieces, some of them held out for measuring.

Knows nothing of tokens.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gblm_viz.pocket.split import held_out

CORPUS = Path(__file__).parent / "corpus"
LANGUAGES = ("en", "ja")
HELD_OUT_PERCENT = 9


@cache
def pieces(language: str) -> tuple[str, ...]:
    """All pieces of a language in file order: paragraphs between blank lines, pieces between `###` lines."""
    found: list[str] = []
    for file in sorted((CORPUS / language).glob("*.txt")):
        parts = f"\n{file.read_text(encoding='utf-8')}\n".split("\n###\n")
        found += ["\n".join(line.rstrip() for line in part.strip().splitlines()) for part in parts]
    return tuple(dict.fromkeys(piece for piece in found if piece))


@cache
def taught(language: str) -> tuple[str, ...]:
    """The pieces training may use."""
    return tuple(piece for piece in pieces(language) if not held_out("prose", piece, HELD_OUT_PERCENT))


@cache
def unseen(language: str) -> tuple[str, ...]:
    """The pieces training never sees: perplexity is measured on them."""
    return tuple(piece for piece in pieces(language) if held_out("prose", piece, HELD_OUT_PERCENT))
