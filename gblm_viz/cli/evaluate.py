"""The command evaluate: a model's perplexity on a text."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from gblm_viz.core.measure import evaluate
from gblm_viz.core.model.models import LONGEST

from .flags import flag_help, whole
from .models import MODEL_KEYS, TEXT_KEYS, encodable, model_values, read_text, whole_model
from .terminal import Result, Terminal, say

KEYS = MODEL_KEYS | TEXT_KEYS | {
    "perplexity": "exp of the mean over windows of the mean loss; null where it overflows",
    "loss": "that mean loss, nats a token",
    "windows": "how many windows",
    "length": "tokens in a window",
}
"""Key → meaning of everything --json prints; shown in the help."""


def act(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Measure the perplexity on a text and report it with its protocol."""
    text = read_text(args.text)
    model = whole_model(args, terminal)
    found = terminal.follow(evaluate.perplexity(
        model, evaluate.text_windows(model, text, encodable(args.text.name), args.length)))
    values = model_values(model) | {
        "perplexity": found.value, "loss": math.fsum(found.losses) / found.windows, "windows": found.windows,
        "length": found.length, "text": found.text_name, "text_sha256": found.text_sha256}
    protocol = say("protocol", windows=found.windows, length=found.length, dtype=found.dtype,
                    device=model.device.type, text=found.text_name, sha256=found.text_sha256)
    return Result(values, (say("perplexity", model=model.name, value=found.value), protocol))


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help=flag_help("evaluate_text"))
    parser.add_argument("--length", type=whole(2), metavar="L", help=flag_help("window", longest=LONGEST))
