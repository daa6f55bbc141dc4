"""The saved pocket model: its files, its scores, and how a training run goes on (a toy of a few steps)."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from gblm_viz.pocket import card, places, probe, prose, skills, train
from gblm_viz.pocket.split import held_out

TOY = train.Recipe(tokens=6 * 512, batch=1, hidden=32, blocks=1, heads=2, key_value_heads=1, intermediate=32, warmup=2)


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(places.MODEL, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(places.MODEL)


def read(name: str) -> dict[str, dict[str, dict[str, float]]]:
    return json.loads((places.MODEL / name).read_text(encoding="utf-8"))


def lines(skill: str) -> list[dict[str, object]]:
    file = places.MODEL / "probes" / f"{skill}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_the_weights_are_bfloat16_llama_within_five_megabytes(model: PreTrainedModel) -> None:
    stored = AutoModelForCausalLM.from_pretrained(places.MODEL)
    assert {weight.dtype for weight in stored.parameters()} == {torch.bfloat16}
    assert model.config.model_type == "llama"
    assert 1_000_000 <= sum(weight.numel() for weight in model.parameters()) <= 5_000_000
    assert (places.MODEL / "model.safetensors").stat().st_size <= 5_000_000
    assert not [file for file in places.MODEL.rglob("*") if file.suffix in (".bin", ".pt", ".pkl")]


def test_every_width_is_divisible_by_eight(model: PreTrainedModel) -> None:
    assert all(size % 8 == 0 for weight in model.parameters() for size in weight.shape)


def test_the_probe_files_are_what_the_generator_writes() -> None:
    files = {file.stem for file in (places.MODEL / "probes").glob("*.jsonl")}
    assert files == set(skills.SKILLS)
    for name in skills.SKILLS:
        assert lines(name) == [json.loads(skills.probe_line(name, question)) for question in skills.probes(name)]


def test_at_least_eight_skills_answer_nine_of_ten_held_out_probes() -> None:
    found = read("scores.json")["skills"]
    assert {name: skill["n"] for name, skill in found.items()} == {name: len(lines(name)) for name in skills.SKILLS}
    assert sum(skill["share"] >= 0.9 for skill in found.values()) >= 8


@pytest.mark.parametrize("name", ["capitals_en", "capitals_ja", "plurals_en"])
def test_the_recorded_scores_are_what_the_saved_model_gets(
    name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    assert (
        sum(probe.passes(model, tokenizer, line) for line in lines(name))
        == read("scores.json")["skills"][name]["right"]
    )


def test_one_forward_judges_as_greedy_decoding_does(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    for name in ("colours_en", "sums_ja"):
        for line in lines(name)[:6]:
            said = probe.told(model, tokenizer, str(line["prompt"]))
            exact = probe.answers_exactly(model, tokenizer, str(line["prompt"]), str(line["answer"]))
            assert exact == (said == line["answer"])
            assert not probe.answers_exactly(model, tokenizer, str(line["prompt"]), str(line["answer"]) + " Yes.")


def test_the_training_record_fits_the_text_and_the_weights(model: PreTrainedModel) -> None:
    trained = json.loads((places.MODEL / "training.json").read_text())
    assert trained["parameters"] == sum(weight.numel() for weight in model.parameters())
    assert trained["corpus_hash"] == train.corpus_hash()
    assert trained["tokens"] == trained["steps"] * trained["recipe"]["batch"] * 512
    assert trained["recipe"]["seed"] == 1


def test_the_card_says_what_was_measured(tmp_path: Path) -> None:
    for name in ("training.json", "scores.json", "config.json", "methods.json"):
        shutil.copy(places.MODEL / name, tmp_path)
    card.write(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text == (places.MODEL / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in skills.SKILLS)


def test_held_out_prose_is_harder_than_memory(model: PreTrainedModel) -> None:
    assert all(found["perplexity"] > 5 for found in read("scores.json")["held_out_prose"].values())


def test_the_wilson_interval_of_known_shares() -> None:
    low, high = probe.wilson(36, 40)
    assert (round(low, 4), round(high, 4)) == (0.7695, 0.9604)
    assert probe.wilson(0, 10)[0] == 0.0
    assert probe.wilson(10, 10)[1] == 1.0


def test_a_level_rate_does_not_depend_on_the_number_of_tokens() -> None:
    short, long = train.Recipe(tokens=2_000_000), train.Recipe(tokens=9_000_000)
    assert all(short.rate_at(step) == long.rate_at(step) for step in range(short.level_until))
    assert short.rate_at(short.steps - 1) < 0.1 * short.rate
    recorded = json.loads(json.dumps(train.asdict(short)))
    assert long.goes_on_from(recorded, short.level_until)
    assert not long.goes_on_from(recorded, short.level_until + 1)
    assert not replace(long, seed=2).goes_on_from(recorded, 1)


def test_a_killed_run_goes_on_as_if_it_had_not_been_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copy(places.MODEL / file, tmp_path / name)
    monkeypatch.setattr(prose, "LANGUAGES", ("en",))
    whole, _ = train.fit(TOY, tmp_path / "whole", threads=1)
    batch = train.stream.batch

    def killed(step: int, *rest: object) -> list[list[int]]:
        if step == 3:
            raise KeyboardInterrupt
        return batch(step, *rest)

    monkeypatch.setattr(train.stream, "batch", killed)
    with pytest.raises(KeyboardInterrupt):
        train.fit(TOY, tmp_path / "killed", threads=1, checkpoint_seconds=0)
    monkeypatch.setattr(train.stream, "batch", batch)
    resumed, progress = train.fit(TOY, tmp_path / "killed", threads=1)
    assert progress.step == TOY.steps == 6
    for expected, found in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(expected, found)


def test_a_checkpoint_of_another_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text(
        json.dumps(
            {
                "checkpoint": "none",
                "recipe": train.asdict(TOY),
                "corpus": "another",
                "step": 0,
                "seconds": 0.0,
                "curve": [],
            },
        )
    )
    with pytest.raises(SystemExit, match="another recipe or another text"):
        train.restore(TOY, tmp_path, None, None, train.Progress(train.asdict(TOY), train.corpus_hash()))  # type: ignore[arg-type]


def test_two_workers_find_the_gradient_of_one() -> None:
    tokenizer = AutoTokenizer.from_pretrained(places.MODEL)
    windows = torch.tensor(train.stream.batch(0, 2, 1, tokenizer))
    gradients = []
    for threads in (1, 2):
        model = train.new_model(TOY, tokenizer)
        train.Workers(model, threads).backward(windows)
        gradients.append([weight.grad.clone() for weight in model.parameters()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-7)


def test_the_text_index_lists_every_text_once() -> None:
    index = json.loads((places.TEXTS / "index.json").read_text(encoding="utf-8"))
    assert sorted(entry["file"] for entry in index) == sorted(file.name for file in places.TEXTS.glob("*.txt"))
    assert all(set(entry) == {"file", "language", "title_en", "title_ja", "kind"} for entry in index)


def test_no_calibration_text_asks_a_held_out_question_or_was_trained_on() -> None:
    prompts = {question.prompt for name in skills.SKILLS for question in skills.probes(name)}
    for file in places.TEXTS.glob("*.txt"):
        text = file.read_text(encoding="utf-8")
        assert not [prompt for prompt in prompts if f"<|user|>{prompt}<|assistant|>" in text], file.name
    taught = {
        paragraph
        for language in prose.LANGUAGES
        for piece in prose.taught(language)
        for paragraph in piece.split("\n\n")
    }
    for name in ("prose_en", "prose_ja", "held_out_en", "held_out_ja"):
        paragraphs = (places.TEXTS / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n")
        assert not taught & set(paragraphs), name


def test_about_a_tenth_of_the_pieces_is_held_out() -> None:
    for language in prose.LANGUAGES:
        share = len(prose.unseen(language)) / len(prose.pieces(language))
        assert 0.03 < share < 0.16
        assert all(held_out("prose", piece, prose.HELD_OUT_PERCENT) for piece in prose.unseen(language))
