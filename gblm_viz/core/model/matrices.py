"""Find the weights of a network that can be pruned, each viewed as (out, in) however its module stores it.

Code that uses this file needs no module types: Linear and its subclasses, GPT-2's transposed Conv1D, fused projections
and stacked experts are all a `Matrix`. Independent of methods, scores and texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import ModelError, PlaceError
from ..base.lazy import nn, torch, transformers

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

ROLES = {
    "q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "o",
    "query": "q", "key": "k", "value": "v", "q_lin": "q", "k_lin": "k", "v_lin": "v",
    "c_attn": "qkv", "query_key_value": "qkv", "Wqkv": "qkv", "qkv_proj": "qkv", "attn.c_proj": "o", "out_proj": "o",
    "attention.dense": "o", "self_attention.dense": "o", "self_attn.dense": "o", "attn.out_proj": "o",
    "gate_proj": "gate", "up_proj": "up", "down_proj": "down", "gate_up_proj": "gate_up",
    "fc1": "up", "fc2": "down", "c_fc": "up", "fc_in": "up", "fc_out": "down", "mlp.c_proj": "down",
    "dense_h_to_4h": "up", "dense_4h_to_h": "down", "w1": "gate", "w3": "up", "w2": "down",
}
"""The last part, or the last two, of a module's path → the role of the matrix in its block."""
_OTHER_SENSES = re.compile("vision|visual|image|video|audio|speech|sound")
"""Matches module paths of image and sound encoders, for networks that do not say which part is the decoder."""


@dataclass(frozen=True)
class Matrix:
    """One prunable parameter. `rows` = out, `columns` = in; `experts` is 0 for an ordinary matrix.

    `name` is its key in `network.named_parameters()`; `module` the path of the module that it belongs to.
    """

    name: str
    module: str
    block: int
    role: str
    rows: int
    columns: int
    experts: int = 0
    transposed: bool = False

    @property
    def weights(self) -> int:
        """How many weights the matrix has, of all experts together."""
        return self.rows * self.columns * max(1, self.experts)

    @property
    def shape(self) -> tuple[int, ...]:
        """(out, in), or (experts, out, in)."""
        return (self.experts, self.rows, self.columns) if self.experts else (self.rows, self.columns)

    def view(self, stored: Tensor) -> Tensor:
        """Return the stored tensor viewed as (out, in) or (experts, out, in). Its own inverse; never a copy."""
        return stored.transpose(-1, -2) if self.transposed else stored


def check_place(matrix: Matrix, what: str, number: object, count: int) -> None:
    """Raises PlaceError unless `number` is an index from 0 to `count` − 1 of rows, columns, heads or experts."""
    if type(number) is not int or not 0 <= number < count:
        raise PlaceError("no_such_place", matrix=matrix.name, what=what, given=number,
                         wanted=f"0 … {count - 1}" if count else "–")


@dataclass(frozen=True)
class LeftOut:
    """A parameter that is not pruned; `reason` is a key of the words' table `left_out`."""

    name: str
    shape: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Layout:
    """Which parameters of a network are prunable and which are not. `blocks` are module paths, first to last."""

    blocks: tuple[str, ...]
    matrices: tuple[Matrix, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def prunable(self) -> int:
        """How many weights can be pruned."""
        return sum(matrix.weights for matrix in self.matrices)

    @property
    def largest(self) -> int:
        """Weights of the largest matrix, of stacked experts of one expert; 0 without matrices."""
        return max((matrix.rows * matrix.columns for matrix in self.matrices), default=0)

    @property
    def has_experts(self) -> bool:
        """Whether some matrices get only the tokens that a router sends them."""
        return any(one.reason == "router" for one in self.left_out) or any(one.experts for one in self.matrices)

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role once, in the order in which a block uses them."""
        return tuple(dict.fromkeys(matrix.role for matrix in self.matrices))

    def of_block(self, block: int) -> tuple[Matrix, ...]:
        """Return the matrices of one block, in the network's order."""
        return tuple(matrix for matrix in self.matrices if matrix.block == block)

    def named(self, name: str) -> Matrix:
        """Return the matrix of this name. Raises PlaceError if there is none."""
        for matrix in self.matrices:
            if matrix.name == name:
                return matrix
        raise PlaceError("no_such_matrix", given=name)


def decoder_blocks(network: PreTrainedModel) -> tuple[str, ...]:
    """Return the decoder layers' paths: the longest ModuleList that has only transformers' GradientCheckpointingLayer.

    Right in all families tried, including hybrids with two kinds of layers, where "the longest list of one class"
    fails. In a network that also reads images or sound, only the language part counts: the other may have more layers.
    Raises ModelError if there is no such list.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    writes_text = _writes_text(network)
    lists = [
        (path, module)
        for path, module in network.named_modules()
        if writes_text(path)
        and isinstance(module, nn.ModuleList)
        and len(module)
        and all(isinstance(item, GradientCheckpointingLayer) for item in module)
    ]
    if not lists:
        raise ModelError("no_blocks", model=type(network).__name__)
    path, longest = max(lists, key=lambda found: len(found[1]))
    return tuple(f"{path}.{index}" for index in range(len(longest)))


def _writes_text(network: PreTrainedModel) -> Callable[[str], bool]:
    """Return a function path → whether it is in the part of the network that generates text (in most, all of it)."""
    config = getattr(network, "config", None)
    if config is None or not {"vision_config", "audio_config"} & set(getattr(config, "sub_configs", ())):
        return lambda _: True
    decoder = network.get_decoder() if config.get_text_config() is not config else None
    inside = next((f"{path}." for path, module in network.named_modules() if path and module is decoder), "")
    return lambda path: path.startswith(inside) and not _OTHER_SENSES.search(path)


def share_weights(network: PreTrainedModel, blocks: tuple[str, ...]) -> bool:
    """Return whether a parameter belongs to two blocks: then they cannot be processed one by one."""
    owned = [{id(parameter) for parameter in network.get_submodule(path).parameters()} for path in blocks]
    return sum(map(len, owned)) != len(set().union(*owned))


def _router(path: str, routers: tuple[str, ...], parameter: Tensor, experts: int) -> bool:
    """Return whether a matrix only selects experts: in a router, or named like one where there are experts."""
    last = path.rsplit(".", 1)[-1]
    named = last in {"router", "gate", "wg", "gating", "layer"} and "proj" not in last
    inside = any(path == router or path.startswith(router + ".") for router in routers)
    return inside or (named and experts > 1 and parameter.shape[0] == experts)


def _reason(path: str, module: nn.Module, name: str, parameter: Tensor, experts: int,
            routers: tuple[str, ...]) -> str | None:
    """Return why a parameter inside a block is not pruned, by the first rule that applies; None if it is pruned."""
    linear = isinstance(module, nn.Linear | transformers.Conv1D) and name == "weight"
    rules: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("bias", lambda: "bias" in name),
        ("norm", lambda: "norm" in type(module).__name__.lower()),
        ("router", lambda: _router(path, routers, parameter, experts)),
        ("convolution", lambda: isinstance(module, nn.Conv1d | nn.Conv2d)),
        ("gate", lambda: linear and 1 in parameter.shape),
        ("other", lambda: not linear and not (parameter.dim() == 3 and hasattr(module, "is_transposed"))),
    )
    return next((reason for reason, holds in rules if holds()), None)


def _role(path: str) -> str:
    parts = path.split(".")
    return ROLES.get(".".join(parts[-2:]), ROLES.get(parts[-1], parts[-1]))


def _outside(network: PreTrainedModel, module: nn.Module, parameter: nn.Parameter) -> str:
    head, embedding = network.get_output_embeddings(), network.get_input_embeddings()
    if embedding is not None and parameter is embedding.weight:
        return "embedding"
    if head is not None and parameter is head.weight:
        return "head"
    return "norm" if "norm" in type(module).__name__.lower() else "outside"


def _expert_count(network: PreTrainedModel) -> int:
    config = getattr(network, "config", None)
    names = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
    values = (getattr(config, name, 0) for name in names)
    return next((value for value in values if isinstance(value, int) and value > 0), 0)


def find_layout(network: PreTrainedModel) -> Layout:
    """Return all parameters of the network, in `named_parameters` order, as a Matrix or as LeftOut with the reason."""
    blocks = decoder_blocks(network)
    modules = dict(network.named_modules())
    experts = _expert_count(network)
    routers = tuple(path for path, module in modules.items() if "Router" in type(module).__name__)
    matrices: list[Matrix] = []
    left_out: list[LeftOut] = []
    for name, parameter in network.named_parameters():
        path, _, own = name.rpartition(".")
        module = modules[path]
        block = next((index for index, start in enumerate(blocks) if name.startswith(start + ".")), None)
        if block is None:
            reason: str | None = _outside(network, module, parameter)
        else:
            reason = _reason(path, module, own, parameter, experts, routers)
        if reason is not None or block is None:
            left_out.append(LeftOut(name, tuple(parameter.shape), reason or "outside"))
            continue
        stacked = parameter.dim() == 3
        transposed = bool(module.is_transposed) if stacked else isinstance(module, transformers.Conv1D)
        rows, columns = parameter.shape[-2:] if not transposed else (parameter.shape[-1], parameter.shape[-2])
        inside = path.removeprefix(blocks[block] + ".")
        matrices.append(Matrix(name, path, block, _role(f"{inside}.{own}" if stacked else inside), rows, columns,
                               parameter.shape[0] if stacked else 0, transposed))
    return Layout(blocks, tuple(_distinct_roles(matrices, blocks)), tuple(left_out))


def _distinct_roles(matrices: list[Matrix], blocks: tuple[str, ...]) -> Iterator[Matrix]:
    """Yield the matrices; those of equal role in a block (a shared and a routed expert) get their paths as roles."""
    seen: dict[tuple[int, str], int] = {}
    for matrix in matrices:
        seen[matrix.block, matrix.role] = seen.get((matrix.block, matrix.role), 0) + 1
    for matrix in matrices:
        if seen[matrix.block, matrix.role] == 1:
            yield matrix
        else:
            inside = matrix.name.removeprefix(blocks[matrix.block] + ".").removesuffix(".weight")
            yield Matrix(matrix.name, matrix.module, matrix.block, inside, matrix.rows, matrix.columns,
                         matrix.experts, matrix.transposed)


def embedding_weight(network: PreTrainedModel) -> Tensor:
    """Return the weight of the input embeddings, (vocabulary, width)."""
    weight = network.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight


@torch.no_grad()
def parameters(network: PreTrainedModel, layout: Layout) -> dict[str, Tensor]:
    """Return name → the weights viewed as (out, in) or (experts, out, in), sharing the network's storage."""
    stored = dict(network.named_parameters())
    return {matrix.name: matrix.view(stored[matrix.name].detach()) for matrix in layout.matrices}
