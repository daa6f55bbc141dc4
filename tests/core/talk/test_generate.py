"""Answers: seeded, alike beside each other, stopped at once, shown in whole characters, cut to what the model takes.

Knows nothing of pruning beyond a copy of a model.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from time import sleep

import pytest
import torch
from tokenizers import processors

from gblm_viz.core.base.errors import TextError
from gblm_viz.core.base.job import run
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk import generate, together
from gblm_viz.core.talk.generate import Message, Sampling, Token, answer, first_divergence, prompt_tokens, stream
from tests.core.automaton import automaton, byte_tokenizer, writes
from tests.families import FAMILIES, POSITIONS, tiny_tokenizer

FREELY = Sampling(seed=7, temperature=1.0, top_p=0.9, most=24)
TEMPLATE = ("{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}[assistant]{% endif %}")


def said(text: str, role: str = "user") -> Message:
    return {"role": role, "content": text}


def ids(tokens: tuple[Token, ...]) -> tuple[int, ...]:
    return tuple(token.token for token in tokens)


@pytest.fixture(scope="module")
def tiny() -> Model:
    return models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")


@pytest.fixture(scope="module")
def pocket() -> Model:
    return run(models.load("pocket", device="cpu"))


@pytest.mark.parametrize("kind", ["tiny", "pocket"])
def test_two_equal_models_answer_alike_while_others_generate(kind: str, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(kind)
    twin = models.with_weights(model, {name: parameter.detach().clone()
                                       for name, parameter in model.network.named_parameters()})
    prompt = [said("The river carries sand.")]
    alone = ids(answer(model, prompt, FREELY).tokens)
    others = [said("In the morning the baker counts.")]
    noise = Sampling(seed=1, temperature=1.3, most=24)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            beside = [pool.submit(answer, one, others, noise) for one in (model, twin)]
            pair = [pool.submit(answer, one, prompt, FREELY) for one in (model, twin)]
            left, right = (ids(one.result().tokens) for one in pair)
            assert left == right == alone
            assert ids(beside[0].result().tokens) == ids(beside[1].result().tokens)
    assert alone


def test_the_same_seed_answers_the_same_and_another_seed_otherwise(tiny: Model) -> None:
    prompt = [said("A weight")]
    first, again = (answer(tiny, prompt, FREELY) for _ in range(2))
    other = answer(tiny, prompt, Sampling(seed=8, temperature=1.0, top_p=0.9, most=24))
    assert first == again
    assert ids(first.tokens) != ids(other.tokens)


def test_the_process_random_state_is_neither_read_nor_moved(tiny: Model) -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first = answer(tiny, [said("A weight")], FREELY)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(99)
    assert answer(tiny, [said("A weight")], FREELY) == first


def test_sampled_tokens_come_as_often_as_their_probability() -> None:
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])
    drawn = 4000
    whole = Counter(generate._choose(chances.log(), Sampling(3, 1.0), position) for position in range(drawn))
    cut = Counter(generate._choose(chances.log(), Sampling(4, 1.0, 0.9), position) for position in range(drawn))
    for token, chance in enumerate(chances.tolist()):
        assert whole[token] / drawn == pytest.approx(chance, abs=0.03)
    assert cut[3] == 0  # 0.5 + 0.3 + 0.15 is the smallest set that reaches 0.9
    assert cut[2] / drawn == pytest.approx(0.15 / 0.95, abs=0.03)


def test_temperature_zero_takes_the_likeliest_and_a_low_one_nearly_always() -> None:
    logits = torch.tensor([1.0, 3.0, 2.0])
    assert all(generate._choose(logits, Sampling(seed), 0) == 1 for seed in range(5))
    assert all(generate._choose(logits, Sampling(seed, 0.05), 0) == 1 for seed in range(100))


def test_greedy_answers_are_the_argmax_of_a_full_pass_each_time(tiny: Model) -> None:
    prompt = [said("The others stay")]
    tokens = list(prompt_tokens(tiny, prompt).tokens)
    for token in answer(tiny, prompt, most=12).tokens:
        with torch.no_grad():
            logits = tiny.network(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        assert token.token == int(logits.argmax())
        assert token.probability == pytest.approx(float(torch.softmax(logits, -1)[token.token]), rel=1e-4)
        tokens.append(token.token)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_stop_ends_before_another_token(tiny: Model, after: int) -> None:
    stop = Event()
    if after == 0:
        stop.set()
    tokens = []
    for token in stream(tiny, [said("The")], Sampling(most=20), stop):
        tokens.append(token)
        if len(tokens) == after:
            stop.set()
    assert len(tokens) == after
    assert answer(tiny, [said("The")], most=20, stop=stop).ended == "stopped"


def test_bytes_are_held_back_until_their_character_is_whole() -> None:
    tokenizer = byte_tokenizer()
    model = automaton(tokenizer, writes(tokenizer, "a\u00e9\U0001f980z"))
    found = answer(model, [said("a")])
    assert found.text == "\u00e9\U0001f980z"
    assert [token.text for token in found.tokens] == ["", "\u00e9", "", "", "", "\U0001f980", "z"]
    assert found.ended == "end"


def test_an_answer_cut_inside_a_character_shows_no_fragment() -> None:
    tokenizer = byte_tokenizer()
    model = automaton(tokenizer, writes(tokenizer, "a\u00e9\U0001f980"))
    found = answer(model, [said("a")], most=4)
    assert (found.text, found.ended, len(found.tokens)) == ("\u00e9", "length", 4)


@pytest.mark.parametrize("kind", ["tiny", "pocket"])
def test_pieces_put_together_are_the_decoded_answer(kind: str, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(kind)
    for seed in range(4):
        found = answer(model, [said("The river")], Sampling(seed, 1.5, most=30))
        whole = model.tokenizer.decode(list(ids(found.tokens)), skip_special_tokens=True)
        assert whole.startswith(found.text)
        assert set(whole.removeprefix(found.text)) <= {"\ufffd"}
        assert all("\ufffd" not in token.text for token in found.tokens if "\ufffd" not in whole)


@pytest.mark.parametrize("kind", ["tiny", "pocket"])
def test_the_top_five_sum_to_at_most_one_and_hold_the_greedy_token(kind: str, request: pytest.FixtureRequest) -> None:
    found = answer(request.getfixturevalue(kind), [said("In the morning")], most=16)
    assert found.tokens
    for token in found.tokens:
        chances = [candidate.probability for candidate in token.top]
        assert len(chances) == generate.TOP
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1 + 1e-6
        assert token.top[0].token == token.token
        assert token.top[0].probability == token.probability


def test_a_sampled_token_shows_the_models_own_probability(tiny: Model) -> None:
    for token in answer(tiny, [said("The")], Sampling(2, 3.0, 0.5, 10)).tokens:
        listed = {candidate.token: candidate.probability for candidate in token.top}
        assert token.probability == pytest.approx(listed.get(token.token, token.probability))
        assert token.probability <= max(listed.values())


def test_without_a_template_plain_text_is_completed(tiny: Model) -> None:
    prompt = prompt_tokens(tiny, [said("The sea")])
    assert prompt.plain
    assert prompt.tokens == tiny.tokenizer("The sea")["input_ids"]
    assert prompt.dropped == 0
    tokenizer = tiny_tokenizer()
    found = answer(automaton(tokenizer, writes(tokenizer, "xyz")), [said("x")])
    assert (found.text, found.ended) == ("yz", "end")


@pytest.mark.parametrize(("single", "before"), [("<s> $A </s>", ["<s>"]), ("$A </s>", []), ("</s> $A </s>", ["</s>"])])
def test_a_tokenizer_that_ends_every_text_does_not_end_the_prompt(single: str, before: list[str]) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[("<s>", 1), ("</s>", 2)])
    assert tokenizer("The sea")["input_ids"][-1] == tokenizer.eos_token_id
    own = tokenizer("The sea", add_special_tokens=False)["input_ids"]
    expected = [*tokenizer.convert_tokens_to_ids(before), *own]
    assert prompt_tokens(automaton(tokenizer, {}), [said("The sea")]).tokens == expected
    ended = prompt_tokens(automaton(tokenizer, {}), [said("The sea</s>")]).tokens
    assert ended == [*expected, 2], "an end that was typed stays"


def test_with_a_template_the_roles_stand_in_the_prompt() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = TEMPLATE
    model = models.wrap(FAMILIES["llama"](), tokenizer, "tiny")
    prompt = prompt_tokens(model, [said("Hi")])
    assert not prompt.plain
    assert tokenizer.decode(prompt.tokens) == "[user]Hi\n[assistant]"


def test_a_conversation_too_long_drops_its_earliest_turns_whole() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    model = automaton(tokenizer, {}, longest=64)
    turns = [said("one"), said("two", "assistant"), said("three"), said("four", "assistant"), said("five")]
    prompt = prompt_tokens(model, turns)  # 11 + 16 + 13 bytes fit, 27 more do not
    assert prompt.dropped == 2
    assert tokenizer.decode(prompt.tokens) == "[user]three\n[assistant]four\n[user]five\n[assistant]"
    assert prompt_tokens(model, turns, room=30).dropped == 4
    assert prompt_tokens(model, [said("x" * 200)]).tokens == prompt_tokens(model, [said("x" * 100)]).tokens
    assert len(prompt_tokens(model, [said("x" * 200)], room=10).tokens) == 54


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_an_answer_never_outgrows_the_longest_input(family: str) -> None:
    model = models.wrap(FAMILIES[family](), tiny_tokenizer(), family)
    model.network.generation_config.eos_token_id = None
    model.tokenizer.eos_token = None
    short, long = [said("The sea")], [said("The river carries sand to the sea, and back. " * 5)]
    found = answer(model, short, most=500)
    assert len(found.tokens) == POSITIONS - len(prompt_tokens(model, short).tokens)
    assert found.ended == "length"
    assert len(answer(model, long, most=500).tokens) == POSITIONS // 2  # half is left to the prompt
    assert len(answer(model, long, most=8).tokens) == 8


@pytest.mark.parametrize("messages", [[], [{"role": "user", "content": "  \n"}]])
def test_an_empty_prompt_is_refused(tiny: Model, messages: list[Message]) -> None:
    with pytest.raises(TextError) as raised:
        prompt_tokens(tiny, messages)
    assert raised.value.key == "empty_prompt"


def test_where_two_answers_part() -> None:
    assert first_divergence((1, 2, 3), (1, 2, 3)) is None
    assert first_divergence((1, 2, 3), (1, 5, 3)) == 1
    assert first_divergence((1, 2), (1, 2, 3)) == 2
    assert first_divergence((), ()) is None
    assert first_divergence((), (4,)) == 0


def test_however_many_answers_are_written_few_compute_a_token_at_the_same_moment() -> None:
    model, now, seen, lock = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny"), Counter[str](), [0], Lock()

    def begins(*_: object) -> None:
        with lock:
            now["steps"] += 1
            seen.append(now["steps"])

    def ends(*_: object) -> None:
        sleep(0.002)  # long enough for others to come, were they let in
        with lock:
            now["steps"] -= 1

    model.network.register_forward_pre_hook(begins)
    model.network.register_forward_hook(ends)
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda _: answer(model, [said("The river carries sand.")], FREELY), range(12)))
    assert len({ids(one.tokens) for one in made}) == 1
    assert len(seen) > 12 * 5 and max(seen) == together.STEPS_AT_ONCE
