"""What an audience is taught to be answered: one answer a message, nothing held out, and messages that look typed."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from random import Random

import pytest

from gblm_viz.pocket import audience, facts, free, places, said, skills, stories_ja, train
from gblm_viz.pocket.said import SUBJECTS, read_said
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.tokens import ASSISTANT, END, USER
from gblm_viz.pocket.typed import NUMBERS, type_question

LANGUAGES = ("en", "ja")
SHORT = {"en": 12, "ja": 8}
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")


def bare(message: str) -> str:
    """The message without case, width and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", message).lower())


def draws(language: str, name: str, count: int = 1500) -> list[audience.Turn]:
    (topic,) = (topic for topic in audience.topics_of(language) if topic.name == name)
    random = Random(name)
    return [topic.draw(random) for _ in range(count)]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_languages_have_the_same_answers(subject: str) -> None:
    english, japanese = (read_said(subject, language) for language in LANGUAGES)
    assert [one.id for one in english] == [one.id for one in japanese]
    assert len({one.id for one in english}) == len(english)
    for one in english:
        assert not JAPANESE.search(one.answer), one.answer
    for one in japanese:
        assert JAPANESE.search(one.answer), one.answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_has_one_answer(language: str) -> None:
    answers: dict[str, str] = {}
    twice = []
    for subject in SUBJECTS:
        for one in read_said(subject, language):
            twice += [(ask, answers[bare(ask)], one.answer) for ask in one.asks
                      if answers.setdefault(bare(ask), one.answer) != one.answer]
    assert not twice


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_messages_are_taught_and_some_of_every_subject_are_not(language: str) -> None:
    for subject in SUBJECTS:
        entries = read_said(subject, language)
        unseen, every = sum(len(one.unseen) for one in entries), sum(len(one.asks) for one in entries)
        assert 0.05 < unseen / every < 0.16, subject
        assert all(one.taught and not set(one.taught) & set(one.unseen) for one in entries)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_question_of_the_audience_is_trained_on(language: str) -> None:
    """Neither half: they are read here by nobody."""
    kept = {bare(one.question) for one in free.read(places.MODEL / "probes") if one.language == language}
    asked = {bare(ask) for subject in SUBJECTS for one in read_said(subject, language) for ask in one.asks}
    shared = {message for message in kept & asked if len(message) > SHORT[language]}  # anybody says "hello"
    assert len(kept) > 250 and not shared


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_topic_answers_in_the_language_of_the_question(language: str) -> None:
    for topic in audience.topics_of(language):
        for turn in draws(language, topic.name, 60):
            assert turn.prompt.strip() and turn.answer.strip(), topic.name
            assert not re.search(r"[{}]", turn.prompt + turn.answer), (topic.name, turn)
            if language == "en" and topic.name != "words_en":
                assert not JAPANESE.search(turn.answer), turn


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_held_out_sum_is_never_asked_and_a_large_one_declined(language: str) -> None:
    declined = next(one.answer for one in read_said("outside", language) if one.id == "number")
    met = set()
    for turn in draws(language, f"sums_{language}", 6000):
        numbers = [int(number) for number in re.findall(r"\d+", turn.prompt)]
        if turn.answer == declined:
            assert max(numbers) > audience.SUM_LIMIT
            continue
        a, b, result = (int(number) for number in re.findall(r"\d+", turn.answer))
        assert sorted(numbers) == sorted((a, b)) and a + b == result <= audience.SUM_LIMIT
        assert not held_out(f"sums_{language}", f"{a}+{b}", 12)
        met.add((a, b))
    assert len(met) > 200


def test_no_number_that_a_probe_asks_about_is_asked_about() -> None:
    probed = {name: {question.key for question in skills.probes(name)} for name in ("next_en", "counting_en", "sort_en",
                                                                                   "compare_en")}
    for turn in draws("en", "next_en", 4000):
        result, way, number = re.fullmatch(r"(\d+) comes (after|before) (\d+)\.", turn.answer).groups()  # type: ignore[union-attr]
        assert f"{way} {number}" not in probed["next_en"] and abs(int(result) - int(number)) == 1
    for turn in draws("en", "counting_en", 3000):
        numbers = re.findall(r"\d+", turn.answer)
        assert f"{numbers[0]}>{numbers[-1]}" not in probed["counting_en"]
    for turn in draws("en", "sort_en", 3000):
        assert turn.answer.rstrip(".") not in probed["sort_en"]
    for turn in draws("en", "compare_en", 3000):
        numbers = sorted(map(int, re.findall(r"\d+", turn.prompt)))
        assert f"{numbers[0]},{numbers[1]}" not in probed["compare_en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_difference_counting_and_order_are_right(language: str) -> None:
    for turn in draws(language, f"differences_{language}"):
        numbers = [int(number) for number in re.findall(r"\d+", turn.answer)]
        if len(numbers) == 3:
            assert numbers[0] - numbers[1] == numbers[2]
    for turn in draws(language, f"counting_{language}"):
        numbers = [int(number) for number in re.findall(r"\d+", turn.answer)]
        assert len(numbers) > 1 and {b - a for a, b in itertools.pairwise(numbers)} in ({1}, {-1})
        assert str(numbers[-1]) in turn.prompt
    for turn in draws(language, f"sort_{language}"):
        numbers = [int(number) for number in re.findall(r"\d+", turn.answer)]
        assert numbers == sorted(int(number) for number in re.findall(r"\d+", turn.prompt))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_to_be_copied_stands_in_the_question_and_a_held_out_name_nowhere(language: str) -> None:
    unseen = set(said.split_wordings(f"names_{language}", said.read_list(f"names_{language}"))[1])
    probed = {question.key for question in skills.probes(f"echo_{language}")}
    assert len(unseen) > 30 and len(probed) > 10
    random = Random(3)
    for name in (f"copy_{language}", f"names_{language}", f"remember_{language}"):
        for turn in draws(language, name):
            (word,) = turn.kept
            assert word in turn.prompt and word in turn.answer
            typed = type_question(turn.prompt, language, random, turn.kept, audience.readings(language))
            assert word in typed
            assert not {one for one in unseen if len(one) > 3} & set(re.findall(r"\w+", turn.answer)), turn
            assert not {word, word.capitalize()} & probed, turn


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_story_tells_of_both_words_that_were_asked_for(language: str) -> None:
    for turn in draws(language, f"story_{language}", 400):
        for word in turn.kept:
            assert word in turn.prompt and turn.answer.count(word) >= 2, turn


def test_a_japanese_story_has_five_sentences_or_more_and_no_gap() -> None:
    random = Random(4)
    for _ in range(500):
        story = stories_ja.tell("宇宙飛行士", "トースター", random)
        assert story.count("。") >= 5 and not re.search(r"[{}|A-Za-z]", story), story
    assert len({stories_ja.tell("ねこ", "かさ", random) for _ in range(100)}) > 95


def test_a_yes_or_no_question_is_answered_as_often_with_yes() -> None:
    for name in ("capital_yes_no_en", "colour_yes_no_en"):
        said_first = Counter(turn.answer.split(",")[0] for turn in draws("en", name))
        assert set(said_first) == {"Yes", "No"} and 0.35 < said_first["Yes"] / 1500 < 0.75
    capitals = {land: city for land, city, _, _ in facts.COUNTRIES}
    for turn in draws("en", "capital_yes_no_en"):
        said_yes = re.fullmatch(r"Yes, (.+) is the capital of (.+)\.", turn.answer)
        said_no = re.fullmatch(r"No, the capital of (.+) is (.+)\.", turn.answer)
        city, land = said_yes.groups() if said_yes else said_no.groups()[::-1]  # type: ignore[union-attr]
        named = bool(re.search(rf"\b{city}\b", turn.prompt))
        assert capitals[land] == city and named == bool(said_yes), turn


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_typed_question_is_the_same_up_to_case_marks_and_a_slip(language: str) -> None:
    text = {"en": "What is the capital of Peru?", "ja": "ペルーの首都はどこですか。"}[language]
    random = Random(6)
    typed = Counter(type_question(text, language, random) for _ in range(2000))
    assert 0.2 < typed[text] / 2000 < 0.65 and len(typed) > 40
    near = sum(count for one, count in typed.items() if abs(len(bare(one)) - len(bare(text))) <= 1)
    assert near > 1600  # the others have a please, an abbreviation or half-width letters


def test_numbers_are_written_as_words_now_and_then() -> None:
    random = Random(7)
    english = {type_question("What is 7 + 12?", "en", random) for _ in range(600)}
    assert any("seven + twelve" in one.lower() for one in english)
    japanese = {type_question("7たす12は", "ja", random) for _ in range(600)}
    assert any("七たす十二は" in one for one in japanese) and any("７たす１２は" in one for one in japanese)
    assert all(len(words) == 21 for words in NUMBERS.values())


def test_a_chat_keeps_to_one_language_and_may_ask_again_for_the_name() -> None:
    random = Random(8)
    japanese = again = 0
    for _ in range(2000):
        turns = [turn.removesuffix(END).split(ASSISTANT) for turn in audience.chat(random).split(USER)[1:]]
        written = [bool(JAPANESE.search(answer)) for _, answer in turns if not answer.isdigit()]
        japanese += any(written)
        again += turns[-1][1].startswith(("Your name is", "あなたの名前は")) and len(turns) > 2
    assert 0.3 < japanese / 2000 < 0.65 and again > 40


def test_most_of_what_the_shipped_recipe_teaches_is_what_an_audience_types() -> None:
    assert train.Recipe().mixture["asked"] > 0.5
    assert train.Recipe().made == ("chat", "retold", "asked") and train.Recipe(asked=0).made == ("chat", "retold")
