"""Answers of one model that share their passes are the answers that it gives without company."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk import generate, together
from gblm_viz.core.talk.generate import Sampling, Token, fit_prompt, stream
from gblm_viz.core.talk.together import NEAR, Company, company_of, next_alone
from tests.families import FAMILIES, tiny_tokenizer

PROMPTS = ("The river carries sand.", "A", "In the morning the baker counts the loaves", "Why?")
GREEDY = Sampling(most=10)
ALONE = {
    "mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "phimoe", "granitemoe", "deepseek_v3", "gpt_oss",  # routers
    "mistral", "gemma2", "gemma3", "phi3", "starcoder2", "olmo3", "cohere2", "exaone4",  # a window that slides
    "lfm2", "qwen3_next"}  # layers that keep a state
"""The families whose answers go one by one, because of such layers."""


@pytest.fixture(scope="module")
def pocket() -> Model:
    return run(models.load("pocket", device="cpu"))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, all answers meet."""
    monkeypatch.setattr(together, "PATIENCE", 2.0)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of answers in each shared pass."""
    share, sizes = together._share, []
    monkeypatch.setattr(together, "_share", lambda batch: sizes.append(len(batch)) or share(batch))
    return sizes


def said(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def written(model: Model, prompt: str, sampling: Sampling) -> list[Token]:
    torch.set_num_threads(1)
    return list(stream(model, said(prompt), sampling))


def meeting(model: Model, sampling: Sampling, prompts: tuple[str, ...] = PROMPTS) -> list[list[Token]]:
    """The answers, written at the same time."""
    with ThreadPoolExecutor(len(prompts)) as pool:
        return list(pool.map(lambda prompt: written(model, prompt, sampling), prompts))


def ids(answers: list[list[Token]]) -> list[list[int]]:
    return [[one.token for one in answer] for answer in answers]


def endless(model: Model) -> Model:
    model.network.generation_config.eos_token_id = None
    model.tokenizer.eos_token = None
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_in_company_as_alone(family: str, shared: list[int]) -> None:
    torch.manual_seed(0)
    model = endless(models.wrap(FAMILIES[family](), tiny_tokenizer(), family))
    alone = [written(model, prompt, GREEDY) for prompt in PROMPTS]
    assert shared == []
    for sampling, expected in ((GREEDY, alone), (Sampling(3, 0.8, most=10), None)):
        expected = expected or [written(model, prompt, sampling) for prompt in PROMPTS]
        found = meeting(model, sampling)
        assert ids(found) == ids(expected)
        for one, other in zip(found, expected, strict=True):
            for first, second in zip(one, other, strict=True):
                assert first.text == second.text
                assert first.probability == pytest.approx(second.probability, rel=1e-3)
    assert bool(shared) == (company_of(model).shares is True) == (family not in ALONE)


@pytest.fixture(scope="module")
def llama() -> Model:
    torch.manual_seed(0)
    return endless(models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny"))


def test_the_logits_of_a_shared_pass_are_those_alone_up_to_the_last_digits(llama: Model) -> None:
    requests, alone = [], []
    for prompt in PROMPTS:
        tokens = fit_prompt(llama, said(prompt), GREEDY).tokens
        given = torch.tensor([[5]])
        requests.append(together._Request(llama, given, next_alone(llama, torch.tensor([tokens]), None)[1]))
        alone.append(next_alone(llama, torch.tensor([[*tokens, 5]]), None)[0])
    kept = [[layer.keys.clone() for layer in one.cache.layers] for one in requests]
    for _ in range(3):  # put together, then the pass goes on as it is
        before = [one.cache for one in requests]
        with torch.no_grad():
            together._share(requests)
        for one in requests:
            assert one.best is not None and one.logits is not None
            assert one.best.tokens[0] == int(one.logits.argmax()) and one.best.logits[0] == float(one.logits.max())
            assert one.best.probabilities == pytest.approx(torch.softmax(one.logits, -1)[one.best.tokens].tolist())
        if alone:
            for one, expected, held, cache in zip(requests, alone, kept, before, strict=True):
                assert (one.logits - expected).abs().max() <= 1e-5 * expected.abs().max()
                assert all(torch.equal(layer.keys, keys) for layer, keys in zip(cache.layers, held, strict=True))
            alone = []
    lengths = [len(fit_prompt(llama, said(prompt), GREEDY).tokens) for prompt in PROMPTS]
    assert [one.length for one in requests] == [length + 3 for length in lengths]
    for one in requests:  # a seat's own cache is what the answer alone would have
        tokens = fit_prompt(llama, said(PROMPTS[requests.index(one)]), GREEDY).tokens
        _, cache = next_alone(llama, torch.tensor([[*tokens, 5, 5, 5]]), None)
        for layer, own in zip(cache.layers, one.own_cache.layers, strict=True):
            assert torch.allclose(layer.keys, own.keys, atol=1e-5)


def test_who_leaves_and_who_comes_later_change_nobodys_answer(pocket: Model, shared: list[int]) -> None:
    many = (*(f"What is {number} plus {number + 3}?" for number in range(7)), "Tell me a story.", "Who are you?")
    alone = [written(pocket, prompt, Sampling(most=24)) for prompt in many]
    assert len({len(one) for one in alone}) > 1
    assert ids(meeting(pocket, Sampling(most=24), many)) == ids(alone)
    assert max(shared) > 3 and len(set(shared)) > 2


def test_a_token_that_is_decided_by_little_is_computed_again_alone(
        llama: Model, shared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [written(llama, prompt, GREEDY) for prompt in PROMPTS]
    monkeypatch.setattr(generate, "NEAR", 10.0)
    again, made = generate._again_alone, []
    monkeypatch.setattr(generate, "_again_alone", lambda *given: made.append(1) or again(*given))
    assert meeting(llama, GREEDY) == alone, "bit for bit, with every probability"
    assert len(made) == sum(shared) > 0


def test_how_near_is_near() -> None:
    best = together.Best([3, 1], [2.0, 2.0 - 3 * NEAR], [0.5, 0.4], 2.0)
    assert generate._is_near(torch.zeros(4), best, GREEDY, 0)
    best = together.Best([3, 1], [2.0, 2.0 - 5 * NEAR], [0.5, 0.4], 2.0)
    assert not generate._is_near(torch.zeros(4), best, GREEDY, 0)


def test_with_top_p_every_answer_goes_alone(llama: Model, shared: list[int]) -> None:
    sampling = Sampling(1, 1.0, 0.9, 10)
    alone = [written(llama, prompt, sampling) for prompt in PROMPTS]
    assert meeting(llama, sampling) == alone and shared == []


def test_a_pass_that_fails_ends_no_answer(llama: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.with_weights(llama, {})
    alone = [written(model, prompt, GREEDY) for prompt in PROMPTS]

    def failing(batch: list[Any]) -> None:
        raise MemoryError

    monkeypatch.setattr(together, "_share", failing)
    assert meeting(model, GREEDY) == alone
    assert company_of(model).shares is False


@pytest.mark.parametrize("when", [0, 3])
def test_a_pass_that_fails_half_way_leaves_every_answer_as_it_was(llama: Model, when: int) -> None:
    """Its first layers have taken in the new token by then."""
    model = models.with_weights(llama, {})
    alone = [written(model, prompt, GREEDY) for prompt in PROMPTS]
    company_of(model).shares, passes = True, []
    last = model.network.get_submodule(model.layout.blocks[-1])

    def failing(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if args[0].shape[0] > 1:
            passes.append(args[0].shape[0])
            if len(passes) > when:
                raise MemoryError

    last.register_forward_pre_hook(failing)
    assert ids(meeting(model, GREEDY)) == ids(alone)
    assert len(passes) == when + 1 and company_of(model).shares is False


def test_an_answer_that_fails_alone_fails_alone(llama: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.with_weights(llama, {})
    company_of(model).shares = False
    compute = together._alone

    def failing(model: Model, given: torch.Tensor, cache: Any) -> Any:
        if cache is not None and cache.get_seq_length() > 30:
            raise MemoryError("too long")
        return compute(model, given, cache)

    monkeypatch.setattr(together, "_alone", failing)
    with pytest.raises(MemoryError):
        written(model, PROMPTS[2], Sampling(most=30))
    with ThreadPoolExecutor(2) as pool:
        long, short = (pool.submit(written, model, prompt, Sampling(most=24)) for prompt in (PROMPTS[2], PROMPTS[1]))
        with pytest.raises(MemoryError):
            long.result()
        assert len(short.result()) == 24


def test_no_more_share_a_pass_than_the_memory_allows(
        llama: Model, shared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [written(llama, prompt, GREEDY) for prompt in PROMPTS]
    tokens = fit_prompt(llama, said(PROMPTS[2]), GREEDY).tokens
    _, cache = next_alone(llama, torch.tensor([tokens]), None)
    whole = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    monkeypatch.setattr(together, "MOST_CACHE", math.ceil(2.6 * whole))
    assert ids(meeting(llama, GREEDY)) == ids(alone)
    assert max(shared) <= 3


def test_nobody_waits_long_for_an_answer_that_is_not_read(llama: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "PATIENCE", 0.01)
    unread = stream(llama, said("A"), Sampling(most=50))
    next(unread)
    assert len(written(llama, PROMPTS[0], GREEDY)) == GREEDY.most
    unread.close()
    assert company_of(llama).present == 0 and company_of(llama).waiting == [] and not company_of(llama).led


def test_a_stopped_answer_leaves_the_others_alone(llama: Model) -> None:
    stop, alone = Event(), written(llama, PROMPTS[0], GREEDY)
    stopped = Thread(target=lambda: list(stream(llama, said("A"), Sampling(most=200), stop)))
    stopped.start()
    found = written(llama, PROMPTS[0], GREEDY)
    stop.set()
    stopped.join(20)
    assert not stopped.is_alive() and ids([found]) == ids([alone])


@pytest.mark.parametrize("kind", ["dynamic", "longrope", {"full_attention": "default", "sliding": "dynamic"}])
def test_positions_that_depend_on_the_longest_answer_are_not_shared(llama: Model, kind: Any) -> None:
    model = models.with_weights(llama, {})
    next(one for one in model.network.modules() if hasattr(one, "rope_type")).rope_type = kind
    assert company_of(model).shares is False


def test_a_models_copy_has_company_of_its_own(llama: Model) -> None:
    assert company_of(llama) is company_of(llama) is not company_of(models.with_weights(llama, {}))
    assert isinstance(company_of(llama), Company)
