"""Makes the pocket model: `python -m gblm_viz.pocket train | evaluate | texts | card`, or asks it: `free`."""

from __future__ import annotations

import argparse
import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.pocket import card, evaluate, free, known, places, texts, train

SHIPPED = train.Recipe()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gblm_viz.pocket", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("train", help="train from nothing, or go on where a stopped run was; then evaluate")
    fit.add_argument("--seed", type=int, default=SHIPPED.seed)
    fit.add_argument("--tokens", type=int, default=SHIPPED.tokens, help="tokens seen in all (default: %(default)s)")
    fit.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    fit.add_argument("--device", default="auto", help="auto, cpu or cuda")
    fit.add_argument("--work", type=Path, help="checkpoints (default: .pocket-training/seed-N, ignored by git)")
    commands.add_parser("evaluate", help="score the saved model on its held-out probes and prose")
    commands.add_parser("card", help="write the card from the measured numbers")
    asked = commands.add_parser("free", help="print its answers to an audience's questions, a JSON object a line")
    asked.add_argument("--half", default=free.HALVES[0], choices=free.HALVES,
                       help="`kept` only to judge a finished model (default: %(default)s)")
    for command in commands.choices.values():
        command.add_argument("--model", type=Path, default=places.MODEL,
                             help="the model's folder (default: the bundled one)")
    commands.add_parser("texts", help="write the calibration texts")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run one command: train, or what follows it."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if given.command == "train":
        torch.set_num_threads(1)
        recipe = replace(SHIPPED, tokens=given.tokens, seed=given.seed)
        train.run(recipe, given.work or places.WORK / f"seed-{given.seed}", given.model, given.threads, given.device)
        evaluate.write(given.model)
        known.write(given.model)
    if given.command == "free":
        questions = list(free.read(places.MODEL / "probes", given.half))
        for line in free.ask(run(load(str(given.model))), questions):
            print(json.dumps(line, ensure_ascii=False), flush=True)
    if given.command in ("train", "texts"):
        texts.write(places.TEXTS)
    if given.command in ("train", "evaluate"):
        evaluate.score(given.model)
    if given.command in ("train", "evaluate", "card"):
        card.write(given.model)


if __name__ == "__main__":
    main()
