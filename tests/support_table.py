"""The README's table of families, from what the tests measure: `python -m tests.support_table` writes it.

Knows nothing of scores and masks: what a network is made of and by which plans its sums are taken.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from gblm_viz.core.base.job import run
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import share_weights
from gblm_viz.core.model.models import Model
from gblm_viz.core.model.text_config import more_than_text
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.sums.streamed import prepare_streamed
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES, TABLE, Family, build, tiny_samples
from tests.more_families import MORE, REFUSED, UNBUILT

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- families: written by `python -m tests.support_table`; tests/core/test_more_families.py compares -->"
END = "<!-- /families -->"
HEADER = """\
| family (model types) | parts of a block that hold matrices | matrices a block | experts | plans |
|---|---|---|---|---|"""
LENGTHS = (16, 16, 11)
"""The last sample is shorter, so that padding which entered a model would show."""
_NO_CLASS = ("read pictures or sound beside text, and transformers reads no causal language model out of them; the app "
             "says how to save the text half alone, where that is an ordinary model")
SUPPORTED: dict[str, Family] = {name: TABLE[name] for name in FAMILIES} | MORE


def calibration() -> CalibrationSet:
    """The tests' samples, padded: tokens int64 (N, length)."""
    lengths = torch.tensor(LENGTHS)
    tokens = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.int64)
    for row, sample in enumerate(tiny_samples(len(LENGTHS), max(LENGTHS))):
        tokens[row, : LENGTHS[row]] = sample[: LENGTHS[row]]
    return CalibrationSet(tokens, lengths, "tokens", 0, "tiny", "")


def may_stream(model: Model) -> bool:
    return prepare_streamed(models.private_copy(model.network), model.layout, calibration().sample(0)) is not None


def same_bits(one: Statistics, other: Statistics) -> bool:
    """Whether two collections agree in every loss, sum, token count and per-sample ℓ1."""
    return torch.equal(one.losses, other.losses) and list(one.sums) == list(other.sums) and all(
        torch.equal(sums.input_sq, other.sums[name].input_sq) and torch.equal(sums.tokens, other.sums[name].tokens)
        and torch.equal(one.sample_l1[name], other.sample_l1[name])
        and all(torch.equal(gradient, other.sums[name].gradients[kept]) for kept, gradient in sums.gradients.items())
        for name, sums in one.sums.items())


def model_types(name: str) -> tuple[str, ...]:
    """The family's model type, then every other one that transformers reads by the same class."""
    own = SUPPORTED[name].model_type
    kind = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[own]
    others = {one for one, other in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items() if other == kind and one != own}
    named = {family.model_type for family in SUPPORTED.values()} | set(REFUSED) | set(UNBUILT)
    return (own, *sorted(others - named))


def row(name: str, model: Model, bitwise: bool | None) -> str:
    """One line of the table. bitwise: whether both plans gave the same bits; None where only the whole plan is offered.
    """
    layout = model.layout
    parts = dict.fromkeys(matrix.name.removeprefix(layout.blocks[matrix.block] + ".").split(".")[0]
                          for matrix in layout.matrices)
    counts = [len(layout.of_block(block)) for block in range(len(layout.blocks))]
    many = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    plan = {True: "whole, streamed", False: "whole, streamed (≈)"}.get(bitwise) or (
        "whole: blocks share weights" if share_weights(model.network, model.layout.blocks) else
        "whole: blocks hand on more than the hidden state")
    types = model_types(name)
    said = name if types == (name,) else f"{name} ({', '.join(types)})"
    experts = "stacked" if any(matrix.experts for matrix in layout.matrices) else "–"
    return f"| {said} | {', '.join(parts)} | {many} | {experts} | {plan} |"


def rows() -> list[str]:
    """Every family measured anew."""
    found = []
    for name, family in sorted(SUPPORTED.items()):
        model = models.wrap(build(family), None, name)
        whole = run(collect(model, calibration()))
        bitwise = same_bits(whole, run(collect(model, calibration(), plan="streamed"))) if may_stream(model) else None
        found.append(row(name, model, bitwise))
    return found


def text(lines: list[str]) -> str:
    """What stands between the marks, from the table's lines."""
    stacked, whole = (sum(word in line for line in lines) for word in ("| stacked |", "| whole: "))
    near = sum("(≈)" in line for line in lines)
    reasons: dict[str, list[str]] = {}
    for name, reason in sorted((UNBUILT | {name: one.reason for name, one in REFUSED.items()}).items()):
        reasons.setdefault(reason, []).append(name)
    reasons[_NO_CLASS] = sorted(set(more_than_text()) - set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
    left = "\n".join(f"- {', '.join(names)}: {reason}." for reason, names in reasons.items())
    streamed = len(lines) - whole
    return f"""\
{len(lines)} families of transformers are built tiny by the tests, and their sums held against a slow reference;
{stacked} have stacked experts. {streamed} can be collected block by block (`--plan streamed`), with the same bits
as whole ({near} of them, marked ≈, to 1e-4 of ℓ1); {whole} only whole.

<details><summary>The families</summary>

{HEADER}
{chr(10).join(lines)}

</details>

<details><summary>Not among them, and why</summary>

{left}

</details>
"""


def written() -> str:
    """What the README has between the marks now."""
    return README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip("\n") + "\n"


def written_rows() -> dict[str, str]:
    """name → its line in the README."""
    return {found[1]: line for line in written().splitlines()
            if (found := re.match(r"\| ([\w-]+) .*\|$", line)) and found[1] in SUPPORTED}


def main() -> None:
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{text(rows())}{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
