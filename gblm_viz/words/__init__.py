"""Every sentence a person reads, in English and Japanese, looked up by key.

The texts are the .toml files beside this one. A key is `file.table.name`; both languages have the same
keys (tests/test_words.py). Knows nothing of models or screens.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "ja": "日本語"}


def _flat(prefix: str, table: Mapping[str, object]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}.{name}"
        flat |= _flat(key, value) if isinstance(value, Mapping) else {key: str(value)}
    return flat


class Words:
    """The words of one language: `words("prune.method.label")`, `words("text.samples", count=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.texts: dict[str, str] = {}
        for file in sorted((Path(__file__).parent / language).glob("*.toml")):
            self.texts |= _flat(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))

    def __call__(self, key: str, **fields: object) -> str:
        """The text of a key with its fields filled in. A key nobody wrote is a programming error: KeyError."""
        return self.texts[key].format(**fields) if fields else self.texts[key]

    def table(self, prefix: str) -> dict[str, str]:
        """All texts below a prefix, by the rest of their key: what a browser component takes along."""
        start = prefix + "."
        return {key.removeprefix(start): text for key, text in self.texts.items() if key.startswith(start)}


@cache
def words(language: str) -> Words:
    """The words of a language; an unknown language reads English."""
    return Words(language if language in LANGUAGES else "en")
