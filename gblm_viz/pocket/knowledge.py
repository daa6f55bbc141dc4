"""The questions about facts: each skill is a table of facts.py, its phrasings and the frame of the answer.

A fact is taught in some wordings and asked for in wordings training never met. Knows nothing of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gblm_viz.pocket import facts
from gblm_viz.pocket.question import Question, Skill, ask_rows, expand_questions
from gblm_viz.pocket.said import HELD_OUT_PERCENT, read_pairs, read_wordings

Rows = Sequence[tuple[str, ...]]


def _steps(circle: list[str], after: str, before: str) -> list[tuple[str, str, str]]:
    """(name, direction, neighbour) for both neighbours of every member of a circle."""
    steps = [(name, after, circle[(place + 1) % len(circle)]) for place, name in enumerate(circle)]
    return steps + [(name, before, circle[place - 1]) for place, name in enumerate(circle)]


DAYS = [
    (name, unit, way, other)
    for circle, unit in ((facts.WEEK, "day"), (facts.MONTHS, "month"))
    for name, way, other in _steps(circle, "after", "before")
]
DAYS_JA = [
    step for circle in (facts.WEEK_JA, [f"{month}月" for month in range(1, 13)]) for step in _steps(circle, "次", "前")
]
_COUNTRIES = [(land, city) for land, city, _, _ in facts.COUNTRIES]
_COUNTRIES_JA = [(land, city) for _, _, land, city in facts.COUNTRIES]


@dataclass(frozen=True)
class Facts:
    """One table: what is asked, in which words, and what is answered; {0}, {1} … are the cells of a row.

    Without phrasings it is asked in the wordings of `corpus/asked` alone, and the plain chats have nothing of it.
    """

    title_en: str
    title_ja: str
    rows: Rows
    phrasings: str
    frame: str
    value: str = "{1}"
    weight: float = 1.0


FACTS = {
    "capitals_en": Facts("capitals", "首都（英語）", _COUNTRIES, """
What is the capital of {0}?
Which city is the capital of {0}?
Name the capital of {0}.
Tell me the capital of {0}.
Do you know the capital of {0}?
I am travelling to {0}. What is its capital?
What is the capital city of {0}?
{0} has a capital. Which city is it?
""", "The capital of {0} is {value}."),
    "opposites_en": Facts("opposites", "反対語（英語）", facts.OPPOSITES, """
What is the opposite of {0}?
Give me the opposite of {0}.
Tell me the opposite of the word {0}.
Which word means the opposite of {0}?
What is the contrary of {0}?
Do you know the opposite of {0}?
I need the opposite of {0}.
""", "The opposite of {0} is {value}."),
    "colours_en": Facts("colours of things", "物の色（英語）", facts.COLOURS, """
What colour is {0}?
What is the colour of {0}?
Tell me the colour of {0}.
Which colour does {0} have?
Do you know what colour {0} is?
Think of {0}. What colour is it?
I want to paint {0}. Which colour do I need?
""", "{c0} is {value}."),
    "sounds_en": Facts("animal sounds", "動物の鳴き声（英語）", facts.SOUNDS, """
What sound does a {0} make?
What does a {0} do when it makes a sound?
Which sound does a {0} make?
Tell me the sound of a {0}.
How does a {0} sound?
What noise does a {0} make?
Do you know what sound a {0} makes?
I hear a {0}. What does it do?
""", "A {0} {value}.", weight=0.7),
    "young_en": Facts("young animals", "動物の子ども（英語）", facts.YOUNG, """
What is a young {0} called?
What do you call a young {0}?
What is the name for a baby {0}?
How do we call a baby {0}?
Tell me the word for a young {0}.
Do you know what a young {0} is called?
Which word means a young {0}?
A {0} was born today. What is it called?
""", "A young {0} is called a {value}.", weight=0.7),
    "past_en": Facts("past tense", "過去形（英語）", facts.PAST, """
What is the past tense of {0}?
Give me the past tense of {0}.
Tell me the past tense of the verb {0}.
Today I {0}. What did I do yesterday?
Put the verb {0} into the past tense.
What is the past of {0}?
Do you know the past tense of {0}?
""", "The past tense of {0} is {value}."),
    "plurals_en": Facts("plurals", "複数形（英語）", facts.PLURALS, """
What is the plural of {0}?
Give me the plural of {0}.
Tell me the plural of the word {0}.
I have one {0}. What do I call two of them?
What is the word for more than one {0}?
Put the word {0} into the plural.
Do you know the plural of {0}?
""", "The plural of {0} is {value}."),
    "kinds_en": Facts("kinds of things", "物の種類（英語）", facts.KINDS, """
What kind of thing is a {0}?
What is a {0}?
Tell me what a {0} is.
Do you know what a {0} is?
I do not know the word {0}. What is it?
How would you sort a {0}?
Explain to me what a {0} is.
""", "A {0} is a {value}."),
    "days_en": Facts("days and months", "曜日と月（英語）", DAYS, """
Which {1} comes {2} {0}?
What {1} comes right {2} {0}?
Tell me the {1} that comes {2} {0}.
Do you know which {1} is {2} {0}?
Name the {1} {2} {0}.
Think of {0}. Which {1} comes {2} it?
What is the {1} {2} {0}?
""", "{value} comes {2} {0}.", "{3}", 0.8),
    "words_en": Facts("English to Japanese", "英語から日本語（英語）", facts.WORDS, """
What is the Japanese word for {0}?
How do you say {0} in Japanese?
What is {0} in Japanese?
Translate {0} into Japanese.
Tell me the Japanese word for {0}.
Give me the word {0} in Japanese.
I want to say {0} in Japanese. What is the word?
""", "The Japanese word for {0} is {value}.", weight=1.2),
    "capitals_ja": Facts("capitals (Japanese)", "首都", _COUNTRIES_JA, """
{0}の首都はどこですか。
{0}の首都は何という町ですか。
{0}の首都の名前は何ですか。
{0}の首都はどの町ですか。
{0}の首都を知っていますか。
{0}へ旅行します。首都はどこですか。
""", "{0}の首都は{value}です。"),
    "opposites_ja": Facts("opposites (Japanese)", "反対語", facts.OPPOSITES_JA, """
「{0}」の反対は何ですか。
「{0}」の反対の言葉は何ですか。
「{0}」の反対語は何ですか。
「{0}」と反対の意味の言葉は何ですか。
「{0}」の反対を知っていますか。
反対語の問題です。「{0}」の反対は。
「{0}」の反対の言葉を言ってください。
""", "「{0}」の反対は「{value}」です。"),
    "colours_ja": Facts("colours of things (Japanese)", "物の色", facts.COLOURS_JA, """
{0}は何色ですか。
{0}の色は何ですか。
{0}はどんな色ですか。
{0}が何色か知っていますか。
{0}の絵をかきます。何色を使いますか。
{0}の色を言ってください。
{0}を見ました。何色でしたか。
""", "{0}の色は{value}です。", weight=0.8),
    "days_ja": Facts("days and months (Japanese)", "曜日と月", DAYS_JA, """
{0}の{1}は何ですか。
{0}の{1}を答えてください。
{0}の{1}に来るのは何ですか。
{0}のすぐ{1}は何ですか。
今は{0}です。{1}は何ですか。
カレンダーで{0}の{1}は何ですか。
{0}の{1}を言ってください。
""", "{0}の{1}は{value}です。", "{2}", 0.7),
    "words_ja": Facts("Japanese to English", "日本語から英語", [(ja, en) for en, ja in facts.WORDS], """
「{0}」は英語で何ですか。
「{0}」を英語で何と言いますか。
「{0}」を英語にしてください。
「{0}」の英語を知っていますか。
英語で「{0}」は何と言いますか。
「{0}」を英語で言ってください。
""", "「{0}」は英語で {value} です。", weight=1.2),
}
FACTS |= {
    "country_of_en": Facts("countries of capitals", "首都から国（英語）", _COUNTRIES, "",
                           "{1} is the capital of {value}.", "{0}"),
    "sounds_ja": Facts("animal sounds (Japanese)", "動物の鳴き声", read_pairs("sounds"), "",
                       "{0}は「{value}」と鳴きます。"),
    "young_ja": Facts("young animals (Japanese)", "動物の子ども", read_pairs("young"), "",
                      "{0}の子どもは「{value}」です。"),
    "kinds_ja": Facts("kinds of things (Japanese)", "物の種類", read_pairs("kinds"), "", "{0}は{value}です。"),
    "words_from_en_ja": Facts("English to Japanese (asked in Japanese)", "英語から日本語", facts.WORDS, "",
                              "{0} は日本語で「{value}」です。"),
    "country_of_ja": Facts("countries of capitals (Japanese)", "首都から国", _COUNTRIES_JA, "",
                           "{1}は{value}の首都です。", "{0}"),
}


def _questions(name: str, table: Facts) -> Iterator[Question]:
    language = name.rsplit("_", 1)[1]
    if table.phrasings:
        also = facts.ALSO_TRUE.get(name, {})
        return expand_questions(language, table.phrasings, table.rows, table.frame, table.value, also)
    found = read_wordings(language)
    return ask_rows(found.get(name) or found[name[:-3]], table.rows, table.frame, table.value)


HELD_OUT = {"en": 14, "ja": 20}
"""In percent of the wordings, of which Japanese has fewer."""
SKILLS = [
    Skill(name, "fact", table.title_en, table.title_ja, partial(_questions, name, table),
          HELD_OUT[name[-2:]] if table.phrasings else HELD_OUT_PERCENT, table.weight if table.phrasings else 0)
    for name, table in FACTS.items()
]
