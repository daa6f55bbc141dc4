"""A real Chromium against the real app: found, or installed; with CI set a missing browser fails the run."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         # Chromium builds the list below its address bar, a page of its own, for every new window: a third of the
         # time that opening a page here took. The rest is what Playwright names, since only the last list counts.
         "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,AimEnabled,HttpsUpgrades,"
         "HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
         "AvoidUnnecessaryBeforeUnloadCheckSync,AvoidCorsURLLoaderRestartOnRedirect,DestroyProfileOnBrowserClose,"
         "OptimizationHints,NetworkTimeServiceQuerying,PreconnectToSearch"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
GRADIO_NOISE = (
    # A page left while its event stream was open: before, or while, a piece of it was being read.
    r"^AbortError: (signal is aborted without reason|BodyStreamBuffer was aborted)",
    r"^Unexpected error Connection errored out\. $",
)
"""The exact errors that Gradio itself writes on a healthy page, as regular expressions."""
START_SECONDS = 180


def on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _quiet(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=900).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install() -> str | None:
    """Playwright's own download, then the system's package; each only where the one before gave nothing."""
    if _quiet(sys.executable, "-m", "playwright", "install", "chromium"):
        return ""
    if shutil.which("apt-get"):
        _quiet("apt-get", "update", "-qq")
        _quiet("apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-cjk")
    return on_path()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of this folder alone: while Playwright runs, its event loop counts as the thread's own,
    and a test elsewhere that starts a loop would be refused."""
    with sync_playwright() as playwright:
        path: str | None = on_path()
        if path is None and Path(playwright.chromium.executable_path).exists():
            path = ""
        if path is None:
            path = _install()
        if path is None:
            message = "no Chromium: install one (Debian: apt-get install chromium) and run the tests again"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
        launched = playwright.chromium.launch(executable_path=path or None, args=FLAGS)
        yield launched
        launched.close()


@dataclass
class App:
    """The running app: its address and what its process wrote."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]
    seconds: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(log: Path, *flags: str, **environment: str) -> App:
    """`python app.py` on a free port, once it answers. environment: variables that it sees beside this process's."""
    port = free_port()
    began = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "app.py", "--port", str(port), *flags], cwd=ROOT, stdout=stream,
                                   stderr=subprocess.STDOUT, env={**os.environ, "HF_HUB_OFFLINE": "1", **environment})
    url = f"http://127.0.0.1:{port}"
    while time.monotonic() - began < START_SECONDS:
        if process.poll() is not None:
            pytest.fail(f"the app ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return App(url, log, process, time.monotonic() - began)
        except OSError:
            time.sleep(0.2)
    process.kill()
    pytest.fail(f"the app did not answer within {START_SECONDS} s: {log.read_text()[-2000:]}")


def run_app(folder: Path) -> Iterator[App]:
    """Yield an app that writes its log into the folder, and end it."""
    running = start(folder / "log.txt")
    yield running
    running.process.terminate()
    running.process.wait(20)


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    yield from run_app(tmp_path_factory.mktemp("app"))


@dataclass
class Watch:
    """What a page said and asked for while it was used."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.error(message.text)

    def error(self, text: str) -> None:
        if not any(re.search(noise, text) for noise in GRADIO_NOISE):
            self.errors.append(text)

    def request(self, request: Request) -> None:
        if not re.match(r"(http://127\.0\.0\.1:|data:|blob:|about:)", request.url):
            self.outside.append(request.url)


QUIET_SECONDS, LONGEST_SECONDS = 0.4, 60.0
"""A page is still once it has asked for nothing for so long: longer than its controls wait before they send."""
IDLE_SECONDS = 12.0
"""A stream of answers from which nothing came for so long has nothing more to tell. Rarely, Gradio opens one more
stream than there are events, which then stays open until the page closes. A living stream sends a sign every 15
seconds, so this is less; an event that works silently for longer must be waited for by what it shows."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
STREAM = "queue/data"
EVENTS = re.compile(r"/gradio_api/(queue/|component_server)")


@dataclass
class Traffic:
    """What a page has asked its server for and not been told yet: events, their answers, parts of pictures."""

    open: set[Request] = field(default_factory=set)
    last: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    """When the last bytes of a stream of answers came."""
    streams: set[str] = field(default_factory=set)
    """The browser's own names of these streams."""

    def begun(self, request: Request) -> None:
        if EVENTS.search(request.url):
            self.open.add(request)
            self.heard = time.monotonic()

    def ended(self, request: Request) -> None:
        if request in self.open:
            self.open.discard(request)
            self.last = time.monotonic()

    def sent(self, told: dict[str, Any]) -> None:
        if STREAM in told["request"]["url"]:
            self.streams.add(told["requestId"])

    def received(self, told: dict[str, Any]) -> None:
        if told["requestId"] in self.streams:
            self.heard = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether something that was asked for may still come."""
        quiet = time.monotonic() - max(self.heard, self.last)
        return bool(self.open) and not (quiet > IDLE_SECONDS and all(STREAM in one.url for one in self.open))


TRAFFIC: WeakKeyDictionary[Page, Traffic] = WeakKeyDictionary()


def followed(page: Page) -> Page:
    """The same page, of which `still` can be asked."""
    traffic = TRAFFIC[page] = Traffic()
    page.on("request", traffic.begun)
    page.on("requestfinished", traffic.ended)
    page.on("requestfailed", traffic.ended)
    wire = page.context.new_cdp_session(page)
    wire.on("Network.requestWillBeSent", traffic.sent)
    wire.on("Network.dataReceived", traffic.received)
    wire.send("Network.enable")
    return page


def still(page: Page) -> None:
    """Wait until the page has asked for nothing for a while and everything that it asked for has come."""
    traffic, began = TRAFFIC[page], time.monotonic()
    while traffic.busy or time.monotonic() - max(traffic.last, began) < QUIET_SECONDS:
        assert time.monotonic() - began < LONGEST_SECONDS, [one.url for one in traffic.open]
        page.wait_for_timeout(20)  # events of the browser arrive only while Playwright waits


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="package")
def rooms(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """One context for each colour scheme. A context keeps what the browser has fetched and compiled of the page's
    scripts, which takes more time than most tests; whoever visits is known by the tab alone (sessionStorage)."""
    made = {scheme: browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US", color_scheme=scheme)
            for scheme in SCHEMES}
    yield {str(scheme): context for scheme, context in made.items()}
    for context in made.values():
        context.close()


def forget(context: BrowserContext) -> None:
    """Close the pages of a context, and leave nothing of what a test has stored, allowed or set there."""
    for page in context.pages:
        if page.url.startswith("http") and not page.is_closed():
            page.evaluate("window.localStorage.clear()")
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    context.set_extra_http_headers({})


@pytest.fixture
def page(rooms: dict[str, BrowserContext], watch: Watch, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh visitor at 1280 × 720. Mark `dark` for the dark scheme. No console error, no request to the outside."""
    context = rooms["dark" if request.node.get_closest_marker("dark") is not None else "light"]
    shown = followed(context.new_page())
    shown.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    shown.on("console", watch.console)
    shown.on("pageerror", lambda error: watch.error(str(error)))
    shown.on("request", watch.request)
    yield shown
    forget(context)
    assert watch.outside == []
    assert watch.errors == []
