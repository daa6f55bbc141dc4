"""Blocks read one at a time from a folder, inputs that wait in memory or in a file, and a head cut over tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import gblm_viz.core.sums.collect as collecting
from gblm_viz.core.base.errors import GblmError, ModelError, StatisticsError
from gblm_viz.core.base.job import run
from gblm_viz.core.base.shelf import Shelf
from gblm_viz.core.model.block_weights import lay_out
from gblm_viz.core.model.folder import weight_files
from gblm_viz.core.model.models import Model, load, wrap
from gblm_viz.core.model.replay import Call, CallInterner
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.sums.streamed import Streamed
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES, save_tiny, tiny_samples, tiny_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")


def calibration(count: int = 3, length: int = 16) -> CalibrationSet:
    return CalibrationSet(torch.stack(tiny_samples(count, length)), torch.full((count,), length), "windows", 0, "r", "")


def differing(one: Statistics, other: Statistics) -> list[str]:
    return [f"{name} {kept}" for name, sums in one.sums.items() for kept, tensor in sums.gradients.items()
            if not torch.equal(tensor, other.sums[name].gradients[kept])
            or not torch.equal(sums.input_sq, other.sums[name].input_sq)]


@pytest.mark.parametrize("family", FAMILIES)
def test_read_block_by_block_it_is_the_same_model_with_the_same_sums(family: str, tmp_path: Path) -> None:
    source = str(save_tiny(tmp_path / "model", family))
    whole, by_block = run(load(source, "float32", "cpu")), run(load(source, "float32", "cpu", by_block=True))
    assert whole.weights is None and by_block.weights is not None
    assert by_block.key == whole.key and by_block.layout == whole.layout
    first, second = run(collect(whole, calibration())), run(collect(by_block, calibration(), plan="streamed"))
    assert torch.equal(first.losses, second.losses) and differing(first, second) == []
    blocks = [by_block.network.get_submodule(path) for path in by_block.layout.blocks]
    assert all(parameter.is_meta for block in blocks for parameter in block.parameters()), "a block was not let go"
    tokens = tiny_samples(1)[0][None]
    with torch.no_grad():  # as a whole it runs as well, each block read when it is entered
        first_logits, second_logits = (one.network(tokens, use_cache=False).logits for one in (whole, by_block))
    assert torch.equal(first_logits, second_logits)


@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral", "gpt_oss", "gemma2", "qwen3_next"])
def test_in_bfloat16_both_plans_give_the_same_bits(family: str, tmp_path: Path) -> None:
    source = str(save_tiny(tmp_path / "model", family))
    whole = run(collect(run(load(source, "bfloat16", "cpu")), calibration()))
    found = run(collect(run(load(source, "bfloat16", "cpu", by_block=True)), calibration(), plan="streamed"))
    assert whole.dtype == "bfloat16" and torch.equal(whole.losses, found.losses) and differing(whole, found) == []


def test_one_block_at_a_time_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = run(load(str(save_tiny(tmp_path / "model", "llama")), by_block=True))
    back, held = Streamed.backward, []

    def counts(self: Streamed, *given: Any) -> Tensor:
        held.append([not any(one.is_meta for one in block.parameters()) for block in self.blocks])
        return back(self, *given)

    monkeypatch.setattr(Streamed, "backward", counts)
    run(collect(model, calibration(), plan="streamed"))
    assert len(held) == 3 * len(model.layout.blocks) and all(sum(one) == 1 for one in held)


def test_blocks_that_share_weights_are_loaded_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path / "model", "llama")
    network = FAMILIES["llama"]()
    config, up = network.config, "mlp.up_proj.weight"
    monkeypatch.setattr(type(network), "_tied_weights_keys", {f"model.layers.1.{up}": f"model.layers.0.{up}"})
    config.tie_word_embeddings = True
    assert lay_out(config, weight_files(folder), torch.float32) is None


@pytest.mark.parametrize("lacks", ["model.layers.1.mlp.up_proj.weight", "model.norm.weight"])
def test_a_folder_that_lacks_a_weight_is_refused(tmp_path: Path, lacks: str) -> None:
    folder = save_tiny(tmp_path / "model", "llama")
    with safe_open(folder / "model.safetensors", "pt") as stored:
        left = {key: stored.get_tensor(key) for key in stored.keys() if key != lacks}  # noqa: SIM118  # no mapping
    save_file(left, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as caught:
        run(load(str(folder), by_block=True))
    assert caught.value.key == "weights_missing" and lacks in str(caught.value)


def test_a_weight_that_is_no_number_is_refused_by_its_name(tmp_path: Path) -> None:
    network = FAMILIES["llama"]()
    with torch.no_grad():
        network.model.layers[1].mlp.up_proj.weight[3, 4] = torch.nan
    network.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError) as caught:
        run(load(str(tmp_path), by_block=True))
    assert caught.value.key in ("not_finite", "not_decoder")


@pytest.mark.parametrize("most", [0, 5000])
def test_inputs_that_wait_in_a_file_give_the_same_bits(most: int, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    model = wrap(FAMILIES["mixtral"](), tiny_tokenizer(), "tiny")
    expected = run(collect(model, calibration()))
    shelves: list[Shelf] = []

    def small(most_bytes: int, folder: Path | None = None) -> Shelf:
        shelves.append(Shelf(most, folder))
        return shelves[-1]

    monkeypatch.setattr(collecting, "Shelf", small)
    found = run(collect(model, calibration(), plan="streamed", folder=tmp_path / "out"))
    assert differing(expected, found) == []
    # three samples of 16 tokens and 32 features, at the four borders of the blocks
    assert shelves[0].held <= most and 0 < shelves[0].on_disk <= 4 * 3 * 16 * 32 * 4
    assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".safetensors", ".json"}, "the file has no name"


def test_a_shelf_uses_room_in_its_file_again(tmp_path: Path) -> None:
    shelf = Shelf(100, tmp_path)
    kept = {key: torch.full((5, 5), float(key)) for key in range(4)}
    for key, tensor in kept.items():
        shelf.put(key, tensor)
    assert (shelf.held, shelf.on_disk) == (100, 300) and list(tmp_path.iterdir()) == []
    assert all(torch.equal(shelf.get(key), tensor) for key, tensor in kept.items())
    assert torch.equal(shelf.pop(2), kept[2]) and 2 not in shelf
    half = torch.full((25,), 7, dtype=torch.bfloat16)
    shelf.put(9, torch.full((5, 5), 9.0))
    shelf.put(1, half)
    assert shelf.on_disk == 300 + half.nbytes
    assert torch.equal(shelf.get(9), torch.full((5, 5), 9.0)) and torch.equal(shelf.get(1), half)
    assert shelf.get(1).dtype == torch.bfloat16


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def seek(self, offset: int) -> None: ...

        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **given: Full())
    with pytest.raises(StatisticsError) as caught:
        Shelf(0).put("one", torch.zeros(3))
    assert caught.value.key == "cannot_write" and "No space left" in str(caught.value)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "cohere", "granite", "bloom"])
@pytest.mark.parametrize("piece", [1, 5, 15])
def test_a_head_cut_over_tokens_gives_the_same_gradients(family: str, piece: int,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    model = wrap(FAMILIES[family](), tiny_tokenizer(), "tiny")
    expected = run(collect(model, calibration()))
    monkeypatch.setattr(Streamed, "piece", lambda self, length: piece)
    found = run(collect(model, calibration(), plan="streamed"))
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-6, atol=0)
    for name, sums in expected.sums.items():
        for kept in ("l1", "sq"):
            tensor = sums.gradients[kept]
            torch.testing.assert_close(found.sums[name].gradients[kept], tensor, rtol=1e-5,
                                       atol=1e-6 * float(tensor.max()))


def test_a_head_that_mixes_tokens_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    network = FAMILIES["llama"]()
    network.model.norm.register_forward_hook(lambda module, args, given: given + given.mean(1, keepdim=True).detach())
    model = wrap_unchecked(network)
    made = collecting.prepare_streamed(network, model.layout, tiny_samples(1)[0])
    assert made is not None and not made.cuttable and made.piece(99) == 99
    plain = collecting.prepare_streamed(FAMILIES["llama"](), model.layout, tiny_samples(1)[0])
    assert plain is not None and plain.cuttable
    monkeypatch.setattr("gblm_viz.core.sums.streamed.LEAST_HEAD", 1)
    largest = max(sum(one.weights for one in model.layout.of_block(block)) for block in range(3))
    assert plain.piece(10**9) == largest // (4 * 128)


def wrap_unchecked(network: Any) -> Model:
    """A network whose early logits see later tokens is refused as an encoder; here it is what is wanted."""
    from gblm_viz.core.model.matrices import find_layout
    return Model(network, tiny_tokenizer(), find_layout(network), "tiny", "key")


def test_what_happens_between_two_blocks_is_refused() -> None:
    network = FAMILIES["llama"]()
    network.model.layers[1].register_forward_pre_hook(lambda module, args, kwargs: ((2 * args[0], *args[1:]), kwargs),
                                                      with_kwargs=True)
    model = wrap(network, tiny_tokenizer(), "tiny")
    with pytest.raises(GblmError) as caught:
        run(collect(model, calibration(), plan="streamed"))
    assert caught.value.key == "not_streamable"


def test_equal_tensors_of_two_calls_are_one_and_others_are_not() -> None:
    mask, alike = torch.ones(4, 4), CallInterner()
    first = alike.intern([Call((mask,), {"position": mask, "own": torch.arange(3)}, False)] * 2)
    again = alike.intern([Call((mask.clone(),), {"position": mask.clone(), "own": torch.arange(1, 4)}, False)] * 2)
    assert first[0].args[0] is first[1].args[0] is again[0].args[0] is mask
    assert again[0].kwargs["own"] is not first[0].kwargs["own"] and again[0].kwargs["own"].tolist() == [1, 2, 3]
