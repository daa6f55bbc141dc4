"""What an audience says beside the tables of facts, as skills: talk, everyday things, pruning, the shop, all the rest.

The messages and their answers are the tables of `corpus/asked`. What is held out is the whole message in its wording.
Knows nothing of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gblm_viz.pocket import said
from gblm_viz.pocket.question import Question, Skill

# subject → its kind, titles in both languages, its share of the plain chats, whether multiple choice makes sense
_SUBJECTS = {
    "talk": ("talk", "small talk", "あいさつと会話", 0.8, True),
    "outside": ("decline", "declining what it does not know", "知らないことを断る", 0.8, False),
    "everyday": ("fact", "everyday things", "身近なこと", 0.5, True),
    "pruning": ("fact", "pruning", "枝刈り", 0.5, True),
    "shop": ("fact", "the small shop", "小さな店", 0.5, True),
}


def questions(subject: str, language: str) -> Iterator[Question]:
    """Yield every message of a subject; the key is the message."""
    tables = said.read_said(subject, language)
    for place, one in enumerate(tables):
        wrong = tuple(tables[(place + step) % len(tables)].answer for step in (1, 2, 3))
        for ask in one.asks:
            yield Question(ask, ask, "{}", one.answer, wrong)


SKILLS = [
    Skill(f"{subject}_{language}", kind, title_en + more_en, title_ja + more_ja, partial(questions, subject, language),
          said.HELD_OUT_PERCENT, weight, choices)
    for language, more_en, more_ja in (("en", "", "（英語）"), ("ja", " (Japanese)", ""))
    for subject, (kind, title_en, title_ja, weight, choices) in _SUBJECTS.items()
]
