"""On a GPU: whether sums and masks hold, and what collecting, answering and 2:4 take there. Under eight minutes.

    tests/benchmarks/on_device.sh                               cuda
    python -m tests.benchmarks.on_device --device cpu --small   that the script itself works

Prints Markdown. Nothing here has run on a GPU yet: the project says "untested" of all of it until it has.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import nn

from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.models import Model, move, wrap
from gblm_viz.core.sums.batched import batch_losses
from gblm_viz.core.sums.collect import PLANS, collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.batches import BatchSize, batches
from gblm_viz.core.text.calibration import CalibrationSet
from tests.benchmarks.collect_ratio import bare, build
from tests.families import FAMILIES, tiny_tokenizer

RELATIVE = 1e-3
"""core/README.md's tolerance on CUDA."""
CHECKED = ("llama", "gpt2", "qwen3", "bloom", "mixtral")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def wait(device: str) -> None:
    """Wait until the device has done what it was given; a CPU has."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(act: Callable[[], object], device: str, rounds: int = 3) -> float:
    """Seconds of the fastest round, after one to warm up."""
    times = []
    for _ in range(rounds + 1):
        wait(device)
        began = time.perf_counter()
        act()
        wait(device)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def windows(count: int, length: int, vocabulary: int) -> CalibrationSet:
    tokens = torch.randint(2, vocabulary, (count, length), generator=torch.Generator().manual_seed(0))
    return CalibrationSet(tokens, torch.full((count,), length), "windows", 0, "random", "0" * 64)


def moved(model: Model, device: str, dtype: torch.dtype = torch.float32) -> Model:
    network = copy.deepcopy(model.network)
    network.to(dtype)  # type: ignore[call-overload]
    move(network, device)
    return replace(model, network=network)


def largest_error(found: Statistics, expected: Statistics) -> float:
    """The largest difference of ℓ1, squares and inputs, relative to a value no smaller than 1e-4 of the maximum."""
    worst = 0.0
    for name, sums in expected.sums.items():
        own = found.sums[name]
        pairs = [(own.input_sq, sums.input_sq), *((own.gradients[kept], sums.gradients[kept]) for kept in ("l1", "sq"))]
        for mine, theirs in pairs:
            worst = max(worst, float(((mine - theirs).abs() / theirs.clamp(min=1e-4 * float(theirs.max()))).max()))
    return worst


def tolerances(device: str) -> Iterator[str]:
    yield "| family | plan | batch | largest relative difference to the CPU | within 1e-3 | masks equal |"
    yield "|---|---|---:|---:|---|---:|"
    samples = windows(12, 24, 90)
    for family in CHECKED:
        torch.manual_seed(0)
        model = wrap(FAMILIES[family]().eval(), tiny_tokenizer(), family)
        there = moved(model, device)
        expected = run(collect(model, samples, batch=1))
        settings = Settings("gblm", sparsity=0.5, order="dense")
        masks = run(prune.masks(model, expected, settings)).masks
        for plan in PLANS:
            for batch in (1, 12):
                found = run(collect(there, samples, plan=plan, batch=batch))
                error = largest_error(found, expected)
                own = run(prune.masks(model, replace(found, model_key=model.key), settings)).masks
                same = sum(int((own[name] == mask).sum()) for name, mask in masks.items()) / sum(
                    mask.numel() for mask in masks.values())
                yield f"| {family} | {plan} | {batch} | {error:.1e} | {error <= RELATIVE} | {same:.4%} |"


def ratios(device: str, hidden: int, blocks: int, tokens: int) -> Iterator[str]:
    yield "\n| dtype | tokens a sample | bare, s | " + " | ".join(f"{plan} ÷ bare" for plan in PLANS) + " |"
    yield "|---|---:|---:|" + "---:|" * len(PLANS)
    model = build(hidden, blocks)
    for name, dtype in DTYPES.items():
        there = moved(model, device, dtype)
        for length in (128, 512, 2048):
            samples = windows(max(4, tokens // length), length, 2048)
            floor = seconds(lambda there=there, samples=samples: bare(there, samples), device)  # type: ignore[misc]
            took = [seconds(lambda there=there, samples=samples, plan=plan: run(  # type: ignore[misc]
                collect(there, samples, plan=plan)), device) for plan in PLANS]
            yield f"| {name} | {length} | {floor:.2f} | " + " | ".join(f"{one / floor:.2f}" for one in took) + " |"


def answering(device: str, hidden: int, blocks: int) -> Iterator[str]:
    yield "\n| dtype | tokens a second, one chat | windows of 512 a second, in batches |"
    yield "|---|---:|---:|"
    model = build(hidden, blocks)
    for name, dtype in DTYPES.items():
        there, prompt = moved(model, device, dtype), torch.arange(2, 34, device=device)[None]
        samples = windows(16, 512, 2048)

        def answer(there: Model = there, prompt: torch.Tensor = prompt) -> None:
            there.network.generate(prompt, max_new_tokens=64, min_new_tokens=64, do_sample=False,  # type: ignore[operator]
                                   pad_token_id=0)

        @torch.no_grad()
        def measure(there: Model = there, samples: CalibrationSet = samples) -> None:
            for batch in batches(samples, BatchSize(2048)):
                batch_losses(there.network(batch.tokens.to(device), use_cache=False).logits, batch)

        yield f"| {name} | {64 / seconds(answer, device):.0f} | {16 / seconds(measure, device):.1f} |"


def two_of_four(device: str, size: int) -> Iterator[str]:
    yield "\n2:4 through torch's semi-structured kernels: "
    if device != "cuda":
        yield "not on a CPU."
        return
    from torch.sparse import to_sparse_semi_structured
    linear = nn.Linear(size, size, bias=False, dtype=torch.float16, device=device)
    weight = linear.weight.detach()
    kept = weight.abs().view(size, -1, 4).topk(2, dim=-1).indices
    mask = torch.zeros_like(weight.view(size, -1, 4)).scatter_(-1, kept, 1).view_as(weight)
    linear.weight = nn.Parameter(weight * mask, requires_grad=False)
    rows = torch.randn(4096, size, dtype=torch.float16, device=device)
    with torch.no_grad():
        dense, plain = linear(rows), seconds(lambda: linear(rows), device, 20)
        linear.weight = nn.Parameter(to_sparse_semi_structured(linear.weight), requires_grad=False)
        apart = float((linear(rows) - dense).abs().max() / dense.abs().max())
        yield f"{plain / seconds(lambda: linear(rows), device, 20):.2f} × the dense speed, {apart:.1e} apart ({size}²)."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a model of 0.5 million weights: to try the script")
    given = parser.parse_args()
    hidden, blocks, tokens = (64, 2, 512) if given.small else (2048, 8, 16_384)
    what = torch.cuda.get_device_name() if given.device == "cuda" else given.device
    print(f"{what}, torch {torch.__version__}\n", flush=True)
    for part in (tolerances(given.device), ratios(given.device, hidden, blocks, tokens),
                 answering(given.device, hidden, blocks), two_of_four(given.device, 4096)):
        for line in part:
            print(line, flush=True)


if __name__ == "__main__":
    main()
