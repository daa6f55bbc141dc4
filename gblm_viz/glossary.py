"""What the words on the screens mean: the terms of words/*/glossary.toml as frozen entries, with their checks.

Independent of any page. A term's id, spellings and related terms are data as its text is; a language without a glossary
of its own reads the English one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from gblm_viz.words import Words, words

MOST_WORDS = 30
"""Most words of a text, in languages that put spaces between words."""
MOST_LETTERS = 75
"""Most characters of a text in Japanese: about as long to read as 30 English words."""
SPACELESS = frozenset({"ja"})
"""Languages whose texts are counted in characters."""
_FRAME = "frame"


@dataclass(frozen=True)
class Term:
    """One entry. spellings: its name first, then other forms on the screens. see: ids of related terms."""

    id: str
    name: str
    text: str
    spellings: tuple[str, ...]
    see: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Terms of one subject, in the order in which they explain each other."""

    title: str
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Glossary:
    """All terms of one language, by subject."""

    language: str
    parts: tuple[Part, ...]
    terms: Mapping[str, Term] = field(compare=False)
    """Id → term, in the same order."""


@cache
def read_glossary(language: str) -> Glossary:
    """Return the glossary in a language; what the language lacks is in English."""
    return make_glossary(words(language))


def make_glossary(say: Words) -> Glossary:
    """Return the glossary of these words. A part begins with each term that has a title in glossary.frame.parts."""
    entries, titles = say.table("glossary"), say.table(f"glossary.{_FRAME}.parts")
    ids = list(dict.fromkeys(name for name in (key.partition(".")[0] for key in entries) if name != _FRAME))
    terms = {name: _term(entries, name) for name in ids}
    begun: list[tuple[str, list[Term]]] = []
    for term in terms.values():
        if term.id in titles:
            begun.append((titles[term.id], []))
        begun[-1][1].append(term)
    return Glossary(say.language, tuple(Part(title, tuple(those)) for title, those in begun),
                    MappingProxyType(terms))


def faults(glossary: Glossary) -> Iterator[str]:
    """Yield what is wrong: a text that is too long, a related term that does not exist, a spelling of two terms."""
    owner: dict[str, str] = {}
    for term in glossary.terms.values():
        length, most, unit = _length(glossary.language, term.text)
        if length > most:
            yield f"{term.id}: {length} {unit}, at most {most}"
        for other in term.see:
            if other not in glossary.terms or other == term.id:
                yield f"{term.id}: there is no other term {other!r}"
        for spelling in term.spellings:
            if owner.setdefault(spelling, term.id) != term.id:
                yield f"{spelling!r} is {owner[spelling]} and {term.id}"


def _term(entries: dict[str, str], name: str) -> Term:
    listed = {key: tuple(one for one in entries[f"{name}.{key}"].split("|") if one) for key in ("also", "see")}
    own = entries[f"{name}.name"]
    return Term(name, own, entries[f"{name}.text"], tuple(dict.fromkeys((own, *listed["also"]))), listed["see"])


def _length(language: str, text: str) -> tuple[int, int, str]:
    return (len(text), MOST_LETTERS, "characters") if language in SPACELESS else (
        len(text.split()), MOST_WORDS, "words")
