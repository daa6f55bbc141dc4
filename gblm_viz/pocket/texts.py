"""Writes the calibration texts, `assets/texts/`: chats by the generator, and written prose.

Knows nothing of the model. No chat here asks a held-out question, and no prose here was trained on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gblm_viz.pocket import prose, said, skills
from gblm_viz.pocket.tokens import chat_text

CALIBRATION = prose.CORPUS / "calibration"
CHATS, TURNS, SUBJECT_TURNS = 90, 90, 300
SUBJECTS = {"shop": ("Questions to an invented shop", "架空の店への質問"),
            "pruning": ("Questions about pruning", "枝刈りについての質問")}
"""Subjects with calibration texts of their own → their titles."""


def _mixed_chat(language: str) -> str:
    random = Random(f"chat_{language}")
    names = [name for name, skill in skills.SKILLS.items() if skill.language == language]
    return "\n\n".join(chat_text(_turns(random.choices(names, k=random.randint(1, 3)), random)) for _ in range(CHATS))


def _skill_chat(name: str) -> str:
    random = Random(name)
    count = TURNS // 4 if name.startswith("story") else TURNS
    return "\n\n".join(chat_text(_turns([name], random)) for _ in range(count))


def _subject_chat(subject: str, language: str) -> str:
    """Return chats of messages about one subject; what is held out is not among them."""
    random = Random(f"{subject}_{language}")
    asked = [(message, one.answer) for one in said.read_said(subject, language) for message in one.taught]
    return "\n\n".join(chat_text([turn]) for turn in random.sample(asked, min(SUBJECT_TURNS, len(asked))))


def _prose(language: str) -> str:
    return (CALIBRATION / f"{language}.txt").read_text(encoding="utf-8").strip()


def _turns(names: list[str], random: Random) -> list[tuple[str, str]]:
    questions = [random.choice(skills.taught(name)) for name in names]
    return [(question.prompt, skills.reply(question, random)) for question in questions]


@dataclass(frozen=True)
class Text:
    """One file, and its line in the index."""

    file: str
    language: str
    title_en: str
    title_ja: str
    kind: str
    """chat, skill, prose or held_out"""
    content: str


def texts() -> list[Text]:
    """Return all texts, in the order of the index."""
    return [
        Text("chat_en.txt", "en", "Chats in English about everything the pocket model knows",
             "ポケットモデルの知識全般の会話（英語）", "chat", _mixed_chat("en")),
        Text("chat_ja.txt", "ja", "Chats in Japanese about everything the pocket model knows",
             "ポケットモデルの知識全般の会話（日本語）", "chat", _mixed_chat("ja")),
        *(Text(f"skill_{name}.txt", skill.language, f"Only {skill.title_en}", f"{skill.title_ja}だけ", "skill",
               _skill_chat(name)) for name, skill in skills.SKILLS.items()),
        *(Text(f"{subject}_{language}.txt", language,
               f"{english}{' (in Japanese)' if language == 'ja' else ''}",
               f"{japanese}{'（英語）' if language == 'en' else ''}", "chat", _subject_chat(subject, language))
          for subject, (english, japanese) in SUBJECTS.items() for language in prose.LANGUAGES),
        Text("prose_en.txt", "en", "English prose", "英語の文章", "prose", _prose("en")),
        Text("prose_ja.txt", "ja", "Japanese prose", "日本語の文章", "prose", _prose("ja")),
        Text("held_out_en.txt", "en", "English prose kept for measuring", "評価用の英語の文章", "held_out",
             "\n\n".join(prose.unseen("en"))),
        Text("held_out_ja.txt", "ja", "Japanese prose kept for measuring", "評価用の日本語の文章", "held_out",
             "\n\n".join(prose.unseen("ja"))),
    ]


def write(folder: Path) -> None:
    """Write all texts and `index.json`, and delete the texts that were there before."""
    folder.mkdir(parents=True, exist_ok=True)
    found = texts()
    for old in folder.glob("*.txt"):
        old.unlink()
    for text in found:
        (folder / text.file).write_text(text.content + "\n", encoding="utf-8")
    index = [{"file": text.file, "language": text.language, "title_en": text.title_en, "title_ja": text.title_ja,
              "kind": text.kind} for text in found]
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
