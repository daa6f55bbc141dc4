"""A slider whose number box may say what the slider cannot reach, so that our own sentence can refuse it.

Knows no setting: the handler that gets the value checks it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


class FreeSlider(gr.Slider):
    """Gradio's slider answers an outside number with an English notice and no event; this one hands it over."""

    is_template = True  # the browser draws it as the slider it is

    def preprocess(self, payload: Any) -> Any:
        return payload
