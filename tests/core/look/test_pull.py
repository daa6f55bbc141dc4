"""Pulls by sample and by token, against tokens that run with a weight of their own, and against the collected sums.

Knows nothing of methods or masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, normalizers
from tokenizers import models as token_models
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast
from transformers.models.llama.modeling_llama import LlamaMLP

from gblm_viz.core.base.errors import ScoreError
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.look import pull
from gblm_viz.core.look.pull import Pull, SamplePull, block_shares, sample_shares, token_pulls
from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.model.models import Model, private_copy, wrap
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.observe import sample_loss
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import CalibrationSet, from_text
from gblm_viz.core.text.tokens import token_texts
from tests import reference
from tests.core.automaton import byte_tokenizer
from tests.families import FAMILIES, HEAD, UNOBSERVED, tiny_tokenizer

ROOT = Path(__file__).parents[3]
TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n" * 4
LENGTH = 12
JAPANESE = "鬱蒼とした森で🦉が鳴く。The owl 🦉 says ほう。"


def samples(length: int = LENGTH) -> CalibrationSet:
    return from_text(tiny_tokenizer(), TEXT, name="river.txt", samples=3, length=length)


def tiny(network: Any) -> Model:
    return wrap(network, tiny_tokenizer(), "tiny")


@pytest.fixture(scope="module")
def llama() -> Model:
    return tiny(FAMILIES["llama"]())


@pytest.fixture(scope="module")
def collected(llama: Model) -> Statistics:
    return run(collect(llama, samples()))


def parts_of(model: Model, matrix: Matrix, sample: Tensor) -> list[Tensor]:
    """The reference's G by token, (length, out, in), of a matrix or of each of its experts."""
    stored = matrix.view(reference.token_gradients(model.network, matrix.name, sample))
    return list(stored.unbind(1)) if matrix.experts else [stored]


def by_reference(matrix: Matrix, target: Pull, parts: list[Tensor]) -> list[float]:
    rows, columns = list(range(matrix.rows)), list(range(matrix.columns))
    if target.kind in {"weight", "row"}:
        rows = [target.row]
    if target.kind in {"weight", "column"}:
        columns = [target.column]
    if target.kind == "head":
        head = list(range(target.head * HEAD, (target.head + 1) * HEAD))
        rows, columns = (rows, head) if matrix.role == "o" else (head, columns)
    pulls = [reference.token_pulls(part, rows, columns, target.kind == "weight")
             for expert, part in enumerate(parts) if target.expert in (None, expert)]
    return [sum(one) for one in zip(*pulls, strict=True)]


def close(found: SamplePull, expected: list[float]) -> None:
    """`found` is float32's work, so what cancels is held against the largest share."""
    atol = 1e-5 * max(map(abs, expected))
    assert found.per_token == pytest.approx(expected, rel=1e-4, abs=atol)
    assert found.total == pytest.approx(sum(expected), rel=1e-4, abs=atol)
    assert sum(found.per_token) == pytest.approx(found.total, rel=1e-5)


@pytest.mark.parametrize("kind", ["weight", "row", "column", "head", "matrix"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral", "gpt_oss"])
def test_a_tokens_share_is_that_of_a_token_with_a_weight_of_its_own(family: str, kind: Any) -> None:
    model = tiny(FAMILIES[family]())
    for matrix in model.layout.of_block(1):
        if kind == "head" and matrix.role not in {"q", "k", "v", "qkv", "o"}:
            continue
        parts = parts_of(model, matrix, samples().sample(1))
        for expert in (None, *range(matrix.experts)):
            target = Pull(kind, matrix.name, row=5, column=7, head=1, expert=expert)
            (found,) = run(token_pulls(model, samples(), target, (1,)))
            assert (found.sample, len(found.per_token)) == (1, LENGTH)
            close(found, by_reference(matrix, target, parts))


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_blocks_share_is_the_sum_of_its_matrices(family: str) -> None:
    model = tiny(FAMILIES[family]())
    (found,) = run(token_pulls(model, samples(), Pull("block", block=2), (0,)))
    shares = [by_reference(matrix, Pull("matrix"), parts_of(model, matrix, samples().sample(0)))
              for matrix in model.layout.of_block(2)]
    close(found, [sum(one) for one in zip(*shares, strict=True)])


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "falcon", "opt", "lfm2", "mixtral", "gpt_oss",
                                    "deepseek_v3", "qwen3_next"])
def test_matrices_and_blocks_pull_as_much_as_the_collected_statistics_say(family: str) -> None:
    model = tiny(FAMILIES[family]())
    statistics = run(collect(model, samples()))
    targets = {Pull("block", block=1): model.layout.of_block(1)}
    targets |= {Pull("matrix", matrix.name): (matrix,) for matrix in model.layout.of_block(1)}
    for target, matrices in targets.items():
        found = run(token_pulls(model, samples(), target))
        expected = torch.stack([statistics.sample_l1[matrix.name] for matrix in matrices]).sum(0)
        assert [one.total for one in found] == pytest.approx(expected.tolist(), rel=1e-5)
        assert [sum(one.per_token) for one in found] == pytest.approx(expected.tolist(), rel=1e-5)
        assert [one.loss for one in found] == pytest.approx(statistics.losses.tolist(), rel=1e-6)


def test_a_weights_pull_over_all_samples_is_its_gradient_sum(llama: Model, collected: Statistics) -> None:
    for matrix in llama.layout.of_block(0):
        for row, column in [(0, 0), (5, 7), (matrix.rows - 1, matrix.columns - 1)]:
            found = run(token_pulls(llama, samples(), Pull("weight", matrix.name, row, column)))
            sums = {kind: float(tensor[row, column]) for kind, tensor in collected.sums[matrix.name].gradients.items()}
            assert abs(sum(one.total for one in found) - sums["sum"]) <= 1e-6 * sums["l1"]
            assert sum(abs(one.total) for one in found) == pytest.approx(sums["l1"], rel=1e-5)


def test_an_expert_pulls_nothing_where_it_saw_no_token() -> None:
    model = tiny(FAMILIES["mixtral"]())
    matrix = next(matrix for matrix in model.layout.matrices if matrix.experts)
    cut = samples(length=2)
    busy = [bool(part.any()) for part in parts_of(model, matrix, cut.sample(0))]
    found = [run(token_pulls(model, cut, Pull("matrix", matrix.name, expert=expert), (0,)))[0]
             for expert in range(matrix.experts)]
    assert set(busy) == {True, False}
    assert [one.total > 0 for one in found] == busy
    assert [any(one.per_token) for one in found] == busy


@pytest.mark.parametrize("family", ["mixtral", "gpt_oss"])
def test_a_sample_of_as_many_tokens_as_experts_mistakes_neither_for_the_other(family: str) -> None:
    model = tiny(FAMILIES[family]())
    for matrix in model.layout.of_block(0):
        if matrix.experts:
            cut = samples(length=matrix.experts)
            (found,) = run(token_pulls(model, cut, Pull("matrix", matrix.name), (0,)))
            close(found, by_reference(matrix, Pull("matrix"), parts_of(model, matrix, cut.sample(0))))


def shared_block() -> Any:
    network = FAMILIES["llama"]()
    network.model.layers[2].mlp = network.model.layers[0].mlp
    return network


def shared_weight() -> Any:
    network = FAMILIES["llama"]()
    network.model.layers[2].mlp.up_proj.weight = network.model.layers[0].mlp.up_proj.weight
    return network


class Flat(LlamaMLP):
    """Takes (length, hidden), without the axis of the batch."""

    def forward(self, state: Tensor) -> Tensor:
        return super().forward(state[0])[None]


class Halved(LlamaMLP):
    """Sees only every other token."""

    def forward(self, state: Tensor) -> Tensor:
        return super().forward(state[:, ::2]).repeat_interleave(2, 1)


def with_mlp(kind: type[nn.Module]) -> Any:
    network = FAMILIES["llama"]()
    network.model.layers[0].mlp.__class__ = kind
    return network


@pytest.mark.parametrize("build", [shared_block, shared_weight, lambda: with_mlp(Flat)])
def test_a_weight_used_twice_or_without_a_batch_gives_its_tokens_all_they_add(build: Callable[[], Any]) -> None:
    model = tiny(build())
    matrix = model.layout.named("model.layers.0.mlp.up_proj.weight")
    parts = parts_of(model, matrix, samples().sample(2))
    for target in (Pull("weight", matrix.name, 3, 4), Pull("matrix", matrix.name)):
        (found,) = run(token_pulls(model, samples(), target, (2,)))
        close(found, by_reference(matrix, target, parts))


def test_a_matrix_without_an_input_for_each_token_is_refused_with_its_name() -> None:
    model = tiny(with_mlp(Halved))
    name = "model.layers.0.mlp.up_proj.weight"
    with pytest.raises(ScoreError, match=name) as raised:
        run(token_pulls(model, samples(), Pull("matrix", name)))
    assert raised.value.key == "no_token_shares"


def test_a_matrix_that_was_missed_is_an_error() -> None:
    model = tiny(UNOBSERVED["jamba"]())
    name = next(matrix.name for matrix in model.layout.matrices if "dt_proj" in matrix.name)
    with pytest.raises(ScoreError, match=name) as raised:
        run(token_pulls(model, samples(), Pull("matrix", name)))
    assert raised.value.key == "unobserved"


def test_a_stack_whose_products_cannot_be_seen_is_an_error_and_no_zero() -> None:
    model = tiny(FAMILIES["mixtral"]())
    name = next(matrix.name for matrix in model.layout.matrices if matrix.experts)
    model.network.set_experts_implementation("batched_mm")
    with pytest.raises(ScoreError, match=name) as raised:
        run(token_pulls(model, samples(), Pull("matrix", name)))
    assert raised.value.key == "unobserved"


Q = "model.layers.0.self_attn.q_proj.weight"


@pytest.mark.parametrize(("last", "beyond"), [
    (Pull("row", Q, row=31), Pull("row", Q, row=32)), (Pull("column", Q, column=31), Pull("column", Q, column=32)),
    (Pull("head", Q, head=3), Pull("head", Q, head=4)), (Pull("block", block=2), Pull("block", block=3))])
def test_a_part_that_is_not_there_is_refused_before_the_first_pass(llama: Model, last: Pull, beyond: Pull) -> None:
    assert run(token_pulls(llama, samples(), last, (0,)))
    with pytest.raises(IndexError):
        next(token_pulls(llama, samples(), beyond))


def test_samples_come_in_the_order_they_were_chosen_and_steps_count_them(llama: Model) -> None:
    target = Pull("row", "model.layers.1.mlp.down_proj.weight", row=3)
    whole = run(token_pulls(llama, samples(), target))
    steps: list[Step] = []
    assert run(token_pulls(llama, samples(), target, (2, 0)), steps.append) == (whole[2], whole[0])
    assert steps == [Step(0, 2, "sample"), Step(1, 2, "sample"), Step(2, 2, "sample")]
    assert run(token_pulls(llama, samples(), target, ())) == ()


@pytest.mark.parametrize("ends", ["done", "closed", "failed"])
@pytest.mark.parametrize("family", ["llama", "mixtral"])
def test_a_pass_leaves_no_hook_and_no_gradient_however_it_ends(family: str, ends: str,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny(FAMILIES[family]())
    used: list[Any] = []

    def kept(network: Any) -> Any:
        used.append(private_copy(network))
        return used[0]

    monkeypatch.setattr(pull, "private_copy", kept)
    before = {name: parameter.clone() for name, parameter in model.network.named_parameters()}
    job = token_pulls(model, samples(), Pull("block", block=1))
    next(job)
    if ends == "failed":
        monkeypatch.setattr(pull, "sample_loss", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            next(job)
    else:
        next(job)
        job.close() if ends == "closed" else run(job)
    assert torch.is_grad_enabled()
    assert used[0] is not model.network
    for network in (model.network, used[0]):
        assert not any(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
                       for module in network.modules())
        for name, parameter in network.named_parameters():
            assert parameter.grad is None and not parameter.requires_grad
            assert torch.equal(parameter, before[name])


def test_a_job_hooks_no_network_but_its_own(llama: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked: list[bool] = []

    def looks(network: Any, tokens: Tensor) -> Tensor:
        hooked.extend(any(module._forward_hooks for module in one.modules()) for one in (network, llama.network))
        return sample_loss(network, tokens)

    monkeypatch.setattr(pull, "sample_loss", looks)
    run(token_pulls(llama, samples(), Pull("block", block=0), (0,)))
    assert hooked == [True, False]


def test_samples_shares_sum_to_one_and_follow_their_pulls(collected: Statistics) -> None:
    first, second, *_ = collected.sample_l1
    for names, shares in [((first,), sample_shares(collected, first)),
                          ((first, second), block_shares(collected, (first, second)))]:
        pulls = [sum(float(collected.sample_l1[name][index]) for name in names) for index in range(3)]
        assert shares.dtype == np.float64
        assert shares.sum() == pytest.approx(1, abs=1e-12)
        assert shares.tolist() == pytest.approx([one / sum(pulls) for one in pulls], rel=1e-12)


def test_shares_of_no_gradient_at_all_are_nan(collected: Statistics) -> None:
    name = next(iter(collected.sample_l1))
    nothing = replace(collected, sample_l1=collected.sample_l1 | {name: torch.zeros(3, dtype=torch.float64)})
    assert np.isnan(sample_shares(nothing, name)).tolist() == [True] * 3


def sentence_piece_tokenizer() -> PreTrainedTokenizerFast:
    """As Llama 2's: ▁ for a space, the first of which is dropped, and a byte a token for what it does not know."""
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyzTO."]
    vocabulary = {token: index for index, token in enumerate(
        ["<unk>", "<s>", "▁the", *(f"<0x{byte:02X}>" for byte in range(256)), *letters, "th", "the"])}
    tokenizer = Tokenizer(token_models.BPE(vocabulary, [("t", "h"), ("th", "e"), ("▁", "the")], unk_token="<unk>",
                                           byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>")


def pieces_of(tokenizer: Any, tokens: list[int]) -> tuple[str, ...]:
    given = CalibrationSet(torch.tensor([[*tokens, 0, 0]]), torch.tensor([len(tokens)]), "tokens", 0, "made", "")
    found = token_texts(SimpleNamespace(tokenizer=tokenizer), given, 0)  # type: ignore[arg-type]
    assert len(found) == len(tokens)
    assert "".join(found) == tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
    return found


def test_pieces_of_bytes_stand_at_the_token_that_completes_the_character() -> None:
    tokenizer = byte_tokenizer()
    tokens = tokenizer("aé森🦉b")["input_ids"]
    assert pieces_of(tokenizer, tokens) == ("a", "", "é", "", "", "森", "", "", "", "🦉", "b")
    assert pieces_of(tokenizer, tokens[2:8]) == ("", "", "", "\ufffd森", "", "\ufffd")  # cut inside two characters


@pytest.mark.parametrize("make", [byte_tokenizer, tiny_tokenizer, sentence_piece_tokenizer])
@pytest.mark.parametrize("text", ["the other , the others .\n", "  the  spaces  ", JAPANESE])
def test_pieces_joined_are_the_decoded_text(make: Callable[[], Any], text: str) -> None:
    tokenizer = make()
    tokens = tokenizer(text)["input_ids"]
    for start in range(0, len(tokens), 5):
        pieces_of(tokenizer, tokens[start:])


def test_pieces_of_the_pocket_tokenizer_read_as_english_and_japanese(pocket: Model) -> None:
    text = (ROOT / "assets/texts/chat_ja.txt").read_text(encoding="utf-8")[:1500] + JAPANESE
    cut = from_text(pocket.tokenizer, text, name="chat_ja.txt", samples=1000, length=16)
    for index in range(cut.count):
        pieces = token_texts(pocket, cut, index)
        assert len(pieces) == 16
        assert "".join(pieces) == pocket.tokenizer.decode(cut.sample(index), clean_up_tokenization_spaces=False)
    tokens = pocket.tokenizer("<|user|>名前はかやほです。")["input_ids"]
    assert pieces_of(pocket.tokenizer, tokens)[0] == "<|user|>"
    tokens = pocket.tokenizer(JAPANESE)["input_ids"]
    pieces = pieces_of(pocket.tokenizer, tokens)
    assert "" in pieces and "\ufffd" not in "".join(pieces)
