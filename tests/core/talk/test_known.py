"""Whether a question belongs to what a model was taught: words of a rule, in a question as people type it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from gblm_viz.core.talk.known import KnownSkill, read_known, skill_of


def skill(name: str, english: tuple[str, ...], japanese: tuple[str, ...] = ()) -> KnownSkill:
    return KnownSkill(name, {"en": name}, {"en": f"{name}."}, {"en": ("?",)}, {"en": english, "ja": japanese})


SKILLS = (skill("capital", ("capital",), ("首都", "しゅと")),
          skill("sum", ("# + #", "# plus #", "sum "), ("#たす#", "#+#")),
          skill("story", ("story", "tell & tale"), ("お話", "の話")), skill("calendar", ("n:m",), ("#月",)))


@pytest.mark.parametrize(("question", "belongs"), [
    ("What is the capital of Peru?", "capital"), ("CAPITALS!!", "capital"), ("peru: its captial?", "capital"),
    ("capital", "capital"), ("is a cap ital", None), ("the decapital", None),
    ("7 + 5", "sum"), ("7 plus twelve", "sum"), ("Seven plus 1,000", "sum"), ("the sum of it", "sum"), ("summer", None),
    ("a storry please", None), ("story", "story"), ("tell me a tale", "story"), ("a tale", None),
    ("what is N:M", "calendar"),
    ("ﾍﾟﾙｰの首都", "capital"), ("シュトはどこ", "capital"), ("２たす３は？", "sum"), ("2 + 3 は", "sum"),
    ("猫の話", "story"),
    ("8月の前", "calendar"), ("月がきれい", None), ("capitalは", None), ("", None), ("???", None), ("🐸", None)])
def test_a_question_belongs_to_the_first_skill_that_has_one_of_its_words(question: str, belongs: str | None) -> None:
    found = skill_of(SKILLS, question)
    assert (found and found.id) == belongs


def test_one_slip_in_a_long_word_is_forgiven_and_two_are_not() -> None:
    for typed in ("capital", "captial", "capitl", "cappital", "capitel"):
        assert SKILLS[0].covers(f"the {typed} of peru"), typed
    for typed in ("hospital", "cabinet", "captain", "spital"):
        assert not SKILLS[0].covers(f"the {typed} of peru"), typed


def test_the_file_is_read_as_it_lies_there_and_a_missing_one_is_no_skill(tmp_path: Path) -> None:
    told = [asdict(one) for one in SKILLS]
    (tmp_path / "known.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    assert read_known(tmp_path / "known.json") == SKILLS
    assert read_known(tmp_path / "other.json") == ()
