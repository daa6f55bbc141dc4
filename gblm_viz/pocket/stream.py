"""The training stream: documents in their order and windows cut from them. The same seed gives the same stream.

Knows nothing of the model.
"""

from __future__ import annotations

from random import Random

from transformers import PreTrainedTokenizerBase

from gblm_viz.pocket import prose, skills, stories, telling
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.tokens import END, chat_text

WINDOW = 512
MIXTURES = {0: {"chat": 0.46, "written": 0.32, "retold": 0.22}, 2200: {"chat": 0.62, "written": 0.20, "retold": 0.18}}
"""Shares of the tokens from a step on: chats, written prose, prose made by recombining.

By the later step held-out prose had stopped getting easier while the answers still did.
"""
STORY_SHARE = 0.16
"""The part of the chat documents that ask for a story; a story is about four times as long as another answer."""
RUN = 256
"""Tokens of one kind in a row, before the kind is drawn again."""
JAPANESE_WRITTEN = 0.3
JAPANESE_RETOLD = 0.25


def chat(random: Random) -> str:
    """A conversation of one to four turns, over skills drawn by their weight; one in six is a story."""
    names = [name for name in skills.SKILLS if name != "story_en"]
    weights = [skills.SKILLS[name].weight for name in names]
    turns = []
    for _ in range(random.choices((1, 2, 3, 4), (5, 2, 2, 1))[0]):
        name = "story_en" if random.random() < STORY_SHARE / 2 else random.choices(names, weights)[0]
        question = random.choice(skills.taught(name))
        turns.append((question.prompt, skills.reply(question, random)))
    return chat_text(turns)


def written(random: Random) -> str:
    """A piece of the written prose, as it is or thinned."""
    language = "ja" if prose.taught("ja") and random.random() < JAPANESE_WRITTEN else "en"
    piece = random.choice(prose.taught(language))
    return (piece if random.random() < 0.4 else telling.thinned(piece, random)) + END


def retold(random: Random) -> str:
    """Prose made by recombining: a story without its question, or facts told in passing."""
    if random.random() < JAPANESE_RETOLD:
        return telling.tell_facts_ja(random) + END
    if random.random() < 0.5:
        return telling.tell_facts(random) + END
    while True:
        animal, thing = random.choice(stories.ANIMALS), random.choice(stories.THINGS)
        if not held_out("story_en", f"{animal}+{thing}", skills.SKILLS["story_en"].percent):
            return stories.tell(animal, thing, random) + END


KINDS = {"chat": chat, "written": written, "retold": retold}


def mixture(step: int) -> dict[str, float]:
    """The shares in force at a training step."""
    return MIXTURES[max(first for first in MIXTURES if first <= step)]


def documents(shares: dict[str, float], random: Random, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """One run of documents of one kind: about `RUN` tokens, whole documents, a blank line after each."""
    kind = random.choices(list(shares), list(shares.values()))[0]
    tokens: list[int] = []
    while len(tokens) < RUN:
        tokens += tokenizer(KINDS[kind](random) + "\n\n")["input_ids"]
    return tokens


def batch(step: int, size: int, seed: int, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """`size` full windows of `WINDOW` tokens for one training step, depending on (seed, step) alone.

    A window begins at the beginning of a document, or in the middle of a long one; what does not fit is dropped.
    """
    random = Random(f"{seed} {step}")
    windows = []
    for _ in range(size):
        tokens: list[int] = []
        while len(tokens) < WINDOW:
            tokens += documents(mixture(step), random, tokenizer)
        windows.append(tokens[:WINDOW])
    return windows
