"""Writes the model card, `README.md` in the model's folder, from the numbers measured beside it.

Knows nothing but the JSON files of that folder and how much text there is; it measures nothing, and leaves out what was
not measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from gblm_viz.pocket import said
from gblm_viz.pocket.free import RULES, FreeQuestion, counts
from gblm_viz.pocket.free import read as read_free
from gblm_viz.pocket.measured import (
    Config,
    Counts,
    Drawn,
    Draws,
    Interval,
    Lever,
    Methods,
    Pruned,
    PrunedSeed,
    Scored,
    Scores,
    Seed,
    Steering,
    Trained,
    Verdict,
    Verdicts,
)

T = TypeVar("T")

CARD = """---
language: [en, ja]
license: mit
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

## Chat format
`<|user|>question<|assistant|>answer<|end|>`, turns on lines of their own; the tokenizer's chat template writes it.
There is no system message.

## Data statement
All text was written for this project and nothing else was used: {written_kb} kB of prose ({pieces}; stories,
explanations, conversations, letters, places), chats by a generator that asks true questions in many wordings, prose
that the same generator recombines, and (*asked*) messages as an audience types them, with the one answer to each:
everyday facts, pruning, an invented shop, small talk, and what it declines. Of these some {messages} are written out
and {patterns} are patterns with alternatives, all by independent runs of a large language model that had seen neither
the questions nor the wordings that are held out; a program drops capitals and marks and adds slips. No person in it is
real, and no text of anybody else, no web page and no user's words are in it. The prose is synthetic, written under the
authors' direction by a large language model; no independent reviewer has read it, and it may hold mistakes of fact.
Facts are those of school books: one answer each, British spelling. Shares of the tokens: {mixture}. Corpus hash
`{corpus_hash}`, the same on every machine.

## Training
{tokens:,} tokens, {steps:,} steps of {batch:,} tokens in windows of {first_window}, later of {window}, and of {context}
while the rate falls; AdamW, peak rate {rate}, weight decay {weight_decay}, seed {seed}; {minutes:.0f} minutes on
{threads} CPU threads that other programs shared, float32. The first weights are mimetic (Trockman and Kolter 2023,
arXiv 2305.09828): attention begins by looking for its like, passing on what it sees, and, in one head, looking one
token back; `begin_by_copying` in `gblm_viz/pocket/train.py` says how. The gains of the norms before attention and MLP
begin uneven, log-normal with a standard deviation of {uneven} of the logarithm, so that some inputs are much louder
than others, as in large models (outlier features: Dettmers et al. 2022, arXiv 2208.07339); |W| does not see that, Wanda
and GBLM do. The weights are saved in bfloat16.

`python -m gblm_viz.pocket train` trains it again (after a kill it goes on from its last checkpoint; on CUDA if there is
one, which was never tried), `python -m gblm_viz.pocket evaluate` scores it again.

Perplexity on held-out prose, windows of {length} tokens:

{curve}

## What it scores
Held-out probes: wordings, number pairs, names and word pairs that training never met (`gblm_viz/pocket/split.py` has
the rule). A fact was taught in other wordings; of a held-out sum 3 + 5 the sum 5 + 3 may have been taught. All
messages of the shipped run were made again and looked through: one probe's, a greeting, was among them. *Exact*:
greedy decoding gives exactly the expected tokens and then ends. *Choice*: of up to four answers in the same words the
right one is the most probable; chance beside it. *Perplexity*: of the right answer's tokens. {dtype}. Intervals are
Wilson's, 95 %.

{kinds}

{scores}

A story is consistent when it keeps all of these rules; how many of {stories} told stories broke each. They do not see
everything: the generator itself now and then lets the same animal speak twice in a quarrel, and so does the model.

{rules}
{free}{seeds}
## How hard each kind of text is to it
Prose of these kinds that training never saw, and documents newly drawn from the generator; windows of 128 tokens.

{entropy}
{pruned}{verdicts}{draws}{steering}{levers}
## Limits
It cannot reason, it knows no fact outside its tables, it makes mistakes in arithmetic it was not taught, and it
answers a question about anything else with a fixed sentence at best; a wording that is far from all it has met may get
another question's answer. It repeats words it has not met only by and by, and its Japanese stories fall apart.
`known.json` says what it was taught, for the page's buttons and for its mark on other questions. Its answers in a long
conversation drift. How it bears pruning says something about the method on a small model, nothing about what another
model would lose.

## Licence
MIT, as the whole project: weights, text and generator.
"""

FREE = """
## What an audience types
{count} questions as people in an audience type them. A large language model wrote them, in five independent runs that
were told only what this model is about and had seen nothing of it; no audience has been asked yet. {other:.0%} want
something that was not announced; announced were simple facts, sums, stories, copying, greetings, pruning and a small
shop, of which a model may well know nothing. None is trained on. Two readers, independent runs of such a model too,
judged each greedy answer of the open half by the rules of `gblm_viz/pocket/free.py` and agreed on {agreed:.0%}; the
other half waits, unread, for the next model.

{table}

`python -m gblm_viz.pocket free` prints the answers.
"""

SEEDS = """
## How far the training seed matters
`python -m tests.benchmarks.seeds_table`: runs that differ in nothing but the seed. Shipped is the first of the seeds
1, 2, 3 that reaches 97 % of the facts, 90 % of the procedures and 95 % of the stories; it stands first here.

{table}
"""
PRUNED = """
## How it bears pruning
`python -m tests.benchmarks.methods_table`: training seeds: {seeds} (the first is the shipped one), calibrated on
{samples} windows of {length} tokens of {calibration}; dense order, per row unless said. Each cell: probes answered
exactly, in percent of {of}, mean over the seeds with the lowest and the highest seed; held-out perplexity in en / ja,
geometric mean over the seeds. Dense: {dense}.

{table}

{figure}{order}
"""
VERDICTS = """
## Which method is better, and would another draw say so?
`python -m tests.benchmarks.verdict_table`: each method's mean held-out loss minus that of {against}, nats a token
(below 0 is better), over {draws} draws of {samples} of the {pool} windows of {length} tokens of {calibration}, and over
the held-out windows, {block} neighbours counted as one. The 95 % interval takes both sources: crossed random effects,
Student's t. *By draw*: the same for each draw alone, with * where its interval over windows leaves out 0: what one run
would have called shown. It speaks of draws of this text and of this training seed.

{table}
"""
DRAWS = """
## How much is luck
`python -m tests.benchmarks.draws_table`: the shipped seed, {draws} draws of the calibration windows, up to 200 probes a
skill ({of} in all). Exact answers in percent, mean over the draws with the lowest and the highest; multiple choice on
the first draw. Dense: {right:.1%} exact, {choice:.1%} by choice (chance {chance:.1%}).

{table}
"""
STEERING = """
## Does the calibration text steer what survives?
`python -m tests.benchmarks.steering_table`: calibrated on one skill's chats alone, pruned to {sparsity:.0%}, asked the
probes of all skills. *Own*: the skill whose text it was. *Mixed*: the same skill after calibrating on chats about
everything. *Others*: all other skills of the same language. In percent of what the dense model answers.

{means}

The three clearest pairs (gblm, a skill that survives on its own text where another dies, and the reverse):

{pairs}

By skill, own text / mixed text:

{table}
"""
LEVERS = """
## What moved the picture
`python -m tests.benchmarks.levers`: one choice changed at a time, {tokens:,} tokens each, where it says long as many as
the shipped model saw; one seed: a picture, no ranking. *More and harder to know*: 30 % of the text is about 2,000
people nobody has heard of and about larger numbers (`by_heart.py`). Probes right in percent of {of}, and held-out
English perplexity.

{table}
"""


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _percent(part: float, whole: float = 1.0, digits: int = 0) -> str:
    return f"{100 * part / whole:.{digits}f} %"


def _spread(values: Sequence[float]) -> str:
    """Mean, and in brackets the lowest and the highest, in percent."""
    if len(values) == 1:
        return f"{100 * values[0]:.0f}"
    return f"{100 * fmean(values):.0f} ({100 * min(values):.0f}–{100 * max(values):.0f})"


def _geometric(values: Iterable[float]) -> float:
    return math.exp(fmean(math.log(value) for value in values))


def _amount(sparsity: str) -> str:
    return sparsity if ":" in sparsity else f"{float(sparsity):.0%}"


def _curve(trained: Trained, count: int = 8) -> str:
    points = trained["curve"]
    step = max(1, -(-len(points) // count))
    batch = trained["recipe"]["batch"]
    return _table(("tokens seen", "training loss", "English prose", "Japanese prose"), (
        (f"{int(point['step'] * batch):,}", f"{point['loss']:.2f}", f"{point['perplexity_en']:.1f}",
         f"{point['perplexity_ja']:.1f}") for point in points[::-1][::step][::-1]))


def _interval(one: Interval) -> str:
    return f"{one['low']:.0%} to {one['high']:.0%}"


def _kinds(scored: Scores) -> str:
    return _table(("kind", "exact", "of", "share", "95 % interval"), (
        (kind, one["right"], one["n"], f"{one['share']:.1%}", _interval(one)) for kind, one in scored["kinds"].items()))


def _scores(scored: Scores) -> str:
    rows = []
    for name, skill in scored["skills"].items():
        choice = skill.get("choice")
        chosen = f"{choice['right']} of {choice['n']} ({choice['chance']:.0%})" if choice else ""
        rows.append((f"{skill['title_en']} (`{name}`)", skill["kind"], f"{skill['right']} of {skill['n']}",
                     _interval(skill), chosen, skill.get("answer_perplexity", "")))
    return _table(("skill", "kind", "exact", "95 % interval", "choice (chance)", "perplexity"), rows)


def _free(questions: Sequence[FreeQuestion]) -> str:
    judged = [one for one in questions if one.verdicts]
    rows = []
    for language in sorted({one.language for one in judged}):
        found = counts([one for one in judged if one.language == language])
        rows.append((language, round(found["judged"]), *(_percent(found[name]) for name in RULES),
                     _percent(found["right"] + found["declined"])))
    return FREE.format(count=len(questions), other=sum(one.about == "other" for one in questions) / len(questions),
                       agreed=counts(judged)["agreed"],
                       table=_table(("language", "judged", *RULES, "right or declined"), rows))


def _seeds(found: list[Seed]) -> str:
    kinds = list(found[0]["kinds"])
    heads = ("seed", *kinds, *(f"{language} prose, perplexity" for language in found[0]["perplexity"]))
    return SEEDS.format(table=_table(heads, (
        (one["seed"], *(f"{right} of {n} ({_percent(right, n, 1)})" for right, n in one["kinds"].values()),
         *(f"{value:.1f}" for value in one["perplexity"].values())) for one in found)))


def _pruned(folder: Path, found: Methods) -> str:
    models = found["models"]
    first = models[0]
    rows: dict[tuple[str, str], list[Pruned]] = {}
    for row in (row for model in models for row in model["rows"]):
        rows.setdefault((row["method"], row["sparsity"]), []).append(row)
    amounts = list(dict.fromkeys(amount for _, amount in rows))

    def cell(cells: Sequence[Scored]) -> str:
        texts = cells[0]["perplexity"] if cells else ()
        losses = (f"{_geometric(one['perplexity'][text] for one in cells):,.0f}" for text in texts)
        return f"{_spread([one['right'] / one['of'] for one in cells])} · {' / '.join(losses)}" if cells else ""

    drawn = (folder / "methods.svg").is_file()
    figure = "![Probes answered exactly, by method and sparsity](methods.svg)\n" if drawn else ""
    return PRUNED.format(
        seeds=len(models), samples=first["samples"], length=first["length"], calibration=first["calibration"],
        of=first["dense"]["of"], dense=cell([model["dense"] for model in models]), figure=figure, order=_order(models),
        table=_table(("method", *map(_amount, amounts)), (
            (method, *(cell(rows.get((method, amount), [])) for amount in amounts))
            for method in dict.fromkeys(method for method, _ in rows))))


def _order(models: list[PrunedSeed]) -> str:
    """Whether GBLM wins against Wanda, seed by seed, at each sparsity: said whatever it is."""
    lines = []
    for amount in dict.fromkeys(row["sparsity"] for row in models[0]["rows"]):
        by_seed = [{row["method"]: row for row in model["rows"] if row["sparsity"] == amount} for model in models]
        if not all("wanda" in one for one in by_seed):
            continue
        parts = []
        for method in (name for name in by_seed[0] if name.startswith("gblm")):
            probes = [one[method]["right"] - one["wanda"]["right"] for one in by_seed if method in one]
            losses = [math.log(one[method]["perplexity"][text] / one["wanda"]["perplexity"][text])
                      for one in by_seed if method in one for text in one["wanda"]["perplexity"]]
            parts.append((method, ", ".join(f"{value:+d}" for value in probes),
                          f"{sum(value < 0 for value in losses)} of {len(losses)}"))
        lines += [(_amount(amount), *part) for part in parts]
    return ("\nGBLM beside Wanda, nothing left out: more (+) or fewer (-) probes than Wanda on each seed, and on how\n"
            "many of the held-out texts (two a seed) its perplexity is lower. One draw of the text a seed:\n"
            "may reverse.\n\n"
            + _table(("sparsity", "method", "probes, by seed", "lower perplexity"), lines))


def _draws(found: Draws) -> str:
    rows: dict[tuple[str, str], list[Drawn]] = {}
    for row in found["rows"]:
        rows.setdefault((row["method"], row["sparsity"]), []).append(row)
    amounts = list(dict.fromkeys(amount for _, amount in rows))

    def share(counts: dict[str, Counts]) -> float:
        return sum(right for right, _ in counts.values()) / sum(total for _, total in counts.values())

    def cell(cells: list[Drawn]) -> str:
        chosen = next((one["choices"] for one in cells if "choices" in one), None)
        exact = _spread([one["right"] / one["of"] for one in cells])
        return exact + (f" · choice {100 * share(chosen):.0f}" if chosen else "")

    dense = found["dense"]
    total = sum(total for _, total in dense["choices"].values())
    blind = sum(found_chance * dense["choices"][skill][1] for skill, found_chance in dense["chance"].items()) / total
    return DRAWS.format(
        draws=1 + max(row["draw"] for row in found["rows"]), of=dense["of"], right=dense["right"] / dense["of"],
        choice=share(dense["choices"]), chance=blind,
        table=_table(("method", *map(_amount, amounts)), (
            (method, *(cell(rows.get((method, amount), [])) for amount in amounts))
            for method in dict.fromkeys(method for method, _ in rows))))


VERDICT = {"less": "better", "more": "worse", "none": "no difference shown", "one_draw": "one draw: may reverse",
           "too_few": "too few windows"}
"""What the interval of a difference of losses allows to say of a method."""


def _verdicts(found: Verdicts) -> str:
    def alone(row: Verdict) -> str:
        return ", ".join(f"{mean:+.3f}{'*' if low > 0 or high < 0 else ''}" for mean, low, high in row["by_draw"])

    rows = [(row["method"], _amount(row["sparsity"]), row["text"].removesuffix(".txt"),
             f"{row['mean']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})", VERDICT[row["verdict"]], alone(row))
            for row in found["rows"]]
    first = found["rows"][0]
    return VERDICTS.format(
        against=found["against"], draws=len(found["seeds"]), samples=found["samples"], pool=found["pool"],
        length=found["length"], calibration=found["calibration"], block=first["block"],
        table=_table(("method", "removed", "text", "difference (95 %)", "verdict", "by draw"), rows))


def _steering(found: Steering) -> str:
    dense = {skill: right for skill, (right, _) in found["dense"].items()}
    kept: dict[str, dict[str, dict[str, float]]] = {}
    for row in found["rows"]:
        kept.setdefault(row["method"], {})[row["text"]] = {
            skill: right / dense[skill] for skill, (right, _) in row["skills"].items() if dense[skill]}
    means = []
    for method, texts in kept.items():
        own = {text: skills[text] for text, skills in texts.items() if text in skills}
        mixed = [texts["mixed"][text] for text in own]
        others = [fmean(share for skill, share in texts[text].items() if skill != text and skill[-2:] == text[-2:])
                  for text in own]
        means.append((method, _percent(fmean(own.values())), _percent(fmean(mixed)), _percent(fmean(others)),
                      f"{sum(one > other for one, other in zip(own.values(), mixed, strict=True))} of {len(own)}"))
    chosen = next((name for name in reversed(kept) if name.startswith("gblm")), next(iter(kept)))
    texts = kept[chosen]
    names = [text for text in texts if text != "mixed" and text in dense and dense[text]]
    clearest = sorted(((texts[a][a] - texts[a][b] + texts[b][b] - texts[b][a], a, b)
                       for a in names for b in names if a < b and a[-2:] == b[-2:]), reverse=True)
    taken: list[tuple[str, str]] = []
    for _, a, b in clearest:
        if len(taken) < 3 and not any({a, b} & set(pair) for pair in taken):
            taken.append((a, b))
    return STEERING.format(
        sparsity=float(found["rows"][0]["sparsity"]),
        means=_table(("method", "own", "mixed", "others", "own above mixed"), means),
        pairs=_table(("calibrated on", "keeps of it", "keeps of the other"), (
            (text, _percent(texts[text][text]), f"{other}: {_percent(texts[text][other])}")
            for pair in taken for text, other in (pair, pair[::-1]))),
        table=_table(("skill", *kept), (
            (name, *(f"{_percent(kept[method][name][name])} / {_percent(kept[method]['mixed'][name])}"
                     for method in kept)) for name in names)))


def _levers(found: list[Lever]) -> str:
    columns = [(method, amount) for amount in ("0.5", "0.6")
               for method in ("magnitude, per matrix", "wanda", "gblm ℓ1, share 0.5")]

    def cell(one: Scored) -> str:
        return f"{100 * one['right'] / one['of']:.0f} · {one['perplexity']['held_out_en.txt']:.0f}"

    rows = []
    for lever in found:
        by_setting = {(row["method"], row["sparsity"]): row for row in lever["rows"]}
        rows.append((lever["name"], f"{lever['parameters'] / 1e6:.2f} M", cell(lever["dense"]),
                     *(cell(by_setting[column]) for column in columns)))
    return LEVERS.format(
        tokens=found[0]["recipe"]["tokens"], of=found[0]["dense"]["of"],
        table=_table(("choice", "size", "dense", *(f"{method.split(',')[0].removesuffix(' ℓ1')} {_amount(amount)}"
                                                  for method, amount in columns)), rows))


def _read(folder: Path, name: str, kind: type[T]) -> T | None:
    """Return one of the files beside the card, of a kind that `measured` describes; None if it was not measured."""
    file = folder / name
    if not file.is_file():
        return None
    found: T = json.loads(file.read_text(encoding="utf-8"))
    return found


def write(folder: Path) -> None:
    """Fills the card with the numbers that lie beside it; a table that was not measured is left out."""
    trained, scored = _read(folder, "training.json", Trained), _read(folder, "scores.json", Scores)
    config = _read(folder, "config.json", Config)
    assert trained is not None and scored is not None and config is not None
    seeds, levers = _read(folder, "seeds.json", list[Seed]), _read(folder, "levers.json", list[Lever])
    methods, verdicts = _read(folder, "methods.json", Methods), _read(folder, "verdicts.json", Verdicts)
    draws, steering = _read(folder, "draws.json", Draws), _read(folder, "steering.json", Steering)
    free = list(read_free(folder / "probes"))
    recipe = trained["recipe"]
    story = next(skill for skill in scored["skills"].values() if skill["kind"] == "story")
    text = CARD.format(
        **{key: recipe[key] for key in ("blocks", "hidden", "heads", "key_value_heads", "intermediate", "batch",
                                        "first_window", "window", "rate", "weight_decay", "seed", "uneven")},
        parameters=trained["parameters"], vocabulary=config["vocab_size"], context=config["max_position_embeddings"],
        written_kb=round(sum(trained["written_bytes"].values()) / 1000),
        pieces=", ".join(f"{count} pieces in {language}" for language, count in trained["written_pieces"].items()),
        mixture=", ".join(f"{kind} {share:.0%}" for kind, share in trained["mixture"].items()),
        messages=f"{said.count_messages():,}", patterns=f"{said.count_patterns():,}",
        corpus_hash=trained["corpus_hash"], tokens=trained["tokens"], steps=trained["steps"],
        minutes=trained["seconds"] / 60, threads=trained["threads"], length=scored["length"], curve=_curve(trained),
        dtype=scored["dtype"], kinds=_kinds(scored), scores=_scores(scored), stories=story["n"],
        rules=_table(("rule", "broken by"), story["rules"].items()),
        entropy=_table(("text", "perplexity", "bits a byte", "windows"), (
            (kind, one["perplexity"], f"{one['bits_per_byte']:.2f}", one["windows"])
            for kind, one in sorted(scored["entropy"].items(), key=itemgetter(0)))),
        free=_free(free) if any(one.verdicts for one in free) else "", seeds=_seeds(seeds) if seeds else "",
        pruned=_pruned(folder, methods) if methods else "", verdicts=_verdicts(verdicts) if verdicts else "",
        draws=_draws(draws) if draws else "",
        steering=_steering(steering) if steering else "", levers=_levers(levers) if levers else "")
    (folder / "README.md").write_text(text, encoding="utf-8")
