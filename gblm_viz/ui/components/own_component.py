"""The base of our own components: a static template, and a style sheet and a script from the component's folder.

The script is the module named like the folder and all that it imports, which the page has in its head (joined.py).
Gradio gives it its part of the page; the module's `start` gets that and, as a second argument, what the component's
Python side knows.

Gradio evaluates whatever is put into a template, so templates are static and scripts fill them through textContent.
Independent of the single components.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from gblm_viz.figures import colours, sizes

from .joined import joined, literal, shared

EVENTS = frozenset(map(str, gr.HTML.EVENTS))
"""What a component may send."""


def started(entry: Path, config: Mapping[str, Any] | None = None) -> str:
    """Return the script for Gradio that calls the module's `start` with Gradio's names and the config.

    Gradio takes the words that stand in quotes in a script for the names of the events that it may send.
    """
    quoted = re.findall(r'"(\w+)"', joined(entry))
    events = " ".join(f'"{name}"' for name in sorted({*quoted} & EVENTS))
    return (f"{shared(entry)}.start({{ element, props, trigger, watch, server }}, {literal(config or {})});"
            f"{f' // sends {events}' if events else ''}")


class OwnComponent(gr.HTML):
    """A component whose value is JSON that its script draws. A subclass sets `template` and `maker`; its folder has the
    style sheet and the script's entry module, named like the folder."""

    template: ClassVar[str]
    maker: ClassVar[str]
    """Full name of the function that makes a value."""

    def __init__(self, value: Mapping[str, Any] | None = None, *, elem_id: str | None = None,
                 config: Mapping[str, Any] | None = None, **arguments: Any) -> None:
        """config: JSON values for the script besides the colours and letter sizes; they never change."""
        folder = Path(inspect.getfile(type(self))).parent
        known = {"colours": colours.for_scripts(), "letters": sizes.for_scripts(), **(config or {})}
        script = started(folder / f"{folder.name}.js", known)
        style = colours.fill_variables((folder / f"{folder.name}.css").read_text(encoding="utf-8"))
        super().__init__(value=value, html_template=self.template, css_template=sizes.add_fallbacks(style),
                         js_on_load=script, apply_default_css=False, elem_id=elem_id, **arguments)

    def get_config(self) -> dict[str, Any]:  # type: ignore[override]
        """Return what the browser is told of the component.

        To Gradio each word that stands in quotes in the script is the name of an event. A parameter of the constructor
        that has such a name would be told as a function that holds the component and with it the whole page, which
        Gradio then copies, several times, before the page's first visitor sees anything.
        """
        return {name: value for name, value in super().get_config().items() if not callable(value)}

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": f"what {self.maker} returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None
