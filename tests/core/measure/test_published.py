"""The paper's figures are those of the contract, and only ratios are offered for comparison."""

from __future__ import annotations

import pytest

from gblm_viz.core.measure.published import PUBLISHED


def test_the_figures_are_the_contracts_columns() -> None:
    # core/README.md, Published figures: L2-7B, L2-13B, L2-70B, L1-7B, L1-13B, L1-30B
    rows = {"dense": [one.dense for one in PUBLISHED],
            **{name: [one.pruned[name] for one in PUBLISHED] for name in ("magnitude", "sparsegpt", "wanda", "gblm")}}
    assert rows == {
        "dense": [5.47, 4.88, 3.32, 5.68, 5.09, 4.10],
        "magnitude": [16.03, 6.83, 5.36, 17.29, 20.21, 7.54],
        "sparsegpt": [7.00, 6.03, 4.25, 7.22, 6.19, 5.32],
        "wanda": [6.92, 5.97, 4.22, 7.26, 6.15, 5.24],
        "gblm": [6.86, 5.88, 4.17, 7.15, 6.11, 5.18],
    }
    assert [one.billions for one in PUBLISHED] == [7, 13, 70, 7, 13, 30]


def test_relative_is_pruned_over_dense() -> None:
    assert PUBLISHED[0].relative("gblm") == pytest.approx(6.86 / 5.47)
