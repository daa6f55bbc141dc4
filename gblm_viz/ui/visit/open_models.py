"""Which models a visitor may load: any on one's own machine; if others can reach it, those its owner named."""

from __future__ import annotations

import os

from gblm_viz.core.base.errors import GblmError, ModelError
from gblm_viz.core.model.model_source import is_hub_id, strip_pasted

from .library import Library

LONGEST = 200
"""Longest part of a name, in characters, that an error message repeats."""


def refuse_closed(library: Library, wanted: str) -> str:
    """Return the source to load for what a visitor typed; if others can reach the app, in the owner's spelling.

    Raises GblmError if others can reach the app and the model is not one its owner named. Decided from the name alone,
    so neither the answer nor its timing reveals whether such a folder exists.
    """
    if library.local:
        return strip_pasted(wanted)
    known = tuple(dict.fromkeys(("pocket", library.first.source, *library.open_models)))
    meant = _meanings(wanted)
    for one in known:
        if meant & _meanings(one):
            return strip_pasted(one)
    raise GblmError("model_closed", source=wanted[:LONGEST], known=", ".join(known))


def _meanings(given: str) -> set[str]:
    """Return what a name can mean, from its text alone: a hub id, and a folder's path without `.` and `..`."""
    try:
        text = strip_pasted(given)
    except ModelError:
        return set()
    if text in ("", "pocket"):
        return {text} - {""}
    path = os.path.normpath(os.path.expanduser(text))
    return {os.path.abspath(path), *([path] if is_hub_id(path) else [])}
