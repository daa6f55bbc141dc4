"""What collecting costs beside the bare forward and backward passes, one sample at a time, and
beside a plain way of the published procedure, as ratios in one run; and beside this machine's fastest product.

    python -m tests.benchmarks.collect_ratio [--length 128 512 2048] [--batch 1 16]

The arithmetic of both is the same, so one sample at a time the floor of the whole plan is 1; on top comes adding |G|,
G² and G. Batches go below it: weights are read once for many samples. The streamed plan runs forward once more: its
floor is 4/3 of that. "limit" is the arithmetic ÷ the speed of one large product: nothing that computes every gradient
can take less.
"""

from __future__ import annotations

import argparse
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import Model, private_copy, wrap
from gblm_viz.core.sums.collect import PLANS, collect
from gblm_viz.core.sums.estimate import shape_of
from gblm_viz.core.sums.observe import sample_loss
from gblm_viz.core.text.calibration import CalibrationSet


def build(hidden: int, blocks: int) -> Model:
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=2048, hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=blocks,
                         num_attention_heads=hidden // 64, max_position_embeddings=4096)
    return wrap(LlamaForCausalLM(config).eval(), None, "benchmark")


def bare(model: Model, samples: CalibrationSet) -> float:
    """Seconds of forward and backward alone, gradients of the prunable matrices only, thrown away."""
    network = private_copy(model.network)
    stored = dict(network.named_parameters())
    for matrix in model.layout.matrices:
        stored[matrix.name].requires_grad_(True)
    began = time.perf_counter()
    for index in range(samples.count):
        sample_loss(network, samples.sample(index)).backward()
        network.zero_grad(set_to_none=True)
    return time.perf_counter() - began


def published(model: Model, samples: CalibrationSet) -> float:
    """Seconds of a plain way of the published procedure: gradients of all parameters at once, 100 times as large, ℓ1
    added up in float16 and squares in float32 (gradient_computation.py:155,198-207). Without the inputs, which it takes
    in another run."""
    network = private_copy(model.network)
    stored = dict(network.named_parameters())
    for parameter in stored.values():
        parameter.requires_grad_(True)
    names = [matrix.name for matrix in model.layout.matrices]
    l1 = {name: torch.zeros_like(stored[name], dtype=torch.float16) for name in names}
    squares = {name: torch.zeros_like(stored[name]) for name in names}
    began = time.perf_counter()
    for index in range(samples.count):
        sample_loss(network, samples.sample(index)).backward()
        for name in names:
            gradient = stored[name].grad
            assert gradient is not None
            scaled = gradient * 100
            l1[name] += scaled.abs().half()
            squares[name] += scaled.square()
        network.zero_grad(set_to_none=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", nargs="+", type=int, default=[128, 512, 2048])
    parser.add_argument("--tokens", type=int, default=4096, help="of all samples together, at least 4 samples")
    parser.add_argument("--batch", nargs="+", type=int, default=[], help="samples at once, beside the default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--blocks", type=int, default=8)
    given = parser.parse_args()
    model = build(given.hidden, given.blocks)
    print(f"{model.parameters:,} parameters, {model.layout.prunable:,} prunable, {torch.get_num_threads()} threads")
    speed = product_speed()
    print(f"fastest product {speed / 1e9:.0f} GFLOP/s")
    ways = [(plan, batch) for plan in PLANS for batch in (*given.batch, None)]
    print("\n| tokens a sample | samples | limit, s | bare, s | published ÷ bare |",
          " | ".join(f"{plan}, {f'{batch} at once' if batch else 'default'} ÷ bare" for plan, batch in ways), "|")
    print("|" + "---:|" * (5 + len(ways)))
    for length in given.length:
        count = max(4, given.tokens // length)
        tokens = torch.randint(0, 2048, (count, length), generator=torch.Generator().manual_seed(0))
        samples = CalibrationSet(tokens, torch.full((count,), length), "windows", 0, "random", "")
        bare(model, samples.first(1))
        rounds = [(bare(model, samples), published(model, samples),
                   *(seconds(model, samples, plan, batch) for plan, batch in ways)) for _ in range(given.rounds)]
        floor, *others = (min(times) for times in zip(*rounds, strict=True))
        print(f"| {length} | {count} | {operations(model, samples) / speed:.2f} | {floor:.2f} |",
              " | ".join(f"{took / floor:.2f}" for took in others), "|", flush=True)


def seconds(model: Model, samples: CalibrationSet, plan: str, batch: int | None = None) -> float:
    began = time.perf_counter()
    run(collect(model, samples, plan=plan, batch=batch))
    return time.perf_counter() - began


def product_speed(size: int = 1536) -> float:
    """Floating point operations a second of a large product, the fastest of ten."""
    one, times = torch.randn(size, size), []
    for _ in range(10):
        began = time.perf_counter()
        torch.mm(one, one)
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times)


def operations(model: Model, samples: CalibrationSet) -> float:
    """Operations of one forward and one backward pass: 6 a prunable weight and token, attention, the head's 4."""
    shape = shape_of(model)
    attention = 3 * 4 * samples.length * shape.hidden * len(shape.blocks)
    return samples.token_count * (6 * shape.prunable + attention + 4 * shape.vocabulary * shape.hidden)


if __name__ == "__main__":
    main()
