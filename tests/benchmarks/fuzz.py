"""Many cases of every way into core (tests/fuzz.py): how many gave a value, how many a sentence. Any else ends it.

    python -m tests.benchmarks.fuzz --cases 10000 [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests import fuzz

SLOW = {"folder", "checkpoint", "masks", "one_weight", "mask_file", "windows"}
"""Their cases run a network or write files: a third as many as of the others."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=tuple(fuzz.ENTRIES))
    args = parser.parse_args()
    entries = [args.only] if args.only else list(fuzz.ENTRIES)
    shares = {entry: 1 if entry in SLOW else 3 for entry in entries}
    total: Counter[bool] = Counter()
    fuzz.place()
    try:
        for entry in entries:
            counts: Counter[bool] = Counter()
            wanted = -(-args.cases * shares[entry] // sum(shares.values()))
            started = time.monotonic()
            drawn = 0
            while counts.total() < wanted:  # few distinct cases end a round early: the next has another seed
                drawn += 1
                _round(entry, wanted - counts.total(), args.seed * 1000 + drawn, counts)
            print(f"{entry:16} {counts.total():6} cases: {counts[True]:6} values, {counts[False]:6} sentences, "
                  f"{time.monotonic() - started:6.1f} s", flush=True)
            total += counts
    finally:
        fuzz.clear()
    print(f"{'all':16} {total.total():6} cases: {total[True]:6} values, {total[False]:6} sentences, nothing else")


def _round(entry: str, cases: int, number: int, counts: Counter[bool]) -> None:
    @seed(number)
    @settings(max_examples=cases, database=None, deadline=10_000, suppress_health_check=list(HealthCheck),
              phases=(Phase.generate, Phase.shrink))
    @given(st.data())
    def case(data: st.DataObject) -> None:
        counts[fuzz.check(entry, data)] += 1

    case()


if __name__ == "__main__":
    main()
