"""Writes what the model says that it knows: `skills.json`, and the rule that tells whether a question belongs.

The rule is learnt from questions as the audience's generator types them, those of no skill from what is declined.
Knows nothing of the model.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn.functional import cross_entropy

from gblm_viz.core.talk.known import BUCKETS, RULE, SKILLS, pieces_of
from gblm_viz.pocket import audience, said, skills
from gblm_viz.pocket.prose import CORPUS, LANGUAGES
from gblm_viz.pocket.typed import type_question

DRAWN, OF_A_SUBJECT = 300, 2400
"""Questions drawn of every topic, and of one whose messages are written one by one."""
PLAIN = {"echo_en": "names", "echo_ja": "names", "yes_no_en": "colour_yes_no"}
"""Skills of the plain chats that no topic of the audience is called like."""
STEPS, RATE, DECAY = 120, 0.1, 3e-4


def read_table() -> dict[str, dict[str, Any]]:
    """Return the table of skills, by their ids."""
    return tomllib.loads((CORPUS / "skills.toml").read_text(encoding="utf-8"))


def skill_of(topic: str) -> str:
    """Return the id of the skill that a topic of the audience belongs to; empty for what is declined."""
    plain = topic.removesuffix("_en").removesuffix("_ja")
    return next((name for name, one in read_table().items() if plain in one["topics"]), "")


def examples(language: str) -> list[tuple[str, str]]:
    """Return (question, id of its skill) as they are typed; the same on every machine."""
    random = Random(f"known {language}")
    found = []
    for topic in audience.topics_of(language):
        skill = skill_of(topic.name)
        for _ in range(OF_A_SUBJECT if topic.name in said.SUBJECTS else DRAWN):
            turn = topic.draw(random)
            asked = type_question(turn.prompt, language, random, turn.kept, said.readings(language))
            declined = any(turn.answer == one.answer for one in said.read_said("outside", language))
            found.append((asked, "" if declined else skill))
    for name, plain in skills.SKILLS.items():
        if plain.language == language and plain.weight and (known := skill_of(PLAIN.get(name, name))):
            asked_plainly = random.choices(skills.taught(name), k=DRAWN)
            found += [(type_question(one.prompt, language, random), known) for one in asked_plainly]
    return found


def learn(language: str, ids: list[str]) -> torch.Tensor:
    """Return the rule's weights, float32 (BUCKETS + 1, skills + 1)."""
    questions = examples(language)
    pieces = torch.tensor(np.stack([pieces_of(question) for question, _ in questions])).to_sparse()
    right = torch.tensor([ids.index(skill) if skill else len(ids) for _, skill in questions])
    weights = torch.zeros(BUCKETS + 1, len(ids) + 1, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (cross_entropy(torch.sparse.mm(pieces, weights), right) + DECAY * weights.square().sum() / len(ids)).backward()
        optimizer.step()
    return weights.detach()


def write(folder: Path) -> None:
    """Write both files; the weights as bytes with one scale a language."""
    table = read_table()
    told = {"skills": [
        {"id": name, "name": {language: one[f"name_{language}"] for language in LANGUAGES},
         "line": {language: one[f"line_{language}"] for language in LANGUAGES},
         "examples": {language: one[f"ask_{language}"] for language in LANGUAGES}} for name, one in table.items()],
        "declines": [one.answer for language in LANGUAGES for one in said.read_said("outside", language)]}
    (folder / SKILLS).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    stored = {}
    for language in LANGUAGES:
        weights = learn(language, list(table)).numpy()
        scale = float(np.abs(weights).max()) / 127
        stored[language] = np.round(weights / scale).astype(np.int8)
        stored[f"{language}.scale"] = np.array(scale, np.float32)
    save_file(stored, folder / RULE)
    (folder / RULE).chmod(0o644)
