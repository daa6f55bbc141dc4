"""The heading of a tab for screen readers, which lead from heading to heading: its name stands on its button alone."""

from __future__ import annotations

import gradio as gr

from gblm_viz.escape import escape


def heading(title: str, level: int = 2) -> gr.HTML:
    """Return it; it takes no room. level: 2 for a tab of the page, one more for each tab around it."""
    return gr.HTML(f"<h{level}>{escape(title)}</h{level}>", container=False, elem_classes="only-read")
