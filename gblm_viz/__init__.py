"""See how a language model is pruned. The names a notebook needs, each fetched when it is first asked for.

    from gblm_viz import collect, from_text, load, masks, pruned, run, Settings
    model = run(load("pocket"))
    statistics = run(collect(model, from_text(model.tokenizer, open("text.txt").read(), name="text.txt", rule="auto")))
    smaller = pruned(model, run(masks(model, statistics, Settings(sparsity=0.5))))
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
_HOME = {
    "load": "model.models", "Model": "model.models", "from_text": "text.calibration",
    "CalibrationSet": "text.calibration", "collect": "sums.collect", "Statistics": "sums.statistics",
    "Settings": "mask.settings", "masks": "mask.prune", "pruned": "mask.prune", "Alpha": "score.alpha",
    "METHODS": "score.methods", "perplexity": "measure.evaluate", "text_windows": "measure.evaluate",
    "answer": "talk.generate", "run": "base.job", "GblmError": "base.errors",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Importing the package alone costs nothing: torch and transformers come with the first name."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".core.{_HOME[name]}", __name__), name)
