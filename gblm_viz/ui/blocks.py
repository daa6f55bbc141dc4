"""Gradio's Blocks, with every value that does not fit its field answered by a sentence in the page's language."""

from __future__ import annotations

from typing import Any

import gradio as gr

from gblm_viz.words import Words


class Blocks(gr.Blocks):
    """A choice that is not offered or a number outside its range ends the event with a notice and no traceback.

    Only a script sends such values: the page's own controls cannot. Gradio would answer in English, or with nothing.
    """

    def __init__(self, say: Words, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.say = say

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> list[Any]:
        inputs = ["" if value is None and isinstance(field, gr.Textbox) else value
                  for field, value in zip(block_fn.inputs, inputs, strict=True)]  # an empty box is an empty text
        try:
            found: list[Any] = await super().preprocess_data(block_fn, inputs, *rest, **named)
            return found
        except Exception as error:
            raise gr.Error(self.say("errors.bad_event"), print_exception=False) from error
