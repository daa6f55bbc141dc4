"""How a training run goes on, what it saves and what it refuses: a toy of a few steps.

Knows nothing of what the shipped model can do.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from gblm_viz.pocket import facts, prose, skills, stories, stream, telling, train
from gblm_viz.pocket.train import Recipe

TOY = Recipe(tokens=6 * 512, batch=512, short=2 * 512, hidden=32, blocks=1, heads=2, key_value_heads=1, intermediate=32,
             warmup=2)
LONG = replace(TOY, tokens=9 * 512)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train.new_tokenizer()


@pytest.fixture
def work(tmp_path: Path, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of folders to train in, each with the tokenizer; one language is measured."""
    monkeypatch.setattr(prose, "LANGUAGES", ("en",))
    for name in ("whole", "killed"):
        tokenizer.save_pretrained(tmp_path / name)
    return tmp_path


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, recipe: Recipe, folder: Path) -> None:
    """A run that gets as far as `step` steps and keeps a checkpoint after each."""
    made = train.batch

    def batch(recipe: Recipe, at: int, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
        if at == step:
            raise KeyboardInterrupt
        return made(recipe, at, tokenizer)

    with monkeypatch.context() as patch:
        patch.setattr(train, "batch", batch)
        with pytest.raises(KeyboardInterrupt):
            train.fit(recipe, folder, threads=1, checkpoint_seconds=-1)


def test_the_rate_rises_straight_stays_level_and_falls_straight() -> None:
    recipe = Recipe(tokens=2_000_000)
    rates = [recipe.rate_at(step) for step in range(recipe.steps)]
    assert rates[0] == pytest.approx(recipe.rate / recipe.warmup)
    assert rates[99] == pytest.approx(recipe.rate * 100 / recipe.warmup)
    assert set(rates[recipe.warmup - 1 : recipe.level_until + 1]) == {recipe.rate}
    falling = rates[recipe.level_until :]
    assert falling == sorted(falling, reverse=True)
    middle = (recipe.level_until + recipe.steps) // 2
    assert rates[middle] == pytest.approx(recipe.rate / 2, rel=0.01)
    assert rates[-1] == pytest.approx(recipe.rate * recipe.final_rate)
    assert min(rates) > 0


def test_what_is_level_does_not_depend_on_the_number_of_tokens() -> None:
    short, long = Recipe(tokens=2_000_000), Recipe(tokens=9_000_000)
    assert long.level_until > short.level_until > short.warmup
    assert all(short.rate_at(step) == long.rate_at(step) for step in range(short.level_until))
    assert all(short.window_at(step) == long.window_at(step) for step in range(short.level_until))
    assert short.rate_at(short.steps - 1) < 0.1 * long.rate_at(short.steps - 1)


def test_windows_grow() -> None:
    recipe = Recipe(tokens=2_000_000, short=512_000)
    first = 512_000 // recipe.batch
    assert {recipe.window_at(step) for step in range(first)} == {recipe.first_window} == {128}
    assert {recipe.window_at(step) for step in range(first, recipe.level_until)} == {recipe.window} == {256}
    assert {recipe.window_at(step) for step in range(recipe.level_until, recipe.steps)} == {stream.CONTEXT}
    assert replace(recipe, batch=300).window_at(recipe.steps * 10) == 300  # a window holds no more than a batch
    assert replace(recipe, batch=100).window_at(recipe.steps * 100) == 256


def test_a_batch_is_windows_of_as_many_tokens_as_the_recipe_says(tokenizer: PreTrainedTokenizerBase) -> None:
    for step in (0, TOY.level_until):
        windows = train.batch(TOY, step, tokenizer)
        assert {len(window) for window in windows} == {TOY.window_at(step)}
        assert sum(map(len, windows)) == TOY.batch
    first = train.batch(TOY, 3, tokenizer)
    assert first == train.batch(replace(TOY, hidden=64, rate=1.0, tokens=10**6), 3, tokenizer)
    assert first != train.batch(TOY, 2, tokenizer)
    assert first != train.batch(replace(TOY, seed=5), 3, tokenizer)


def test_a_run_goes_on_from_its_own_first_steps_only() -> None:
    short, long = Recipe(tokens=2_000_000), Recipe(tokens=9_000_000)
    recorded = json.loads(json.dumps(asdict(short)))
    assert short.goes_on_from(recorded, short.steps)
    assert long.goes_on_from(recorded, short.level_until)
    assert not long.goes_on_from(recorded, short.level_until + 1)
    assert not short.goes_on_from(json.loads(json.dumps(asdict(long))), short.level_until + 1)
    for changed in (replace(long, seed=5), replace(long, window=128), replace(long, written=0.3)):
        assert not changed.goes_on_from(recorded, 1)


@pytest.mark.parametrize("step", [3, 5])
def test_a_killed_run_goes_on_as_if_it_had_not_been_killed(
    step: int, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, measured = train.fit(TOY, work / "whole", threads=1)
    killed_at(step, monkeypatch, TOY, work / "killed")
    assert [file.name for file in (work / "killed").glob("checkpoint*")] == [f"checkpoint-{step:06d}.safetensors"]
    assert json.loads((work / "killed" / "progress.json").read_text())["step"] == step
    resumed, progress = train.fit(TOY, work / "killed", threads=1)
    assert progress.step == measured.step == TOY.steps == 6
    for expected, found in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(expected, found)
    (expected_point,), (point,) = measured.curve, progress.curve
    assert point["perplexity_en"] == expected_point["perplexity_en"]
    assert point["seconds"] >= 0 and set(point) == {"step", "seconds", "loss", "perplexity_en"}


def test_a_run_resumed_with_more_tokens_is_the_run_of_that_many(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = train.fit(LONG, work / "whole", threads=1)
    killed_at(TOY.level_until, monkeypatch, TOY, work / "killed")
    resumed, progress = train.fit(LONG, work / "killed", threads=1)
    assert progress.step == LONG.steps == 9 and progress.recipe == asdict(LONG)
    for expected, found in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(expected, found)


@pytest.mark.parametrize(("recipe", "corpus"), [(TOY, "another"), (replace(TOY, seed=5), None)])
def test_a_checkpoint_of_another_text_or_another_recipe_is_refused(
    recipe: Recipe, corpus: str | None, tmp_path: Path
) -> None:
    begun = train.Progress(asdict(recipe), corpus or train.corpus_hash(), step=1)
    (tmp_path / "progress.json").write_text(json.dumps({"checkpoint": "none", **asdict(begun)}))
    with pytest.raises(SystemExit, match="another recipe or another text"):
        train.restore(TOY, tmp_path, None, None, train.Progress(asdict(TOY), train.corpus_hash()))  # type: ignore[arg-type]


def test_a_folder_without_a_checkpoint_begins_at_the_beginning(tmp_path: Path) -> None:
    progress = train.Progress(asdict(TOY), "text")
    assert train.restore(TOY, tmp_path, None, None, progress) is progress  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [2, 3])
def test_several_workers_find_the_gradient_and_the_loss_of_one(count: int, tokenizer: PreTrainedTokenizerBase) -> None:
    windows = torch.tensor([window for step in range(2) for window in train.batch(TOY, step, tokenizer)][:count + 1])
    gradients, losses = [], []
    for threads in (1, count):  # windows do not divide evenly among the workers
        model = train.new_model(TOY, tokenizer)
        losses.append(train.Workers(model, threads).backward(windows))
        gradients.append([weight.grad.clone() for weight in model.parameters()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert any(gradient.abs().max() > 1e-3 for gradient in gradients[0])
    for one, several in zip(*gradients, strict=True):
        torch.testing.assert_close(one, several, rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_mean_over_the_next_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    model = train.new_model(TOY, tokenizer)
    windows = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    with torch.no_grad():
        found = [-torch.log_softmax(model(window[None, :place]).logits[0, -1], -1)[window[place]].item()
                 for window in windows for place in range(1, 4)]
        assert train.loss_of(model, windows).item() == pytest.approx(sum(found) / len(found), rel=1e-5)


def test_the_text_has_the_same_hash_each_time() -> None:
    assert train.corpus_hash() == train.corpus_hash()
    assert len(train.corpus_hash()) == 16


def test_a_changed_piece_of_prose_changes_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before, pieces = train.corpus_hash(), prose.pieces
    for language in prose.LANGUAGES:
        with monkeypatch.context() as patch:
            patch.setattr(prose, "pieces", lambda one, changed=language: (
                *pieces(one)[:-1], pieces(one)[-1] + "!" * (one == changed)))
            assert train.corpus_hash() != before
    assert train.corpus_hash() == before


@pytest.mark.parametrize(("module", "name"), [
    (stories, "PEOPLE"), (telling, "LINKS"), (telling, "JA_LINKS"), (stream, "INTRODUCED"), (facts, "SOUNDS")])
def test_a_changed_generator_changes_the_hash(module: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = train.corpus_hash()
    monkeypatch.setattr(module, name, getattr(module, name)[::-1])
    assert train.corpus_hash() != before


def test_one_changed_answer_of_any_skill_changes_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last taught answer of each skill, whether the hashed documents happen to give it or not."""
    before, taught = train.corpus_hash(), skills.taught
    unnoticed = []
    for name in (name for name in skills.SKILLS if name != skills.STORY):
        last = taught(name)[-1].answer
        changed = tuple(replace(question, frame=question.frame + " Yes." * (question.answer == last))
                        for question in taught(name))
        monkeypatch.setattr(
            skills, "taught", lambda one, name=name, changed=changed: changed if one == name else taught(one))
        unnoticed += [name] * (train.corpus_hash() == before)
    assert not unnoticed


def test_the_tokenizer_is_the_same_for_two_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prose, "unseen", lambda language: ("A short text.",))
    for seed in (1, 2):
        torch.manual_seed(seed)
        train.fit(replace(TOY, tokens=512, seed=seed), tmp_path / str(seed), threads=1)
    first, second = ((tmp_path / str(seed) / "tokenizer.json").read_bytes() for seed in (1, 2))
    assert first == second


def test_models_of_two_seeds_differ_and_of_one_seed_do_not(tokenizer: PreTrainedTokenizerBase) -> None:
    first, again, other = (train.new_model(replace(TOY, seed=seed), tokenizer).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_gains_begin_as_uneven_as_the_recipe_says_and_nothing_else_changes(tokenizer: PreTrainedTokenizerBase) -> None:
    wide = replace(TOY, hidden=1024, blocks=2)
    uneven, even = (train.new_model(replace(wide, uneven=spread), tokenizer) for spread in (0.8, 0.0))
    for (name, weight), (_, other) in zip(uneven.named_parameters(), even.named_parameters(), strict=True):
        if "layernorm" in name:
            assert torch.equal(other, torch.ones_like(other))
            assert weight.log().std().item() == pytest.approx(0.8, abs=0.08)
            assert weight.square().mean().item() == pytest.approx(1.0, abs=1e-5)
        else:
            assert torch.equal(weight, other), name


def test_only_matrices_decay_and_only_the_gains_of_norms_learn_at_their_own_rate(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    model = train.new_model(TOY, tokenizer)
    groups = train.new_optimizer(replace(TOY, gain_rate=7.0), model).param_groups
    named = {id(weight): name for name, weight in model.named_parameters()}
    found = {name: (group["weight_decay"], group["share"])
             for group in groups for name in (named[id(weight)] for weight in group["params"])}
    assert set(found) == set(named.values())
    for name, (decay, share) in found.items():
        assert decay == (TOY.weight_decay if dict(model.named_parameters())[name].dim() == 2 else 0.0), name
        assert share == (7.0 if "norm" in name else 1.0), name


def test_a_saved_model_is_read_back_in_bfloat16_with_its_record(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    tokenizer.save_pretrained(tmp_path / "work")
    model: LlamaForCausalLM = train.new_model(TOY, tokenizer)
    kept = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    curve = [{"step": 4.0, "loss": 2.0}]
    progress = train.Progress(asdict(TOY), "hash", 4, 12.3, curve)
    train.save(model, tmp_path / "work", TOY, progress, 2, tmp_path / "saved")
    stored = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    for name, weight in stored.named_parameters():
        assert weight.dtype == torch.bfloat16
        assert torch.equal(weight, kept[name].bfloat16()), name
    assert stored.generation_config.eos_token_id == tokenizer.eos_token_id
    text = stream.chat(Random(1))
    assert AutoTokenizer.from_pretrained(tmp_path / "saved")(text)["input_ids"] == tokenizer(text)["input_ids"]
    trained = json.loads((tmp_path / "saved" / "training.json").read_text())
    assert trained["recipe"] == asdict(TOY) and trained["mixture"] == pytest.approx(TOY.mixture)
    assert (trained["steps"], trained["tokens"], trained["threads"]) == (4, 4 * 512, 2)
    assert (trained["corpus_hash"], trained["curve"]) == ("hash", curve)
    assert trained["parameters"] == sum(weight.numel() for weight in kept.values())
    for language in prose.LANGUAGES:
        assert trained["written_pieces"][language] == len(prose.taught(language))
        assert trained["held_out_pieces"][language] == len(prose.unseen(language))
