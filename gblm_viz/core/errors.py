"""The errors a person can act on: each is a sentence (what, where, what to do next) in the reader's language.

    GblmError
    ├── ModelError       a model that cannot be loaded or used
    ├── TextError        a calibration text that gives no samples
    ├── SettingError     a method, pattern, sparsity or α that makes no sense here
    ├── StatisticsError  a statistics folder that is broken, unfinished or belongs to another model or text
    └── ScoreError       a score that came out not finite, a matrix the observation missed

The sentences are in words/<language>/errors.toml; an error holds the key and the numbers.
"""

from __future__ import annotations

from gblm_viz.words import Words, words


class GblmError(Exception):
    """Raised with a key of errors.toml and the fields its sentence names; `str()` reads English."""

    def __init__(self, key: str, **fields: object) -> None:
        self.key = key
        self.fields = fields
        super().__init__(self.say(words("en")))

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


def is_failure(error: BaseException) -> bool:
    """Whether something went wrong, as against somebody who ends the process. What tokenizers and safetensors raise
    where their compiled parts panic is no Exception, and its class cannot be imported."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
