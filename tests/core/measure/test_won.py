"""Bytes are those of files that are really written and of an encoding made bit by bit; speeds are of equal work."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import won
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from tests import reference
from tests.families import FAMILIES, tiny_tokenizer

MESSAGES = [{"role": "user", "content": "What is a river?"}]


def made(family: str, settings: Settings) -> tuple[Model, Masks, Model]:
    torch.manual_seed(0)
    dense = models.wrap(FAMILIES[family](), tiny_tokenizer(), "tiny")
    masks = run(prune.masks(dense, None, settings))
    return dense, masks, prune.pruned(dense, masks)


HALF = Settings("magnitude", sparsity=0.55, order="dense")
PAIRS = Settings("magnitude", pattern="2:4", order="dense")


@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_mask_and_values_is_the_encoding_made_bit_by_bit(family: str) -> None:
    dense, masks, pruned = made(family, HALF)
    every = {parameter.data_ptr(): parameter.numel() * 4 for parameter in dense.network.parameters()}
    rest = sum(every.values()) - 4 * dense.layout.prunable
    shapes = [matrix.shape for matrix in dense.layout.matrices]
    expected = reference.as_mask_and_values(shapes, list(masks.masks.values()), 4, rest)
    assert won.mask_and_values(pruned, masks) == expected


def test_memory_counts_tied_weights_once_and_the_copy_shares_what_was_not_pruned() -> None:
    dense, _, pruned = made("gpt2", HALF)
    network = dense.network
    assert network.get_input_embeddings().weight is network.get_output_embeddings().weight
    assert won.memory(dense) == won.memory(pruned) == 4 * sum(one.numel() for one in network.parameters())
    assert won.shared_memory(dense, pruned) == won.memory(dense) - 4 * dense.layout.prunable
    assert won.shared_memory(dense, dense) == won.memory(dense)


def test_saved_and_zipped_are_the_bytes_of_the_folder_that_is_written(tmp_path: Path) -> None:
    _, _, pruned = made("llama", HALF)
    steps: list[Step] = []
    found = run(won.measure_bytes(pruned), steps.append)
    pruned.network.save_pretrained(tmp_path)
    written = b"".join(file.read_bytes() for file in tmp_path.glob("*.safetensors"))
    assert found.saved == len(written)
    assert found.zipped == len(zlib.compress(written, 6))
    assert {step.what for step in steps} == {"byte"}
    assert steps[-1] == Step(found.saved, found.saved, "byte")


def test_zeros_make_only_the_zipped_file_smaller() -> None:
    dense, masks, pruned = made("llama", HALF)
    before, after = run(won.measure_bytes(dense)), run(won.measure_bytes(pruned))
    assert (after.memory, after.saved) == (before.memory, before.saved)
    assert after.zipped < before.zipped
    assert won.mask_and_values(pruned, masks) < after.memory


def test_the_written_folder_is_gone_also_after_a_cancel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, _, pruned = made("llama", HALF)
    monkeypatch.setattr(won.tempfile, "tempdir", str(tmp_path))
    job = won.measure_bytes(pruned)
    next(job)
    next(job)
    assert list(tmp_path.iterdir())
    job.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_a_sentence_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, pruned = made("llama", HALF)
    monkeypatch.setattr(won.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(ModelError, match="on disk"):
        run(won.measure_bytes(pruned))


def test_a_run_generates_the_greedy_tokens_and_as_many_whatever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, _, _ = made("llama", HALF)
    monkeypatch.setattr(won, "TOKENS", 6)
    fed: list[list[int]] = []
    hook = dense.network.register_forward_pre_hook(lambda _, args: fed.append(args[0][0].tolist()))
    prompt = torch.tensor([5, 9, 2, 2])
    assert won.speed_once(dense, prompt) > 0
    hook.remove()
    tokens = prompt.tolist()
    for _ in range(6):
        with torch.no_grad():
            tokens.append(int(dense.network(torch.tensor([tokens])).logits[0, -1].argmax()))
    assert fed[0] == prompt.tolist()
    assert [one for some in fed[1:] for one in some] == tokens[4:]


def test_models_take_turns_and_the_first_run_of_each_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, _, pruned = made("llama", HALF)
    order: list[Any] = []

    def once(model: Model, prompt: Any) -> float:
        order.append(model)
        return float(len(order))

    monkeypatch.setattr(won, "speed_once", once)
    first, second = run(won.measure_speeds([dense, pruned], MESSAGES))
    assert order == [dense, pruned] * (won.REPEATS + 1)
    assert first.runs == (3.0, 5.0, 7.0, 9.0, 11.0)
    assert second.runs == (4.0, 6.0, 8.0, 10.0, 12.0)
    assert (first.median, second.median) == (7.0, 8.0)
    assert first.tokens == won.TOKENS and first.prompt > 0


def test_two_of_four_is_at_least_two_of_each_four_neighbours_in_a_row() -> None:
    _, pairs, _ = made("llama", PAIRS)
    _, half, _ = made("llama", HALF)
    assert won.two_of_four(pairs)
    assert not won.two_of_four(half)
    mask = torch.tensor([[True, True, False, False, True, True, True, False]])
    assert won.two_of_four(Masks({"w": mask}, PAIRS, None, "", "", (), {}))
    assert not won.two_of_four(Masks({"w": mask[:, 1:7]}, PAIRS, None, "", "", (), {}))


def test_without_cuda_no_semi_structured_speed_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, masks, pruned = made("llama", PAIRS)
    monkeypatch.setattr(won.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(won, "TOKENS", 2)
    found = run(won.measure(dense, pruned, masks, MESSAGES))
    assert found.why_not == "no_cuda" and found.speed_semi is None
    assert all(math.isfinite(one) for one in found.speed_dense.runs + found.speed_pruned.runs)
    assert found.masked == won.mask_and_values(pruned, masks)
    assert found.shared == won.shared_memory(dense, pruned)


def test_where_the_machine_can_every_matrix_is_packed_and_a_third_speed_measured(
        monkeypatch: pytest.MonkeyPatch) -> None:
    dense, masks, pruned = made("llama", PAIRS)
    packed: list[Any] = []
    monkeypatch.setattr(won, "why_not_semi", lambda *_: "")
    monkeypatch.setattr(won, "TOKENS", 2)
    monkeypatch.setattr(won.torch.sparse, "to_sparse_semi_structured",
                        lambda weight: (packed.append(weight), weight)[1])
    found = run(won.measure(dense, pruned, masks, MESSAGES))
    assert len(packed) == len(dense.layout.matrices)
    own = dict(pruned.network.named_parameters())
    assert all(any(torch.equal(one, own[matrix.name]) for one in packed) for matrix in dense.layout.matrices)
    assert found.speed_semi is not None and len(found.speed_semi.runs) == won.REPEATS
