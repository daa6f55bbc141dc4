"""The base of our own components: a static template, and a style sheet and a script from the component's folder.

Gradio evaluates whatever is put into a template, so templates are static and scripts fill them through textContent.
Independent of the single components.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from gblm_viz.figures import colours


class OwnComponent(gr.HTML):
    """A component whose value is JSON that its script draws. A subclass sets `template` and `maker`; its folder has the
    style sheet and the script, named like the folder."""

    template: ClassVar[str]
    maker: ClassVar[str]
    """Full name of the function that makes a value."""
    scripts: ClassVar[tuple[str, ...]] = ()
    """Files of the folder that together form the script; by default the one named like the folder."""

    def __init__(self, value: Mapping[str, Any] | None = None, *, elem_id: str | None = None,
                 placed: Mapping[str, str] | None = None, before: str = "", **arguments: Any) -> None:
        """placed: placeholders in the script → their replacements. before: a script that is put in front."""
        folder = Path(inspect.getfile(type(self))).parent
        names = self.scripts or (f"{folder.name}.js",)
        script = before + "".join((folder / name).read_text(encoding="utf-8") for name in names)
        for word, text in {"COLOURS": json.dumps(colours.for_scripts()), **(placed or {})}.items():
            script = script.replace(word, text)
        style = colours.filled((folder / f"{folder.name}.css").read_text(encoding="utf-8"))
        super().__init__(value=value, html_template=self.template, css_template=style, js_on_load=script,
                         apply_default_css=False, elem_id=elem_id, **arguments)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": f"what {self.maker} returns"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None
