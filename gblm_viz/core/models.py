"""A source (the pocket model, a local folder, a hub id) → a Model that everything after works on.

Safetensors only, no remote code, nothing fetched unless the source is a hub id that is not on this machine yet.
Knows nothing of texts, methods or screens.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from .block_weights import BlockWeights, lay_out, part_of
from .download import download
from .errors import ModelError
from .footprint import available_memory, free_memory, free_on_gpu, gpus
from .job import Job, Step
from .matrices import Layout, find_layout

POCKET = Path(__file__).parents[2] / "assets" / "pocket"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
LONGEST = 2048
"""No default length exceeds this, however much a model could take: the paper's length."""
MASKS_FILE = "masks.safetensors"
"""In the folder of a model that this app pruned, beside its weights."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded decoder-only model in eval mode, shared by everybody: never hooked, differentiated or changed.

    `key` is the SHA-256 of fidelity.md's rule over config and weights; equal keys mean the same dense model.
    """

    network: Any
    tokenizer: Any
    layout: Layout
    source: str
    key: str
    weights: BlockWeights | None = None
    """Where the blocks' weights are read from when a block is needed; None where all of them are in memory."""

    @property
    def name(self) -> str:
        """What a person calls it: `pocket`, the hub id, or the folder's own name."""
        return self.source if self.source == "pocket" or _HUB_ID.fullmatch(self.source) else Path(self.source).name

    @property
    def device(self) -> torch.device:
        """Where tokens enter; all of it, but for a model that is spread over several GPUs."""
        return next(self.network.parameters()).device

    def block_device(self, block: int) -> torch.device:
        """Where a block's weights are, or come when they are read."""
        own: torch.device = next(self.network.get_submodule(self.layout.blocks[block]).parameters()).device
        return self.device if own.type == "meta" else own

    @property
    def dtype(self) -> str:
        return str(next(self.network.parameters()).dtype).removeprefix("torch.")

    @property
    def longest(self) -> int | None:
        """The most tokens the model was built for, or None where its config does not say."""
        return longest_input(self.network.config)

    @property
    def default_length(self) -> int:
        return min(LONGEST, self.longest or LONGEST)

    @property
    def has_chat_template(self) -> bool:
        return bool(getattr(self.tokenizer, "chat_template", None))

    @cached_property
    def parameters(self) -> int:
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
    """What a model will take, known before anything is allocated. Bytes."""

    source: str
    parameters: int
    on_disk: int
    in_memory: int
    to_download: int


def longest_input(config: Any) -> int | None:
    text = config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length")
    return next((int(value) for value in (getattr(text, name, None) for name in names) if isinstance(value, int)), None)


def is_local(source: str) -> bool:
    """Whether a source names a file or folder on this machine."""
    try:
        return Path(source).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long for a path, a null byte, an unknown ~user
        return False


def _folder(source: str) -> Path | None:
    """The local folder a source names, or None for a hub id. Anything else is a sentence."""
    if source == "pocket":
        return POCKET
    if not source.strip():
        raise ModelError("no_such_source", source=source)
    if is_local(source):
        path = Path(source).expanduser()
        if path.is_dir():
            return path
        raise ModelError("not_a_folder", source=source)
    if not _HUB_ID.fullmatch(source):
        raise ModelError("no_such_source", source=source)
    return None


def weight_files(folder: Path) -> list[Path]:
    """The folder's safetensors files that hold weights: masks that were saved beside them are none."""
    return sorted(file for file in folder.glob("*.safetensors") if file.name != MASKS_FILE)


def _safetensors_headers(folder: Path) -> tuple[int, int]:
    """(parameters, bytes) of the folder's safetensors files, read from their headers alone."""
    count = size = 0
    for file in weight_files(folder):
        with file.open("rb") as stream:
            prefix = stream.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else -1
            if not 0 < length <= file.stat().st_size:
                raise ModelError("broken_weights", source=str(folder), file=file.name)
            try:
                header = json.loads(stream.read(length))
            except ValueError:
                raise ModelError("broken_weights", source=str(folder), file=file.name) from None
        size += file.stat().st_size
        for name, entry in header.items():
            if name != "__metadata__":
                elements = 1
                for extent in entry["shape"]:
                    elements *= extent
                count += elements
    return count, size


def _config(folder: Path, source: str) -> Any:
    """The config of a decoder-only model in a folder, or the sentence that says what is wrong with it."""
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError("no_config", source=source)
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise ModelError("broken_config", source=source) from None
    if not isinstance(raw, dict) or "model_type" not in raw:
        raise ModelError("broken_config", source=source)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, OSError, TypeError) as error:
        key = "remote_code" if "auto_map" in raw else "unknown_type"
        raise ModelError(key, source=source, model_type=raw["model_type"]) from error
    makes = raw.get("architectures") or []
    encoder = bool(makes) and not any(name.endswith(("CausalLM", "LMHeadModel", "ConditionalGeneration")) or
                                      name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values() for name in makes)
    if (getattr(config, "is_encoder_decoder", False) or encoder
            or config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        raise ModelError("not_decoder", source=source, model_type=config.model_type)
    if not weight_files(folder):
        pickles = (file.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in folder.glob(kind))
        other = next(pickles, None)
        raise ModelError("pickle_only" if other else "no_weights", source=source, file=other or "")
    return config


def _stored_dtype(config: Any) -> torch.dtype | None:
    """The dtype the config says the weights are saved in; must be read before loading, which overwrites it."""
    named = getattr(config, "dtype", None)
    found = getattr(torch, named, None) if isinstance(named, str) else named
    return found if isinstance(found, torch.dtype) else None


def estimate(source: str, dtype: str = "float32") -> Estimate:
    """Parameters, disk and memory of a local source, from file headers. Raises ModelError with what to do."""
    folder = _folder(source)
    if folder is None:
        raise ModelError("not_here_yet", source=source)
    _config(folder, source)
    count, size = _safetensors_headers(folder)
    return Estimate(source, count, size, count * DTYPES[dtype].itemsize, 0)


def pick_device(device: str) -> str:
    """`auto` → cuda where there is one; an unavailable `cuda` is refused."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_cuda")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


@dataclass(frozen=True, eq=False)
class Opened:
    """A model of which everything but the weights is read."""

    source: str
    folder: Path
    config: Any
    tokenizer: Any


def opened(source: str) -> Job[Opened]:
    """Config and tokenizer of a source, which is downloaded first if it is a hub id that is not on this machine."""
    folder = _folder(source)
    if folder is None:
        folder = yield from download(source)
    config = _config(folder, source)
    yield Step(0, 3, "load")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds for a missing or broken tokenizer
        raise ModelError("no_tokenizer", source=source) from error
    return Opened(source, folder, config, tokenizer)


def load(source: str, dtype: str = "float32", device: str = "auto", known: Opened | None = None,
         by_block: bool = False) -> Job[Model]:
    """Load a model from the pocket, a local folder, or the hub (downloaded first if it is not on this machine).

    known: what `opened` has read of it. by_block: its blocks' weights are not loaded but read from the folder whenever
    a block is needed, except where blocks share weights. Steps count bytes while downloading, then stages. Raises
    ModelError, each with what to do next.
    """
    target = pick_device(device)
    known = known or (yield from opened(source))
    folder, config, tokenizer = known.folder, known.config, known.tokenizer
    stored = _stored_dtype(config)
    count, _ = _safetensors_headers(folder)
    needed, free = count * DTYPES[dtype].itemsize, available_memory() if target == "cpu" else free_memory(target)
    if not by_block and free is not None and needed > free:
        raise ModelError("too_large", source=source, needed=f"{needed / 1e9:.1f}", free=f"{free / 1e9:.1f}")
    yield Step(1, 3, "load")
    try:
        laid_out = lay_out(config, weight_files(folder), DTYPES[dtype], target) if by_block else None
        if laid_out is not None:
            network, weights = laid_out
        else:
            spread = _spread() if target == "cuda" else {}
            whole: Any = AutoModelForCausalLM.from_pretrained(
                folder, config=config, dtype=DTYPES[dtype], local_files_only=True, trust_remote_code=False,
                use_safetensors=True, **spread)
            network, weights = (whole if spread else whole.to(target)).eval(), None
    except Exception as error:  # safetensors, OS and shape errors alike: the folder does not hold what it says
        raise ModelError("unreadable", source=source, why=str(error).splitlines()[0][:200]) from error
    yield Step(2, 3, "load")
    try:
        return wrap(network, tokenizer, source, stored, weights)
    except KeyError as error:  # a block's weights that the folder does not hold, found when they were to be read
        raise ModelError("unreadable", source=source, why=str(error)) from error


def _spread() -> dict[str, Any]:
    """How from_pretrained puts a model on several GPUs, none of it elsewhere; empty where there is but one."""
    several = gpus()
    return {"device_map": "auto", "max_memory": {gpu: free_on_gpu(gpu) for gpu in several}} if several[1:] else {}


def wrap(network: Any, tokenizer: Any, source: str, stored: torch.dtype | None = None,
         weights: BlockWeights | None = None) -> Model:
    """A network that is already in memory, or laid out with its `weights` elsewhere → Model, after the checks every
    model passes."""
    if hasattr(network, "set_experts_implementation"):
        network.set_experts_implementation("eager")  # else grouped kernels hide most experts from observation
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
def _refuse_non_causal(network: Any, source: str) -> None:
    """An early prediction that moves with a later token makes the model an encoder, whatever its config says."""
    embedding = network.get_input_embeddings()
    tokens = torch.arange(2, 10, device=embedding.weight.device).remainder(embedding.weight.shape[0])[None]
    changed = tokens.clone()
    changed[0, 4:] = (tokens[0, 4:] + 11) % embedding.weight.shape[0]
    first, second = network(torch.cat((tokens, changed)), use_cache=False).logits[:, :4].float()
    # Measured over 51 causal families, relative to the largest logit: at most 5e-7 in float32, 0 in bfloat16; eight
    # untrained encoders: at least 2e-3 in float32, 6e-3 in bfloat16.
    tolerance = 2e-3 if embedding.weight.dtype == torch.bfloat16 else 1e-4
    if float((first - second).abs().max()) > tolerance * float(first.abs().max()):
        raise ModelError("not_decoder", source=source, model_type=network.config.model_type)


def model_key(network: Any, stored: torch.dtype | None = None, weights: BlockWeights | None = None,
              source: str = "") -> str:
    """SHA-256 over config and each tensor's name, shape, dtype, first and last 64 KiB (fidelity.md, Files).

    Weights that were widened on loading are hashed in the dtype they are `stored` in, so that one model has one key
    in float32 and in its own dtype. Where it was loaded from and by which version does not enter. Raises ModelError for
    a weight that is not finite: every one of them passes by.
    """
    config = {name: value for name, value in network.config.to_dict().items()
              if name not in {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "experts_implementation"}
              and not name.startswith("_")}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    ends: dict[str, list[bytes]] = {}
    for part in weights.parts if weights else ("",):
        with weights.held(network, part) if weights else nullcontext():
            for name, tensor in network.state_dict().items():
                if tensor.is_meta or name in ends:
                    continue
                if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                    raise ModelError("not_finite", source=source, matrix=name)
                ends[name] = _ends(name, tensor.to(stored) if stored and tensor.is_floating_point() else tensor)
    for name in network.state_dict():
        for piece in ends[name]:
            digest.update(piece)
    return digest.hexdigest()


def _ends(name: str, tensor: Tensor) -> list[bytes]:
    flat = tensor.detach().contiguous().reshape(-1)
    edge = 65536 // max(1, flat.element_size())
    return [f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode(),
            *(part.cpu().contiguous().view(torch.uint8).numpy().tobytes() for part in (flat[:edge], flat[-edge:]))]


def private_copy(network: Any) -> Any:
    """A second module tree with Parameter objects of its own over the same storage.

    A job hooks and differentiates this one, so a chat beside it neither adds to its sums nor is slowed by its hooks
    (measured elsewhere: one chat beside a collection added 8.9 % to the input sums of a shared network).
    """
    shared: dict[int, Any] = {}
    for parameter in network.parameters():
        shared[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    for buffer in network.buffers():
        shared[id(buffer)] = buffer
    return copy.deepcopy(network, shared)


@contextmanager
def part_held(model: Model, part: str) -> Iterator[dict[str, Tensor]]:
    """While open, the weights of a block (by its path) or of what is OUTSIDE: name → as stored.

    Of a model that is read block by block they are in memory no longer than that.
    """
    weights = model.weights
    network = private_copy(model.network) if weights else model.network  # nobody else's block is let go
    with weights.held(network, part) if weights else nullcontext():
        own = {name: parameter.detach() for name, parameter in network.named_parameters()
               if part_of(name, model.layout.blocks) == part}
        try:
            yield own
        finally:
            own.clear()


def with_weights(model: Model, changed: dict[str, Tensor]) -> Model:
    """A model whose named parameters are replaced (given as stored); all others share the dense model's storage."""
    network = private_copy(model.network)
    own = dict(network.named_parameters())
    for name, weights in changed.items():
        own[name].data = weights
    return Model(network, model.tokenizer, model.layout, model.source, model.key)
