"""What a model was taught, as its maker says it: skills with questions to try, and whether a question belongs to one.

A rule is a list of words, of which one in the question is enough; nothing is computed. What comes in: a file beside the
model, and what somebody types. It knows no model.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

SHORTEST_SLIP = 6
"""Letters from which on a word also counts with one slip in it."""
ALIKE = 0.8
"""How alike two words are that differ by one letter: twice the letters in common, of those of both."""
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
           "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_JAPANESE = re.compile("[぀-ヿ一-鿿]")


@dataclass(frozen=True)
class KnownSkill:
    """One thing that the model was taught; each field but the id is by language.

    rule: the words of which one is enough; `a & b` wants both, a number is `#`.
    """

    id: str
    name: Mapping[str, str]
    line: Mapping[str, str]
    examples: Mapping[str, tuple[str, ...]]
    rule: Mapping[str, tuple[str, ...]]

    def covers(self, question: str) -> bool:
        """Return whether a question belongs to it, by the rule of the language that it is typed in."""
        if _JAPANESE.search(question):
            typed = _bare_japanese(question)
            return any(all(_bare_japanese(word) in typed for word in words.split(" & "))
                       for words in self.rule.get("ja", ()))
        typed = _bare_english(question)
        return any(all(_stands_in(word, typed) for word in words.split(" & ")) for words in self.rule.get("en", ()))


def read_known(file: Path) -> tuple[KnownSkill, ...]:
    """Return the skills of a model's `known.json`, in their order; none if there is no such file."""
    if not file.exists():
        return ()
    return tuple(KnownSkill(one["id"], one["name"], one["line"], *(
        {language: tuple(texts) for language, texts in one[field].items()} for field in ("examples", "rule")))
        for one in json.loads(file.read_text(encoding="utf-8")))


def skill_of(skills: Iterable[KnownSkill], question: str) -> KnownSkill | None:
    """Return the first skill that a question belongs to; None for a question outside of all."""
    return next((one for one in skills if one.covers(question)), None)


def _bare_english(text: str) -> str:
    """Return a text in small letters, words between single spaces, numbers as #, with a space at both ends."""
    text = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", "")
    text = re.sub(rf"\b({'|'.join(NUMBERS)})\b|\d+([.,]\d+)*", "#", text)
    return f" {re.sub(r'[^a-z#+:*/-]+', ' ', text).strip()} "


def _bare_japanese(text: str) -> str:
    """Return a text without spaces and marks, katakana as hiragana, numbers as #."""
    text = unicodedata.normalize("NFKC", text).lower().translate(_KATAKANA)
    return re.sub(r"[^\w#+-]+", "", re.sub(r"\d+", "#", text).replace("_", ""))


def _stands_in(word: str, typed: str) -> bool:
    """Return whether a word of the text begins like this one, or is this one with a slip."""
    return f" {word}" in typed or (len(word) >= SHORTEST_SLIP and word.isalpha() and _slipped(word, typed.split()))


def _slipped(word: str, typed: Sequence[str]) -> bool:
    return any(abs(len(one) - len(word)) <= 1 and one[0] == word[0]
               and SequenceMatcher(None, one, word, autojunk=False).ratio() > ALIKE for one in typed)
