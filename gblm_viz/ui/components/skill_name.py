"""The display name of a probe skill. Uses only the words; files contain the codes."""

from __future__ import annotations

from gblm_viz.words import Words


def skill_name(say: Words, skill: str) -> str:
    """Return a pocket skill in the page's language; a skill of any other set unchanged."""
    return say.table("skills").get(skill, skill)
