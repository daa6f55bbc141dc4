"""The saved pocket model in lm-eval-harness, with our own probes as its task: the harness finds our accuracy.

The harness lives in an environment of its own, which borrows torch and transformers from this one.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.measure.evaluate import Probe
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.text.tokens import end_token

HERE = Path(__file__).parent
PROBES = HERE.parents[1] / "assets" / "pocket" / "probes"
EVERY = 4
"""Every fourth multiple-choice probe is asked: 290 of all skills, in both languages."""


def saved(folder: Path) -> Model:
    """The pocket model with half of every row's smallest weights gone, as its folder gives it back."""
    dense = run(load("pocket"))
    applied = run(prune.masks(dense, None, Settings("magnitude", sparsity=0.5, order="dense")))
    run(export.save(prune.pruned(dense, applied), applied, folder))
    return run(load(str(folder)))


def write_task(model: Model, probes: list[Probe], folder: Path) -> None:
    """The task and its questions: the chat template's own text, each answer with the end of its turn; the right answer
    stands in another place each time, so that a harness that takes the first would be found out."""
    end = model.tokenizer.decode([end_token(model)])
    lines = []
    for number, probe in enumerate(probes):
        question = model.tokenizer.apply_chat_template([{"role": "user", "content": probe.prompt}], tokenize=False,
                                                       add_generation_prompt=True)
        gold = number % len(probe.choices)
        right, *wrong = [choice + end for choice in probe.choices]
        choices = [*wrong[:gold], right, *wrong[gold:]]
        lines.append(json.dumps({"question": question, "choices": choices, "gold": gold, "number": number}))
    (folder / "probes.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = (HERE / "gblm_probes.yaml").read_text(encoding="utf-8")
    (folder / "gblm_probes.yaml").write_text(task.replace("PROBES", str(folder / "probes.jsonl")), encoding="utf-8")


def asked_of_the_harness(python: Path, model: Path, task: Path, home: Path) -> tuple[float, list[dict[str, object]]]:
    """(acc, one entry a probe) as lm-eval writes them, without a network."""
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"), "1")
    done = subprocess.run(
        [python, "-m", "lm_eval", "--model", "hf", "--model_args", f"pretrained={model},dtype=float32", "--tasks",
         str(task / "gblm_probes.yaml"), "--device", "cpu", "--batch_size", "32", "--output_path", str(home / "out"),
         "--log_samples"], cwd=home, env={**os.environ, **offline, "HF_HOME": str(home / "hub")},
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    results, = home.glob("out/**/results_*.json")
    samples, = home.glob("out/**/samples_*.jsonl")
    found = json.loads(results.read_text())["results"]["gblm_probes"]["acc,none"]
    return found, [json.loads(line) for line in samples.read_text().splitlines()]


def test_lm_eval_harness_finds_our_accuracy_on_the_saved_model(harness: Path, tmp_path: Path) -> None:
    model = saved(tmp_path / "model")
    probes = [probe for probe in evaluate.read_probes(PROBES) if probe.choices][::EVERY]
    write_task(model, probes, tmp_path)
    accuracy, entries = asked_of_the_harness(harness, tmp_path / "model", tmp_path, tmp_path)
    ours = run(evaluate.choose_answers(model, tuple(probes)))
    assert len(entries) == len(probes) > 150
    assert 0.3 < ours.total.value < 0.95, "all right or all wrong would show nothing"
    assert round(accuracy * len(probes)) == ours.total.right
    theirs = {int(entry["doc"]["number"]): entry for entry in entries}  # type: ignore[index]
    for number, verdict in enumerate(ours.verdicts):
        entry = theirs[number]
        likelihood = float(entry["filtered_resps"][entry["doc"]["gold"]][0])  # type: ignore[index]
        assert math.isclose(likelihood, verdict.log_probability, rel_tol=1e-4, abs_tol=1e-3)
        assert bool(entry["acc"]) == verdict.right
