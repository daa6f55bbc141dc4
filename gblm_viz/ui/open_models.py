"""Which models a visitor may load. On one's own machine: any; where others reach it: those its owner named."""

from __future__ import annotations

from gblm_viz.core.errors import GblmError

from .session import Library

LONGEST = 200
"""Characters of a name that an answer repeats."""


def refuse_closed(library: Library, wanted: str) -> None:
    """Raises GblmError where a visitor from outside names another model. Decided before anything is looked for.

    Whether there is such a folder changes neither the answer nor the time it takes.
    """
    known = tuple(dict.fromkeys(("pocket", library.first.source, *library.open_models)))
    if not library.local and wanted not in known:
        raise GblmError("model_closed", source=wanted[:LONGEST], known=", ".join(known))
