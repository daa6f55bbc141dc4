"""How many bytes a plain value holds, near enough for a memory budget. Knows nothing of what the values mean."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from gblm_viz.core.model.models import Model


def weigh(value: Any) -> int:
    """Strings, bytes, tensors and arrays in full; containers and dataclasses with what is in them; the rest flat.

    What is in there twice counts once, and a model nothing: whoever loads one says its size.
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
