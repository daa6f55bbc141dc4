"""The questions that must be worked out from the prompt: numbers, orders, letters, names, statements.

What is held out is what is worked with (a pair of numbers, a name), whatever the wording. Knows nothing of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import permutations, product
from random import Random

from gblm_viz.pocket import facts, stories
from gblm_viz.pocket.question import Question, Skill, wordings
from gblm_viz.pocket.said import HELD_OUT_PERCENT, read_list, read_pairs, read_wordings, taught_wordings
from gblm_viz.pocket.split import held_out

SUM_LIMIT = 12
PEOPLE = "a name of a person in the stories"
LARGEST = 100
_CAPITALS = [(land, city) for land, city, _, _ in facts.COUNTRIES]
_CAPITALS_JA = [(land, city) for _, _, land, city in facts.COUNTRIES]


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


def _near(value: int) -> tuple[str, ...]:
    """Wrong numbers close by, so that choosing takes arithmetic."""
    return tuple(str(other) for other in (value - 2, value - 1, value + 1, value + 2) if other >= 0)[:3]


def sums_en() -> Iterator[Question]:
    """The key is the ordered pair: 3 + 5 may be held out while 5 + 3 is taught."""
    for a, b, phrasing in product(range(SUM_LIMIT + 1), range(SUM_LIMIT + 1), _lines("""
What is {a} + {b}?
What is {a} plus {b}?
Add {a} and {b}.
How much is {a} + {b}?
I have {a} apples and get {b} more. How many do I have?
{a} + {b} = ?
""")):
        yield Question(f"{a}+{b}", phrasing.format(a=a, b=b), f"{a} + {b} = {{}}.", str(a + b), _near(a + b))


def differences_en() -> Iterator[Question]:
    """The key is the pair."""
    for a, b, phrasing in product(range(2 * SUM_LIMIT), range(SUM_LIMIT + 1), _lines("""
What is {a} - {b}?
What is {a} minus {b}?
Take {b} away from {a}.
How much is {a} - {b}?
I have {a} apples and give {b} away. How many are left?
{a} - {b} = ?
""")):
        if 0 <= a - b <= SUM_LIMIT:
            yield Question(f"{a}-{b}", phrasing.format(a=a, b=b), f"{a} - {b} = {{}}.", str(a - b), _near(a - b))


def next_en() -> Iterator[Question]:
    """The key is the number and the direction, whatever the wording."""
    for n, (way, step), phrasing in product(range(1, LARGEST), (("after", 1), ("before", -1)), _lines("""
Which number comes {way} {n}?
What number comes right {way} {n}?
Tell me the number {way} {n}.
I am counting. What comes {way} {n}?
What is the number {way} {n}?
""")):
        wrong = (str(n - step), str(n + 2 * step), str(n + 10)) if n + 2 * step >= 0 else (str(n + 1), str(n + 10))
        yield Question(f"{way} {n}", phrasing.format(way=way, n=n), f"{{}} comes {way} {n}.", str(n + step), wrong)


def counting_en() -> Iterator[Question]:
    """Up or down over three to six numbers; the key is the first and the last."""
    for first, span, step, phrasing in product(range(41), range(2, 6), (1, -1), _lines("""
Count from {a} to {b}.
Please count from {a} to {b}.
Can you count from {a} to {b}?
Start at {a} and count to {b}.
Say the numbers from {a} to {b}.
""")):
        last = first + span * step
        if last >= 0:
            numbers = [str(number) for number in range(first, last + step, step)]
            wrong = tuple(", ".join(other) for other in (numbers[::-1], numbers[:1] + numbers[2:], numbers[:-1]))
            yield Question(f"{first}>{last}", phrasing.format(a=first, b=last), "{}.", ", ".join(numbers), wrong)


def _compared(language: str, phrasings: str, frame: str) -> Iterator[Question]:
    for a, b, phrasing in product(range(LARGEST), range(LARGEST), _lines(phrasings)):
        if a != b:
            small, large = str(min(a, b)), str(max(a, b))
            yield Question(f"{small},{large}", phrasing.format(a=a, b=b), frame, large, (small,))


def compare_en() -> Iterator[Question]:
    """The key is the pair without its order."""
    return _compared("en", """
Which number is larger, {a} or {b}?
Which is larger, {a} or {b}?
Compare {a} and {b}. Which one is larger?
Is {a} or {b} the larger number?
Tell me the larger number: {a} or {b}.
""", "The larger number is {}.")


def compare_ja() -> Iterator[Question]:
    """The key is the pair without its order."""
    return _compared("ja", """
{a}と{b}では、どちらが大きいですか。
{a}と{b}のどちらが大きい数ですか。
{a}と{b}をくらべてください。大きいのはどちらですか。
大きいほうの数を言ってください。{a}と{b}です。
""", "大きいほうは{}です。")


def sort_en() -> Iterator[Question]:
    """Three different numbers up to 20; the key is the numbers without their order."""
    random = Random("three numbers")
    triples = sorted({tuple(sorted(random.sample(range(21), 3))) for _ in range(900)})
    for triple, phrasing in product(triples, _lines("""
Sort these numbers: {0}, {1}, {2}.
Put {0}, {1} and {2} in order.
Which order is right for {0}, {1} and {2}?
Sort {0}, {1} and {2} from small to large.
Order these three numbers: {0}, {1}, {2}.
""")):
        orders = [", ".join(map(str, order)) for order in permutations(triple)]
        for shown in permutations(triple):
            yield Question(orders[0], phrasing.format(*shown), "{}.", orders[0], tuple(orders[1:4]))


def spell_en() -> Iterator[Question]:
    """The key is the wording: a token does not show its letters, so each word's spelling has to be met."""
    for word, wording in product(facts.SPELLED, wordings("en", """
Spell the word {0}.
How do you spell {0}?
How is {0} spelled?
Spell {0} for me.
Which letters are in the word {0}?
Please spell {0}.
""")):
        yield Question(wording, wording.format(word), f"{word}: {{}}.", "-".join(word))


def _others(names: Sequence[str], name: str) -> tuple[str, ...]:
    """Three names from elsewhere in the list."""
    place = names.index(name)
    return tuple(names[(place + step) % len(names)] for step in (17, 101, 203))


def echo_en() -> Iterator[Question]:
    """The key is the name or the word: a held-out name was never met at all, a held-out word never here.

    People's names are met in stories: they have a key together, which is taught.
    """
    for name, phrasing in product(facts.NAMES, _lines("""
My name is {n}. What is my name?
I am called {n}. What is my name?
Hello, my name is {n}. Do you know my name now?
My name is {n}. Say my name.
Please remember that my name is {n}. What is my name?
Hi! I am {n}. Tell me my name.
My name is {n}.
""")):
        frame = "Nice to meet you, {}." if phrasing.endswith("is {n}.") else "Your name is {}."
        key = PEOPLE if name in facts.PEOPLE else name
        yield Question(key, phrasing.format(n=name), frame, name, _others(facts.NAMES, name))
    words = list(dict.fromkeys([*facts.SPELLED, *stories.THINGS, *stories.ANIMALS]))
    for word, phrasing in product(words, _lines("""
Say the word {n}.
Repeat the word {n}.
I said the word {n}. Which word did I say?
My word is {n}. What is my word?
""")):
        yield Question(word, phrasing.format(n=word), "{}", word, _others(words, word))


def echo_ja() -> Iterator[Question]:
    """The key is the name."""
    for name, phrasing in product(facts.NAMES_JA, _lines("""
わたしの名前は{n}です。わたしの名前は何ですか。
{n}といいます。わたしの名前を言ってください。
こんにちは、{n}です。わたしの名前がわかりますか。
わたしは{n}です。わたしはだれですか。
名前は{n}です。覚えてください。わたしの名前は何ですか。
わたしの名前は{n}です。
""")):
        frame = "はじめまして、{}さん。" if phrasing == "わたしの名前は{n}です。" else "あなたの名前は{}です。"
        key = PEOPLE if name in facts.PEOPLE_JA else name
        yield Question(key, phrasing.format(n=name), frame, name, _others(facts.NAMES_JA, name))


COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown", "grey")
PLACES = ("in the garden", "under the bed", "on the roof", "in the kitchen", "behind the door", "at the station")


def yes_no_en() -> Iterator[Question]:
    """A statement and a question about it; the key is what is stated and what is asked."""
    for thing, said, asked_for, (stated, question) in product(stories.THINGS, COLOURS, COLOURS, (
        ("The {t} is {s}.", "Is the {t} {q}?"),
        ("I have a {s} {t}.", "Is my {t} {q}?"),
        ("My sister bought a {s} {t} today.", "Is the {t} {q}?"),
    )):
        if said == asked_for or COLOURS.index(asked_for) - COLOURS.index(said) in (1, -7):  # as many yes as no
            yield _yes_no(thing, said, asked_for, stated, question)
    for animal, said, asked_for, (stated, question) in product(stories.ANIMALS, PLACES, PLACES, (
        ("The {t} sleeps {s}.", "Does the {t} sleep {q}?"),
        ("There is a {t} {s}.", "Is the {t} {q}?"),
    )):
        if said == asked_for or PLACES.index(asked_for) - PLACES.index(said) in (1, -5):
            yield _yes_no(animal, said, asked_for, stated, question)


def _yes_no(word: str, said: str, asked_for: str, stated: str, question: str) -> Question:
    prompt = f"{stated} {question}".format(t=word, s=said, q=asked_for)
    value, other = ("Yes", "No") if said == asked_for else ("No", "Yes")
    return Question(f"{word} {said} {asked_for}", stories.with_articles(prompt), f"{{}}, the {word} is {said}.", value,
                    (other,))


def sums_ja() -> Iterator[Question]:
    """The key is the ordered pair."""
    for a, b, phrasing in product(range(SUM_LIMIT + 1), range(SUM_LIMIT + 1), _lines("""
{a}たす{b}はいくつですか。
{a} + {b} はいくつですか。
{a}と{b}を足してください。
りんごが{a}個あります。{b}個もらいました。全部でいくつですか。
{a}に{b}を足すといくつになりますか。
""")):
        yield Question(f"{a}+{b}", phrasing.format(a=a, b=b), f"{a} + {b} = {{}} です。", str(a + b), _near(a + b))


def differences_ja() -> Iterator[Question]:
    """The key is the pair."""
    for a, wording in product(range(2 * SUM_LIMIT + 1), taught_wordings("differences_ja", "ja")):
        for b in range(a + 1):
            yield Question(f"{a}-{b}", wording.format(a=a, b=b), f"{a} - {b} = {{}} です。", str(a - b), _near(a - b))


def next_ja() -> Iterator[Question]:
    """The key is the number and the direction."""
    ways = (("次", "after", 1), ("前", "before", -1))
    for n, (way, key, step), wording in product(range(1, LARGEST), ways, taught_wordings("next_ja", "ja")):
        wrong = (str(n - step), str(n + 10), str(n))
        yield Question(f"{key} {n}", wording.format(n=n, way=way), f"{n}の{way}は{{}}です。", str(n + step), wrong)


def counting_ja() -> Iterator[Question]:
    """Up or down over three to six numbers; the key is the first and the last."""
    wordings_ja = taught_wordings("counting_ja", "ja")
    for first, span, step, wording in product(range(41), range(2, 6), (1, -1), wordings_ja):
        last = first + span * step
        if last >= 0:
            numbers = [str(number) for number in range(first, last + step, step)]
            wrong = tuple(", ".join(other) for other in (numbers[::-1], numbers[:1] + numbers[2:], numbers[:-1]))
            yield Question(f"{first}>{last}", wording.format(a=first, b=last), "{}。", ", ".join(numbers), wrong)


def sort_ja() -> Iterator[Question]:
    """Three different numbers up to 30; the key is the numbers without their order."""
    random = Random("three numbers in Japanese")
    triples = sorted({tuple(sorted(random.sample(range(31), 3))) for _ in range(600)})
    for triple, wording in product(triples, taught_wordings("sort_ja", "ja")):
        orders = [", ".join(map(str, order)) for order in permutations(triple)]
        shown = random.choice(list(permutations(triple)))
        yield Question(orders[0], wording.format(*shown), "{}。", orders[0], tuple(orders[1:4]))


def spell_ja() -> Iterator[Question]:
    """In kana; the key is the wording."""
    for (word, kana), wording in product(read_pairs("spelled"), read_wordings("ja")["spell_ja"]):
        yield Question(wording, wording.format(word), f"{word}：{{}}。", "・".join(kana))


def _is_it(name: str, rows: Sequence[tuple[str, str]], yes: str, no: str) -> Iterator[Question]:
    """Every row asked once truly and once with the value of another row; the key is the wording."""
    found = read_wordings(name[-2:])
    for (place, row), wording in product(enumerate(rows), found.get(name) or found[name[:-3]]):
        other = next(value for _, value in (*rows[place + 1:], *rows) if value != row[1])
        for asked, right, wrong in ((row[1], yes, no), (other, no, yes)):
            prompt = stories.with_articles(wording.format(row[0], asked))
            answers = [stories.with_articles(frame.format(*row)) for frame in (right, wrong)]
            yield Question(wording, prompt, "{}", answers[0], (answers[1],))


def _copied(language: str) -> Iterator[Question]:
    """A word to be given back; the key is the word."""
    words = [word for word in read_list(f"nouns_{language}") if not held_out(f"echo_{language}", word, 12)]
    for word, wording in product(words, taught_wordings("copy_word", language)[::4]):
        yield Question(word, wording.format(n=word), "{}", word, _others(words, word))


def _named(language: str) -> Iterator[Question]:
    """A name to be given back; the key is the name."""
    names = [name for name in read_list(f"names_{language}") if not held_out(f"echo_{language}", name, 12)]
    frame = "あなたの名前は{}です。" if language == "ja" else "Your name is {}."
    for name, wording in product(names, taught_wordings("copy_name_ask", language)[::4]):
        yield Question(name, wording.format(n=name), frame, name, _others(names, name))


SKILLS = [
    Skill("sums_en", "procedure", "small sums", "小さなたし算（英語）", sums_en, 12, 2.2),
    Skill("differences_en", "procedure", "small differences", "小さなひき算（英語）", differences_en, 12, 3.0),
    Skill("next_en", "procedure", "the number before and after", "数の前と後（英語）", next_en, 12, 1.2),
    Skill("counting_en", "procedure", "counting up and down", "数える（英語）", counting_en, 12, 1.8),
    Skill("compare_en", "procedure", "comparing numbers", "数の比較（英語）", compare_en, 12, 1.2),
    Skill("sort_en", "procedure", "sorting three numbers", "三つの数を並べる（英語）", sort_en, 12, 1.6),
    Skill("spell_en", "procedure", "spelling", "つづり（英語）", spell_en, 12, 1.2),
    Skill("echo_en", "procedure", "repeating names and words", "名前や言葉を繰り返す（英語）", echo_en, 12, 2.2),
    Skill("yes_no_en", "procedure", "yes or no about a statement", "文についての「はい・いいえ」（英語）", yes_no_en,
          12, 1.4),
    Skill("sums_ja", "procedure", "small sums (Japanese)", "小さなたし算", sums_ja, 12, 1.4),
    Skill("compare_ja", "procedure", "comparing numbers (Japanese)", "数の比較", compare_ja, 12, 0.9),
    Skill("echo_ja", "procedure", "repeating a name (Japanese)", "名前を繰り返す", echo_ja, 12, 1.6),
    Skill("differences_ja", "procedure", "small differences (Japanese)", "小さなひき算", differences_ja, 12, 0),
    Skill("next_ja", "procedure", "the number before and after (Japanese)", "数の前と後", next_ja, 12, 0),
    Skill("counting_ja", "procedure", "counting up and down (Japanese)", "数える", counting_ja, 12, 0),
    Skill("sort_ja", "procedure", "sorting three numbers (Japanese)", "三つの数を並べる", sort_ja, 12, 0),
    Skill("spell_ja", "procedure", "spelling in kana (Japanese)", "かなで一文字ずつ", spell_ja, HELD_OUT_PERCENT, 0),
    Skill("capital_yes_no_en", "procedure", "is this the capital?", "首都かどうか（英語）",
          partial(_is_it, "capital_yes_no_en", _CAPITALS, "Yes, {1} is the capital of {0}.",
                  "No, the capital of {0} is {1}."), HELD_OUT_PERCENT, 0),
    Skill("colour_yes_no_en", "procedure", "is this the colour?", "色が合っているか（英語）",
          partial(_is_it, "colour_yes_no_en", facts.COLOURS, "Yes, {0} is {1}.", "No, {0} is {1}."),
          HELD_OUT_PERCENT, 0),
    Skill("capital_yes_no_ja", "procedure", "is this the capital? (Japanese)", "首都かどうか",
          partial(_is_it, "capital_yes_no_ja", _CAPITALS_JA, "はい、{1}は{0}の首都です。",
                  "いいえ、{0}の首都は{1}です。"), HELD_OUT_PERCENT, 0),
    Skill("colour_yes_no_ja", "procedure", "is this the colour? (Japanese)", "色が合っているか",
          partial(_is_it, "colour_yes_no_ja", facts.COLOURS_JA, "はい、{0}の色は{1}です。",
                  "いいえ、{0}の色は{1}です。"), HELD_OUT_PERCENT, 0),
    Skill("copy_en", "procedure", "giving a word back", "言葉をそのまま返す（英語）", partial(_copied, "en"),
          HELD_OUT_PERCENT, 0, split="nouns_en"),
    Skill("copy_ja", "procedure", "giving a word back (Japanese)", "言葉をそのまま返す", partial(_copied, "ja"),
          HELD_OUT_PERCENT, 0, split="nouns_ja"),
    Skill("names_en", "procedure", "giving an unseen name back", "初めての名前を返す（英語）", partial(_named, "en"),
          HELD_OUT_PERCENT, 0, split="names_en"),
    Skill("names_ja", "procedure", "giving an unseen name back (Japanese)", "初めての名前を返す", partial(_named, "ja"),
          HELD_OUT_PERCENT, 0, split="names_ja"),
]
