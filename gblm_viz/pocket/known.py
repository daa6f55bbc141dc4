"""Writes what the bundled model was taught, `known.json` in its folder, from `corpus/known.toml`.

The page offers it as buttons, and marks a question that belongs to none of it. Knows no model.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from gblm_viz.pocket.prose import CORPUS

FILE = "known.json"


def write(folder: Path) -> None:
    """Write the file that `gblm_viz.core.talk.known.read_known` reads."""
    told = tomllib.loads((CORPUS / "known.toml").read_text(encoding="utf-8"))
    found = [{"id": name, **one} for name, one in told.items()]
    (folder / FILE).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
