"""The errors a user can act on: each message is a sentence (what, where, what to do next) in the reader's language.

    GblmError
    ├── ModelError       a model that cannot be loaded or used
    ├── TextError        a calibration text that gives no samples
    ├── SettingError     a method, pattern, sparsity or α that makes no sense here
    ├── StatisticsError  a statistics folder that is broken, unfinished or belongs to another model or text
    ├── ScoreError       a score that is not finite, or a matrix the observation missed
    └── PlaceError       a matrix, row, column, head or number that does not exist

The sentences are in words/<language>/errors.toml; an error stores the key and the values to fill in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from gblm_viz.words import Words, words

LONGEST_FIELD, MOST_BITS = 1000, 200
"""Limits for values in a message: characters of a text, bits of an int; user input may have any number of either."""


def _short(value: object) -> object:
    """Return the value, shortened where it is too long for a message."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:  # Python refuses to write out a very large one
        return f"{'-' if value < 0 else ''}2^{value.bit_length() - 1}…"
    if isinstance(value, int | float):
        return value
    told = value if isinstance(value, str) else str(value)
    return f"{told[:LONGEST_FIELD]}…" if len(told) > LONGEST_FIELD else value


class GblmError(Exception):
    """Error with a key of errors.toml and the fields that its sentence names; `str()` gives the English message."""

    def __init__(self, key: str, **fields: object) -> None:
        self.key = key
        self.fields = {name: _short(value) for name, value in fields.items()}
        super().__init__(self.say(words("en")))

    def __str__(self) -> str:
        return str(self.args[0])

    def say(self, language_words: Words) -> str:
        """Return the sentence in the language of these words."""
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
    """A score that is not finite, or a matrix the observation missed."""


class PlaceError(GblmError, KeyError, IndexError, ValueError):
    """A matrix, row, column, head or number that does not exist; also a KeyError, IndexError and ValueError."""


def shortened(text: object, most: int = 60) -> str:
    """Return text from a file or a user as a message quotes it: on one line, at most `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def refuse_unknown(key: str, given: object, known: Collection[str]) -> None:
    """Raises SettingError if `given` is none of the `known` names; the key's sentence lists them."""
    if given not in tuple(known):  # a tuple compares and does not hash, so a list is just unknown
        raise SettingError(key, given=given, known=", ".join(known))


@contextmanager
def reraise_as(made: Callable[[BaseException], GblmError]) -> Iterator[None]:
    """Turn any failure inside into the error that `made` returns for it; our own errors pass unchanged."""
    try:
        yield
    except GblmError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise made(error) from error


def is_failure(error: BaseException) -> bool:
    """Return whether the error is a failure and not a request to end the process. When the compiled parts of tokenizers
    and safetensors panic, they raise a PanicException: it is no Exception, and its class cannot be imported."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
