"""Pruning a model whose blocks are read from its folder one at a time: the masks and the folder of the loaded model."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

import gblm_viz.core.mask.prune as pruning
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.keep import export
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.mask_file import save_masks
from gblm_viz.core.mask.packed import PackedMasks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.mask.tensor_writer import write_one_by_one
from gblm_viz.core.model import models, shards
from gblm_viz.core.model.folder import weight_files
from gblm_viz.core.model.matrices import Layout
from gblm_viz.core.model.models import POCKET, Model, load, wrap
from gblm_viz.core.score import scores
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.scores import score_matrix
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics, StoredSums
from gblm_viz.core.text.calibration import CalibrationSet
from tests import warm
from tests.families import FAMILIES, save_tiny, tiny_samples, tiny_tokenizer

SOME = ("llama", "gpt2", "mixtral", "gpt_oss", "gemma3", "falcon", "bloom", "phi")
SETTINGS = (Settings(sparsity=0.3), Settings("wanda", pattern="2:4"), Settings("gblm", order="dense"),
            Settings("gblm", alpha=Alpha("share", 0.4), order="dense"),
            Settings("magnitude", group="global", order="dense"))


def calibration(count: int = 3, length: int = 16) -> CalibrationSet:
    return CalibrationSet(torch.stack(tiny_samples(count, length)), torch.full((count,), length), "windows", 0, "r", "")


def both(source: str, place: Path) -> tuple[tuple[Model, Statistics], tuple[Model, Statistics]]:
    """A model loaded and read block by block, each with the same statistics."""
    whole, by_block = run(load(source, "float32", "cpu")), run(load(source, "float32", "cpu", by_block=True))
    run(collect(whole, calibration(), folder=place / "sums"))
    assert whole.weights is None and by_block.weights is not None
    return (whole, statistics.load(place / "sums", whole)), (by_block, statistics.load(place / "sums", by_block))


def on_meta(network: Any, layout: Layout) -> list[bool]:
    return [all(one.is_meta for one in network.get_submodule(path).parameters()) for path in layout.blocks]


@pytest.mark.parametrize("family", [*SOME, "pocket"])
def test_read_block_by_block_the_masks_are_those_of_the_loaded_model(family: str, tmp_path: Path) -> None:
    source = str(POCKET) if family == "pocket" else str(save_tiny(tmp_path / "model", family))
    loaded, streamed = both(source, tmp_path)
    for settings in SETTINGS:
        expected = run(prune.masks(*loaded, settings))
        found = run(prune.masks(*streamed, settings))
        assert list(found.masks) == list(expected.masks), "in the network's order"
        assert [name for name, mask in expected.masks.items() if not torch.equal(mask, found.masks[name])] == []
        assert (found.alpha, found.equal_rows, found.fallbacks) == (expected.alpha, expected.equal_rows,
                                                                   expected.fallbacks)
        assert isinstance(found.masks, PackedMasks) and found.sparsity == expected.sparsity
        save_masks(expected, tmp_path / "one")
        save_masks(found, tmp_path / "other")
        assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    name = next(iter(expected.masks))
    one, other = (prune.scores_of(*pair, Settings(), name) for pair in (loaded, streamed))
    assert torch.equal(one, other)
    for model in (streamed[0], prune.pruned(streamed[0], found)):
        assert all(on_meta(model.network, model.layout)), "a block was not let go"
    tokens = tiny_samples(1)[0][None]
    with torch.no_grad():
        first, second = (prune.pruned(model, masks).network(tokens, use_cache=False).logits
                         for model, masks in ((loaded[0], expected), (streamed[0], found)))
    assert torch.equal(first, second)


@pytest.mark.parametrize("order", ["sequential", "dense"])
def test_one_block_is_in_memory_while_it_is_scored(order: str, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    _, (model, sums) = both(str(save_tiny(tmp_path / "model", "llama")), tmp_path)
    score, copy, copies = score_matrix, models.private_copy, []
    held: list[int] = []

    def copied(network: Any) -> Any:
        copies.append(copy(network))
        return copies[-1]

    def counts(matrix: Any, *given: Any) -> Any:
        inside = [on_meta(network, model.layout) for network in (model.network, *copies)]
        assert not any(alone[matrix.block] for alone in inside[-1:]), "it is the block that is scored"
        held.append(sum(not meta for alone in inside for meta in alone))
        return score(matrix, *given)

    for module in (models, pruning):
        monkeypatch.setattr(module, "private_copy", copied)
    for module in (pruning, scores):  # the sequential order, the dense one
        monkeypatch.setattr(module, "score_matrix", counts)
    run(prune.masks(model, sums, Settings(order=order)))
    assert held == [1] * len(model.layout.matrices)


def test_inputs_that_wait_in_a_file_give_the_same_masks(tmp_path: Path) -> None:
    model = wrap(FAMILIES["mixtral"](), tiny_tokenizer(), "tiny")
    sums = run(collect(model, calibration()))
    expected = run(prune.masks(model, sums, Settings()))
    found = run(prune.masks(model, sums, Settings(), 3000, tmp_path))
    assert all(torch.equal(mask, found.masks[name]) for name, mask in expected.masks.items())
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_block_is_dense_again_when_the_next_one_has_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    sums = run(collect(model, calibration()))
    copies = []

    def copied(network: Any) -> Any:
        copies.append(prune_copy(network))
        return copies[-1]

    prune_copy = pruning.private_copy
    monkeypatch.setattr(pruning, "private_copy", copied)
    run(prune.masks(model, sums, Settings()))
    own = dict(copies[0].named_parameters())
    assert all(own[name].data_ptr() == parameter.data_ptr() for name, parameter in model.network.named_parameters())


def test_blocks_that_hand_on_more_than_a_state_are_refused_by_block_and_pruned_where_loaded(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole, loaded_sums), (by_block, sums) = both(str(save_tiny(tmp_path / "model", "llama")), tmp_path)
    expected = run(prune.masks(whole, loaded_sums, Settings()))
    monkeypatch.setattr(pruning, "prepare_streamed", lambda *given: None)
    found = run(prune.masks(whole, loaded_sums, Settings()))
    assert all(torch.equal(mask, found.masks[name]) for name, mask in expected.masks.items())
    with pytest.raises(GblmError) as caught:
        run(prune.masks(by_block, sums, Settings()))
    assert caught.value.key == "not_by_block"


def test_sums_beside_a_model_read_by_block_are_read_so_too(tmp_path: Path) -> None:
    (_, held), (_, read) = both(str(save_tiny(tmp_path / "model", "gpt2")), tmp_path)
    assert isinstance(read.sums, StoredSums) and list(read.sums) == list(held.sums)
    assert statistics.manifest_of(read) == statistics.manifest_of(held)
    for name, sums in held.sums.items():
        assert torch.equal(read.sums[name].input_sq, sums.input_sq)
        assert all(torch.equal(read.sums[name].gradients[kept], one) for kept, one in sums.gradients.items())
    with pytest.raises(KeyError):
        read.sums["no matrix"]


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 7), (8, 8)])
def test_packed_masks_are_the_masks_at_a_bit_a_weight(shape: tuple[int, ...]) -> None:
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.5
    packed = PackedMasks()
    packed["one"] = mask.transpose(0, -1)
    assert torch.equal(packed["one"], mask.transpose(0, -1)) and packed["one"].dtype == torch.bool
    assert packed.nbytes == -(-mask.numel() // 8)


def test_tensors_written_in_turn_are_the_bytes_that_safetensors_writes(tmp_path: Path) -> None:
    tensors = {"b.weight": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "a.10": torch.ones(5, dtype=torch.uint8),
               "a.9": torch.zeros(2, 2, 2, dtype=torch.uint8), "é": torch.ones(1, dtype=torch.uint8)}
    metadata = {"gblm": json.dumps({"α": "share:0.5", "quoted": "\"\\"}, ensure_ascii=False)}
    save_file(tensors, tmp_path / "together", metadata)
    write_one_by_one(tmp_path / "turn", {name: tuple(one.shape) for name, one in tensors.items()}, tensors.__getitem__,
                     metadata)
    assert (tmp_path / "turn").read_bytes() == (tmp_path / "together").read_bytes()
    assert all(torch.equal(one, tensors[name]) for name, one in load_file(tmp_path / "turn").items())


# The folder

def exported(pair: tuple[Model, Statistics], folder: Path) -> export.Exported:
    applied = run(prune.masks(*pair, Settings(sparsity=0.3)))
    return run(export.save(prune.pruned(pair[0], applied), applied, folder, statistics=pair[1]))


def stored(folder: Path) -> dict[str, Tensor]:
    """All weights of a folder, by the keys in its files."""
    return {key: tensor for file in weight_files(folder) for key, tensor in load_file(file).items()}


@pytest.mark.parametrize("family", [*SOME, "pocket"])
def test_written_block_by_block_a_folder_holds_the_tensors_of_the_loaded_models(family: str, tmp_path: Path) -> None:
    source = str(POCKET) if family == "pocket" else str(save_tiny(tmp_path / "model", family))
    loaded, streamed = both(source, tmp_path)
    first, second = exported(loaded, tmp_path / "one"), exported(streamed, tmp_path / "other")
    one, other = stored(tmp_path / "one"), stored(tmp_path / "other")
    assert one.keys() == other.keys()
    assert [key for key, tensor in one.items() if not torch.equal(tensor, other[key])] == []
    assert {key: tensor.dtype for key, tensor in one.items()} == {key: tensor.dtype for key, tensor in other.items()}
    assert (first.zeros, first.removed) == (second.zeros, second.removed)
    count = len(streamed[0].layout.blocks) + 1
    names = {file.name for file in weight_files(tmp_path / "other")}
    assert names == {f"model-{number + 1:05d}-of-{count:05d}.safetensors" for number in range(count)}
    index = json.loads((tmp_path / "other" / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == other.keys() and set(index["weight_map"].values()) == names
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in other.values())
    beside = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()
              if file.name not in ("model.safetensors", "README.md")}
    assert beside == {name: (tmp_path / "other" / name).read_bytes() for name in beside}, "config, masks, settings"
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "other", dtype=torch.float32).eval()
    if hasattr(network, "set_experts_implementation"):
        network.set_experts_implementation("eager")  # as the app runs them: another order of sums is another last bit
    read = run(load(str(tmp_path / "one"), "float32", "cpu"))
    tokens = tiny_samples(1)[0][None]
    with torch.no_grad():
        assert torch.equal(network(tokens, use_cache=False).logits, read.network(tokens, use_cache=False).logits)


@pytest.fixture
def streamed(tmp_path: Path) -> tuple[Model, Statistics]:
    return both(str(save_tiny(tmp_path / "model", "llama")), tmp_path)[1]


def test_a_job_that_ends_anywhere_leaves_no_folder(streamed: tuple[Model, Statistics], tmp_path: Path) -> None:
    applied = run(prune.masks(*streamed, Settings()))
    pruned = prune.pruned(streamed[0], applied)
    steps: list[Step] = []
    run(export.save(pruned, applied, tmp_path / "whole"), steps.append)
    before = sorted(tmp_path.iterdir())
    for length in range(1, len(steps)):
        job = export.save(pruned, applied, tmp_path / "out")
        for _ in range(length):
            next(job)
        job.close()
        assert sorted(tmp_path.iterdir()) == before
    assert all(on_meta(pruned.network, pruned.layout))


def test_a_full_disk_is_a_sentence_and_leaves_nothing(streamed: tuple[Model, Statistics], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    applied = run(prune.masks(*streamed, Settings()))
    before, written = sorted(tmp_path.iterdir()), []

    def full(tensors: Any, file: Path, metadata: Any) -> None:
        if written:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        written.append(file)
        save_file(tensors, file, metadata)

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(GblmError) as caught:
        run(export.save(prune.pruned(streamed[0], applied), applied, tmp_path / "out"))
    assert caught.value.key == "cannot_write" and "No space left" in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["model.layers.1.mlp.up_proj.weight", "model.layers.2.input_layernorm.weight",
                                  "model.embed_tokens.weight"])
def test_one_weight_that_reads_back_differently_keeps_the_folder_away(
        name: str, streamed: tuple[Model, Statistics], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = run(prune.masks(*streamed, Settings()))

    def spoiled(network: Any, weights: Any, folder: Path) -> Any:
        yield from write(network, weights, folder)
        for file in weight_files(folder):
            tensors = load_file(file)
            if name in tensors:
                tensors[name].view(-1)[-1] += 1
                save_file(tensors, file, {"format": "pt"})

    write = shards.write
    monkeypatch.setattr(shards, "write", spoiled)
    with pytest.raises(GblmError) as caught:
        run(export.save(prune.pruned(streamed[0], applied), applied, tmp_path / "out"))
    assert caught.value.key == "export_differs" and name in str(caught.value)
    assert not (tmp_path / "out").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
import safetensors.torch
from safetensors.torch import save_file
from gblm_viz.core.keep import export
from gblm_viz.core.mask import prune
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.core.mask.prune import Settings

def killed(tensors, file, metadata):
    save_file(tensors, file, metadata)
    if Path(file).name.startswith("model-00003"):
        os.kill(os.getpid(), signal.SIGKILL)

safetensors.torch.save_file = killed
model = run(load(sys.argv[1], "float32", "cpu", by_block=True))
applied = run(prune.masks(model, None, Settings("magnitude")))
run(export.save(prune.pruned(model, applied), applied, Path(sys.argv[2]), force=True))
"""


def test_killed_while_writing_it_leaves_the_earlier_folder_and_the_next_run_clears_up(
        streamed: tuple[Model, Statistics], tmp_path: Path) -> None:
    place = tmp_path / "place"
    exported(streamed, place / "out")
    before = {file.name: file.read_bytes() for file in (place / "out").iterdir()}
    done = warm.finished(tmp_path / "said", KILLED, tmp_path / "model", place / "out")
    assert done.code == -signal.SIGKILL, done.complained()
    assert {file.name: file.read_bytes() for file in (place / "out").iterdir()} == before
    assert len(list(place.iterdir())) == 2, "the half folder lies beside it"
    exported(streamed, place / "out")
    assert [folder.name for folder in place.iterdir()] == ["out"]
    assert {file.name: file.read_bytes() for file in (place / "out").iterdir()} == before
