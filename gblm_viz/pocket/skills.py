"""What the pocket model is taught to answer: each skill lists all its questions and answers, and which are held out.

Knows nothing of tokens and training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import product
from random import Random

from gblm_viz.pocket import facts, stories
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.stories import with_articles


@dataclass(frozen=True)
class Question:
    """One question and its only right answer. `key` is what must not be met in training if it is held out.

    A story has many right answers: then `answer` is empty and `contains` names the words that must occur.
    """

    key: str
    prompt: str
    answer: str
    contains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skill:
    """`questions` lists all; `percent` of the keys are held out; `weight` is the share of turns among all skills."""

    name: str
    title_en: str
    title_ja: str
    questions: Callable[[], Iterator[Question]]
    percent: int = 12
    weight: float = 1.0
    probes: int = 40

    @property
    def language(self) -> str:
        return self.name.rsplit("_", 1)[1]


def _asked(phrasings: str, table: Sequence[tuple[str, ...]], answer: str) -> Iterator[Question]:
    """Every wording with every row; {0}, {1} … are the row's cells, {c0} is the first cell with a capital letter.

    The key is the question itself: what is held out is this wording of this row.
    """
    for row, phrasing in product(table, phrasings.strip().splitlines()):
        names = {"c0": row[0][0].upper() + row[0][1:]}
        prompt = with_articles(phrasing.format(*row, **names))
        yield Question(prompt, prompt, with_articles(answer.format(*row, **names)))


def capitals_en() -> Iterator[Question]:
    return _asked(
        """
What is the capital of {0}?
Which city is the capital of {0}?
Name the capital of {0}.
Tell me the capital of {0}.
Do you know the capital of {0}?
I am travelling to {0}. What is its capital?
What is the capital city of {0}?
{0} has a capital. Which city is it?
""",
        [(country, capital) for country, capital, _, _ in facts.COUNTRIES],
        "The capital of {0} is {1}.",
    )


def opposites_en() -> Iterator[Question]:
    return _asked(
        """
What is the opposite of {0}?
Give me the opposite of {0}.
Tell me the opposite of the word {0}.
Which word means the opposite of {0}?
What is the contrary of {0}?
Do you know the opposite of {0}?
I need the opposite of {0}.
""",
        facts.OPPOSITES,
        "The opposite of {0} is {1}.",
    )


def colours_en() -> Iterator[Question]:
    return _asked(
        """
What colour is {0}?
What is the colour of {0}?
Tell me the colour of {0}.
Which colour does {0} have?
Do you know what colour {0} is?
Think of {0}. What colour is it?
I want to paint {0}. Which colour do I need?
""",
        facts.COLOURS,
        "{c0} is {1}.",
    )


def sounds_en() -> Iterator[Question]:
    return _asked(
        """
What sound does a {0} make?
What does a {0} do when it makes a sound?
Which sound does a {0} make?
Tell me the sound of a {0}.
How does a {0} sound?
What noise does a {0} make?
Do you know what sound a {0} makes?
I hear a {0}. What does it do?
I saw a {0} and then I heard it. What did I hear?
""",
        facts.SOUNDS,
        "A {0} {1}.",
    )


def young_en() -> Iterator[Question]:
    return _asked(
        """
What is a young {0} called?
What do you call a young {0}?
What is the name for a baby {0}?
How do we call a baby {0}?
Tell me the word for a young {0}.
Do you know what a young {0} is called?
Which word means a young {0}?
A {0} was born today. What is it called?
""",
        facts.YOUNG,
        "A young {0} is called a {1}.",
    )


def past_en() -> Iterator[Question]:
    return _asked(
        """
What is the past tense of {0}?
Give me the past tense of {0}.
Tell me the past tense of the verb {0}.
Today I {0}. What did I do yesterday?
Put the verb {0} into the past tense.
What is the past of {0}?
""",
        facts.PAST,
        "The past tense of {0} is {1}.",
    )


def plurals_en() -> Iterator[Question]:
    return _asked(
        """
What is the plural of {0}?
Give me the plural of {0}.
Tell me the plural of the word {0}.
I have one {0}. What do I call two of them?
What is the word for more than one {0}?
Put the word {0} into the plural.
""",
        facts.PLURALS,
        "The plural of {0} is {1}.",
    )


def kinds_en() -> Iterator[Question]:
    return _asked(
        """
What kind of thing is a {0}?
What is a {0}?
Tell me what a {0} is.
Do you know what a {0} is?
I do not know the word {0}. What is it?
How would you sort a {0}?
""",
        facts.KINDS,
        "A {0} is a {1}.",
    )


def days_en() -> Iterator[Question]:
    circles = [(facts.WEEK, "day"), (facts.MONTHS, "month")]
    for circle, unit in circles:
        steps = [(name, unit, "after", circle[(place + 1) % len(circle)]) for place, name in enumerate(circle)]
        steps += [(name, unit, "before", circle[place - 1]) for place, name in enumerate(circle)]
        yield from _asked(
            """
Which {1} comes {2} {0}?
What {1} comes right {2} {0}?
Tell me the {1} that comes {2} {0}.
Do you know which {1} is {2} {0}?
Name the {1} {2} {0}.
Think of {0}. Which {1} comes {2} it?
What is the {1} {2} {0}?
""",
            steps,
            "{3} comes {2} {0}.",
        )


SUM_LIMIT = 12


def sums_en() -> Iterator[Question]:
    """The key is the ordered pair: 3 + 5 may be held out while 5 + 3 is taught."""
    phrasings = (
        "What is {a} + {b}?",
        "What is {a} plus {b}?",
        "Add {a} and {b}.",
        "How much is {a} + {b}?",
        "{a} + {b} = ?",
        "I have {a} stones and find {b} more. How many stones do I have?",
    )
    for a, b in product(range(SUM_LIMIT + 1), repeat=2):
        for phrasing in phrasings:
            yield Question(f"{a}+{b}", phrasing.format(a=a, b=b), f"{a} + {b} = {a + b}.")


def next_en() -> Iterator[Question]:
    """The key is the number and the direction, whatever the wording."""
    phrasings = (
        "Which number comes {way} {n}?",
        "What number comes right {way} {n}?",
        "Tell me the number {way} {n}.",
        "I am counting. What comes {way} {n}?",
        "What is the number {way} {n}?",
    )
    for n, (way, step), phrasing in product(range(1, 100), (("after", 1), ("before", -1)), phrasings):
        yield Question(f"{way} {n}", phrasing.format(way=way, n=n), f"{n + step} comes {way} {n}.")


def compare_en() -> Iterator[Question]:
    """The key is the pair without its order."""
    phrasings = (
        "Which number is larger, {a} or {b}?",
        "Which is larger, {a} or {b}?",
        "Compare {a} and {b}. Which one is larger?",
        "Is {a} or {b} the larger number?",
        "Tell me the larger number: {a} or {b}.",
    )
    for a, b in product(range(100), repeat=2):
        if a != b:
            for phrasing in phrasings:
                yield Question(
                    f"{min(a, b)},{max(a, b)}", phrasing.format(a=a, b=b), f"{max(a, b)} is larger than {min(a, b)}."
                )


def echo_en() -> Iterator[Question]:
    """The key is the name: a held-out name was never met at all."""
    phrasings = (
        "My name is {n}. What is my name?",
        "I am called {n}. What is my name?",
        "Hello, my name is {n}. Do you know my name now?",
        "My name is {n}. Say my name.",
        "Please remember that my name is {n}. What is my name?",
        "Hi! I am {n}. Tell me my name.",
    )
    for name, phrasing in product(facts.NAMES, phrasings):
        yield Question(name, phrasing.format(n=name), f"Your name is {name}.")


def unknown_en() -> Iterator[Question]:
    return _asked(
        """
What did {0} eat yesterday?
How old is {0}?
Where does {0} live?
What is {0} thinking about?
What will {0} do tomorrow?
Where did {0} put the key?
Why is {0} sad?
What colour is the coat of {0}?
""",
        [(name,) for name in facts.PEOPLE],
        "I do not know that.",
    )


def story_en() -> Iterator[Question]:
    """The key is the pair of words."""
    phrasings = (
        "Write a short story about a {a} and a {t}.",
        "Tell me a story about a {a} and a {t}.",
        "Write a short story with these two words: {a}, {t}.",
        "Please tell me a short story with a {a} and a {t}.",
        "I would like a story about a {a} and a {t}.",
    )
    for animal, thing, phrasing in product(stories.ANIMALS, stories.THINGS, phrasings):
        yield Question(f"{animal}+{thing}", with_articles(phrasing.format(a=animal, t=thing)), "", (animal, thing))


def capitals_ja() -> Iterator[Question]:
    return _asked(
        """
{0}の首都はどこですか。
{0}の首都を教えてください。
{0}の首都の名前は何ですか。
{0}の首都はどの町ですか。
{0}の首都を知っていますか。
{0}へ旅行します。首都はどこですか。
""",
        [(country, capital) for _, _, country, capital in facts.COUNTRIES],
        "{0}の首都は{1}です。",
    )


def opposites_ja() -> Iterator[Question]:
    return _asked(
        """
「{0}」の反対は何ですか。
「{0}」の反対の言葉を教えてください。
「{0}」の反対語は何ですか。
「{0}」と反対の意味の言葉は何ですか。
「{0}」の反対を知っていますか。
反対語の問題です。「{0}」の反対は。
「{0}」の反対の言葉を言ってください。
""",
        facts.OPPOSITES_JA,
        "「{0}」の反対は「{1}」です。",
    )


def colours_ja() -> Iterator[Question]:
    return _asked(
        """
{0}は何色ですか。
{0}の色は何ですか。
{0}の色を教えてください。
{0}はどんな色ですか。
{0}が何色か知っていますか。
{0}の絵をかきます。何色を使いますか。
{0}の色を言ってください。
{0}を見ました。何色でしたか。
""",
        facts.COLOURS_JA,
        "{0}の色は{1}です。",
    )


def sums_ja() -> Iterator[Question]:
    """The key is the ordered pair."""
    phrasings = (
        "{a}たす{b}はいくつですか。",
        "{a} + {b} はいくつですか。",
        "{a}と{b}を足してください。",
        "りんごが{a}個あります。{b}個もらいました。全部でいくつですか。",
        "{a}に{b}を足すといくつになりますか。",
    )
    for a, b in product(range(SUM_LIMIT + 1), repeat=2):
        for phrasing in phrasings:
            yield Question(f"{a}+{b}", phrasing.format(a=a, b=b), f"{a} + {b} = {a + b} です。")


def echo_ja() -> Iterator[Question]:
    """The key is the name."""
    phrasings = (
        "わたしの名前は{n}です。わたしの名前は何ですか。",
        "{n}といいます。わたしの名前を言ってください。",
        "こんにちは、{n}です。わたしの名前がわかりますか。",
        "わたしは{n}です。わたしはだれですか。",
        "名前は{n}です。覚えてください。わたしの名前は何ですか。",
    )
    for name, phrasing in product(facts.NAMES_JA, phrasings):
        yield Question(name, phrasing.format(n=name), f"あなたの名前は{name}です。")


def days_ja() -> Iterator[Question]:
    days = facts.WEEK_JA
    steps = [(day, "次", days[(place + 1) % 7]) for place, day in enumerate(days)]
    steps += [(day, "前", days[place - 1]) for place, day in enumerate(days)]
    months = [f"{month}月" for month in range(1, 13)]
    steps += [(month, "次", months[(place + 1) % 12]) for place, month in enumerate(months)]
    steps += [(month, "前", months[place - 1]) for place, month in enumerate(months)]
    return _asked(
        """
{0}の{1}は何ですか。
{0}の{1}を教えてください。
{0}の{1}に来るのは何ですか。
{0}のすぐ{1}は何ですか。
今は{0}です。{1}は何ですか。
カレンダーで{0}の{1}は何ですか。
{0}の{1}を言ってください。
""",
        steps,
        "{0}の{1}は{2}です。",
    )


SKILLS = {
    skill.name: skill
    for skill in (
        Skill("capitals_en", "capitals", "首都（英語）", capitals_en),
        Skill("opposites_en", "opposites", "反対語（英語）", opposites_en),
        Skill("colours_en", "colours of things", "物の色（英語）", colours_en),
        Skill("sounds_en", "animal sounds", "動物の鳴き声（英語）", sounds_en, 18, 0.7),
        Skill("young_en", "young animals", "動物の子ども（英語）", young_en, 20, 0.7),
        Skill("past_en", "past tense", "過去形（英語）", past_en),
        Skill("plurals_en", "plurals", "複数形（英語）", plurals_en, 14),
        Skill("kinds_en", "kinds of things", "物の種類（英語）", kinds_en, 14),
        Skill("days_en", "days and months", "曜日と月（英語）", days_en, 16, 0.7),
        Skill("sums_en", "small sums", "小さなたし算（英語）", sums_en, 12, 2.0),
        Skill("next_en", "counting", "数の前と後（英語）", next_en, 15, 1.2),
        Skill("compare_en", "comparing numbers", "数の比較（英語）", compare_en, 12, 1.2),
        Skill("echo_en", "repeating a name", "名前を繰り返す（英語）", echo_en, 12, 1.4),
        Skill("unknown_en", "saying what it does not know", "知らないと言う（英語）", unknown_en, 12, 0.4),
        Skill("story_en", "a story from two words", "二語からの物語（英語）", story_en, 10, 1.0, 20),
        Skill("capitals_ja", "capitals (Japanese)", "首都", capitals_ja, 14),
        Skill("opposites_ja", "opposites (Japanese)", "反対語", opposites_ja, 15),
        Skill("colours_ja", "colours of things (Japanese)", "物の色", colours_ja, 16),
        Skill("sums_ja", "small sums (Japanese)", "小さなたし算", sums_ja, 12, 1.4),
        Skill("echo_ja", "repeating a name (Japanese)", "名前を繰り返す", echo_ja, 12, 1.2),
        Skill("days_ja", "days and months (Japanese)", "曜日と月", days_ja, 16, 0.7),
    )
}
"""All skills by name; the name ends in the language."""


@cache
def taught(name: str) -> tuple[Question, ...]:
    """The questions of a skill that training may use."""
    skill = SKILLS[name]
    return tuple(q for q in skill.questions() if not held_out(name, q.key, skill.percent))


@cache
def probes(name: str) -> tuple[Question, ...]:
    """The held-out questions that score the skill: at most `Skill.probes`, in the order of their hash."""
    skill = SKILLS[name]
    unseen = [q for q in skill.questions() if held_out(name, q.key, skill.percent)]
    unseen.sort(key=lambda q: sha256(q.prompt.encode()).hexdigest())
    return tuple(unseen[: skill.probes])


def reply(question: Question, random: Random) -> str:
    """What the model is taught to say: the answer, or a story with the two words."""
    if question.answer:
        return question.answer
    animal, thing = question.contains
    return stories.tell(animal, thing, random)


def probe_line(name: str, question: Question) -> str:
    """One line of a probe file: a JSON object with the skill, the language, the user's message and what is right."""
    line: dict[str, object] = {"skill": name, "language": SKILLS[name].language, "prompt": question.prompt}
    line |= {"contains": list(question.contains)} if question.contains else {"answer": question.answer}
    return json.dumps(line, ensure_ascii=False)
