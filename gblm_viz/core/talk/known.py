"""What a model says that it knows: `skills.json` in its folder, and the rule that tells whether a question belongs.

The rule is a linear one over the pieces of two to four letters of the question, `skills.safetensors`: it looks at the
question alone and does not ask the model. A folder without these files simply says nothing.
"""

from __future__ import annotations

import json
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SKILLS, RULE = "skills.json", "skills.safetensors"
BUCKETS = 8192
"""How many different pieces of letters the rule tells apart."""


@dataclass(frozen=True)
class KnownSkill:
    """One thing the model knows; name, line and examples by language."""

    id: str
    names: Mapping[str, str]
    lines: Mapping[str, str]
    examples: Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class KnownSkills:
    """All skills of a model; declines: the sentences with which it says that something is outside what it knows.

    weights: language → float32 (BUCKETS + 1, skills + 1), the last row added always; the last column stands for "none
    of them".
    """

    skills: tuple[KnownSkill, ...]
    declines: frozenset[str]
    weights: Mapping[str, NDArray[np.float32]]

    def find(self, question: str) -> KnownSkill | None:
        """Return the skill that a question belongs to; None if it belongs to none."""
        weights = self.weights.get(language_of(question))
        if weights is None:
            return None
        best = int((pieces_of(question) @ weights).argmax())
        return self.skills[best] if best < len(self.skills) else None


def language_of(question: str) -> str:
    """Return "ja" if the question has a Japanese letter, otherwise "en"."""
    return "ja" if any("\u3041" <= letter <= "\u30ff" or "\u4e00" <= letter <= "\u9fff"
                       for letter in unicodedata.normalize("NFKC", question)) else "en"


def pieces_of(question: str) -> NDArray[np.float32]:
    """Return float32 (BUCKETS + 1,): which pieces of letters and pairs of words occur, of length 1 in all; then a 1.

    Case, width and digits do not count.
    """
    lower = unicodedata.normalize("NFKC", question).lower()
    words = "".join("0" if letter.isdigit() else letter if letter.isalpha() or letter in "+-" else " "
                    for letter in lower).split()
    plain = f" {' '.join(words)} "
    found = np.zeros(BUCKETS + 1, np.float32)
    pieces = {plain[start:start + size] for size in (2, 3, 4) for start in range(len(plain) - size + 1)}
    pieces |= {f"{first}  {second}" for first, second in pairwise(words)}
    for piece in pieces:
        found[zlib.crc32(piece.encode()) % BUCKETS] = 1
    found /= max(1.0, float(np.sqrt(found.sum())))
    found[BUCKETS] = 1
    return found


def read_known(folder: Path) -> KnownSkills | None:
    """Return what the model in a folder says that it knows; None where the files are missing."""
    if not (folder / SKILLS).is_file() or not (folder / RULE).is_file():
        return None
    from safetensors.numpy import load_file

    told = json.loads((folder / SKILLS).read_text(encoding="utf-8"))
    skills = tuple(KnownSkill(one["id"], one["name"], one["line"], one["examples"]) for one in told["skills"])
    stored = load_file(folder / RULE)
    weights = {language: stored[language].astype(np.float32) * stored[f"{language}.scale"] for language in ("en", "ja")}
    return KnownSkills(skills, frozenset(told["declines"]), weights)
