"""The data of the guide: what ships can be run, and what cannot is refused with a sentence that names the step."""

from __future__ import annotations

import re

import pytest

from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.ui.build import TABS
from gblm_viz.ui.guide.measures import MEASURES
from gblm_viz.ui.guide.rules import RULES
from gblm_viz.ui.guide.ways import Known, WaysError, check_ways, read_ways, ways
from gblm_viz.words import LANGUAGES, words

GOOD = """
[base.a]
method = "wanda"
alpha = "share:0.5"
[a.1]
tab = "prune"
set = {sparsity = 0.3}
guess = {kind = "choice", right = "b"}
done = [{kind = "choice"}, {kind = "value", target = "#group", value = "matrix"}]
tell = {n = "probes_n"}
"""
TEXTS = {f"a.1.{name}": name for name in ("title", "text", "after", "hint", "ask", "choice_a", "choice_b", "choice_c")}
KNOWN = Known(("prune",), ("rule",), ("probes_n",), TEXTS | {"a.1.after": "{n} {choice}"})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_that_ships_names_only_what_there_is(language: str) -> None:
    known = Known(tuple(TABS), RULES, MEASURES, words(language).table("guide"))
    check_ways(ways(), known)
    assert {name: len(way.steps) for name, way in ways().items()} == {"five": 6, "twenty": 10, "own": 6}
    asked = {measure for way in ways().values() for step in way.steps for measure in step.measures}
    assert asked == set(MEASURES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_s_text_is_short(language: str) -> None:
    texts = words(language).table("guide")
    for step in (step for way in ways().values() for step in way.steps):
        text = texts[f"{step.name}.text"]
        assert len(text) <= 160 if language == "ja" else len(text.split()) <= 70, step.name


def test_the_settings_of_a_step_stand_over_those_of_its_way() -> None:
    way = read_ways(GOOD)["a"]
    check_ways({"a": way}, KNOWN)
    mine = Settings("magnitude", sparsity=0.9, seed=4)
    assert way.settings(mine, way.steps[0].start) == Settings("wanda", alpha=Alpha("share", 0.5), sparsity=0.3)
    own = read_ways(GOOD.replace('method = "wanda"', "").replace('alpha = "share:0.5"', ""))["a"]
    assert own.settings(mine, own.steps[0].start) == Settings("magnitude", sparsity=0.3, seed=4)


@pytest.mark.parametrize(("old", "new", "told"), [
    ('tab = "prune"', 'tab = "nowhere"', "tab 'nowhere' does not exist"),
    ('tab = "prune"', 'tab = "prune"\ncolour = "red"', "step has the unknown field colour"),
    ("{sparsity = 0.3}", "{sparsity = 3}", "settings do not fit"),
    ("{sparsity = 0.3}", "{speed = 3}", "setting 'speed' does not exist"),
    ('right = "b"', 'right = "z"', "right answer 'z' does not exist"),
    (', right = "b"', "", "either the right letter or the measure"),
    ('kind = "choice", right = "b"', 'kind = "number", measure = "probes_n"', "unit"),
    ('{kind = "choice"}', '{kind = "sneeze"}', "condition 'sneeze' does not exist"),
    ('{kind = "choice"}', '{kind = "measured", target = "luck"}', "result 'luck' does not exist"),
    ('{kind = "choice"}', '{kind = "slider", target = "#x"}', "at_least or at_most"),
    (', value = "matrix"', "", "lacks value"),
    ('target = "#group"', 'target = "#mood"', "setting 'mood' does not exist"),
    ('"probes_n"}', '"luck"}', "measure 'luck' does not exist"),
    ("tell = {n =", "tell = {m =", r"nothing fills \{n\} in guide.a.1.after"),
    ("[a.1]", "[a.2]", "not 1 to 1"),
    ('tab = "prune"', 'tab = "prune"\nselect = "luck"', "rule 'luck' does not exist"),
    ('tab = "prune"', 'tab = "prune"\nview = "x"', "a view without its panel"),
    ('tab = "prune"', 'tab = "prune"\nneeds = ["luck"]', "need 'luck' does not exist"),
    ('guess = {kind = "choice", right = "b"}', "", "nothing that asks for it"),
])
def test_what_nothing_can_run_is_refused_with_the_step(old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(WaysError, match=f"^a.*{told}") as refused:
        check_ways(read_ways(GOOD.replace(old, new)), KNOWN)
    assert re.match(r"a(\.\d)?: ", str(refused.value))


def test_a_missing_text_is_named() -> None:
    with pytest.raises(WaysError, match=r"a\.1: the words guide\.a\.1\.hint are missing"):
        check_ways(read_ways(GOOD), Known(("prune",), (), ("probes_n",),
                                          {key: text for key, text in TEXTS.items() if not key.endswith("hint")}))
