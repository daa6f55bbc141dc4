"""The questions of every skill: one right answer each, worked out again here from the prompt, and really wrong others.

Knows nothing of tokens and training.
"""

from __future__ import annotations

import calendar
import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import product

import pytest

from gblm_viz.pocket import facts, procedures, skills
from gblm_viz.pocket.question import KINDS, Question, Skill, expand_questions
from gblm_viz.pocket.said import read_list, read_pairs, read_wordings

FACTS = [name for name, skill in skills.SKILLS.items() if skill.kind == "fact"]
CHOSEN = [name for name, skill in skills.SKILLS.items() if skill.choices]
COLOUR_OR_PLACE = re.compile(r"(red|blue|green|yellow|black|white|brown|grey|(?:in|under|on|behind|at) the \w+)\b")

def numbers(text: str) -> list[int]:
    return list(map(int, re.findall(r"\d+", text)))


def total(prompt: str, language: str) -> str:
    first, second = numbers(prompt)
    return f"{first} + {second} = {first + second}" + (" です。" if language == "ja" else ".")


def difference(prompt: str) -> str:
    first, second = numbers(prompt)[:: -1 if prompt.startswith("Take ") else 1]
    return f"{first} - {second} = {first - second}."


def neighbour(prompt: str) -> str:
    (number,) = numbers(prompt)
    after = " after " in prompt
    assert after != (" before " in prompt)
    return f"{number + 1} comes after {number}." if after else f"{number - 1} comes before {number}."


def counted(prompt: str) -> str:
    first, last = numbers(prompt)
    found = [first]
    while found[-1] != last:
        found.append(found[-1] + (1 if last > first else -1))
    return ", ".join(map(str, found)) + "."


def spelled(prompt: str) -> str:
    found = re.search(r"(?:the word|do you spell|How is|Please spell|Spell) (\w+)(?: spelled| for me)?[.?]$", prompt)
    assert found, prompt
    return f"{found[1]}: " + "".join(f"{letter}-" for letter in found[1])[:-1] + "."


def yes_or_no(prompt: str) -> str:
    stated, _, question = prompt.partition(". ")
    (said,), (asked_for,) = COLOUR_OR_PLACE.findall(stated), COLOUR_OR_PLACE.findall(question)
    word = re.match(r"(?:Is|Does) (?:the|my) (\w+)", question)
    assert word, prompt
    return f"{'Yes' if said == asked_for else 'No'}, the {word[1]} is {said}."


def repeated(prompt: str) -> str:
    said = re.search(r"word(?: is)? (\w+)\.", prompt)
    if said:
        return said[1]
    name = re.search(r"(?:name is|called|I am) (\w+)\.", prompt)
    assert name, prompt
    return f"Nice to meet you, {name[1]}." if prompt == f"My name is {name[1]}." else f"Your name is {name[1]}."


def repeated_ja(prompt: str) -> str:
    name = re.search(r"^(?:わたしの名前は|名前は|わたしは|こんにちは、)?(.+?)(?:といいます|です)。", prompt)
    assert name, prompt
    introduced = prompt == f"わたしの名前は{name[1]}です。"
    return f"はじめまして、{name[1]}さん。" if introduced else f"あなたの名前は{name[1]}です。"


def difference_ja(prompt: str) -> str:
    first, second = sorted(numbers(prompt), reverse=True)  # nothing below zero is asked for
    return f"{first} - {second} = {first - second} です。"


def neighbour_ja(prompt: str) -> str:
    (number,) = numbers(prompt)
    (way,) = set(re.findall("[次前]", prompt))
    return f"{number}の{way}は{number + (1 if way == '次' else -1)}です。"


def counted_ja(prompt: str) -> str:
    return counted(prompt).replace(".", "。")


def spelled_ja(prompt: str) -> str:
    """In Japanese, letter by letter, of the one word of the table whose wording it is."""
    kana = dict(read_pairs("spelled"))
    ((word,),) = gaps(prompt, "ja", "spell_ja", kana)
    return f"{word}：{'・'.join(list(kana[word]))}。"


def gaps(prompt: str, language: str, table: str, *cells: Iterable[str]) -> set[tuple[str, ...]]:
    """What stands in the gaps of the wordings that the prompt may be, each of the cells that may stand there."""
    among = ["|".join(map(re.escape, sorted(cell, key=len, reverse=True))) for cell in cells]
    found = set()
    for wording in read_wordings(language)[table]:
        parts = re.split(r"{(\w)}", wording)
        numbers = [int(part) if part.isdigit() else 0 for part in parts[1::2]]
        groups = [f"(?P<g{number}>{among[number]})" for number in numbers]
        pattern = "".join(map("".join, zip(map(re.escape, parts[::2]), [*groups, ""], strict=True)))
        if match := re.fullmatch(pattern, prompt):
            found.add(tuple(match[f"g{number}"] for number in range(len(cells))))
    return found


def is_it(prompt: str, table: str, rows: list[tuple[str, str]], yes: str, no: str) -> str:
    """Whether the question names a row's second cell beside its first one."""
    things, values = dict(rows), {value for _, value in rows}
    ((thing, asked),) = gaps(prompt, "ja" if table.endswith("_ja") else "en", table, things, values)
    return (yes if asked == things[thing] else no).format(thing, things[thing])


def given_back(prompt: str, language: str, table: str, frame: str) -> str:
    """What stands where the wording has its gap."""
    ((word,),) = gaps(prompt, language, table, WORDS[language])
    return frame.format(word)


CAPITALS = [(land, city) for land, city, _, _ in facts.COUNTRIES]
CAPITALS_JA = [(land, city) for _, _, land, city in facts.COUNTRIES]
WORDS = {language: {*read_list(f"nouns_{language}"), *read_list(f"names_{language}")} for language in ("en", "ja")}
WORKED_OUT = {
    "sums_en": lambda prompt: total(prompt, "en"),
    "sums_ja": lambda prompt: total(prompt, "ja"),
    "differences_en": difference,
    "next_en": neighbour,
    "counting_en": counted,
    "compare_en": lambda prompt: f"The larger number is {max(numbers(prompt))}.",
    "compare_ja": lambda prompt: f"大きいほうは{max(numbers(prompt))}です。",
    "sort_en": lambda prompt: ", ".join(map(str, sorted(numbers(prompt)))) + ".",
    "spell_en": spelled,
    "yes_no_en": yes_or_no,
    "echo_en": repeated,
    "echo_ja": repeated_ja,
    "differences_ja": difference_ja,
    "next_ja": neighbour_ja,
    "counting_ja": counted_ja,
    "sort_ja": lambda prompt: ", ".join(map(str, sorted(numbers(prompt)))) + "。",
    "spell_ja": spelled_ja,
    "capital_yes_no_en": lambda prompt: is_it(prompt, "capital_yes_no", CAPITALS, "Yes, {1} is the capital of {0}.",
                                              "No, the capital of {0} is {1}."),
    "capital_yes_no_ja": lambda prompt: is_it(prompt, "capital_yes_no_ja", CAPITALS_JA, "はい、{1}は{0}の首都です。",
                                              "いいえ、{0}の首都は{1}です。"),
    "colour_yes_no_en": lambda prompt: is_it(prompt, "colour_yes_no", facts.COLOURS, "Yes, {0} is {1}.",
                                             "No, {0} is {1}."),
    "colour_yes_no_ja": lambda prompt: is_it(prompt, "colour_yes_no_ja", facts.COLOURS_JA,
                                             "はい、{0}の色は{1}です。", "いいえ、{0}の色は{1}です。"),
    "copy_en": lambda prompt: given_back(prompt, "en", "copy_word", "{}"),
    "copy_ja": lambda prompt: given_back(prompt, "ja", "copy_word", "{}"),
    "names_en": lambda prompt: given_back(prompt, "en", "copy_name_ask", "Your name is {}."),
    "names_ja": lambda prompt: given_back(prompt, "ja", "copy_name_ask", "あなたの名前は{}です。"),
}
"""The whole answer of each procedure, from the prompt alone."""


def test_every_procedure_is_worked_out_here() -> None:
    assert {name for name, skill in skills.SKILLS.items() if skill.kind == "procedure"} == set(WORKED_OUT)


@pytest.mark.parametrize("name", WORKED_OUT)
def test_every_answer_of_a_procedure_is_what_its_prompt_gives(name: str) -> None:
    questions = list(skills.SKILLS[name].questions())
    assert len(questions) > 500
    for question in questions:
        assert question.answer == WORKED_OUT[name](question.prompt), question


def test_a_statement_is_as_often_confirmed_as_denied() -> None:
    said = Counter(question.value for question in skills.SKILLS["yes_no_en"].questions())
    assert set(said) == {"Yes", "No"} and said["Yes"] == said["No"]
    for questions in (skills.taught("yes_no_en"), skills.probes("yes_no_en")):  # the hash does not split evenly
        assert 0.3 < sum(question.value == "Yes" for question in questions) / len(questions) < 0.7


def test_no_prompt_has_two_answers_in_any_skill() -> None:
    answers: dict[str, str] = {}
    for skill in skills.SKILLS.values():
        if skill.kind != "story":
            for question in skill.questions():
                assert answers.setdefault(question.prompt, question.answer) == question.answer, question


@pytest.mark.parametrize(
    "table", ["OPPOSITES", "OPPOSITES_JA", "COLOURS", "COLOURS_JA", "SOUNDS", "YOUNG", "PAST", "PLURALS", "KINDS",
              "WORDS", "COUNTRIES"])
def test_every_fact_has_one_answer(table: str) -> None:
    rows = [tuple(row) for row in getattr(facts, table)]
    assert len({row[0] for row in rows}) == len(rows)
    assert all(cell for row in rows for cell in row)
    if table in ("WORDS", "COUNTRIES"):  # asked for in both languages
        assert all(len({row[place] for row in rows}) == len(rows) for place in range(len(rows[0])))


@pytest.mark.parametrize(("name", "asked_for", "expected"), [
    ("capitals_en", "of Australia", "The capital of Australia is Canberra."),
    ("capitals_ja", "スイスの首都", "スイスの首都はベルンです。"),
    ("opposites_en", "of arrive", "The opposite of arrive is leave."),
    ("opposites_ja", "「乗る」", "「乗る」の反対は「降りる」です。"),
    ("colours_en", "an amethyst", "An amethyst is purple."),
    ("colours_ja", "なす", "なすの色は紫です。"),
    ("sounds_en", "an owl", "An owl hoots."),
    ("young_en", "swan", "A young swan is called a cygnet."),
    ("past_en", "tense of catch", "The past tense of catch is caught."),
    ("plurals_en", "plural of thief", "The plural of thief is thieves."),
    ("kinds_en", "an oak", "An oak is a tree."),
    ("words_en", "word for mountain", "The Japanese word for mountain is 山."),
    ("words_ja", "「鉛筆」", "「鉛筆」は英語で pencil です。"),
])
def test_a_fact_is_answered_as_a_school_book_does(name: str, asked_for: str, expected: str) -> None:
    found = {question.answer for question in skills.SKILLS[name].questions() if asked_for in question.prompt}
    assert found == {expected}


def test_days_and_months_follow_the_calendar() -> None:
    for circle in (list(calendar.day_name), list(calendar.month_name)[1:]):
        unit = "month" if len(circle) == 12 else "day"
        for place, name in enumerate(circle):
            for way, other in (("after", circle[(place + 1) % len(circle)]), ("before", circle[place - 1])):
                found = {question.answer for question in skills.SKILLS["days_en"].questions()
                         if re.search(rf"\b{name}\b", question.prompt) and f" {way} " in question.prompt}
                assert found == {f"{other} comes {way} {name}."}, (unit, name, way)


def test_days_and_months_follow_the_calendar_in_japanese() -> None:
    for circle in ([f"{day}曜日" for day in "月火水木金土日"], [f"{month}月" for month in range(1, 13)]):
        for place, name in enumerate(circle):
            for way, other in (("次", circle[(place + 1) % len(circle)]), ("前", circle[place - 1])):
                found = {question.answer for question in skills.SKILLS["days_ja"].questions()
                         if re.search(rf"(?<!\d){name}(?!曜)", question.prompt) and way in question.prompt}
                assert found == {f"{name}の{way}は{other}です。"}, (name, way)


def test_at_least_fourteen_english_and_five_japanese_skills() -> None:
    languages = Counter(skill.language for skill in skills.SKILLS.values())
    assert set(languages) == {"en", "ja"}
    assert languages["en"] >= 14 and languages["ja"] >= 5


def test_every_skill_has_a_kind_and_both_titles() -> None:
    for name, skill in skills.SKILLS.items():
        assert skill.name == name
        assert skill.kind in KINDS, name
        assert skill.title_en and re.search("[ぁ-んァ-ヶ一-龠]", skill.title_ja), name
        assert skill.weight >= 0
    assert [name for name, skill in skills.SKILLS.items() if skill.kind == "story"] == list(skills.STORIES)
    assert {skill.kind for skill in skills.SKILLS.values()} == set(KINDS)
    assert len({skill.title_en for skill in skills.SKILLS.values()}) == len(skills.SKILLS)


@pytest.mark.parametrize("name", skills.SKILLS)
def test_a_skill_has_forty_different_probes_a_story_fifty_and_what_is_typed_a_hundred(name: str) -> None:
    found = skills.probes(name)
    expected = {"story": 50, "typed": 100}.get(skills.SKILLS[name].kind, 40)
    assert len(found) == len({question.prompt for question in found}) == expected


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_is_typed_asks_for_a_probes_answer_in_other_letters(language: str) -> None:
    answers = {question.answer for name, skill in skills.SKILLS.items() for question in skills.probes(name)
               if skill.language == language and skill.kind not in ("typed", "story")}
    asked = skills.probes(f"typed_{language}")
    assert {question.answer for question in asked} <= answers
    assert len({question.answer for question in asked}) > 60
    written = {question.prompt for name in skills.SKILLS for question in skills.SKILLS[name].questions()
               if skills.SKILLS[name].kind != "typed"}
    assert not {question.prompt for question in asked} & written


@pytest.mark.parametrize("name", CHOSEN)
def test_a_probe_offers_the_right_answer_first_and_up_to_three_others(name: str) -> None:
    for question in skills.probes(name):
        offered = skills.choices(name, question)
        assert offered[0] == question.answer, question
        assert len(set(offered)) == len(offered), question
        assert 2 <= len(offered) <= 4, question
        assert skills.choices(name, question) == offered  # drawn from the prompt, not from a running state


@pytest.mark.parametrize("name", CHOSEN)
def test_a_wrong_answer_is_right_for_no_question_of_the_same_prompt(name: str) -> None:
    right: dict[str, set[str]] = {}
    for question in skills.SKILLS[name].questions():
        right.setdefault(question.prompt, set()).add(question.answer)
    for question in skills.probes(name):
        assert not right[question.prompt] & set(skills.choices(name, question)[1:]), question


@pytest.mark.parametrize("name", facts.ALSO_TRUE)
def test_no_wrong_answer_is_one_that_a_school_book_would_accept(name: str) -> None:
    found = []
    for (word, values), question in product(facts.ALSO_TRUE[name].items(), skills.probes(name)):
        there = re.search(rf"\b{word}\b" if word.isascii() else f"「{word}」", question.prompt)
        wrong = skills.choices(name, question)[1:]
        found += [(question.prompt, value) for value in values.split() if there and question.with_value(value) in wrong]
    assert not found


def test_the_values_that_must_not_be_offered_are_values_of_their_tables() -> None:
    for name, table in facts.ALSO_TRUE.items():
        questions = list(skills.SKILLS[name].questions())
        values = {question.value for question in questions}
        text = " ".join(question.prompt for question in questions)
        for word, also in table.items():
            assert word in text, (name, word)
            assert set(also.split()) <= values, (name, word)


def test_a_skill_of_free_answers_offers_nothing() -> None:
    free = [name for name, skill in skills.SKILLS.items() if not skill.choices]
    assert skills.STORY in free
    assert all(skills.choices(name, question) == () for name in free for question in skills.probes(name))


def test_a_procedures_wrong_numbers_are_near_the_right_one() -> None:
    for name in ("sums_en", "sums_ja", "differences_en"):
        for question in skills.probes(name):
            assert len(question.wrong) >= 2
            assert all(abs(int(wrong) - int(question.value)) in (1, 2) for wrong in question.wrong), question


def test_a_probe_line_holds_what_the_reader_needs() -> None:
    (fact, *_), (story, *_), (free, *_) = (skills.probes(name) for name in ("capitals_en", "story_en", "outside_ja"))
    line = json.loads(skills.probe_line("capitals_en", fact))
    assert line == {"skill": "capitals_en", "language": "en", "prompt": fact.prompt, "answer": fact.answer,
                    "choices": list(skills.choices("capitals_en", fact))}
    assert json.loads(skills.probe_line("story_en", story)) == {
        "skill": "story_en", "language": "en", "prompt": story.prompt, "contains": list(story.contains)}
    assert set(json.loads(skills.probe_line("outside_ja", free))) == {"skill", "language", "prompt", "answer"}


def test_every_row_is_asked_in_every_wording_and_the_key_is_the_wording() -> None:
    found = list(expand_questions("en", "What is a {0}?\n{c0} is what?", [("owl", "bird"), ("hen", "fowl")],
                                  "{c0}: a {value}.",
                                  "{1}", {"owl": "fowl"}))
    assert {question.key for question in found} >= {"What is a {0}?", "Hello. {c0} is what?"}
    assert {(question.prompt, question.answer) for question in found} >= {
        ("What is an owl?", "Owl: a bird."), ("Hello. Hen is what?", "Hen: a fowl.")}
    by_key = Counter(question.key for question in found)
    assert set(by_key.values()) == {2, 4}  # an empty opener stands in the list twice


def test_a_value_takes_its_place_in_the_frame_with_its_article() -> None:
    question = Question("key", "prompt", "A young {0} is called a {}.".replace("{0}", "hare"), "leveret")
    assert question.answer == "A young hare is called a leveret."
    assert question.with_value("owlet") == "A young hare is called an owlet."


def test_the_language_is_the_end_of_the_name() -> None:
    assert Skill("two_words_ja", "talk", "t", "題", procedures.sums_ja).language == "ja"
