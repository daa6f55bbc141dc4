"""What collecting would take for models of usual sizes: estimated from their shapes alone, on two kinds of machine.

None of it is measured on such a model; show it as estimated. The shapes are those of published Llama configurations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ..model.models import dtype_named
from .estimate import ModelShape, Pace, PlanEstimate, Work, estimates, shape_of_config

SAMPLES, LENGTH = 128, 2048
"""The paper's calibration: 128 sequences of 2048 tokens."""
HERE, THERE = "float32", "bfloat16"
"""What is computed in: most CPUs multiply bfloat16 many times slower than float32, GPUs faster."""
USUAL: Mapping[str, Mapping[str, int | bool]] = MappingProxyType({
    "1B": {"hidden_size": 2048, "num_hidden_layers": 16, "intermediate_size": 8192, "num_attention_heads": 32,
           "num_key_value_heads": 8, "vocab_size": 128_256, "tie_word_embeddings": True},
    "7B": {"hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 11_008, "num_attention_heads": 32,
           "num_key_value_heads": 32, "vocab_size": 32_000},
    "13B": {"hidden_size": 5120, "num_hidden_layers": 40, "intermediate_size": 13_824, "num_attention_heads": 40,
            "num_key_value_heads": 40, "vocab_size": 32_000},
    "70B": {"hidden_size": 8192, "num_hidden_layers": 80, "intermediate_size": 28_672, "num_attention_heads": 64,
            "num_key_value_heads": 8, "vocab_size": 32_000}})
"""Name → what a LlamaConfig needs to know."""
GPU = Pace(multiply=1.2e14, touch=1.0e12, operation=1e-5, fill=1.0e12, store=1e9)
"""A data centre's GPU by arithmetic: 312 TFLOP/s of bfloat16 at 40 % of that, half of 2 TB/s, a disk of 1 GB/s."""


@dataclass(frozen=True)
class Taken:
    """What one model takes. here: on this machine at its pace, in its dtype; gpu: on GPU, in THERE.

    Both block by block, sums on disk.
    """

    name: str
    parameters: int
    here: PlanEstimate
    gpu: PlanEstimate


def usual_shape(name: str) -> ModelShape:
    """Return the shape of one of USUAL in HERE, built without weights."""
    from transformers import LlamaConfig

    return shape_of_config(LlamaConfig(**USUAL[name]), HERE)  # type: ignore[arg-type]


def taken(name: str, shape: ModelShape, pace: Pace, sums: int) -> Taken:
    """Return what collecting `sums` gradient sums a weight on the paper's calibration takes.

    The inputs of the blocks lie on disk, as they do wherever memory is short.
    """
    work = Work(SAMPLES, LENGTH, SAMPLES * LENGTH, sums, folder=True)

    def streamed(computed: ModelShape, speed: Pace) -> PlanEstimate:
        return estimates(computed, work, speed, "by_block", memory_room=0)["streamed"]

    there = replace(shape, itemsize=dtype_named(THERE).itemsize)
    return Taken(name, shape.parameters, streamed(shape, pace), streamed(there, GPU))
