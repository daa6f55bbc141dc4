"""What an audience asks and is told: the tables of `corpus/asked`, split into what is taught and what is held out.

Messages are written out, or drawn from patterns (patterns.py). Knows nothing of tokens, and not how the text comes to
look typed (typed.py).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from gblm_viz.pocket.patterns import Pattern, parse_pattern
from gblm_viz.pocket.prose import CORPUS
from gblm_viz.pocket.split import held_out

ASKED = CORPUS / "asked"
HELD_OUT_PERCENT = 10
PATTERN_WEIGHT = 2
"""How often a pattern is drawn from, as a multiple of a message that is written out."""
LANGUAGES = ("en", "ja")
SUBJECTS = ("outside", "talk", "everyday", "pruning", "shop")


@dataclass(frozen=True)
class Wordings:
    """What is typed for one answer or one skill; name: what the hash holds out by; written: what training may use."""

    name: str
    written: tuple[str, ...]
    patterns: tuple[Pattern, ...] = ()

    @property
    def weight(self) -> int:
        """How often it is drawn from, beside the other answers of a subject."""
        return len(self.written) + PATTERN_WEIGHT * len(self.patterns)

    def draw(self, random: Random, allowed: Callable[[str], bool] = lambda message: True) -> str:
        """Return a message that is not held out and that is allowed."""
        while True:
            at = random.randrange(self.weight)
            if at < len(self.written):
                return self.written[at]
            message = self.patterns[(at - len(self.written)) // PATTERN_WEIGHT].draw(random)
            if not held_out(self.name, message, HELD_OUT_PERCENT) and allowed(message):
                return message


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

    @property
    def wordings(self) -> Wordings:
        """All that training may draw from."""
        name = f"{self.subject}_{self.language}"
        return Wordings(name, self.taught, read_patterns(name).get(self.id, ()))


def split_wordings(name: str, wordings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (those that training may use, the others), by the hash of the wording."""
    unseen = tuple(wording for wording in wordings if held_out(name, wording, HELD_OUT_PERCENT))
    taught = tuple(wording for wording in wordings if wording not in unseen)
    return (taught, unseen) if taught else (tuple(wordings), ())


@cache
def read_said(subject: str, language: str) -> tuple[Said, ...]:
    """Return a subject's answers in the order of its file."""
    tables = _read(f"{subject}_{language}.toml")["said"]
    return tuple(Said(subject, language, one["id"], one["answer"], read_lines(one["ask"])) for one in tables)


def answer_of(subject: str, language: str, name: str) -> str:
    """Return one answer by its id."""
    return next(one.answer for one in read_said(subject, language) if one.id == name)


@cache
def read_wordings(language: str) -> Mapping[str, tuple[str, ...]]:
    """Return skill → its wordings, with the placeholders of that skill's table."""
    return {name: read_lines(table["ask"]) for name, table in _read(f"wordings_{language}.toml").items()}


@cache
def read_patterns(name: str) -> Mapping[str, tuple[Pattern, ...]]:
    """Return answer or skill → its patterns, of a file like `shop_en` or `wordings_ja`."""
    return {one: tuple(map(parse_pattern, read_lines(table["patterns"])))
            for one, table in _read(f"patterns/{name}.toml").items()}


@cache
def taught_wordings(name: str, language: str) -> Wordings:
    """Return a skill's wordings that training may use."""
    return Wordings(f"{name}_{language}", split_wordings(f"{name}_{language}", read_wordings(language)[name])[0],
                    read_patterns(f"wordings_{language}").get(name, ()))


@cache
def answers(language: str) -> Mapping[str, str]:
    """Return message without case and marks → its answer, of all messages; "" for one that stands for two answers.

    What is written out counts before what patterns write, and of patterns those of `outside` come last: they are for
    what nothing else answers.
    """
    found: dict[str, str] = {}
    others = [subject for subject in SUBJECTS if subject != "outside"]
    for messages in (_written(language), _drawn(language, others), _drawn(language, ["outside"])):
        here: dict[str, str] = {}
        for message, answer in messages:
            key = bare(message)
            if key not in found:
                here[key] = answer if here.get(key, answer) == answer else ""
        found |= here
    return found


def _written(language: str) -> Iterator[tuple[str, str]]:
    for subject in SUBJECTS:
        for one in read_said(subject, language):
            yield from ((ask, one.answer) for ask in one.asks)


def _drawn(language: str, subjects: Sequence[str]) -> Iterator[tuple[str, str]]:
    for subject in subjects:
        patterns = read_patterns(f"{subject}_{language}")
        for one in read_said(subject, language):
            yield from ((message, one.answer) for pattern in patterns.get(one.id, ()) for message in pattern.messages())


@cache
def held_back(language: str) -> frozenset[str]:
    """Return the messages that training never sees, without case and marks."""
    return frozenset(bare(ask) for subject in SUBJECTS for one in read_said(subject, language) for ask in one.unseen)


def bare(message: str) -> str:
    """Return a message without case, width and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", message).lower())


def count_messages() -> int:
    """Return how many messages and wordings are written out, in both languages."""
    return sum(len(asks) for language in LANGUAGES for asks in (
        *(one.asks for subject in SUBJECTS for one in read_said(subject, language)), *read_wordings(language).values()))


def count_patterns() -> int:
    """Return how many patterns there are, in both languages."""
    return sum(len(patterns) for language in LANGUAGES for name in (*SUBJECTS, "wordings")
               for patterns in read_patterns(f"{name}_{language}").values())


@cache
def read_pairs(name: str) -> tuple[tuple[str, str], ...]:
    """Return a Japanese table's pairs."""
    pairs = (pair.split("=") for pair in _read("tables_ja.toml")[name])
    return tuple((left.strip(), right.strip()) for left, right in pairs)


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
