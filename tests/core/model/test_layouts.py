"""One model has one key, in whichever layout its folder holds the weights: the hub's, or transformers 5's own names.

transformers 5 merges experts into stacks when it reads a hub folder, and parts them again when it saves one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import Model, load
from tests.families import EXPERT_INNER, FAMILIES, build, tiny_tokenizer
from tests.more_families import MORE

WEIGHTS = "model.safetensors"
STACKED = ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "phimoe", "granitemoe", "deepseek_v3", "gpt_oss", "qwen3_next")
MORE_STACKED = ("deepseek_v2", "ernie4_5_moe", "glm4_moe", "hunyuan_v1_moe", "lfm2_moe", "minimax_m2")


def saved(folder: Path, family: str, hub: bool) -> Path:
    """The family's network as a folder: in the hub's layout, or with a key for each parameter of transformers 5."""
    network = build(MORE[family]) if family in MORE else FAMILIES[family]()
    network.save_pretrained(folder, save_original_format=hub)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def loaded(folder: Path) -> Model:
    return run(load(str(folder), "float32", "cpu"))


def refuse_other(one: Model, other: Model) -> None:
    """An assertion fails where two loaded models differ in a weight, in what is prunable, or in their key."""
    found, expected = (model.network.state_dict() for model in (one, other))
    assert list(found) == list(expected)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
    assert one.layout == other.layout
    assert one.key == other.key


@pytest.mark.parametrize("family", STACKED + MORE_STACKED)
def test_the_hubs_layout_and_the_networks_own_names_load_to_one_model(family: str, tmp_path: Path) -> None:
    hub, own = (saved(tmp_path / name, family, name == "hub") for name in ("hub", "own"))
    stacks = {name for name, tensor in load_file(own / WEIGHTS).items() if "experts" in name and tensor.ndim == 3}
    assert stacks
    if family not in {"gpt_oss", "granitemoe"}:  # whose hub folders hold stacks too
        assert all(tensor.ndim < 3 for name, tensor in load_file(hub / WEIGHTS).items() if "experts" in name)
    refuse_other(loaded(hub), loaded(own))


def parted(weights: dict[str, Tensor], block: str, names: tuple[str, str, str], inner: int) -> dict[str, Tensor]:
    """The stacks `block`.experts.gate_up_proj (experts, 2 × inner, in) and .down_proj, as the hub's one by one."""
    gate, up, down = names
    found: dict[str, Tensor] = {}
    for expert, both in enumerate(weights[f"{block}.experts.gate_up_proj"]):
        found[f"{expert}.{gate}.weight"] = both[:inner].clone()
        found[f"{expert}.{up}.weight"] = both[inner:].clone()
        found[f"{expert}.{down}.weight"] = weights[f"{block}.experts.down_proj"][expert].clone()
    return found


@pytest.mark.parametrize(("family", "theirs", "names"), [
    ("mixtral", "block_sparse_moe", ("w1", "w3", "w2")),
    ("qwen2_moe", "mlp", ("gate_proj", "up_proj", "down_proj")),
])
def test_a_hub_folder_written_by_hand_loads_to_the_same_model(
    family: str, theirs: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    expected = loaded(saved(tmp_path / "own", family, False))
    folder = saved(tmp_path / "hub", family, False)
    weights = load_file(folder / WEIGHTS)
    written: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        start, inside, rest = name.partition(".mlp.")
        if not inside or not rest.startswith("experts."):
            written[f"{start}.{theirs}.{rest}" if inside else name] = tensor
        elif rest == "experts.gate_up_proj":
            experts = parted(weights, f"{start}.mlp", names, EXPERT_INNER)
            written |= {f"{start}.{theirs}.experts.{key}": part for key, part in experts.items()}
    assert f"model.layers.0.{theirs}.experts.3.{names[2]}.weight" in written
    assert not set(written) & {name for name in weights if ".experts." in name}
    save_file(written, folder / WEIGHTS, {"format": "pt"})
    refuse_other(loaded(folder), expected)


def test_gpt2s_old_keys_without_their_prefix_load_to_the_same_model(tmp_path: Path) -> None:
    expected = loaded(saved(tmp_path / "own", "gpt2", False))
    folder = saved(tmp_path / "old", "gpt2", False)
    weights = {name.removeprefix("transformer."): tensor for name, tensor in load_file(folder / WEIGHTS).items()}
    assert "h.0.attn.c_attn.weight" in weights
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    refuse_other(loaded(folder), expected)
