"""A run in plain numbers: what its tables hold is what was made and measured, and its hash names exactly that."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gblm_viz.core.base.intervals import Share, paired_difference, paired_share, wilson_interval
from gblm_viz.core.base.job import run
from gblm_viz.core.keep import run as runs
from gblm_viz.core.keep.run import Own, Run
from gblm_viz.core.look import two_masks
from gblm_viz.core.look.gradient_sums import gradient_summaries
from gblm_viz.core.look.histogram import score_histogram
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure.evaluate import Perplexity, Probe, ProbeResult, Verdict
from gblm_viz.core.measure.sweep import DENSE, SweepPoint
from gblm_viz.core.measure.won import memory
from gblm_viz.core.model import models
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES


@pytest.fixture(scope="module")
def made() -> Run:
    torch.manual_seed(0)
    model = models.wrap(FAMILIES["llama"](), None, "tiny")
    tokens = torch.randint(2, 90, (3, 16), generator=torch.Generator().manual_seed(1))
    found = run(collect(model, CalibrationSet(tokens, torch.full((3,), 16), "windows", 0, "a.txt", "f" * 64)))
    applied = run(prune.masks(model, found, Settings(sparsity=0.3, order="dense")))
    wanda = run(prune.masks(model, found, Settings("wanda", sparsity=0.3, order="dense")))
    name = model.layout.matrices[0].name
    histogram = score_histogram(model, found, applied.settings, applied, name)
    dense, pruned = (Perplexity(math.exp(sum(losses) / 3), losses, 16, "float32", "h.txt", "e" * 64)
                     for losses in ((1.0, 2.0, 3.0), (1.5, 2.25, 4.0)))
    probe = Probe("sums", "en", "1 + 1?", "2")
    asked = {"dense": ProbeResult((Verdict(probe, True), Verdict(probe, True))),
             "pruned": ProbeResult((Verdict(probe, True), Verdict(probe, False)))}
    return Run(
        3, runs.model_facts(model), runs.settings_row(applied), 0.25, runs.calibration_facts(found), applied.removed,
        applied.sparsity, runs.matrix_rows(model, applied, gradient_summaries(model, found, "l1"),
                                           two_masks.compare(applied.masks, wanda.masks)),
        tuple(runs.perplexity_row("held_out", side, one) for side, one in (("dense", dense), ("pruned", pruned))),
        (runs.difference_row("held_out", dense, pruned),),
        tuple(row for side, one in asked.items() for row in runs.skill_rows(side, one)),
        runs.change_rows(*asked.values()), (), runs.method_rows(
            "held", {"dense": dense, "gblm": pruned, "wanda": dense}, "gblm"), (), (),
        runs.matrix_picture(applied, histogram, name), runs.versions())


def test_every_table_is_json_and_every_row_has_the_same_columns(made: Run) -> None:
    tables = made.as_tables()
    assert json.loads(json.dumps(tables, allow_nan=False)) == tables
    for rows in tables.values():
        assert len({tuple(row) for row in rows}) <= 1


def test_the_tables_hold_what_was_measured(made: Run) -> None:
    tables = made.as_tables()
    assert [row["loss"] for row in tables["perplexities"]] == pytest.approx([2.0, 7.75 / 3])
    difference, beside = tables["differences"][0], paired_difference((1.0, 2.0, 3.0), (1.5, 2.25, 4.0))
    assert (difference["mean"], difference["low"]) == (beside.mean, beside.interval.low)
    whole = [row for row in tables["probes"] if row["skill"] == "" and row["side"] == "pruned"]
    assert (whole[0]["right"], whole[0]["total"], whole[0]["high"]) == (1, 2, wilson_interval(1, 2).high)
    weights = [row["rows"] * row["columns"] for row in tables["matrices"]]
    removed = sum(row["removed"] * size for row, size in zip(tables["matrices"], weights, strict=True))
    assert removed == pytest.approx(tables["run"][0]["removed"])
    assert all(0 < row["kappa_wanda"] <= 1 and row["gradient_mean"] > 0 for row in tables["matrices"])
    bins = tables["scores_of_selected_matrix"]
    assert sum(row["kept"] + row["removed"] for row in bins) == weights[0]


def test_the_hash_is_that_of_model_samples_settings_versions_and_protocol(made: Run) -> None:
    assert made.calibration is not None
    measured = {"texts": [["held_out", "e" * 64, 3, 16, "float32"]], "probes": 2}
    written = json.dumps({
        "model": made.model.key, "calibration": made.calibration.tokens_sha256, "settings": made.settings,
        "versions": dict(made.versions), "protocol": measured}, sort_keys=True, ensure_ascii=False)
    assert made.hash == hashlib.sha256(written.encode()).hexdigest()


@pytest.mark.parametrize("change", [
    {"settings": {"sparsity": 0.4}}, {"versions": {"torch": "0"}}, {"perplexities": ()}, {"calibration": None}],
    ids=["settings", "versions", "protocol", "samples"])
def test_another_run_has_another_hash_and_the_same_one_the_same(made: Run, change: dict[str, Any]) -> None:
    assert replace(made, **change).hash != made.hash
    assert replace(made, number=9, share=None, own=Own("a text", ()), visit=()).hash == made.hash


def test_no_text_is_in_the_tables_unless_it_was_handed_over(made: Run) -> None:
    assert not any(name.startswith("own") for name in made.as_tables())
    told = replace(made, own=Own("the text", (("asked", "first", "second"),))).as_tables()
    assert told["own_text"] == [{"text": "the text"}]
    assert told["own_chat"] == [{"prompt": "asked", "dense": "first", "pruned": "second"}]


def test_methods_are_set_against_the_runs_own_over_the_same_windows(made: Run) -> None:
    rows = {row.method: row for row in made.methods}
    assert rows["dense"].mean is None and rows["gblm"].mean is None
    beside = paired_difference((1.5, 2.25, 4.0), (1.0, 2.0, 3.0))
    assert (rows["wanda"].mean, rows["wanda"].low, rows["wanda"].shown) == (
        beside.mean, beside.interval.low, beside.shown)


def test_what_changed_of_a_skill_is_paired_over_its_probes(made: Run) -> None:
    beside = paired_share([True, True], [True, False])
    for row in made.changes:
        assert (row.lost, row.gained, row.difference, row.low, row.shown) == (
            1, 0, -0.5, beside.interval.low, beside.shown)
    assert [row.skill for row in made.changes] == ["", "sums"]


def test_a_sweeps_rows_are_its_curves_with_their_knee() -> None:
    def point(method: str, sparsity: float, loss: float) -> SweepPoint:
        held = Perplexity(math.exp(loss), (loss, loss), 16, "float32", "h.txt", "e" * 64)
        settings = DENSE if not sparsity else Settings(method, sparsity=sparsity, order="dense")
        return SweepPoint(settings, sparsity, None, held, Share(1, 4) if sparsity else None)

    losses = [(0.0, 1.0), (0.1, 1.0), (0.3, 1.05), (0.5, 1.1), (0.7, 3.0), (0.9, 6.0)]
    rows = runs.sweep_rows([point("wanda", *one) for one in losses])
    assert [(row.method, row.sparsity) for row in rows] == [("wanda", sparsity) for sparsity, _ in losses]
    assert [row.sparsity for row in rows if row.knee] == [0.5]
    assert (rows[0].right, rows[1].right, rows[1].total, rows[1].high) == (None, 1, 4, wilson_interval(1, 4).high)
    assert rows[2].perplexity_own is None and rows[2].perplexity_held_out == pytest.approx(math.exp(1.05))


@pytest.mark.parametrize(("rows", "columns", "step"), [(4, 6, 1), (5, 7, 2), (9, 4, 3)])
def test_pooling_is_the_mean_of_each_square(rows: int, columns: int, step: int) -> None:
    values = np.random.default_rng(rows).random((rows, columns)) < 0.4
    found = runs.pooled(values, step)
    for row in range(0, rows, step):
        for column in range(0, columns, step):
            square = [float(values[i, j]) for i in range(row, min(row + step, rows))
                      for j in range(column, min(column + step, columns))]
            assert found[row // step, column // step] == pytest.approx(sum(square) / len(square))
    assert found.shape == (-(-rows // step), -(-columns // step))


def test_weights_in_memory_count_shared_storage_once() -> None:
    network = torch.nn.Linear(4, 3, bias=False)
    shared = torch.nn.Module()
    shared.one, shared.other = network, torch.nn.Linear(4, 3, bias=False)
    shared.other.weight = network.weight
    assert memory(type("Model", (), {"network": shared})()) == 4 * 3 * 4  # type: ignore[arg-type]


def test_versions_name_this_app_and_python() -> None:
    found = runs.versions()
    assert {"gblm_viz", "torch", "transformers", "gradio", "python"} <= found.keys()
    assert all(found.values())
