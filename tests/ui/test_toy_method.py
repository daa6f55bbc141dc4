"""A method that exists in this file alone, with a knob of numbers and one of choices: all that shows methods has it.

Its class, its words and its slow reference are all that is written; no file of the package names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, ClassVar
from urllib.parse import parse_qs

import gradio as gr
import numpy as np
import pytest
from torch import Tensor

from gblm_viz.cli.main import main
from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.mask.mask_file import read_mask_settings, save_masks
from gblm_viz.core.mask.prune import dense_masks, pruned
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import sweep
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import parameters
from gblm_viz.core.score.methods import METHODS, Method, knob
from gblm_viz.core.score.table import methods_table
from gblm_viz.figures.curves import look_of
from gblm_viz.ui.components.matrix_view import Field
from gblm_viz.ui.components.settings_words import settings_words
from gblm_viz.ui.report import report_file, this_run
from gblm_viz.ui.tabs import weight
from gblm_viz.ui.tabs.prune import form_of
from gblm_viz.ui.visit import address
from gblm_viz.ui.visit.keys import HeldOutKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.work import preview, work
from gblm_viz.ui.work.live_picture import OWN, MaskProvider
from gblm_viz.words import LANGUAGES, words
from tests.families import save_tiny
from tests.ui.tabs.test_prune_tab import Tab

TEXT = "The river carries sand to the sea, and the sea carries it back to the shore.\n\n" * 12


@dataclass(frozen=True)
class Toy(Method):
    """|W|^power, times the inputs' norm where they have a say."""

    power: float = knob("number", 1.0, low=0.25, high=4.0, step=0.25)
    weighing: str = knob("choice", "inputs", choices=("inputs", "nothing"))
    name: ClassVar[str] = "toy"
    formula: ClassVar[str] = "|W|^p · x"
    source: ClassVar[str] = "this test"
    needs: ClassVar[frozenset[str]] = frozenset({"inputs"})

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        scores = weight.float().abs() ** self.power
        return scores * input_norm.unsqueeze(-2) if self.weighing == "inputs" and input_norm is not None else scores


WORDS = {"knobs.power.label": "Power", "knobs.weighing.label": "Weighed by", "knobs.weighing.inputs": "the inputs",
         "knobs.weighing.nothing": "nothing", "prune.formula.toy": "By a power of the weight."}
SETTINGS = Settings("toy", order="dense").with_knobs(power=0.5, weighing="nothing")


def reference(weight: Tensor, inputs: Tensor, settings: Settings) -> np.ndarray[Any, Any]:
    """The mask by a plain loop over rows."""
    mask = np.zeros(weight.shape, bool)
    for row, values in enumerate(weight.float().tolist()):
        power, weighed = settings.knob("power"), settings.knob("weighing") == "inputs"
        scores = [np.float32(np.float32(abs(value)) ** np.float32(power)) * np.float32(x if weighed else 1)
                  for value, x in zip(values, inputs.tolist(), strict=True)]
        order = sorted(range(len(scores)), key=lambda column: (scores[column], column))
        mask[row, order[: int(len(order) * settings.sparsity)]] = True
    return mask


@pytest.fixture(autouse=True, scope="module")
def toy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(METHODS, Toy.name, Toy)
        for language in LANGUAGES:
            for key, text in WORDS.items():
                patched.setitem(words(language).texts, key, text)
        yield


@pytest.fixture(scope="module")
def library(toy: None) -> Library:
    """The pocket model with a short text collected."""
    made = Library(budget=1 << 30)
    model = run(models.load("pocket", "float32", "cpu"))
    made.put("model", model)
    choice = TextChoice(TEXT, "", samples=6, length=32)
    samples, held = work.samples_of(model, choice)
    key = run(work.collect_job(made, model, samples, held, Event()))
    made.first = Session(source="pocket", model="model", text=choice, statistics=key, held_out=HeldOutKey(key),
                         settings=Settings(order="dense"))
    made.ready.set()
    return made


def expected(visit: Visit, settings: Settings, name: str) -> np.ndarray[Any, Any]:
    stored = parameters(visit.model().network, visit.model().layout)[name]
    return reference(stored, visit.statistics().input_norm(name), settings)


@pytest.mark.parametrize("settings", [Settings("toy", order="dense"), SETTINGS, replace(SETTINGS, sparsity=0.3)])
def test_its_masks_are_those_of_a_plain_loop(visit: Visit, settings: Settings) -> None:
    masks = run(dense_masks(visit.model(), visit.statistics(), settings)).masks
    name = visit.model().layout.matrices[0].name
    np.testing.assert_array_equal(masks[name].numpy(), expected(visit, settings, name))


@pytest.mark.parametrize(("name", "value", "key"), [
    ("power", 9.0, "knob_outside"), ("power", "2", "knob_outside"), ("weighing", "chance", "knob_outside"),
    ("depth", 1.0, "knob_unknown")])
def test_a_value_that_a_knob_does_not_take_is_a_sentence(name: str, value: object, key: str) -> None:
    with pytest.raises(SettingError) as refused:
        Settings("toy").with_knobs(**{name: value}).check()
    assert refused.value.key == key and name in str(refused.value)


def around(component: Any) -> Any:
    """The column that hides and shows it."""
    place = component.parent
    while not isinstance(place, gr.Column):
        place = place.parent
    return place


def test_its_knobs_are_controls_of_the_form_and_shown_for_it_alone(library: Library, visit: Visit, say: Any) -> None:
    tab = Tab(library, say.language)
    made = {one.elem_id: one for one in tab.page_blocks.blocks.values() if getattr(one, "elem_id", None)}
    slider, radio = made["knob-power"], made["knob-weighing"]
    assert (slider.minimum, slider.maximum, slider.step, slider.value, slider.label) == (0.25, 4, 0.25, 1, "Power")
    assert radio.choices == [("the inputs", "inputs"), ("nothing", "nothing")] and radio.label == "Weighed by"
    assert ("toy", "toy") in made["method"].choices
    for method, shown in (("toy", True), ("gblm", False)):
        told = tab.call("on_control", visit, 0, *form_of(replace(SETTINGS, method=method, own=())).values)
        assert [told[tab._name(around(one))]["visible"] for one in (slider, radio)] == [shown, shown]


def test_the_preview_changes_with_each_knob(library: Library, visit: Visit) -> None:
    tab, seen = Tab(library), set()
    for settings in (Settings("toy", order="dense"), SETTINGS, SETTINGS.with_knobs(weighing="inputs")):
        told = tab.call("on_control", visit, 0, *form_of(settings).values)
        assert visit.session.settings == settings
        masks, _ = preview.masks_and_preview(visit, settings)
        name = preview.selected_matrix(visit).name
        np.testing.assert_array_equal(masks.masks[name].numpy(), expected(visit, settings, name))
        seen.add(masks.masks[name].numpy().tobytes())
        assert told["sparsity-reached"]
    assert len(seen) == 3


def test_the_picture_follows_the_knobs_while_they_move(visit: Visit) -> None:
    matrix = visit.model().layout.matrices[2]
    start = Settings("toy", order="dense")
    view = MaskProvider.of(visit, start, start.alpha, matrix, 0, Field("mask", "Mask", "mask"))
    for power, weighing in ((0.5, "inputs"), (2.0, "nothing"), (0.25, "nothing")):
        moved = view.live({"method": "toy", OWN + "power": power, OWN + "weighing": weighing})
        wanted = start.with_knobs(power=power, weighing=weighing)
        np.testing.assert_array_equal(moved.array("mask"), expected(visit, wanted, matrix.name))


def test_one_weight_is_explained_by_its_score_and_not_by_terms_that_it_does_not_have(visit: Visit, say: Any) -> None:
    visit.update(settings=SETTINGS)
    name = visit.model().layout.matrices[0].name
    masks, _ = preview.masks_and_preview(visit, SETTINGS)
    found = weight.weight.explain(visit.model(), visit.statistics(), SETTINGS, masks, name, 3, 5)
    assert np.isnan(found.activation_part) and np.isnan(found.gradient_part)
    assert found.removed == expected(visit, SETTINGS, name)[3, 5]
    assert say("weight.score.magnitude", value="").strip() in weight.score_bar(say, found, SETTINGS)


def test_the_address_carries_its_knobs_there_and_back(visit: Visit) -> None:
    layout = visit.model().layout
    link = address.query(replace(visit.session, settings=SETTINGS), layout)
    assert parse_qs(link)["power"] == ["0.5"] and parse_qs(link)["weighing"] == ["nothing"]
    opened, lost = address.apply_link(visit.session, layout, address.read_link(link))
    assert (opened.settings, lost) == (SETTINGS, ())
    for wrong in ("power=9", "power=two", "weighing=chance", "method=wanda&power=2"):
        opened, lost = address.apply_link(visit.session, layout,
                                          address.read_link(f"method=toy&{wrong}"[-40:] if "wanda" not in
                                                                                   wrong else wrong))
        assert lost == (wrong.split("&")[-1].split("=")[0],) and opened.settings.own == ()


def test_the_sweep_and_the_comparison_keep_its_knobs_and_give_them_to_no_other_method(visit: Visit) -> None:
    planned = sweep.plan(SETTINGS, ["wanda", "toy"], ["dense"], 50)
    own = {one.method: one.own for one in planned if one != sweep.DENSE}
    assert own == {"wanda": (), "toy": SETTINGS.own}
    assert look_of("toy") == look_of("toy") and look_of("toy") not in map(look_of, ("gblm", "wanda", "magnitude"))


def test_the_tag_names_its_knobs(say: Any) -> None:
    told = " ".join(settings_words(say, SETTINGS))
    assert "Power 0.5" in told and "Weighed by nothing" in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_has_a_line_for_each_knob(library: Library, visit: Visit, language: str) -> None:
    applied = run(work.apply_job(library, visit.session, visit.model(), visit.statistics(), SETTINGS))
    visit.update(settings=SETTINGS, applied=applied, applied_number=1)
    gathered = run(this_run.gather(this_run.source_of(visit, language), work.pruned_model(visit), False))
    assert gathered.settings["power"] == 0.5 and gathered.settings["weighing"] == "nothing"
    text = report_file.html(gathered, words(language)).decode()
    assert "Power" in text and "Weighed by" in text


def test_mask_files_and_the_command_line_know_them(visit: Visit, tmp_path: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    save_masks(run(dense_masks(visit.model(), visit.statistics(), SETTINGS)), tmp_path / "masks.safetensors")
    found = read_mask_settings(tmp_path / "masks.safetensors")
    assert found is not None and (found["power"], found["weighing"]) == (0.5, "nothing")
    save_tiny(tmp_path / "tiny", "llama")
    (tmp_path / "text.txt").write_text(TEXT)
    tiny, sums = str(tmp_path / "tiny"), str(tmp_path / "sums")
    assert main(["collect", "--model", tiny, "--text", str(tmp_path / "text.txt"), "--out", sums, "--samples", "3",
                 "--length", "16"]) == 0
    shares = []
    for power in ("1", "4"):
        capsys.readouterr()
        assert main(["prune", "--model", tiny, "--statistics", sums, "--method", "toy", "--sparsity", "0.5", "--power",
                     power, "--weighing", "inputs", "--order", "dense", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["power"], told["weighing"]) == (float(power), "inputs")
        shares.append(told["agreement_wanda"])
    assert shares[0] == 1.0 and shares[1] < 1.0  # with power 1 it is Wanda's score
    assert main(["prune", "--model", tiny, "--statistics", sums, "--method", "toy", "--sparsity", "0.5", "--power",
                 "9"]) == 2
    assert "0.25 … 4" in capsys.readouterr().err


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_of_a_saved_copy_has_a_line_for_each_knob(visit: Visit, tmp_path: Path, language: str) -> None:
    masks = run(dense_masks(visit.model(), visit.statistics(), SETTINGS))
    run(export.save(pruned(visit.model(), masks), masks, tmp_path / "out", language=language))
    told = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| Power | `0.5` |" in told and "| Weighed by | `nothing` |" in told


def test_the_table_of_methods_has_a_line_of_it() -> None:
    assert "power: 0.25 … 4; weighing: inputs, nothing" in methods_table()
