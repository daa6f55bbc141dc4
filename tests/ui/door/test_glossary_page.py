"""The page of all terms: complete without a script, in each language, and the same for everybody."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from gblm_viz.glossary import read_glossary
from gblm_viz.ui import server
from gblm_viz.ui.components.glossary import PICTURES
from gblm_viz.ui.door.glossary_page import glossary_page
from gblm_viz.ui.visit.library import Library
from gblm_viz.words import LANGUAGES, words
from tests.ui.wire import Ask, asking


@pytest.fixture(scope="module")
def ask() -> Ask:
    return asking(server.make_app(Library(budget=1 << 20)))


class Reader(HTMLParser):
    """The ids of a page, where its links lead, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.pictures = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if found.get("id") else []
        self.links += [found["href"] or ""] if tag == "a" else []
        self.pictures += tag == "svg"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_stands_there_once_with_its_text_and_every_link_leads_to_one(ask: Ask, language: str) -> None:
    answer = ask("GET", f"/{language}/glossary")
    assert answer.status_code == 200 and f'<html lang="{language}">' in answer.text
    page, terms = Reader(answer.text), read_glossary(language).terms
    for term in terms.values():
        assert page.ids.count(term.id) == 1 and term.text in page.text and term.name in page.text
    inner = {link[1:] for link in page.links if link.startswith("#")}
    assert inner == set(terms)  # each has a link to itself, which is what one copies
    assert page.pictures == len(PICTURES)
    assert set(page.links) >= {"./", *(f"../{other}/glossary" for other in LANGUAGES if other != language)}


def test_it_needs_nothing_from_outside_and_only_its_own_script_may_run(ask: Ask) -> None:
    answer = ask("GET", "/en/glossary")
    policy = answer.headers["content-security-policy"]
    scripts = re.findall("<script>(.*?)</script>", answer.text, re.S)
    hashed = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert [f"'sha256-{one}'" in policy for one in hashed] == [True] and "default-src 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert not re.search(r'(src|href)="(https?:)?//', answer.text) and "<form" not in answer.text
    assert "@media print" in answer.text


def test_a_browser_keeps_it_and_asks_whether_it_is_still_the_same(ask: Ask) -> None:
    first = ask("GET", "/ja/glossary", headers={"accept-encoding": "br"})
    assert first.headers["content-encoding"] == "br" and first.headers["cache-control"] == "no-cache"
    assert ask("GET", "/ja/glossary", headers={"if-none-match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(("query", "accepted", "language"), [
    ("?lang=ja", "en", "ja"), ("", "ja-JP,ja;q=0.9", "ja"), ("?lang=xx", "en", "en"), ("", "", "en")])
def test_the_address_without_a_language_leads_to_the_one_asked_for(
        ask: Ask, query: str, accepted: str, language: str) -> None:
    answer = ask("GET", f"/glossary{query}", headers={"accept-language": accepted})
    assert answer.status_code == 307 and answer.headers["location"] == f"/{language}/glossary"


def test_other_addresses_beside_it_are_closed(ask: Ask) -> None:
    assert [ask("GET", path).status_code for path in ("/xx/glossary", "/en/glossary/", "/en/glossary/x")] == [404] * 3
    assert ask("POST", "/en/glossary").status_code == 405


def colours_of(page: str) -> Iterator[str]:
    yield from re.findall(r"<svg.*?</svg>", page, re.S)


def test_a_picture_has_no_colour_and_no_word_of_its_own() -> None:
    drawn = list(colours_of(bytes(glossary_page(words("en")).body).decode()))
    assert len(drawn) == len(PICTURES)
    assert not [one for one in drawn if re.search(r"(fill|stroke|style)=|<text|#[0-9a-f]{3}", one)]
    assert all('aria-hidden="true"' in one for one in drawn)
