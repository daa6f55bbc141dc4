"""All skills the pocket model is taught: what training may ask, what is kept for probes, and a probe file's lines.

Knows nothing of tokens and training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, partial
from hashlib import sha256
from itertools import product
from random import Random

from gblm_viz.pocket import knowledge, procedures, stories, stories_ja, talk
from gblm_viz.pocket.question import Question, Skill
from gblm_viz.pocket.said import HELD_OUT_PERCENT, read_list, readings, split_wordings, taught_wordings
from gblm_viz.pocket.split import held_out
from gblm_viz.pocket.stories import with_articles
from gblm_viz.pocket.typed import type_question

STORY = "story_en"
STORIES = (STORY, "story_ja")
TYPED = ("typed_en", "typed_ja")
PROBES = dict.fromkeys(STORIES, 50) | dict.fromkeys(TYPED, 100)
PROBES_OF_A_SKILL = 40
TYPED_OF_A_SKILL = 5
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


def story_ja() -> Iterator[Question]:
    """The key is who the story is about: of a held-out word no story was ever told."""
    words = read_list("nouns_ja")
    told = split_wordings("nouns_ja", words)[0]
    for place, who in enumerate(words):
        for step, wording in enumerate(taught_wordings("story_ja", "ja")[::6]):
            thing = told[(place + 17 * (step + 1)) % len(told)]
            if thing != who:
                yield Question(who, wording.format(a=who, t=thing), "", "", contains=(who, thing))


def typed(language: str) -> Iterator[Question]:
    """Probes of all other skills as somebody types them: small letters, no mark at the end, a slip of the finger."""
    random = Random(f"typed {language}")
    kana = readings(language)
    for name, skill in SKILLS.items():
        if skill.language != language or skill.kind in ("story", "typed"):
            continue
        changed = [(type_question(one.prompt, language, random, (one.value,), kana), one) for one in probes(name)]
        for prompt, one in [(prompt, one) for prompt, one in changed if prompt != one.prompt][:TYPED_OF_A_SKILL]:
            yield Question(prompt, prompt, "{}", one.answer)


SKILLS = {
    skill.name: skill
    for skill in (
        *knowledge.SKILLS,
        *procedures.SKILLS,
        *talk.SKILLS,
        Skill(STORY, "story", "a story about two words", "二語からの物語（英語）", story_en, 10, choices=False),
        Skill("story_ja", "story", "a story about two words (Japanese)", "二語からの物語", story_ja,
              HELD_OUT_PERCENT, 0, choices=False, split="nouns_ja"),
        Skill("typed_en", "typed", "questions as people type them", "入力されたままの質問（英語）",
              partial(typed, "en"), 100, 0, choices=False),
        Skill("typed_ja", "typed", "questions as people type them (Japanese)", "入力されたままの質問",
              partial(typed, "ja"), 100, 0, choices=False),
    )
}
"""All skills by name; the name ends in the language. Of those of weight 0 the plain chats have nothing."""


@cache
def _split(name: str) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The questions of a skill that training may use, and the others."""
    skill = SKILLS[name]
    taught: list[Question] = []
    unseen: list[Question] = []
    for question in skill.questions():
        (unseen if skill.holds_out(question.key) else taught).append(question)
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


def reply(name: str, question: Question, random: Random) -> str:
    """What the model is taught to say: the answer, or a story about the two words."""
    if not question.contains:
        return question.answer
    who, thing = question.contains
    return stories_ja.tell(who, thing, random) if SKILLS[name].language == "ja" else story(who, thing, random)


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
