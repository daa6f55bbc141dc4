"""What anybody may hand to core, made at random, one strategy for each way in: the answer is a value or a GblmError.

Any other exception, a sentence with a path of this machine in it or one that is too long to read fails a case. The
suite runs a few of each (tests/core/test_fuzz.py), `python -m tests.benchmarks.fuzz` as many as asked for.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.footprint import parse_bytes
from gblm_viz.core.base.job import run
from gblm_viz.core.look import by_hand, pull, weight
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.mask_file import mask_file_bytes, read_masks
from gblm_viz.core.mask.patterns import GROUPS, checked_sparsity, make_pattern, parse_pattern
from gblm_viz.core.mask.settings import ORDERS, Settings
from gblm_viz.core.measure import evaluate, probe_file
from gblm_viz.core.model.models import Model, wrap
from gblm_viz.core.score.alpha import Alpha, parse_alpha
from gblm_viz.core.score.methods import METHODS
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.checkpoints import checkpoint_blocks, checkpoint_plan, checkpoint_samples
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import from_jsonl, from_text, from_tokens, read_given
from gblm_viz.ui.visit import address
from gblm_viz.ui.visit.session import Session
from gblm_viz.words import LANGUAGES, words
from tests import reference
from tests.families import FAMILIES, tiny_tokenizer

TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n" * 4
HERE = (str(Path(__file__).parents[1]), tempfile.gettempdir() + "/", "site-packages", "Traceback")
LONGEST = 3000

# What a person, a link or a file may hold where a number, a word or a text belongs
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 0.5, 0.999999, 1.0, 2**63, 2**64, -2**63, 10**4000, 1e308, -1e308, 5e-324, math.nan,
                     math.inf, -math.inf, True, 31, 32, 63, 64]),
    st.integers(), st.floats(), st.floats(0, 1))
TEXTS = st.text(st.characters(), max_size=300)
ODD = st.one_of(NUMBERS, TEXTS, st.none(), st.lists(NUMBERS, max_size=3), st.binary(max_size=20),
                st.dictionaries(TEXTS, NUMBERS, max_size=2))
JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=8)


def or_odd(*usual: Any) -> st.SearchStrategy[Any]:
    """Mostly what belongs there, so that the deeper rules are met too."""
    return st.integers(0, 9).flatmap(lambda odd: ODD if odd == 7 else st.sampled_from(usual))


FITTING = {
    "method": st.sampled_from(list(METHODS)), "norm": st.sampled_from(["l1", "l2"]),
    "group": st.sampled_from(["row", "matrix"]), "order": st.sampled_from(ORDERS), "sparsity": st.floats(0, 0.99),
    "pattern": st.sampled_from(["", "2:4"]), "seed": st.integers(0, 99),
    "alpha": st.sampled_from([Alpha("number"), Alpha("balance"), Alpha("share", 0.5)])}
UNFIT = {
    "method": ODD, "norm": st.just("sum") | ODD, "group": st.sampled_from(GROUPS) | ODD, "order": ODD,
    "sparsity": NUMBERS | ODD, "pattern": st.sampled_from(["0:4", "4:4", "1:5", "9" * 5000 + ":4", "1:0"]) | ODD,
    "seed": NUMBERS | ODD, "alpha": st.builds(Alpha, or_odd("number", "balance", "share"), NUMBERS) | ODD}


@st.composite
def all_settings(draw: Any) -> dict[str, Any]:
    """Settings that fit, but for at most two."""
    unfit = draw(st.sets(st.sampled_from(sorted(UNFIT)), max_size=2))
    return {name: draw(UNFIT[name] if name in unfit else fitting) for name, fitting in FITTING.items()}


# What cases stand on, made once

@cache
def model() -> Model:
    torch.set_num_threads(1)
    return wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")


@cache
def sums() -> Statistics:
    return run(collect(model(), from_text(tiny_tokenizer(), TEXT, name="river.txt", samples=2, length=16)))


@cache
def place() -> Path:
    """A folder for what cases write; `whole` in it are statistics as they should be, `begun` a run that was closed."""
    found = Path(tempfile.mkdtemp(prefix="gblm-fuzz-"))
    statistics.save(sums(), found / "whole")
    job = collect(model(), sums().calibration, folder=found / "begun")
    next(job), next(job)
    job.close()
    (found / "work").mkdir()
    return found


def clear() -> None:
    shutil.rmtree(place(), ignore_errors=True)
    place.cache_clear()


def written(name: str, content: bytes) -> Path:
    file = place() / "work" / name
    file.write_bytes(content)
    return file


def matrix_names() -> st.SearchStrategy[Any]:
    return or_odd(*(matrix.name for matrix in model().layout.matrices[:3]))


# The ways in. Each draws what it needs and hands it over; what core answers does not matter here, but where a slow
# and obvious rule says what it must be.

def settings(data: Any) -> object:
    return Settings(**data.draw(all_settings())).check().as_dict()


def masks(data: Any) -> object:
    chosen = Settings(**data.draw(all_settings())).check()
    return run(prune.masks(model(), data.draw(st.sampled_from([None, sums(), sums()])), replace(chosen, order="dense")))


def numbers_as_text(data: Any) -> object:
    read = data.draw(st.sampled_from([parse_alpha, parse_pattern, checked_sparsity, parse_bytes,
                                      calibration.checked_seed]))
    given = data.draw(st.one_of(ODD, st.from_regex(r"(share:)?-?[0-9.e:]{1,12}[A-Za-z]{0,3}", fullmatch=True)))
    return read(str(given) if read is parse_bytes else given)


LINK = st.dictionaries(
    st.sampled_from(address.known_fields()) | TEXTS,
    st.one_of(st.sampled_from(["0", "1", "up", "gblm", "wanda", "2:4", "row", "dense", "l2"]), TEXTS,
              NUMBERS.map(str)), max_size=9)


def link(data: Any) -> object:
    from urllib.parse import urlencode

    raw = data.draw(st.one_of(TEXTS, LINK.map(lambda found: "?" + urlencode(found, errors="replace"))))
    session, lost = address.apply_link(Session(), model().layout, address.read_link(raw))
    session.settings.check()
    return address.read_link("?" + address.query(session, model().layout)), lost


def text(data: Any) -> object:
    given = data.draw(st.one_of(TEXTS, st.binary(max_size=60), st.sampled_from([TEXT, TEXT * 2]),
                                TEXTS.map(lambda one: f"{one}\n\n" * 4)))
    checked = calibration.checked_text(given, "given.txt")
    cut = from_text(tiny_tokenizer(), checked, name="given.txt",
                    rule=data.draw(st.sampled_from(["windows", "paragraphs", "auto"])),
                    samples=data.draw(or_odd(0, 1, 5, 9, 2**70)), length=data.draw(or_odd(None, 1, 2, 16, 64, 65)),
                    seed=data.draw(or_odd(0, 1, 2)), longest=data.draw(st.sampled_from([None, 64])))
    assert int(cut.lengths.min()) >= 2 and cut.tokens.shape[0] >= 1
    return calibration.hold_out(cut, data.draw(or_odd(0, 1)))


def jsonl(data: Any) -> object:
    document = TEXTS.map(lambda one: json.dumps({"text": one * 5})) | st.just(json.dumps({"text": TEXT}))
    lines = data.draw(st.lists(st.one_of(document, JSON.map(json.dumps), TEXTS), max_size=5))
    return from_jsonl(tiny_tokenizer(), calibration.checked_text("\n".join(lines), "docs.jsonl"), name="docs.jsonl",
                      samples=data.draw(or_odd(1, 2, 4, 0)), length=data.draw(or_odd(2, 3, 8)),
                      seed=data.draw(or_odd(0, 1)))


def token_file(data: Any) -> object:
    from safetensors.torch import save

    if data.draw(st.booleans()):
        lines = data.draw(st.lists(st.lists(st.integers(0, 127), min_size=2, max_size=6), min_size=1, max_size=3)
                          | st.lists(st.one_of(st.lists(NUMBERS, max_size=6), JSON), max_size=4))
        file = written("t.jsonl", data.draw(st.binary(max_size=30)) if data.draw(st.integers(0, 4)) == 0 else "\n".join(
            map(json.dumps, lines)).encode("utf-8", "surrogatepass"))
    else:
        kinds = st.sampled_from([torch.int64, torch.int32, torch.float32, torch.bool, torch.uint8, torch.float16])
        shapes = st.lists(st.integers(0, 4), max_size=3)
        tensors = {name: torch.randint(-2, 200, data.draw(shapes)).to(data.draw(kinds))
                   for name in data.draw(st.sets(st.sampled_from(["tokens", "lengths", "other"])))}
        if data.draw(st.booleans()):
            tensors = {"tokens": torch.arange(12).reshape(3, 4).to(data.draw(kinds)), "lengths": torch.tensor(
                data.draw(st.lists(st.integers(-1, 5), min_size=3, max_size=3)))}
        file = written("t.safetensors", changed(data, save(tensors)))
    found = from_tokens(file, vocabulary=128, samples=data.draw(st.integers(-1, 5)), longest=64)
    assert int(found.tokens.min()) >= 0 and int(found.tokens.max()) < 128
    return found


def path(data: Any) -> object:
    named = data.draw(st.sampled_from(["whole/manifest.json", "x" * 5000, "work", ""])
                      | TEXTS.map(lambda one: one.replace("/", "")))
    return read_given(place() / named, data.draw(st.sampled_from([None, 0, 10])))


def probes(data: Any) -> object:
    cells = st.one_of(TEXTS, st.sampled_from(["prompt", "answer", "choices", "skill", "a|b", "a", '"', "", "a,b\tc"]))
    table = st.lists(st.lists(cells, max_size=4).map(",".join), max_size=5).map("\n".join)
    easy = st.lists(st.tuples(st.sampled_from(["2+2?", "Why?"]), st.sampled_from(["4", "no"])).map(",".join),
                    min_size=1, max_size=3).map(lambda lines: "prompt,answer\n" + "\n".join(lines))
    head = st.sampled_from(["", "prompt,answer\n", "prompt\tanswer\tchoices\n", "\ufeffskill,answer,prompt,choices\n"])
    file = st.one_of(st.binary(max_size=80), TEXTS, easy, st.tuples(head, table).map("".join))
    found = probe_file.read(data.draw(file), "mine.csv")
    assert all(one.prompt and one.answer for one in found)
    return found


def changed(data: Any, content: bytes) -> bytes:
    """Some bytes of a file others, cut off, doubled, or none of it."""
    raw = bytearray(content)
    for _ in range(data.draw(st.integers(0, 3))):
        kind, at = data.draw(st.sampled_from(["flip", "header", "cut", "more"])), data.draw(st.integers(0, 1 << 20))
        if kind == "flip" and raw:
            raw[at % len(raw)] ^= 1 << at % 8
        elif kind == "header" and raw:
            raw[at % min(len(raw), 600)] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del raw[at % (len(raw) + 1):]
        elif kind == "more":
            raw += bytes(at % 9)
    return bytes(raw)


def folder(data: Any) -> object:
    """A statistics folder of which one file is changed, its bytes or a field of its manifest."""
    files = sorted(file.name for file in (place() / "whole").iterdir())
    work = place() / "work" / "sums"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(place() / "whole", work)
    name = data.draw(st.sampled_from(files))
    if name == "manifest.json" and data.draw(st.booleans()):
        manifest = json.loads((work / name).read_text())
        manifest[data.draw(st.sampled_from(sorted(manifest)))] = data.draw(JSON)
        (work / name).write_text(json.dumps(manifest))
    else:
        (work / name).write_bytes(changed(data, (work / name).read_bytes()))
    found = statistics.load(work, data.draw(st.sampled_from([model(), None])))
    for one in found.sums.values():  # what loads can be used
        assert float(one.gradients["l1"].min()) >= 0 and bool(torch.isfinite(one.input_sq).all())
    return run(prune.masks(model(), found, Settings(order="dense"))) if found.model_key == model().key else found


def checkpoint(data: Any) -> object:
    work = place() / "work" / "begun"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(place() / "begun", work)
    file = work / "checkpoint.safetensors"
    file.write_bytes(changed(data, file.read_bytes()))
    for ask in (checkpoint_plan, checkpoint_samples, checkpoint_blocks):
        with suppress(GblmError):
            ask(work)
    return run(collect(model(), sums().calibration, folder=work))


def mask_file(data: Any) -> object:
    usual = mask_file_bytes(run(prune.masks(model(), None, Settings("random", order="dense"))))
    content = data.draw(st.binary(max_size=200)) if data.draw(st.integers(0, 5)) == 0 else changed(data, usual)
    found = read_masks(written("masks.safetensors", content))
    assert all(mask.dtype == torch.bool for mask in found.values())
    return found


def pattern(data: Any) -> object:
    """What goes is what the slow reference takes away, ties and infinities included."""
    rows, columns = data.draw(st.integers(1, 6)), data.draw(st.sampled_from([4, 8, 12, 33]))
    values = data.draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 1e-38, 3e38, 7.5]) | st.floats(0, 1e6, width=32),
                                min_size=rows * columns, max_size=rows * columns))
    scores = torch.tensor(values).reshape(rows, columns)
    share = data.draw(st.floats(0, 0.999))
    group = data.draw(st.sampled_from(["row", "matrix", "n:m"]))
    chosen = make_pattern("row", share, "2:4") if group == "n:m" else make_pattern(group, share)
    found = chosen.remove(scores, "w")  # type: ignore[union-attr]
    slow = {"row": lambda: reference.row_mask(scores, share),
            "matrix": lambda: reference.matrix_mask(scores, share),
            "n:m": lambda: reference.n_of_m_mask(scores, 2, 4)}[group]()
    assert torch.equal(found, torch.as_tensor(slow, dtype=torch.bool))
    return found


def hand(data: Any) -> object:
    row = by_hand.row_of(model(), data.draw(st.sampled_from([None, sums()])), Settings("magnitude"), None,
                         data.draw(matrix_names()), data.draw(or_odd(0, 3)), data.draw(or_odd(0)))
    changes = data.draw(st.dictionaries(st.tuples(or_odd(*by_hand.FIELDS).map(str), or_odd(0, 3).filter(
        lambda one: isinstance(one, int | float | str))), NUMBERS | st.floats(0, 9), max_size=2))
    return by_hand.by_hand(row, data.draw(st.integers(0, 40)), data.draw(st.integers(1, 12)), changes)


def one_weight(data: Any) -> object:
    name, row, column = data.draw(matrix_names()), data.draw(or_odd(0, 31)), data.draw(or_odd(0, 31))
    what = data.draw(st.sampled_from(["explain", "predicted", "pull", "measured"]))
    target = weight.Target(name, data.draw(or_odd("weight", "row", "column", "head")), row, column,
                           data.draw(or_odd(0, 3)), data.draw(or_odd(0)))
    if what == "predicted":
        return weight.predicted_change(model(), sums(), target)
    if what == "measured":
        return run(weight.measured_changes(model(), sums().calibration, (target,)))
    if what == "pull":
        part = pull.Pull(data.draw(st.sampled_from(["weight", "row", "column", "head", "matrix", "block"])), name,
                         row, column, data.draw(or_odd(0, 3)), data.draw(or_odd(0, 2)), data.draw(or_odd(None, 0)))
        return run(pull.token_pulls(model(), sums().calibration, part, (data.draw(or_odd(0, 1)),)))
    chosen = Settings("magnitude", order="dense")
    return weight.explain(model(), sums(), chosen, run(prune.masks(model(), None, chosen)), name, row, column,
                          data.draw(or_odd(0)))


def windows(data: Any) -> object:
    found = evaluate.text_windows(model(), data.draw(TEXTS | st.just(TEXT)), "t.txt",
                                  data.draw(st.none() | st.integers(-2, 70) | st.just(2**70)))
    return run(evaluate.perplexity(model(), found))


ENTRIES: dict[str, Callable[[Any], object]] = {one.__name__: one for one in (
    settings, masks, numbers_as_text, link, text, jsonl, token_file, path, probes, folder, checkpoint, mask_file,
    pattern, hand, one_weight, windows)}


def check(entry: str, data: Any) -> bool:
    """Run one case. True where core gave a value, False where it gave a sentence; anything else is raised."""
    try:
        ENTRIES[entry](data)
    except GblmError as error:
        for language in LANGUAGES:
            sentence = error.say(words(language))
            # the folder that was given may be named, as whoever gave it knows it
            rest = sentence.replace(str(place()), "")
            assert sentence.strip() and len(sentence) < LONGEST, sentence[:200]
            assert not any(path in rest for path in HERE), sentence
        return False
    return True
