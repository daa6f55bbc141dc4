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
def by_kind(language: str) -> dict[str, tuple[str, ...]]:
    """All pieces of a language by kind of text, the part of the file's name before its number, in file order.

    Paragraphs stand between blank lines, pieces between `###` lines; a piece met twice counts once.
    """
    found: dict[str, list[str]] = {}
    met: set[str] = set()
    for file in sorted((CORPUS / language).glob("*.txt")):
        parts = f"\n{file.read_text(encoding='utf-8')}\n".split("\n###\n")
        for piece in ("\n".join(line.rstrip() for line in part.strip().splitlines()) for part in parts):
            if piece and piece not in met:
                met.add(piece)
                found.setdefault(file.stem.rpartition("_")[0], []).append(piece)
    return {kind: tuple(pieces) for kind, pieces in found.items()}


@cache
def pieces(language: str) -> tuple[str, ...]:
    """All pieces of a language."""
    return tuple(piece for kind in by_kind(language).values() for piece in kind)


@cache
def taught(language: str) -> tuple[str, ...]:
    """The pieces training may use."""
    return tuple(piece for piece in pieces(language) if not held_out("prose", piece, HELD_OUT_PERCENT))


@cache
def unseen(language: str) -> tuple[str, ...]:
    """The pieces training never sees: perplexity is measured on them."""
    return tuple(piece for piece in pieces(language) if held_out("prose", piece, HELD_OUT_PERCENT))
