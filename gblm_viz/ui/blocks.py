"""Gradio's Blocks that answer a value not fitting its field with a sentence in the page's language."""

from __future__ import annotations

from typing import Any

import gradio as gr

from gblm_viz.words import Words

FURTHEST = 2**63
"""One more than the largest seed, so that a larger one can still be recognised."""


class Blocks(gr.Blocks):
    """Ends an event with an unoffered choice or an out-of-range number with a notice, without a traceback.

    Only a script can send such values, not the page's own controls. Gradio would answer in English or not at all.
    """

    def __init__(self, say: Words, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.say = say

    def get_config_file(self) -> Any:
        """Return what the browser needs to draw the page; nothing until the page is mounted.

        While a page is put together Gradio asks for it four times more, and uses none of those answers: a third of the
        time that building the pages took.
        """
        return {} if getattr(self, "custom_mount_path", None) is None else super().get_config_file()

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> list[Any]:
        inputs = [_tamed(field, value) for field, value in zip(block_fn.inputs, inputs, strict=True)]
        try:
            found: list[Any] = await super().preprocess_data(block_fn, inputs, *rest, **named)
            return found
        except Exception as error:
            raise gr.Error(self.say("errors.bad_event"), print_exception=False) from error


def _tamed(field: Any, value: Any) -> Any:
    """Return a value as the handlers expect it: an empty box as an empty text, lone surrogates as question marks, and
    numbers beyond ±2⁶³, which no answer could contain, clamped."""
    if isinstance(field, gr.Textbox | gr.Button):
        return str(value or "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(field, gr.Number | gr.Slider) and isinstance(value, int | float):
        return min(max(value, -FURTHEST), FURTHEST)
    return value
