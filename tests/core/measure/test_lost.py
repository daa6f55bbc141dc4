"""Token by token: the losses are perplexity's own, and what is said of each token is what the logits say.

Knows nothing of pruning: any two models with one tokenizer will do.
"""

from __future__ import annotations

import math

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.measure.evaluate import perplexity, text_windows
from gblm_viz.core.measure.lost import TokenLoss, predict_tokens, token_losses
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from tests.core.automaton import automaton, byte_tokenizer, writes
from tests.families import FAMILIES, tiny_tokenizer

TEXT = "The river carries sand to the sea, and the sea carries it back to the shore. " * 4


@pytest.fixture(scope="module")
def pair() -> tuple[Model, Model]:
    """The same network twice, the second one's head disturbed."""
    first, second = FAMILIES["llama"](), FAMILIES["llama"]()
    head = second.get_output_embeddings().weight
    with torch.no_grad():
        head += torch.randn(head.shape, generator=torch.Generator().manual_seed(1))
    return models.wrap(first, tiny_tokenizer(), "first"), models.wrap(second, tiny_tokenizer(), "second")


def test_the_mean_of_the_token_losses_is_the_windows_loss(pair: tuple[Model, Model]) -> None:
    windows = text_windows(pair[0], TEXT, "river", 24)
    losses = [run(perplexity(model, windows)).losses for model in pair]
    assert windows.count > 2
    for index in range(windows.count):
        start, *tokens = token_losses(*pair, windows, index)
        assert (start.first, start.second, start.difference) == (None, None, 0.0)
        assert len(tokens) == windows.length - 1
        for side, name in enumerate(("first", "second")):
            mean = math.fsum(getattr(token, name).loss for token in tokens) / len(tokens)
            assert mean == pytest.approx(losses[side][index], rel=1e-5)
        mean = math.fsum(token.difference for token in tokens) / len(tokens)
        assert mean == pytest.approx(losses[1][index] - losses[0][index], abs=1e-5)


def test_a_token_is_foretold_as_its_logits_say(pair: tuple[Model, Model]) -> None:
    windows = text_windows(pair[0], TEXT, "river", 12)
    tokens = windows.sample(1)
    found = predict_tokens(pair[0], tokens)
    for position, one in enumerate(found):
        with torch.no_grad():  # the text up to here alone, one model call a token
            logits = pair[0].network(tokens[None, : position + 1]).logits[0, -1].double()
        chances = torch.softmax(logits, -1)
        came = int(tokens[position + 1])
        order = chances.argsort(descending=True).tolist()
        assert one.loss == pytest.approx(-math.log(chances[came]), rel=1e-4)
        assert one.rank == order.index(came) + 1
        assert one.best == pair[0].tokenizer.decode([order[0]])
        assert one.best_probability == pytest.approx(float(chances[order[0]]), rel=1e-4)


def test_the_tokens_read_as_the_window_does_and_a_whole_character_stands_where_it_is_complete() -> None:
    tokenizer = byte_tokenizer()
    model = automaton(tokenizer, writes(tokenizer, "abc"))
    found = token_losses(model, model, text_windows(model, "abcé", "short", 64), 0)
    assert [token.text for token in found] == ["a", "b", "c", "", "é"]
    assert all(token.difference == 0 for token in found)
    known = [token.first for token in found[1:3]]
    assert [one.rank for one in known if one] == [1, 1]
    assert [one.best for one in known if one] == ["b", "c"]


def test_a_difference_is_the_seconds_loss_less_the_firsts(pair: tuple[Model, Model]) -> None:
    windows = text_windows(pair[0], TEXT, "river", 24)
    one, other = token_losses(*pair, windows, 0), token_losses(*pair[::-1], windows, 0)
    assert [token.difference for token in one] == pytest.approx([-token.difference for token in other])
    assert any(abs(token.difference) > 0.01 for token in one)
    assert isinstance(one[1], TokenLoss) and one[1].first == other[1].second
