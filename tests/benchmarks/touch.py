"""What a person waits for in the browser, on the pocket model: a typed number, Apply, a question.

    python -m tests.benchmarks.touch                     this checkout
    python -m tests.benchmarks.touch --app A --app B     two checkouts, one after the other, on one machine

Times run in the page itself, from the event of the hand to the frame after the change that was waited for, so they
contain the page's own waiting, the way to the server and back, and the drawing. Prints Markdown: the median and the
slowest of some rounds in seconds. Needs Chromium and Playwright, like tests/browser.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS, followed, free_port, on_path, still

HERE = Path(__file__).parents[2]
QUESTIONS = ("What is the capital of Norway?", "What is the capital of Japan?", "What is the capital of Italy?",
             "What is the capital of Spain?", "What is the capital of Egypt?", "What is the capital of Greece?")
ROWS = {"typed": "Prune: number typed → new agreement", "apply": "Apply → pruned copy ready",
        "first": "Ask → first token", "whole": "Ask → whole answer of both models"}
WATCH = """([event, place, conditions]) => {
  const [first, ...rest] = conditions.map(text => new Function("before", "return " + text));
  const before = { numbers: document.querySelector("#prune-numbers")?.innerText,
                   status: document.querySelector("#status")?.innerText };
  const tests = [first, ...rest], took = tests.map(() => 0);
  window.took = new Promise(done => document.addEventListener(event, ({ target }) => {
    if (!target.closest(place)) return;
    const began = performance.now(), look = () => {
      tests.forEach((test, at) => { if (!took[at] && test(before)) took[at] = performance.now() - began; });
      took.every(Boolean) ? done(took) : requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { capture: true, once: true }));
}"""
"""Starts a clock at an event inside `place`, and stops it for each condition at the frame in which it first holds."""
TYPED = ["document.querySelector('#prune-numbers').innerText !== before.numbers"]
APPLIED = ["/#\\d/.test(document.querySelector('#status .done')?.innerText) && "
           "document.querySelector('#status').innerText !== before.status"]
ANSWERED = ["(window.asked ||= [...document.querySelectorAll('.chat .cursor')].length > 0) && "
            "[...document.querySelectorAll('#dense-chat .said')].at(-1)?.firstChild?.data?.length > 0",
            "window.asked && !document.querySelector('.chat .cursor') && "
            "document.querySelector('#pruned-chat .tok.next') !== null"]


@contextmanager
def running(app: Path) -> Iterator[str]:
    """`app.py` of a checkout; its address."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=app, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def timed(page: Page, event: str, place: str, conditions: list[str]) -> None:
    page.evaluate("window.asked = false")
    page.evaluate(WATCH, [event, place, conditions])


def took(page: Page) -> list[float]:
    """Seconds of each condition, once all of them hold; then the page's rest."""
    found: list[float] = page.evaluate("window.took")
    still(page)
    return [one / 1000 for one in found]


def measure(page: Page, url: str, rounds: int) -> dict[str, list[float]]:
    page.goto(f"{url}/en/")
    page.locator("#status .status.done").wait_for(timeout=300_000)
    page.locator("button[role=tab]:has-text('Prune')").first.click()
    page.locator("#prune-numbers .number").first.wait_for()
    still(page)
    found: dict[str, list[float]] = {name: [] for name in ROWS}
    box = page.locator("#sparsity input[type=number]")
    for number in range(rounds + 1):  # the first of each warms up and does not count
        timed(page, "input", "#sparsity", TYPED)
        box.fill(f"{0.6 + number / 100:.2f}")
        found["typed"] += took(page)
        timed(page, "click", "#apply", APPLIED)
        page.locator("#apply").click()
        found["apply"] += took(page)
        page.wait_for_function("!document.querySelector('#status .working')", timeout=120_000)
        still(page)
    page.locator("button[role=tab]:has-text('Compare')").first.click()
    still(page)
    for question in QUESTIONS[:rounds + 1]:
        page.locator("#prompt textarea").fill(question)
        timed(page, "click", "#ask", ANSWERED)
        page.locator("#ask").click()
        for name, seconds in zip(("first", "whole"), took(page), strict=True):
            found[name].append(seconds)
    return {name: seconds[1:] for name, seconds in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout; repeat it to compare (default: this)")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, len(QUESTIONS)))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with it
    apps, found = given.app or [HERE], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=on_path(), args=FLAGS)
        for app in apps:
            with running(app.resolve()) as url:
                context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
                page = followed(context.new_page())
                page.set_default_timeout(60_000)
                found.append(measure(page, url, given.rounds))
                context.close()
        browser.close()
    print(f"{given.rounds} rounds, {os.cpu_count()} cores\n")
    print("| s | " + " | ".join(f"{app.resolve().name}: median | slowest" for app in apps) + " |")
    print("|---|" + "---:|---:|" * len(apps))
    for name, title in ROWS.items():
        cells = [f"{statistics.median(one[name]):.2f} | {max(one[name]):.2f}" for one in found]
        print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
