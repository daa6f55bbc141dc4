"""The Overview's answers follow its slider: those of the example without the server, others live."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.ui.work.stops import shipped_stops
from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import OWN_TEXT, apply, arrive, collect, set_sparsity, tab

LANGUAGES = ("en", "ja")


def slide(page: Page, key: str, times: int = 1, where: str = "#overview-answers") -> None:
    page.locator(f"{where} input[type=range]").focus()
    for _ in range(times):
        page.keyboard.press(key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_answers_follow_the_slider_without_a_request(language: str, page: Page, app: App) -> None:
    stops = shipped_stops(language)
    arrive(page, app, language)
    still(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for number, prompt in enumerate(stops["prompts"]):
        page.locator(".example-prompt").nth(number).click()
        for method in stops["methods"]:
            page.locator("#overview-answers").get_by_role("button", name=method, exact=True).click()
            slide(page, "End")
            slide(page, "ArrowLeft", 6)
            stop, found = stops["sparsities"].index(60), stops["methods"][method]
            expect(page.locator(".answer-pruned .asked")).to_have_text(prompt)
            assert page.locator(".answer-pruned .said").text_content() == (
                found["answers"][number][stop] or "…")
            expect(page.locator("#overview-answers .big")).to_contain_text(f"{found['probes'][stop]}")
            expect(page.locator("#overview-answers .headline")).to_contain_text(f"{found['removed'][stop]:,}")
            expect(page.locator("#overview-answers output")).to_have_text("60 %")
    assert page.locator(".answer-strip i:not([class=''])").count() >= 7
    assert not [one for one in asked if not one.endswith("/glossary")], "the example needs no server"


def test_a_question_of_ones_own_is_answered_live_at_every_stop_and_a_probe_is_judged(page: Page, app: App) -> None:
    arrive(page, app, "en")
    still(page)
    probe = "Hello. What is the capital of Kenya?"
    page.locator(".answer-own input").fill(probe)
    page.keyboard.press("Enter")
    expect(page.locator(".answer-dense .said")).to_have_text("The capital of Kenya is Nairobi.")
    slide(page, "Home")
    expect(page.locator(".answer-pruned .said")).to_have_text("The capital of Kenya is Nairobi.")
    slide(page, "End")
    expect(page.locator(".answer-pruned .said")).not_to_have_text("The capital of Kenya is Nairobi.")
    expect(page.locator(".answer-strip i").last).to_have_class(re.compile("wrong"))
    expect(page.locator(".answer-told")).to_have_text(re.compile(r"(as the dense model|right) (until|at) \d+ %, "))
    expect(page.locator("#overview-answers .big")).to_contain_text("%")
    outside = words("en")("overview.outside")
    expect(page.locator(".answer-told")).not_to_contain_text(outside)
    page.locator(".answer-own input").fill("Who will win the election?")
    page.keyboard.press("Enter")
    expect(page.locator(".answer-told")).to_contain_text(outside)
    page.locator(".example-prompt").first.click()
    expect(page.locator(".answer-dense .asked")).to_have_text(shipped_stops()["prompts"][0])
    expect(page.locator(".answer-told")).not_to_contain_text(outside)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_own_run_is_asked_live_and_its_costs_stand_at_its_own_stop_alone(language: str, page: Page,
                                                                           app: App) -> None:
    say = words(language)
    arrive(page, app, language)
    collect(page, say, OWN_TEXT)
    tab(page, say, "prune")
    set_sparsity(page, "0.3")
    expect(page.locator("#sparsity-reached")).to_contain_text("30")
    apply(page, say)
    tab(page, say, "overview")
    expect(page.locator("#overview-answers output")).to_have_text("30 %")
    expect(page.locator(".answer-pruned .empty")).to_have_text(say("overview.ask_again"))
    before = page.locator("#overview-answers .headline").inner_text()
    page.locator(".example-prompt").nth(1).click()
    expect(page.locator(".answer-pruned .said")).not_to_be_empty()
    assert page.locator("#overview-answers .headline").inner_text() == before
    slide(page, "End")
    expect(page.locator(".answer-lost")).to_have_text(say("overview.not_measured_here"))
    expect(page.locator("#overview-answers output")).to_have_text("90 %")
    slide(page, "Home")
    expect(page.locator(".answer-pruned .said")).to_have_text(page.locator(".answer-dense .said").inner_text())
    page.locator("#reset").click()
    expect(page.locator("#overview-answers output")).to_have_text("50 %")
    expect(page.locator(".answer-pruned .asked")).to_have_text(shipped_stops(language)["prompts"][0])


def test_the_chats_last_question_follows_a_slider_too_but_not_in_the_blind_mode(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "compare")
    still(page)
    folded = page.get_by_role("button", name=say("chat.slide"))
    expect(folded).to_be_hidden()
    page.locator("#prompt textarea").fill("What is the capital of Kenya?")
    page.locator("#ask").click()
    folded.click()
    slide(page, "Home", where="#chat-answers")
    expect(page.locator("#chat-answers .answer-pruned .said")).to_have_text("The capital of Kenya is Nairobi.")
    slide(page, "End", where="#chat-answers")
    expect(page.locator("#chat-answers .answer-pruned .said")).not_to_have_text("The capital of Kenya is Nairobi.")
    expect(page.locator("#chat-answers .answer-dense .said")).to_have_text("The capital of Kenya is Nairobi.")
    still(page)
    page.locator("#compare-blind input").check()
    expect(folded).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_that_can_be_pressed_has_the_colour_of_the_dense_model(scheme: str, page: Page, app: App) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    arrive(page, app, "en")
    still(page)
    slide(page, "Home")
    button = page.locator("#overview-answers .answer-apply")
    expect(button).to_be_enabled()
    named = page.locator("#overview-answers .dense-colour").first.evaluate("(one) => getComputedStyle(one).color")
    expect(button).to_have_css("color", named)
    expect(button).to_have_css("border-top-color", named)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_slider_stands_at_is_applied_here_and_the_story_is_of_it(language: str, page: Page, app: App) -> None:
    say = words(language)
    arrive(page, app, language)
    still(page)
    button = page.locator("#overview-answers .answer-apply")
    expect(button).to_be_disabled()
    page.locator(".example-prompt").nth(1).click()
    slide(page, "ArrowLeft", 4)
    expect(button).to_be_enabled()
    elsewhere = page.locator("#story .story-elsewhere")
    expect(elsewhere).to_contain_text("30 %")
    expect(elsewhere).to_contain_text("50 %")
    button.click()
    told = page.locator("#story-intro")
    expect(told).to_contain_text(re.compile(r"#2"))
    expect(elsewhere).to_be_hidden()
    expect(button).to_be_disabled()
    expect(page.locator("#overview-answers output")).to_have_text("30 %")
    expect(page.locator(".answer-pruned .asked")).to_have_text(shipped_stops(language)["prompts"][1])
    expect(page.locator(".answer-pruned .said")).not_to_have_text("…")
    expect(page.locator("#story .story-card.cost .story-verdict").first).to_be_visible()  # measured unasked
    tab(page, say, "prune")
    expect(page.locator("#sparsity input[type=number]")).to_have_value("0.3")
    expect(page.locator("#sparsity-reached")).to_contain_text("#2")
