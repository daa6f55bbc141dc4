"""Does a method beat Wanda? Over draws of the calibration windows and over evaluation windows, an interval for both.

    python -m tests.benchmarks.verdict_table [--model SRC] [--text FILE …] [--on FILE …] [--sparsity A …] [--draws K]
                                             [--first SEED] [--methods NAME …] [--out FILE.json] [--neighbours]
    python -m tests.benchmarks.verdict_table --coverage

Goes on where a former run of the same model stopped. --neighbours: how alike the differences of neighbouring windows
are, and the interval with blocks of 1, 2, 4 and 8. --coverage: how often intervals of simulated differences hold the
truth, with both sources, with windows alone, and with draws alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import draws, evaluate
from gblm_viz.core.measure.crossed import Crossed, crossed
from gblm_viz.core.measure.draws import Draws, Losses
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.text import calibration
from tests.benchmarks.measure import ASSETS, CALIBRATION, HELD_OUT, LENGTH, METHODS, rounded, stored, write

SAMPLES = 48
"""Windows a draw takes, as in draws_table."""
WANDA = "wanda"
COMPARED = ("magnitude, per row", "gradient ℓ1", "gblm ℓ1, α = 100", "gblm ℓ1, balance", "gblm ℓ1, share 0.5")
BLOCKS = (1, 2, 4, 8)


def settings_of(method: str, amount: str) -> Settings:
    given = {name: value for name, value in METHODS[method].items() if name != "alpha"}
    pattern: dict[str, Any] = {"pattern": amount} if ":" in amount else {"sparsity": float(amount)}
    return Settings(alpha=parse_alpha(METHODS[method].get("alpha", "100")), order="dense",
                    **given, **pattern)  # type: ignore[arg-type]


def row_of(method: str, amount: str, text: str, found: Crossed, drawn: Draws) -> dict[str, Any]:
    """method − wanda, nats a token; by_draw: what each draw alone would say, over windows."""
    return rounded({"method": method, "sparsity": amount, "text": text, "mean": found.mean,
                    "low": found.interval.low, "high": found.interval.high}) | {
        "degrees": round(found.degrees, 1), "verdict": found.verdict, "windows": found.windows, "block": found.block,
        "by_draw": rounded([[one.mean, one.interval.low, one.interval.high] for one in found.by_draw])}


def told(row: dict[str, Any]) -> str:
    alone = ", ".join(f"{mean:+.3f}{'*' if low > 0 or high < 0 else ''}" for mean, low, high in row["by_draw"])
    return (f"{row['method']:20} {row['sparsity']:>4} {row['text']:18} {row['mean']:+.4f} "
            f"({row['low']:+.4f} to {row['high']:+.4f}), t({row['degrees']}): {row['verdict']:8} draws: {alone}")


def neighbours(first: Losses, second: Losses) -> str:
    """Correlation of D with its neighbour one, two and three windows on, mean over draws; then blocks."""
    each = np.asarray(second) - np.asarray(first)
    near = [np.mean([np.corrcoef(row[:-lag], row[lag:])[0, 1] for row in each]) for lag in (1, 2, 3)]
    lines = ["    neighbours: " + ", ".join(f"lag {lag} {value:+.2f}" for lag, value in enumerate(near, 1))
             + f" (chance ±{1 / np.sqrt(each.shape[1]):.2f})"]
    for block in BLOCKS:
        found = crossed(first, second, True, block)
        alone = np.mean([(one.interval.high - one.interval.low) / 2 for row, other in zip(first, second, strict=True)
                         for one in [crossed([row], [other], True, block)]])
        lines.append(f"    blocks of {found.block}: {found.interval.low:+.4f} to {found.interval.high:+.4f}; "
                     f"one draw, half width {alone:.4f}")
    return "\n".join(lines)


def measured(model: Model, drawn: Draws, on: list[Path], given: argparse.Namespace, found: dict[str, Any]) -> None:
    """Appends the missing rows, writing the file after each method."""
    windows = {one.name: evaluate.text_windows(model, one.read_text(encoding="utf-8"), one.name, drawn.pool.length)
               for one in on}
    done = {(row["method"], row["sparsity"]) for row in found["rows"]}
    wanted = {(method, amount): settings_of(method, amount) for amount in given.sparsity for method in given.methods
              if (method, amount) not in done}
    if not wanted:
        return
    keep = draws.keep_of(list(wanted.values()))
    sums = run(draws.collect_draws(model, drawn, keep))
    wanda: dict[tuple[str, str], Losses] = {}
    for (method, amount), settings in wanted.items():
        for text, own in windows.items():
            if (amount, text) not in wanda:
                wanda[amount, text] = run(draws.drawn_losses(model, sums, settings_of(WANDA, amount), own))
            losses = run(draws.drawn_losses(model, sums, settings, own))
            row = row_of(method, amount, text, crossed(wanda[amount, text], losses), drawn)
            print(told(row), flush=True)
            if given.neighbours:
                print(neighbours(wanda[amount, text], losses), flush=True)
            found["rows"].append(row)
        write(given.out, found)


def coverage(runs: int = 1000) -> None:
    """Of 95 % intervals of a mean that is 0: the share that holds 0."""
    chance = np.random.default_rng(0)
    print("draws windows  sd draw, window, rest   both  windows  draws")
    for shape in ((2, 30), (3, 13), (5, 13), (5, 60)):
        for spread in ((0.03, 0.1, 0.05), (0.03, 0.02, 0.02), (0.0, 0.1, 0.1), (0.05, 0.0, 0.1), (0.0, 0.0, 0.1)):
            hits = np.zeros(3)
            for _ in range(runs):
                values = sum(size * chance.standard_normal(own) for size, own in zip(
                    spread, ((shape[0], 1), (1, shape[1]), shape), strict=True))
                hits += [crossed(np.zeros_like(one), one, True, 1).interval.covers(0.0)
                         for one in (values, values[:1], values.mean(1)[None])]
            both, windows, alone = hits / runs
            print(f"{shape[0]:5} {shape[1]:7}  {spread!s:22} {both:.3f}   {windows:.3f}  {alone:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--text", nargs="+", type=Path, default=[ASSETS / "texts" / name for name in CALIBRATION])
    parser.add_argument("--on", nargs="+", type=Path, default=[ASSETS / "texts" / name for name in HELD_OUT])
    parser.add_argument("--sparsity", nargs="+", default=["0.5", "0.6"])
    parser.add_argument("--methods", nargs="+", default=list(COMPARED))
    parser.add_argument("--draws", type=int, default=draws.USUAL)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--length", type=int, default=LENGTH)
    parser.add_argument("--neighbours", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.coverage:
        coverage()
        return
    model = run(load(given.model))
    text = "\n".join(one.read_text(encoding="utf-8") for one in given.text)
    pool = calibration.from_text(model.tokenizer, text, name="+".join(one.name for one in given.text),
                                 length=given.length, samples=calibration.LARGEST_TEXT)
    drawn = draws.draws_of(pool, given.samples, given.draws, given.first)
    found = stored(given.out, model)
    if found.get("seeds") != list(drawn.seeds) or found.get("pool") != pool.count:
        found["rows"] = []  # of other draws
    found |= {"against": WANDA, "calibration": pool.text_name, "length": pool.length, "samples": drawn.samples,
              "pool": pool.count, "seeds": list(drawn.seeds)}
    print(f"{model.name}: draws of {drawn.samples} of {pool.count} windows of {pool.length} tokens, "
          f"seeds {drawn.seeds}; gradients of {len(drawn.used)} windows; * shown by that draw alone")
    measured(model, drawn, given.on, given, found)


if __name__ == "__main__":
    main()
