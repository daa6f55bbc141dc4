"""Where the files lie that come with the package: the pocket model, texts, the example, the style sheet."""

import json
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
ASSETS = next((place for place in (_HERE.parent / "assets", _HERE / "assets") if (place / "app.css").is_file()),
              _HERE / "assets")
"""Beside the package in a checkout; inside it where it was installed."""
BUNDLED = "pocket"
"""The bundled model's name, which is also what a model loaded from it says as its source."""


def usual_perplexity(source: str) -> float | None:
    """Return what the bundled model reaches on the prose held out from its training, of the harder language; None for
    any other model."""
    return _usual_perplexity() if source == BUNDLED else None


@cache
def _usual_perplexity() -> float:
    last = json.loads((ASSETS / BUNDLED / "training.json").read_text(encoding="utf-8"))["curve"][-1]
    return max(float(value) for name, value in last.items() if name.startswith("perplexity_"))
