"""The glossary on the page: a script that dots the terms where they stand and opens a card with what a term means.

The script takes the entries, with their pictures, from the page of all terms (ui/door/glossary_page.py), so there is
one source and the app's own page grows by the script alone. Independent of visitors and of any tab.
"""

from __future__ import annotations

from pathlib import Path

from gblm_viz.words import Words

from ..joined import called

HERE = Path(__file__).parent
ADDRESS = "glossary"
"""Of the page of all terms, relative to a language's page."""
CSS = (HERE / "glossary.css").read_text(encoding="utf-8")
PICTURES = {
    "matrix": "matrix", "block": "block", "mask": "mask", "sparsity": "sparsity", "per_row": "per_row",
    "group": "per_row", "n_m": "two_four", "two_four": "two_four", "structured": "structured",
    "structure": "stripes", "column_score": "stripes", "gradient": "gradient", "l1": "l1", "gradient_norm": "l1",
    "l2": "l2", "signed_sum": "signed_sum", "share": "share", "cut": "cut", "score": "cut", "perplexity": "perplexity",
    "calibration_text": "calibration", "held_out_text": "calibration", "agreement_by_chance": "agreement",
    "agreement": "agreement", "interval": "interval", "no_difference": "interval"}
"""Id of a term → the macro of pictures.html that draws it."""


def script(say: Words) -> str:
    """Return the statement that starts the glossary on a page."""
    frame = {name: say(f"glossary.frame.{name}") for name in ("close", "see", "all", "title")}
    return called(HERE / "glossary.js", "start", ADDRESS, frame)
