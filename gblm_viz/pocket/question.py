"""One question with its right answer, one skill, and how wordings are multiplied.

Knows no fact and no skill by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.stories import with_articles

KINDS = ("fact", "procedure", "talk", "decline", "typed", "story")
"""What a skill can be, in the order in which scores are told."""
BLANK = "{}"


@dataclass(frozen=True)
class Question:
    """One question and its only right answer: `frame` with `value` in its place.

    `key` is what must not be met in training if it is held out: a wording, a pair of numbers, a name. `wrong` are other
    values that would fit the frame; empty where any other value of the skill would, but for those of `also`, which
    are right too. A story has many right answers: then the frame is empty and `contains` names the words it must be
    about.
    """

    key: str
    prompt: str
    frame: str
    value: str
    wrong: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The right answer."""
        return self.with_value(self.value)

    def with_value(self, value: str) -> str:
        """The answer, were `value` the right one."""
        return with_articles(self.frame.replace(BLANK, value))


@dataclass(frozen=True)
class Skill:
    """`questions` lists all; `percent` of the keys are held out; `weight` is its share of turns beside other skills.

    `kind` is one of KINDS. `split`: the name whose hash holds out the keys, if it is not the skill's own.
    """

    name: str
    kind: str
    title_en: str
    title_ja: str
    questions: Callable[[], Iterator[Question]]
    percent: int = 12
    weight: float = 1.0
    choices: bool = True  # whether multiple choice makes sense
    split: str = ""
    @property
    def language(self) -> str:
        """The skill's language: the end of its name."""
        return self.name.rsplit("_", 1)[1]

    def holds_out(self, key: str) -> bool:
        """Whether training must not meet the key."""
        return held_out(self.split or self.name, key, self.percent)


OPENERS = {
    "en": ("", "", "Hello. ", "Quick question. ", "Excuse me. ", "One more thing. "),
    "ja": ("", "", "こんにちは。", "質問です。", "すみません。", "もう一つ。"),
}
"""What may stand before a question; nothing stands there twice as often as any of them."""


def wordings(language: str, phrasings: str) -> list[str]:
    """Every phrasing behind every opener: a combination may be held out while both its parts are taught."""
    return [opener + phrasing for phrasing in phrasings.strip().splitlines() for opener in OPENERS[language]]


def ask_rows(phrasings: Sequence[str], table: Sequence[tuple[str, ...]], frame: str, value: str) -> Iterator[Question]:
    """Yield every phrasing with every row, as written; the key is the phrasing."""
    for row, phrasing in product(table, phrasings):
        names = {"c0": row[0][0].upper() + row[0][1:], "value": BLANK}
        yield Question(phrasing, with_articles(phrasing.format(*row, **names)), frame.format(*row, **names),
                       value.format(*row))


def expand_questions(
    language: str,
    phrasings: str,
    table: Sequence[tuple[str, ...]],
    frame: str,
    value: str,
    also: Mapping[str, str],
) -> Iterator[Question]:
    """Every wording with every row; {0}, {1} … are the row's cells, {c0} is the first cell with a capital letter.

    The key is the wording: what is held out is never asked about any row. `also` lists, by first cell, other values
    that are right too.
    """
    for row, wording in product(table, wordings(language, phrasings)):
        names = {"c0": row[0][0].upper() + row[0][1:], "value": BLANK}
        yield Question(
            wording,
            with_articles(wording.format(*row, **names)),
            frame.format(*row, **names),
            value.format(*row),
            also=tuple(also.get(row[0], "").split()),
        )
