"""What several processes gain: one process on one thread against K of them on one thread each, same samples, one run.

    python -m tests.benchmarks.ranks_ratio [--processes 2] [--length 128 512]

The ceiling is K, where each has a core of its own. Off it go the sums that are added, and whatever cores share: their
caches, their way to memory. Loading is not in it. Rounds alternate, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.sums.collect import PLANS, collect
from gblm_viz.core.sums.ranks import Ranks
from gblm_viz.core.text.calibration import CalibrationSet
from tests.benchmarks.collect_ratio import build


def one(given: argparse.Namespace) -> None:
    """A process that torchrun started: seconds of each round, each plan and length, printed by the first."""
    model = build(given.hidden, given.blocks)
    with Ranks.of_environment().joined("cpu") as ranks:
        for length in given.length:
            tokens = torch.randint(0, 2048, (given.samples, length), generator=torch.Generator().manual_seed(0))
            samples = CalibrationSet(tokens, torch.full((given.samples,), length), "windows", 0, "random", "")
            for plan in PLANS:
                run(collect(model, samples.first(ranks.count), plan=plan, ranks=ranks))
                ranks.wait()
                began = time.perf_counter()
                run(collect(model, samples, plan=plan, ranks=ranks))
                if ranks.first:
                    print(f"{length} {plan} {time.perf_counter() - began}", flush=True)


def round_of(processes: int, flags: list[str]) -> dict[tuple[str, str], float]:
    """(length, plan) → seconds."""
    told = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes), "-m",
         "tests.benchmarks.ranks_ratio", "--worker", *flags],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = (line.split() for line in told.splitlines())
    return {(length, plan): float(seconds) for length, plan, seconds in lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--length", nargs="+", type=int, default=[128, 512])
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        one(given)
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, best of {given.rounds} rounds")
    rounds = [[round_of(processes, sys.argv[1:]) for processes in (1, given.processes)] for _ in range(given.rounds)]
    alone, shared = ({key: min(found[at][key] for found in rounds) for key in rounds[0][at]} for at in (0, 1))
    for (length, plan), seconds in alone.items():
        other = shared[length, plan]
        print(f"length {length:>5}, {plan}: one {seconds:.2f} s, {given.processes} processes {other:.2f} s, "
              f"{seconds / other:.2f} times as fast", flush=True)


if __name__ == "__main__":
    main()
