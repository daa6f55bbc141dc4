"""All text of the matrix view, per language, from words/<language>/matrix.toml, and a check that none is missing.
Independent of the component: its value contains one of these tables, or any other with the same keys."""

from collections.abc import Mapping
from string import Formatter

from gblm_viz.words import words as of_language

ENGLISH: Mapping[str, str] = of_language("en").table("matrix")
JAPANESE: Mapping[str, str] = of_language("ja").table("matrix")
WORD_KEYS = tuple(ENGLISH)
"""The keys that a table of words for the view must have."""


def placeholders(sentence: str) -> set[str]:
    """Return the names in braces, such as {"rows", "value"}."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def check_words(words: Mapping[str, str]) -> dict[str, str]:
    """Return the view's part of a table. Raises KeyError for a missing word, ValueError for wrong names in braces."""
    missing = [key for key in WORD_KEYS if key not in words]
    if missing:
        raise KeyError(f"the matrix view lacks words for: {', '.join(missing)}")
    wrong = [key for key in WORD_KEYS if placeholders(words[key]) != placeholders(ENGLISH[key])]
    if wrong:
        raise ValueError(f"these sentences of the matrix view have other places for numbers: {', '.join(wrong)}")
    return {key: words[key] for key in WORD_KEYS}
