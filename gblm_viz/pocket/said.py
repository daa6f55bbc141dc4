"""What an audience asks and is told: the tables of `corpus/asked`, split into what is taught and what is held out.

Knows nothing of tokens, and not how the text comes to look typed (typed.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gblm_viz.pocket.prose import CORPUS
from gblm_viz.pocket.split import held_out

ASKED = CORPUS / "asked"
HELD_OUT_PERCENT = 10
SUBJECTS = ("outside", "talk", "everyday", "pruning", "shop")


@dataclass(frozen=True)
class Said:
    """One answer and all messages that get it; id: unique in its subject and the same in both languages."""

    subject: str
    language: str
    id: str
    answer: str
    asks: tuple[str, ...]

    @property
    def taught(self) -> tuple[str, ...]:
        """The messages that training may use; all of them where the hash would leave none."""
        return split_wordings(f"{self.subject}_{self.language}", self.asks)[0]

    @property
    def unseen(self) -> tuple[str, ...]:
        """The messages that training never sees."""
        return split_wordings(f"{self.subject}_{self.language}", self.asks)[1]


def split_wordings(name: str, wordings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (those that training may use, the others), by the hash of the wording."""
    unseen = tuple(wording for wording in wordings if held_out(name, wording, HELD_OUT_PERCENT))
    taught = tuple(wording for wording in wordings if wording not in unseen)
    return (taught, unseen) if taught else (tuple(wordings), ())


def split_name(name: str, language: str) -> str:
    """Return the name that a table's wordings are held out under: with the language at its end, once."""
    return name if name.endswith(f"_{language}") else f"{name}_{language}"


def taught_wordings(name: str, language: str) -> tuple[str, ...]:
    """Return a table's wordings that training may use."""
    return split_wordings(split_name(name, language), read_wordings(language)[name])[0]


@cache
def read_said(subject: str, language: str) -> tuple[Said, ...]:
    """Return a subject's answers in the order of its file."""
    tables = _read(f"{subject}_{language}.toml")["said"]
    return tuple(Said(subject, language, one["id"], one["answer"], read_lines(one["ask"])) for one in tables)


@cache
def read_wordings(language: str) -> Mapping[str, tuple[str, ...]]:
    """Return skill → its wordings, with the placeholders of that skill's table."""
    return {name: read_lines(table["ask"]) for name, table in _read(f"wordings_{language}.toml").items()}


@cache
def read_pairs(name: str) -> tuple[tuple[str, str], ...]:
    """Return a Japanese table's pairs."""
    pairs = (pair.split("=") for pair in _read("tables_ja.toml")[name])
    return tuple((left.strip(), right.strip()) for left, right in pairs)


@cache
def readings(language: str) -> Mapping[str, str]:
    """Return written word → kana, longer words first, since they may contain shorter ones."""
    return dict(sorted(read_pairs("readings"), key=lambda pair: -len(pair[0]))) if language == "ja" else {}


@cache
def read_list(name: str) -> tuple[str, ...]:
    """Return a word list's words: `nouns_en`, `nouns_ja`, `names_en`, `names_ja`."""
    return read_lines((ASKED / f"{name}.txt").read_text(encoding="utf-8"))


def read_lines(text: str) -> tuple[str, ...]:
    """Return the lines that are not blank, each once, without the spaces around them."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


@cache
def _read(file: str) -> dict[str, Any]:
    return tomllib.loads((ASKED / file).read_text(encoding="utf-8"))
