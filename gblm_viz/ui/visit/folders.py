"""A folder as a visitor of this machine writes it."""

from __future__ import annotations

from pathlib import Path

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.files import usable_path


def folder_of(given: str) -> Path:
    """The path, with ~ as the home folder. Raises GblmError where this machine knows none, or takes no such name."""
    try:
        return usable_path(Path(given).expanduser())
    except RuntimeError:
        raise GblmError("no_home", given=given) from None
