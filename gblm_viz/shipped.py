"""Where the files lie that come with the package: the pocket model, texts, the example, the style sheet."""

from pathlib import Path

_HERE = Path(__file__).parent
ASSETS = next((place for place in (_HERE.parent / "assets", _HERE / "assets") if (place / "app.css").is_file()),
              _HERE / "assets")
"""Beside the package in a checkout; inside it where it was installed."""
