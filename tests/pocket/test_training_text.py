"""The training text of the pocket model: nothing held out is in it, and its windows and its markup are well formed.

Knows nothing of the model.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from random import Random

import pytest
from transformers import PreTrainedTokenizerBase

from gblm_viz.pocket import facts, places, prose, skills, stories, stream, telling, train
from gblm_viz.pocket.question import Question
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.tokens import ASSISTANT, END, USER, VOCABULARY, chat_text

PROMPT = re.compile(re.escape(USER) + r"([^<]*)" + re.escape(ASSISTANT))
SHIPPED = train.Recipe()
WORDED = [name for name, skill in skills.SKILLS.items() if skill.kind == "fact"] + ["spell_en"]
"""Skills whose wordings are held out."""


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train.new_tokenizer()


@pytest.fixture(scope="module")
def sample(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The windows of the first 200 training steps, as the shipped run sees them."""
    windows = (window for step in range(200) for window in train.batch(SHIPPED, step, tokenizer))
    return [tokenizer.decode(window) for window in windows]


def probe_prompts() -> set[str]:
    return {question.prompt for name in skills.SKILLS for question in skills.probes(name)}


def unseen(name: str) -> list[Question]:
    """Every question of the skill that is no taught one."""
    taught = set(skills.taught(name))
    return [question for question in skills.SKILLS[name].questions() if question not in taught]


def names_held_out(skill: str, names: list[str]) -> set[str]:
    """Of the names that no person of the stories bears."""
    people = {*facts.PEOPLE, *facts.PEOPLE_JA}
    return {name for name in names if name not in people and held_out(skill, name, skills.SKILLS[skill].percent)}


@pytest.mark.parametrize("name", skills.SKILLS)
def test_no_taught_question_has_a_held_out_key(name: str) -> None:
    percent = skills.SKILLS[name].percent
    taught = skills.taught(name)
    assert len(taught) > 200
    assert not [question for question in taught if held_out(name, question.key, percent)]
    assert all(held_out(name, question.key, percent) for question in skills.probes(name))
    assert not {question.key for question in taught} & {question.key for question in unseen(name)}


def test_no_probe_is_taught_by_any_skill() -> None:
    prompts = probe_prompts()
    assert len(prompts) == sum(len(skills.probes(name)) for name in skills.SKILLS)
    for name in skills.SKILLS:
        assert not [question for question in skills.taught(name) if question.prompt in prompts]


@pytest.mark.parametrize("name", WORDED)
def test_no_taught_question_begins_with_a_held_out_wording(name: str) -> None:
    begun = tuple({question.prompt for question in unseen(name)})
    assert begun
    assert all(question.prompt.startswith(begun) for question in skills.probes(name))
    assert not [question.prompt for question in skills.taught(name) if question.prompt.startswith(begun)]


@pytest.mark.parametrize("name", WORDED)
def test_a_probe_asks_for_a_fact_that_was_taught_in_other_wordings(name: str) -> None:
    taught = {question.answer for question in skills.taught(name)}
    assert {question.answer for question in skills.probes(name)} <= taught


@pytest.mark.parametrize("name", WORDED)
def test_more_than_one_wording_is_held_out_and_asked(name: str) -> None:
    assert len({question.key for question in skills.probes(name)}) > 1


def test_no_probe_prompt_occurs_in_a_hundred_training_steps(sample: list[str]) -> None:
    asked = [prompt for window in sample for prompt in PROMPT.findall(window)]
    assert len(set(asked)) > 1000
    assert not set(asked) & probe_prompts()


def test_every_question_of_a_skills_chat_is_a_taught_one_or_gives_a_name() -> None:
    random = Random(9)
    taught = {question.prompt for name in skills.SKILLS for question in skills.taught(name)}
    others = {prompt for _ in range(2000) for prompt in PROMPT.findall(stream.chat(random))} - taught
    named = [re.escape(wording).replace(r"\{\}", r"\w+") for wording in stream.INTRODUCED]
    assert others
    assert not [one for one in others
                if one not in stream.ASK_AGAIN and not any(re.fullmatch(wording, one) for wording in named)]


def test_no_probe_prompt_occurs_in_prose() -> None:
    random = Random(3)
    told = [telling.tell_facts(random) for _ in range(300)] + [telling.tell_facts_ja(random) for _ in range(300)]
    written = [piece for language in prose.LANGUAGES for piece in prose.taught(language)]
    text = "\n".join(told + written)
    # A bare greeting ("こんにちは。") is met wherever people talk.
    assert not [prompt for prompt in probe_prompts() if len(prompt) > 8 and prompt in text]


def test_no_held_out_piece_of_prose_occurs_in_two_hundred_training_steps(sample: list[str]) -> None:
    seen = "\n".join(sample)
    met = [piece for language in prose.LANGUAGES for piece in prose.taught(language) if piece[-80:] in seen]
    assert len(met) > 20  # so that a held-out piece would be met as well
    for language in prose.LANGUAGES:
        assert prose.unseen(language)
        assert not set(prose.unseen(language)) & set(prose.taught(language))
        assert not [piece for piece in prose.unseen(language) if piece[:80] in seen or piece[-80:] in seen]


def test_no_chat_introduces_or_remembers_a_held_out_name() -> None:
    unknown, unknown_ja = names_held_out("echo_en", facts.NAMES), names_held_out("echo_ja", facts.NAMES_JA)
    assert len(unknown) > 30 and len(unknown_ja) > 20
    said = ("name is {}.", "I am {}.", "I am called {}.", "Nice to meet you, {}.")
    said_ja = ("名前は{}です", "はじめまして、{}さん")
    random = Random(8)
    chats = "\n".join(stream.chat(random) for _ in range(20_000))
    for forms, names, kept in ((said, facts.NAMES, unknown), (said_ja, facts.NAMES_JA, unknown_ja)):
        met = {name for name in names if any(form.format(name) in chats for form in forms)}
        assert len(met) > 0.75 * (len(names) - len(kept))  # the forms do find the names there are
        assert not met & kept


def test_a_held_out_name_that_no_person_of_the_tables_bears_occurs_in_no_chat_at_all() -> None:
    random = Random(8)
    words = set(re.findall(r"\w+", "\n".join(stream.chat(random) for _ in range(20_000))))
    assert len(words & set(facts.NAMES)) > 400
    assert not words & names_held_out("echo_en", facts.NAMES)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_name_to_repeat_that_is_a_probe_is_borne_by_no_person_told_of(language: str) -> None:
    """People are met in stories, in prose and in questions nobody can answer."""
    people = set(facts.PEOPLE if language == "en" else facts.PEOPLE_JA)
    assert not [question.key for question in skills.probes(f"echo_{language}") if question.key in people]


def test_the_name_to_remember_is_asked_again_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "REMEMBERED", 1.0)
    random = Random(2)
    for _ in range(300):
        turns = stream.chat(random).split("\n")
        (first, _), (_, last) = (turn.removeprefix(USER).removesuffix(END).split(ASSISTANT)
                                 for turn in (turns[0], turns[-1]))
        name = re.findall(r"\w+", first)[-1]
        assert last == f"Your name is {name}."
        assert len(turns) >= 3


def test_no_story_of_the_stream_is_told_about_a_held_out_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    tell = stories.tell

    def noted(animal: str, thing: str, random: Random, companions: list[str]) -> str:
        told.extend((one, thing) for one in (animal, *companions))
        return tell(animal, thing, random, companions)

    monkeypatch.setattr(stories, "tell", noted)
    random = Random(5)
    for _ in range(3000):
        stream.retold(random)
        stream.chat(random)
    percent = skills.SKILLS[skills.STORY].percent
    pairs = {f"{animal}+{thing}" for animal, thing in told}
    assert len(pairs) > 500
    assert not [pair for pair in pairs if held_out(skills.STORY, pair, percent)]


def test_the_shares_of_the_stream_are_the_recipes(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = dict.fromkeys(stream.KINDS, 0)

    def counted(kind: str):  # type: ignore[no-untyped-def]
        make = stream.KINDS[kind]

        def one(random: Random) -> str:
            text = make(random)
            counts[kind] += len(tokenizer(text + "\n\n")["input_ids"])
            return text

        return one

    monkeypatch.setattr(stream, "KINDS", {kind: counted(kind) for kind in stream.KINDS})
    random = Random(9)
    for _ in range(800):
        stream.documents(SHIPPED.mixture, random, tokenizer)
    assert sum(SHIPPED.mixture.values()) == pytest.approx(1)
    for kind, share in SHIPPED.mixture.items():
        # A run of written prose ends with a whole piece and is longer than one of chats: shares are met roughly.
        assert counts[kind] / sum(counts.values()) == pytest.approx(share, abs=0.12), counts


def test_a_window_is_full_and_the_same_for_the_same_random_numbers(tokenizer: PreTrainedTokenizerBase) -> None:
    first, again, other = (stream.window(300, SHIPPED.mixture, Random(seed), tokenizer) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == len(other) == 300
    longer = stream.window(500, SHIPPED.mixture, Random(1), tokenizer)
    assert longer[:300] == first


def test_a_thinned_piece_holds_only_sentences_of_the_piece() -> None:
    piece = "One day it rained. Nobody went out! The cat slept.\n\nThen the sun came. All was well."
    sentences = set(telling.SENTENCE_END.split(piece.replace("\n\n", " ")))
    thin = {telling.thinned(piece, Random(seed)) for seed in range(30)}
    assert len(thin) > 3
    for one in thin:
        assert not one or set(telling.SENTENCE_END.split(one.replace("\n\n", " "))) <= sentences


def test_about_a_tenth_of_the_pieces_is_held_out() -> None:
    for language in prose.LANGUAGES:
        share = len(prose.unseen(language)) / len(prose.pieces(language))
        assert 0.03 < share < 0.16
        assert all(held_out("prose", piece, prose.HELD_OUT_PERCENT) for piece in prose.unseen(language))
        assert set(prose.unseen(language)) | set(prose.taught(language)) == set(prose.pieces(language))


def test_every_piece_of_prose_belongs_to_one_kind_and_is_met_once() -> None:
    for language in prose.LANGUAGES:
        kinds = prose.by_kind(language)
        every = [piece for pieces in kinds.values() for piece in pieces]
        assert len(every) == len(set(every))
        assert tuple(every) == prose.pieces(language)
        assert set(kinds) == {file.stem.rpartition("_")[0] for file in (prose.CORPUS / language).glob("*.txt")}
        assert not [piece for piece in every if "###" in piece or not piece.strip()]


def test_a_key_is_held_out_by_its_hash_and_its_kind() -> None:
    keys = [str(number) for number in range(4000)]
    for percent in (0, 12, 100):
        assert sum(held_out("a", key, percent) for key in keys) / 40 == pytest.approx(percent, abs=2)
    assert {key for key in keys if held_out("a", key, 12)} != {key for key in keys if held_out("b", key, 12)}
    left = int.from_bytes(sha256(b"a\n0").digest(), "big") % 100
    assert not held_out("a", "0", left) and held_out("a", "0", left + 1)


def test_the_chat_template_writes_what_the_stream_writes(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [
        {"role": role, "content": text}
        for role, text in zip(("user", "assistant") * 2, ("a", "b", "c", "d"), strict=True)
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == chat_text([("a", "b"), ("c", "d")])
    asked = tokenizer.apply_chat_template(messages[:3], tokenize=False, add_generation_prompt=True)
    assert chat_text([("a", "b"), ("c", "d")]).startswith(asked)


def test_digits_and_markup_are_single_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    assert len(tokenizer) == VOCABULARY
    assert [tokenizer.decode([token]) for token in tokenizer("1207")["input_ids"]] == list("1207")
    assert len(tokenizer(chat_text([("", "")]))["input_ids"]) == 3


@pytest.mark.parametrize(
    "text", ["Grüße, naïve café!", "首都はどこですか。「猫」", "🙂 ∑ ℓ1", "two  spaces\n\n\tand tabs", ""]
)
def test_any_text_survives_the_tokenizer(text: str, tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_text_index_lists_every_text_once() -> None:
    index = json.loads((places.TEXTS / "index.json").read_text(encoding="utf-8"))
    assert sorted(entry["file"] for entry in index) == sorted(file.name for file in places.TEXTS.glob("*.txt"))
    assert all(set(entry) == {"file", "language", "title_en", "title_ja", "kind"} for entry in index)
    assert {f"skill_{name}.txt" for name in skills.SKILLS} <= {entry["file"] for entry in index}


def test_no_calibration_text_asks_a_held_out_question_or_was_trained_on() -> None:
    prompts = probe_prompts()
    asked = 0
    for file in places.TEXTS.glob("*.txt"):
        found = set(PROMPT.findall(file.read_text(encoding="utf-8")))
        asked += len(found)
        assert not found & prompts, file.name
    assert asked > 1000
    taught = {
        paragraph
        for language in prose.LANGUAGES
        for piece in prose.taught(language)
        for paragraph in piece.split("\n\n")
        if len(paragraph) > 40  # anybody may write "No." twice
    }
    for name in ("prose_en", "prose_ja", "held_out_en", "held_out_ja"):
        paragraphs = (places.TEXTS / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n")
        assert not taught & set(paragraphs), name
