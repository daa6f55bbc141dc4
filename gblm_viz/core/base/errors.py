"""The errors a person can act on: each is a sentence (what, where, what to do next) in the reader's language.

    GblmError
    ├── ModelError       a model that cannot be loaded or used
    ├── TextError        a calibration text that gives no samples
    ├── SettingError     a method, pattern, sparsity or α that makes no sense here
    ├── StatisticsError  a statistics folder that is broken, unfinished or belongs to another model or text
    ├── ScoreError       a score that came out not finite, a matrix the observation missed
    └── PlaceError       a matrix, row, column, head or number that is not there

The sentences are in words/<language>/errors.toml; an error holds the key and the numbers.
"""

from __future__ import annotations

from collections.abc import Collection

from gblm_viz.words import Words, words

LONGEST_FIELD, MOST_BITS = 1000, 200
"""Characters of a field, and bits of a whole number; what somebody typed may have any number."""


def _short(value: object) -> object:
    """A value that a sentence can hold."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:  # Python refuses to write out a very large one
        return f"{'-' if value < 0 else ''}2^{value.bit_length() - 1}…"
    if isinstance(value, int | float):
        return value
    told = value if isinstance(value, str) else str(value)
    return f"{told[:LONGEST_FIELD]}…" if len(told) > LONGEST_FIELD else value


class GblmError(Exception):
    """Raised with a key of errors.toml and the fields its sentence names; `str()` reads English."""

    def __init__(self, key: str, **fields: object) -> None:
        self.key = key
        self.fields = {name: _short(value) for name, value in fields.items()}
        super().__init__(self.say(words("en")))

    def __str__(self) -> str:
        return str(self.args[0])

    def say(self, language_words: Words) -> str:
        return language_words(f"errors.{self.key}", **self.fields)


class ModelError(GblmError):
    """A model that cannot be loaded or used."""


class TextError(GblmError):
    """A calibration text that gives no samples."""


class SettingError(GblmError):
    """A method, pattern, sparsity or α that makes no sense here."""


class StatisticsError(GblmError):
    """A statistics folder that is broken, unfinished or belongs to another model or text."""


class ScoreError(GblmError):
    """A score that came out not finite, or a matrix the observation missed."""


class PlaceError(GblmError, KeyError, IndexError, ValueError):
    """A matrix, row, column, head or number that is not there; Python's own names for that are its bases."""


def shortened(text: object, most: int = 60) -> str:
    """What a file or a person gave, as a sentence repeats it: on one line, at most `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def refuse_unknown(key: str, given: object, known: Collection[str]) -> None:
    """Raises SettingError where `given` is none of the `known` names; the key's sentence lists them."""
    if given not in tuple(known):  # which compares, so that a list is only unknown
        raise SettingError(key, given=given, known=", ".join(known))


def is_failure(error: BaseException) -> bool:
    """Whether something went wrong, as against somebody who ends the process. What tokenizers and safetensors raise
    where their compiled parts panic is no Exception, and its class cannot be imported."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
