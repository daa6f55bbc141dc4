"""How much memory collecting takes, by plan, each in a process of its own.

    python -m tests.benchmarks.collect_memory [--blocks 12 24] [--hidden 1024] [--samples 2] [--length 256]

whole: the model is loaded, and then collected over. streamed: its blocks are read when they are needed. Beside it what
the published code lays out beyond the weights: 4 bytes a prunable weight of gradients, 6 more of sums on the host
(gradient_computation.py:155,207), activations not counted. The floor of the streamed plan is one block: its weights,
the gradient of one matrix, its sums, its activations, and what enters every block of every sample.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gblm_viz.core.base.footprint import Peak
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.core.sums.batched import FLOAT
from gblm_viz.core.sums.collect import PLANS, collect
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import tiny_tokenizer

PUBLISHED = 4 + 6
"""Bytes a prunable weight."""


def save(folder: Path, hidden: int, blocks: int, vocabulary: int = 2048) -> None:
    """A random Llama in float32, 13 × hidden² weights a block."""
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=vocabulary, hidden_size=hidden, intermediate_size=3 * hidden,
                         num_hidden_layers=blocks, num_attention_heads=hidden // 64, max_position_embeddings=4096)
    LlamaForCausalLM(config).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)


def measured(plan: str, folder: Path, samples: int, length: int) -> dict[str, int]:
    """In this process: the most it held beyond the interpreter, and beyond the model as it is loaded for this plan."""
    tokens = torch.randint(0, 2048, (samples, length), generator=torch.Generator().manual_seed(0))
    given = CalibrationSet(tokens, torch.full((samples,), length), "windows", 0, "random", "")
    loading = Peak.begin()
    model = run(load(str(folder), by_block=plan == "streamed"))
    most, collecting = loading.extra(), Peak.begin()
    with tempfile.TemporaryDirectory() as out:
        run(collect(model, given, folder=Path(out), plan=plan))
    inputs = FLOAT * (len(model.layout.blocks) + 1) * tokens.numel() * model.network.config.hidden_size
    return {"prunable": model.layout.prunable, "loaded": (collecting.before or 0) - (loading.before or 0),
            "loading": most or 0, "extra": collecting.extra() or 0, "inputs": inputs}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blocks", nargs="+", type=int, default=[12, 24])
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--plan", choices=tuple(PLANS))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.plan:
        print(json.dumps(measured(given.plan, given.folder, given.samples, given.length)))
        return
    for blocks in given.blocks:
        with tempfile.TemporaryDirectory() as place:
            save(Path(place), given.hidden, blocks)
            for plan in PLANS:
                line = [sys.executable, "-m", "tests.benchmarks.collect_memory", "--plan", plan, "--folder", place,
                        "--samples", str(given.samples), "--length", str(given.length)]
                found = json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout)
                published = PUBLISHED * found["prunable"]
                extra, loaded, loading, inputs, laid_out = (
                    f"{size / 1e6:,.0f} MB" for size in
                    (*(found[key] for key in ("extra", "loaded", "loading", "inputs")), published))
                print(f"{blocks} blocks, {found['prunable']:,} prunable weights, {plan}: {extra} beyond the model as "
                      f"loaded for it ({loaded}; while loading at most {loading}); of it, if streamed, {inputs} of "
                      f"stored inputs; published layout {laid_out}, 1 / {published / max(1, found['extra']):.1f} of it",
                      flush=True)


if __name__ == "__main__":
    main()
