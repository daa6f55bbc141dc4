"""How good the estimate made before a collection is: estimate ÷ actual of seconds, memory and disk, over a grid.

    python -m tests.benchmarks.estimate_ratio [--models small middle large] [--length 64 256 1024] [--samples 8]

Each collection in a process of its own, so that its peak of memory is its own. The goal is a ratio between 1/2 and 2.
The shapes are about the pocket model's, and of 20 M and 140 M parameters, untrained: time and memory do not ask for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gblm_viz.core.base.footprint import Peak, folder_bytes
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import wrap
from gblm_viz.core.sums.collect import PLANS, collect
from gblm_viz.core.sums.estimate import estimates, measure_pace, shape_of, work_of
from gblm_viz.core.sums.statistics import default_keep
from gblm_viz.core.text.calibration import CalibrationSet

MODELS = {"small": (160, 6, 2048), "middle": (384, 8, 8192), "large": (768, 12, 32000)}
"""hidden size, blocks, vocabulary"""
UNITS = (("seconds", 1, "s"), ("memory", 1e6, "MB"), ("disk", 1e6, "MB"))


def measured(hidden: int, blocks: int, vocabulary: int, samples: int, length: int, plan: str) -> dict[str, float]:
    """In this process: estimated and actual seconds, memory and disk."""
    torch.manual_seed(0)
    model = wrap(LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=blocks,
        num_attention_heads=hidden // 32, max_position_embeddings=4096)).eval(), None, "benchmark")
    tokens = torch.randint(0, vocabulary, (samples, length), generator=torch.Generator().manual_seed(0))
    given = CalibrationSet(tokens, torch.full((samples,), length), "windows", 0, "random", "")
    shape, work = shape_of(model), work_of(given, default_keep(model), False, True)
    with tempfile.TemporaryDirectory() as place:
        guess = estimates(shape, work, measure_pace(shape, work, folder=Path(place)))[plan]
        peak, started = Peak.begin(), time.monotonic()
        run(collect(model, given, folder=Path(place), plan=plan))
        seconds, memory, disk = time.monotonic() - started, peak.extra(), folder_bytes(Path(place))
    return {"parameters": model.parameters, "guess_seconds": guess.seconds, "seconds": seconds,
            "guess_memory": guess.memory, "memory": float("nan") if memory is None else memory,
            "guess_disk": guess.disk, "disk": disk}


def apart(hidden: int, blocks: int, vocabulary: int, samples: int, length: int, plan: str) -> dict[str, float]:
    """The same in a process of its own."""
    line = [sys.executable, "-m", "tests.benchmarks.estimate_ratio", "--one",
            json.dumps([hidden, blocks, vocabulary, samples, length, plan])]
    done = subprocess.run(line, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--length", nargs="+", type=int, default=[64, 256, 1024])
    parser.add_argument("--plan", nargs="+", choices=tuple(PLANS), default=list(PLANS))
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(*json.loads(given.one))))
        return
    print(f"{torch.get_num_threads()} threads, {given.samples} samples; estimate ÷ actual")
    for name in given.models:
        for length in given.length:
            for plan in given.plan:
                one = apart(*MODELS[name], given.samples, length, plan)
                told = ", ".join(f"{what} {one[f'guess_{what}'] / one[what]:.2f} ({one[what] / unit:,.1f} {sign})"
                                 for what, unit, sign in UNITS)
                print(f"{one['parameters'] / 1e6:6.1f} M, length {length:4d}, {plan:8}: {told}", flush=True)


if __name__ == "__main__":
    main()
