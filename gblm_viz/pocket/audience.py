"""Chats as an audience types them: every skill in any wording, and everything else declined in the asker's language.

A message is drawn from a topic by weight, filled, and made to look typed (typed.py). Knows nothing of tokens but the
markup of a chat. What is held out stays out: wordings by their hash, pairs of numbers and names as in the skills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from random import Random

from gblm_viz.pocket import facts, free, knowledge, places, said, skills, stories, stories_ja
from gblm_viz.pocket.said import bare, read_list, read_pairs, split_wordings, taught_wordings
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.tokens import chat_text
from gblm_viz.pocket.typed import type_question

JAPANESE = 0.46
"""The part of the chats that is in Japanese; a chat keeps to one language."""
TURNS = (6, 3, 1)
"""Weights of one, two and three turns."""
ANYBODYS = {"en": 12, "ja": 8}
"""Letters up to which a message is nobody's own."""
SUM_LIMIT = 24
"""The largest sum, and the largest number that something is taken from."""
LARGEST = 100


@dataclass(frozen=True)
class Turn:
    """One message as it is written in the tables, its answer, and what of it must come back unchanged."""

    prompt: str
    answer: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Topic:
    """Something to ask about; weight: its share of the turns beside the language's other topics."""

    name: str
    language: str
    weight: float
    draw: Callable[[Random], Turn]


def chat(random: Random) -> str:
    """Return a conversation of one to three turns in one language."""
    language = "ja" if random.random() < JAPANESE else "en"
    turns = [ask(language, random) for _ in range(random.choices((1, 2, 3), TURNS)[0])]
    if random.random() < 0.06:
        turns = _remember(language, random, turns)
    return chat_text(turns)


def ask(language: str, random: Random) -> tuple[str, str]:
    """Return one message as somebody types it, and its answer."""
    topics = topics_of(language)
    turn = random.choices(topics, [topic.weight for topic in topics])[0].draw(random)
    if bare(turn.prompt) in _free_questions(language):
        return ask(language, random)
    return type_question(turn.prompt, language, random, turn.kept, readings(language)), turn.answer


@cache
def _free_questions(language: str) -> frozenset[str]:
    """The questions that are asked to find out what an audience meets; short ones, such as "hello", are anybody's."""
    asked = (bare(one.question) for one in free.read(places.MODEL / "probes") if one.language == language)
    return frozenset(one for one in asked if len(one) > ANYBODYS[language])


@cache
def readings(language: str) -> Mapping[str, str]:
    """Return written word → kana, longer words first, since they may contain shorter ones."""
    return dict(sorted(read_pairs("readings"), key=lambda pair: -len(pair[0]))) if language == "ja" else {}


@cache
def topics_of(language: str) -> tuple[Topic, ...]:
    """Return all topics of a language."""
    return tuple(_topics(language))


def _topics(language: str) -> Iterator[Topic]:
    for subject, weight in (("outside", 5.5), ("talk", 2.0), ("everyday", 2.0), ("pruning", 2.6), ("shop", 2.2)):
        yield Topic(subject, language, weight, _said(subject, language))
    for name, table in FACTS[language].items():
        yield Topic(name, language, table.weight, _fact(name, table))
    for name, (make, weight) in WORKED_OUT[language].items():
        yield Topic(name, language, weight, make(name))


def _said(subject: str, language: str) -> Callable[[Random], Turn]:
    """A message that is another answer's, or held out there, is not drawn from a pattern."""
    answers, held_back = said.answers(language), said.held_back(language)
    found = [(one.answer, one.wordings) for one in said.read_said(subject, language)]
    weights = [wordings.weight for _, wordings in found]

    def draw(random: Random) -> Turn:
        answer, wordings = random.choices(found, weights)[0]
        return Turn(wordings.draw(random, lambda message: (
            bare(message) not in held_back and answers[bare(message)] == answer)), answer)

    return draw


# --- facts: a wording with a row of a table ---


@dataclass(frozen=True)
class Table:
    """Rows asked about in the wordings of `wordings`; {0}, {1} … are a row's cells, {c0} the first with a capital."""

    wordings: str
    rows: Sequence[Sequence[str]]
    frame: str
    weight: float = 0.5


def _rows(name: str) -> Sequence[Sequence[str]]:
    return knowledge.FACTS[name].rows


def _frame(name: str) -> str:
    table = knowledge.FACTS[name]
    return table.frame.replace("{value}", table.value)


def _pairs(first: Sequence[tuple[str, str]], more: str) -> list[tuple[str, str]]:
    """The table's pairs and further ones; a word that stands in both counts as in the first."""
    known = {left for left, _ in first}
    return [*first, *(pair for pair in read_pairs(more) if pair[0] not in known)]


_EN = ("capitals_en", "opposites_en", "colours_en", "sounds_en", "young_en", "past_en", "plurals_en", "kinds_en",
       "days_en", "words_en")
FACTS: Mapping[str, Mapping[str, Table]] = {
    "en": {name: Table(name, _rows(name), _frame(name), 0.9 if name in _EN[:3] else 0.5) for name in _EN} | {
        "country_of": Table("country_of", [(land, city) for land, city, _, _ in facts.COUNTRIES],
                            "{1} is the capital of {0}.", 0.3)},
    "ja": {
        "capitals_ja": Table("capitals_ja", _rows("capitals_ja"), _frame("capitals_ja"), 1.0),
        "opposites_ja": Table("opposites_ja", _pairs(facts.OPPOSITES_JA, "opposites"), _frame("opposites_ja"), 1.0),
        "colours_ja": Table("colours_ja", _pairs(facts.COLOURS_JA, "colours"), _frame("colours_ja"), 0.9),
        "days_ja": Table("days_ja", _rows("days_ja"), _frame("days_ja"), 0.5),
        "words_ja": Table("words_ja", _rows("words_ja"), _frame("words_ja"), 0.6),
        "words_from_en_ja": Table("words_from_en_ja", facts.WORDS, "{0} は日本語で「{1}」です。", 0.4),
        "sounds_ja": Table("sounds_ja", read_pairs("sounds"), "{0}は「{1}」と鳴きます。", 0.5),
        "young_ja": Table("young_ja", read_pairs("young"), "{0}の子どもは「{1}」です。", 0.4),
        "kinds_ja": Table("kinds_ja", read_pairs("kinds"), "{0}は{1}です。", 0.5),
        "country_of": Table("country_of_ja", [(land, city) for _, _, land, city in facts.COUNTRIES],
                            "{1}は{0}の首都です。", 0.3)}}


def _fact(name: str, table: Table) -> Callable[[Random], Turn]:
    language = "ja" if table in FACTS["ja"].values() else "en"
    wordings = taught_wordings(table.wordings, language)

    def draw(random: Random) -> Turn:
        row = random.choice(table.rows)
        names = {"c0": row[0][0].upper() + row[0][1:]}
        prompt, answer = (text.format(*row, **names) for text in (wordings.draw(random), table.frame))
        return Turn(stories.with_articles(prompt), stories.with_articles(answer))

    return draw


# --- what has to be worked out from the message ---


def _numbers(limit: int, skill: str, sign: str) -> list[tuple[int, int]]:
    """Pairs that training may use: of a sum, both and the result at most `limit`; of a difference, the first."""
    pairs = product(range(limit + 1), repeat=2)
    fits = (lambda a, b: a + b <= limit) if sign == "+" else (lambda a, b: b <= a)
    return [(a, b) for a, b in pairs if fits(a, b) and not held_out(skill, f"{a}{sign}{b}", 12)]


def _sums(name: str) -> Callable[[Random], Turn]:
    language, pairs = name[-2:], _numbers(SUM_LIMIT, name, "+")
    frame = "{a} + {b} = {r} です。" if language == "ja" else "{a} + {b} = {r}."
    return _calculated(name, language, pairs, frame, lambda a, b: a + b)


def _differences(name: str) -> Callable[[Random], Turn]:
    language, pairs = name[-2:], _numbers(SUM_LIMIT, "differences_en", "-")
    frame = "{a} - {b} = {r} です。" if language == "ja" else "{a} - {b} = {r}."
    return _calculated(name, language, pairs, frame, lambda a, b: a - b)


def _calculated(name: str, language: str, pairs: Sequence[tuple[int, int]], frame: str,
                result: Callable[[int, int], int]) -> Callable[[Random], Turn]:
    """Sometimes with numbers that are too large: these are declined."""
    wordings = taught_wordings(name, language)
    declined = said.answer_of("outside", language, "number")

    def draw(random: Random) -> Turn:
        wording = wordings.draw(random)
        if random.random() < 0.15:
            a, b = sorted((random.randrange(10 ** random.randint(2, 5)) + SUM_LIMIT + 1,
                           random.randrange(10 ** random.randint(1, 5))), reverse=True)
            return Turn(wording.format(a=a, b=b), declined)
        a, b = random.choice(pairs)
        return Turn(wording.format(a=a, b=b), frame.format(a=a, b=b, r=result(a, b)))

    return draw


def _next(name: str) -> Callable[[Random], Turn]:
    language, wordings = name[-2:], taught_wordings(name, name[-2:])
    ways = {"en": (("after", 1), ("before", -1)), "ja": (("次", 1), ("前", -1))}[language]
    frame = "{n}の{way}は{r}です。" if language == "ja" else "{r} comes {way} {n}."
    asked = [(n, way, step) for n in range(1, LARGEST) for way, step in ways
             if not held_out("next_en", f"{'after' if step > 0 else 'before'} {n}", 12)]

    def draw(random: Random) -> Turn:
        n, way, step = random.choice(asked)
        return Turn(wordings.draw(random).format(n=n, way=way), frame.format(n=n, way=way, r=n + step))

    return draw


def _counting(name: str) -> Callable[[Random], Turn]:
    language = name[-2:]
    from_to = taught_wordings(name, language)
    up_to = taught_wordings("count_to" if language == "en" else "count_to_ja", language)
    more = taught_wordings("from_to_count", language) if language == "en" else None
    end = "。" if language == "ja" else "."

    def draw(random: Random) -> Turn:
        if random.random() < 0.35:
            first, last, wording = 1, random.randint(2, 12), up_to.draw(random)
        else:
            first = random.randint(0, 40)
            last, wording = first + random.choice((1, 1, 1, -1)) * random.randint(1, 7), from_to.draw(random)
            if last > first and more and random.random() < 0.4:
                wording = more.draw(random)
        if last < 0 or held_out("counting_en", f"{first}>{last}", 12):
            return draw(random)
        step = 1 if last > first else -1
        return Turn(wording.format(a=first, b=last), ", ".join(map(str, range(first, last + step, step))) + end)

    return draw


def _compared(name: str) -> Callable[[Random], Turn]:
    language, wordings = name[-2:], taught_wordings(name, name[-2:])
    frame, pick = {"compare_en": ("The larger number is {}.", max), "compare_ja": ("大きいほうは{}です。", max),
                   "compare_small_ja": ("小さいほうは{}です。", min)}[name]

    def draw(random: Random) -> Turn:
        a, b = random.sample(range(LARGEST), 2)
        if held_out(f"compare_{language}", f"{min(a, b)},{max(a, b)}", 12):
            return draw(random)
        return Turn(wordings.draw(random).format(a=a, b=b), frame.format(pick(a, b)))

    return draw


def _sorted(name: str) -> Callable[[Random], Turn]:
    language, wordings = name[-2:], taught_wordings(name, name[-2:])

    def draw(random: Random) -> Turn:
        numbers = random.sample(range(31), 3)
        if held_out("sort_en", ", ".join(map(str, sorted(numbers))), 12):
            return draw(random)
        answer = ", ".join(map(str, sorted(numbers))) + ("。" if language == "ja" else ".")
        return Turn(wordings.draw(random).format(*numbers), answer)

    return draw


def _spelled(name: str) -> Callable[[Random], Turn]:
    language, wordings = name[-2:], taught_wordings(name, name[-2:])
    words = read_pairs("spelled") if language == "ja" else [(word, word) for word in facts.SPELLED]

    def draw(random: Random) -> Turn:
        word, letters = random.choice(words)
        frame = f"{word}：{'・'.join(letters)}。" if language == "ja" else f"{word}: {'-'.join(letters)}."
        return Turn(wordings.draw(random).format(word), frame)

    return draw


def _yes_no(name: str) -> Callable[[Random], Turn]:
    """Is this the capital, is this the colour: as often yes as no."""
    language, wordings = name[-2:], taught_wordings(name if name.endswith("_ja") else name[:-3], name[-2:])
    capitals = name.startswith("capital")
    frames = {("en", True): ("Yes, {1} is the capital of {0}.", "No, the capital of {0} is {1}."),
              ("ja", True): ("はい、{1}は{0}の首都です。", "いいえ、{0}の首都は{1}です。"),
              ("en", False): ("Yes, {0} is {1}.", "No, {0} is {1}."),
              ("ja", False): ("はい、{0}の色は{1}です。", "いいえ、{0}の色は{1}です。")}[language, capitals]
    rows = {("en", True): _rows("capitals_en"), ("ja", True): _rows("capitals_ja"),
            ("en", False): facts.COLOURS, ("ja", False): facts.COLOURS_JA}[language, capitals]

    def draw(random: Random) -> Turn:
        thing, value = random.choice(rows)
        other = value if random.random() < 0.5 else random.choice(rows)[1]
        prompt = wordings.draw(random).format(thing, other)
        return Turn(prompt, frames[0 if other == value else 1].format(thing, value))

    return draw


_HEADS, _VOWELS, _ENDS = (
    ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "cl", "dr", "fl",
     "gr", "kl", "pr", "sh", "st", "th", "tr", "zw"],
    ["a", "e", "i", "o", "u", "ai", "ee", "oo"],
    ["", "", "b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "x", "z", "ck", "nd", "rt"])
"""How an invented syllable begins, goes on and ends."""
_KANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ"
_KATAKANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"


def invent_word(language: str, random: Random) -> str:
    """Return a word that means nothing, so that repeating it cannot be remembered; none that a probe may ask for."""
    if language == "ja":
        word = "".join(random.choices(random.choice((_KANA, _KATAKANA)), k=random.randint(2, 5)))
        return invent_word(language, random) if word in probed_words() else word
    word = "".join(random.choice(_HEADS) + random.choice(_VOWELS) + random.choice(_ENDS)
                   for _ in range(random.randint(1, 3)))
    return invent_word(language, random) if {word, word.capitalize()} & probed_words() else word


@cache
def probed_words() -> frozenset[str]:
    """Return the names and words that the skills' probes ask to be repeated."""
    return frozenset(question.value for name in ("echo_en", "echo_ja") for question in skills.probes(name))


@cache
def _taught_words(name: str) -> tuple[str, ...]:
    """The words of a list that training may use; the others, and what the skills' probes ask to be repeated, are for
    measuring whether it copies."""
    echo = f"echo_{name[-2:]}"
    return tuple(word for word in split_wordings(name, read_list(name))[0]
                 if not held_out(echo, word, skills.SKILLS[echo].percent))


def _word_to_copy(language: str, random: Random) -> str:
    drawn = random.random()
    if drawn < 0.3:
        return invent_word(language, random)
    words = _taught_words(f"names_{language}" if drawn < 0.45 else f"nouns_{language}")
    count = 1 if drawn < 0.75 else random.randint(2, 4)
    joint = " " if language == "en" else random.choice(("、", " ", "と"))
    return joint.join(random.choices(words, k=count))


def _copied(name: str) -> Callable[[Random], Turn]:
    language = name[-2:]
    wordings = taught_wordings("copy_word", language)

    def draw(random: Random) -> Turn:
        word = _word_to_copy(language, random)
        if random.random() < 0.15:
            word = word.upper() if random.random() < 0.3 else word.capitalize()
        return Turn(wordings.draw(random).format(n=word), word, (word,))

    return draw


def _name(language: str, random: Random) -> str:
    drawn = random.random()
    name = (invent_word(language, random).capitalize() if drawn < 0.4 else
            random.choice(_taught_words(f"names_{language}")))
    return name.lower() if random.random() < 0.25 else name


NAME_FRAMES = {"en": ("Your name is {n}.", "Nice to meet you, {n}."),
               "ja": ("あなたの名前は{n}です。", "はじめまして、{n}さん。")}


def _named(name: str) -> Callable[[Random], Turn]:
    language = name[-2:]
    asked, told = (taught_wordings(kind, language) for kind in ("copy_name_ask", "copy_name_tell"))

    def draw(random: Random) -> Turn:
        who, asks = _name(language, random), random.random() < 0.65
        prompt = (asked if asks else told).draw(random).format(n=who)
        return Turn(prompt, NAME_FRAMES[language][0 if asks else 1].format(n=who), (who,))

    return draw


def _remembered(name: str) -> Callable[[Random], Turn]:
    language = name[-2:]
    wordings = taught_wordings("remember", language)

    def draw(random: Random) -> Turn:
        (prompt, frame), who = wordings.draw(random).split(" => "), _name(language, random)
        return Turn(prompt.format(n=who), frame.format(n=who), (who,))

    return draw


def _remember(language: str, random: Random, turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A name told in the first turn and asked for in the last one."""
    who = _name(language, random)
    told = taught_wordings("copy_name_tell", language).draw(random).format(n=who)
    again = taught_wordings("name_again", language).draw(random)
    return [(type_question(told, language, random, (who,)), NAME_FRAMES[language][1].format(n=who)), *turns,
            (type_question(again, language, random), NAME_FRAMES[language][0].format(n=who))]


def _story(name: str) -> Callable[[Random], Turn]:
    language = name[-2:]
    wordings = taught_wordings(name, language)

    def draw(random: Random) -> Turn:
        if language == "ja":
            who, thing = random.sample(_taught_words("nouns_ja"), 2)
            story = stories_ja.tell(who, thing, random)
        else:
            who, thing = _pair_of_nouns(random)
            story = skills.story(who, thing, random)
        return Turn(stories.with_articles(wordings.draw(random).format(a=who, t=thing)), story, (who, thing))

    return draw


def _pair_of_nouns(random: Random) -> tuple[str, str]:
    if random.random() < 0.6:
        who, thing = random.sample(_taught_words("nouns_en"), 2)
    else:
        who, thing = random.choice(stories.ANIMALS), random.choice(stories.THINGS)
    return (who, thing) if skills.is_taught_pair(who, thing) else _pair_of_nouns(random)


Maker = Callable[[str], Callable[[Random], Turn]]
WORKED_OUT: Mapping[str, Mapping[str, tuple[Maker, float]]] = {
    "en": {"sums_en": (_sums, 1.6), "differences_en": (_differences, 1.4), "next_en": (_next, 0.6),
           "counting_en": (_counting, 1.0), "compare_en": (_compared, 0.6), "sort_en": (_sorted, 0.7),
           "spell_en": (_spelled, 0.6), "capital_yes_no_en": (_yes_no, 0.4), "colour_yes_no_en": (_yes_no, 0.3),
           "copy_en": (_copied, 2.0), "names_en": (_named, 1.3), "remember_en": (_remembered, 0.6),
           "story_en": (_story, 0.9)},
    "ja": {"sums_ja": (_sums, 1.6), "differences_ja": (_differences, 1.2), "next_ja": (_next, 0.5),
           "counting_ja": (_counting, 0.8), "compare_ja": (_compared, 0.4), "compare_small_ja": (_compared, 0.3),
           "sort_ja": (_sorted, 0.6), "spell_ja": (_spelled, 0.5), "capital_yes_no_ja": (_yes_no, 0.4),
           "colour_yes_no_ja": (_yes_no, 0.3), "copy_ja": (_copied, 1.8), "names_ja": (_named, 1.2),
           "remember_ja": (_remembered, 0.6), "story_ja": (_story, 0.9)}}
"""Topic → (what makes its turns, its weight)."""
