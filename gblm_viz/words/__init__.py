"""Every sentence a person reads, in each language that has a folder here, looked up by key.

A language is a folder of .toml files, named by its code, with its own name in language.toml. A key is
`file.table.name`; what a language lacks reads English. English and Japanese have the same keys (tests/test_words.py).
Knows nothing of models or screens.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

HERE = Path(__file__).parent
FIRST = "en"
"""The language that has every key."""


def _read(file: Path) -> dict[str, object]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _languages() -> dict[str, str]:
    """Code → the language's own name, the first one first."""
    found = {file.parent.name: str(_read(file)["name"]) for file in HERE.glob("*/language.toml")}
    return {FIRST: found.pop(FIRST), **dict(sorted(found.items()))}


LANGUAGES = _languages()


def _flat(prefix: str, table: Mapping[str, object]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}.{name}"
        flat |= _flat(key, value) if isinstance(value, Mapping) else {key: str(value)}
    return flat


class _Percent(Formatter):
    """Writes a share as everywhere, with a gap before the sign: `{share:.1%}` reads 50.0 %."""

    def format_field(self, value: Any, format_spec: str) -> str:
        written: str = super().format_field(value, format_spec)
        return written.removesuffix("%") + "\u00a0%" if format_spec.endswith("%") else written


_PERCENT = _Percent()


class Words:
    """The words of one language: `words("prune.method.label")`, `words("text.samples", count=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        own: dict[str, str] = {}
        for file in sorted((HERE / language).glob("*.toml")):
            own |= _flat(file.stem, _read(file))
        self.texts: dict[str, str] = own if language == FIRST else {**words(FIRST).texts, **own}
        self.missing = len(self.texts) - len(own)
        """Sentences that stand in English because the language lacks them."""

    def __call__(self, key: str, **fields: object) -> str:
        """The text of a key with its fields filled in. A key nobody wrote is a programming error: KeyError."""
        text = self.texts[key]
        if not fields:
            return text
        return _PERCENT.vformat(text, (), fields) if "%}" in text else text.format(**fields)

    def get(self, key: str, otherwise: str) -> str:
        """Return the text of a key that may be missing, such as a knob's label; `otherwise` without one."""
        return self.texts.get(key, otherwise)

    def table(self, prefix: str) -> dict[str, str]:
        """All texts below a prefix, by the rest of their key: what a browser component takes along."""
        start = prefix + "."
        return {key.removeprefix(start): text for key, text in self.texts.items() if key.startswith(start)}


@cache
def words(language: str) -> Words:
    """The words of a language; an unknown language reads English."""
    return Words(language if language in LANGUAGES else FIRST)


def join_sentences(sentences: Iterable[str]) -> str:
    """Return sentences as one text: a space between two of them, but none after a Japanese full stop."""
    text = ""
    for sentence in sentences:
        text += (gap_after(text) if text else "") + sentence
    return text


def gap_after(sentence: str) -> str:
    """Return what stands between this sentence and the next one."""
    return "" if sentence.endswith(("。", "：")) else " "
