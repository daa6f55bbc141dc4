"""The approximate size in bytes of a plain value, for a memory budget. Independent of what the values mean."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from gblm_viz.core.model.models import Model


def value_bytes(value: Any) -> int:
    """Return a value's bytes: strings, bytes, tensors and arrays in full, containers and dataclasses with contents.

    Other objects count without what they refer to. Repeated objects count once. A Model counts 0, since its loader
    states its size.
    """
    total, left = 0, [value]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, Model):
            continue
        seen.add(id(one))
        data = getattr(one, "nbytes", None)
        total += data if isinstance(data, int) else sys.getsizeof(one)
        if isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            left += one
        elif is_dataclass(one) and not isinstance(one, type):
            left += vars(one).values() if hasattr(one, "__dict__") else ()
    return total
