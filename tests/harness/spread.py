"""Run in the environment that has accelerate: what is collected and chosen of a model whose every part is called
through accelerate's hooks, as on several GPUs, against the same model without. Prints it as JSON.

All parts lie on the CPU, so nothing moves from one device to another.
"""

from __future__ import annotations

import json

import torch
from accelerate import dispatch_model

from gblm_viz.core.base.job import run
from gblm_viz.core.mask.prune import masks, pruned
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.models import Model, load, wrap
from gblm_viz.core.sums.collect import PLANS, collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import CalibrationSet

ORDERS = ("dense", "sequential")


def spread() -> Model:
    """The pocket model with accelerate's hooks on every block and on what is outside of them, put there as transformers
    does it."""
    model = run(load("pocket"))
    network, blocks = model.network, model.layout.blocks
    outside = [name for name, module in network.named_modules()
               if not name.startswith(blocks) and list(module.parameters(recurse=False))]
    here = torch.device("cpu")  # as "cpu" it would be a place that weights are fetched from
    dispatch_model(network, dict.fromkeys((*blocks, *outside), here), skip_keys=network._skip_keys_device_placement,
                   force_hooks=True)
    return wrap(network, model.tokenizer, model.source)


def same_sums(one: Statistics, other: Statistics) -> bool:
    return all(torch.equal(sums.input_sq, other.sums[name].input_sq) and all(
        torch.equal(tensor, other.sums[name].gradients[kept]) for kept, tensor in sums.gradients.items())
        for name, sums in one.sums.items())


def main() -> None:
    plain = run(load("pocket"))
    hooked = spread()
    tokens = torch.randint(0, 1000, (3, 40), generator=torch.Generator().manual_seed(0))
    samples = CalibrationSet(tokens, torch.full((3,), 40), "windows", 0, "random", "")
    same: dict[str, bool] = {}
    for plan in PLANS:
        one, other = (run(collect(model, samples, plan=plan)) for model in (plain, hooked))
        same[f"{plan}: sums"] = same_sums(one, other)
        for order in ORDERS:
            settings = Settings("gblm", sparsity=0.5, order=order)
            mine, its = run(masks(plain, one, settings)), run(masks(hooked, other, settings))
            same[f"{plan}, {order}: masks"] = all(
                torch.equal(mask, its.masks[name]) for name, mask in mine.masks.items())
            same[f"{plan}, {order}: logits"] = torch.equal(
                pruned(plain, mine).network(tokens).logits, pruned(hooked, its).network(tokens).logits)
    hooks = sum(hasattr(hooked.network.get_submodule(path), "_hf_hook") for path in hooked.layout.blocks)
    print(json.dumps({"blocks": len(hooked.layout.blocks), "hooked": hooks, "same": same}))


if __name__ == "__main__":
    main()
