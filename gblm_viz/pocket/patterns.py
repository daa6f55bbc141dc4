"""Messages with alternatives, such as `(What|Which) day( today|)`: read, counted and drawn from.

Knows nothing of what is asked, and of no language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from random import Random


@dataclass(frozen=True)
class Pattern:
    """Plain text and groups in their order; a group is a tuple of Patterns, of which one is drawn."""

    parts: tuple[str | tuple[Pattern, ...], ...]

    def draw(self, random: Random) -> str:
        """Return one of the messages; every alternative of a group is as likely as the others."""
        return "".join(part if isinstance(part, str) else random.choice(part).draw(random) for part in self.parts)

    def messages(self) -> Iterator[str]:
        """Yield every message; one that can be drawn in two ways comes twice."""
        ends = [(part,) if isinstance(part, str) else [end for one in part for end in one.messages()]
                for part in self.parts]
        yield from map("".join, product(*ends))

    @property
    def count(self) -> int:
        """How many ways there are to draw."""
        return prod(sum(one.count for one in part) for part in self.parts if not isinstance(part, str))


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a line writes: `(a|b)` for one of two, `(a|)` for one or nothing; groups may be nested.

    Raises ValueError for brackets that do not pair, and for alternatives outside of brackets.
    """
    found, end = _alternatives(text, 0)
    if end < len(text):
        raise ValueError(f"a bracket closes that was not opened, at letter {end + 1}: {text}")
    if len(found) > 1:
        raise ValueError(f"alternatives stand outside of brackets: {text}")
    return found[0]


def _alternatives(text: str, at: int) -> tuple[tuple[Pattern, ...], int]:
    """Read alternatives up to the bracket that closes them, or to the end; return them and where they end."""
    found: list[Pattern] = []
    parts: list[str | tuple[Pattern, ...]] = []
    begun = at
    while True:
        letter = text[at:at + 1]
        if letter not in ("", "(", "|", ")"):
            at += 1
            continue
        if text[begun:at]:
            parts.append(text[begun:at])
        if letter == "(":
            inner, at = _alternatives(text, at + 1)
            if at == len(text):
                raise ValueError(f"a bracket is not closed: {text}")
            parts.append(inner)
        else:
            found.append(Pattern(tuple(parts)))
            parts = []
            if letter != "|":
                return tuple(found), at
        at += 1
        begun = at
