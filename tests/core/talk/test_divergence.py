"""Where answers part: what two answers share, and both models' predictions behind the same text. Knows no screen."""

from __future__ import annotations

import random

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk import generate
from gblm_viz.core.talk.divergence import matching, next_tokens
from gblm_viz.core.talk.generate import Sampling, answer, prompt_tokens
from tests.families import FAMILIES, tiny_tokenizer
from tests.reference import next_token_distance


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def pair(request: pytest.FixtureRequest) -> tuple[Model, Model]:
    torch.manual_seed(0)
    first = models.wrap(FAMILIES[request.param](), tiny_tokenizer(), request.param)
    other = models.with_weights(first, {name: parameter.detach() * 1.7
                                        for name, parameter in first.network.named_parameters()})
    return first, other


def test_matching_tokens_are_a_common_subsequence_and_the_same_answer_matches_whole() -> None:
    assert matching((1, 2, 3), (1, 2, 3)) == ((True,) * 3, (True,) * 3)
    assert matching((1, 2, 3, 4), (1, 9, 3, 4)) == ((True, False, True, True), (True, False, True, True))
    assert matching((), (5,)) == ((), (False,))
    draw = random.Random(3)
    for _ in range(200):
        first, second = (tuple(draw.randrange(4) for _ in range(draw.randrange(30))) for _ in range(2))
        left, right = matching(first, second)
        assert [one for one, same in zip(first, left, strict=True) if same] == [
            one for one, same in zip(second, right, strict=True) if same]


def test_a_word_that_comes_often_is_compared_like_any_other() -> None:
    # difflib's own rule drops what makes up more than 1 % of 200 items or more
    tokens = tuple([7, 8] * 150)
    assert all(matching(tokens, tokens)[0])


def test_every_place_equals_one_pass_up_to_it_and_kl_and_js_equal_plain_loops(pair: tuple[Model, Model]) -> None:
    prompt, written = [3, 14, 15, 9], [26, 5, 35, 8, 9]
    found_all = run(next_tokens(pair, prompt, written))
    places = found_all.places
    assert found_all.vocabulary == pair[0].network.config.vocab_size
    assert len(places) == len(written) + 1
    for place, found in enumerate(places):
        context = torch.tensor([prompt + written[:place]])
        with torch.no_grad():
            logits = [model.network(context, use_cache=False).logits[0, -1].double() for model in pair]
        kl, js = next_token_distance(*(one.tolist() for one in logits))
        assert (found[0].kl, found[0].js) == (0.0, 0.0)
        assert found[1].kl == pytest.approx(kl, rel=1e-4, abs=1e-9)
        assert found[1].js == pytest.approx(js, rel=1e-4, abs=1e-9)
        for one, seen in zip(logits, found, strict=True):
            chances = one.softmax(-1)
            assert [each.token for each in seen.top] == chances.argsort(descending=True)[: generate.TOP].tolist()
            assert [each.probability for each in seen.top] == pytest.approx(
                chances.sort(descending=True).values[: generate.TOP].tolist(), rel=1e-4)
            if place < len(written):
                assert seen.written is not None
                assert seen.written.probability == pytest.approx(float(chances[written[place]]), rel=1e-4)
                assert seen.rank == 1 + int((chances > chances[written[place]]).sum())
            else:
                assert (seen.written, seen.rank) == (None, 0)


def test_the_kl_between_a_model_and_its_copy_is_zero(pair: tuple[Model, Model]) -> None:
    places = run(next_tokens([pair[0], models.with_weights(pair[0], {})], [3, 4], [5, 6])).places
    assert all(found[1].kl < 1e-9 and found[1].js < 1e-9 for found in places)


def test_one_pass_finds_the_probabilities_the_answer_was_written_with(pair: tuple[Model, Model]) -> None:
    messages = [{"role": "user", "content": "The river"}]
    said = answer(pair[0], messages, Sampling(4, 1.0, most=12)).tokens
    prompt = prompt_tokens(pair[0], messages).tokens
    places = run(next_tokens(pair, prompt, [token.token for token in said])).places
    for token, found in zip(said, places, strict=False):
        assert found[0].written is not None
        assert found[0].written.probability == pytest.approx(token.probability, rel=1e-3)
