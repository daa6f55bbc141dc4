"""Measure what pruning gains: bytes in memory, saved, zipped and as bit mask + values; tokens per second.

Independent of how masks were made and of screens. Nothing is estimated: what cannot be measured is None.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ..base.errors import ModelError
from ..base.job import Job, Step
from ..base.lazy import nn, torch
from ..mask.prune import Masks
from ..model.matrices import parameters
from ..model.models import Model, private_copy
from ..model.stored_dtype import narrow_to_stored
from ..talk.generate import Message, prompt_tokens

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 6
"""deflate's default compression level."""
CHUNK = 1 << 22
TOKENS, REPEATS = 48, 5
"""Tokens per run, and counted runs per model, after one warm-up run that is not counted."""


@dataclass(frozen=True)
class Bytes:
    """One model's bytes: parameters in memory, its *.safetensors files as Save writes them, these files deflated."""

    memory: int
    saved: int
    zipped: int


@dataclass(frozen=True)
class Speed:
    """Tokens per second of each run: `tokens` new ones, greedy, one at a time, after a prompt of `prompt` tokens."""

    runs: tuple[float, ...]
    tokens: int
    prompt: int

    @property
    def median(self) -> float:
        """The median of the runs, in tokens per second."""
        return median(self.runs)


@dataclass(frozen=True)
class Won:
    """`shared`: bytes in memory that the pruned copy shares with the dense model. `masked`: bytes of the pruned model
    as one bit per prunable weight plus the kept values. `speed_semi`: as 2:4 semi-structured on CUDA; None if it was
    not measured, with the reason in `why_not` (a key of the words' table `won.why_not`)."""

    dense: Bytes
    pruned: Bytes
    shared: int
    masked: int
    speed_dense: Speed
    speed_pruned: Speed
    speed_semi: Speed | None
    why_not: str
    device: str
    dtype: str


def _storages(model: Model) -> dict[int, int]:
    """Return address → bytes of every parameter's memory; tied weights count once."""
    found = {}
    for parameter in model.network.parameters():
        found[parameter.data_ptr()] = parameter.numel() * parameter.element_size()
    return found


def memory(model: Model) -> int:
    """Return the bytes of all parameters."""
    return sum(_storages(model).values())


def shared_memory(first: Model, second: Model) -> int:
    """Return the bytes of the parameters that two models share in memory."""
    one, other = _storages(first), _storages(second)
    return sum(size for address, size in one.items() if address in other)


def mask_and_values(model: Model, applied: Masks) -> int:
    """Return the bytes of the pruned model with each matrix as one bit per weight (whole bytes) plus its kept values;
    other parameters unchanged. No header, no index: no format can be smaller without compressing the values."""
    weights = parameters(model.network, model.layout)
    total = memory(model)
    for name, mask in applied.masks.items():
        size = weights[name].element_size()
        total += (mask.numel() + 7) // 8 - int(mask.sum()) * size
    return total


def measure_bytes(model: Model) -> Job[Bytes]:
    """Measure the memory, and the files that Save writes, in a temporary folder; steps count bytes.

    Raises ModelError if the disk has no room for them.
    """
    held = memory(model)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if 2 * held > free:
        raise ModelError("disk_full", source=model.name, needed=f"{held / 1e9:.1f}", free=f"{free / 1e9:.1f}")
    yield Step(0, held, "byte")
    with tempfile.TemporaryDirectory() as folder:
        model.network.save_pretrained(folder, state_dict=narrow_to_stored(model.network.state_dict(), model.dtypes))
        files = sorted(Path(folder).glob("*.safetensors"))
        saved = sum(file.stat().st_size for file in files)
        zipped = yield from deflated(files)
    return Bytes(held, saved, zipped)


def deflated(files: Sequence[Path]) -> Job[int]:
    """Return the bytes of the files' contents, each deflated separately at LEVEL; steps count bytes read."""
    total, done, size = 0, 0, sum(file.stat().st_size for file in files)
    for file in files:
        packer = zlib.compressobj(LEVEL)
        with file.open("rb") as stream:
            while part := stream.read(CHUNK):
                total += len(packer.compress(part))
                done += len(part)
                yield Step(done, size, "byte")
        total += len(packer.flush())
    return total


def two_of_four(applied: Masks) -> bool:
    """Return whether in every matrix at least two of each four neighbours in a row are removed."""
    return all(mask.shape[-1] % 4 == 0 and bool((mask.reshape(-1, 4).sum(-1) >= 2).all())
               for mask in applied.masks.values())


def why_not_semi(model: Model, applied: Masks) -> str:
    """Return a key of `won.why_not`, or the empty string if 2:4 can be tried on this machine."""
    if not torch.cuda.is_available() or model.device.type != "cuda":
        return "no_cuda"
    if not two_of_four(applied):
        return "not_two_of_four"
    plain = all(not matrix.experts and not matrix.transposed for matrix in model.layout.matrices)
    return "" if plain and model.network.dtype in {torch.float16, torch.bfloat16} else "no_kernel"


def semi_structured(model: Model) -> Model:
    """Return the pruned model with its matrices in torch's 2:4 format, whose zeros a CUDA kernel skips."""
    network = private_copy(model.network)
    own = dict(network.named_parameters())
    modules = dict(network.named_modules())
    for matrix in model.layout.matrices:
        packed = torch.sparse.to_sparse_semi_structured(own[matrix.name].detach())
        modules[matrix.module].weight = nn.Parameter(packed, requires_grad=False)
    return Model(network, model.tokenizer, model.layout, model.source, model.key)


@torch.no_grad()
def speed_once(model: Model, prompt: Tensor) -> float:
    """Return tokens per second over TOKENS greedy tokens after the prompt's own pass; an end of turn does not stop it,
    so that every run does the same work. prompt int64 (length,)."""
    out = model.network(prompt[None].to(model.device), use_cache=True)
    _wait(model)
    began = time.perf_counter()
    for _ in range(TOKENS):
        chosen = out.logits[:, -1].argmax(-1, keepdim=True)
        out = model.network(chosen, past_key_values=out.past_key_values, use_cache=True)
    _wait(model)
    return TOKENS / (time.perf_counter() - began)


def _wait(model: Model) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def measure_speeds(models: Sequence[Model], messages: list[Message]) -> Job[tuple[Speed, ...]]:
    """Measure each model's speed on one prompt, in turn, so that other load affects all models; steps count runs."""
    longest = models[0].longest
    tokens = prompt_tokens(models[0], messages, TOKENS if longest is None else min(TOKENS, longest // 2)).tokens
    prompt = torch.tensor(tokens)
    runs: list[list[float]] = [[] for _ in models]
    total = (REPEATS + 1) * len(models)
    for turn in range(REPEATS + 1):
        for index, model in enumerate(models):
            yield Step(turn * len(models) + index, total, "run")
            found = speed_once(model, prompt)
            if turn:
                runs[index].append(found)
    return tuple(Speed(tuple(those), TOKENS, len(tokens)) for those in runs)


def measure(dense: Model, pruned: Model, applied: Masks, messages: list[Message]) -> Job[Won]:
    """Measure bytes and speeds of both models on this machine."""
    first = yield from measure_bytes(dense)
    second = yield from measure_bytes(pruned)
    why_not = why_not_semi(pruned, applied)
    models = [dense, pruned, *([] if why_not else [semi_structured(pruned)])]
    speeds = yield from measure_speeds(models, messages)
    return Won(first, second, shared_memory(dense, pruned), mask_and_values(pruned, applied), speeds[0], speeds[1],
               speeds[2] if len(speeds) > 2 else None, why_not, pruned.device.type, pruned.dtype)
