"""How the time of collecting grows with samples, length, width and depth: points, a fitted line each, a figure.

    python -m tests.benchmarks.cost_lines [--out tests/benchmarks/cost.svg]

One of the four moves, the others stay. A line over samples, tokens and blocks, and over the square of the width, since
that is what a block's weights go by; attention's own growth with the square of the length shows as what is left.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.collect import PLANS
from gblm_viz.core.text.calibration import CalibrationSet
from tests.benchmarks.collect_ratio import build, seconds
from tests.benchmarks.methods_figure import save_svg

MOVED = {"samples": (2, 4, 8, 16), "length": (128, 256, 512, 1024), "hidden": (128, 256, 384, 512),
         "blocks": (2, 4, 8, 16)}
STILL = {"samples": 4, "length": 256, "hidden": 256, "blocks": 6}
OVER = {"samples": ("samples", 1), "length": ("tokens a sample", 1), "hidden": ("hidden size, squared", 2),
        "blocks": ("blocks", 1)}
"""What the line is fitted over, and the power."""
COLOURS = {"whole": "#0072B2", "streamed": "#E69F00"}


@dataclass(frozen=True)
class Line:
    """seconds = start + slope · x; `explained`: the share of the variance of the points (R²)."""

    start: float
    slope: float
    explained: float

    @classmethod
    def through(cls, x: list[float], y: list[float]) -> Line:
        slope, start = np.polyfit(x, y, 1)
        left = np.asarray(y) - (start + slope * np.asarray(x))
        return cls(float(start), float(slope), float(1 - left.var() / np.var(y)))


def measured(name: str, value: int, plan: str, models: dict[tuple[int, int], Model]) -> float:
    given = STILL | {name: value}
    shape = given["hidden"], given["blocks"]
    models.setdefault(shape, build(*shape))
    tokens = torch.randint(0, 2048, (given["samples"], given["length"]), generator=torch.Generator().manual_seed(0))
    samples = CalibrationSet(tokens, torch.full((given["samples"],), given["length"]), "windows", 0, "random", "")
    return min(seconds(models[shape], samples, plan) for _ in range(3))


def draw(points: dict[tuple[str, str], list[float]]) -> go.Figure:
    figure = make_subplots(1, 4, subplot_titles=[f"over {over}" for over, _ in OVER.values()], horizontal_spacing=0.06)
    for column, (name, values) in enumerate(MOVED.items(), 1):
        for plan, colour in COLOURS.items():
            x = [float(value) ** OVER[name][1] for value in values]
            line = Line.through(x, points[name, plan])
            figure.add_scatter(x=x, y=points[name, plan], mode="markers", marker={"color": colour, "size": 8},
                               name=plan, showlegend=column == 1, row=1, col=column)
            figure.add_scatter(x=[0, x[-1]], y=[line.start, line.start + line.slope * x[-1]], mode="lines",
                               line={"color": colour, "width": 1.5}, showlegend=False, row=1, col=column)
    figure.update_yaxes(title_text="seconds", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(rangemode="tozero", gridcolor="#e6e6e6")
    figure.update_xaxes(rangemode="tozero", gridcolor="#e6e6e6", nticks=5)
    figure.update_layout(width=1180, height=330, template="plotly_white", font={"family": "sans-serif", "size": 12},
                         legend={"orientation": "h", "y": -0.18}, margin={"l": 55, "r": 15, "t": 40, "b": 45},
                         paper_bgcolor="white")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("cost.svg"))
    given = parser.parse_args()
    models: dict[tuple[int, int], Model] = {}
    points: dict[tuple[str, str], list[float]] = {}
    for name, values in MOVED.items():
        for plan in PLANS:
            points[name, plan] = [measured(name, value, plan, models) for value in values]
            line = Line.through([float(value) ** OVER[name][1] for value in values], points[name, plan])
            told = ", ".join(f"{value}: {one:.2f} s" for value, one in zip(values, points[name, plan], strict=True))
            print(f"{name}, {plan}: {told}; {line.start:.2f} s + {line.slope:.3g} s × {OVER[name][0]}, "
                  f"R² {line.explained:.3f}", flush=True)
    save_svg(draw(points), given.out)


if __name__ == "__main__":
    main()
