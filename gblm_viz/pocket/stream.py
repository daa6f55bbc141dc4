"""The training stream: documents in their order and windows cut from them. The same seed gives the same stream.

Knows nothing of the model.
"""

from __future__ import annotations

from random import Random

from transformers import PreTrainedTokenizerBase

from gblm_viz.pocket import audience, by_heart, facts, prose, skills, stories, telling
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.tokens import END, chat_text

CONTEXT = 512
"""The longest window, in tokens: what the model is built for."""
STORY_SHARE = 0.06
"""The part of the turns that ask for a story; a story is about five times as long as another answer."""
REMEMBERED = 0.08
"""The part of the chats that begin with a name and end with asking for it."""
RUN = 256
"""Tokens of one kind in a row, before the kind is drawn again."""
JAPANESE_WRITTEN = 0.35
JAPANESE_RETOLD = 0.25
ASK_AGAIN = ("What is my name?", "Do you remember my name?", "And what was my name?", "Who am I?")
INTRODUCED = ("My name is {}.", "Hello, my name is {}.", "I am {}.", "Hi, I am {}.")


def chat(random: Random) -> str:
    """A conversation of one to four turns, over skills drawn by their weight."""
    names = [name for name in skills.SKILLS if name != skills.STORY]
    weights = [skills.SKILLS[name].weight for name in names]
    turns = []
    for _ in range(random.choices((1, 2, 3, 4), (5, 2, 2, 1))[0]):
        name = skills.STORY if random.random() < STORY_SHARE else random.choices(names, weights)[0]
        question = random.choice(skills.taught(name))
        turns.append((question.prompt, skills.reply(name, question, random)))
    if random.random() < REMEMBERED:
        name = _taught_name(random)
        turns.insert(0, (random.choice(INTRODUCED).format(name), f"Nice to meet you, {name}."))
        turns.append((random.choice(ASK_AGAIN), f"Your name is {name}."))
    return chat_text(turns)


def _taught_name(random: Random) -> str:
    while held_out("echo_en", name := random.choice(facts.NAMES), skills.SKILLS["echo_en"].percent):
        pass
    return name


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
        if skills.is_taught_pair(animal, thing):
            return skills.story(animal, thing, random) + END


KINDS = {"chat": chat, "written": written, "retold": retold, "asked": audience.chat, "harder": by_heart.chat}


def documents(shares: dict[str, float], random: Random, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """One run of documents of one kind: about `RUN` tokens, whole documents, a blank line after each."""
    kind = random.choices(list(shares), list(shares.values()))[0]
    tokens: list[int] = []
    while len(tokens) < RUN:
        tokens += tokenizer(KINDS[kind](random) + "\n\n")["input_ids"]
    return tokens


def window(length: int, shares: dict[str, float], random: Random, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """A full window of `length` tokens: whole documents one after the other, the last one cut where the window ends."""
    tokens: list[int] = []
    while len(tokens) < length:
        tokens += documents(shares, random, tokenizer)
    return tokens[:length]
