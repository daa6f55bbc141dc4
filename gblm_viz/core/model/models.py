"""Load a Model, which all later steps work on, from a source: the pocket model, a local folder or a hub id.

Safetensors only, no remote code; nothing is downloaded unless the source is a hub id that is not in the local cache.
Independent of texts, methods and the user interface.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gblm_viz.shipped import ASSETS

from ..base.errors import ModelError, SettingError, refuse_unknown, reraise_as, shortened
from ..base.footprint import available_memory, free_memory, free_on_gpu, gpus
from ..base.job import Job, Step
from ..base.lazy import nn, torch, transformers
from . import outline
from .block_weights import BlockWeights, lay_out, part_of
from .fit import Fit, fit, refuse_quantised
from .folder import Folder, check_folder, without_paths
from .matrices import Layout, embedding_weight, find_layout
from .model_source import ResolvedSource, display_name, resolve_source, strip_pasted
from .text_config import causal_types, find_text_config, not_causal
from .tokenizer import Tokenizer, Vocabulary, fit_vocabulary, open_tokenizer, vocabulary

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

POCKET = ASSETS / "pocket"
DTYPES = ("float32", "bfloat16")
LONGEST = 2048
"""Upper limit of the default length in tokens, also for models built for longer inputs: the paper's length."""
MISSING = 4
"""A config may describe at most so many times the stored weights. The head may not be stored, and other parts may be
missing, for which there is a separate message."""
BUFFERS = 2**28
"""Bytes a network may compute from its config (masks, position tables), besides MISSING times the bytes of its files.
"""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded decoder-only model in eval mode, shared by all users: do not hook, differentiate or change it.

    `key` is the SHA-256 of core/README.md's rule over config and weights; equal keys mean the same dense model.
    """

    network: PreTrainedModel
    tokenizer: Tokenizer
    layout: Layout
    source: str
    key: str
    weights: BlockWeights | None = None
    """Where the blocks' weights are read from when a block is needed; None where all of them are in memory."""
    dtypes: Mapping[str, torch.dtype] = field(default_factory=dict)
    """Name of a weight → its stored dtype; empty if the network was not read from files."""
    unused: tuple[str, ...] = ()
    """Tensors in the files that the network does not have."""

    @property
    def name(self) -> str:
        """The model's display name: `pocket`, the hub id, or the folder's own name."""
        return display_name(self.source)

    @property
    def device(self) -> torch.device:
        """Device of the model's input embeddings (of the whole model unless it is spread over several GPUs)."""
        return next(self.network.parameters()).device

    def block_device(self, block: int) -> torch.device:
        """Return the device that a block's weights are on, or will be on when they are read."""
        own: torch.device = next(self.network.get_submodule(self.layout.blocks[block]).parameters()).device
        return self.device if own.type == "meta" else own

    @property
    def dtype(self) -> str:
        """The dtype of the weights in memory, as torch names it."""
        return str(next(self.network.parameters()).dtype).removeprefix("torch.")

    @property
    def longest(self) -> int | None:
        """Longest input in tokens that the model was built for; None if its config does not say."""
        return longest_input(self.network.config)

    @property
    def default_length(self) -> int:
        """Default length of a sample in tokens: the model's longest input, at most LONGEST."""
        return min(LONGEST, self.longest or LONGEST)

    @property
    def has_chat_template(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    @property
    def tokens_beyond(self) -> Vocabulary | None:
        """The tokenizer's vocabulary if some added tokens have no row in the embedding; None if all have one."""
        found = vocabulary(self.tokenizer)
        return found if found is not None and found.beyond else None

    @cached_property
    def parameters(self) -> int:
        """How many parameters the network has."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    @property
    def head_size(self) -> int:
        """Rows of one attention head; 0 where the config does not say."""
        config = self.network.config.get_text_config()
        heads = getattr(config, "num_attention_heads", 0) or 0
        hidden = getattr(config, "hidden_size", 0) or 0
        return int(getattr(config, "head_dim", None) or (hidden // heads if heads else 0))


@dataclass(frozen=True)
class Estimate:
    """What a model will need, known before anything is allocated. All but `source` and `parameters` in bytes."""

    source: str
    parameters: int
    on_disk: int
    in_memory: int
    to_download: int


def dtype_named(name: object) -> torch.dtype:
    """Return the dtype to compute in. Raises SettingError for a name that is not in DTYPES."""
    refuse_unknown("dtype_unknown", name, DTYPES)
    found: torch.dtype = getattr(torch, str(name))
    return found


def longest_input(config: PreTrainedConfig) -> int | None:
    """Return the longest input in tokens that a config names; None if it names none."""
    text = config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length")
    values = (getattr(text, name, None) for name in names)
    return next((int(value) for value in values if isinstance(value, int) and value > 0), None)


def _resolve(given: str) -> ResolvedSource:
    """Return the folder or hub id that is meant. Raises ModelError otherwise."""
    return ResolvedSource("pocket", POCKET) if strip_pasted(given) == "pocket" else resolve_source(given)


def _config(found: Folder) -> PreTrainedConfig:
    """Return the config of a decoder-only model in a folder. Raises ModelError that says what is wrong with it."""
    source, raw = found.source, found.config
    try:
        config = transformers.AutoConfig.from_pretrained(found.place, local_files_only=True, trust_remote_code=False)
        causal = config.model_type in causal_types()
        decoder = _makes_text(config, raw)
        refused = None if causal else not_causal(config, source)
        config = find_text_config(config) if causal else config
    except Exception as error:  # transformers raises many types of errors for a broken config
        known = raw["model_type"] in transformers.CONFIG_MAPPING
        key = "remote_code" if "auto_map" in raw else "broken_config" if known else "unknown_type"
        raise ModelError(key, source=source, model_type=found.model_type) from error
    if refused is not None:
        raise refused
    if not decoder:
        raise ModelError("not_decoder", source=source, model_type=found.model_type)
    if not found.weights:
        pickles = (file.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in found.place.glob(kind))
        other = next(pickles, None)
        raise ModelError("pickle_only" if other else "no_weights", source=source, file=other or "")
    return config


def _makes_text(config: PreTrainedConfig, raw: Mapping[str, Any]) -> bool:
    """Return whether the model is neither an encoder nor an encoder-decoder, according to config.json."""
    makes = raw.get("architectures") or []
    encoder = bool(makes) and not any(name.endswith(("CausalLM", "LMHeadModel", "ConditionalGeneration")) or
                                      name in causal_types().values() for name in makes)
    return not encoder and not getattr(config, "is_encoder_decoder", False)


@dataclass(frozen=True)
class _Size:
    """parameters: the network's own count; buffers: bytes of what it computes from its config; fit: which tensors of
    the files it uses."""

    parameters: int
    buffers: int
    fit: Fit

    def bytes(self, dtype: str) -> int:
        return self.parameters * dtype_named(dtype).itemsize + self.buffers


def _size(config: PreTrainedConfig, found: Folder) -> _Size:
    """Return the size of the network that the config describes. Raises ModelError if the files do not fill it."""
    refuse_quantised(found)
    beyond = ModelError("config_beyond", source=found.source, stored=f"{found.stored:,}", tensors=found.tensors)
    try:
        network = outline.outline(config, torch.float32, found.tensors)
    except outline.BeyondLimitsError:
        raise beyond from None
    parameters, buffers = outline.size(network)
    if parameters > MISSING * found.stored or buffers > BUFFERS + MISSING * found.on_disk:
        raise beyond
    return _Size(parameters, buffers, fit(network, found))


def _stored_dtype(config: PreTrainedConfig) -> torch.dtype | None:
    """Return the dtype that the config says the weights are saved in. Call it before loading, which overwrites it."""
    named = getattr(config, "dtype", None)
    found = getattr(torch, named, None) if isinstance(named, str) else named
    return found if isinstance(found, torch.dtype) else None


def estimate(source: str, dtype: str = "float32") -> Estimate:
    """Return parameters, disk and memory of a local source, from its config and file headers. Raises ModelError with
    what to do, SettingError for an unknown dtype."""
    dtype_named(dtype)
    meant = _resolve(source)
    source, folder = meant.source, meant.folder
    if folder is None:
        raise ModelError("not_here_yet", source=source)
    with _reading(source, folder):
        found = check_folder(folder, source)
        size = _size(_config(found), found)
        return Estimate(source, size.parameters, found.on_disk, size.parameters * dtype_named(dtype).itemsize, 0)


def _reading(source: str, place: Path) -> AbstractContextManager[None]:
    """Turn any failure inside into a ModelError: a folder can be wrong in ways that a library does not expect."""
    def unreadable(error: BaseException) -> ModelError:
        said = without_paths(str(error).strip() or type(error).__name__, place, source)
        return ModelError("unreadable", source=source, why=shortened(said.splitlines()[0], 200))

    return reraise_as(unreadable)


def pick_device(device: str) -> str:
    """Return the device to use; for `auto`, cuda if available, else cpu.

    Raises ModelError if `cuda` is not available, SettingError for a device that torch does not know.
    """
    if device != "auto":
        try:
            torch.device(device)
        except (RuntimeError, TypeError):
            raise SettingError("device_unknown", given=device) from None
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_cuda")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


@dataclass(frozen=True, eq=False)
class Opened:
    """A model of which everything except the weights has been read."""

    found: Folder
    config: PreTrainedConfig
    tokenizer: Tokenizer
    size: _Size


def open_source(source: str) -> Job[Opened]:
    """Read config and tokenizer of a source; a hub id that is not in the local cache is downloaded first."""
    meant = _resolve(source)
    source, folder = meant.source, meant.folder
    if folder is None:
        from .download import download  # brings an HTTP client

        folder = yield from download(source)
    yield Step(0, 3, "load")
    with _reading(source, folder):
        found = check_folder(folder, source)
        config = _config(found)
        size = _size(config, found)
    tokenizer = open_tokenizer(found)
    rows = getattr(config.get_text_config(), "vocab_size", None)
    if isinstance(rows, int):
        fit_vocabulary(tokenizer, rows, source)
    return Opened(found, config, tokenizer, size)


def load(source: str, dtype: str = "float32", device: str = "auto", known: Opened | None = None,
         by_block: bool = False) -> Job[Model]:
    """Load the pocket model, a model in a local folder, or one on the hub (downloaded first if not in the local cache).

    known: what `open_source` has read of it. by_block: the blocks' weights are not loaded but read from the folder
    whenever a block is needed, except where blocks share weights. Steps count bytes while downloading, then stages.
    Raises ModelError, each with what to do next; SettingError for an unknown dtype or device.
    """
    target = pick_device(device)
    dtype_named(dtype)
    known = known or (yield from open_source(source))
    found, config = known.found, known.config
    source = found.source
    stored = _stored_dtype(config)
    needed, free = known.size.bytes(dtype), available_memory() if target == "cpu" else free_memory(target)
    if not by_block and free is not None and needed > free:
        raise ModelError("too_large", source=source, needed=f"{needed / 1e9:.1f}", free=f"{free / 1e9:.1f}")
    yield Step(1, 3, "load")
    with _reading(source, found.place):
        laid_out = lay_out(config, list(found.weights), dtype_named(dtype), target) if by_block else None
        if laid_out is not None:
            network, weights = laid_out
        else:
            spread = _gpu_arguments() if target == "cuda" else {}
            network = transformers.AutoModelForCausalLM.from_pretrained(
                found.place, config=config, dtype=dtype_named(dtype), local_files_only=True, trust_remote_code=False,
                use_safetensors=True, **spread)
            if not spread:
                move(network, target)
            network, weights = network.eval(), None
    yield Step(2, 3, "load")
    with _reading(source, found.place):
        model = wrap(network, known.tokenizer, source, stored, weights)
    return replace(model, dtypes=known.size.fit.dtypes, unused=known.size.fit.unused)


def move(network: nn.Module, device: str) -> None:
    """Move a network to a device, called through nn.Module because the types of PreTrainedModel.to are lost."""
    network.to(torch.device(device))


def _gpu_arguments() -> dict[str, Any]:
    """Return the arguments by which from_pretrained spreads a model over several GPUs only; {} if there is only one."""
    several = gpus()
    return {"device_map": "auto", "max_memory": {gpu: free_on_gpu(gpu) for gpu in several}} if several[1:] else {}


def wrap(network: PreTrainedModel, tokenizer: Tokenizer, source: str,
         stored: torch.dtype | None = None, weights: BlockWeights | None = None) -> Model:
    """Return the Model of a network that is in memory, or whose blocks are read through `weights`, after the checks
    that every model has to pass."""
    if hasattr(network, "set_experts_implementation"):
        network.set_experts_implementation("eager")  # with grouped kernels, hooks would not see most experts
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    layout = find_layout(network)
    if not layout.matrices:
        raise ModelError("nothing_prunable", source=source)
    if weights is not None:
        weights.watch(network)
    _refuse_non_causal(network, source)
    return Model(network, tokenizer, layout, source, model_key(network, stored, weights, source), weights)


@torch.no_grad()
def _refuse_non_causal(network: PreTrainedModel, source: str) -> None:
    """Raises ModelError if predictions change with later tokens: then it is an encoder, whatever its config says."""
    embedding = embedding_weight(network)
    tokens = torch.arange(2, 10, device=embedding.device).remainder(embedding.shape[0])[None]
    changed = tokens.clone()
    changed[0, 4:] = (tokens[0, 4:] + 11) % embedding.shape[0]
    first, second = network(torch.cat((tokens, changed)), use_cache=False).logits[:, :4].float()
    # Measured over 51 causal families, relative to the largest logit: at most 5e-7 in float32, 0 in bfloat16; eight
    # untrained encoders: at least 2e-3 in float32, 6e-3 in bfloat16.
    tolerance = 2e-3 if embedding.dtype == torch.bfloat16 else 1e-4
    if float((first - second).abs().max()) > tolerance * float(first.abs().max()):
        raise ModelError("not_decoder", source=source, model_type=network.config.model_type)


def model_key(network: PreTrainedModel, stored: torch.dtype | None = None, weights: BlockWeights | None = None,
              source: str = "") -> str:
    """Return the SHA-256 of config and each tensor's name, shape, dtype, first and last 64 KiB (core/README.md, Files).

    Weights that were widened on loading are hashed in the dtype they are `stored` in, so that a model has the same key
    in float32 and in its own dtype. The source and the version of transformers do not matter. Raises ModelError for a
    weight that is not finite, as all of them are read here anyway.
    """
    config = {name: value for name, value in network.config.to_dict().items()
              if name not in {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "experts_implementation"}
              and not name.startswith("_")}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    ends: dict[str, list[bytes]] = {}
    for part in weights.parts if weights else ("",):
        with weights.loaded(network, part) if weights else nullcontext():
            for name, tensor in network.state_dict().items():
                if tensor.is_meta or name in ends:
                    continue
                if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                    raise ModelError("not_finite", source=source, matrix=name)
                ends[name] = _end_bytes(name, tensor.to(stored) if stored and tensor.is_floating_point() else tensor)
    for name in network.state_dict():
        for piece in ends[name]:
            digest.update(piece)
    return digest.hexdigest()


def _end_bytes(name: str, tensor: Tensor) -> list[bytes]:
    flat = tensor.detach().contiguous().reshape(-1)
    edge = 65536 // max(1, flat.element_size())
    return [f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode(),
            *(part.cpu().contiguous().view(torch.uint8).numpy().tobytes() for part in (flat[:edge], flat[-edge:]))]


def private_copy(network: PreTrainedModel) -> PreTrainedModel:
    """Return a second module tree with Parameter objects of its own that share the original's storage.

    A job hooks and differentiates the copy, so a chat at the same time neither adds to the job's sums nor is slowed by
    its hooks (measured elsewhere: one chat during a collection added 8.9 % to the input sums of a shared network).
    """
    shared: dict[int, Tensor] = {}
    for parameter in network.parameters():
        shared[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    for buffer in network.buffers():
        shared[id(buffer)] = buffer
    return copy.deepcopy(network, shared)


@contextmanager
def part_loaded(model: Model, part: str) -> Iterator[dict[str, Tensor]]:
    """Yield the weights of a block (by its path) or of what is OUTSIDE: name → tensor as stored.

    For a model that is read block by block, they are in memory only while the context is open.
    """
    weights = model.weights
    network = private_copy(model.network) if weights else model.network  # else this would free a block in use elsewhere
    with weights.loaded(network, part) if weights else nullcontext():
        own = {name: parameter.detach() for name, parameter in network.named_parameters()
               if part_of(name, model.layout.blocks) == part}
        try:
            yield own
        finally:
            own.clear()


def with_weights(model: Model, changed: dict[str, Tensor]) -> Model:
    """Return a model with the named parameters replaced (given as stored); all others share the dense storage."""
    network = private_copy(model.network)
    own = dict(network.named_parameters())
    for name, weights in changed.items():
        own[name].data = weights
    return replace(model, network=network, weights=None)
