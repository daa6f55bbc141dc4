"""Where the pocket model's files lie. Knows nothing of what is in them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "assets" / "pocket"
TEXTS = ROOT / "assets" / "texts"
WORK = ROOT / ".pocket-training"
