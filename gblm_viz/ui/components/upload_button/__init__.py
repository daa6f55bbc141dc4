"""A button that sends one file into the server's memory. Knows no language: every word comes in the value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__).parent
_TEMPLATE = '<div class="upload-button"><button type="button"></button><input type="file" hidden></div>'


class UploadButton(gr.HTML):
    """Its value is what `upload_button` returns.

    Event `upload` when a file has been sent: `file`, an object with `name`, `size` in bytes, the `token` under which
    the file waits (see uploads.py), empty where it was not taken, and the `status` of the answer, 0 without any.
    Gradio's own button writes files to a folder that all visitors share.
    """

    def __init__(self, value: Mapping[str, Any] | None = None, *, elem_id: str | None = None, **arguments: Any) -> None:
        super().__init__(
            value=value, html_template=_TEMPLATE,
            css_template=(_HERE / "upload_button.css").read_text(encoding="utf-8"),
            js_on_load=(_HERE / "upload_button.js").read_text(encoding="utf-8"),
            apply_default_css=False, elem_id=elem_id, **arguments)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what gblm_viz.ui.components.upload_button.upload_button returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


def upload_button(label: str, types: str, ready: bool = True) -> dict[str, Any]:
    """A value for UploadButton. types: as in the `accept` of a file input. ready: whether it can be pressed."""
    return {"label": label, "types": types, "ready": ready}
