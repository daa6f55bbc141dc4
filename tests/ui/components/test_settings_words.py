"""What made a mask is said in words: each choice shows, what a method does not depend on is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gblm_viz.core.mask.patterns import GROUPS
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.methods import METHODS, norms_of
from gblm_viz.ui.components.settings_words import settings_words

BASE = Settings("gblm", "l1", Alpha("share", 0.5), "row", 0.5, "", "dense", 3)


def line(say: Any, settings: Settings, **known: float) -> str:
    return " · ".join(settings_words(say, settings, **known))


@pytest.mark.parametrize("method", METHODS)
def test_no_code_of_the_command_line_is_left_in_the_line(method: str, say: Any) -> None:
    for norm in norms_of(method) or ("l1",):
        for group in GROUPS:
            for alpha in (Alpha("share", 0.5), Alpha("balance"), Alpha("number", 7)):
                told = line(say, replace(BASE, method=method, norm=norm, group=group, alpha=alpha))
                assert told.startswith(method)
                assert not any(code in told for code in ("l1", "l2", "share:", "row 0.5", "_"))


@pytest.mark.parametrize("change", [{"method": "wanda"}, {"norm": "l2"}, {"norm": "sum"}, {"group": "matrix"},
                                    {"group": "global"}, {"sparsity": 0.51}, {"sparsity": 0.505}, {"pattern": "2:4"},
                                    {"alpha": Alpha("share", 0.4)}, {"alpha": Alpha("balance")},
                                    {"alpha": Alpha("number", 100)}])
def test_every_choice_that_moves_the_mask_changes_the_line(change: dict[str, Any], say: Any) -> None:
    assert line(say, replace(BASE, **change)) != line(say, BASE)


@pytest.mark.parametrize("change", [{"norm": "l2"}, {"alpha": Alpha("number", 3)}, {"seed": 9}])
def test_what_magnitude_does_not_depend_on_is_not_said(change: dict[str, Any], say: Any) -> None:
    magnitude = replace(BASE, method="magnitude")
    assert line(say, replace(magnitude, **change)) == line(say, magnitude)


def test_what_alpha_came_to_and_the_measured_share_stand_where_they_are_known(say: Any) -> None:
    number = replace(BASE, alpha=Alpha("number", 100))
    assert "%" not in line(say, number).partition(" · ")[0]
    assert "37 %" in line(say, number, share=0.37) and "α = 100" in line(say, number, share=0.37)
    assert "α = 6,427" in line(say, BASE, alpha=6427.3)
