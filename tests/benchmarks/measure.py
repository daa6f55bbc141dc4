"""What the tables of the pocket model share: the methods, a model's score, pruning and scoring, and their files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gblm_viz.core.base import intervals
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.text import calibration

ASSETS = Path(__file__).parents[2] / "assets"
HELD_OUT = ("held_out_en.txt", "held_out_ja.txt")
CALIBRATION = ("chat_en.txt", "chat_ja.txt", "prose_en.txt", "prose_ja.txt")
LENGTH = 128
METHODS: dict[str, dict[str, str]] = {
    "random": {"method": "random"},
    "magnitude, per row": {"method": "magnitude"},
    "magnitude, per matrix": {"method": "magnitude", "group": "matrix"},
    "wanda": {"method": "wanda"},
    "gradient |ΣG|": {"method": "gradient", "norm": "sum"},
    "gradient ℓ1": {"method": "gradient", "norm": "l1"},
    "gradient ℓ2": {"method": "gradient", "norm": "l2"},
    "gblm ℓ1, α = 100": {"method": "gblm", "norm": "l1", "alpha": "100"},
    "gblm ℓ1, balance": {"method": "gblm", "norm": "l1", "alpha": "balance"},
    "gblm ℓ1, share 0.5": {"method": "gblm", "norm": "l1", "alpha": "share:0.5"},
    "gblm ℓ2, α = 100": {"method": "gblm", "norm": "l2", "alpha": "100"},
    "gblm ℓ2, balance": {"method": "gblm", "norm": "l2", "alpha": "balance"},
    "gblm ℓ2, share 0.5": {"method": "gblm", "norm": "l2", "alpha": "share:0.5"},
}


@dataclass(frozen=True)
class Score:
    """Held-out perplexity and loss per window by text, probes right by skill, of one model dense or pruned."""

    perplexity: dict[str, float]
    losses: dict[str, tuple[float, ...]] = field(repr=False)
    skills: dict[str, tuple[int, int]]

    @property
    def right(self) -> int:
        return sum(right for right, _ in self.skills.values())

    @property
    def of(self) -> int:
        return sum(total for _, total in self.skills.values())


class Measure:
    """One model with the sums over its calibration text and what it is scored on."""

    def __init__(self, model: Model, texts: tuple[str, ...] = CALIBRATION, seed: int = 0,
                 samples: int = 128) -> None:
        text = "\n".join((ASSETS / "texts" / name).read_text(encoding="utf-8") for name in texts)
        self.model = model
        self.samples = calibration.from_text(
            model.tokenizer, text, name="+".join(texts), length=LENGTH, samples=samples, seed=seed)
        self.sums = run(collect(model, self.samples))
        self.windows = {name: evaluate.text_windows(model, (ASSETS / "texts" / name).read_text(encoding="utf-8"), name,
                                                    LENGTH) for name in HELD_OUT}
        self.probes = self.exact_probes()

    @staticmethod
    def exact_probes() -> tuple[evaluate.Probe, ...]:
        """The bundled held-out probes that have one right answer."""
        return tuple(probe for probe in evaluate.read_probes(ASSETS / "pocket" / "probes") if not probe.contains)

    def score(self, model: Model) -> Score:
        losses = {name: run(evaluate.perplexity(model, windows)) for name, windows in self.windows.items()}
        asked = run(evaluate.ask_probes(model, self.probes))
        return Score({name: one.value for name, one in losses.items()},
                     {name: one.losses for name, one in losses.items()},
                     {skill: (share.right, share.total) for skill, share in asked.skills.items()})

    def settings(self, method: str, amount: str, order: str) -> Settings:
        given = {name: value for name, value in METHODS[method].items() if name != "alpha"}
        pattern = {"pattern": amount} if ":" in amount else {"sparsity": float(amount)}
        return Settings(alpha=parse_alpha(METHODS[method].get("alpha", "100")), order=order,
                        **given, **pattern)  # type: ignore[arg-type]

    def pruned(self, method: str, amount: str, order: str = "dense") -> tuple[prune.Masks, Score]:
        masks = run(prune.masks(self.model, self.sums, self.settings(method, amount, order)))
        return masks, self.score(prune.pruned(self.model, masks))


def row(method: str, amount: str, masks: prune.Masks, found: Score, dense: Score) -> dict[str, object]:
    """One line of the table: the score, and its paired difference from the dense model's, in nats a token."""
    differences = {text: intervals.paired_difference(dense.losses[text], losses) for text,
                   losses in found.losses.items()}
    return {"method": method, "sparsity": amount, "reached": round(masks.sparsity, 4),
            "alpha": None if masks.alpha is None else round(masks.alpha, 3),
            "perplexity": rounded(found.perplexity),
            "difference": {text: rounded([one.mean, one.interval.low, one.interval.high])
                           for text, one in differences.items()},
            "right": found.right, "of": found.of, "skills": found.skills}


def rounded(value: Any) -> Any:
    """Numbers to four digits, so that a file of thousands stays small."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value


def write(path: Path | None, found: dict[str, Any]) -> None:
    """JSON with one row of a table on a line."""
    if path is None:
        return
    text = json.dumps(found, ensure_ascii=False)
    for row_begins in ('{"method"', '{"model_key"', '{"text"', '{"name"'):
        text = text.replace(row_begins, "\n" + row_begins)
    path.write_text(text + "\n", encoding="utf-8")


def stored(path: Path | None, model: Model) -> dict[str, Any]:
    """The file's table of this model, to be gone on with; an empty one where there is none."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    return found if found.get("model_key") == model.key else {"model_key": model.key, "rows": []}
