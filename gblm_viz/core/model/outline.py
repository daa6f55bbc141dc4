"""Build a config's network without weights, on torch's meta device, within limits of size and time.

Some numbers in a config are loop counts: with a million layers, building would take hours before a missing weight is
noticed. While an outline is built, each module and parameter that is created is counted, and building stops as soon as
a limit is exceeded.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from ..base.lazy import torch, transformers

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedConfig, PreTrainedModel

PER_TENSOR, MORE = 20, 2000
"""Most modules and parameters: PER_TENSOR a stored tensor, plus MORE. In 122 families there were at most 3.4 a tensor.
"""
SECONDS = 30.0


class BeyondLimitsError(Exception):
    """The network of a config has more parts than the files could fill, or took too long to build."""


def outline(config: PreTrainedConfig, dtype: torch.dtype, tensors: int | None = None) -> PreTrainedModel:
    """Return the causal language model of a config, with shapes but no data. `config` itself is not changed.

    tensors: how many are stored for it; None: no limits, for a config that was checked before. Raises
    BeyondLimitsError, or whatever transformers raises for a config that describes no network.
    """
    own = copy.deepcopy(config)  # building writes the dtype into it, and loading still needs the original dtype
    with _limited(None if tensors is None else PER_TENSOR * tensors + MORE), torch.device("meta"):
        network: PreTrainedModel = transformers.AutoModelForCausalLM.from_config(own, dtype=dtype)
    return network


def size(network: nn.Module) -> tuple[int, int]:
    """Return (weights, bytes of buffers); buffers are computed from the config and need memory but are in no file."""
    return (sum(one.numel() for one in network.parameters()),
            sum(one.numel() * one.element_size() for one in network.buffers()))


_LIMIT = threading.local()
_REGISTERING = threading.Lock()


@contextmanager
def _limited(parts: int | None) -> Iterator[None]:
    """While open, limit this thread to `parts` new modules and parameters (None: no limit) within SECONDS."""
    # Once, for all threads: torch iterates over its table of hooks while a network is built, and this would fail if a
    # second thread changed the table. No network of a folder is built before its outline.
    with _REGISTERING:
        _register()
    _LIMIT.left, _LIMIT.until = parts, time.monotonic() + SECONDS
    try:
        yield
    finally:
        _LIMIT.left = None


def _count(module: nn.Module, name: str, part: nn.Module | Tensor | None) -> None:
    left = getattr(_LIMIT, "left", None)
    if left is None:
        return
    if left <= 0 or time.monotonic() > _LIMIT.until:
        raise BeyondLimitsError
    _LIMIT.left = left - 1


@cache
def _register() -> None:
    from torch.nn.modules import module

    module.register_module_module_registration_hook(_count)
    module.register_module_parameter_registration_hook(_count)
