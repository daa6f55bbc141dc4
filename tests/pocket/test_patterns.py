"""Messages drawn from patterns: what a pattern writes, that all are read, and that what is held out stays out."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

import pytest

from gblm_viz.pocket import audience, free, places, said
from gblm_viz.pocket.patterns import Pattern, parse_pattern
from gblm_viz.pocket.said import SUBJECTS, Wordings, read_patterns, read_said, read_wordings
from gblm_viz.pocket.split import held_out
from tests.pocket.test_audience import JAPANESE, LANGUAGES, SHORT, bare


def every(pattern: Pattern) -> set[str]:
    """All messages of a pattern, written out."""
    messages = {""}
    for part in pattern.parts:
        ends = {part} if isinstance(part, str) else {one for alternative in part for one in every(alternative)}
        messages = {begun + end for begun in messages for end in ends}
    return messages


def test_a_pattern_writes_its_alternatives() -> None:
    assert every(parse_pattern("(What|Which) day( today|)?")) == {
        "What day today?", "What day?", "Which day today?", "Which day?"}
    assert every(parse_pattern("a(b(c|d)|)e")) == {"abce", "abde", "ae"}
    assert every(parse_pattern("plain")) == {"plain"}
    for text in ("(What|Which) day( today|)?", "a(b(c|d)|)e", "plain", "(a|b)(c|d|e)"):
        pattern, random = parse_pattern(text), Random(1)
        assert pattern.count == len(every(pattern)) == len(list(pattern.messages()))
        assert set(pattern.messages()) == every(pattern)
        assert {pattern.draw(random) for _ in range(300)} == every(pattern)


@pytest.mark.parametrize("text", ["(a|b", "a)b", "a|b", "((a)", "(a))"])
def test_brackets_that_do_not_pair_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_pattern(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_and_every_skill_has_patterns_and_no_others_are_there(language: str) -> None:
    for subject in SUBJECTS:
        assert set(read_patterns(f"{subject}_{language}")) == {one.id for one in read_said(subject, language)}
    assert set(read_patterns(f"wordings_{language}")) == set(read_wordings(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pattern_has_the_blanks_of_its_skill(language: str) -> None:
    """A draw has no blank that the skill's written wordings do not have, and all that they always have."""
    random = Random(2)
    for name, patterns in read_patterns(f"wordings_{language}").items():
        blanks = [set(re.findall(r"\{\w+\}", one.partition(" => ")[0])) for one in read_wordings(language)[name]]
        always, ever = set.intersection(*blanks), set.union(*blanks)
        for pattern in patterns:
            for _ in range(20):
                asked = pattern.draw(random).partition(" => ")[0]
                found = set(re.findall(r"\{\w+\}", asked))
                assert always <= found <= ever | {"{c0}"}, (name, asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_drawn_is_whole_and_in_the_language(language: str) -> None:
    random = Random(3)
    for subject in SUBJECTS:
        for name, patterns in read_patterns(f"{subject}_{language}").items():
            for pattern in patterns:
                message = pattern.draw(random)
                assert message == message.strip() and message, (name, message)
                assert not re.search(r"  |[(){}|]", message), (name, message)
                assert language == "ja" or not JAPANESE.search(message) or subject in ("outside", "talk"), message


@pytest.mark.parametrize("language", LANGUAGES)
def test_few_patterns_write_what_has_another_answer(language: str) -> None:
    """What two answers' patterns write is drawn for neither; there must be little of it."""
    answers = said.answers(language)
    assert len(answers) > 50_000 and 0 < sum(not answer for answer in answers.values()) < len(answers) / 1000


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_is_held_out_or_has_another_answer_is_drawn(language: str) -> None:
    random, hidden, answers = Random(4), said.held_back(language), said.answers(language)
    assert len(hidden) > 300
    for topic in audience.topics_of(language):
        if topic.name not in SUBJECTS:
            continue
        written = {ask for one in read_said(topic.name, language) for ask in one.taught}
        for _ in range(6000):
            turn = topic.draw(random)
            assert answers[bare(turn.prompt)] == turn.answer, turn
            if turn.prompt not in written:
                assert bare(turn.prompt) not in hidden, turn
                assert not held_out(f"{topic.name}_{language}", turn.prompt, said.HELD_OUT_PERCENT), turn


def test_a_message_that_is_held_out_or_not_allowed_is_passed_over() -> None:
    random, pattern = Random(5), parse_pattern("(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w|x|y|z)")
    wordings = Wordings("letters", (), (pattern,))
    hidden = {one for one in every(pattern) if held_out("letters", one, said.HELD_OUT_PERCENT)}
    drawn = {wordings.draw(random, lambda message: message != "a") for _ in range(3000)}
    assert hidden and drawn == every(pattern) - hidden - {"a"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_free_question_is_not_asked_by_a_pattern_either(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {bare(one.question) for one in free.read(places.MODEL / "probes") if one.language == language}
    asked = {one for one in asked if len(one) > SHORT[language]}
    assert len(asked) > 200
    monkeypatch.setattr(audience, "type_question", lambda text, *rest: text)
    random = Random(6)
    drawn = {bare(audience.ask(language, random)[0]) for _ in range(20_000)}
    assert not drawn & asked and len(drawn) > 12_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_pattern_is_written_twice(language: str) -> None:
    for name in (*SUBJECTS, "wordings"):
        for one, patterns in read_patterns(f"{name}_{language}").items():
            drawn = sorted(repr(pattern) for pattern in patterns)
            assert all(a != b for a, b in pairwise(drawn)), (name, one)
