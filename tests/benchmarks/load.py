"""What a class does to one server: N visitors at once who open the page, collect, chat, cancel and close their tabs.

    python -m tests.benchmarks.load                      30 visitors, three rounds, this checkout
    python -m tests.benchmarks.load --app A --app B      the same against two checkouts, one after the other

Speaks to a server of its own on 127.0.0.1 as a browser does (session hash, heartbeat, every input of every listener),
without drawing anything. A visitor looks at one tab at a time, as people do: a checkout whose hidden tabs wait until
they are opened is asked for what is shown, and version 0.1, which fills all of them, for all. Bounded in number and in
time. Prints, as Markdown, the last and the median visitor of each phase in seconds, the processor's seconds that the
server took for it, which other programs lengthen less, and the server's memory after each round, once nobody is left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gblm_viz.core.base.footprint import parse_bytes

HERE = Path(__file__).parents[2]
TEXT = (HERE / "assets/texts/chat_en.txt").read_text(encoding="utf-8")
CHARACTERS = 6_000
PROMPT = "Why is the sky blue?"
MANY, SAMPLES, LENGTH = 20, 16, 64
START_SECONDS, PHASE_SECONDS = 120, 240
PHASES = {"ready": "page, ready", "filled": "page, all that it asks for", "tabs": "each tab opened once",
          "same": "collect, all the same text",
          "different": f"collect, all different texts ({SAMPLES} × {LENGTH} tokens each)", "chat": "chat",
          "drag": "drag the Overview's slider over ten stops, each an own question",
          "cancel": "Cancel, until it is over",
          "newcomer": f"newcomer's collect beside {MANY} of one visitor's", "after": "collect after all tabs closed"}

TRIED = ("tabs", "same", "different", "chat", "drag", "cancel", "newcomer")
"""Beside the opening of the page, what can be left out."""

STARTED = """import importlib, importlib.util, runpy, sys
place = next(name for name in ("gblm_viz.ui.visit", "gblm_viz.ui.session") if importlib.util.find_spec(name))
library = importlib.import_module("gblm_viz.ui.visit.library" if place == "gblm_viz.ui.visit" else place)
library.available_memory = lambda: {memory}
sys.argv[0] = "app.py"
runpy.run_path("app.py", run_name="__main__")"""
"""app.py with a smaller memory: what a round leaves in it then fills it, and any growth after that is a leak.

Version 0.1 kept what all visitors share in gblm_viz.ui.session; an old checkout is to be measured too."""


class Failed(Exception):  # noqa: N818
    """A visitor was refused, or told of an error."""


@dataclass
class Site:
    """One language's page as its config describes it: listeners by element and event, and what they are sent."""

    base: str
    listeners: dict[int, dict[str, Any]]
    by_event: dict[tuple[str, str], int]
    changes: dict[int, list[int]]
    then: dict[int, list[int]]
    values: dict[int, Any]
    elements: dict[str, int]
    waits: dict[int, str]
    """The listeners of the page alone that go on once their tab is shown, and that tab."""

    @classmethod
    def read(cls, base: str, config: dict[str, Any]) -> Site:
        names = {one["id"]: one["props"].get("elem_id") or "" for one in config["components"]}
        states = {one["id"] for one in config["components"] if one["type"] == "state"}
        values = {one["id"]: None if one["id"] in states else one["props"].get("value")
                  for one in config["components"]}
        waits = {one["id"]: found[1] for one in config["dependencies"]
                 if (found := re.search(r'\.whenShown\("(\w+)"', str(one["js"])))}
        site = cls(base, {one["id"]: one for one in config["dependencies"]}, {}, {}, {}, values,
                   {name: number for number, name in names.items() if name}, waits)
        for one in config["dependencies"]:
            for target, event in one["targets"]:
                if target in states and event == "change":
                    site.changes.setdefault(target, []).append(one["id"])
                site.by_event.setdefault((names.get(target, ""), event), one["id"])
            if one["trigger_after"] is not None:
                site.then.setdefault(one["trigger_after"], []).append(one["id"])
        return site


    def after(self, number: int) -> Iterator[int]:
        """The listeners that the server is asked for once this one, and what the page does by itself, is done."""
        for one in self.then.get(number, ()):
            if self.listeners[one]["backend_fn"]:
                yield one
            else:
                yield from self.after(one)


@dataclass
class Visitor:
    """One open page."""

    site: Site
    client: httpx.AsyncClient
    hash: str = field(default_factory=lambda: secrets.token_hex(6))
    values: dict[int, Any] = field(default_factory=dict)
    heart: asyncio.Task[None] | None = None
    told: asyncio.Event | None = None
    tab: str = "overview"
    waiting: set[int] = field(default_factory=set)
    """What happened to hidden tabs since they were shown."""
    shown: dict[int, Any] = field(default_factory=dict)
    """What the server has last sent for each component."""

    async def open(self) -> float:
        """The page with everything that it asks for by itself; seconds until it was ready to use."""
        began = time.monotonic()
        (await self.client.get(f"{self.site.base}/")).raise_for_status()
        (await self.client.get(f"{self.site.base}/config")).raise_for_status()
        self.heart = asyncio.create_task(self._beat())
        arrive = self.site.by_event["", "load"]
        wake = next(self.site.after(arrive), arrive)  # version 0.1 greets a visitor in two steps
        key, link = self.site.listeners[arrive]["outputs"][1:3]
        if wake != arrive:
            done = await self.fire(arrive, quiet=(arrive,))
            self.values |= {key: done[arrive][1], link: ""}
        ready: list[float] = []
        await self.fire(wake, ended=lambda number: ready.append(time.monotonic() - began) if number == wake else None)
        return ready[0]

    async def _beat(self) -> None:
        with suppress(httpx.HTTPError, asyncio.CancelledError):
            async with self.client.stream("GET", f"{self.site.base}/gradio_api/heartbeat/{self.hash}",
                                          timeout=None) as stream:
                async for _ in stream.aiter_lines():
                    pass

    def put(self, **values: Any) -> None:
        """Type into fields, by element id."""
        self.values |= {self.site.elements[name.replace("_", "-")]: value for name, value in values.items()}

    async def click(self, element: str, event: str = "click", follow: bool = True) -> float:
        """Seconds until the click's own listener was done; what it sets off is waited for, too, if `follow`."""
        number, began, ended = self.site.by_event[element, event], time.monotonic(), []
        await self.fire(number, quiet=() if follow else (number,),
                        ended=lambda one: ended.append(time.monotonic() - began) if one == number else None)
        return ended[0]

    async def show(self, tab: str) -> float:
        """Open a tab; seconds until it was filled."""
        began, self.tab = time.monotonic(), tab
        missed = [one for one in self.waiting if self.site.waits[one] == tab]
        self.waiting.difference_update(missed)
        await self.fire(*missed)
        return time.monotonic() - began

    async def drag(self, question: str) -> float:
        """Move the Overview's slider over ten stops, each once the answer at the one before is there; the seconds."""
        place, began = self.site.elements["overview-answers"], time.monotonic()
        key = self.shown[place]["live"]["key"]
        for percent in range(40, 90, 5):
            reply = await self.client.post(f"{self.site.base}/gradio_api/component_server", json={
                "data": {"key": key, "prompt": question, "method": "gblm", "percent": percent}, "component_id": place,
                "fn_name": "live_answer", "session_hash": self.hash})
            if reply.raise_for_status().json().get("error"):
                raise Failed(f"drag: {reply.text}")
        return time.monotonic() - began

    async def post(self, number: int) -> str:
        """Put a listener into the queue; the event's id."""
        inputs, targets = (self.site.listeners[number][name] for name in ("inputs", "targets"))
        reply = await self.client.post(f"{self.site.base}/gradio_api/queue/join", json={
            "data": [self.values.get(place, self.site.values[place]) for place in inputs], "event_data": None,
            "fn_index": number, "trigger_id": targets[0][0] if targets else None, "session_hash": self.hash})
        reply.raise_for_status()
        return str(reply.json()["event_id"])

    async def fire(self, *numbers: int, quiet: Sequence[int] = (),
                   ended: Callable[[int], Any] = lambda _: None) -> dict[int, list[Any]]:
        """Run listeners and all that their end sets off, but of those in `quiet`; the last data of each."""
        found: dict[int, list[Any]] = {}
        waiting: dict[str, int] = {}

        async def join(one: int) -> None:
            if self.site.listeners[one]["backend_fn"]:
                waiting[await self.post(one)] = one
            elif self.site.waits.get(one, self.tab) != self.tab:
                self.waiting.add(one)
            else:
                for later in self.site.then.get(one, ()):
                    await join(later)

        for number in numbers:
            await join(number)
        while waiting:
            async with self.client.stream("GET", f"{self.site.base}/gradio_api/queue/data",
                                          params={"session_hash": self.hash}, timeout=None) as stream:
                async for line in stream.aiter_lines():
                    if not line.startswith("data:"):
                        continue
                    message = json.loads(line[5:])
                    if message["msg"] == "close_stream":
                        break
                    if message["msg"] not in {"process_generating", "process_completed"} or (
                            message["event_id"] not in waiting):
                        continue
                    one, output = waiting[message["event_id"]], message["output"]
                    if self.told is not None and "status working" in line:
                        self.told.set()
                    if not message["success"]:
                        raise Failed(f"{self.site.listeners[one]['api_name']}: {output}")
                    if "status error" in line and one not in quiet:
                        raise Failed(re.sub("<[^>]*>", "", str(output["data"][0])))
                    if one not in quiet:
                        for state in output.get("changed_state_ids") or ():
                            for later in self.site.changes.get(state, ()):
                                await join(later)
                    if message["msg"] == "process_completed":
                        del waiting[message["event_id"]]
                        found[one] = output.get("data", [])
                        self.shown |= dict(zip(self.site.listeners[one]["outputs"], found[one], strict=False))
                        ended(one)
                        if one not in quiet:
                            for later in self.site.then.get(one, ()):
                                await join(later)
        return found

    async def close(self) -> None:
        if self.heart is not None:
            self.heart.cancel()
            await self.heart


@dataclass
class Server:
    """`app.py` of a checkout on a free port."""

    app: Path
    process: subprocess.Popen[bytes]
    base: str

    @classmethod
    def start(cls, app: Path, memory: int) -> Server:
        """memory: bytes that it takes for free on this machine; half of them is what all visitors share."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen([sys.executable, "-c", STARTED.format(memory=memory), "--port", str(port)], cwd=app,
                                   stdout=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        return cls(app, process, f"http://127.0.0.1:{port}/en")

    async def config(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """Once it answers."""
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS and self.process.poll() is None:
            with suppress(httpx.HTTPError):
                found: dict[str, Any] = (await client.get(f"{self.base}/config")).raise_for_status().json()
                return found
            await asyncio.sleep(0.3)
        raise Failed(f"{self.app} did not start")

    def memory(self) -> float:
        """Megabytes that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1000

    def worked(self) -> float:
        """Seconds of processor time that it took so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def text_of(number: int) -> str:
    """A text that no other number has, always of the same length."""
    start = 37 * number % (len(TEXT) - CHARACTERS)
    return TEXT[start:start + CHARACTERS]


async def at_once(work: Sequence[Awaitable[float]]) -> list[float]:
    return await asyncio.wait_for(asyncio.gather(*work), PHASE_SECONDS)


async def one_round(server: Server, site: Site, client: httpx.AsyncClient, count: int, texts: int,
                    phases: Collection[str], tokens: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """The phases asked for, once each: (seconds of each visitor, the server's processor seconds), by phase.

    texts: the number of the first text that no round before has used.
    """
    took: dict[str, list[float]] = {}
    worked: dict[str, float] = {}
    visitors = [Visitor(site, client) for _ in range(count)]

    async def opened(visitor: Visitor) -> float:
        began = time.monotonic()
        took.setdefault("ready", []).append(await visitor.open())
        return time.monotonic() - began

    async def collect(visitor: Visitor, number: int, follow: bool = True) -> float:
        visitor.put(text=text_of(number), text_rule="windows", samples=SAMPLES, length=LENGTH)
        return await visitor.click("collect", follow=follow)

    async def tabs(visitor: Visitor) -> float:
        return sum([await visitor.show(name) for name in dict.fromkeys(site.waits.values())])

    async def cancel(visitor: Visitor, number: int) -> float:
        told = visitor.told = asyncio.Event()
        running = asyncio.create_task(collect(visitor, number, follow=False))
        await told.wait()  # the status line says that it waits or works
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await visitor.post(site.by_event["cancel", "click"])
        await running
        return time.monotonic() - began

    for visitor in visitors:
        visitor.put(prompt=PROMPT, compare_most=tokens)
    steps: dict[str, Callable[[int, Visitor], Awaitable[float]]] = {
        "filled": lambda _, one: opened(one), "tabs": lambda _, one: tabs(one),
        "same": lambda _, one: collect(one, texts), "different": lambda place, one: collect(one, texts + 1 + place),
        "chat": lambda _, one: one.click("ask"),
        "drag": lambda place, one: one.drag(f"What is {place} + {texts}?"),
        "cancel": lambda place, one: cancel(one, texts + 100 + place)}
    looks = {"drag": "overview", "same": "text", "different": "text", "chat": "compare", "cancel": "text"}
    for name in [name for name in steps if name in phases]:
        # the tab is open before
        await asyncio.gather(*(one.show(looks[name]) for one in visitors if name in looks))
        before = server.worked()
        try:
            took[name] = await at_once([steps[name](place, one) for place, one in enumerate(visitors)])
        except TimeoutError:  # what is still running would be measured with the next phase
            took[name], phases = [float("inf")], ()
            break
        worked[name] = server.worked() - before
    if "newcomer" not in phases:
        await asyncio.gather(*(one.close() for one in visitors))
        return took, worked

    busy, new = visitors[:2]
    for place in range(MANY - 1):
        busy.put(text=text_of(texts + 200 + place))
        await busy.post(site.by_event["collect", "click"])
    running = [asyncio.create_task(collect(busy, texts + 229, follow=False))]
    await asyncio.sleep(1)
    took["newcomer"] = [await asyncio.wait_for(collect(new, texts + 230, follow=False), PHASE_SECONDS)]
    running += [asyncio.create_task(collect(one, texts + 240 + place)) for place, one in enumerate(visitors[2:])]
    await asyncio.sleep(1)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, *(one.close() for one in visitors), return_exceptions=True)
    last = Visitor(site, client)
    await last.open()
    took["after"] = [await asyncio.wait_for(collect(last, texts + 300), PHASE_SECONDS)]
    await last.close()
    return took, worked


@dataclass
class Found:
    """Of one checkout: seconds of every visitor of every round, processor seconds of each round, megabytes after it."""

    app: Path
    took: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PHASES})
    worked: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PHASES})
    held: list[float] = field(default_factory=list)


async def measure(app: Path, count: int, rounds: int, settle: float, memory: int, identical: bool,
                  phases: Collection[str], tokens: int) -> Found:
    server, found = Server.start(app, memory), Found(app)
    try:
        # let go of an idle connection before the server does after five seconds: one that is closed as a request leaves
        # is tried again by a browser, but not by httpx
        limits = httpx.Limits(max_connections=None, keepalive_expiry=3)
        async with httpx.AsyncClient(timeout=PHASE_SECONDS, limits=limits, trust_env=False) as client:
            site = Site.read(server.base, await server.config(client))
            first = Visitor(site, client)
            await first.open()  # waits for the example, which is no visitor's affair
            await first.close()
            for number in range(rounds):
                took, worked = await one_round(server, site, client, count, 0 if identical else 400 * number,
                                               phases, tokens)
                for name, seconds in took.items():
                    found.took[name] += seconds
                for name, one in worked.items():
                    found.worked[name].append(one)
                await asyncio.sleep(settle)
                found.held.append(server.memory())
                print(f"{app}: round {number + 1} of {rounds}, {found.held[-1]:,.0f} MB", file=sys.stderr)
    finally:
        server.stop()
    return found


def table(found: Sequence[Found]) -> str:
    """Markdown: a row a phase, three columns a checkout."""
    lines = ["| s | " + " | ".join(f"{one.app.name}: last | median | processor, a round" for one in found) + " |",
             "|---|" + "---:|---:|---:|" * len(found)]
    for name in [name for name in PHASES if any(one.took[name] for one in found)]:
        cells = [f"{_seconds(max(one.took[name]))} | {_seconds(statistics.median(one.took[name]))} | "
                 + (f"{statistics.mean(one.worked[name]):.1f}" if one.worked[name] else "")
                 if one.took[name] else " | | " for one in found]
        lines.append(f"| {PHASES[name]} | " + " | ".join(cells) + " |")
    for number in range(len(found[0].held)):
        cells = [f"{one.held[number]:,.0f} | {one.held[number] / one.held[0] - 1:+.1%} | " for one in found]
        lines.append(f"| MB after round {number + 1}, against the first | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _seconds(found: float) -> str:
    return f"{found:.1f}" if found < PHASE_SECONDS else f"more than {PHASE_SECONDS}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visitors", type=int, default=30, choices=range(2, 61), metavar="2–60")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 6), metavar="1–5")
    parser.add_argument("--settle", type=float, default=90.0, help="seconds after a round until its visitors are over")
    parser.add_argument("--app", type=Path, action="append", help="a checkout; repeat it to compare (default: this)")
    parser.add_argument("--memory", type=parse_bytes, default="1.4GB", help="what the server takes for free")
    parser.add_argument("--identical", action="store_true", help="every round collects the same texts: for the memory, "
                        "since from the second round on nothing is computed")
    parser.add_argument("--phases", type=lambda told: {"filled", *told.split(",")}, default=set(PHASES),
                        help=f"only these, with commas: {', '.join(TRIED)}")
    parser.add_argument("--tokens", type=int, default=24, help="most tokens of a chat's answer")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server ends with it
    apps = given.app or [HERE]
    found = [asyncio.run(measure(app.resolve(), given.visitors, given.rounds, given.settle, given.memory,
                                 given.identical, given.phases, given.tokens))
             for app in apps]
    print(f"{given.visitors} visitors, {given.rounds} rounds, {os.cpu_count()} cores\n")
    print(table(found))


if __name__ == "__main__":
    main()
