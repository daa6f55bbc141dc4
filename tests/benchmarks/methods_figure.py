"""Draws the table of methods × sparsities as a picture for the card: `python -m tests.benchmarks.methods_figure`.

A line is the mean over the training seeds, the band reaches from the lowest seed to the highest. Needs Chromium.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import unquote

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from gblm_viz.pocket import places

LINES = {
    "random": ("#808890", "dot"),
    "magnitude, per matrix": ("#D55E00", "dash"), "magnitude, per row": ("#E69F00", "dash"),
    "wanda": ("#0072B2", "solid"), "gradient ℓ1": ("#CC79A7", "dashdot"), "gradient |ΣG|": ("#56B4E9", "dot"),
    "gblm ℓ1, α = 100": ("#009E73", "dash"), "gblm ℓ1, share 0.5": ("#009E73", "solid"),
}
"""A colour and a stroke each; the other settings of the table are left to the table."""


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.13)"


def draw(found: dict[str, Any]) -> go.Figure:
    """Left: probes answered exactly. Right: held-out perplexity (both languages, geometric mean), log axis."""
    figure = make_subplots(1, 2, subplot_titles=("Held-out probes answered exactly", "Perplexity on held-out prose"),
                           horizontal_spacing=0.08)
    for name, (colour, dash) in LINES.items():
        rows = [row for model in found["models"] for row in model["rows"]
                if row["method"] == name and ":" not in row["sparsity"]]
        amounts = sorted({row["sparsity"] for row in rows})
        for column, value in ((1, lambda row: 100 * row["right"] / row["of"]),
                              (2, lambda row: math.exp(fmean(math.log(one) for one in row["perplexity"].values())))):
            values = [[value(row) for row in rows if row["sparsity"] == amount] for amount in amounts]
            x = [100 * float(amount) for amount in amounts]
            figure.add_scatter(x=x + x[::-1], y=[max(v) for v in values] + [min(v) for v in values[::-1]],
                               fill="toself", fillcolor=_faint(colour), line={"width": 0}, hoverinfo="skip",
                               mode="lines", showlegend=False, row=1, col=column)
            figure.add_scatter(x=x, y=[fmean(v) for v in values], name=name, mode="lines+markers",
                               line={"color": colour, "dash": dash, "width": 2.2}, marker={"size": 5},
                               showlegend=column == 1, row=1, col=column)
    dense = [100 * model["dense"]["right"] / model["dense"]["of"] for model in found["models"]]
    figure.add_hline(y=fmean(dense), line={"color": "#808890", "width": 1}, annotation_text="dense", row=1, col=1)
    figure.update_xaxes(title_text="weights removed, %", tickvals=[30, 50, 60, 70, 80], gridcolor="#e6e6e6")
    figure.update_yaxes(gridcolor="#e6e6e6")
    figure.update_yaxes(title_text="% of probes", range=[0, 102], row=1, col=1)
    figure.update_yaxes(type="log", dtick=1, title_text="perplexity", row=1, col=2)
    figure.update_layout(width=1080, height=460, template="plotly_white", font={"family": "sans-serif", "size": 13},
                         legend={"orientation": "h", "y": -0.2}, margin={"l": 60, "r": 20, "t": 40, "b": 60},
                         paper_bgcolor="white")
    return figure


def save_svg(figure: go.Figure, path: Path) -> None:
    """Through the figure's own library in a browser, since it draws nowhere else."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<div id=figure></div>")
        page.add_script_tag(content=get_plotlyjs())
        address = page.evaluate(
            "async given => { const made = await Plotly.newPlot('figure', given.data, given.layout);"
            " return Plotly.toImage(made, {format: 'svg', width: given.layout.width, height: given.layout.height}) }",
            json.loads(figure.to_json()))
        browser.close()
    kind, _, data = address.partition(",")
    path.write_text(base64.b64decode(data).decode() if "base64" in kind else unquote(data), encoding="utf-8")


def _chromium() -> str | None:
    """The system's own browser; None lets Playwright take the one it installed."""
    found = map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser"))
    return next((str(file) for file in found if file.exists()), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, default=places.MODEL / "methods.json")
    parser.add_argument("--out", type=Path, default=places.MODEL / "methods.svg")
    given = parser.parse_args()
    save_svg(draw(json.loads(given.table.read_text(encoding="utf-8"))), given.out)


if __name__ == "__main__":
    main()
