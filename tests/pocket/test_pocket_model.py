"""The saved pocket model: its files, what its records say, and whether it does what they say.

Knows nothing of how it was trained.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from gblm_viz.core.base.intervals import wilson_interval
from gblm_viz.core.base.job import run
from gblm_viz.core.measure import evaluate as core
from gblm_viz.core.measure.evaluate import Probe
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.talk.generate import Answer
from gblm_viz.pocket import card, evaluate, known, places, prose, skills, stories, stream, train

LEAST = {"fact": 0.97, "procedure": 0.90, "story": 0.95}
EXACT = [name for name in skills.SKILLS if name != skills.STORY]


@pytest.fixture(scope="module")
def stored() -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(places.MODEL)


@pytest.fixture(scope="module")
def model() -> Model:
    return run(load(str(places.MODEL), device="cpu"))


@pytest.fixture(scope="module")
def scored() -> dict[str, Any]:
    return read("scores.json")


def read(name: str) -> Any:
    return json.loads((places.MODEL / name).read_text(encoding="utf-8"))


def probes_of(skill: str) -> tuple[Probe, ...]:
    return tuple(probe for probe in core.read_probes(places.MODEL / "probes") if probe.skill == skill)


def test_the_weights_are_bfloat16_llama_within_twenty_megabytes(stored: PreTrainedModel) -> None:
    assert {weight.dtype for weight in stored.parameters()} == {torch.bfloat16}
    assert stored.config.model_type == "llama"
    assert 1_000_000 <= sum(weight.numel() for weight in stored.parameters()) <= 9_500_000
    assert (places.MODEL / "model.safetensors").stat().st_size <= 20_000_000
    assert not [file for file in places.MODEL.rglob("*") if file.suffix in (".bin", ".pt", ".pkl")]


def test_every_width_is_divisible_by_eight(stored: PreTrainedModel) -> None:
    assert all(size % 8 == 0 for weight in stored.parameters() for size in weight.shape)
    assert stored.config.max_position_embeddings == stream.CONTEXT


def test_the_tokenizer_is_the_one_the_text_gives(model: Model) -> None:
    again = train.new_tokenizer()
    assert model.tokenizer.get_vocab() == again.get_vocab()
    assert model.tokenizer.chat_template == again.chat_template
    assert len(model.tokenizer) == model.network.config.vocab_size


def test_the_probe_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    evaluate.write(tmp_path)
    files = sorted(file.name for file in (tmp_path / "probes").iterdir())
    assert files == sorted(f"{name}.jsonl" for name in skills.SKILLS)
    assert files == sorted(file.name for file in (places.MODEL / "probes").iterdir()
                           if not file.name.startswith(core.FREE))
    for name in files:
        assert (places.MODEL / "probes" / name).read_text("utf-8") == (tmp_path / "probes" / name).read_text("utf-8")


def test_what_the_page_says_it_knows_is_what_the_corpus_says(tmp_path: Path) -> None:
    known.write(tmp_path)
    assert (tmp_path / known.FILE).read_text("utf-8") == (places.MODEL / known.FILE).read_text("utf-8")


def test_writing_probes_leaves_none_of_another_generator(tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "old_en.jsonl").write_text("{}\n")
    (tmp_path / "probes" / "free_en.jsonl").write_text("{}\n")
    evaluate.write(tmp_path)
    assert (tmp_path / "probes" / "free_en.jsonl").exists()  # no generator writes these
    found = core.read_probes(tmp_path / "probes")
    assert {probe.skill for probe in found} == set(skills.SKILLS)
    assert {(probe.skill, probe.prompt) for probe in found} == {
        (name, question.prompt) for name in skills.SKILLS for question in skills.probes(name)}


def test_every_skill_was_scored_on_all_its_probes(scored: dict[str, Any]) -> None:
    assert {name: skill["n"] for name, skill in scored["skills"].items()} == {
        name: len(probes_of(name)) for name in skills.SKILLS}
    for name, skill in scored["skills"].items():
        assert skill["kind"] == skills.SKILLS[name].kind
        assert skill["language"] == skills.SKILLS[name].language
        assert (skill["title_en"], skill["title_ja"]) == (skills.SKILLS[name].title_en, skills.SKILLS[name].title_ja)


def test_recorded_shares_and_intervals_follow_from_the_counts(scored: dict[str, Any]) -> None:
    choices = [skill["choice"] for skill in scored["skills"].values() if "choice" in skill]
    for one in (*scored["skills"].values(), *scored["kinds"].values(), *choices):
        interval = wilson_interval(one["right"], one["n"])
        assert one["share"] == pytest.approx(one["right"] / one["n"], abs=1e-4)
        assert (one["low"], one["high"]) == pytest.approx((interval.low, interval.high), abs=1e-4)
    for kind, one in scored["kinds"].items():
        mine = [skill for skill in scored["skills"].values() if skill["kind"] == kind]
        assert (one["right"], one["n"]) == (sum(s["right"] for s in mine), sum(s["n"] for s in mine))


@pytest.mark.parametrize("kind", LEAST)
def test_the_model_is_right_on_nearly_all_held_out_probes_of_a_kind(kind: str, scored: dict[str, Any]) -> None:
    assert scored["kinds"][kind]["share"] >= LEAST[kind]


def test_every_skill_with_choices_has_a_choice_score_with_its_chance(scored: dict[str, Any]) -> None:
    chosen = {name for name, skill in scored["skills"].items() if "choice" in skill}
    assert chosen == {name for name in EXACT if skills.SKILLS[name].choices}
    for name in chosen:
        choice = scored["skills"][name]["choice"]
        assert choice["n"] == len(probes_of(name))
        assert choice["chance"] == pytest.approx(core.chance(probes_of(name))[name], abs=1e-4)
        assert 0.25 <= choice["chance"] <= 0.5


def test_a_story_breaks_no_rule_where_it_is_counted_as_right(scored: dict[str, Any]) -> None:
    story = scored["skills"][skills.STORY]
    assert set(story["rules"]) == set(stories.RULES)
    wrong = story["n"] - story["right"]
    assert max(story["rules"].values()) <= wrong <= sum(story["rules"].values())


@pytest.mark.parametrize("name", ["capitals_en", "sums_en", "opposites_ja"])
def test_the_recorded_scores_are_what_the_saved_model_gets(name: str, model: Model, scored: dict[str, Any]) -> None:
    probes, recorded = probes_of(name), scored["skills"][name]
    asked, chosen = run(core.ask_probes(model, probes)), run(core.choose_answers(model, probes))
    assert asked.total.right == recorded["right"]
    assert asked.perplexities[name] == pytest.approx(recorded["answer_perplexity"], abs=2e-4)
    assert chosen.total.right == recorded["choice"]["right"]


def test_the_saved_model_tells_consistent_stories(model: Model, scored: dict[str, Any]) -> None:
    told = evaluate.score_stories(model, probes_of(skills.STORY)[:6])
    assert len({tale["story"] for tale in told}) == 6
    broken = sum(bool(tale["broken"]) for tale in told)
    assert broken <= scored["skills"][skills.STORY]["n"] - scored["skills"][skills.STORY]["right"]


def test_a_told_story_is_recorded_with_the_rules_it_breaks(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    good = stories.tell("fox", "key", train.Random(1))
    for story, broken in ((good, []), (f"{good} There was a lamp too.", ["no other thing of the list"])):
        monkeypatch.setattr(evaluate, "answer", lambda *given, story=story, **named: Answer(story, (), "end"))
        (found,) = evaluate.score_stories(model, (Probe("story_en", "en", "Tell.", contains=("fox", "key")),))
        assert found["prompt"] == "Tell." and found["story"] == story
        assert [rule for rule in found["broken"] if "sentences" not in rule] == broken


def test_held_out_prose_is_measured_in_both_languages_and_is_no_memory(scored: dict[str, Any]) -> None:
    assert set(scored["held_out_prose"]) == set(prose.LANGUAGES)
    for found in scored["held_out_prose"].values():
        assert 5 < found["perplexity"] < 1000
        assert found["windows"] >= 4 and found["tokens"] == found["windows"] * scored["length"]


def test_every_kind_of_text_has_its_entropy_and_prose_is_harder_than_chats(scored: dict[str, Any]) -> None:
    written = {f"{kind}_{language}" for language in prose.LANGUAGES for kind in prose.by_kind(language)}
    assert written <= set(scored["entropy"])
    assert {"chat (generated)", "retold (generated)"} <= set(scored["entropy"])
    easiest = min(scored["entropy"][kind]["perplexity"] for kind in written)
    assert scored["entropy"]["chat (generated)"]["perplexity"] < easiest
    for kind, found in scored["entropy"].items():
        assert 1 < found["perplexity"] < 2000 and 0 < found["bits_per_byte"] < 8, kind
        assert found["windows"] >= 1, kind


def test_bits_a_byte_are_the_windows_loss_over_the_bytes(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "The river carries sand to the sea. " * 40
    monkeypatch.setattr(prose, "LANGUAGES", ("en",))
    monkeypatch.setattr(prose, "by_kind", lambda language: {"river": (text, "taught")})
    monkeypatch.setattr(prose, "unseen", lambda language: (text,))
    monkeypatch.setattr(stream, "KINDS", {"chat": lambda random: "one two", "retold": lambda random: "three four"})
    found = evaluate.entropy(model)["river_en"]
    tokens = torch.tensor(model.tokenizer(text)["input_ids"])
    windows = tokens[: len(tokens) // evaluate.SHORT * evaluate.SHORT].reshape(-1, evaluate.SHORT)
    with torch.no_grad():
        losses = [model.network(window[None], labels=window[None]).loss.item() for window in windows]
    loss = sum(losses) / len(losses)
    assert found["windows"] == len(windows) >= 2
    assert found["perplexity"] == pytest.approx(math.exp(loss), abs=2e-3)
    assert found["bits_per_byte"] == pytest.approx(loss / math.log(2) * len(tokens) / len(text.encode()), abs=2e-4)


def test_the_training_record_fits_the_text_and_the_weights(stored: PreTrainedModel) -> None:
    trained = read("training.json")
    assert trained["parameters"] == sum(weight.numel() for weight in stored.parameters())
    assert trained["corpus_hash"] == train.corpus_hash()
    recipe = train.Recipe(**trained["recipe"])
    assert recipe == train.Recipe()
    assert trained["steps"] == recipe.steps
    assert trained["tokens"] == trained["steps"] * recipe.batch
    assert trained["mixture"] == pytest.approx(recipe.mixture) and sum(trained["mixture"].values()) == pytest.approx(1)
    assert trained["written_pieces"] == {language: len(prose.taught(language)) for language in prose.LANGUAGES}
    assert trained["curve"][-1]["step"] == trained["steps"]
    assert trained["curve"][-1]["loss"] < trained["curve"][0]["loss"]


def test_the_card_says_what_was_measured(tmp_path: Path) -> None:
    for file in (*places.MODEL.glob("*.json"), *places.MODEL.glob("*.svg")):
        shutil.copy(file, tmp_path)
    shutil.copytree(places.MODEL / "probes", tmp_path / "probes")
    card.write(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text == (places.MODEL / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in EXACT)
    assert f"{read('training.json')['parameters']:,}" in text and read("training.json")["corpus_hash"] in text
