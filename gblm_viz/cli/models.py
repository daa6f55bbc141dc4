"""Open the model and the text of a command, and describe them for its JSON."""

from __future__ import annotations

import argparse
from pathlib import Path

from gblm_viz.core.base.errors import shortened
from gblm_viz.core.base.lazy import import_now
from gblm_viz.core.base.threads import Threads
from gblm_viz.core.model.models import Model, Opened, load, open_source
from gblm_viz.core.model.tokenizer import vocabulary
from gblm_viz.core.text import calibration
from gblm_viz.model_text import vocabulary_note

from .terminal import WORDS, Terminal, say

MODEL_KEYS = {
    "model": "the dense model's name: pocket, the hub id, or the folder's own name",
    "model_key": "SHA-256 over the model's config and weights, as in a statistics folder's manifest",
    "dtype": "what was computed in",
    "device": "where it was computed",
}


TEXT_KEYS = {
    "text": "the text's file name",
    "text_sha256": "SHA-256 of the text (of the file, for --tokens)",
}


def encodable(text: str) -> str:
    """Return an argument with characters that UTF-8 cannot encode (from a terminal in another encoding) replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_text(path: Path, most: int | None = 4 * calibration.LARGEST_TEXT) -> str:
    """Return a user's text file. Raises TextError if it is missing, unreadable, too large, not text or empty."""
    return calibration.checked_text(calibration.read_given(path, most), encodable(path.name))


def whole_model(args: argparse.Namespace, terminal: Terminal) -> Model:
    """Load the model with all its weights in memory."""
    return load_model(args, terminal, open_model(args, terminal), False)


def open_model(args: argparse.Namespace, terminal: Terminal) -> Opened:
    """Return the model without its weights; prints a warning if the tokenizer has tokens beyond the vocabulary."""
    import_now()
    _quieten()
    known = terminal.follow(open_source(args.model))
    beside = vocabulary(known.tokenizer)
    if beside is not None and beside.beyond:
        print(vocabulary_note(WORDS, beside), file=terminal.err)
    return known


def _quieten() -> None:
    """Keep transformers' warnings and progress bars off the terminal: what matters of them is told in our words."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_model(args: argparse.Namespace, terminal: Terminal, known: Opened, by_block: bool) -> Model:
    """Return the loaded model; prints to `err` which weights in its files it does not use."""
    model = terminal.follow(load(args.model, args.dtype, args.device, known, by_block))
    Threads(args.threads).use_for(model.layout.largest)
    if model.unused:
        print(say("unused", model=model.name, count=len(model.unused), name=shortened(model.unused[0])),
              file=terminal.err)
    return model


def model_values(model: Model) -> dict[str, object]:
    """Return the values of MODEL_KEYS."""
    return {"model": model.name, "model_key": model.key, "dtype": model.dtype, "device": model.device.type}
