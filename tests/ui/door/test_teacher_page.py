"""The page for teachers: 45 minutes, every step of the guide's lesson, links that open what they name, no script."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gblm_viz.ui import server
from gblm_viz.ui.build import TABS
from gblm_viz.ui.door.teacher_page import LINKS, PLAN
from gblm_viz.ui.guide.ways import ways
from gblm_viz.ui.visit.address import FURTHER, known_fields
from gblm_viz.ui.visit.hiding import PRESETS
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work.work import bundled_texts
from gblm_viz.words import LANGUAGES, words
from tests.ui.door.test_glossary_page import Reader
from tests.ui.wire import Ask, asking


@pytest.fixture(scope="module")
def ask() -> Ask:
    return asking(server.make_app(Library(budget=1 << 20)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lesson_is_complete_and_needs_no_script(ask: Ask, language: str) -> None:
    answer, say = ask("GET", f"/{language}/teacher"), words(language)
    assert answer.status_code == 200 and f'<html lang="{language}">' in answer.text and "<script" not in answer.text
    page = Reader(answer.text)
    for one in PLAN:
        for kind in ("title", "ask", "answer", "mistake"):
            assert say(f"teacher.step.{one.name}.{kind}") in page.text
    assert say("teacher.frame.minutes", first=40, last=45) in "".join(page.text)
    queries = {one.query for one in PLAN} | set(LINKS.values())
    assert {urlsplit(link).query for link in page.links} >= queries
    assert "size: A4" in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_takes_45_minutes_and_goes_every_step_of_the_guides_lesson() -> None:
    assert sum(one.minutes for one in PLAN) == 45
    steps = [int(found["step"][0]) for one in PLAN if "step" in (found := parse_qs(one.query))]
    assert steps == [*range(1, len(ways()["twenty"].steps) + 2)]  # the one after the last is the score
    for part, step in zip(PLAN[1:-1], ways()["twenty"].steps, strict=True):
        assert part.minutes * 60 >= step.seconds, part.name


def test_every_link_opens_what_this_app_has() -> None:
    known = {*known_fields(), *FURTHER}
    for query in [*(one.query for one in PLAN), *LINKS.values()]:
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        assert fields.keys() <= known
        assert fields.get("tab", "overview") in TABS and fields.get("hide", "class") in PRESETS
        assert fields.get("text", "chat_en.txt") in {entry["file"] for entry in bundled_texts()}


def test_the_address_without_a_language_leads_to_the_one_asked_for(ask: Ask) -> None:
    answer = ask("GET", "/teacher?lang=ja")
    assert (answer.status_code, answer.headers["location"]) == (307, "/ja/teacher")
    assert ask("GET", "/en/teacher/x").status_code == 404
