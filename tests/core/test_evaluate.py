"""Perplexity, intervals and probes against tables, hand-worked numbers, the reference and real greedy answers.

Knows nothing of pruning.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from gblm_viz.core import evaluate, models
from gblm_viz.core.errors import TextError
from gblm_viz.core.evaluate import Interval, Probe, Share, ask_probes, paired, perplexity, text_windows, wilson
from gblm_viz.core.generate import answer
from gblm_viz.core.job import Step, run
from gblm_viz.core.models import Model
from tests import reference
from tests.core.automaton import automaton, byte_tokenizer, writes
from tests.families import FAMILIES, tiny_tokenizer

TEXT = "The river carries sand to the sea, and the sea carries it back to the shore. " * 4


@pytest.fixture(scope="module")
def tiny() -> Model:
    return models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")


@pytest.mark.parametrize(("degrees", "expected"), [
    (1, 12.706205), (2, 4.302653), (4, 2.776445), (10, 2.228139), (30, 2.042272), (100, 1.983972), (1000, 1.962339)])
def test_students_quantiles_are_the_tables(degrees: int, expected: float) -> None:
    assert evaluate.student_quantile(0.975, degrees) == pytest.approx(expected, abs=2e-6)


def test_students_quantile_at_other_levels() -> None:
    assert evaluate.student_quantile(0.95, 5) == pytest.approx(2.015048, abs=2e-6)
    assert evaluate.student_quantile(0.995, 3) == pytest.approx(5.840909, abs=2e-6)


@pytest.mark.parametrize("right", [0, 1, 5, 9, 10])
def test_wilsons_interval_is_the_references(right: int) -> None:
    found, expected = wilson(right, 10), reference.wilson(right, 10)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)
    assert 0 <= found.low <= right / 10 <= found.high <= 1


def test_wilsons_interval_worked_by_hand_and_of_nothing() -> None:
    found = Share(8, 10).interval
    assert (found.low, found.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert Share(8, 10).value == 0.8
    assert Share(0, 0).interval == Interval(0.0, 1.0)
    assert math.isnan(Share(0, 0).value)


def test_paired_differences_worked_by_hand() -> None:
    found = paired((1.0, 2.0, 3.0), (1.5, 2.0, 4.0))
    # differences 0.5, 0, 1: mean 0.5, deviation 0.5, t(2) = 4.302653: half width 4.302653 · 0.5 / sqrt(3)
    assert (found.mean, found.count) == (0.5, 3)
    assert found.interval.high - 0.5 == pytest.approx(4.302653 * 0.5 / math.sqrt(3), abs=1e-5)
    assert found.interval.low + found.interval.high == pytest.approx(1.0)
    assert not found.shown


def test_a_difference_is_shown_only_where_its_interval_leaves_out_zero() -> None:
    losses = (1.0, 2.0, 3.0, 4.0)
    assert paired(losses, tuple(loss + 0.1 + 0.001 * loss for loss in losses)).shown
    assert not paired(losses, losses).shown
    assert paired(losses, losses).interval == Interval(0.0, 0.0)
    one = paired((1.0,), (9.0,))
    assert one.interval == Interval(-math.inf, math.inf)
    assert not one.shown


@pytest.mark.parametrize("length", [2, 7, 16, 64])
def test_perplexity_is_the_references(tiny: Model, length: int) -> None:
    tokens = torch.tensor(tiny.tokenizer(TEXT)["input_ids"])
    expected, losses = reference.perplexity(tiny.network, tokens, length)
    steps: list[Step] = []
    found = run(perplexity(tiny, text_windows(tiny, TEXT, "river", length)), steps.append)
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.losses == pytest.approx(losses, rel=1e-5)
    assert (found.windows, found.length) == (len(tokens) // length, length) == (len(steps), length)
    assert (found.dtype, found.text_name) == ("float32", "river")


def test_a_text_shorter_than_a_window_is_one_shorter_window(tiny: Model) -> None:
    tokens = torch.tensor(tiny.tokenizer("The sea.")["input_ids"])
    found = run(perplexity(tiny, text_windows(tiny, "The sea.", "sea", 64)))
    assert (found.windows, found.length) == (1, len(tokens))
    assert found.value == pytest.approx(reference.perplexity(tiny.network, tokens, 64)[0], rel=1e-5)


def test_perplexity_of_a_network_that_knows_nothing_is_its_vocabulary() -> None:
    model = automaton(byte_tokenizer(), {})  # every logit is 0
    found = run(perplexity(model, text_windows(model, TEXT, "river", 32)))
    assert found.value == pytest.approx(len(model.tokenizer), rel=1e-5)


def test_windows_a_model_cannot_take_are_refused(tiny: Model) -> None:
    for length, key in ((65, "length_too_large"), (1, "length_too_small"), (0, "length_too_small")):
        with pytest.raises(TextError) as raised:
            text_windows(tiny, TEXT, "river", length)
        assert raised.value.key == key
    with pytest.raises(TextError) as raised:
        text_windows(automaton(byte_tokenizer(), {}), "a", "a")
    assert raised.value.key == "too_short"


def judged_by_answering(model: Model, probe: Probe) -> bool:
    found = answer(model, [{"role": "user", "content": probe.prompt}], most=64)
    return found.text == probe.answer and found.ended == "end"


def test_an_exact_answer_is_judged_as_greedy_decoding_judges_it() -> None:
    tokenizer = byte_tokenizer()
    model = automaton(tokenizer, writes(tokenizer, "abcd", "xyz"))
    answers = {"bcd": True, "bc": False, "bcde": False, "cd": False, "bxd": False, "": False, "yz": False}
    probes = (*(Probe("letters", "en", "a", wanted) for wanted in answers), Probe("ends", "en", "x", "yz"))
    found = run(ask_probes(model, probes))
    assert [verdict.right for verdict in found.verdicts] == [*answers.values(), True]
    assert [judged_by_answering(model, probe) for probe in probes] == [*answers.values(), True]
    assert found.skills == {"letters": Share(1, len(answers)), "ends": Share(1, 1)}
    assert found.total == Share(2, len(answers) + 1)


def test_an_exact_answers_probability_is_the_product_of_its_tokens() -> None:
    tokenizer = byte_tokenizer()
    model = automaton(tokenizer, writes(tokenizer, "abc"))
    probe = Probe("letters", "en", "a", "bc")
    tokens = answer(model, [{"role": "user", "content": "a"}]).tokens
    with torch.no_grad():
        ids = tokenizer("abc")["input_ids"]
        end = torch.softmax(model.network(torch.tensor([ids])).logits[0, -1], -1)[tokenizer.eos_token_id]
    expected = math.prod(token.probability for token in tokens) * float(end)
    assert run(ask_probes(model, (probe,))).verdicts[0].probability == pytest.approx(expected, rel=1e-5)


def test_the_pocket_models_probes_are_judged_as_its_own_answers_judge_them() -> None:
    model = run(models.load("pocket", device="cpu"))
    shipped = [probe for probe in evaluate.read_probes(models.POCKET / "probes") if not probe.contains][::40]
    assert len(shipped) >= 15
    own = []
    for probe in shipped:  # what it really writes is right, whatever it was trained to write
        found = answer(model, [{"role": "user", "content": probe.prompt}], most=64)
        if found.ended == "end" and tuple(token.token for token in found.tokens) == tuple(
                model.tokenizer(found.text, add_special_tokens=False)["input_ids"]):
            own.append(Probe("own", probe.language, probe.prompt, found.text))
            own.append(Probe("own", probe.language, probe.prompt, found.text + "."))
    assert own
    probes = (*shipped, *own)
    verdicts = run(ask_probes(model, probes)).verdicts
    assert [verdict.right for verdict in verdicts] == [judged_by_answering(model, probe) for probe in probes]
    assert sum(verdict.right for verdict in verdicts) >= len(own) // 2


def test_a_story_is_right_when_it_holds_every_word() -> None:
    tokenizer = byte_tokenizer()
    model = automaton(tokenizer, writes(tokenizer, "a fox!"))
    probes = (Probe("story", "en", "a", contains=("FOX",)), Probe("story", "en", "a", contains=("fox", "hen")))
    verdicts = run(ask_probes(model, probes)).verdicts
    assert [verdict.right for verdict in verdicts] == [True, False]
    assert all(math.isnan(verdict.probability) for verdict in verdicts)


def test_probes_are_read_from_their_files(tmp_path: Path) -> None:
    lines = [{"skill": "s", "language": "ja", "prompt": "p", "answer": "a"},
             {"skill": "t", "language": "en", "prompt": "q", "contains": ["x", "y"]}]
    (tmp_path / "one.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    assert evaluate.read_probes(tmp_path) == (Probe("s", "ja", "p", "a"), Probe("t", "en", "q", "", ("x", "y")))
    assert evaluate.read_probes(tmp_path / "absent") == ()
