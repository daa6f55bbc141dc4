"""Short Japanese stories about two given words: `corpus/asked/plots_ja.txt`, every sentence in several wordings.

Knows nothing of chats; whoever asks brings the random numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from gblm_viz.pocket import facts
from gblm_viz.pocket.said import ASKED

FRIENDS = ("きつね", "ねこ", "いぬ", "ねずみ", "くま", "うさぎ", "ふくろう", "あひる", "やぎ", "うま", "からす", "りす",
           "ろば", "かめ", "すずめ", "たぬき")
"""Animals of which a second one is drawn, where the plot needs one."""


@cache
def _read() -> tuple[list[list[list[str]]], dict[str, list[str]]]:
    """Return (plots of sentences of wordings, what a story draws once and then keeps)."""
    plots, _, choices = (ASKED / "plots_ja.txt").read_text(encoding="utf-8").partition("# choices")
    blocks = [[[wording.strip() for wording in line.split(" | ")] for line in block.splitlines() if line.strip()]
              for block in plots.strip().split("\n\n")]
    lines = (line.split("=", 1) for line in choices.splitlines() if "=" in line)
    return blocks, {name.strip(): [one.strip() for one in values.split("|")] for name, values in lines}


def sentences_of(story: str) -> list[str]:
    """Return a story's sentences, each with the mark that ends it."""
    return [one for one in re.split(r"(?<=[。！？])」?", story) if one]


RULES: Mapping[str, Callable[[str, str, str], bool]] = {
    "both words are told of, each at least twice": lambda story, who, thing: (
        min(story.count(who), story.count(thing)) >= 2),
    "four to nine sentences, the last one finished": lambda story, who, thing: (
        4 <= len(sentences_of(story)) <= 9 and story.rstrip("」")[-1:] in "。！？"),
    "no sentence twice": lambda story, who, thing: len(set(sentences_of(story))) == len(sentences_of(story)),
    "at most one other animal": lambda story, who, thing: (
        sum(friend in story for friend in FRIENDS if friend not in (who, thing)) <= 1),
    "at most one person": lambda story, who, thing: sum(f"{name}さん" in story for name in facts.PEOPLE_JA) <= 1,
}
"""What a consistent story keeps to, by name."""


def broken_rules(story: str, who: str, thing: str) -> list[str]:
    """Return the names of the rules a story breaks; none where it is consistent."""
    return [name for name, keeps in RULES.items() if not keeps(story, who, thing)]


def tell(who: str, thing: str, random: Random) -> str:
    """Return a story about the two words; what it has said of them once it keeps to."""
    plots, choices = _read()
    kept = {name: random.choice(values) for name, values in choices.items()}
    friend = random.choice([one for one in FRIENDS if one != who])
    kept |= {"a": who, "t": thing, "f": friend, "x": random.choice(facts.PEOPLE_JA)}
    return "".join(random.choice(wordings).format(**kept) for wordings in random.choice(plots))
