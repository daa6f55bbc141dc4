"""The page's look: one theme and one style sheet, dark and light. No fonts or scripts from outside."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from gblm_viz.figures import colours, sizes
from gblm_viz.shipped import ASSETS
from gblm_viz.words import Words

from .components import csv_file, glossary
from .components.joined import called

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans JP",
         "sans-serif"]
_LETTERS = gr.themes.Size(name="letters", xxs="var(--letters-fine)", xs="var(--letters-fine)",
                          sm="var(--letters-fine)", md="var(--letters-small)", lg="var(--letters-text)",
                          xl="var(--letters-head)", xxl="var(--letters-number)")
"""Gradio's own letter sizes, by its steps."""
_BUTTON = {"padding": "var(--padding-button)", "radius": "var(--radius-box)", "text_size": "var(--letters-small)",
           "text_weight": "600"}
"""One look for Gradio's small and large buttons: what differs is only the kind, primary or secondary."""
THEME = gr.themes.Base(primary_hue="blue", secondary_hue="orange", neutral_hue="slate", font=FONTS,
                       font_mono=["ui-monospace", "Consolas", "monospace"], spacing_size="sm", text_size=_LETTERS).set(
    **{f"button_{size}_{name}": value for size in ("small", "large") for name, value in _BUTTON.items()},
    button_border_width="1px", button_secondary_border_color="*neutral_300",
    button_secondary_border_color_dark="*neutral_600", button_secondary_background_fill="*neutral_50",
    button_secondary_background_fill_hover="*neutral_200", button_secondary_background_fill_dark="*neutral_800",
    button_secondary_background_fill_hover_dark="*neutral_700",
    body_text_color_subdued="*neutral_500", body_text_color_subdued_dark="*neutral_400",
    # Gradio's own blue has a contrast of 3.7 with white; text needs 4.5 (WCAG 2, AA)
    button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700")
CSS = colours.css_variables() + sizes.css_variables() + (ASSETS / "app.css").read_text(encoding="utf-8").replace(
    "DENSE_RGB", f"rgb{colours.channels(colours.DENSE)}") + glossary.CSS
_SCRIPTS = Path(__file__).parent / "components"
_HEAD = """<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">
<link rel="icon" href="../favicon.ico" type="image/svg+xml">"""


def head(say: Words) -> str:
    """Return the HTML for the page's head, in its language."""
    names = {"number input for ": say("frame.slider_number"), "range slider for ": say("frame.slider_range")}
    saved = {"png": say("frame.save_picture"), "csv": say("frame.save_numbers"), **say.table("frame.picture")}
    scripts = (called(_SCRIPTS / "answers.js", "start"),
               called(_SCRIPTS / "slider_names.js", "start", names),
               called(_SCRIPTS / "projector.js", "start"),
               called(_SCRIPTS / "announcer.js", "start"),
               called(_SCRIPTS / "tab_keys.js", "start"),
               called(_SCRIPTS / "saving" / "saving.js", "start", saved, csv_file.RULE, sizes.for_scripts()),
               glossary.script(say))
    return _HEAD + "".join(f"<script>{script}</script>" for script in scripts)
