"""What a busy machine costs: the pocket model's work beside other busy processes, and where threads begin to help.

    python -m tests.benchmarks.busy                     this checkout
    python -m tests.benchmarks.busy --app A --app B     two checkouts, each with the threads it chooses by itself
    python -m tests.benchmarks.busy --even              one thread against all, by the size of a matrix

Prints Markdown: medians in seconds on an idle machine and beside as many busy processes as it has cores. Compare only
figures of one run: nothing else should compute meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

HERE = Path(__file__).parents[2]
ROWS = {"apply": "masks + copy + 20 tokens", "collect": "collection, 64 × 128 tokens"}
CHILD = """
import json, statistics, sys, time
try:
    from gblm_viz.core.base.job import run
    from gblm_viz.core.base.threads import Threads
    from gblm_viz.core.mask.prune import dense_masks, pruned
    from gblm_viz.core.mask.settings import Settings
    from gblm_viz.core.model.models import load
    from gblm_viz.core.sums.collect import collect
    from gblm_viz.core.talk.generate import Sampling, stream
    from gblm_viz.core.text.calibration import from_text
except ImportError:  # version 0.1
    from gblm_viz.core.job import run
    from gblm_viz.core.prune import Settings, dense_masks, pruned
    from gblm_viz.core.models import load
    from gblm_viz.core.collect import collect
    from gblm_viz.core.generate import Sampling, stream
    from gblm_viz.core.calibration import from_text
    Threads = None
model = run(load("pocket"))
if Threads is not None:
    Threads().use_for(model.layout.largest)
text = open("assets/texts/chat_en.txt", encoding="utf-8").read()
samples = from_text(model.tokenizer, text, name="chat_en.txt", length=128, samples=64)
few = from_text(model.tokenizer, text, name="chat_en.txt", length=64, samples=4)
sums = run(collect(model, few))

def apply():
    masks = run(dense_masks(model, sums, Settings(order="dense")))
    talking = stream(pruned(model, masks), [{"role": "user", "content": "Tell me a story."}], Sampling(most=20))
    sum(1 for _ in talking)

for name, work, rounds in (("apply", apply, %(rounds)d), ("collect", lambda: run(collect(model, samples)), %(heavy)d)):
    work()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    print(json.dumps([name, statistics.median(seconds)]))
"""


@contextmanager
def others(count: int) -> Iterator[None]:
    """So many processes that always compute."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def measure(app: Path, rounds: int, heavy: int) -> dict[str, float]:
    """Median seconds of each row in a process of the checkout."""
    done = subprocess.run([sys.executable, "-c", CHILD % {"rounds": rounds, "heavy": heavy}], cwd=app, check=True,
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def best(work: Callable[[], object], seconds: float = 0.2) -> float:
    for _ in range(3):
        work()
    found, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def layer(side: int, tokens: int) -> Callable[[], object]:
    """One matrix's part of a sample: its product, its gradient and the sum of its sizes; for one token the product."""
    weight, sums = torch.randn(side, side, requires_grad=True), torch.zeros(side, side)
    given = torch.randn(tokens, side, requires_grad=True)

    def learn() -> None:
        weight.grad = None
        torch.nn.functional.gelu(given @ weight.T).sum().backward()
        assert weight.grad is not None
        sums.add_(weight.grad.abs())

    def talk() -> None:
        with torch.no_grad():
            torch.nn.functional.gelu(given @ weight.T)

    return learn if tokens > 1 else talk


def even() -> None:
    """Print where several threads begin to help."""
    most = torch.get_num_threads()
    print(f"one thread ÷ {most} threads, idle | " + f"beside {os.cpu_count()} busy processes\n")
    print("| weights | " + " | ".join(f"{tokens} tokens: idle | busy" for tokens in (1, 128, 512)) + " |")
    print("|---:|" + "---:|---:|" * 3)
    for side in (128, 256, 384, 512, 1024):
        cells = []
        for tokens in (1, 128, 512):
            work = layer(side, tokens)
            for count in (0, os.cpu_count() or 1):
                with others(count):
                    found = []
                    for threads in (1, most):
                        torch.set_num_threads(threads)
                        found.append(best(work))
                cells.append(f"{found[0] / found[1]:.2f}")
        print(f"| {side * side:,} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout; repeat it to compare (default: this)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--heavy", type=int, default=3, help="rounds of the collection")
    parser.add_argument("--even", action="store_true", help="only where several threads begin to help")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with it
    if given.even:
        even()
        return
    apps, cores = given.app or [HERE], os.cpu_count() or 1
    found = []
    for app in apps:
        idle = measure(app.resolve(), given.rounds, given.heavy)
        with others(cores):
            found.append((idle, measure(app.resolve(), given.rounds, given.heavy)))
        print(f"{app}: idle, busy {found[-1]}", file=sys.stderr)
    print(f"{cores} cores; busy: beside {cores} processes that always compute\n")
    print("| s, pocket | " + " | ".join(f"{app.resolve().name}: idle | busy" for app in apps) + " |")
    print("|---|" + "---:|---:|" * len(apps))
    for name, title in ROWS.items():
        print(f"| {title} | " + " | ".join(f"{idle[name]:.2f} | {busy[name]:.2f}" for idle, busy in found) + " |")


if __name__ == "__main__":
    main()
