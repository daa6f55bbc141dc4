"""Checks of what a browser may send as each kind of component's value. Anything else never reaches Gradio.

Gradio turns `{"path": …, "meta": {"_type": "gradio.FileData"}}` into a copy of that file, whichever component it is
sent for. So an object is accepted only for components whose value is one, and no object may name a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gradio as gr

DEEPEST, MOST_ITEMS, LONGEST_CHOICE = 6, 100_000, 10_000
"""Largest depth and number of parts of an object that our own components send (a reordered picture lists its columns),
and most characters of a choice. A text is bounded only by the size of the request's body, which contains all of it."""
LARGEST_NUMBER = 1e300


def _nothing(value: Any) -> bool:
    return value is None


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _number(value: Any) -> bool:
    """Check for a finite number or None; integers too large for a float are refused."""
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_NUMBER and math.isfinite(value)


def _switch(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _choice(value: Any) -> bool:
    """Check for a text or a number. Gradio checks whether it is offered: choices change while the page is used."""
    return _number(value) or (isinstance(value, str) and len(value) <= LONGEST_CHOICE)


def _choices(value: Any) -> bool:
    return value is None or (isinstance(value, list) and len(value) <= MOST_ITEMS and all(map(_choice, value)))


def _own(value: Any) -> bool:
    """Check the value of one of our own components, which its script sends back."""
    return value is None or (isinstance(value, dict) and plain(value))


def plain(value: Any, depth: int = DEEPEST) -> bool:
    """Return whether a JSON value is at most `depth` deep, has a bounded number of parts and names no file."""
    if isinstance(value, dict):
        return (depth > 0 and len(value) <= MOST_ITEMS and not {"path", "meta", "url"} & value.keys()
                and all(plain(part, depth - 1) for part in value.values()))
    if isinstance(value, list):
        return depth > 0 and len(value) <= MOST_ITEMS and all(plain(part, depth - 1) for part in value)
    return _text(value) or _switch(value) or _number(value)


KINDS: tuple[tuple[type, Callable[[Any], bool]], ...] = (
    (gr.State, _nothing),
    (gr.Textbox, _text),
    (gr.Button, _text),
    (gr.Number, _number),
    (gr.Slider, _number),
    (gr.Checkbox, _switch),
    (gr.CheckboxGroup, _choices),
    (gr.Radio, _choice),
    (gr.Dropdown, _choice),
    (gr.HTML, _own),
)
"""The first row whose class matches decides. Our own components are gr.HTML; their scripts make their values."""


def accepted(component: Any, value: Any) -> bool:
    """Return whether a browser may send `value` for this component; False for a kind missing from the table."""
    offered = [one for _, one in getattr(component, "choices", None) or ()]
    if value is None and isinstance(component, gr.Radio | gr.Dropdown):
        return component.value is None  # one of its choices is always selected, unless it started without
    if offered and not isinstance(value, list) and all(isinstance(one, str) for one in offered):
        return _text(value)
    for kind, fits in KINDS:
        if isinstance(component, kind):
            return fits(value)
    return False
