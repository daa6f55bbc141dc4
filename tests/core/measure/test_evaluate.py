"""Perplexity, intervals and probes against tables, hand-worked numbers, the reference and real greedy answers.

Knows nothing of pruning.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import torch

from gblm_viz.core.base import intervals
from gblm_viz.core.base.errors import TextError
from gblm_viz.core.base.intervals import Interval, Share, paired_difference, wilson_interval
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.measure import evaluate
from gblm_viz.core.measure.evaluate import (
    Probe,
    ProbeResult,
    Verdict,
    ask_probes,
    chance,
    choose_answers,
    perplexity,
    text_windows,
)
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk.generate import answer, prompt_tokens
from gblm_viz.core.text.tokens import end_token
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
    assert intervals.student_quantile(0.975, degrees) == pytest.approx(expected, abs=2e-6)


def test_students_quantile_at_other_levels() -> None:
    assert intervals.student_quantile(0.95, 5) == pytest.approx(2.015048, abs=2e-6)
    assert intervals.student_quantile(0.995, 3) == pytest.approx(5.840909, abs=2e-6)


@pytest.mark.parametrize("right", [0, 1, 5, 9, 10])
def test_wilsons_interval_is_the_references(right: int) -> None:
    found, expected = wilson_interval(right, 10), reference.wilson(right, 10)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)
    assert 0 <= found.low <= right / 10 <= found.high <= 1


def test_wilsons_interval_worked_by_hand_and_of_nothing() -> None:
    found = Share(8, 10).interval
    assert (found.low, found.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert Share(8, 10).value == 0.8
    assert Share(0, 0).interval == Interval(0.0, 1.0)
    assert math.isnan(Share(0, 0).value)


def test_paired_differences_worked_by_hand() -> None:
    found = paired_difference((1.0, 2.0, 3.0), (1.5, 2.0, 4.0))
    # differences 0.5, 0, 1: mean 0.5, deviation 0.5, t(2) = 4.302653: half width 4.302653 · 0.5 / sqrt(3)
    assert (found.mean, found.count) == (0.5, 3)
    assert found.interval.high - 0.5 == pytest.approx(4.302653 * 0.5 / math.sqrt(3), abs=1e-5)
    assert found.interval.low + found.interval.high == pytest.approx(1.0)
    assert not found.shown


def test_a_difference_is_shown_only_where_its_interval_leaves_out_zero() -> None:
    losses = (1.0, 2.0, 3.0, 4.0)
    assert paired_difference(losses, tuple(loss + 0.1 + 0.001 * loss for loss in losses)).shown
    assert not paired_difference(losses, losses).shown
    assert paired_difference(losses, losses).interval == Interval(0.0, 0.0)
    one = paired_difference((1.0,), (9.0,))
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
    assert (found.windows, found.length) == (len(tokens) // length, length)
    done = [step.done for step in steps]
    assert done[0] == 0 and done == sorted(set(done)) and {step.total for step in steps} == {found.windows}
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
    (tmp_path / "two.jsonl").write_text(json.dumps(lines[0] | {"choices": ["a", "b"]}), encoding="utf-8")
    assert evaluate.read_probes(tmp_path) == (Probe("s", "ja", "p", "a"), Probe("t", "en", "q", "", ("x", "y")),
                                              Probe("s", "ja", "p", "a", (), ("a", "b")))
    assert evaluate.read_probes(tmp_path / "absent") == ()


def alone(model: Model, prompt: str, said: str) -> Verdict:
    """One answer by itself, a token at a time without a cache: greedy at every step, and the sum of logarithms."""
    tokens = list(prompt_tokens(model, [{"role": "user", "content": prompt}]).tokens)
    end = model.network.generation_config.eos_token_id
    wanted = [*model.tokenizer(said, add_special_tokens=False)["input_ids"], end]
    right, logarithm = True, 0.0
    for token in wanted:
        with torch.no_grad():
            logits = model.network(torch.tensor([tokens])).logits[0, -1].double()
        right = right and int(logits.argmax()) == token
        logarithm += float(torch.log_softmax(logits, -1)[token])
        tokens.append(token)
    return Verdict(Probe("", "", prompt, said), right, logarithm, len(wanted))


@pytest.fixture(scope="module")
def talker() -> Model:
    """A random network that looks back over the whole prompt and often ends its turn: its end is a token it likes."""
    model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "talker")
    seen: Counter[int] = Counter()
    for prompt in PROMPTS:
        found = answer(model, [{"role": "user", "content": prompt}], most=6)
        seen.update({token.token for token in found.tokens[1:]})
    model.network.generation_config.eos_token_id = seen.most_common(1)[0][0]
    return model


PROMPTS = [TEXT[start : start + 1 + (start * 7) % 31].strip() or "sea" for start in range(90)]


@pytest.fixture(scope="module")
def many(talker: Model) -> tuple[Probe, ...]:
    """Probes of every length in no order: what the network itself says, and other answers."""
    probes = []
    for prompt in PROMPTS:
        found = answer(talker, [{"role": "user", "content": prompt}], most=6)
        skill = f"of {len(prompt) % 3}"
        probes += [
            Probe(skill, "en", prompt, found.text, choices=(found.text, "the shore", found.text + "s", "sea")),
            Probe(skill, "en", prompt, TEXT[: len(prompt) % 13], choices=("a", "b", "sand and sea")),
        ]
    return tuple(Random(1).sample(probes, len(probes)))


def test_probes_in_passes_are_judged_as_each_one_alone(talker: Model, many: tuple[Probe, ...]) -> None:
    assert len(many) > 3 * evaluate.AT_ONCE
    found = run(ask_probes(talker, many)).verdicts
    expected = [alone(talker, probe.prompt, probe.answer) for probe in many]
    assert [verdict.right for verdict in found] == [verdict.right for verdict in expected]
    assert [verdict.tokens for verdict in found] == [verdict.tokens for verdict in expected]
    for verdict, other in zip(found, expected, strict=True):
        assert verdict.log_probability == pytest.approx(other.log_probability, abs=1e-4)
    assert 10 < sum(verdict.right for verdict in found) < len(many) - 10
    assert len({len(probe.prompt) + len(probe.answer) for probe in many}) > 20  # so that passes are filled up


def test_verdicts_keep_the_order_of_the_probes(talker: Model, many: tuple[Probe, ...]) -> None:
    assert tuple(verdict.probe for verdict in run(ask_probes(talker, many)).verdicts) == many
    assert tuple(verdict.probe for verdict in run(choose_answers(talker, many)).verdicts) == many
    backwards = run(ask_probes(talker, many[::-1])).verdicts[::-1]
    assert [verdict.right for verdict in backwards] == [v.right for v in run(ask_probes(talker, many)).verdicts]


def test_stories_among_the_probes_keep_their_place_and_the_steps_count_up(
    talker: Model, many: tuple[Probe, ...]
) -> None:
    told = tuple(Probe("story", "en", prompt, contains=(word,)) for prompt, word in zip(
        PROMPTS, ("e", "zebra", "a", "quince"), strict=False))
    probes = (told[0], *many[:50], told[1], told[2], *many[50:70], told[3])
    steps: list[Step] = []
    found = run(ask_probes(talker, probes), steps.append).verdicts
    assert tuple(verdict.probe for verdict in found) == probes
    exact = run(ask_probes(talker, tuple(probe for probe in probes if not probe.contains))).verdicts
    assert [verdict.right for verdict in found if not verdict.probe.contains] == [verdict.right for verdict in exact]
    assert [verdict.tokens for verdict in found if verdict.probe.contains] == [0] * 4
    done = [step.done for step in steps]
    assert {step.total for step in steps} == {len(probes)}
    assert done[0] == 0 and len(done) > 6
    assert done == sorted(set(done)) and done[-1] < len(probes)


def test_choosing_is_comparing_the_likelihoods_of_all_choices(talker: Model, many: tuple[Probe, ...]) -> None:
    some = many[:24]
    found = run(choose_answers(talker, (*some, Probe("none", "en", "sea", "sand")))).verdicts
    assert len(found) == len(some)  # a probe without choices is not asked
    for verdict, probe in zip(found, some, strict=True):
        first, *others = (alone(talker, probe.prompt, choice) for choice in probe.choices)
        assert verdict.right == all(first.log_probability > other.log_probability for other in others), probe
        assert verdict.log_probability == pytest.approx(first.log_probability, abs=1e-4)
        assert verdict.tokens == first.tokens
    assert 3 < sum(verdict.right for verdict in found) < len(found) - 3


def test_choosing_counts_its_answers_in_steps(talker: Model, many: tuple[Probe, ...]) -> None:
    steps: list[Step] = []
    run(choose_answers(talker, many), steps.append)
    answers = sum(len(probe.choices) for probe in many)
    done = [step.done for step in steps]
    assert done[0] == 0 and done == sorted(set(done)) and max(done) < answers
    assert len(done) >= len({(probe.prompt, one) for probe in many for one in probe.choices}) / evaluate.AT_ONCE
    assert {step.total for step in steps} == {answers}


def test_an_answer_no_likelier_than_another_is_not_chosen() -> None:
    model = automaton(byte_tokenizer(), {})  # every logit is 0
    probes = (Probe("tie", "en", "a", "bc", choices=("bc", "xy")), Probe("short", "en", "a", "b", choices=("b", "xyz")),
              Probe("long", "en", "a", "xyz", choices=("xyz", "b")))
    assert [verdict.right for verdict in run(choose_answers(model, probes)).verdicts] == [False, True, False]


def test_nothing_to_ask_is_nothing_found(talker: Model) -> None:
    for found in (run(ask_probes(talker, ())), run(choose_answers(talker, (Probe("s", "en", "p", "a"),)))):
        assert found.verdicts == () and found.skills == {} and found.perplexities == {}


def test_chance_is_the_mean_of_one_over_the_number_of_choices() -> None:
    def probe(skill: str, count: int) -> Probe:
        return Probe(skill, "en", "p", "0", choices=tuple(map(str, range(count))))

    probes = (probe("a", 2), probe("b", 4), probe("a", 4), probe("none", 0), probe("a", 4))
    assert chance(probes) == {"a": pytest.approx((1 / 2 + 1 / 4 + 1 / 4) / 3), "b": 0.25}
    assert chance(()) == {}


def test_perplexities_by_hand() -> None:
    def verdict(skill: str, logarithm: float, tokens: int) -> Verdict:
        return Verdict(Probe(skill, "en", "p"), True, logarithm, tokens)

    found = ProbeResult((verdict("a", -math.log(8), 2), verdict("b", -3.0, 3), verdict("a", -math.log(2), 1),
                         verdict("c", math.nan, 0))).perplexities
    # a: (ln 8 + ln 2) over 3 tokens = ln 16 / 3, so the cube root of 16; b: one nat a token; c was not measured
    assert found == {"a": pytest.approx(16 ** (1 / 3)), "b": pytest.approx(math.e)}


def test_perplexity_of_answers_is_of_their_own_tokens(talker: Model, many: tuple[Probe, ...]) -> None:
    found = run(ask_probes(talker, many))
    assert set(found.perplexities) == {"of 0", "of 1", "of 2"}
    mine = [alone(talker, probe.prompt, probe.answer) for probe in many if probe.skill == "of 1"]
    loss = -sum(verdict.log_probability for verdict in mine) / sum(verdict.tokens for verdict in mine)
    assert found.perplexities["of 1"] == pytest.approx(math.exp(loss), rel=1e-4)


def test_a_rank_is_the_place_of_the_worst_token_and_one_is_greedys_own(talker: Model, many: tuple[Probe, ...]) -> None:
    for verdict in run(ask_probes(talker, many[:60])).verdicts:
        prompt = prompt_tokens(talker, [{"role": "user", "content": verdict.probe.prompt}]).tokens
        said = [*talker.tokenizer(verdict.probe.answer, add_special_tokens=False)["input_ids"],
                end_token(talker)]
        assert verdict.rank == reference.worst_rank(talker.network, prompt, said)
        assert (verdict.rank == 1) == verdict.right


def test_equal_logits_rank_in_the_order_of_the_tokens_and_what_is_no_number_ranks_first() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, math.nan, 3.0, 0.0]])
    assert evaluate.ranks(logits, torch.tensor([2, 3, 2])).tolist() == [2, 4, 2]
    assert evaluate.ranks(logits, torch.tensor([1, 0, 0])).tolist() == [1, 1, 3]


def test_a_choices_rank_counts_the_choices_that_are_no_less_likely(talker: Model, many: tuple[Probe, ...]) -> None:
    found = run(choose_answers(talker, many[:24])).verdicts
    for verdict in found:
        first, *others = (alone(talker, verdict.probe.prompt, choice) for choice in verdict.probe.choices)
        assert verdict.rank == 1 + sum(one.log_probability >= first.log_probability for one in others)
        assert (verdict.rank == 1) == verdict.right
    assert len({verdict.rank for verdict in found}) > 1


def test_a_question_longer_than_the_model_is_refused_and_not_cut() -> None:
    model = automaton(byte_tokenizer(), {}, longest=16)
    fits = run(ask_probes(model, (Probe("s", "", "a" * 12, "bcd"),)))  # 12 + 3 + the end of the turn
    assert fits.verdicts[0].tokens == 4
    for prompt, said in (("a" * 13, "bcd"), ("a", "b" * 16)):
        with pytest.raises(TextError) as raised:
            run(ask_probes(model, (Probe("s", "", prompt, said),)))
        assert raised.value.key == "probe_too_long" and raised.value.fields["longest"] == 16


def test_paired_shares_have_the_textbooks_interval() -> None:
    # Altman et al., Statistics with Confidence (2000), table 6.2: 14, 5, 0, 22; the difference is 0.011 to 0.226
    found = intervals.PairedShare(both=14, lost=5, gained=0, neither=22)
    assert found.difference == pytest.approx(-5 / 41)
    assert (-found.interval.high, -found.interval.low) == pytest.approx((0.011, 0.226), abs=6e-4)
    assert (found.first, found.second) == (Share(19, 41), Share(14, 41))


@pytest.mark.parametrize("counts", [(36, 12, 2, 0), (0, 0, 0, 5), (40, 0, 0, 0), (0, 30, 0, 0), (5, 5, 5, 5),
                                    (3, 1, 0, 9), (600, 90, 20, 100), (1, 20, 20, 1)])
def test_paired_shares_intervals_are_the_references(counts: tuple[int, int, int, int]) -> None:
    found, expected = intervals.PairedShare(*counts), reference.newcombe(*counts)
    assert (found.interval.low, found.interval.high) == pytest.approx(expected, abs=1e-12)
    assert found.interval.low <= found.difference <= found.interval.high
    swapped = intervals.PairedShare(counts[0], counts[2], counts[1], counts[3]).interval
    assert (swapped.low, swapped.high) == pytest.approx((-found.interval.high, -found.interval.low))


def test_too_few_answers_show_no_difference_however_they_fall() -> None:
    assert [intervals.PairedShare(0, lost, 0, 0).shown for lost in range(8)] == [False] * 6 + [True] * 2
    assert not intervals.PairedShare(0, 0, 0, 0).shown and math.isnan(intervals.PairedShare(0, 0, 0, 0).difference)
    assert not intervals.PairedShare(40, 0, 0, 0).shown
    assert intervals.PairedShare(30, 10, 0, 0).shown


@pytest.mark.parametrize(("lost", "gained", "expected"), [
    (0, 0, 1.0), (1, 0, 1.0), (5, 0, 2 / 32), (6, 0, 2 / 64), (0, 6, 2 / 64), (6, 1, 2 * (1 + 7) / 128), (4, 4, 1.0),
    (9, 3, 2 * (1 + 12 + 66 + 220) / 4096)])
def test_the_coin_is_mcnemars_exact_test(lost: int, gained: int, expected: float) -> None:
    assert intervals.PairedShare(10, lost, gained, 5).by_chance == pytest.approx(expected)


def test_answers_are_paired_question_by_question() -> None:
    before, after = [True, True, False, False, True], [True, False, True, False, False]
    assert intervals.paired_share(before, after) == intervals.PairedShare(both=1, lost=2, gained=1, neither=1)
    with pytest.raises(ValueError):
        intervals.paired_share([True], [])


def test_the_paired_share_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    random = Random(3)
    chances = (0.5, 0.3, 0.1, 0.1)  # both, lost, gained, neither: true difference −0.2
    covered = 0
    for _ in range(2000):
        drawn = Counter(random.choices(range(4), chances, k=40))
        covered += intervals.PairedShare(*(drawn[kind] for kind in range(4))).interval.covers(-0.2)
    assert 0.93 < covered / 2000 < 0.98


def test_a_gap_worked_by_hand_has_welchs_interval() -> None:
    found = intervals.welch_difference((1.0, 2.0, 3.0), (4.0, 6.0, 8.0, 10.0))
    # variances 1 and 20/3 over 3 and 4 windows: error² = 1/3 + 5/3 = 2; ν = 4 / ((1/9)/2 + (25/9)/3) = 4.0754717
    assert (found.mean, found.count) == (5.0, 3)
    half = found.interval.high - 5.0
    low, high = (intervals.student_quantile(0.975, degrees) * math.sqrt(2) for degrees in (5, 4))
    assert low < half < high
    assert half == pytest.approx(reference.students_quantile(4.0754717) * math.sqrt(2), rel=1e-4)
    assert found.shown


def test_a_gap_of_one_window_has_no_interval_and_of_equal_windows_none_but_its_mean() -> None:
    assert intervals.welch_difference((1.0,), (4.0, 5.0)).interval == Interval(-math.inf, math.inf)
    assert not intervals.welch_difference((1.0,), (4.0, 5.0)).shown
    for endless in ((4.0, math.inf, 8.0), (math.inf, math.inf), (math.nan, 1.0)):
        assert not intervals.welch_difference((1.0, 2.0, 3.0), endless).shown
        assert not intervals.welch_difference(endless, (math.inf, 2.0)).shown
    assert intervals.welch_difference((1.0, 1.0), (3.0, 3.0)).interval == Interval(2.0, 2.0)
