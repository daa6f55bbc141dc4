"""What opening the page costs: from the address to the first complete screen, and every byte on the wire until then.

    python -m tests.benchmarks.page                      this checkout, English, seven openings
    python -m tests.benchmarks.page --app A --app B      two checkouts side by side, opened in turn
    python -m tests.benchmarks.page --requests           each request of a first opening, too

Starts `app.py` of each checkout on this machine and opens it in Chromium, each time as a visitor who was never here and
then as one who comes back. Complete: the status line says that the example is ready, and the overview has its numbers,
both answers and its map. Bytes are what came over the network, headers included, compressed as it came. Prints
Markdown: medians, and the slowest of all.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.conftest import FLAGS, on_path

HERE = Path(__file__).parents[2]
START_SECONDS = 120
COMPLETE = ("#status .status.done", ":is(#overview-dense, .answer-dense) .said",
            ":is(#overview-pruned, .answer-pruned) .said", ":is(#overview-cost, .answer-slider) .cost",
            "#overview-map .model-map-grid button", "#overview-telling .telling")
"""What the first screen has once nothing of it is missing: visible parts, by their selectors."""
IS_COMPLETE = """(parts) => parts.every((part) => document.querySelector(part)?.getBoundingClientRect().height > 0)"""


@dataclass
class Opening:
    """One opening of a page: seconds until its first complete screen, and (bytes on the wire, address) by request."""

    seconds: float = 0.0
    requests: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(size for size, _ in self.requests.values())


@dataclass
class Found:
    """The openings of one checkout by their kind."""

    app: Path
    url: str
    first: list[Opening] = field(default_factory=list)
    again: list[Opening] = field(default_factory=list)


@contextmanager
def served(app: Path) -> Iterator[str]:
    """Run `app.py` of a checkout; yield its address once the example is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=app, stdout=subprocess.DEVNULL,
                               env={**os.environ, "HF_HUB_OFFLINE": "1"})
    url, began = f"http://127.0.0.1:{port}", time.monotonic()
    try:
        while time.monotonic() - began < START_SECONDS and process.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(url, timeout=5).close()
                break
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def open_once(context: BrowserContext, url: str) -> Opening:
    """Open the page in a new tab and close it again once its first screen is complete."""
    page, found = context.new_page(), Opening()
    wire = context.new_cdp_session(page)

    def asked(told: dict[str, Any]) -> None:
        found.requests.setdefault(told["requestId"], (0, told["request"]["url"].removeprefix(url)))

    def came(number: str, size: float, whole: bool = False) -> None:
        before, address = found.requests.get(number, (0, ""))
        found.requests[number] = (int(size) + (0 if whole else before), address)

    wire.on("Network.requestWillBeSent", asked)
    wire.on("Network.responseReceived", lambda told: came(told["requestId"], told["response"]["encodedDataLength"]))
    wire.on("Network.dataReceived", lambda told: came(told["requestId"], told["encodedDataLength"]))
    wire.on("Network.loadingFinished", lambda told: came(told["requestId"], told["encodedDataLength"], whole=True))
    wire.send("Network.enable")
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    page.wait_for_function(IS_COMPLETE, arg=COMPLETE, polling="raf", timeout=60_000)
    found.seconds = time.monotonic() - began
    page.wait_for_timeout(1_000)  # what is still on its way counts as bytes, not as time
    page.close()
    return found


def measure(browser: Browser, found: Found, language: str) -> None:
    """Open the page as somebody new, and once more as somebody whose browser has kept what it may keep."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    for openings in (found.first, found.again):
        openings.append(open_once(context, f"{found.url}/{language}/"))
        print(f"{found.app}: {openings[-1].seconds:.2f} s, {openings[-1].size:,} bytes", file=sys.stderr, flush=True)
    context.close()


def table(found: Sequence[Found]) -> str:
    """Markdown: a row a kind of opening, three columns a checkout."""
    heads = " | ".join(f"{one.app.name}: s, median | slowest | kB on the wire" for one in found)
    lines = [f"| opening | {heads} |",
             "|---|" + "---:|---:|---:|" * len(found)]
    for name, kind in (("for the first time", "first"), ("again", "again")):
        cells = []
        for one in found:
            openings: list[Opening] = getattr(one, kind)
            seconds = [opening.seconds for opening in openings]
            size = statistics.median(opening.size for opening in openings)
            cells.append(f"{statistics.median(seconds):.2f} | {max(seconds):.2f} | {size / 1000:,.0f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def requests_table(found: Found) -> str:
    """Markdown: the requests of the last first opening, the largest first."""
    sizes = sorted(found.first[-1].requests.values(), reverse=True)
    return "\n".join([f"| {found.app.name}: request | bytes |", "|---|---:|",
                      *(f"| {address or '/'} | {size:,} |" for size, address in sizes)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout; repeat it to compare (default: this)")
    parser.add_argument("--rounds", type=int, default=7, choices=range(1, 31), metavar="1–30")
    parser.add_argument("--language", default="en", choices=("en", "ja"))
    parser.add_argument("--requests", action="store_true", help="print each request of a first opening")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers end with it
    with ExitStack() as stack:
        found = [Found(app.resolve(), stack.enter_context(served(app.resolve()))) for app in given.app or [HERE]]
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=on_path(), args=FLAGS)
        for one in found:
            measure(browser, one, given.language)  # waits for the example, which is no opening's affair
            one.first.clear()
            one.again.clear()
        for _ in range(given.rounds):
            for one in found:
                measure(browser, one, given.language)
        browser.close()
    print(f"{given.rounds} openings each, {os.cpu_count()} cores\n\n{table(found)}")
    if given.requests:
        print(*(f"\n{requests_table(one)}" for one in found), sep="\n")


if __name__ == "__main__":
    main()
