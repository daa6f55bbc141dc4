"""A newcomer's whole way through the app on the pocket model, with an own text, in both languages and both colours.

Every assertion is on what is seen; screenshots of each step are left in tests/output.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from gblm_viz.core.mask.mask_file import read_masks
from gblm_viz.words import words
from tests.browser.conftest import ROOT, App, Watch, still

OWN_TEXT = "\n\n".join(
    f"<|user|>What is the capital of {country}?<|assistant|>The capital of {country} is {city}.<|end|>\n"
    f"Last {day} we went from {city} to the sea. It was {weather}, and nobody wanted to go home before dark."
    for (country, city), day, weather in zip(
        [("Japan", "Tokyo"), ("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Egypt", "Cairo"),
         ("Norway", "Oslo"), ("Greece", "Athens"), ("Austria", "Vienna")],
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "winter"],
        ["warm", "cold", "windy", "quiet", "bright", "wet", "foggy", "late"], strict=True))
OWN_TEXT_JA = "\n\n".join(
    f"<|user|>{country}の首都はどこですか。<|assistant|>{country}の首都は{city}です。<|end|>\n"
    f"きのう私たちは{city}から海まで歩きました。風が強くて、帰り道は寒かったです。"
    for country, city in [
        ("日本", "東京"), ("フランス", "パリ"), ("イタリア", "ローマ"), ("スペイン", "マドリード"),
        ("エジプト", "カイロ"),
        ("ノルウェー", "オスロ"), ("ギリシャ", "アテネ"), ("タイ", "バンコク")])


TABS = ("overview", "text", "gradients", "prune", "patterns", "weight", "compare", "report")


FILLED = """name => window.gblmShown === name
    && ![...(window.gblmFilling || new Map()).values()].includes(name)"""
"""The tab is open, and all that it waited for has come."""


def tab(page: Page, say, name: str) -> None:
    page.get_by_role("tab", name=say(f"frame.tabs.{name}"), exact=True).click()
    page.wait_for_function(FILLED, arg=name)
    expect(page.locator(f"#tab-{name}:not([inert])")).to_be_visible()


def panel(page: Page, say, name: str) -> None:
    """One panel of Compare."""
    page.get_by_role("tab", name=say(f"compare.panels.{name}"), exact=True).click()


def ready(page: Page) -> None:
    """The example is live and nothing runs."""
    expect(page.locator("#status .status.done")).to_be_visible()


def arrive(page: Page, app: App, language: str) -> None:
    page.goto(f"{app.url}/{language}/")
    ready(page)


def picture(page: Page, output: Path, name: str) -> None:
    page.screenshot(path=output / f"{name}.png")


def figure(place: Locator) -> float:
    """The first number a person reads in an element."""
    found = re.search(r"-?\d[\d,]*\.?\d*", place.inner_text())
    assert found is not None, place.inner_text()
    return float(found[0].replace(",", ""))


def collect(page: Page, say, text: str) -> None:
    tab(page, say, "text")
    still(page)  # else the tab may still fill itself from the session, over what is typed
    page.locator("#text textarea").fill(text)
    expect(page.locator("#text-summary")).to_contain_text(re.compile(r"\d"))
    expect(page.locator("#text-samples")).to_contain_text(text.strip()[:8])  # the list follows the typing
    page.locator("#collect").click()
    expect(page.locator("#text-result .stale")).to_have_count(0)
    expect(page.locator("#text-result")).to_contain_text(say("text.own"))
    expect(page.locator("#text-result")).to_contain_text("×")
    ready(page)


def set_sparsity(page: Page, value: str) -> None:
    """Once the tab says what goes: until then it fills itself from the session, over what is typed meanwhile."""
    expect(page.locator("#sparsity-reached")).to_contain_text("%")
    box = page.locator("#sparsity input[type=number]")
    box.fill(value)
    box.press("Enter")
    box.blur()


def apply(page: Page, say) -> None:
    page.locator("#apply").click()
    expect(page.locator("#status .status.done")).to_contain_text("#")


def ask(page: Page, question: str) -> None:
    page.locator("#prompt textarea").fill(question)
    page.locator("#ask").click()
    for side in ("dense", "pruned"):
        expect(page.locator(f"#{side}-chat .said").last).not_to_be_empty()
        expect(page.locator(f"#{side}-chat .cursor")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_first_screen_is_a_finished_example_without_a_click(page: Page, app: App, output: Path, language: str):
    began = time.monotonic()
    page.goto(f"{app.url}/{language}/")
    expect(page.locator("#overview-map button").first).to_be_visible()
    expect(page.locator(".answer-dense .said")).not_to_be_empty()
    expect(page.locator(".answer-pruned .said")).not_to_be_empty()
    seconds = time.monotonic() - began
    (output / f"first_screen_{language}.txt").write_text(f"{seconds:.2f} s from the page's opening, "
                                                         f"{app.seconds:.2f} s from the command to the first answer\n")
    assert page.locator("#overview-map button").count() == 42
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    reset = page.locator("#reset").bounding_box()
    assert reset is not None
    assert reset["y"] + reset["height"] <= 720, "the Overview needs scrolling at 1280 × 720"
    picture(page, output, f"overview_{language}")
    ready(page)
    # the first question is chosen: another one and back again give its answers character for character
    shown = {side: page.locator(f".answer-{side} .said").inner_text() for side in ("dense", "pruned")}
    page.locator(".example-prompt").nth(1).click()
    expect(page.locator(".answer-dense .said")).not_to_have_text(shown["dense"])
    page.locator(".example-prompt").first.click()
    assert {side: page.locator(f".answer-{side} .said").inner_text() for side in ("dense", "pruned")} == shown


@pytest.mark.parametrize(("language", "text", "question"), [
    ("en", OWN_TEXT, "What is the capital of Japan?"),
    ("ja", OWN_TEXT_JA, "日本の首都はどこですか。")], ids=["en", "ja"])
def test_the_whole_way_with_an_own_text(page: Page, app: App, output: Path, language: str, text: str, question: str):
    say = words(language)
    arrive(page, app, language)
    tab(page, say, "gradients")
    expect(page.locator("#model-map button")).to_have_count(42)
    before = page.locator("#model-map button").first.get_attribute("aria-label")

    collect(page, say, text)
    picture(page, output, f"text_{language}")

    tab(page, say, "gradients")
    expect(page.locator("#model-map button").first).not_to_have_attribute("aria-label", before or "")
    page.locator("#model-map button").nth(6).click()
    view = page.locator("#matrix-view .matrix-view")
    expect(view).to_have_attribute("data-state", "ready")
    expect(view).to_have_attribute("data-rows", "128")
    picture(page, output, f"gradients_{language}")

    tab(page, say, "prune")
    set_sparsity(page, "0.5")
    expect(page.locator("#sparsity-reached")).to_contain_text("50")
    set_sparsity(page, "0.6")
    expect(page.locator("#sparsity-reached")).to_contain_text(re.compile(r"59|60"))
    picture(page, output, f"prune_{language}")
    apply(page, say)
    expect(page.locator("#sparsity-reached .applied")).to_be_visible()

    tab(page, say, "patterns")
    for name in ("mask", "wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-view")).to_have_attribute("data-state", "ready")
    still(page)
    picture(page, output, f"patterns_{language}")

    tab(page, say, "weight")
    expect(page.locator("#weight-card .weight-fate")).to_be_visible()
    expect(page.locator("#weight-hand input").first).to_be_visible()
    picture(page, output, f"weight_{language}")

    tab(page, say, "compare")
    ask(page, question)
    expect(page.locator("#dense-chat")).to_contain_text(question)
    picture(page, output, f"compare_{language}")
    expect(page.locator("#perplexity-dense")).to_be_visible()
    panel(page, say, "lost")
    expect(page.locator("#compare-probes")).to_be_visible()
    assert figure(page.locator("#perplexity-dense")) < figure(page.locator("#perplexity-pruned"))
    picture(page, output, f"lost_{language}")

    # a reload keeps the work
    page.reload()
    ready(page)
    tab(page, say, "text")
    expect(page.locator("#text textarea")).to_have_value(text)
    tab(page, say, "compare")
    expect(page.locator("#dense-chat")).to_contain_text(question)

    tab(page, say, "overview")
    picture(page, output, f"overview_own_{language}")
    page.locator("#reset").click()
    expect(page.locator("#overview-tag")).to_contain_text(f"chat_{language}.txt")


def test_cells_on_screen_equal_the_command_lines_mask_file(page: Page, app: App, tmp_path: Path):
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "text")
    page.locator("#text textarea").fill(OWN_TEXT)
    page.locator("#text-keep input").check()
    page.locator("#text-folder input, #text-folder textarea").first.fill(str(tmp_path / "statistics"))
    still(page)
    page.locator("#collect").click()
    expect(page.locator("#text-result")).to_contain_text("×")
    ready(page)
    tab(page, say, "prune")
    set_sparsity(page, "0.5")
    expect(page.locator("#sparsity-reached")).to_contain_text("50")
    apply(page, say)
    masks = tmp_path / "masks.safetensors"
    order = page.locator("#order input").input_value()
    command = [sys.executable, "-m", "gblm_viz", "prune", "--model", "pocket", "--statistics",
               str(tmp_path / "statistics"), "--method", "gblm", "--norm", "l1", "--alpha", "share:0.5", "--sparsity",
               "0.5", "--order", "dense" if order == say("prune.order.dense") else "sequential", "--masks", str(masks)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    tab(page, say, "patterns")
    view = page.locator("#patterns-mask .matrix-view")
    expect(view).to_have_attribute("data-state", "ready")
    canvas = page.locator("#patterns-mask .matrix-canvas")
    canvas.click()
    for _ in range(14):
        canvas.press("+")
    cells = page.locator("#patterns-mask .matrix-cells td[data-value]")
    expect(cells.first).to_be_attached()
    still(page)
    seen = cells.evaluate_all("cells => cells.map(c => [+c.dataset.row, +c.dataset.column, +c.dataset.value])")
    selected = page.locator("#patterns-matrix input").input_value()
    stored = read_masks(masks)
    name = next(name for name in stored if label_matches(say, name, selected))
    assert len(seen) >= 10
    for row, column, value in seen:
        assert int(stored[name][int(row), int(column)]) == int(value), (name, row, column)


def label_matches(say, name: str, label: str) -> bool:
    """Whether a matrix's parameter name is the one a person reads as `label` (its block and its role)."""
    from gblm_viz.core.base.job import run
    from gblm_viz.core.model.models import load
    from gblm_viz.ui.tabs.prune_text import place

    if not hasattr(label_matches, "layout"):
        label_matches.layout = run(load("pocket")).layout  # type: ignore[attr-defined]
    layout = label_matches.layout  # type: ignore[attr-defined]
    return place(say, layout.named(name)) == label


def test_stop_ends_the_generation(page: Page, app: App):
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "compare")
    page.locator("#compare-temperature input[type=number]").fill("2")
    page.locator("#compare-temperature input[type=number]").press("Enter")
    page.locator("#compare-most input[type=number]").fill("256")
    page.locator("#compare-most input[type=number]").press("Enter")
    page.locator("#prompt textarea").fill("Tell me a story about a kite and a lamp.")
    page.locator("#ask").click()
    expect(page.locator("#dense-chat .said").last).not_to_be_empty()
    page.locator("#stop").click()
    expect(page.locator("#dense-chat .cursor")).to_have_count(0)
    lengths = [len(page.locator("#dense-chat").inner_text())]
    page.wait_for_timeout(1000)
    lengths.append(len(page.locator("#dense-chat").inner_text()))
    assert lengths[0] == lengths[1]
    expect(page.locator("#dense-chat .cursor")).to_have_count(0)


def test_cancel_keeps_what_was_there(page: Page, app: App):
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "text")
    page.locator("#text textarea").fill(OWN_TEXT * 60)
    page.locator("#samples input").fill("2000")
    page.locator("#length input").fill("128")
    page.locator("#length input").blur()
    still(page)
    page.locator("#collect").click()
    expect(page.locator("#status .working progress")).to_be_visible()
    page.wait_for_timeout(700)
    page.locator("#cancel").click()
    # without Stop the 2,000 samples would take many times as long
    expect(page.locator("#status .working progress")).to_have_count(0, timeout=10_000)
    tab(page, say, "gradients")
    expect(page.locator("#model-map button")).to_have_count(42)


ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ '’-][A-Za-z]{2,}){2,}")
VISIBLE_TEXT = """() => {
  const own = '.said, .asked, textarea, #text-samples, #lang, script, style, .example-prompt';
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!parent || parent.closest(own)) continue;
    if (parent.checkVisibility && !parent.checkVisibility()) continue;
    found.push(node.textContent);
  }
  for (const element of document.querySelectorAll('[aria-label],[title],[placeholder],[alt]')) {
    if (element.closest(own) && !element.matches('textarea')) continue;
    if (!element.checkVisibility()) continue;
    for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
      if (element.hasAttribute(name)) found.push(element.getAttribute(name));
  }
  return found;
}"""


def test_no_english_sentence_remains_in_japanese(page: Page, app: App):
    say = words("ja")
    page.context.set_extra_http_headers({"Accept-Language": "en-US"})
    page.goto(f"{app.url}/")
    page.locator("#lang a[data-lang=ja]").click()
    ready(page)
    assert page.evaluate("navigator.language") == "ja"
    for name in TABS:
        tab(page, say, name)
        still(page)
        english = [text for text in page.evaluate(VISIBLE_TEXT) if ENGLISH.search(text)]
        assert english == [], (name, english)
    page.locator("#model input, #model textarea").first.fill("no-such/place/anywhere")
    page.locator("#load").click()
    expect(page.locator("#status .error")).to_be_visible()
    assert not ENGLISH.search(page.locator("#status").inner_text().replace("no-such/place/anywhere", ""))


@pytest.mark.parametrize("source", ["nowhere at all", "some/unknown-model"])
def test_a_bad_model_is_a_sentence_and_nothing_is_lost(page: Page, app: App, source: str):
    say = words("en")
    arrive(page, app, "en")
    page.locator("#model input, #model textarea").first.fill(source)
    page.locator("#load").click()
    expect(page.locator("#status .error")).to_contain_text(source)
    tab(page, say, "gradients")
    expect(page.locator("#model-map button")).to_have_count(42)


@pytest.mark.parametrize("text", ["", "   \n ", "word", "مرحبا بالعالم 🎉🎉 שלום"])
def test_odd_text_is_a_sentence_or_samples_and_never_a_crash(page: Page, app: App, text: str):
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "text")
    page.locator("#text textarea").fill(text)
    still(page)
    page.locator("#collect").click()
    still(page)
    expect(page.locator("#status")).not_to_contain_text("error (")
    expect(page.locator("#status .status")).to_be_visible()
    tab(page, say, "gradients")
    expect(page.locator("#model-map button")).to_have_count(42)


@pytest.mark.parametrize("value", ["-1", "1", "7"])
def test_an_impossible_sparsity_is_a_sentence_and_nothing_is_lost(page: Page, app: App, value: str):
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "prune")
    expect(page.locator("#sparsity-reached")).to_contain_text("%")
    set_sparsity(page, value)
    still(page)
    assert figure(page.locator("#sparsity-reached")) <= 95
    tab(page, say, "compare")
    ask(page, "What is the capital of Japan?")


@pytest.mark.dark
def test_the_dark_scheme_is_photographed(page: Page, app: App, output: Path):
    say = words("en")
    arrive(page, app, "en")
    for name in TABS:
        tab(page, say, name)
        still(page)
        picture(page, output, f"dark_{name}")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


def test_every_stable_id_stands_once(page: Page, app: App):
    say = words("en")
    arrive(page, app, "en")
    ids = re.search(r"## Element ids\n\n.*?\n\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert ids is not None
    wanted = set(re.findall(r"`([a-z-]+)`", ids[0]))
    assert len(wanted) == 37
    seen: set[str] = set()
    for name in TABS:
        tab(page, say, name)
        still(page)
        for one in wanted:
            count = page.evaluate("id => document.querySelectorAll('#' + id).length", one)
            assert count <= 1, one
            if count:
                seen.add(one)
    assert seen == wanted


def test_nothing_of_the_text_is_kept_in_the_browser(page: Page, app: App, watch: Watch):
    say = words("en")
    arrive(page, app, "en")
    canary = "zanzibarquokka"
    collect(page, say, OWN_TEXT + canary)
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert canary not in kept
    assert canary not in app.log.read_text(errors="replace")
