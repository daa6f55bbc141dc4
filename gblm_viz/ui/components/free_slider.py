"""A slider whose number box accepts values outside the slider's range, so that we can refuse them in our own words.

Independent of the setting: the handler that gets the value checks it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


class FreeSlider(gr.Slider):
    """Passes a number outside the range on; Gradio's slider shows an English notice instead and sends no event."""

    is_template = True  # the browser draws it as an ordinary slider

    def preprocess(self, payload: Any) -> Any:
        return payload
