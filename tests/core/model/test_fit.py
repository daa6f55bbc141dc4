"""What is loaded is what is there: every missing or foreign tensor is a sentence, the same on every plan."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM
from transformers.core_model_loading import revert_weight_conversion

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.model import models, outline
from gblm_viz.core.model.fit import fit
from gblm_viz.core.model.folder import Folder
from gblm_viz.core.model.headers import Entry
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.model.text_config import find_text_config
from gblm_viz.words import LANGUAGES, words
from tests.families import TABLE, build, config_of, save_tiny
from tests.more_families import MORE

pytestmark = pytest.mark.usefixtures("one_thread")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    for family in ("llama", "gpt2", "mixtral"):
        save_tiny(place / family, family)
    return place


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals / "llama", tmp_path / "llama"))


def write(folder: Path, tensors: dict[str, Tensor], file: str = WEIGHTS) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / file, {"format": "pt"})


def config(folder: Path, **more: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def on_both(folder: Path) -> tuple[Model, Model]:
    whole, by_block = (run(load(str(folder), "float32", "cpu", by_block=plan)) for plan in (False, True))
    assert whole.weights is None and by_block.weights is not None and whole.key == by_block.key
    return whole, by_block


def refused(folder: Path, key: str) -> str:
    """The sentence, which is the same on each plan and by the estimate, and can be said in every language."""
    said = set()
    for work in (lambda: run(load(str(folder), "float32", "cpu")), lambda: models.estimate(str(folder)),
                 lambda: run(load(str(folder), "float32", "cpu", by_block=True))):
        with pytest.raises(ModelError) as caught:
            work()
        assert caught.value.key == key, str(caught.value)
        assert all("{" not in caught.value.say(words(language)) for language in LANGUAGES)
        said.add(str(caught.value))
    assert len(said) == 1
    return said.pop()


# Missing

@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_each_tensor_that_is_dropped_is_missed_by_its_name_and_counted(originals: Path, tmp_path: Path,
                                                                       family: str) -> None:
    folder = Path(shutil.copytree(originals / family, tmp_path / family))
    whole = load_file(folder / WEIGHTS)
    for name in whole:
        write(folder, {key: tensor for key, tensor in whole.items() if key != name})
        said = set()
        for plan in (False, True):
            with pytest.raises(ModelError) as caught:
                run(load(str(folder), "float32", "cpu", by_block=plan))
            said.add(str(caught.value))
        assert len(said) == 1 and f"1 of the {len(whole)} tensors" in (one := said.pop()) and f"({name})" in one


def test_a_block_that_is_missing_is_counted_whole(folder: Path) -> None:
    whole = load_file(folder / WEIGHTS)
    write(folder, {name: one for name, one in whole.items() if ".layers.1." not in name})
    said = refused(folder, "weights_missing")
    lost = sorted(name for name in whole if ".layers.1." in name)
    assert f"{len(lost)} of the {len(whole)} tensors" in said and lost[0] in said and ", …" in said


@pytest.mark.parametrize(("prefix", "instead"), [
    ("module.base.", "model."), ("module.", ""), ("_orig_mod.", ""), ("base_model.model.", ""), ("a.b.c.", "model.")])
def test_a_prefix_that_a_wrapper_left_is_named(folder: Path, prefix: str, instead: str) -> None:
    whole = load_file(folder / WEIGHTS)
    write(folder, {prefix + name.removeprefix(instead) if name.startswith(instead) else name: one
                   for name, one in whole.items()})
    lost = sum(name.startswith(instead) for name in whole)
    said = refused(folder, "weights_prefixed")
    assert f"{lost} of the {len(whole)} tensors" in said and f'"{prefix}"' in said


def test_weights_of_another_model_are_told_by_their_names(folder: Path, originals: Path) -> None:
    shutil.copy(originals / "gpt2" / WEIGHTS, folder / WEIGHTS)
    assert "transformer.h.0." in refused(folder, "weights_otherwise")


def test_weights_of_another_shape_are_named(folder: Path) -> None:
    config(folder, intermediate_size=80)
    assert re.search(r"mlp\.\w+_proj\.weight: \([\d, ]+\) ≠ \([\d, ]+\)", refused(folder, "unreadable"))


def test_tied_weights_count_as_there_whichever_of_them_is(originals: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(originals / "gpt2", tmp_path / "gpt2"))
    whole = load_file(folder / WEIGHTS)
    keys = {on_both(folder)[0].key}
    embedding = whole["transformer.wte.weight"]
    for both in (True, False):
        write(folder, {name: one for name, one in whole.items() if both or "wte" not in name}
              | {"lm_head.weight": embedding.clone()})
        first, second = on_both(folder)
        assert first.unused == second.unused == ()
        for model in (first, second):
            assert torch.equal(model.network.get_input_embeddings().weight, embedding)
            assert torch.equal(model.network.get_output_embeddings().weight, embedding)
        keys.add(first.key)
    assert len(keys) == 1


def test_one_folder_has_one_key_at_every_load(originals: Path) -> None:
    for family in ("llama", "mixtral"):
        assert len({on_both(originals / family)[0].key for _ in range(2)}) == 1


def test_files_that_transformers_writes_lack_nothing_in_any_family() -> None:
    for name, family in (TABLE | MORE).items():
        network = build(family)
        kept = {key: one.to("meta") for key, one in network.state_dict().items()
                if key not in network.all_tied_weights_keys and key not in (network._keys_to_ignore_on_save or ())}
        entries = {key: Entry("F32", tuple(one.shape), one.numel(), Path("x"))
                   for key, one in revert_weight_conversion(network, kept).items()}
        laid_out = outline.outline(find_text_config(config_of(family)), torch.float32)
        found = fit(laid_out, Folder(Path(), name, {}, (), entries, 0))
        assert found.unused == (), name
        assert {*found.dtypes} >= {key for key, one in kept.items() if one.is_floating_point()}, name


# Not the weights themselves

def rounded(kind: str, stem: str, weight: Tensor) -> dict[str, Tensor]:
    """What stands for one weight in files of each kind."""
    name, (rows, columns) = f"{stem}weight", weight.shape
    eight, bytes_ = torch.float8_e4m3fn, torch.uint8
    return {
        "block FP8": {name: weight.to(eight), f"{stem}weight_scale_inv": torch.ones(1, 1)},
        "float8 alone": {name: weight.to(eight)},
        "per channel": {name: weight.to(torch.int8), f"{stem}weight_scale": torch.ones(rows, 1)},
        "int8": {name: weight.to(torch.int8), f"{stem}SCB": torch.ones(rows)},
        "whole numbers alone": {name: weight.to(torch.int8)},
        "nf4": {name: torch.zeros(rows * columns // 2, 1, dtype=bytes_), f"{name}.absmax": torch.ones(2),
                f"{name}.quant_state.bitsandbytes__nf4": torch.zeros(4, dtype=bytes_)},
        "gptq": {f"{stem}qweight": torch.zeros(columns // 8, rows).int(), f"{stem}scales": torch.ones(1, rows),
                 f"{stem}qzeros": torch.zeros(1, rows // 8).int(), f"{stem}g_idx": torch.zeros(columns).int()},
        "packed": {f"{stem}weight_packed": torch.zeros(rows, columns // 8).int(),
                   f"{stem}weight_scale": torch.ones(rows, 1)},
        "mxfp4": {f"{stem}weight_blocks": torch.zeros(rows, 1, 16, dtype=bytes_),
                  f"{stem}weight_scales": torch.zeros(rows, 1, dtype=bytes_)},
        "scales beside weights": {name: weight, f"{stem}k_scale": torch.ones(1)},
    }[kind]


def quantised(kind: str, whole: dict[str, Tensor]) -> dict[str, Tensor]:
    """Files of a kind: the first projection of each block, and all else as it was."""
    made = dict[str, Tensor]()
    for name, weight in whole.items():
        made |= rounded(kind, name.removesuffix("weight"), weight) if "q_proj" in name else {name: weight}
    return made


KINDS = {"block FP8": "block FP8", "float8 alone": "F8_E4M3", "per channel": "scale", "int8": "bitsandbytes int8",
         "whole numbers alone": "I8", "nf4": "bitsandbytes 4-bit", "gptq": "GPTQ / AWQ", "packed": "compressed-tensors",
         "mxfp4": "MXFP4", "scales beside weights": "scale"}


@pytest.mark.parametrize("kind", KINDS)
def test_rounded_weights_are_refused_by_what_the_files_hold(folder: Path, kind: str) -> None:
    write(folder, quantised(kind, load_file(folder / WEIGHTS)))
    said = refused(folder, "quantised")
    assert f"quantised ({KINDS[kind]})" in said and "q_proj" in said and "accelerate" not in said


@pytest.mark.parametrize(("told", "kind"), [
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "block FP8"), ({"quant_method": "gptq"}, "GPTQ"),
    ({"load_in_8bit": True}, "bitsandbytes int8"), ({"quant_method": "compressed-tensors"}, "compressed-tensors")])
def test_a_config_that_asks_for_rounding_is_refused_by_its_kind(folder: Path, told: dict[str, Any], kind: str) -> None:
    config(folder, quantization_config=told)
    assert f"({kind})" in refused(folder, "quantised_config")
    write(folder, quantised("per channel", load_file(folder / WEIGHTS)))
    assert f"quantised ({kind})" in refused(folder, "quantised")


def test_an_adapter_that_was_never_merged_is_refused(folder: Path) -> None:
    stem = "model.layers.0.self_attn.q_proj."
    added = {f"{stem}lora_{one}.default.weight": torch.zeros(2, 32) for one in "AB"}
    write(folder, load_file(folder / WEIGHTS) | added)
    assert "2 tensors of a LoRA adapter" in refused(folder, "adapter_inside")


def test_tensors_without_a_place_are_told_and_computed_ones_are_not(folder: Path) -> None:
    whole = load_file(folder / WEIGHTS)
    write(folder, whole | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
    assert [model.unused for model in on_both(folder)] == [(), ()]
    write(folder, whole | {"value_head.weight": torch.ones(4)})
    assert [model.unused for model in on_both(folder)] == [("value_head.weight",)] * 2


# Which files

def other(whole: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.half() + 1 for name, tensor in whole.items()}


def sharded(folder: Path) -> list[str]:
    """The one file as three with an index."""
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder, max_shard_size="60KB")
    (folder / WEIGHTS).unlink()
    return sorted(file.name for file in folder.glob("model-*.safetensors"))


def beside_one(folder: Path, whole: dict[str, Tensor]) -> None:
    for name in ("z_model.fp16.safetensors", "a.safetensors", "model.fp16.safetensors", "consolidated.00.safetensors"):
        write(folder, other(whole), name)


def beside_shards(folder: Path, whole: dict[str, Tensor]) -> None:
    assert len(sharded(folder)) > 1
    write(folder, other(whole), "consolidated.safetensors")


def index_beside_one(folder: Path, whole: dict[str, Tensor]) -> None:
    write(folder, other(whole), "model-00001-of-00001.safetensors")
    (folder / INDEX).write_text(json.dumps(
        {"metadata": {}, "weight_map": dict.fromkeys(whole, "model-00001-of-00001.safetensors")}))


def named_by_config(folder: Path, whole: dict[str, Tensor]) -> None:
    (folder / WEIGHTS).rename(folder / "mine.safetensors")
    config(folder, transformers_weights="mine.safetensors")
    write(folder, other(whole))


@pytest.mark.parametrize("more", [beside_one, beside_shards, index_beside_one, named_by_config])
def test_only_the_files_that_transformers_reads_make_the_model(
        folder: Path, more: Callable[[Path, dict[str, Tensor]], None]) -> None:
    whole, alone = load_file(folder / WEIGHTS), models.estimate(str(folder))
    more(folder, whole)
    found = models.estimate(str(folder))
    assert found.parameters == alone.parameters and found.on_disk == pytest.approx(alone.on_disk, rel=0.05)
    expected = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    for model in on_both(folder):
        for part in ("", *model.layout.blocks):
            with models.part_loaded(model, part) as own:
                assert all(torch.equal(own[name], expected[name]) for name in own)
                assert all(torch.equal(own[name], whole[name]) for name in own)


def test_shards_without_an_index_are_refused_alike(folder: Path) -> None:
    names = sharded(folder)
    (folder / INDEX).unlink()
    said = refused(folder, "no_index")
    assert f"{len(names)} *.safetensors files" in said and names[0] in said and INDEX in said


def test_a_missing_shard_is_named(folder: Path) -> None:
    last = sharded(folder)[-1]
    (folder / last).unlink()
    assert last in refused(folder, "missing_shard")


def test_an_index_that_transformers_cannot_read_is_refused_alike(folder: Path) -> None:
    sharded(folder)
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps({"weight_map": index["weight_map"]}))
    assert INDEX in refused(folder, "bad_index")
