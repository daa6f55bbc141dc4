"""What the page says that the bundled model knows: buttons in both languages, and a rule for what is outside of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gblm_viz.core.talk.known import KnownSkill, read_known, skill_of
from gblm_viz.pocket import free, known, places

LANGUAGES = ("en", "ja")
LEAST = 0.85
"""Of the free questions, how many the rule sorts as their writers did."""


@pytest.fixture(scope="module")
def skills(tmp_path_factory: pytest.TempPathFactory) -> tuple[KnownSkill, ...]:
    folder: Path = tmp_path_factory.mktemp("known")
    known.write(folder)
    return read_known(folder / known.FILE)


def test_every_skill_has_all_its_fields_in_each_language(skills: tuple[KnownSkill, ...]) -> None:
    assert len({one.id for one in skills}) == len(skills) >= 10
    for one in skills:
        assert set(one.rule) == set(LANGUAGES) and set(one.name) == set(one.line) == set(one.examples)
        for language in one.name:
            assert one.name[language] and one.line[language].endswith("." if language == "en" else "。"), one.id
            assert len(set(one.examples[language])) == 3 and one.rule[language], one.id


def test_every_question_on_a_button_belongs_to_its_skill(skills: tuple[KnownSkill, ...]) -> None:
    for one in skills:
        for language in one.name:
            for question in one.examples[language]:
                assert one.covers(question), (one.id, question)


@pytest.mark.parametrize("language", LANGUAGES)
def test_free_questions_are_sorted_as_their_writers_did(skills: tuple[KnownSkill, ...], language: str) -> None:
    asked = [one for one in free.read(places.MODEL / "probes") if one.language == language]
    same = sum((one.about != "other") == (skill_of(skills, one.question) is not None) for one in asked)
    assert len(asked) > 250 and same / len(asked) > LEAST


@pytest.mark.parametrize("question", [
    "who won the world cup in 2018", "what is 48392 * 7716", "pizza", "my feet hurt",
    "write a python function that reverses a string", "今なんじ", "人生とは", "カレーの作り方おしえて",
    "株は今が買い時でしょうか"])
def test_what_nobody_taught_it_is_outside(skills: tuple[KnownSkill, ...], question: str) -> None:
    assert skill_of(skills, question) is None
