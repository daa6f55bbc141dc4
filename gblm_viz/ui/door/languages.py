"""Which language a browser asks for, where the address does not say."""

from __future__ import annotations

from gblm_viz.words import LANGUAGES


def preferred(accepted: str) -> str:
    """The first language of an Accept-Language header that there are words in; else English."""
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "en"
