"""How the page looks: one theme, one style sheet, dark and light. No font and no script from outside."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans JP",
         "sans-serif"]
THEME = gr.themes.Base(primary_hue="blue", secondary_hue="orange", neutral_hue="slate", font=FONTS,
                       font_mono=["ui-monospace", "Consolas", "monospace"], spacing_size="sm", text_size="sm")
CSS = (Path(__file__).parents[2] / "assets" / "app.css").read_text(encoding="utf-8")
HEAD = '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">'
