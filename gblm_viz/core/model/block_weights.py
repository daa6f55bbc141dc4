"""Read a model folder's weights one decoder block at a time: the network is built without them, and a block's weights
are read (memory-mapped, through transformers' own key conversion) when they are needed and freed afterwards.

Independent of samples, scores and masks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from ..base.footprint import release_freed_memory
from ..base.lazy import nn, torch, transformers
from .key_names import targets_of, without_tied
from .matrices import decoder_blocks

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel
    from transformers.core_model_loading import WeightTransform
    from transformers.modeling_utils import LoadStateDictConfig
    from transformers.utils.loading_report import LoadStateDictInfo

OUTSIDE = ""
"""The part of a network that lies in no block: embeddings, head, final norm."""


@dataclass(frozen=True, eq=False)
class BlockWeights:
    """Where the weights of each part of a network come from. `parts`: block path, or OUTSIDE → key → file.

    change: (name, weight as read) → weight to use instead, for weights in blocks; None: as read. stored: name in the
    network → dtype in the files, for writing them again.
    """

    parts: dict[str, dict[str, Path]]
    config: LoadStateDictConfig
    change: Callable[[str, Tensor], Tensor] | None = None
    stored: Mapping[str, torch.dtype] = field(default_factory=dict)

    def read(self, network: PreTrainedModel, part: str) -> None:
        """Read a block's weights into a network laid out like the original one; do nothing if they are loaded already.

        Raises KeyError if a weight is missing or does not fit.
        """
        if not _on_meta(network, part):
            return
        info = self.convert(network, part)
        wrong = [*info.conversion_errors, *info.error_msgs, *(str(one) for one in info.mismatched_keys)]
        left = [f"{part}.{name}" for name in _on_meta(network, part)]
        if wrong or left:
            raise KeyError((wrong or left)[0])
        for name, parameter in _module(network, part).named_parameters(prefix=part):
            parameter.requires_grad_(False)
            if self.change is not None:
                parameter.data = self.change(name, parameter.data)

    def convert(self, network: PreTrainedModel, part: str) -> LoadStateDictInfo:
        """Read a part's weights and return transformers' loading info. Files stay mapped only while in use."""
        from transformers.core_model_loading import convert_and_load_state_dict_in_model

        stored = {file: safe_open(file, "pt") for file in set(self.parts[part].values())}
        slices = {key: stored[file].get_slice(key) for key, file in self.parts[part].items()}
        return convert_and_load_state_dict_in_model(network, slices, self.config)[0]

    def free(self, network: PreTrainedModel, part: str) -> None:
        """Free a block's weights; its buffers stay."""
        for module in _module(network, part).modules():
            for name, parameter in module.named_parameters(recurse=False):
                setattr(module, name, nn.Parameter(parameter.detach().to("meta"), requires_grad=False))
        release_freed_memory()

    def __deepcopy__(self, memo: dict[int, object]) -> BlockWeights:
        return self  # the files are the same for every copy of the network

    def watch(self, network: PreTrainedModel) -> None:
        """From now on, read each block's weights before its forward pass and free them after it."""
        for path in self.parts:
            if path:
                reader = _Reader(self, network, path)
                block = network.get_submodule(path)
                block.register_forward_pre_hook(reader.before)
                block.register_forward_hook(reader.after, always_call=True)

    @staticmethod
    def unwatch(network: PreTrainedModel) -> None:
        """Undo `watch`, for callers that load and free blocks themselves. `network` may be a copy of a watched one."""
        for module in network.modules():
            for hooks in (module._forward_pre_hooks, module._forward_hooks):
                for number in [n for n, hook in hooks.items() if isinstance(getattr(hook, "__self__", None), _Reader)]:
                    del hooks[number]

    @contextmanager
    def loaded(self, network: PreTrainedModel, part: str) -> Iterator[None]:
        """While open, the part's weights are in memory. If they already were (OUTSIDE always is), they stay."""
        if part == OUTSIDE or not _on_meta(network, part):
            yield
            return
        try:
            self.read(network, part)
            yield
        finally:
            self.free(network, part)


class _Reader:
    """The hooks of one watched block. A copy of the network gets its own: deepcopy replaces `network` by the copy."""

    def __init__(self, weights: BlockWeights, network: PreTrainedModel, path: str) -> None:
        self.weights, self.network, self.path = weights, network, path
        self.mine = False

    def before(self, module: nn.Module, args: tuple[object, ...]) -> None:
        self.mine = bool(_on_meta(self.network, self.path))
        self.weights.read(self.network, self.path)

    def after(self, module: nn.Module, args: tuple[object, ...], given: object) -> None:
        if self.mine:
            self.weights.free(self.network, self.path)


def _module(network: PreTrainedModel, part: str) -> nn.Module:
    return network.get_submodule(part)


def _on_meta(network: PreTrainedModel, part: str) -> list[str]:
    return [name for name, parameter in _module(network, part).named_parameters() if parameter.is_meta]


def lay_out(config: PreTrainedConfig, files: list[Path], dtype: torch.dtype,
            device: str = "cpu") -> tuple[PreTrainedModel, BlockWeights] | None:
    """Return a network in eval mode with its OUTSIDE weights read and the blocks' on `meta`, and the blocks' files.

    None if a weight belongs to two blocks, or to a block and OUTSIDE: then blocks cannot be loaded and freed on their
    own. Raises what safetensors and transformers raise for files that do not match the config.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.modeling_utils import LoadStateDictConfig

    kind: Any = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    with ExitStack() as contexts:
        for context in kind.get_init_context(dtype, False, False, None):
            contexts.enter_context(context)
        network = kind(config)
    blocks = decoder_blocks(network)
    tied = network.all_tied_weights_keys
    if any(part_of(one, blocks) for pair in tied.items() for one in pair):
        return None
    mapping: Any = get_model_conversion_mapping(network)
    weights = BlockWeights(_sorted_into(network, files, blocks, mapping), LoadStateDictConfig(
        dtype=dtype, device_map={"": device}, dtype_plan=network._get_dtype_plan(dtype), weight_mapping=mapping))
    info = weights.convert(network, OUTSIDE)
    missing = without_tied({name for name in info.missing_keys if not part_of(name, blocks)}, tied)
    missing -= {name for name, _ in network.named_buffers()}
    if missing:
        raise KeyError(min(missing))
    # Buffers that are not in the folder but computed from the config. Both steps skip what is on meta.
    network.mark_tied_weights_as_initialized(info)
    network._move_missing_keys_from_meta_to_device(set(), {"": device}, None, None)
    network._initialize_missing_keys(False)
    network.tie_weights(missing_keys=info.missing_keys, recompute_mapping=False)
    return network.eval(), weights


def part_of(name: str, blocks: tuple[str, ...]) -> str:
    """Return the path of the block that a parameter or buffer of this name is in, or OUTSIDE."""
    return next((path for path in blocks if name.startswith(path + ".")), OUTSIDE)


def _sorted_into(network: PreTrainedModel, files: list[Path], blocks: tuple[str, ...],
                 mapping: list[WeightTransform]) -> dict[str, dict[str, Path]]:
    """Return part of the network (block path, or OUTSIDE) → key of a stored tensor that goes into it → its file."""
    files_of = dict[str, Path]()
    for file in files:
        with safe_open(file, "pt") as stored:
            files_of |= dict.fromkeys(stored.keys(), file)
    parts: dict[str, dict[str, Path]] = {part: {} for part in (OUTSIDE, *blocks)}
    for key, names in targets_of(files_of, network, network.state_dict(), mapping).items():
        parts[part_of(names[0], blocks)][key] = files_of[key]
    return parts
