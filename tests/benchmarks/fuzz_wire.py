"""Hostile values for every input and event of every function of the page, over HTTP, against the bundled model.

    python -m tests.benchmarks.fuzz_wire --cases 10000 --language ja

Prints how many were refused, answered by a notice, or handled, and every fault: an unknown error, a traceback in the
log, an event that ends without a word. Exit code 1 where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import sys
import tempfile
import time
from collections import Counter

from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work import start
from tests.ui import hostile
from tests.ui.wire import served


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="at most so many, drawn at random by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--language", default="en", choices=("en", "ja"))
    parser.add_argument("--seconds", type=float, default=1800)
    given = parser.parse_args()
    library = Library()
    start.prepare_example(library)
    library.ready.set()
    counts: Counter[str] = Counter()
    faults: dict[str, str] = {}
    folder = tempfile.TemporaryDirectory()
    os.environ["HOME"] = folder.name  # a visitor of this machine may save where they say
    os.chdir(folder.name)
    with folder, served(library) as wire:
        visitor = wire.visitor(given.language)
        drawn = list(hostile.cases(visitor))
        random.Random(given.seed).shuffle(drawn)
        began = time.monotonic()
        for case in drawn[: given.cases]:
            if time.monotonic() - began > given.seconds:
                break
            with contextlib.redirect_stderr(io.StringIO()) as said:
                try:
                    kind = hostile.outcome(visitor, case)
                except Exception as error:
                    kind = "fault"
                    faults.setdefault(f"{case.function} {case.place}", f"{case.value!r:.80}: {error!r:.300}")
            if "Traceback" in said.getvalue():
                kind = "fault"
                faults.setdefault(f"{case.function} {case.place}", said.getvalue()[-600:])
            counts[kind] += 1
    print(f"{counts.total():,} of {len(drawn):,} cases in {time.monotonic() - began:.0f} s: "
          + ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())))
    for place, fault in faults.items():
        print(f"function and input {place}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
