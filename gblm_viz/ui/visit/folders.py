"""The path of a folder that a visitor on this machine typed."""

from __future__ import annotations

from pathlib import Path

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.files import usable_path


def folder_of(given: str) -> Path:
    """Return the path with ~ expanded. Raises GblmError if no home folder is known or the name is not usable here."""
    try:
        return usable_path(Path(given).expanduser())
    except RuntimeError:
        raise GblmError("no_home", given=given) from None
