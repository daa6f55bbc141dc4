"""A network without its weights: what a config would build, laid out on torch's meta device within limits.

A config is a few numbers, and some of them are counts of loops: a million layers would be built for hours before the
first weight is missed. While an outline is made, each module and parameter that comes into being is counted, and what
goes beyond the limits ends the building there.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from transformers import AutoModelForCausalLM

PER_TENSOR, MORE = 20, 2000
"""Modules and parameters a stored tensor, and besides. In 122 families there were 3.4 a tensor at most."""
SECONDS = 30.0


class BeyondLimitsError(Exception):
    """What a config would build has more parts than the files could fill, or took too long to lay out."""


def outline(config: Any, dtype: torch.dtype, tensors: int | None = None) -> Any:
    """The causal language model of a config: shapes and no bytes. `config` itself is not changed.

    tensors: how many are stored for it; None where it was judged before. Raises BeyondLimitsError, or whatever
    transformers raises for a config that describes no network.
    """
    own = copy.deepcopy(config)  # building writes the dtype into it, and loading still has to read its own
    with _limited(None if tensors is None else PER_TENSOR * tensors + MORE), torch.device("meta"):
        return AutoModelForCausalLM.from_config(own, dtype=dtype)


def size(network: Any) -> tuple[int, int]:
    """(weights, bytes of buffers): a buffer is made from the config and takes memory that no file tells of."""
    return (sum(one.numel() for one in network.parameters()),
            sum(one.numel() * one.element_size() for one in network.buffers()))


_LIMIT = threading.local()


@contextmanager
def _limited(parts: int | None) -> Iterator[None]:
    """While open, this thread makes at most so many modules and parameters, and no longer than SECONDS."""
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


# Once and for all threads: torch walks through its table of hooks while a network is built, and a second thread that
# changed the table would end that.
register_module_module_registration_hook(_count)
register_module_parameter_registration_hook(_count)
