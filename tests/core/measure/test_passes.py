"""What goes through a model together is what goes through it alone: losses within tolerance, answers right or wrong."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from gblm_viz.core.base.job import Step, run
from gblm_viz.core.measure import evaluate, passes
from gblm_viz.core.measure.evaluate import Probe, ask_probes, choose_answers, perplexity, questions
from gblm_viz.core.measure.passes import token_bytes, tokens_at_once
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.observe import sample_loss
from gblm_viz.core.talk.generate import answer
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES, TABLE, build, tiny_samples, tiny_tokenizer

RELATIVE = 1e-5
"""core/README.md, Tolerances."""
LENGTHS = (16, 11, 16, 2, 16, 11, 7, 16)
UNLIKE = ("bloom", "falcon", "gemma2", "gpt2", "gpt_oss", "llama", "mixtral", "qwen2_moe")
"""Families with other positions, norms, attention or experts."""

pytestmark = pytest.mark.usefixtures("one_thread")


def cut(lengths: tuple[int, ...] = LENGTHS) -> CalibrationSet:
    tokens = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    for row, sample, length in zip(tokens, tiny_samples(len(lengths), max(lengths)), lengths, strict=True):
        row[:length] = sample[:length]
    return CalibrationSet(tokens, torch.tensor(lengths), "paragraphs", 0, "tiny", "")


@settings(derandomize=True, database=None)
@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 100), st.none() | st.integers(1, 9), st.booleans())
def test_every_row_is_in_one_pass_that_the_budget_and_the_lengths_allow(
    lengths: list[int], tokens: int, most: int | None, padded: bool
) -> None:
    found = passes.split_into_passes(lengths, tokens, most, padded)
    assert sorted(place for part in found for place in part) == list(range(len(lengths)))
    for part in found:
        own = [lengths[place] for place in part]
        assert padded or len(set(own)) == 1
        assert len(part) == 1 or (len(part) * max(own) <= tokens and (most is None or len(part) <= most))
        assert list(part) == sorted(part, key=lambda place: (lengths[place], place))
    for before, after in pairwise(found):  # no pass is begun while the one before has room
        longer = lengths[after[0]]
        assert ((not padded and longer != lengths[before[0]]) or len(before) == most
                or (len(before) + 1) * longer > tokens)


def test_a_wide_vocabulary_makes_passes_small_and_a_window_is_always_one() -> None:
    model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    each = token_bytes(model, 16)
    assert each >= 4 * 128 and tokens_at_once(model, 16) * each <= passes.BUDGET
    network = FAMILIES["llama"]()
    network.resize_token_embeddings(128_256)
    wide = models.wrap(network, None, "wide")
    assert tokens_at_once(wide, 16) * 128_256 * 4 <= passes.BUDGET < 2048 * 128_256 * 4
    assert passes.split_into_passes([2048, 2048], tokens_at_once(wide, 2048)) == ((0,), (1,))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_windows_together_have_the_losses_of_each_alone(family: str) -> None:
    model, windows = models.wrap(FAMILIES[family](), None, family), cut()
    steps: list[Step] = []
    found = run(perplexity(model, windows), steps.append)
    assert [step.done for step in steps] == [0, 1, 2, 4]  # lengths 2, 7, two of 11, four of 16
    with torch.no_grad():
        alone = [float(sample_loss(model.network, windows.sample(index))) for index in range(windows.count)]
    assert found.losses == pytest.approx(alone, rel=RELATIVE)


def test_a_small_budget_gives_one_window_a_pass_and_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    model, windows = models.wrap(FAMILIES["llama"](), None, "llama"), cut()
    together = run(perplexity(model, windows)).losses
    monkeypatch.setattr(passes, "BUDGET", 1)
    steps: list[Step] = []
    assert run(perplexity(model, windows), steps.append).losses == pytest.approx(together, rel=RELATIVE)
    assert [step.done for step in steps] == list(range(windows.count))


def test_stopping_between_two_passes_runs_no_further_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ran = models.wrap(FAMILIES["llama"](), None, "llama"), []
    model.network.register_forward_pre_hook(lambda *_: ran.append(True))
    job = perplexity(model, cut())
    next(job)
    assert ran == []
    next(job)
    job.close()
    assert len(ran) == 1


# Probes

def probes_of(model: Model, seed: int) -> tuple[Probe, ...]:
    """Probes of many lengths: what the network itself writes, the same less its end, and something else."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for place in range(10):
        prompt = "sand and sea, "[: int(torch.randint(1, 14, (), generator=generator))] + "abcdefghij"[place]
        said = answer(model, [{"role": "user", "content": prompt}], most=5).text
        found += [Probe("own", "en", prompt, said, choices=(said, said + "a", said)),
                  Probe("less", "en", prompt, said[:-1], choices=(said[:-1], "sea")),
                  Probe("other", "en", prompt, "the shore"[: place + 1])]
    return tuple(found)


def talker(family: str, seed: int) -> Model:
    """A random network whose end of turn is a token that it writes."""
    model = models.wrap(build(TABLE[family], seed), tiny_tokenizer(), family)
    said = answer(model, [{"role": "user", "content": "sea"}], most=6).tokens
    assume(said)
    model.network.generation_config.eos_token_id = said[-1].token
    return model


def rights(model: Model, probes: tuple[Probe, ...]) -> tuple[list[bool], list[bool]]:
    return ([one.right for one in run(ask_probes(model, probes)).verdicts],
            [one.right for one in run(choose_answers(model, probes)).verdicts])


@pytest.mark.parametrize("family", UNLIKE)
@settings(max_examples=6, derandomize=True, database=None, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_probes_together_are_right_and_wrong_as_each_alone(family: str, seed: int) -> None:
    model = talker(family, seed)
    probes = probes_of(model, seed)
    exact, chosen = rights(model, probes)
    alone = [rights(model, (probe,)) for probe in probes]
    assert exact == [one[0][0] for one in alone]
    assert chosen == [one for _, those in alone for one in those]


class Shaken(torch.nn.Module):
    """A head whose sums come out a little otherwise with several rows than with one, as another kernel's would."""

    def __init__(self, head: torch.nn.Linear) -> None:
        super().__init__()
        self.head = head

    def forward(self, hidden: Tensor) -> Tensor:
        logits = self.head(hidden)
        if len(logits) == 1:
            return logits
        noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(len(logits)))
        return logits * (1 + 1e-6 * noise)


def test_what_a_pass_cannot_decide_is_asked_again_by_itself() -> None:
    model = talker("llama", 1)
    head: Any = model.network.get_output_embeddings()
    with torch.no_grad():  # each token has a twin of the same logit: the first of the two is written
        head.weight[64:] = head.weight[:64]
    probes = probes_of(model, 1)
    exact, _ = rights(model, probes)
    assert 2 < sum(exact) < len(exact) - 2
    model.network.set_output_embeddings(Shaken(head))
    assert rights(model, probes)[0] == exact == [rights(model, (probe,))[0][0] for probe in probes]


def test_questions_prepared_once_serve_a_model_and_its_copies_and_equal_ones_are_asked_once() -> None:
    model = talker("llama", 2)
    probes = probes_of(model, 2)
    known = questions(model, probes, choosing=True)
    assert run(ask_probes(model, known)).verdicts == run(ask_probes(model, probes)).verdicts
    assert run(choose_answers(model, known)).verdicts == run(choose_answers(model, probes)).verdicts
    rows: list[int] = []
    model.network.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    run(ask_probes(model, (probes[2],) * 50))
    assert rows == [1]
    twice = run(choose_answers(model, (probes[0],))).verdicts[0]
    assert not twice.right and twice.rank >= 2  # an equal answer is as likely: neither is chosen


def test_a_model_of_a_wide_vocabulary_gets_fewer_probes_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model = talker("llama", 3)
    probes, rows = probes_of(model, 3), list[int]()
    model.network.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    expected = rights(model, probes)
    most = max(rows)
    monkeypatch.setattr(passes, "BUDGET", 60 * token_bytes(model, 20))
    rows.clear()
    assert rights(model, probes) == expected
    assert max(rows) < most <= evaluate.AT_ONCE
