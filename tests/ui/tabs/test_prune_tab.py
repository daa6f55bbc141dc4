"""The Prune tab: what a visitor sets is what is scored, a wrong setting is a sentence, a preview is no applied mask."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.prune import dense_masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.scores import Fallback
from gblm_viz.escape import escape
from gblm_viz.ui.tabs import prune, prune_text
from gblm_viz.ui.tabs.prune import Form
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.page import Page, Signals
from gblm_viz.ui.visit.session import Selection
from gblm_viz.ui.work import preview, work
from gblm_viz.words import LANGUAGES, words

FORM = Form("gblm", "l1", "row", 0.5, "", "dense", "share", 100, 0.5, 0)


class Tab:
    """The tab built in a page of its own; its listeners can be called by hand."""

    def __init__(self, library: Library, language: str = "en") -> None:
        self.heard: list[SimpleNamespace] = []
        with gr.Blocks() as self.page_blocks:
            names = list(inspect.signature(Signals).parameters)
            fields = {"words": words(language), "library": library, "visitor": gr.State(""), "status": gr.HTML(),
                      "signals": Signals(**{name: gr.State(0) for name in names}), "tabs": gr.Tabs()}
            self.page = Page(**{name: fields[name] for name in inspect.signature(Page).parameters if name in fields})
            for name in ("on", "on_signals"):
                object.__setattr__(self.page, name, self._on)
            prune.build(self.page)

    def _on(self, triggers: Any, handler: Any, inputs: Any = (), outputs: Any = (), **_: Any) -> None:
        self.heard.append(SimpleNamespace(name=handler.__name__, handler=handler, inputs=inputs, outputs=outputs))

    def call(self, name: str, visit: Visit, *values: Any) -> dict[str, Any]:
        """Every update of one listener by the component's id (or its own name), the last one winning."""
        listener = next(one for one in self.heard if one.name == name)
        result = listener.handler(visit, *values)
        known = [self.page.status, *listener.outputs]
        updates: dict[str, Any] = {}
        for step in result if isinstance(result, Iterator) else [result]:
            assert set(step) <= set(known), "a listener may only update what it announced"
            updates |= {getattr(part, "elem_id", None) or self._name(part): value for part, value in step.items()}
        return updates

    def _name(self, part: Any) -> str:
        return next((name for name, signal in vars(self.page.signals).items() if signal is part),
                    "status" if part is self.page.status else str(part._id))


def values(form: Form) -> list[Any]:
    return form.values


@pytest.mark.parametrize(("changed", "expected"), [
    ({}, Settings(alpha=Alpha("share", 0.5), order="dense")),
    ({"kind": "number", "number": 12}, Settings(alpha=Alpha("number", 12), order="dense")),
    ({"kind": "balance"}, Settings(alpha=Alpha("balance"), order="dense")),
    ({"method": "gradient", "norm": "sum"}, Settings("gradient", "sum", order="dense")),
    ({"method": "random", "seed": 7}, Settings("random", seed=7, order="dense")),
    ({"pattern": " 3:8 "}, Settings(alpha=Alpha("share", 0.5), pattern="3:8", order="dense")),
    ({"order": "sequential", "sparsity": 0.97}, Settings(alpha=Alpha("share", 0.5), sparsity=0.95, order="sequential")),
])
def test_the_controls_become_the_settings_of_the_command_line(changed: dict[str, Any], expected: Settings) -> None:
    assert replace(FORM, **changed).settings(Settings()) == expected


def test_a_norm_the_method_does_not_have_gives_way_to_its_first() -> None:
    assert replace(FORM, norm="sum").settings(Settings()).norm == "l1"


@pytest.mark.parametrize(("changed", "key"), [
    ({"sparsity": 1}, "sparsity_outside"), ({"sparsity": -1}, "sparsity_outside"),
    ({"sparsity": "half"}, "sparsity_not_number"), ({"pattern": "two of four"}, "pattern_unreadable"),
    ({"pattern": "4:4"}, "pattern_impossible"), ({"kind": "number", "number": None}, "alpha_unreadable"),
    ({"kind": "number", "number": -3}, "alpha_unreadable"), ({"kind": "share", "share": 1}, "alpha_unreadable"),
    ({"group": "authors"}, "authors_group"), ({"group": "global", "order": "sequential"}, "global_sequential"),
    ({"method": "random", "seed": None}, "seed_not_number"), ({"method": "random", "seed": 0.5}, "seed_not_number"),
])
def test_settings_that_do_not_go_together_are_refused_by_name(changed: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingError) as refused:
        replace(FORM, **changed).settings(Settings())
    assert refused.value.key == key


@pytest.mark.parametrize("settings", [
    Settings(), Settings("wanda", sparsity=0.3), Settings("gradient", "sum", pattern="2:4"),
    Settings(alpha=Alpha("balance")), Settings(alpha=Alpha("share", 0.2), norm="l2"), Settings("random", seed=4)])
def test_settings_that_are_filled_in_read_back_the_same(settings: Settings) -> None:
    assert prune.form_of(settings).settings(settings) == settings


def test_a_control_changes_the_settings_and_every_number_on_screen(library: Library, visit: Visit, say: Any) -> None:
    tab = Tab(library, say.language)
    updates = tab.call("on_control", visit, 3, *values(replace(FORM, sparsity=0.25)))
    assert visit.session.settings.sparsity == 0.25
    assert updates["settings"] == 4
    seen = work.preview(visit, visit.session.settings)
    assert prune_text.percent(seen.sparsity) in updates["sparsity-reached"]
    assert f"{seen.removed:,}" in updates["sparsity-reached"]
    assert prune_text.percent(seen.agreement_wanda) in updates["prune-numbers"]
    assert prune_text.percent(seen.agreement_gradient) in updates["prune-numbers"]
    assert updates["prune-problem"] == ""
    assert sum(sum(bars.y) for bars in updates["prune-histogram"].data) == preview.selected_matrix(visit).weights


def test_a_refused_control_says_why_and_loses_nothing(library: Library, visit: Visit, say: Any) -> None:
    tab, before = Tab(library, say.language), visit.session.settings
    updates = tab.call("on_control", visit, 3, *values(replace(FORM, sparsity=1)))
    assert updates["prune-mask"]["live"], "the picture that followed it goes back to what is kept"
    sentence = escape(say("errors.sparsity_outside", given=1))
    assert sentence in updates["prune-problem"]
    assert sentence in updates["status"]
    assert updates["sparsity"] == before.sparsity
    assert visit.session.settings == before
    assert "settings" not in updates
    updates = tab.call("on_control", visit, 3, *values(replace(FORM, pattern="2:7")))
    assert "2:7" in updates["prune-problem"]
    assert visit.session.settings == before


def test_apply_builds_the_model_and_reports_how_far_the_preview_was_right(library: Library, visit: Visit) -> None:
    tab = Tab(library)
    updates = tab.call("on_apply", visit, 0, 0, *values(replace(FORM, order="sequential")))
    masks = work.applied_masks(visit)
    assert masks.settings.order == "sequential"
    assert visit.session.applied_number == 1
    assert work.pruned_model(visit) is not None
    assert (updates["applied"], updates["settings"]) == (1, 1)
    shown = work.preview_masks(visit, masks.settings)
    same = prune_text.percent(prune_text.model_agreement(masks, shown), 2)
    assert same in updates["status"]
    assert same in updates["sparsity-reached"]
    assert "applied #1" in updates["sparsity-reached"]


def test_apply_takes_the_masks_that_are_on_screen(library: Library, visit: Visit,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    tab, form = Tab(library), replace(FORM, sparsity=0.35)
    tab.call("on_control", visit, 0, *values(form))
    wanted = run(dense_masks(visit.model(), visit.statistics(), form.settings(Settings())))
    with monkeypatch.context() as broken:
        broken.setattr(work.prune, "masks", lambda *_: pytest.fail("the masks are computed again"))
        tab.call("on_apply", visit, 0, 0, *values(form))
    masks = work.applied_masks(visit)
    assert (masks.settings, masks.alpha, masks.calibration_key) == (wanted.settings, wanted.alpha,
                                                                    wanted.calibration_key)
    assert all(torch.equal(mask, masks.masks[name]) for name, mask in wanted.masks.items())
    later = replace(form, sparsity=0.45)  # nobody has looked at these, so they are computed
    tab.call("on_apply", visit, 1, 1, *values(later))
    assert work.applied_masks(visit).settings.sparsity == 0.45


def test_an_applied_mask_goes_stale_when_the_slider_moves_on_and_comes_back(library: Library, visit: Visit) -> None:
    tab = Tab(library)
    tab.call("on_apply", visit, 0, 0, *values(FORM))
    moved = tab.call("on_control", visit, 1, *values(replace(FORM, sparsity=0.6)))["sparsity-reached"]
    assert "stale" in moved
    assert "From 50 %, slider at 60 %" in moved
    assert "press Apply" in moved
    back = tab.call("on_control", visit, 2, *values(FORM))["sparsity-reached"]
    assert "stale" not in back
    assert "applied #1" in back


def test_apply_without_gradients_says_where_to_get_them(library: Library, visit: Visit) -> None:
    visit.update(statistics=None)
    with pytest.raises(Exception, match="Collect"):
        Tab(library).call("on_apply", visit, 0, 0, *values(FORM))
    shown = Tab(library).call("everything", visit, FORM)
    assert "Collect" in shown["prune-sentences"]
    applied = Tab(library).call("on_apply", visit, 0, 0, *values(replace(FORM, method="magnitude")))
    assert "applied #1" in applied["sparsity-reached"]


def test_the_own_echo_of_a_setting_is_not_drawn_twice(library: Library, visit: Visit) -> None:
    tab = Tab(library)
    assert tab.call("on_settings", visit, FORM, 5, 5) == {}
    other = replace(FORM, sparsity=0.6)
    assert tab.call("on_settings", visit, other, 4, 5)["sparsity"] == visit.session.settings.sparsity


def test_controls_that_hold_the_settings_already_are_not_written_again(library: Library, visit: Visit) -> None:
    tab = Tab(library)
    held = prune.form_of(visit.session.settings)
    shown = tab.call("everything", visit, held)
    assert "sparsity-reached" in shown
    assert not {"sparsity", "method", "order", "group"} & set(shown)
    moved = tab.call("on_control", visit, 0, *values(replace(FORM, sparsity=0.3)))
    assert prune.form_of(visit.session.settings) in moved.values()


def test_the_controls_are_built_with_the_examples_settings(library: Library, visit: Visit) -> None:
    assert prune.form_of(visit.session.settings) == FORM
    assert any(isinstance(one, gr.State) and one.value == FORM for listener in Tab(library).heard
               for one in listener.inputs)


def test_only_a_global_pattern_lists_what_goes_per_matrix(visit: Visit, say: Any) -> None:
    even, masks = preview.masks_and_preview(visit, replace(FORM).settings(Settings()))[::-1]
    assert prune_text.matrices_table(say, even) == ""
    assert say("prune.where.row") in prune_text.sentences(say, even, masks)
    uneven = preview.masks_and_preview(visit, replace(FORM, group="global").settings(Settings()))[1]
    table = prune_text.matrices_table(say, uneven)
    assert all(prune_text.percent(cell.value) in table for cell in uneven.per_matrix)


@pytest.mark.parametrize(("alpha", "key"), [(0.0, "like_wanda"), (1e12, "like_gradient")])
def test_an_alpha_that_drowns_one_half_of_the_score_is_said(visit: Visit, say: Any, alpha: float, key: str) -> None:
    _, seen = preview.masks_and_preview(visit, Settings(alpha=Alpha("number", alpha), order="dense"))
    assert prune_text.verdict(say, seen) == say(f"prune.verdict.{key}", wanda=prune_text.percent(seen.agreement_wanda),
                                           gradient=prune_text.percent(seen.agreement_gradient))


def test_a_share_is_turned_into_its_number_and_gives_the_same_masks(visit: Visit) -> None:
    asked = FORM.settings(Settings())
    number = preview.plain_alpha(visit, asked)
    assert number.alpha.kind == "number"
    one, other = work.preview_masks(visit, asked), work.preview_masks(visit, number)
    assert all(torch.equal(mask, other.masks[name]) for name, mask in one.masks.items())
    assert preview.share_at(visit, "l1", number.alpha.value) == pytest.approx(0.5, abs=1e-6)


def test_a_matrix_chosen_here_is_the_selection_everywhere(library: Library, visit: Visit) -> None:
    name = visit.model().layout.matrices[2].name
    assert Tab(library).call("on_matrix", visit, 0, name) == {"selection": 1}
    assert visit.session.selection == Selection(matrix=name)
    assert preview.selected_matrix(visit).name == name


def test_names_of_texts_and_models_are_escaped(visit: Visit) -> None:
    masks, _ = preview.masks_and_preview(visit, FORM.settings(Settings()))
    line = prune_text.problem("<b>${7*7}</b>")
    assert "<b>$" not in line
    assert "${" not in line
    assert "tiny" in prune_text.tag(words("en"), visit, masks.settings, masks)


def test_a_slider_hands_over_what_its_number_box_says(library: Library) -> None:
    tab = Tab(library)
    listener = next(one for one in tab.heard if one.name == "on_control")
    slider = next(part for part in listener.inputs if getattr(part, "elem_id", None) == "sparsity")
    assert slider.preprocess(1) == 1
    assert slider.get_block_name() == "slider"


def test_only_what_both_settings_have_counts_as_changed(visit: Visit) -> None:
    say, was = words("en"), FORM.settings(Settings())
    assert prune_text.changes(say, visit, was, replace(was, method="wanda")) == "method from gblm to wanda"
    moved = replace(was, sparsity=0.6, norm="l2", order="sequential", alpha=Alpha("number", 3))
    assert prune_text.changes(say, visit, was, moved) == "From 50 %, slider at 60 %; norm from ℓ1 to ℓ2; 2 more"


def test_experts_that_saw_no_token_are_named_with_their_matrix() -> None:
    fallen = (Fallback("layers.1.down", 2, "no_token", "|W|"), Fallback("layers.1.down", 5, "no_token", "|W|"),
              Fallback("layers.2.<i>", None, "zero_gradient", "|W| · x"))
    for language in LANGUAGES:
        shown = prune_text.fallback_list(words(language), fallen)
        assert shown.count("<li>") == 2
        assert "layers.1.down" in shown and words(language)("settings.join").join("25") in shown
        assert "layers.2.&lt;i&gt;" in shown and "|W| · x" in shown
    assert prune_text.fallback_list(words("en"), ()) == ""


def test_a_long_list_of_experts_says_how_many_matrices_it_leaves_out() -> None:
    many = tuple(Fallback(f"layers.{index}.down", expert, "no_token", "|W|")
                 for index in range(prune_text.MOST_FALLEN + 3) for expert in (0, 1))
    shown = prune_text.fallback_list(words("en"), many)
    assert shown.count("<li>") == prune_text.MOST_FALLEN + 1
    assert "and 3 matrices more" in shown
