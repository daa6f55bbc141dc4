"""The language a browser asks for, used when the address names none."""

from __future__ import annotations

from gblm_viz.words import LANGUAGES


def preferred(accepted: str) -> str:
    """Return the first supported language of an Accept-Language header; English if there is none."""
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "en"
