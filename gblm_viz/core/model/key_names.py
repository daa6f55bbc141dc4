"""Map each key in the files to the network's names it is loaded into, as transformers renames and converts keys.

Works on names alone and opens no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel
    from transformers.core_model_loading import WeightTransform


def targets_of(keys: Iterable[str], network: PreTrainedModel, names: dict[str, Tensor],
               mapping: Sequence[WeightTransform] | None = None) -> dict[str, tuple[str, ...]]:
    """Return key in the files → the network's names that it goes into; for an unused key, a name not in `names`.

    names: the network's state dict; mapping: its conversions, which record that they were used; None: new ones. Keys
    are processed in transformers' order, as some renamings depend on keys seen before.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key

    mapping = get_model_conversion_mapping(network) if mapping is None else mapping
    renamings = [one for one in mapping if isinstance(one, WeightRenaming)]
    converters = [one for one in mapping if isinstance(one, WeightConverter)]
    by_pattern = {pattern: one for one in converters for pattern in one.source_patterns}
    prefix, found = network.base_model_prefix, dict[str, tuple[str, ...]]()
    for key in sorted(keys, key=dot_natural_key):
        name, pattern = rename_source_key(key, renamings, converters, prefix, names)
        if name not in names and key in names:
            name, pattern = rename_source_key(key, [], [], prefix, names)
        first, *more = by_pattern[pattern].target_patterns if pattern is not None else ("",)
        found[key] = (name, *(name.replace(first, other) for other in more))
    return found


def without_tied(missing: set[str], tied: Mapping[str, str]) -> set[str]:
    """Return the missing names without those tied to a weight that is not missing, whichever of them the files hold.

    tied: name → the name of the weight that it shares. If a whole group is missing, only the shared one is returned.
    """
    groups: dict[str, set[str]] = {}
    for name, source in tied.items():
        groups.setdefault(source, {source}).add(name)
    left = set(missing)
    for source, group in groups.items():
        left -= group - {source} if group <= missing else group
    return left
