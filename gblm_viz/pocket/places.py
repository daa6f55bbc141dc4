"""Where the pocket model's files lie. Knows nothing of what is in them."""

from __future__ import annotations

from pathlib import Path

from gblm_viz.shipped import ASSETS

ROOT = Path(__file__).parents[2]
MODEL = ASSETS / "pocket"
TEXTS = ASSETS / "texts"
WORK = ROOT / ".pocket-training"
