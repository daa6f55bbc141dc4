"""Told stories keep every rule, every rule finds what it forbids, and no two stories are alike.

Knows nothing of chats and probes.
"""

from __future__ import annotations

import re
from random import Random

import pytest

from gblm_viz.pocket import facts, stories

GOOD = ('A small fox found a golden key in the snow. The fox asked Anna. "Is this your key?" asked the fox. '
        "Anna smiled. They went home.")
RULES = list(stories.RULES)
PLANTED = {
    RULES[0]: ('"Is this your key?" asked the fox.', '"Is this yours?" asked the fox.'),
    RULES[1]: (" They went home.", ""),
    RULES[2]: ("They went home.", "Anna smiled."),
    RULES[3]: ("Anna smiled.", "Anna had a lamp."),
    RULES[4]: ("Anna smiled.", "Anna called an owl."),
    RULES[5]: ("Anna smiled.", "Anna and Ben smiled."),
    RULES[6]: ("your key", "your red key"),
}


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str, str]]:
    random = Random(7)
    pairs = [(random.choice(stories.ANIMALS), random.choice(stories.THINGS)) for _ in range(3000)]
    return [(stories.tell(animal, thing, random), animal, thing) for animal, thing in pairs]


def test_three_thousand_told_stories_keep_every_rule(told: list[tuple[str, str, str]]) -> None:
    for story, animal, thing in told:
        assert not stories.broken_rules(story, animal, thing), story


def test_told_stories_hold_both_words_and_have_five_to_eight_finished_sentences(
    told: list[tuple[str, str, str]],
) -> None:
    for story, animal, thing in told:
        words = re.findall(r"\w+", story)
        assert min(words.count(animal), words.count(thing)) >= 2
        assert 25 < len(words) < 130
        assert story.count('"') % 2 == 0 and "{" not in story and "  " not in story and " | " not in story
        # Ends of sentences outside of quotes, counted without the checker's own splitting.
        outside = re.sub(r'"[^"]*"', lambda quote: quote[0].replace(".", "").replace("!", "").replace("?", ""), story)
        assert len(re.findall(r"[.!?]", outside)) <= 8, story


def test_every_rule_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(stories.RULES)
    assert len(PLANTED) == len(RULES)
    assert stories.broken_rules(GOOD, "fox", "key") == []


@pytest.mark.parametrize("rule", RULES)
def test_a_planted_violation_breaks_its_rule_and_no_other(rule: str) -> None:
    right, wrong = PLANTED[rule]
    assert GOOD.count(right) == 1
    assert stories.broken_rules(GOOD.replace(right, wrong), "fox", "key") == [rule]


@pytest.mark.parametrize(("story", "rule"), [
    ("", RULES[1]),
    (GOOD[:-1], RULES[1]),
    (GOOD.replace("They went home.", "One. Two. Three. Four. Five. They went home."), RULES[1]),
    (GOOD.replace("Anna smiled.", "An owl and a hen smiled at the owl and the hen."), RULES[4]),
    (GOOD.replace("fox", "dog"), RULES[0]),
])
def test_other_violations_are_found_too(story: str, rule: str) -> None:
    assert rule in stories.broken_rules(story, "fox", "key")


def test_an_animal_that_comes_back_is_no_violation() -> None:
    assert stories.broken_rules(GOOD.replace("Anna smiled.", "An owl came. The owl smiled."), "fox", "key") == []


def test_a_violation_planted_in_any_told_story_is_found(told: list[tuple[str, str, str]]) -> None:
    for story, animal, thing in told[:200]:
        other = next(one for one in stories.THINGS if one != thing)
        assert RULES[3] in stories.broken_rules(f"{story} There was also a {other}.", animal, thing)
        people = sorted(set(facts.PEOPLE) - set(re.findall(r"\w+", story)))[:2]
        assert RULES[5] in stories.broken_rules(f"{story} {people[0]} met {people[1]}.", animal, thing)
        last = stories.sentences_of(story)[-1]
        assert RULES[2] in stories.broken_rules(f"{story} {last}", animal, thing)
        assert RULES[1] in stories.broken_rules(story + " And then" * 3, animal, thing)


@pytest.mark.parametrize(("text", "expected"), [
    ("It rained. Nobody went out! Why?", ["It rained.", "Nobody went out!", "Why?"]),
    ('"Help!" cried the fox. It waited.', ['"Help!" cried the fox.', "It waited."]),
    ('"Is it yours?" the owl wanted to know.', ['"Is it yours?" the owl wanted to know.']),
    ('"Wait. Sit down," said Mia. She ran.', ['"Wait. Sit down," said Mia.', "She ran."]),
    ('Mia said, "Come! Quick!" Then she ran.', ['Mia said, "Come! Quick!"', "Then she ran."]),
    ("One sentence", ["One sentence"]),
])
def test_what_is_said_belongs_to_the_sentence_that_says_it(text: str, expected: list[str]) -> None:
    assert stories.sentences_of(text) == expected


@pytest.mark.parametrize(("animal", "thing"), [("fox", "key"), ("owl", "umbrella"), ("hedgehog", "violin")])
def test_a_pair_of_words_hardly_ever_gets_the_same_story_twice(animal: str, thing: str) -> None:
    random = Random(11)
    assert len({stories.tell(animal, thing, random) for _ in range(300)}) / 300 > 0.95


def test_stories_begin_in_hundreds_of_ways_even_without_the_words_they_draw() -> None:
    drawn = sorted((word for options in stories.CHOICES.values() for word in options), key=len, reverse=True)
    slots = re.compile(rf"(?i)\b(?:{'|'.join(map(re.escape, [*drawn, *facts.PEOPLE, *stories.ANIMALS]))})\b")
    random = Random(4)
    begun = [" ".join(stories.sentences_of(stories.tell("fox", "key", random))[:2]) for _ in range(3000)]
    assert len(set(begun)) > 1500
    assert len({slots.sub("_", beginning) for beginning in begun}) > 200


def test_the_same_random_numbers_tell_the_same_story() -> None:
    first, again, other = (stories.tell("fox", "key", Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_articles_follow_the_sound() -> None:
    said = stories.with_articles('A owl met a otter. "A umbrella!" a fox said.')
    assert said == 'An owl met an otter. "An umbrella!" a fox said.'
