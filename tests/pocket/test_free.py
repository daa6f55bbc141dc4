"""The audience's questions: where they lie, that none is trained on, and how they are judged."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model.models import load
from gblm_viz.pocket import __main__ as commands
from gblm_viz.pocket import free, places, skills
from gblm_viz.pocket.free import HALVES, RULES, FreeQuestion

PLACE = places.MODEL / "probes"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_there_are_three_hundred_in_two_halves_and_no_two_alike(language: str) -> None:
    found = [one for one in free.read(PLACE) if one.language == language]
    assert Counter(one.half for one in found) == dict.fromkeys(HALVES, 150)
    assert len({one.question.casefold() for one in found}) == 300
    assert all(one.question == one.question.strip() and 0 < len(one.question) <= 120 for one in found)
    assert len({one.about for one in found}) == 12
    assert 0.2 < sum(one.about == "other" for one in found) / 300 < 0.5


def test_no_half_that_is_kept_was_judged_or_answered() -> None:
    assert not any(one.answer or one.verdicts for one in free.read(PLACE, "kept"))


def test_they_are_no_probes_and_none_is_asked_in_training() -> None:
    asked = {one.question for one in free.read(PLACE)}
    assert not asked & {one.prompt for one in evaluate.read_probes(PLACE)}
    taught = {question.prompt for name in skills.SKILLS for question in skills.taught(name)}
    both = asked & taught
    assert len(both) <= 12, "a wording that everybody types may be taught; many would mean that they were copied"


def test_the_counts_are_the_readers() -> None:
    def one(*verdicts: str) -> FreeQuestion:
        return FreeQuestion("en", "?", "other", "open", "answer", verdicts)

    found = free.counts([one("right", "right"), one("right", "wrong"), one("declined", "declined"), one()])
    assert found == {"judged": 3, "right": 0.5, "declined": 0.3333, "wrong": 0.1667, "agreed": 0.6667}
    assert free.counts([]) == {"judged": 0, **dict.fromkeys(RULES, 0), "agreed": 0}


def test_what_was_judged_is_what_this_model_says() -> None:
    judged = [one for one in free.read(PLACE, "open") if one.verdicts]
    assert len(judged) == 300 and all(len(one.verdicts) == 2 and set(one.verdicts) <= set(RULES) for one in judged)
    some = judged[::40]
    told = free.ask(run(load("pocket", device="cpu")), some)
    assert [line["answer"] for line in told] == [one.answer for one in some]


def test_the_command_prints_a_line_a_question(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                              tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    lines = [{"question": "hi", "about": "talk", "half": "open"}, {"question": "why", "about": "other", "half": "kept"}]
    (tmp_path / "probes" / "free_en.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    model = places.MODEL
    monkeypatch.setattr(places, "MODEL", tmp_path)
    commands.main(["free", "--model", str(model)])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["language"], line["question"]) for line in told] == [("en", "hi")] and "answer" in told[0]
