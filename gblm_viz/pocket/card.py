"""Writes the model card, `assets/pocket/README.md`, from the measured numbers: `python -m gblm_viz.pocket.card`.

Knows nothing but `training.json`, `scores.json`, `config.json` and `methods.json`; it measures nothing.
"""

from __future__ import annotations

import json
from operator import itemgetter
from pathlib import Path
from typing import Any

from gblm_viz.pocket import places

CARD = """---
language: [en, ja]
library_name: transformers
pipeline_tag: text-generation
---
# The pocket model of GBLM-Viz

A language model of {parameters:,} parameters with the Llama architecture: {blocks} blocks, hidden width {hidden},
{heads} heads with {key_value_heads} key/value heads, intermediate width {intermediate}, a byte-level BPE of
{vocabulary:,} tokens over English and Japanese in which each digit is one token, a context of {context} tokens.
It is small enough to be pruned, measured and talked to within seconds on one CPU core, and it does a few things well
enough for the loss to be seen when weights are removed. It is a teaching model: it knows nothing else, and what it says
outside the skills below means nothing.

## What it was trained on
Text written for this project and nothing else: {written_kb} kB of prose ({pieces}), chats by a
generator that asks true questions in many wordings, and prose that the same generator recombines.
Shares of the tokens: {mixture}.

Training saw {tokens:,} tokens in packed windows of {context} ({steps:,} steps of {batch} windows, AdamW, peak rate
{rate}), in {minutes:.0f} minutes on {threads} CPU threads that other programs shared, in float32. The weights are saved
in bfloat16. The command that trains it again: `python -m gblm_viz.pocket.train --tokens {asked_tokens}`.

How it learned (perplexity on held-out prose, windows of {length} tokens):

| tokens seen | training loss | English prose | Japanese prose |
|---|---|---|---|
{curve}

The training prose is small and was read many times, so it is partly known by heart: held-out perplexity was lowest
after {best_en:,} tokens in English ({lowest_en:.1f}) and {best_ja:,} in Japanese ({lowest_ja:.1f}); then it rose.

## What it scores
Held-out probes: wordings, number pairs, names or word pairs that training never met (`gblm_viz/pocket/split.py` has the
rule; the fact itself was taught in other wordings, and of a held-out sum 3 + 5 the sum 5 + 3 may have been). An answer
counts when greedy decoding gives exactly the expected tokens and then ends; a story counts when it holds both given
words and ends. {dtype}.

| skill | right | of | share | 95 % interval (Wilson) |
|---|---|---|---|---|
{scores}

Perplexity on held-out prose, windows of {length} tokens: {prose}.

## Chat format
`<|user|>question<|assistant|>answer<|end|>`, turns on lines of their own; the tokenizer's chat template writes it.
There is no system message.
{pruned}"""

PRUNED = """
## How it bears pruning
Printed whatever it says, by `python -m tests.benchmarks.methods_table --out assets/pocket/methods.json`: calibrated on
{calibration} ({samples} windows of {length} tokens), sequential order, per row unless said. Each cell: held-out
perplexity in en / in ja · probes answered exactly right, of {of} (stories are not among them). Dense: {dense}. One
model, one training seed, one calibration set, no intervals between methods: a picture, no ranking.

| method | {heads} |
|---|{rules}|
{rows}

The app's default settings on this model, and why: `assets/example/README.md`.
"""


def _spread(points: list[dict[str, float]], count: int = 8) -> list[dict[str, float]]:
    """At most `count` points, evenly spread, the last always among them."""
    step = max(1, -(-len(points) // count))
    return points[::-1][::step][::-1]


def _shares(step: str, shares: dict[str, float]) -> str:
    return f"from step {step} on " + ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())


def _pruned(folder: Path) -> str:
    """The table method × sparsity, where the benchmark has left one for this model; else nothing."""
    file = folder / "methods.json"
    if not file.is_file():
        return ""
    found = json.loads(file.read_text(encoding="utf-8"))

    def cell(one: dict[str, Any]) -> str:
        return f"{' / '.join(f'{value:,.0f}' for value in one['perplexity'].values())} · {one['right']}"

    by_method: dict[str, list[str]] = {}
    for row in found["rows"]:
        by_method.setdefault(row["method"], []).append(cell(row))
    amounts = sorted({row["sparsity"] for row in found["rows"]})
    return PRUNED.format(
        calibration=found["calibration"], samples=found["samples"], length=found["length"], of=found["dense"]["of"],
        dense=cell(found["dense"]), heads=" | ".join(f"{amount:.0%}" for amount in amounts),
        rules="|".join("---" for _ in amounts),
        rows="\n".join(f"| {name.replace('|', chr(92) + '|')} | {' | '.join(cells)} |"
                       for name, cells in by_method.items()))


def write(folder: Path) -> None:
    """Fills the card with the numbers that lie beside it."""
    trained, scored, config = (
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("training.json", "scores.json", "config.json")
    )
    recipe = trained["recipe"]
    window_tokens = trained["tokens"] / trained["steps"]
    curve = (
        f"| {int(point['step'] * window_tokens):,} | {point['loss']:.2f} "
        f"| {point['perplexity_en']:.1f} | {point['perplexity_ja']:.1f} |"
        for point in _spread(trained["curve"])
    )
    lowest = {
        language: min(trained["curve"], key=itemgetter(f"perplexity_{language}"))
        for language in scored["held_out_prose"]
    }
    scores = (
        f"| {skill['title_en']} (`{name}`) | {skill['right']} | {skill['n']} "
        f"| {skill['share']:.0%} | {skill['low']:.0%} to {skill['high']:.0%} |"
        for name, skill in scored["skills"].items()
    )
    unseen = (
        f"{found['perplexity']:.2f} in {language} ({found['windows']} windows)"
        for language, found in scored["held_out_prose"].items()
    )
    (folder / "README.md").write_text(
        CARD.format(
            parameters=trained["parameters"],
            blocks=recipe["blocks"],
            hidden=recipe["hidden"],
            heads=recipe["heads"],
            key_value_heads=recipe["key_value_heads"],
            intermediate=recipe["intermediate"],
            vocabulary=config["vocab_size"],
            context=config["max_position_embeddings"],
            written_kb=round(sum(trained["written_bytes"].values()) / 1000),
            pieces=", ".join(f"{count} pieces in {language}" for language, count in trained["written_pieces"].items()),
            mixture="; ".join(_shares(step, shares) for step, shares in trained["mixtures"].items()),
            tokens=trained["tokens"],
            steps=trained["steps"],
            batch=recipe["batch"],
            rate=recipe["rate"],
            minutes=trained["seconds"] / 60,
            threads=trained["threads"],
            asked_tokens=recipe["tokens"],
            length=scored["length"],
            **{f"best_{language}": int(point["step"] * window_tokens) for language, point in lowest.items()},
            **{f"lowest_{language}": point[f"perplexity_{language}"] for language, point in lowest.items()},
            curve="\n".join(curve),
            dtype=scored["dtype"],
            scores="\n".join(scores),
            prose=", ".join(unseen),
            pruned=_pruned(folder),
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    write(places.MODEL)
