"""Writes the calibration texts, `assets/texts/`: chats by the generator, and written prose.

Knows nothing of the model. No chat here asks a held-out question, and no prose here was trained on.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from gblm_viz.pocket import prose, skills
from gblm_viz.pocket.tokens import chat_text

CALIBRATION = prose.CORPUS / "calibration"
CHATS, TURNS = 90, 90


def _mixed_chat(language: str) -> str:
    random = Random(f"chat_{language}")
    names = [name for name, skill in skills.SKILLS.items() if skill.language == language]
    return "\n\n".join(chat_text(_turns(random.choices(names, k=random.randint(1, 3)), random)) for _ in range(CHATS))


def _skill_chat(name: str) -> str:
    random = Random(name)
    count = TURNS // 4 if name.startswith("story") else TURNS
    return "\n\n".join(chat_text(_turns([name], random)) for _ in range(count))


def _turns(names: list[str], random: Random) -> list[tuple[str, str]]:
    questions = [random.choice(skills.taught(name)) for name in names]
    return [(question.prompt, skills.reply(question, random)) for question in questions]


def write(folder: Path) -> None:
    """All texts and `index.json`: file, language, titles, kind (chat, skill, prose, held_out)."""
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[tuple[str, str, str, str, str, str]] = [
        (
            "chat_en.txt",
            "en",
            "Chats in English about everything the pocket model knows",
            "ポケットモデルが知っていることの英語の会話",
            "chat",
            _mixed_chat("en"),
        ),
        (
            "chat_ja.txt",
            "ja",
            "Chats in Japanese about everything the pocket model knows",
            "ポケットモデルが知っていることの日本語の会話",
            "chat",
            _mixed_chat("ja"),
        ),
        *(
            (
                f"skill_{name}.txt",
                skill.language,
                f"Only {skill.title_en}",
                f"{skill.title_ja}だけ",
                "skill",
                _skill_chat(name),
            )
            for name, skill in skills.SKILLS.items()
        ),
        (
            "prose_en.txt",
            "en",
            "English prose",
            "英語の文章",
            "prose",
            (CALIBRATION / "en.txt").read_text(encoding="utf-8").strip(),
        ),
        (
            "prose_ja.txt",
            "ja",
            "Japanese prose",
            "日本語の文章",
            "prose",
            (CALIBRATION / "ja.txt").read_text(encoding="utf-8").strip(),
        ),
        (
            "held_out_en.txt",
            "en",
            "English prose kept for measuring",
            "測定用の英語の文章",
            "held_out",
            "\n\n".join(prose.unseen("en")),
        ),
        (
            "held_out_ja.txt",
            "ja",
            "Japanese prose kept for measuring",
            "測定用の日本語の文章",
            "held_out",
            "\n\n".join(prose.unseen("ja")),
        ),
    ]
    for old in folder.glob("*.txt"):
        old.unlink()
    index = []
    for file, language, title_en, title_ja, kind, text in entries:
        (folder / file).write_text(text + "\n", encoding="utf-8")
        index.append({"file": file, "language": language, "title_en": title_en, "title_ja": title_ja, "kind": kind})
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
