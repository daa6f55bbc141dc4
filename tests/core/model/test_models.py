"""Which sources load, and that every other one is a sentence with what to do next.

No network is used: what the hub would say is played by a folder laid out as its cache, or by HF_HUB_OFFLINE.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertModel, T5Config, T5ForConditionalGeneration

from gblm_viz.core.base import footprint
from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.model import models
from gblm_viz.core.model.models import estimate, load, model_key, private_copy, with_weights
from gblm_viz.words import LANGUAGES, words
from tests.families import tiny_tokenizer

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(copied: Path) -> Path:
    return copied


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a connection and with an empty cache, whose folder is given back."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


def refused(key: str, source: Path | str) -> str:
    """The sentence of a source that must be refused, after a look at it in every language."""
    with pytest.raises(ModelError) as caught:
        run(load(str(source), "float32", "cpu"))
    assert caught.value.key == key
    for language in LANGUAGES:
        sentence = caught.value.say(words(language))
        assert "{" not in sentence
        assert Path(str(source)).name in sentence
    return str(caught.value)


def change(folder: Path, **more: Any) -> None:
    config = json.loads((folder / "config.json").read_text()) | more
    (folder / "config.json").write_text(json.dumps(config))


def change_weights(folder: Path, name: str, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name].view(-1)[3] = value
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_a_folder_loads_with_progress_and_one_key(original: Path) -> None:
    steps: list[str] = []
    model = run(load(str(original), "float32", "cpu"), lambda step: steps.append(f"{step.done}/{step.total}"))
    assert steps == ["0/3", "1/3", "2/3"]
    assert (model.name, model.dtype, model.longest, model.default_length) == ("tiny", "float32", 64, 64)
    assert len(model.layout.blocks) == 3
    assert not model.network.training
    assert run(load(str(original), "float32", "cpu")).key == model.key


def test_one_model_has_one_key_in_both_dtypes_and_another_model_another(folder: Path) -> None:
    whole, half = (run(load(str(folder), dtype, "cpu")) for dtype in ("float32", "bfloat16"))
    assert half.dtype == "bfloat16"
    assert whole.key != ""
    change_weights(folder, "model.norm.weight", 0.25)
    assert run(load(str(folder), "float32", "cpu")).key != whole.key


def test_half_precision_weights_have_one_key_however_they_are_loaded(folder: Path) -> None:
    weights = {name: tensor.bfloat16() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    change(folder, dtype="bfloat16")
    whole, half = (run(load(str(folder), dtype, "cpu")) for dtype in ("float32", "bfloat16"))
    assert (whole.dtype, half.dtype) == ("float32", "bfloat16")
    assert whole.key == half.key


def test_a_private_copy_shares_storage_and_nothing_else(original: Path) -> None:
    model = run(load(str(original), "float32", "cpu"))
    copied = private_copy(model.network)
    for one, other in zip(model.network.parameters(), copied.parameters(), strict=True):
        assert one is not other
        assert one.data_ptr() == other.data_ptr()
    name = model.layout.matrices[0].name
    changed = with_weights(model, {name: torch.zeros(model.layout.matrices[0].shape)})
    assert not dict(changed.network.named_parameters())[name].any()
    assert dict(model.network.named_parameters())[name].any()
    assert model_key(changed.network) != model_key(model.network)


def test_an_estimate_reads_headers_alone(original: Path) -> None:
    found = estimate(str(original), "bfloat16")
    model = run(load(str(original), "float32", "cpu"))
    assert found.parameters == model.parameters
    assert found.in_memory == 2 * found.parameters
    assert found.on_disk == (original / "model.safetensors").stat().st_size


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    refused("no_config", tmp_path / "photos")


@pytest.mark.parametrize("content", ["{", "[]", '"llama"', '{"hidden_size": 3}'])
def test_a_config_that_is_none(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    refused("broken_config", folder)


def test_a_file_instead_of_a_folder(original: Path) -> None:
    refused("not_a_folder", original / "model.safetensors")


@pytest.mark.parametrize("source", ["/no/such/folder", "no_such_thing", "a/b/c", "owner/na me"])
def test_what_is_neither_a_folder_nor_a_hub_id(source: str) -> None:
    refused("no_such_source", source)


def test_a_relative_path_that_is_not_there_is_no_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    refused("no_such_source", "../elsewhere")


@pytest.mark.parametrize("kind", [BertModel, BertForMaskedLM])
def test_an_encoder(kind: Any, tmp_path: Path) -> None:
    config = BertConfig(vocab_size=128, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=8)
    kind(config).save_pretrained(tmp_path / "bert")
    tiny_tokenizer().save_pretrained(tmp_path / "bert")
    refused("not_decoder", tmp_path / "bert")


def test_an_encoder_whose_config_claims_to_be_causal(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=128, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=8)
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    tiny_tokenizer().save_pretrained(tmp_path / "bert")
    change(tmp_path / "bert", architectures=["BertLMHeadModel"])
    refused("not_decoder", tmp_path / "bert")


def test_an_encoder_with_a_decoder(tmp_path: Path) -> None:
    config = T5Config(vocab_size=128, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path / "t5")
    tiny_tokenizer().save_pretrained(tmp_path / "t5")
    refused("not_decoder", tmp_path / "t5")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(value: float, folder: Path) -> None:
    change_weights(folder, "model.layers.1.mlp.up_proj.weight", value)
    assert "model.layers.1.mlp.up_proj.weight" in refused("not_finite", folder)


def test_a_pickle_is_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    assert "pytorch_model.bin" in refused("pickle_only", folder)
    assert not (ROOT / "opened").exists()


def test_no_weights_at_all(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    refused("no_weights", folder)


@pytest.mark.parametrize("content", [b"", b"\x08\x00\x00", b"\xff" * 64, b"\x08\x00\x00\x00\x00\x00\x00\x00no json!"])
def test_a_safetensors_file_that_is_none(content: bytes, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert "model.safetensors" in refused("broken_weights", folder)


def test_a_safetensors_file_cut_short(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "model.safetensors" in refused("broken_weights", folder)


def test_weights_of_another_shape(folder: Path) -> None:
    change(folder, intermediate_size=80)
    refused("unreadable", folder)


def test_code_that_comes_with_a_model_is_not_run(folder: Path) -> None:
    change(folder, model_type="invented", auto_map={"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"})
    (folder / "code.py").write_text("raise SystemExit('it ran')")
    assert "never runs" in refused("remote_code", folder)


def test_a_model_type_nobody_knows(folder: Path) -> None:
    change(folder, model_type="invented")
    assert "invented" in refused("unknown_type", folder)


def test_no_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    refused("no_tokenizer", folder)


def test_a_broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    refused("no_tokenizer", folder)


def test_a_model_larger_than_the_memory(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "available_memory", lambda: 10_000)
    refused("too_large", original)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as one asks: accelerate is there, and two GPUs with 10 and 6 GB free."""
    monkeypatch.setattr(transformers.utils.import_utils, "is_accelerate_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: ((10 * 10**9, 6 * 10**9)[gpu], 80 * 10**9))


def test_a_model_is_spread_over_all_gpus_by_their_free_memory(
        two_gpus: None, original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    network = run(load(str(original))).network

    def from_pretrained(folder: Path, **named: Any) -> Any:
        given.update(named)
        return network

    monkeypatch.setattr(models, "pick_device", lambda device: "cuda")
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", from_pretrained)
    monkeypatch.setattr(type(network), "to", lambda *_: pytest.fail("what accelerate has placed is moved"))
    assert run(load(str(original))).network is network
    assert given["device_map"] == "auto"
    assert given["max_memory"] == {0: 9 * 10**9, 1: 54 * 10**8}
    assert footprint.free_memory("cuda") == 144 * 10**8


@pytest.mark.parametrize("why", ["no accelerate", "one of several processes"])
def test_one_gpu_where_a_model_cannot_be_spread(two_gpus: None, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "no accelerate":
        monkeypatch.setattr(transformers.utils.import_utils, "is_accelerate_available", lambda: False)
    else:
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    assert footprint.gpus() == (1,)
    assert models._gpu_arguments() == {}
    assert footprint.free_memory("cuda") == 54 * 10**8


def test_a_model_larger_than_the_gpus(two_gpus: None, original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "pick_device", lambda device: "cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (5_000, 80 * 10**9))
    refused("too_large", original)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none(original: Path) -> None:
    with pytest.raises(ModelError) as caught:
        run(load(str(original), "float32", "cuda"))
    assert caught.value.key == "no_cuda"


def test_a_hub_id_without_a_connection(offline: Path) -> None:
    refused("offline", "nobody/nothing")
    assert not list(offline.rglob("*.safetensors"))


def test_a_hub_id_in_the_local_cache_needs_no_connection(offline: Path, original: Path) -> None:
    commit = "0" * 40
    stored = offline / "models--nobody--tiny"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    shutil.copytree(original, stored / "snapshots" / commit)
    model = run(load("nobody/tiny", "float32", "cpu"))
    assert model.name == "nobody/tiny"
    assert model.key == run(load(str(original), "float32", "cpu")).key


def test_the_environment_alone_forbids_the_hub(tmp_path: Path) -> None:
    code = ("from gblm_viz.core.model.models import load\nfrom gblm_viz.core.base.job import run\n"
            "from gblm_viz.core.base.errors import ModelError\n"
            "try:\n    run(load('nobody/nothing'))\nexcept ModelError as error:\n    print(error.key)")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=600, check=True)
    assert done.stdout == "offline\n"
