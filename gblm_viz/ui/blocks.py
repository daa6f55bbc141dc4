"""Gradio's Blocks that answer a value not fitting its field with a sentence in the page's language, and that do not
make components anew for outputs that stay as they are."""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy
from typing import Any

import gradio as gr
import gradio.utils
from gradio.blocks import convert_component_dict_to_list
from gradio.utils import is_prop_update

from gblm_viz.words import Words

FURTHEST = 2**63
"""One more than the largest seed, so that a larger one can still be recognised."""

# Gradio looks for matplotlib before and after every call. No figure here is made with it, and where it is not installed
# looking through all folders took a twentieth of the server's time with a class of visitors.
gradio.utils.MatplotlibBackendMananger = nullcontext  # type: ignore[assignment,misc]

LOOKS = frozenset({"__type__", "visible", "interactive"})
"""What an update may say of a component without changing what values it takes."""


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

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Return what the browser is told of each output.

        Gradio makes a component anew for every update, also for those that say nothing: half of the event loop's time
        with thirty visitors, since a handler names all that it may change and changes little of it. Here an update that
        leaves the component's values alone is passed on as it is, and Gradio is given the rest.
        """
        outputs = list(block_fn.outputs)
        told = _listed(outputs, predictions)
        if told is None or block_fn.is_validator_function:
            everything: list[Any] = await super().postprocess_data(block_fn, predictions, state)
            return everything
        found = [_passed_on(block, one) for block, one in zip(outputs, told, strict=True)]
        rest = [place for place, one in enumerate(found) if one is None]
        if rest:
            fewer, values = copy(block_fn), [told[place] for place in rest]
            fewer.outputs = [outputs[place] for place in rest]
            made = await super().postprocess_data(fewer, values[0] if len(values) == 1 else values, state)
            for place, one in zip(rest, made, strict=True):
                found[place] = one
        return found

    def handle_streaming_diffs(self, block_fn: Any, data: list[Any], session_hash: str | None, run: str | None,
                               final: bool, simple_format: bool = False) -> list[Any]:
        """Return what has changed since the handler's last answer; where it or the new one is an update, the whole.

        The browser writes a change into the very object of the answer before. Answers that reach it before it has been
        told the event's name are written into one another before the first is used, and what only that one says, such
        as which tab to select, was lost.
        """
        known = self.pending_diff_streams.get(session_hash, {}) if session_hash else {}
        before, now = list(known.get(run, ())), list(data)
        told: list[Any] = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        if final or simple_format:
            return told
        for place, (old, new) in enumerate(zip(before, now, strict=False)):
            if told[place] and (is_prop_update(old) or is_prop_update(new)):
                told[place] = [["replace", [], new]]
        return told


def _listed(outputs: list[Any], predictions: Any) -> list[Any] | None:
    """Return a handler's answer output by output; None for one that Gradio refuses or takes apart in its own way."""
    if len(outputs) < 2:
        return None
    if isinstance(predictions, dict) and predictions and all(isinstance(one, gr.blocks.Block) for one in predictions):
        predictions = convert_component_dict_to_list(outputs, predictions)
    return list(predictions) if isinstance(predictions, list | tuple) and len(predictions) == len(outputs) else None


def _passed_on(block: Any, told: Any) -> dict[str, Any] | None:
    """Return what the browser is told of an output; None if Gradio has to work it out."""
    if block.stateful or not is_prop_update(told) or not told.keys() <= LOOKS:
        return None
    return {name: value for name, value in told.items()
            if name == "__type__" or (value is not None and hasattr(block, name))}


def _tamed(field: Any, value: Any) -> Any:
    """Return a value as the handlers expect it: an empty box as an empty text, lone surrogates as question marks, and
    numbers beyond ±2⁶³, which no answer could contain, clamped."""
    if isinstance(field, gr.Textbox | gr.Button):
        return str(value or "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(field, gr.Number | gr.Slider) and isinstance(value, int | float):
        return min(max(value, -FURTHEST), FURTHEST)
    return value
