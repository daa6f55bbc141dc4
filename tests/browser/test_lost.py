"""What was lost as a person uses it: walk the tokens by keyboard, sort the probes, ask one, bring own ones, compare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_saving import colours, saved, table
from tests.browser.test_walk import arrive, figure, panel, picture, ready, tab

OWN = ("prompt,answer,skill,choices\n"
       "What colour is grass?,Grass is green.,<b>mine</b>,Grass is green.|Grass is red.\n"
       "Say ${7*7} {{7*7}} <i>x</i>.,No.,odd,\n")


def opened(page: Page, app: App, language: str, view: str) -> None:
    arrive(page, app, language)
    tab(page, words(language), "compare")
    panel(page, words(language), "lost")
    page.get_by_role("tab", name=words(language)(f"lost.views.{view}"), exact=True).click()


def pick(page: Page, where: str, name: str) -> None:
    page.locator(f"#{where} input").click()
    page.get_by_role("option", name=name, exact=True).click()


def nth(page: Page, where: str, index: int) -> None:
    page.locator(f"#{where} input").click()
    page.get_by_role("option").nth(index).click()


def numbers(cells: Locator) -> list[float]:
    return [float(one.replace("−", "-").replace(",", "")) for one in cells.all_inner_texts()]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_tokens_are_walked_by_keyboard_from_the_most_lost_one(page: Page, app: App, output: Path,
                                                                  language: str) -> None:
    opened(page, app, language, "tokens")
    say = words(language)
    strip, sentence = page.locator("#lost-strip [role=listbox]"), page.locator("#lost-strip .strip-sentence")
    focus = strip.locator("[aria-selected=true]")
    expect(focus).to_have_count(1)
    lost = say("lost.strip.worse", size="0").replace("0", "").strip()
    assert all(word in sentence.inner_text() for word in lost.split())  # the most lost token is told at once
    expect(focus.locator(".peak")).to_have_count(1)
    rows = page.locator("#lost-strip tbody td.number")
    dense, pruned = figure(rows.nth(0)), figure(rows.nth(3))
    assert pruned > dense + 1
    picture(page, output, f"lost_tokens_{language}")
    home, count = page.locator("#lost-strip"), strip.locator("[role=option]").count()
    found = table(saved(page, home, "csv"))
    assert list(found[say("lost.strip.number")]) == list(range(1, count + 1))
    differences = [float(one or "-inf") for one in found[say("lost.strip.difference")]]
    assert differences.index(max(differences)) == int(focus.get_attribute("data-place") or -1)
    shown = saved(page, home, "png")
    (output / f"saved_strip_{language}.png").write_bytes(shown)
    assert colours(shown) > 40
    assert home.locator(".loss-strip").count() == 1, "the copy that was drawn is gone"

    focus.focus()
    page.keyboard.press("Home")
    expect(sentence).to_contain_text(say("lost.strip.first"))
    page.keyboard.press("ArrowRight")
    expect(sentence).to_contain_text(say("lost.strip.place", place=2, count=count))
    page.keyboard.press("ArrowDown")
    expect(focus).not_to_have_attribute("data-place", "1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    expect(sentence).to_contain_text(say("lost.strip.place", place=count, count=count))
    assert strip.locator("[tabindex='0']").count() == 1

    told, chosen = page.locator("#lost-strip .strip-title"), page.locator("#lost-window input")
    worst = told.inner_text()
    page.keyboard.press("PageDown")
    expect(told).not_to_have_text(worst)
    assert page.evaluate("document.activeElement.closest('#lost-strip') !== null")
    second = chosen.input_value()
    page.locator("#lost-more").click()
    expect(chosen).not_to_have_value(second)
    page.locator("#lost-worst").click()
    expect(told).to_have_text(worst)
    nth(page, "lost-text", 1)
    expect(told).to_contain_text(say("lost.tokens.held", text=""))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_probes_are_sorted_filtered_leafed_and_one_is_asked_in_the_chat(page: Page, app: App, output: Path) -> None:
    opened(page, app, "en", "probes")
    say = words("en")
    rows = page.locator("#lost-table tbody tr")
    expect(page.locator("#lost-told")).to_have_text(say("lost.probes.not_asked"))  # opening starts no work
    page.locator("#lost-ask").click()
    expect(rows).to_have_count(10)
    expect(page.locator("#lost-told")).to_contain_text("1,240")
    ready(page)
    gone = numbers(rows.locator("td:nth-child(6)"))
    assert gone == sorted(gone, reverse=True) and gone[0] > 3
    first = rows.first.inner_text()
    page.locator("#lost-table").get_by_role("button", name=re.compile(re.escape(say("lost.probes.loss")))).click()
    expect(page.locator("#lost-table th[aria-sort=ascending]")).to_have_count(1)
    least = numbers(rows.locator("td:nth-child(6)"))
    assert least == sorted(least) and least[0] < gone[-1]
    page.locator("#lost-table").get_by_role("button", name=re.compile(re.escape(say("lost.probes.loss")))).click()
    expect(rows.first).to_have_text(first, use_inner_text=True)
    page.locator("#lost-table .on").click()
    expect(page.locator("#lost-table .probe-pages span")).to_contain_text("11–20")
    page.locator("#lost-table .back").click()
    pick(page, "lost-fate", say("lost.probes.lost"))
    expect(page.locator("#lost-table tbody tr.lost")).to_have_count(10)
    with page.expect_download() as caught:
        page.locator("#lost-table .save").click()
    assert caught.value.suggested_filename == "probes-pocket.csv"
    found = table(Path(caught.value.path()).read_bytes())
    count = page.locator("#lost-table .probe-pages span").inner_text()
    assert f"1–10 of {len(found)}" in count and len(found) > 10, "every page is in the file"
    assert list(found[say("lost.probes.prompt")][:10]) == rows.locator("td.prompt").all_inner_texts()
    assert set(found[say("lost.probes.fate")]) == {say("lost.probes.lost")}
    pick(page, "lost-skill", say("skills.opposites_en"))
    expect(page.locator("#lost-table td.skill").first).to_have_text(say("skills.opposites_en"))
    picture(page, output, "lost_probes_en")
    pick(page, "lost-view", say("lost.probes.view_skills"))
    skills = page.locator("#lost-skills tbody tr")
    expect(skills.first).to_be_visible()
    assert skills.count() == 31
    assert sum(int(one) for one in skills.locator("td:nth-child(2)").all_inner_texts()) == 1240
    expect(page.locator("#lost-skills")).to_contain_text(say("lost.probes.too_few"))
    pick(page, "lost-view", say("lost.probes.view_each"))

    row = page.locator("#lost-table tbody tr button").first
    question = row.inner_text()
    row.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    prompt = page.locator("#prompt textarea")
    expect(prompt).to_be_visible()
    expect(prompt).to_have_value(question)
    expect(prompt).to_be_focused()


def test_own_probes_are_refused_with_their_line_or_asked_and_never_run(page: Page, app: App, output: Path,
                                                                       tmp_path: Path) -> None:
    opened(page, app, "ja", "probes")
    say = words("ja")
    expect(page.locator("#lost-about")).to_contain_text("1,240")
    page.locator("#lost-ask").click()
    pick(page, "lost-set", say("lost.probes.set_own"))  # while the pocket's own are still being asked
    box, told = page.locator("#lost-csv textarea"), page.locator("#lost-told")
    expect(box).to_be_visible()
    page.locator("#lost-ask").click()
    expect(told).to_contain_text(say("errors.no_own_probes"))
    box.fill("prompt,answer\na,b\nc")
    page.locator("#lost-ask").click()
    expect(told).to_contain_text(re.compile(r" 3 "))
    box.fill(OWN)
    page.locator("#lost-ask").click()
    rows = page.locator("#lost-table tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#lost-table")).to_contain_text("Say ${7*7} {{7*7}} <i>x</i>.")
    expect(told).to_contain_text("50 %")  # the blind choice of two
    pick(page, "lost-view", say("lost.probes.view_skills"))
    expect(page.locator("#lost-skills")).to_contain_text("<b>mine</b>")
    expect(page.locator("#lost-skills")).to_contain_text(say("lost.probes.too_few"))
    picture(page, output, "lost_own_ja")

    file = tmp_path / "three.csv"
    file.write_text("prompt,answer\none,1\ntwo,2\nthree,3\n", encoding="utf-8")
    with page.expect_file_chooser() as chooser:
        page.locator("#lost-upload button").click()
    chooser.value.set_files(file)
    expect(page.locator("#status")).to_contain_text("three.csv")
    page.locator("#lost-ask").click()
    expect(page.locator("#lost-skills td:nth-child(2)")).to_have_text("3")
    pick(page, "lost-set", say("lost.probes.set_general"))
    page.locator("#lost-ask").click()
    expect(page.locator("#lost-skills tbody tr")).to_have_count(2)
    expect(told).to_contain_text("25 %")


@pytest.mark.dark
def test_methods_are_compared_pair_by_pair_on_unseen_text(page: Page, app: App, output: Path) -> None:
    opened(page, app, "en", "figures")
    say = words("en")
    expect(page.locator("#lost-gap")).to_contain_text("95 %")
    page.get_by_role("tab", name=say("lost.views.methods"), exact=True).click()
    expect(page.locator("#lost-methods")).to_contain_text("windows")
    page.locator("#lost-compare").click()
    rows = page.locator("#lost-methods tbody tr")
    expect(rows).to_have_count(6)
    expect(page.locator("#lost-methods")).to_contain_text(say("verdict.none"))
    values = dict(zip([one.split()[0] for one in rows.locator("td:nth-child(1)").all_inner_texts()],
                      numbers(rows.locator("td:nth-child(2)")), strict=True))
    assert values["dense,"] < values["gblm"] < values["random"]
    assert values["gblm"] == pytest.approx(figure(page.locator("#perplexity-pruned")), abs=0.011)
    picture(page, output, "lost_methods_dark")
    nth(page, "lost-methods-text", 1)
    expect(rows).to_have_count(0)  # of this text nothing is known yet
    page.locator("#lost-compare").click()
    expect(page.locator("#status .status.working")).to_be_visible()
    page.locator("#cancel").click()
    expect(page.locator("#status")).to_contain_text(say("errors.cancelled"))
    expect(rows).to_have_count(0)  # nothing whole is known of it now either; the other text's table is kept
    nth(page, "lost-methods-text", 0)
    expect(rows).to_have_count(6)
