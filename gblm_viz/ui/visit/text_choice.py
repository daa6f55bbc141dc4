"""The calibration text as a visitor gave it, and how it is cut. Independent of sessions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextChoice:
    """The calibration text as the visitor gave it, and how it is cut into samples. In memory only, for an hour."""

    text: str = ""
    name: str = ""
    rule: str = "auto"
    samples: int = 64
    length: int | None = None
    seed: int = 0
    dropped: frozenset[int] = frozenset()
