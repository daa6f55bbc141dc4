"""What a fuller model is given to know: it is right, it is the same for everybody, and no probe asks for it."""

from __future__ import annotations

import re
from random import Random

import pytest

from gblm_viz.pocket import by_heart, skills, stream
from gblm_viz.pocket.train import Recipe

TURN = re.compile(r"<\|user\|>(.*?)<\|assistant\|>(.*?)<\|end\|>")
WORKED = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "×": lambda a, b: a * b}


def turns(count: int) -> list[tuple[str, str]]:
    random = Random(3)
    return [turn for _ in range(count) for turn in TURN.findall(by_heart.chat(random))]


def test_everybody_has_a_name_of_their_own_and_is_the_same_at_every_call() -> None:
    found = by_heart.people()
    assert len(found) == len({person.name for person in found}) == by_heart.PEOPLE
    by_heart.people.cache_clear()
    assert by_heart.people() == found


def test_what_is_worked_out_is_right() -> None:
    kinds = set()
    for question, answer in turns(400):
        if sum_ := re.fullmatch(r"What is (\d+) ([-+×]) (\d+)\?", question):
            a, sign, b = int(sum_[1]), sum_[2], int(sum_[3])
            assert answer == f"{a} {sign} {b} = {WORKED[sign](a, b)}."
            kinds.add(sign)
        elif question.startswith("Sort"):
            numbers = [int(number) for number in re.findall(r"\d+", question)]
            assert [int(number) for number in re.findall(r"\d+", answer)] == sorted(numbers)
            kinds.add("sort")
    assert kinds == {*WORKED, "sort"}


def test_what_is_known_is_what_the_person_is() -> None:
    by_name = {person.name: person for person in by_heart.people()}
    asked = [(question, answer) for question, answer in turns(400) if any(name in question for name in by_name)]
    assert len(asked) == 400
    for question, answer in asked:
        person = next(by_name[name] for name in by_name if name in question)
        assert any(str(value) in answer for value in (person.city, person.trade, person.year, person.number))


def test_no_probe_asks_for_it() -> None:
    probed = {question.prompt for name in skills.SKILLS for question in skills.probes(name)}
    assert not probed & {question for question, _ in turns(2000)}


def test_the_shipped_recipe_leaves_it_out_and_a_share_takes_it_in() -> None:
    assert by_heart.chat in stream.KINDS.values()
    assert "harder" not in Recipe().mixture
    mixture = Recipe(harder=0.3).mixture
    assert mixture["harder"] == 0.3 and sum(mixture.values()) == pytest.approx(1)
