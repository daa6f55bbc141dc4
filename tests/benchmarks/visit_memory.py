"""What a visit leaves in the server's memory until it is tidied.

    python -m tests.benchmarks.visit_memory                      this checkout
    python -m tests.benchmarks.visit_memory --app A --app B      two checkouts, one after the other

Opens pages one after the other, each until every tab is filled, and closes them. The first ones fill what all visits
share; of the later ones, the growth of the process is divided by their number. Ends before the first is tidied. Prints
Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.benchmarks.load import HERE, PHASE_SECONDS, Server, Site, Visitor

MEMORY = 1_400_000_000
TIDIED = 80.0
"""Seconds after which the server begins to forget a closed page."""


@dataclass(frozen=True)
class Found:
    """grown: megabytes by so many visits, in so many seconds."""

    app: Path
    grown: float
    visits: int
    seconds: float


async def measure(app: Path, shared: int, visits: int) -> Found:
    server = Server.start(app, MEMORY)
    try:
        limits = httpx.Limits(max_connections=None, keepalive_expiry=3)
        async with httpx.AsyncClient(timeout=PHASE_SECONDS, limits=limits, trust_env=False) as client:
            site = Site.read(server.base, await server.config(client))

            async def visit(count: int) -> None:
                for _ in range(count):
                    one = Visitor(site, client)
                    await one.open()
                    await one.close()

            await visit(shared)
            before, began = server.memory(), time.monotonic()
            await visit(visits)
            return Found(app, server.memory() - before, visits, time.monotonic() - began)
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout; repeat it to compare (default: this)")
    parser.add_argument("--shared", type=int, default=8, help="visits before the counting begins")
    parser.add_argument("--visits", type=int, default=20, help="visits that are counted")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server ends with it
    print("| checkout | visits | MB a visit | s a visit |", "|---|---:|---:|---:|", sep="\n")
    for app in given.app or [HERE]:
        one = asyncio.run(measure(app.resolve(), given.shared, given.visits))
        late = " (some were tidied)" if one.seconds > TIDIED else ""
        print(f"| {one.app.name} | {one.visits} | {one.grown / one.visits:.2f}{late} "
              f"| {one.seconds / one.visits:.2f} |", flush=True)


if __name__ == "__main__":
    main()
