"""What collecting costs beside the bare forward and backward pass of the same frozen set, and beside a plain way of the
published procedure, as ratios in one run.

    python -m tests.benchmarks.collect_ratio [--length 128 512 2048]

The floor of the whole plan is 1: every sum needs the gradients. On top comes adding |G|, G² and G: three reads and
writes a weight. The floor of the streamed plan is 4/3: one forward pass more, where a backward pass costs two.
"""

from __future__ import annotations

import argparse
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import Model, private_copy, wrap
from gblm_viz.core.sums.collect import PLANS, collect
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
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--blocks", type=int, default=8)
    given = parser.parse_args()
    model = build(given.hidden, given.blocks)
    print(f"{model.parameters:,} parameters, {model.layout.prunable:,} prunable, {torch.get_num_threads()} threads")
    for length in given.length:
        tokens = torch.randint(0, 2048, (given.samples, length), generator=torch.Generator().manual_seed(0))
        samples = CalibrationSet(tokens, torch.full((given.samples,), length), "windows", 0, "random", "")
        bare(model, samples.first(1))
        rounds = [(bare(model, samples), published(model, samples),
                   *(seconds(model, samples, plan) for plan in PLANS)) for _ in range(given.rounds)]
        floor, *others = (min(times) for times in zip(*rounds, strict=True))
        told = ", ".join(f"{name} {took:.2f} s, ratio {took / floor:.2f}"
                         for name, took in zip(("published", *PLANS), others, strict=True))
        print(f"length {length:5d}: bare {floor:.2f} s, {told}", flush=True)


def seconds(model: Model, samples: CalibrationSet, plan: str) -> float:
    began = time.perf_counter()
    run(collect(model, samples, plan=plan))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
