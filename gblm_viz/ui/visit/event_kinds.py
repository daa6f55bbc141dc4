"""Checks of the values that our own components' events carry, by kind, since a browser can send anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LARGEST = 2**31
"""Row, column and line numbers are smaller than this."""
LONGEST = 500
FILE = {"name": str, "size": int, "token": str, "status": int}


def _whole(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and abs(told) < LARGEST


def _text(told: Any) -> bool:
    return isinstance(told, str) and len(told) <= LONGEST


def _pair(told: Any) -> bool:
    return isinstance(told, list) and len(told) == 2 and all(map(_whole, told))


def _choice(told: Any) -> bool:
    """Check [a name, a whole number]."""
    return isinstance(told, list) and len(told) == 2 and _text(told[0]) and _whole(told[1])


def _request(told: Any) -> bool:
    """Check [the request, the line, column or page that it is about]."""
    return isinstance(told, list) and len(told) == 2 and _text(told[0]) and (_text(told[1]) or _whole(told[1]))


def _change(told: Any) -> bool:
    """Check [name of a number, its column, its new value]; None = the original value."""
    return (isinstance(told, list) and len(told) == 3 and _text(told[0]) and _whole(told[1])
            and (told[2] is None or (isinstance(told[2], int | float) and not isinstance(told[2], bool))))


def _file(told: Any) -> bool:
    return (isinstance(told, dict) and told.keys() == FILE.keys()
            and all(type(told[name]) is kind for name, kind in FILE.items()) and _text(told["name"]))


KINDS: dict[str, Callable[[Any], bool]] = {
    "number": _whole, "text": _text, "pair": _pair, "choice": _choice, "request": _request, "change": _change,
    "file": _file}
