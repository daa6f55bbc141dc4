"""A model of LLaMA-2-7B's shape collected block by block, and its first blocks pruned in sequential order, in little
memory: what is held at most, what it takes, and what the paper's 128 × 2048 tokens would take.

    python -m tests.benchmarks.seven_billion [--blocks 32] [--samples 2] [--length 256] [--pruned 2]

Weights are drawn per block from a seed instead of read from a file; only ℓ1 is kept. What is held counts what is
backed by a file. The folder takes 4 bytes a prunable weight: 26 GB for 32 blocks.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_utils import LoadStateDictConfig

from gblm_viz.core.base.footprint import Peak
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.mask.prune import sequential_masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.block_weights import OUTSIDE, BlockWeights
from gblm_viz.core.model.matrices import find_layout
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.collect import BACK, collect
from gblm_viz.core.text.calibration import CalibrationSet

PAPER = (128, 2048)
"""Samples and length of the paper's calibration set."""


@dataclass(frozen=True, eq=False)
class DrawnWeights(BlockWeights):
    """Each block's weights drawn anew, and equal, whenever they are needed. `seconds`: what drawing has taken."""

    seconds: list[float] = field(default_factory=list)

    def read(self, network: Any, part: str) -> None:
        began, generator = time.perf_counter(), torch.Generator().manual_seed(int(part.rpartition(".")[2]))
        for module in network.get_submodule(part).modules():
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.is_meta:
                    drawn = torch.empty(parameter.shape, dtype=parameter.dtype)
                    drawn = drawn.normal_(0, 0.02, generator=generator) if parameter.dim() == 2 else drawn.fill_(1)
                    setattr(module, name, nn.Parameter(drawn, requires_grad=False))
        self.seconds.append(time.perf_counter() - began)


def build(blocks: int) -> Model:
    """LLaMA-2-7B's shape in float32: what lies outside the blocks stands, the blocks lie on meta."""
    config = LlamaConfig(vocab_size=32000, hidden_size=4096, intermediate_size=11008, num_hidden_layers=blocks,
                         num_attention_heads=32, max_position_embeddings=4096)
    with torch.device("meta"):
        network = LlamaForCausalLM(config)
    layout = find_layout(network)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in list(network.named_parameters()):
        if not name.startswith(tuple(f"{path}." for path in layout.blocks)):
            path, _, own = name.rpartition(".")
            drawn = torch.empty(parameter.shape)
            drawn = drawn.normal_(0, 0.02, generator=generator) if parameter.dim() == 2 else drawn.fill_(1)
            setattr(network.get_submodule(path), own, nn.Parameter(drawn, requires_grad=False))
    rotary: Any = network.model.rotary_emb
    network.model.rotary_emb = type(rotary)(config)
    weights = DrawnWeights({part: {} for part in (OUTSIDE, *layout.blocks)}, LoadStateDictConfig())
    weights.watch(network)
    return Model(network.eval(), None, layout, "7b", "7b", weights)


def operations(model: Model, samples: int, length: int, passes: int) -> float:
    """Floating point operations of so many forward passes through the blocks: two a weight and token, and attention."""
    attention = 4 * length * model.network.config.hidden_size * len(model.layout.blocks)
    return float(passes * samples * length * (2 * model.layout.prunable + attention))


def most(peak: Peak) -> int:
    """Bytes that this process held at most since the peak's beginning, the interpreter with them."""
    return (peak.before or 0) + (peak.extra() or 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blocks", type=int, default=32)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--pruned", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    given = parser.parse_args()
    model = build(given.blocks)
    weights = model.weights
    assert isinstance(weights, DrawnWeights)
    tokens = torch.randint(0, 32000, (given.samples, given.length), generator=torch.Generator().manual_seed(0))
    samples = CalibrationSet(tokens, torch.full((given.samples,), given.length), "windows", 0, "random", "")
    print(f"{model.parameters:,} parameters, {model.layout.prunable:,} prunable, {given.blocks} blocks; "
          f"{torch.get_num_threads()} threads", flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        peak = Peak.begin()
        began = time.perf_counter()
        statistics = run(collect(model, samples, keep=("l1",), folder=Path(place), plan="streamed"))
        seconds, drawing = time.perf_counter() - began, sum(weights.seconds)
        done = operations(model, given.samples, given.length, 1 + BACK)
        whole = operations(model, *PAPER, 1 + BACK)
        rate = done / (seconds - drawing)
        print(f"collected {given.samples} × {given.length} tokens: {seconds:.0f} s, of them {drawing:.0f} drawing "
              f"weights; {done / 1e12:.1f} TFLOP, {rate / 1e9:.0f} GFLOP/s with all that is not a product; most held "
              f"{most(peak) / 1e9:.2f} GB; for {PAPER[0]} × {PAPER[1]} tokens {whole / 1e15:.1f} PFLOP, at this "
              f"rate {whole / rate / 3600:.0f} hours", flush=True)
        peak = Peak.begin()
        weights.seconds.clear()
        began, last, each = time.perf_counter(), 0.0, []

        def watch(step: Step) -> bool:
            nonlocal last
            passes = 2 * given.samples  # of a block: its inputs, and what it gives the next one once it is pruned
            if step.done and step.done % passes == 0 and step.done // passes <= given.pruned:
                each.append(time.perf_counter() - began - last)
                last += each[-1]
            return step.done // passes >= given.pruned

        job = sequential_masks(model, statistics, Settings())
        for step in job:
            if watch(step):
                job.close()
                break
        print(f"pruned {given.pruned} blocks in sequential order: {', '.join(f'{one:.0f} s' for one in each)}; most "
              f"held {most(peak) / 1e9:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
