"""How a skill of the probes is called on screen. Knows words only; files keep the codes."""

from __future__ import annotations

from gblm_viz.words import Words


def skill_name(say: Words, skill: str) -> str:
    """The pocket's skills in the page's language; one of another set, or of the visitor's own, as it was written."""
    return say.table("skills").get(skill, skill)
