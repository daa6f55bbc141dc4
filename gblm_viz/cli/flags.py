"""Flags that several commands share, and parsers for their values. A wrong flag prints one line; exit code 2."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from gblm_viz.core.score.methods import (
    METHODS,
    Knob,
    knobs_of,
    own_knobs,
)
from gblm_viz.core.text import calibration

from .terminal import WORDS


class UsageError(Exception):
    """Raised for an invalid command line, with a message of one line."""


class Parser(argparse.ArgumentParser):
    """argparse parser that raises UsageError with one line for a wrong flag, instead of printing usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the UsageError with argparse's message."""
        raise UsageError(WORDS("cli.refuse.usage", program=self.prog, message=message))


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a parser for a whole number from `low` (to `high`)."""
    span = f"≥ {low}" if high is None else f"{low} … {high}"

    def read(given: str) -> int:
        with suppress(ValueError):
            value = int(given)
            if low <= value and (high is None or value <= high):
                return value
        raise argparse.ArgumentTypeError(WORDS("cli.refuse.whole", given=given, range=span))
    return read


def between(holds: Callable[[float], bool], span: str) -> Callable[[str], float]:
    """Return a parser for a finite number for which `holds` is true; span: the range as the refusal names it."""
    def read(given: str) -> float:
        with suppress(ValueError):
            value = float(given)
            if math.isfinite(value) and holds(value):
                return value
        raise argparse.ArgumentTypeError(WORDS("cli.refuse.between", given=given, range=span))
    return read


seed_number = whole(0, calibration.LARGEST_SEED)


def knob_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each knob that only some methods have."""
    for name, knob in own_knobs().items():
        methods = ", ".join(method for method in METHODS if name in knobs_of(method))
        parser.add_argument("--" + name.replace("_", "-"), type=_knob(knob), default=knob.default, metavar="VALUE",
                            help=flag_help("knob", methods=methods, wanted=knob.wanted, default=knob.default))


def _knob(knob: Knob) -> Callable[[str], object]:
    def read(given: str) -> object:
        with suppress(ValueError):
            if knob.takes(value := knob.read(given)):
                return value
        raise argparse.ArgumentTypeError(WORDS("cli.refuse.knob", given=given, wanted=knob.wanted))

    return read


def own_values(args: argparse.Namespace, method: str) -> dict[str, Any]:
    """Return the values of this method's knobs that not every method has."""
    return {name: getattr(args, name) for name in own_knobs() if name in knobs_of(method)}


def flag_help(key: str, **fields: object) -> str:
    """Return a flag's help text from the words' table cli.help."""
    return WORDS(f"cli.help.{key}", **fields)
