"""All skills the pocket model is taught: what training may ask, what is kept for probes, and a probe file's lines.

Knows nothing of tokens and training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import product
from random import Random

from gblm_viz.pocket import knowledge, procedures, stories, talk
from gblm_viz.pocket.question import Question, Skill
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.stories import with_articles

STORY = "story_en"
PROBES = {STORY: 50}
PROBES_OF_A_SKILL = 40
CHOICES = 4


def story_en() -> Iterator[Question]:
    """The key is the pair of words."""
    phrasings = (
        "Write a short story about a {a} and a {t}.",
        "Tell me a story about a {a} and a {t}.",
        "Write a short story with these two words: {a}, {t}.",
        "Please tell me a short story with a {a} and a {t}.",
        "I would like a story about a {a} and a {t}.",
        "Do you know a story about a {a} and a {t}?",
    )
    for animal, thing, phrasing in product(stories.ANIMALS, stories.THINGS, phrasings):
        prompt = with_articles(phrasing.format(a=animal, t=thing))
        yield Question(f"{animal}+{thing}", prompt, "", "", contains=(animal, thing))


SKILLS = {
    skill.name: skill
    for skill in (
        *knowledge.SKILLS,
        *procedures.SKILLS,
        *talk.SKILLS,
        Skill(STORY, "story", "a story about two words", "二語からの物語（英語）", story_en, 10, choices=False),
    )
}
"""All skills by name; the name ends in the language."""


@cache
def _split(name: str) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The questions of a skill that training may use, and the others."""
    skill = SKILLS[name]
    taught: list[Question] = []
    unseen: list[Question] = []
    for question in skill.questions():
        (unseen if held_out(name, question.key, skill.percent) else taught).append(question)
    return tuple(taught), tuple(unseen)


def taught(name: str) -> tuple[Question, ...]:
    """The questions of a skill that training may use."""
    return _split(name)[0]


@cache
def probes(name: str, most: int | None = None) -> tuple[Question, ...]:
    """The held-out questions that score the skill, in the order of their hash."""
    unseen = {question.prompt: question for question in _split(name)[1]}
    ordered = sorted(unseen.values(), key=lambda q: sha256(q.prompt.encode()).hexdigest())
    return tuple(ordered[: most or PROBES.get(name, PROBES_OF_A_SKILL)])


@cache
def _values(name: str) -> tuple[str, ...]:
    return tuple(sorted({question.value for question in SKILLS[name].questions()}))


def choices(name: str, question: Question) -> tuple[str, ...]:
    """The right answer first, then up to three wrong ones of the same frame; empty where the skill has no choices."""
    if not SKILLS[name].choices:
        return ()
    random = Random(question.prompt)
    others = [value for value in _values(name) if value not in (question.value, *question.also)]
    wrong = list(question.wrong) or random.sample(others, min(CHOICES - 1, len(others)))
    return tuple(question.with_value(value) for value in (question.value, *wrong[: CHOICES - 1]))


def reply(question: Question, random: Random) -> str:
    """What the model is taught to say: the answer, or a story about the two words."""
    if not question.contains:
        return question.answer
    animal, thing = question.contains
    return story(animal, thing, random)


def is_taught_pair(animal: str, thing: str) -> bool:
    """Whether training may tell of the two words together."""
    return not held_out(STORY, f"{animal}+{thing}", SKILLS[STORY].percent)


def story(animal: str, thing: str, random: Random) -> str:
    """A story about the two words in which no other animal meets a thing that it is held out with."""
    return stories.tell(animal, thing, random, [other for other in stories.ANIMALS if is_taught_pair(other, thing)])


def probe_line(name: str, question: Question) -> str:
    """One line of a probe file: a JSON object with the skill, the language, the user's message and what is right."""
    line: dict[str, object] = {"skill": name, "language": SKILLS[name].language, "prompt": question.prompt}
    if question.contains:
        line["contains"] = list(question.contains)
    else:
        line["answer"] = question.answer
        if offered := choices(name, question):
            line["choices"] = list(offered)
    return json.dumps(line, ensure_ascii=False)
