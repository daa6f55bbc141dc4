"""What measuring costs: perplexity in windows of 128 tokens, probes, a sweep; of one checkout or of several in turn.

    python -m tests.benchmarks.evaluate_speed                        this checkout
    python -m tests.benchmarks.evaluate_speed --app A --app B        two checkouts, turn and turn about
    python -m tests.benchmarks.evaluate_speed --only sweep --rounds 1 --threads 1

Prints, as Markdown, the median seconds and processor's seconds of each, whether the checkouts found the same, and
beside them the limit: floating point operations ÷ what this machine's products reach, plus bytes of activations ÷ what
it copies, both measured in the same run. The operations of masks and copies are not in the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[2]
TASKS = {"medium": "29 M model, 64 windows of 128", "pocket": "pocket, held_out_en.txt, 139 windows of 128",
         "probes": "pocket, 200 probes", "sweep": "sweep, 28 points with 200 probes, pocket"}
SWEPT = "chat_en.txt"
SWEEPS = 2
"""Times that each input and output feature of a block's matrices is read or written at least: once each."""


# In the checkout that is measured; version 0.1 has its modules in one folder

def imported(*names: str) -> Any:
    """The first of the modules that this checkout has."""
    import importlib
    for name in names:
        try:
            return importlib.import_module("gblm_viz.core." + name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(names)


def prepared(only: list[str]) -> dict[str, tuple[Callable[[], Any], dict[str, float]]]:
    """What is measured → the call, which returns what it found, and the operations and bytes of its passes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    run, models = imported("base.job", "job").run, imported("model.models", "models")
    evaluate, sweep = imported("measure.evaluate", "evaluate"), imported("measure.sweep", "sweep")
    calibration = imported("text.calibration", "calibration")
    pocket = run(models.load("pocket"))
    probes = sweep.chosen_probes(tuple(one for one in evaluate.read_probes(HERE / "assets/pocket/probes")
                                       if not one.contains))
    known = evaluate.questions(pocket, probes) if hasattr(evaluate, "questions") else probes
    asked = sum(len(pocket.tokenizer(one.prompt + one.answer)["input_ids"]) + 3 for one in probes)
    found: dict[str, tuple[Callable[[], Any], dict[str, float]]] = {}
    if "medium" in only:
        torch.manual_seed(0)
        config = LlamaConfig(vocab_size=2048, hidden_size=512, intermediate_size=1536, num_hidden_layers=8,
                             num_attention_heads=8, max_position_embeddings=4096)
        model = models.wrap(LlamaForCausalLM(config).eval(), None, "benchmark")
        tokens = torch.randint(0, 2048, (64, 128), generator=torch.Generator().manual_seed(0))
        windows = calibration.CalibrationSet(tokens, torch.full((64,), 128), "windows", 0, "random", "")
        found["medium"] = lambda: run(evaluate.perplexity(model, windows)).losses, work(model, 64 * 128, 128)
    if "pocket" in only:
        text = (HERE / "assets/texts/held_out_en.txt").read_text(encoding="utf-8")
        held = evaluate.text_windows(pocket, text, "held_out_en.txt", 128)
        found["pocket"] = lambda: run(evaluate.perplexity(pocket, held)).losses, work(pocket, held.count * 128, 128)
    if "probes" in only:
        found["probes"] = (lambda: [one.right for one in run(evaluate.ask_probes(pocket, probes)).verdicts],
                           work(pocket, asked, 24))
    if "sweep" in only:
        found["sweep"] = swept(pocket, known, asked)
    return found


def swept(pocket: Any, probes: Any, asked: int) -> tuple[Callable[[], Any], dict[str, float]]:
    """Magnitude and GBLM in both orders, 10 % apart, on a bundled text of which the last fifth is held out."""
    run, sweep = imported("base.job", "job").run, imported("measure.sweep", "sweep")
    calibration, collect = imported("text.calibration", "calibration"), imported("sums.collect", "collect").collect
    settings = imported("mask.settings", "prune").Settings
    text = (HERE / "assets/texts" / SWEPT).read_text(encoding="utf-8")
    samples = calibration.from_text(pocket.tokenizer, text, name=SWEPT, length=128, samples=128)
    own = samples.pick(list(range(samples.count * 4 // 5)))
    held = samples.pick(list(range(samples.count * 4 // 5, samples.count)))
    sums = run(collect(pocket, own))
    plan = sweep.plan(settings(), ["magnitude", "gblm"], ["dense", "sequential"], 10)
    passes = len(plan) * samples.count + 2 * 9 * own.count  # sequential masks: twice through the blocks
    total = {name: one + len(plan) * more for (name, one), more in zip(
        work(pocket, passes * 128, 128).items(), work(pocket, asked, 24).values(), strict=True)}

    def measure() -> list[tuple[float, ...]]:
        points = [run(sweep.point(pocket, sums, one, held, probes)) for one in plan]
        return [(one.held_out.value, one.calibration.value, one.probes.right, one.sparsity) for one in points]
    return measure, total


def work(model: Any, tokens: int, length: int) -> dict[str, float]:
    """Operations and bytes of passing that many tokens: every weight twice, attention, and each activation's way."""
    vocabulary, hidden = model.network.get_input_embeddings().weight.shape
    matrices, blocks = model.layout.matrices, len(model.layout.blocks)
    features = sum(matrix.rows + matrix.columns for matrix in matrices)
    return {"operations": float(tokens) * (2 * (sum(matrix.rows * matrix.columns for matrix in matrices)
                                                + vocabulary * hidden) + 4 * length * hidden * blocks),
            "bytes": 4.0 * tokens * (SWEEPS * features + 4 * vocabulary)}


def pace() -> dict[str, float]:
    """Floating point operations and bytes a second: the best of some products and copies."""
    import torch
    rows, weight = torch.ones(1024, 512), torch.ones(512, 512)
    copied = torch.ones(2**24)
    into = torch.empty_like(copied)

    def best(call: Callable[[], object]) -> float:
        times = []
        for _ in range(40):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        return min(times)
    return {"operations": 2 * 1024 * 512 * 512 / best(lambda: torch.nn.functional.linear(rows, weight)),
            "bytes": 2 * 4 * 2**24 / best(lambda: into.copy_(copied))}


def child(only: list[str], threads: int | None) -> None:
    """Measure a line at a time: each line that comes in names a task, each that goes out has its seconds."""
    import torch
    if threads:
        torch.set_num_threads(threads)
    tasks = prepared(only)
    for name, (call, _) in tasks.items():
        if name != "sweep":  # long enough to be warm
            call()
    print(json.dumps({"threads": torch.get_num_threads(), "work": {name: one[1] for name, one in tasks.items()}}),
          flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name == "pace":
            print(json.dumps(pace()), flush=True)
            continue
        began, spent = time.perf_counter(), time.process_time()
        values = tasks[name][0]()
        print(json.dumps({"seconds": time.perf_counter() - began, "spent": time.process_time() - spent,
                          "found": values}), flush=True)


# Beside it

class App:
    """One checkout in a process of its own."""

    def __init__(self, place: Path, only: list[str], threads: int | None) -> None:
        self.name = place.name
        command = [sys.executable, __file__, "--child", "--only", *only]
        self.process = subprocess.Popen(
            command + (["--threads", str(threads)] if threads else []), cwd=place, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"PYTHONPATH": str(place), "HF_HUB_OFFLINE": "1"})
        self.started = self._line()

    def ask(self, name: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


def largest(one: Any, other: Any) -> float:
    """The largest relative difference of two lists of numbers."""
    if isinstance(one, list):
        return max(map(largest, one, other), default=0.0)
    return abs(one - other) / max(abs(one), abs(other)) if one != other else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout; repeat it to compare (default: this)")
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="torch's threads (default: its own choice)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.only, given.threads)
        return
    apps = [App(place.resolve(), given.only, given.threads) for place in given.app or [HERE]]
    measured: dict[tuple[str, int], list[dict[str, Any]]] = {}
    paces = []
    for _ in range(given.rounds):
        paces.append(apps[-1].ask("pace"))
        for name in given.only:
            for place, app in enumerate(apps):
                measured.setdefault((name, place), []).append(app.ask(name))
    best = {name: statistics.median(one[name] for one in paces) for name in paces[0]}
    print(f"{apps[-1].started['threads']} threads; {best['operations'] / 1e9:.0f} GFLOP/s, "
          f"{best['bytes'] / 1e9:.1f} GB/s; median of {given.rounds}: seconds (processor's seconds)\n")
    print("| what | " + " | ".join(app.name for app in apps) + " | limit: operations + bytes | last ÷ limit | "
          "largest difference |\n|" + "---|" * (len(apps) + 4))
    for name in given.only:
        middle = [{key: statistics.median(one[key] for one in measured[name, place]) for key in ("seconds", "spent")}
                  for place in range(len(apps))]
        floor = {key: value / best[key] for key, value in apps[-1].started["work"][name].items()}
        limit = sum(floor.values())
        apart = largest(measured[name, 0][0]["found"], measured[name, len(apps) - 1][0]["found"])
        print(f"| {TASKS[name]} | " + " | ".join(f"{one['seconds']:.2f} ({one['spent']:.2f})" for one in middle)
              + f" | {floor['operations']:.2f} + {floor['bytes']:.2f} | {middle[-1]['seconds'] / limit:.2f} | "
              f"{apart:.1g} |", flush=True)
    for app in apps:
        app.process.kill()


if __name__ == "__main__":
    main()
