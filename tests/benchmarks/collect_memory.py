"""How much memory collecting takes beyond the loaded model, by plan, each in a process of its own.

    python -m tests.benchmarks.collect_memory [--blocks 12 24] [--hidden 1024] [--samples 2] [--length 256]

Beside it what the published code lays out: 4 bytes a prunable weight of gradients, 6 more of sums on the host
(gradient_computation.py:155,207), activations not counted. The floor of the streamed plan is one block: its gradients
of one matrix, its sums, its activations, and what enters every block of every sample.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from gblm_viz.core.calibration import CalibrationSet
from gblm_viz.core.collect import PLANS, collect
from gblm_viz.core.job import run
from tests.benchmarks.collect_ratio import build

PUBLISHED = 4 + 6
"""Bytes a prunable weight."""


def peak() -> int:
    """Bytes: the most this process has held so far, memory that is backed by a file included."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measured(plan: str, hidden: int, blocks: int, samples: int, length: int) -> dict[str, int]:
    """In this process: the most it held once the model stood, and once all was collected into a folder."""
    model = build(hidden, blocks)
    tokens = torch.randint(0, 2048, (samples, length), generator=torch.Generator().manual_seed(0))
    given = CalibrationSet(tokens, torch.full((samples,), length), "windows", 0, "random", "")
    before = peak()
    with tempfile.TemporaryDirectory() as folder:
        run(collect(model, given, folder=Path(folder), plan=plan))
    return {"prunable": model.layout.prunable, "model": before, "extra": peak() - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blocks", nargs="+", type=int, default=[12, 24])
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--plan", choices=tuple(PLANS))
    given = parser.parse_args()
    if given.plan:
        print(json.dumps(measured(given.plan, given.hidden, given.blocks[0], given.samples, given.length)))
        return
    for blocks in given.blocks:
        for plan in PLANS:
            line = [sys.executable, "-m", "tests.benchmarks.collect_memory", "--plan", plan, "--blocks", str(blocks),
                    "--hidden", str(given.hidden), "--samples", str(given.samples), "--length", str(given.length)]
            found = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
            published = PUBLISHED * found["prunable"]
            print(f"{blocks} blocks, {found['prunable']:,} prunable weights, {plan}: {found['extra'] / 1e6:,.0f} MB "
                  f"beyond the model ({found['model'] / 1e6:,.0f} MB); published layout {published / 1e6:,.0f} MB, "
                  f"1 / {published / max(1, found['extra']):.1f} of it", flush=True)


if __name__ == "__main__":
    main()
