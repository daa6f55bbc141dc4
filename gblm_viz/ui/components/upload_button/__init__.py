"""A button that sends one file into the server's memory. Independent of language: all text is in the value."""

from __future__ import annotations

from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = '<div class="upload-button"><button type="button"></button><input type="file" hidden></div>'


class UploadButton(OwnComponent):
    """Its value is what `upload_button` returns.

    Event `upload` when a file has been sent: `file`, an object with `name`, `size` in bytes, the `token` under which
    the file waits (see uploads.py; empty if it was refused), and the `status` of the answer (0 if there was none).
    Gradio's own button is not used because it writes files to a folder that all visitors share.
    """

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.upload_button.upload_button"


def upload_button(label: str, types: str, ready: bool = True) -> dict[str, Any]:
    """Return a value for UploadButton. types: as in the `accept` of a file input. ready: whether it can be pressed."""
    return {"label": label, "types": types, "ready": ready}
