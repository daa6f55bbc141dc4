"""Where in a network each tensor of its files goes, by the names alone, as transformers renames and converts them.

Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key


def targets_of(keys: Iterable[str], network: Any, names: dict[str, Any],
               mapping: Any = None) -> dict[str, tuple[str, ...]]:
    """Key in the files → the network's names that it goes into; where it goes nowhere, a name that is not in `names`.

    names: the network's state dict; mapping: its conversions, which note that they were used; None: new ones. In
    transformers' order, as some renamings begin with a key that they have met.
    """
    mapping = get_model_conversion_mapping(network) if mapping is None else mapping
    renamings = [one for one in mapping if isinstance(one, WeightRenaming)]
    converters = [one for one in mapping if isinstance(one, WeightConverter)]
    by_pattern = {pattern: one for one in converters for pattern in one.source_patterns}
    prefix, found = network.base_model_prefix, {}
    for key in sorted(keys, key=dot_natural_key):
        name, pattern = rename_source_key(key, renamings, converters, prefix, names)
        if name not in names and key in names:
            name, pattern = rename_source_key(key, [], [], prefix, names)
        first, *more = by_pattern[pattern].target_patterns if pattern is not None else ("",)
        found[key] = (name, *(name.replace(first, other) for other in more))
    return found


def without_tied(missing: set[str], tied: Mapping[str, str]) -> set[str]:
    """What is missing but for weights that are tied to one that is there, whichever of them the files hold.

    tied: name → the name of the weight that it shares. A weight that all of them lack counts once, as that.
    """
    groups: dict[str, set[str]] = {}
    for name, source in tied.items():
        groups.setdefault(source, {source}).add(name)
    left = set(missing)
    for source, group in groups.items():
        left -= group - {source} if group <= missing else group
    return left
