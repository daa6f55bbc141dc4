"""The one escape, where the parts of a page look for it."""

from __future__ import annotations

from gblm_viz.escape import escape

__all__ = ["escape"]
