"""Which models a visitor may load. On one's own machine: any; where others reach it: those its owner named."""

from __future__ import annotations

import os

from gblm_viz.core.base.errors import GblmError, ModelError
from gblm_viz.core.model.named import is_hub_id, plain

from .session import Library

LONGEST = 200
"""Characters of a name that an answer repeats."""


def refuse_closed(library: Library, wanted: str) -> str:
    """The source to load for what a visitor typed: where others reach the app, the owner's own spelling of it.

    Raises GblmError where a visitor from outside names another model. Decided before anything is looked for: whether
    there is such a folder changes neither the answer nor the time it takes.
    """
    if library.local:
        return plain(wanted)
    known = tuple(dict.fromkeys(("pocket", library.first.source, *library.open_models)))
    meant = _meanings(wanted)
    for one in known:
        if meant & _meanings(one):
            return plain(one)
    raise GblmError("model_closed", source=wanted[:LONGEST], known=", ".join(known))


def _meanings(given: str) -> set[str]:
    """What a name can stand for, from its text alone: a hub id, and the path of a folder without `.` and `..`."""
    try:
        text = plain(given)
    except ModelError:
        return set()
    if text in ("", "pocket"):
        return {text} - {""}
    path = os.path.normpath(os.path.expanduser(text))
    return {os.path.abspath(path), *([path] if is_hub_id(path) else [])}
