"""The training text of the pocket model: nothing held out is in it, and what it says is well formed."""

from __future__ import annotations

import re
from random import Random

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from gblm_viz.pocket import facts, places, prose, skills, stories, stream, telling
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.tokens import ASSISTANT, USER, chat_text

PROMPT = re.compile(re.escape(USER) + r"(.*?)" + re.escape(ASSISTANT), re.S)
TRAINING_SEED = 1


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(places.MODEL)


@pytest.fixture(scope="module")
def sample(tokenizer: PreTrainedTokenizerBase) -> str:
    """The text of the first 100 training steps, as the training run saw it."""
    windows = (window for step in range(100) for window in stream.batch(step, 4, TRAINING_SEED, tokenizer))
    return "\n".join(tokenizer.decode(window) for window in windows)


def probe_prompts() -> set[str]:
    return {question.prompt for name in skills.SKILLS for question in skills.probes(name)}


@pytest.mark.parametrize("name", skills.SKILLS)
def test_no_taught_question_has_a_held_out_key_or_a_probes_wording(name: str) -> None:
    percent = skills.SKILLS[name].percent
    prompts = {question.prompt for question in skills.probes(name)}
    assert all(held_out(name, question.key, percent) for question in skills.probes(name))
    assert not any(held_out(name, question.key, percent) for question in skills.taught(name))
    assert not any(question.prompt in prompts for question in skills.taught(name))


def test_no_question_of_one_skill_is_a_probe_of_another() -> None:
    prompts = probe_prompts()
    assert not any(question.prompt in prompts for name in skills.SKILLS for question in skills.taught(name))


def test_no_probe_prompt_occurs_in_the_training_stream(sample: str) -> None:
    asked = set(PROMPT.findall(sample))
    assert len(asked) > 2000
    assert not asked & probe_prompts()


def test_no_probe_prompt_occurs_in_prose() -> None:
    random = Random(3)
    told = [telling.tell_facts(random) for _ in range(300)] + [telling.tell_facts_ja(random) for _ in range(300)]
    written = [piece for language in prose.LANGUAGES for piece in prose.taught(language)]
    text = "\n".join(told + written)
    assert not [prompt for prompt in probe_prompts() if prompt in text]


def test_no_sentence_pair_of_a_held_out_piece_occurs_in_the_training_stream(sample: str) -> None:
    for language in prose.LANGUAGES:
        assert prose.unseen(language)
        for piece in prose.unseen(language):
            assert piece not in prose.taught(language)
            assert piece[:80] not in sample


def test_held_out_story_words_never_meet_in_a_retold_story(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(stories, "tell", lambda animal, thing, random: told.append((animal, thing)) or "")
    random = Random(5)
    for _ in range(600):
        stream.retold(random)
    assert told
    percent = skills.SKILLS["story_en"].percent
    assert not any(held_out("story_en", f"{animal}+{thing}", percent) for animal, thing in told)


def test_at_least_eight_english_and_three_japanese_skills_with_about_forty_probes() -> None:
    languages = [skill.language for skill in skills.SKILLS.values()]
    assert languages.count("en") >= 8
    assert languages.count("ja") >= 3
    for name, skill in skills.SKILLS.items():
        assert len(skills.probes(name)) >= (20 if name == "story_en" else 30), skill


def test_sums_comparisons_and_counting_are_true() -> None:
    for name, right in (
        ("sums_en", lambda a, b, c: a + b == c),
        ("sums_ja", lambda a, b, c: a + b == c),
        ("compare_en", lambda a, b: a > b),
    ):
        for question in list(skills.SKILLS[name].questions())[::37]:
            assert right(*map(int, re.findall(r"\d+", question.answer))), question
    for question in skills.SKILLS["next_en"].questions():
        said, asked = map(int, re.findall(r"\d+", question.answer))
        assert said - asked == (1 if "after" in question.prompt else -1)


@pytest.mark.parametrize(
    "table", ["OPPOSITES", "OPPOSITES_JA", "COLOURS", "COLOURS_JA", "SOUNDS", "YOUNG", "PAST", "PLURALS", "KINDS"]
)
def test_every_fact_has_one_answer(table: str) -> None:
    asked = [question for question, _ in getattr(facts, table)]
    assert len(asked) == len(set(asked))


def test_every_story_holds_both_words() -> None:
    random = Random(7)
    for _ in range(300):
        animal, thing = random.choice(stories.ANIMALS), random.choice(stories.THINGS)
        words = re.findall(r"\w+", stories.tell(animal, thing, random))
        assert {animal, thing} <= set(words)
        assert 25 < len(words) < 110


def test_articles_follow_the_sound() -> None:
    assert (
        stories.with_articles('A owl met a otter. "A umbrella!" a fox said.')
        == 'An owl met an otter. "An umbrella!" a fox said.'
    )


def test_a_thinned_piece_holds_only_sentences_of_the_piece() -> None:
    piece = "One day it rained. Nobody went out! The cat slept.\n\nThen the sun came. All was well."
    sentences = set(telling.SENTENCE_END.split(piece.replace("\n\n", " ")))
    for seed in range(30):
        thin = telling.thinned(piece, Random(seed))
        assert not thin or set(telling.SENTENCE_END.split(thin.replace("\n\n", " "))) <= sentences


def test_the_stream_is_the_same_for_the_same_seed_and_fills_its_windows(tokenizer: PreTrainedTokenizerBase) -> None:
    first, again, other = (stream.batch(3, 2, seed, tokenizer) for seed in (1, 1, 2))
    assert first == again != other
    assert all(len(window) == stream.WINDOW for window in first)


def test_the_chat_template_writes_what_the_stream_writes(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [
        {"role": role, "content": text}
        for role, text in zip(("user", "assistant") * 2, ("a", "b", "c", "d"), strict=True)
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == chat_text([("a", "b"), ("c", "d")])
    asked = tokenizer.apply_chat_template(messages[:3], tokenize=False, add_generation_prompt=True)
    assert chat_text([("a", "b"), ("c", "d")]).startswith(asked)


def test_digits_and_markup_are_single_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    assert [tokenizer.decode([token]) for token in tokenizer("1207")["input_ids"]] == list("1207")
    assert len(tokenizer(chat_text([("", "")]))["input_ids"]) == 3


@pytest.mark.parametrize(
    "text", ["Grüße, naïve café!", "首都はどこですか。「猫」", "🙂 ∑ ℓ1", "two  spaces\n\n\tand tabs", ""]
)
def test_any_text_survives_the_tokenizer(text: str, tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
