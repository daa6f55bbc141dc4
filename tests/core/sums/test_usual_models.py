"""What models of usual sizes take: their shapes are those of the real models, and the estimate follows its inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gblm_viz.core.sums import usual_models
from gblm_viz.core.sums.usual_models import GPU, USUAL


@pytest.fixture(scope="module")
def shapes():
    return {name: usual_models.usual_shape(name) for name in ("1B", "7B")}


@pytest.mark.parametrize(("name", "parameters"), [("1B", 1_235_814_400), ("7B", 6_738_415_616)])
def test_a_shape_has_the_parameters_of_the_real_model(shapes, name, parameters):
    assert shapes[name].parameters == parameters


def test_every_size_is_named_by_what_it_has():
    """Counted by hand: embeddings, four attention and three feed-forward matrices and two norms a block, one norm."""
    for name, one in USUAL.items():
        hidden, inner, blocks = one["hidden_size"], one["intermediate_size"], one["num_hidden_layers"]
        width = hidden * one["num_key_value_heads"] // one["num_attention_heads"]
        block = 2 * hidden * hidden + 2 * hidden * width + 3 * hidden * inner + 2 * hidden
        tables = 1 if one.get("tie_word_embeddings") else 2
        total = tables * one["vocab_size"] * hidden + blocks * block + hidden
        assert total / 1e9 == pytest.approx(float(name[:-1]), rel=0.25), name


def test_a_machine_twice_as_fast_takes_half_as_long_and_as_much_memory(shapes):
    slow = usual_models.taken("7B", shapes["7B"], replace(GPU, multiply=1e11, touch=1e10, fill=1e10), 1)
    fast = usual_models.taken("7B", shapes["7B"], replace(GPU, multiply=2e11, touch=2e10, fill=2e10, store=2e9,
                                                          operation=5e-6), 1)
    assert slow.here.seconds == pytest.approx(2 * fast.here.seconds)
    assert slow.here.memory == fast.here.memory
    assert slow.gpu == fast.gpu


def test_block_by_block_needs_less_memory_than_the_weights(shapes):
    found = usual_models.taken("7B", shapes["7B"], GPU, 1)
    assert found.here.memory < shapes["7B"].parameters * shapes["7B"].itemsize
    assert found.here.disk >= shapes["7B"].prunable * 4, "a float32 sum for every prunable weight"
