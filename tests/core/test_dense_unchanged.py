"""The dense model never changes: everything core can do to it, and its state is bitwise what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.look import by_hand, pull, weight
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate, sweep
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.talk import generate
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.core.text.calibration import from_text
from tests.families import save_tiny

TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n" * 4
HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks")


def state(model: Model) -> tuple[Any, ...]:
    """All of a network that a job could leave changed: weights and buffers, hooks, gradients, modes, methods."""
    digest = hashlib.sha256()
    for name, tensor in [*model.network.named_parameters(), *model.network.named_buffers()]:
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if not tensor.is_meta:  # of a model that is read by block: its files hold it
            digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    modules = dict(model.network.named_modules())
    hooks = {(name, kind): tuple(getattr(module, kind)) for name, module in modules.items() for kind in HOOKS}
    return (digest.hexdigest(), hooks, [name for name, module in modules.items() if module.training],
            [name for name, module in modules.items() if "forward" in vars(module)],
            [name for name, one in model.network.named_parameters()
             if one.requires_grad or one.grad is not None or one._backward_hooks or one._post_accumulate_grad_hooks],
            [one.data_ptr() for one in model.network.parameters()], torch.is_grad_enabled())


def closed(job: Any, steps: int) -> None:
    """A job that somebody stopped on its way."""
    for _ in range(steps):
        next(job)
    job.close()


def deeds(model: Model, sums: Statistics, place: Path) -> dict[str, Callable[[], object]]:
    samples, dense = sums.calibration, Settings(order="dense")
    name = model.layout.matrices[-1].name
    row = pull.Pull("row", name, row=1)
    masks = run(prune.masks(model, sums, dense))
    pruned = prune.pruned(model, masks)
    return {
        "collect": lambda: run(collect(model, samples, halves=True)),
        "collect streamed": lambda: run(collect(model, samples, plan="streamed", folder=place / "streamed")),
        "a collection that is stopped": lambda: closed(collect(model, samples), 2),
        "a streamed collection that is stopped": lambda: closed(collect(model, samples, plan="streamed"), 12),
        "dense masks": lambda: [run(prune.masks(model, sums, Settings(method, order="dense"))) for method in (
            "random", "magnitude", "wanda", "gradient", "gblm")],
        "sequential masks": lambda: run(prune.masks(model, sums, Settings())),
        "sequential masks that are stopped": lambda: closed(prune.masks(model, sums, Settings()), 3),
        "a pruned copy": lambda: prune.pruned(model, masks),
        "a global cut": lambda: run(prune.masks(model, sums, Settings(group="global", order="dense"))),
        "generate": lambda: generate.answer(model, [{"role": "user", "content": "River"}], Sampling(1, 0.9, 0.8, 4)),
        "generate, pruned": lambda: generate.answer(pruned, [{"role": "user", "content": "River"}], Sampling(most=4)),
        "evaluate": lambda: run(evaluate.perplexity(model, evaluate.text_windows(model, TEXT, "t", 16))),
        "explain": lambda: weight.explain(model, sums, dense, masks, name, 1, 2),
        "measured changes": lambda: run(weight.measured_changes(model, samples, (weight.Target(name, "row", row=1),))),
        "measuring that is stopped": lambda: closed(weight.measured_changes(
            model, samples, (weight.Target(name, "row", row=1),)), 2),
        "answer changes": lambda: run(weight.answer_changes(model, "River", "sea", (weight.Target(
            name, "weight", 1, 2),))),
        "pull": lambda: run(pull.token_pulls(model, samples, row)),
        "a pull that is stopped": lambda: closed(pull.token_pulls(model, samples, row), 2),
        "by hand": lambda: by_hand.by_hand(by_hand.row_of(model, sums, dense, 1.0, name, 0), 0, 4,
                                           {("weight", 1): 0.0}),
        "a point of a sweep": lambda: swept(model, sums),
        "export": lambda: run(export.save(pruned, masks, place / "out", statistics=sums)),
        "export again": lambda: run(export.save(pruned, masks, place / "out", statistics=sums)),
    }


def swept(model: Model, sums: Statistics) -> object:
    held_out = evaluate.text_windows(model, TEXT, "t", 16)
    return run(sweep.point(model, sums, Settings("magnitude", order="dense"), held_out, ()))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("by_block", [False, True])
def test_nothing_that_core_does_changes_the_dense_model(by_block: bool, tmp_path: Path) -> None:
    source = str(save_tiny(tmp_path / "tiny", "mixtral" if not by_block else "llama"))
    model = run(load(source, "float32", "cpu", None, by_block))
    sums = run(collect(model, from_text(model.tokenizer, TEXT, name="river.txt", samples=3, length=16))
               if not by_block else collect(model, from_text(model.tokenizer, TEXT, name="river.txt", samples=3,
                                                             length=16), plan="streamed"))
    before = state(model)
    done = []
    for name, deed in deeds(model, sums, tmp_path).items():
        if by_block and name not in BY_BLOCK:
            continue
        deed()
        done.append(name)
        assert state(model) == before, name
    assert len(done) >= 6


BY_BLOCK = {"collect streamed", "a streamed collection that is stopped", "dense masks", "sequential masks",
            "sequential masks that are stopped", "a pruned copy", "a global cut", "evaluate", "export"}
"""What a model is used for whose blocks are read one at a time."""
