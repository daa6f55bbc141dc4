"""Gradio's Blocks, with every value that does not fit its field answered by a sentence in the page's language."""

from __future__ import annotations

from typing import Any

import gradio as gr

from gblm_viz.words import Words

FURTHEST = 2**63
"""One more than the largest seed, so that a larger one is still told apart."""


class Blocks(gr.Blocks):
    """A choice that is not offered or a number outside its range ends the event with a notice and no traceback.

    Only a script sends such values: the page's own controls cannot. Gradio would answer in English, or with nothing.
    """

    def __init__(self, say: Words, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.say = say

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> list[Any]:
        inputs = [_tamed(field, value) for field, value in zip(block_fn.inputs, inputs, strict=True)]
        try:
            found: list[Any] = await super().preprocess_data(block_fn, inputs, *rest, **named)
            return found
        except Exception as error:
            raise gr.Error(self.say("errors.bad_event"), print_exception=False) from error


def _tamed(field: Any, value: Any) -> Any:
    """A value as every handler expects it: an empty box is an empty text, half characters become question marks, and
    numbers beyond 64 bits, which no answer could carry, become the nearest one."""
    if isinstance(field, gr.Textbox | gr.Button):
        return str(value or "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(field, gr.Number | gr.Slider) and isinstance(value, int | float):
        return min(max(value, -FURTHEST), FURTHEST)
    return value
