"""Collecting, saving, resuming and refusing statistics, against written-out loops and runs that nothing disturbed.

The formulas themselves are held against the slow reference in tests/test_families.py.
"""

from __future__ import annotations

import hashlib
import json
import math
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gblm_viz.core.sums.checkpoints as checkpoints
import gblm_viz.core.sums.collect as collecting
from gblm_viz.core.base.errors import GblmError, ScoreError, StatisticsError
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import Model, load, wrap
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics, save
from gblm_viz.core.sums.streamed import Streamed
from gblm_viz.core.talk.generate import Sampling, answer
from gblm_viz.core.text.calibration import CalibrationSet, from_text
from tests import warm
from tests.families import FAMILIES, save_tiny, tiny_tokenizer

TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n" * 8


def samples(text: str = TEXT, name: str = "river.txt", count: int = 5) -> CalibrationSet:
    return from_text(tiny_tokenizer(), text, name=name, samples=count, length=16)


@pytest.fixture(scope="module")
def model() -> Model:
    return wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")


@pytest.fixture(scope="module")
def undisturbed(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(collect(model, samples(), folder=folder, halves=True))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def tensors(found: Statistics) -> dict[str, Tensor]:
    return {f"{name} {kind}": tensor for name, sums in found.sums.items()
            for kind, tensor in {"input_sq": sums.input_sq, **sums.gradients}.items()}


def same(one: Statistics, other: Statistics) -> bool:
    first, second = tensors(one), tensors(other)
    return (list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)
            and torch.equal(one.losses, other.losses)
            and all(torch.equal(one.sample_l1[name], other.sample_l1[name]) for name in one.sample_l1))


def refused(key: str, act: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(StatisticsError) as caught:
        act(*args, **kwargs)
    assert caught.value.key == key
    return str(caught.value)


def test_sums_are_those_of_a_loop_over_samples(model: Model) -> None:
    cut = samples(count=3)
    found = run(collect(model, cut, halves=True))
    network = FAMILIES["llama"]()
    for name in found.sums:
        parameter = dict(network.named_parameters())[name]
        gradients = []
        for index in range(cut.count):
            tokens = cut.sample(index)
            network.zero_grad()
            logits = network(tokens[None], use_cache=False).logits[0]
            torch.nn.functional.cross_entropy(logits[:-1], tokens[1:]).backward()
            assert parameter.grad is not None
            gradients.append(parameter.grad.clone())
        absolute = [gradient.abs() for gradient in gradients]
        expected = {"l1": sum(absolute), "sq": sum(gradient**2 for gradient in gradients), "sum": sum(gradients)}
        for kept, tensor in expected.items():
            torch.testing.assert_close(found.sums[name].gradients[kept], tensor, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found.sample_l1[name], torch.stack([one.double().sum() for one in absolute]),
                                   rtol=1e-5, atol=0)
        even, odd = (found.halves[name][f"gradient_l1_{half}"] for half in ("even", "odd"))
        torch.testing.assert_close(even, absolute[0] + absolute[2], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(odd, absolute[1], rtol=1e-5, atol=1e-6)
        break  # one matrix is a proof here; every matrix of every family is in tests/core/test_families.py


def test_a_folder_reads_back_as_it_was_written(model: Model, undisturbed: Path, tmp_path: Path) -> None:
    read = statistics.load(undisturbed, model)
    assert same(read, run(collect(model, samples())))
    assert read.calibration.key == samples().key
    assert read.halves
    save(read, tmp_path)
    assert files(tmp_path) == files(undisturbed)


def test_the_folder_holds_what_the_contract_names(model: Model, undisturbed: Path) -> None:
    assert set(files(undisturbed)) == {"manifest.json", "calibration.safetensors", "samples.safetensors",
                                       *(f"block-{index:04d}.safetensors" for index in range(3))}
    manifest = json.loads((undisturbed / "manifest.json").read_text())
    assert manifest["model_key"] == model.key
    assert manifest["samples"] == manifest["samples_complete"] == 5
    assert manifest["text"] == "river.txt"


@pytest.mark.parametrize(("family", "batch"), [("llama", 1), ("llama", 2), ("mixtral", None)])
def test_a_run_killed_in_any_batch_ends_in_the_same_bytes(family: str, batch: int | None, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    model = wrap(FAMILIES[family](), tiny_tokenizer(), "tiny")
    run(collect(model, samples(), folder=tmp_path / "whole", batch=batch))
    one_batch, together = collecting._one_batch, batch or 1  # experts: each sample goes alone
    for torn in range(1, math.ceil(5 / together)):
        calls = iter(range(99))

        def dies(*given: Any, at: int = torn, calls: Any = calls) -> Tensor:
            loss = one_batch(*given)  # its gradients are in the sums already, its loss is not
            if next(calls) == at:
                raise RuntimeError("the power went")
            return loss

        folder = tmp_path / f"torn {torn}"
        monkeypatch.setattr(collecting, "_one_batch", dies)
        with pytest.raises(RuntimeError, match="power"):
            run(collect(model, samples(), folder=folder, checkpoint_seconds=0, batch=batch))
        assert checkpoints.checkpoint_samples(folder) == torn * together
        refused("unfinished", statistics.load, folder)
        monkeypatch.setattr(collecting, "_one_batch", one_batch)
        run(collect(model, samples(), folder=folder, checkpoint_seconds=0, batch=batch))
        assert files(folder) == files(tmp_path / "whole")


KILLED = """
import sys, time
from pathlib import Path
from gblm_viz.core.text.calibration import from_text
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
model = run(load(sys.argv[1], "float32", "cpu"))
cut = from_text(model.tokenizer, sys.argv[3], name="river.txt", samples=5, length=16)
def slowly(step):
    if step.done == int(sys.argv[5]):
        print("three", flush=True)
        time.sleep(60)
run(collect(model, cut, folder=Path(sys.argv[2]), halves=True, checkpoint_seconds=0, batch=1,
            plan=sys.argv[4]), slowly)
"""


@pytest.mark.parametrize(("plan", "at"), [("whole", 3), ("streamed", 3), ("streamed", 41)])
def test_kill_nine_leaves_a_folder_that_goes_on_to_the_same_bytes(plan: str, at: int, undisturbed: Path,
                                                                  tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "tiny", "llama")
    out = tmp_path / "out"
    child = warm.begin(tmp_path / "said", KILLED, source, out, TEXT, plan, at)
    child.wait(until=lambda: child.said() == "three\n")
    child.process.kill()
    child.wait()
    assert child.code == -signal.SIGKILL, child.complained()
    (out / ".block-0000.safetensors.1").write_bytes(b"half a file")
    model = run(load(str(source), "float32", "cpu"))
    steps = []
    run(collect(model, samples(), folder=out, halves=True, plan=plan, batch=1), lambda step: steps.append(step.done))
    # it went on, and did not start again: of the streamed plan what enters the blocks that are left is made again, and
    # whole blocks are not. Five samples through three blocks, the head, and back at three passes a block.
    back = [*range(20, 65, 3)]
    assert steps == {("whole", 3): [3, 4, 5], ("streamed", 3): [*range(20), *back, 65],
                     ("streamed", 41): [*range(10), *back[5:], 65]}[plan, at]
    expected, found = files(undisturbed), files(out)
    assert json.loads(found["manifest.json"])["plan"] == plan
    assert {name: content for name, content in found.items() if name != "manifest.json"} == {
        name: content for name, content in expected.items() if name != "manifest.json"}


KILLED_OFTEN = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from gblm_viz.core.text.calibration import from_text
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
source, out, text, plan = sys.argv[1:]
model = run(load(source, "float32", "cpu"))
cut = from_text(model.tokenizer, text, name="river.txt", samples=5, length=16)
pause, kills = random.Random(0), 0
def begin(name):
    child = os.fork()
    if not child:
        run(collect(model, cut, folder=Path(out) / name, halves=True, checkpoint_seconds=0, batch=1, plan=plan))
        os._exit(0)
    return child
began = time.monotonic()
os.waitpid(begin("in peace"), 0)
took = time.monotonic() - began  # on a busy machine, too, some are killed early and some late, and all get on
for turn in range(60):
    if turn >= 12 and kills >= 5:
        break
    ended, longest = (0, signal.SIGKILL), took
    while ended[1] == signal.SIGKILL:
        child, began = begin(str(turn)), time.monotonic()
        until = began + pause.uniform(0, longest)
        longest *= 1.5
        while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < until:
            time.sleep(0.001)
        if not ended[0]:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            kills += ended[1] == signal.SIGKILL
        elif longest == took * 1.5:  # a whole run undisturbed: what one takes now, where the first was slowed by others
            took = min(took, time.monotonic() - began)
    if ended[1]:
        sys.exit(ended[1])
print(kills)
"""


@pytest.mark.parametrize("plan", ["whole", "streamed"])
def test_killed_at_random_again_and_again_it_ends_in_the_same_bytes(plan: str, undisturbed: Path,
                                                                    tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "tiny", "llama")
    done = warm.finished(tmp_path / "said", KILLED_OFTEN, source, tmp_path / "out", TEXT, plan)
    assert done.code == 0, done.complained()
    assert int(done.said()) >= 5, "too few kills to say anything"
    for out in (tmp_path / "out").iterdir():
        expected, found = files(undisturbed), files(out)
        assert json.loads(found.pop("manifest.json"))["plan"] == plan
        assert found == {name: content for name, content in expected.items() if name != "manifest.json"}


def test_a_full_disk_and_a_torn_file_of_the_streamed_plan_are_sentences(model: Model, tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("safetensors.torch.save_file", full)
        sentence = refused("cannot_write", run, collect(model, samples(), folder=tmp_path, plan="streamed"))
        assert "No space left on device" in sentence and "block-0002" in sentence
    for torn in ("upstream-0001-000003.safetensors", "block-0002.safetensors", "checkpoint.safetensors"):
        job = collect(model, samples(), folder=tmp_path / torn, plan="streamed")
        while next(job).done < 51:  # two blocks are done, the last one is begun
            pass
        job.close()
        (tmp_path / torn / torn).write_bytes((tmp_path / torn / torn).read_bytes()[:100])
        assert torn in refused("torn", run, collect(model, samples(), folder=tmp_path / torn, plan="streamed"))


def test_the_streamed_plan_killed_in_any_pass_ends_in_the_same_bytes(model: Model, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    run(collect(model, samples(), folder=tmp_path / "one go", plan="streamed", halves=True))
    passes = 5 * len(model.layout.blocks)
    for torn in range(passes):
        back, left = Streamed.backward, iter([False] * torn + [True])

        def dies(*given: Any, back: Any = back, left: Any = left) -> Tensor:
            found = back(*given)  # its gradients are in the sums already, what comes before it knows nothing of it
            if next(left):
                raise RuntimeError("the power went")
            return found

        folder = tmp_path / f"torn {torn}"
        job = collect(model, samples(), folder=folder, plan="streamed", halves=True)
        with monkeypatch.context() as patched:
            patched.setattr(Streamed, "backward", dies)
            with pytest.raises(RuntimeError, match="power"):
                run(job)
        refused("unfinished" if torn >= 5 else "no_statistics", statistics.load, folder)
        run(collect(model, samples(), folder=folder, plan="streamed", halves=True))
        assert files(folder) == files(tmp_path / "one go")


def test_the_streamed_plan_gives_the_whole_plans_bits_and_files(model: Model, undisturbed: Path,
                                                                tmp_path: Path) -> None:
    found = run(collect(model, samples(), folder=tmp_path, plan="streamed", halves=True))
    assert same(found, statistics.load(undisturbed, model))
    expected, written = files(undisturbed), files(tmp_path)
    assert [name for name in expected if expected[name] != written.pop(name)] == ["manifest.json"]
    assert written == {}
    again: list[int] = []
    run(collect(model, samples(), folder=tmp_path, halves=True), lambda step: again.append(step.done))
    assert again == []  # either plan's folder serves the other: the sums are the same


def test_another_plans_checkpoint_and_a_cancel_of_the_streamed_plan_are_sentences(model: Model, tmp_path: Path) -> None:
    job = collect(model, samples(), folder=tmp_path)
    while next(job).done < 1:
        pass
    job.close()
    refused("other_settings", run, collect(model, samples(), folder=tmp_path, plan="streamed"))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(GblmError) as caught:
        run(collect(model, samples(), cancel=cancel, plan="streamed"))
    assert caught.value.key == "cancelled"


@pytest.mark.parametrize("what", ["weights", "a second state"])
def test_blocks_that_share_more_than_the_hidden_state_are_refused(what: str) -> None:
    network = FAMILIES["llama"]()
    layers = network.model.layers
    if what == "weights":
        layers[2].mlp.up_proj.weight = layers[1].mlp.up_proj.weight
    else:
        first = layers[0].forward
        shelf: list[Tensor] = []
        layers[0].forward = lambda hidden, **more: shelf.append(first(hidden, **more)) or shelf[-1]
        layers[1].register_forward_pre_hook(
            lambda module, args, kwargs: (args, kwargs | {"position_embeddings": tuple(
                one + 0 * shelf[-1].sum() for one in kwargs["position_embeddings"])}), with_kwargs=True)
    model = wrap(network, tiny_tokenizer(), "tiny")
    refused("not_streamable", run, collect(model, samples(), plan="streamed"))


def test_closing_the_job_leaves_a_checkpoint_of_whole_samples(model: Model, undisturbed: Path, tmp_path: Path) -> None:
    job = collect(model, samples(), folder=tmp_path, halves=True, batch=1)
    while next(job).done < 2:
        pass
    job.close()
    assert checkpoints.checkpoint_samples(tmp_path) == 2
    run(collect(model, samples(), folder=tmp_path, halves=True, batch=1))
    assert files(tmp_path) == files(undisturbed)


def test_closing_the_job_before_the_first_sample_leaves_nothing(model: Model, tmp_path: Path) -> None:
    job = collect(model, samples(), folder=tmp_path)
    next(job)
    job.close()
    assert files(tmp_path) == {}


def test_a_finished_folder_is_read_instead_of_collected_again(model: Model, undisturbed: Path) -> None:
    steps: list[int] = []
    found = run(collect(model, samples(), folder=undisturbed, halves=True), lambda step: steps.append(step.done))
    assert steps == []
    assert same(found, run(collect(model, samples())))


def test_strangers_are_refused_with_both_names(model: Model, undisturbed: Path) -> None:
    other = wrap(FAMILIES["qwen3"](), tiny_tokenizer(), "stranger")
    before = files(undisturbed)
    for act in (lambda: statistics.load(undisturbed, other),
                lambda: run(collect(other, samples(), folder=undisturbed, halves=True))):
        sentence = refused("other_model", act)
        assert "tiny" in sentence
        assert "stranger" in sentence
    hill = samples(TEXT[40:], "hill.txt")
    sentence = refused("other_text", run, collect(model, hill, folder=undisturbed, halves=True))
    assert "river.txt" in sentence
    assert "hill.txt" in sentence
    for count in (3, 6):  # another cut of the same text is another text
        refused("other_text", run, collect(model, samples(count=count), folder=undisturbed, halves=True))
    sentence = refused("other_settings", run, collect(model, samples(), folder=undisturbed, keep=("l1",), halves=True))
    assert "sq" in sentence
    refused("other_settings", run, collect(model, samples(), folder=undisturbed))
    assert files(undisturbed) == before


def test_a_checkpoint_of_a_stranger_is_refused_too(model: Model, tmp_path: Path) -> None:
    job = collect(model, samples(), folder=tmp_path)
    while next(job).done < 1:
        pass
    job.close()
    refused("other_text", run, collect(model, samples(TEXT[40:], "hill.txt"), folder=tmp_path))
    (tmp_path / "checkpoint.safetensors").write_bytes(b"torn")
    refused("torn", run, collect(model, samples(), folder=tmp_path))


def test_cancel_keeps_whole_samples_as_a_smaller_n(model: Model, tmp_path: Path) -> None:
    cancel = threading.Event()

    def watch(step: Any) -> None:
        if step.done == 2:
            cancel.set()

    found = run(collect(model, samples(), cancel=cancel, folder=tmp_path), watch)
    assert (found.count, found.asked, found.cancelled) == (2, 5, True)
    small = run(collect(model, samples().first(2)))
    assert same(found, small)
    name = next(iter(found.sums))
    assert torch.equal(found.input_norm(name), (small.sums[name].input_sq / 2).sqrt())
    assert same(statistics.load(tmp_path, model), small)
    again = run(collect(model, samples(), folder=tmp_path))  # the same command asks for the rest
    assert again.count == 5
    assert same(again, run(collect(model, samples())))


def test_cancel_before_the_first_sample_is_a_sentence(model: Model) -> None:
    cancel = threading.Event()
    cancel.set()
    refused("cancelled_before_first", run, collect(model, samples(), cancel=cancel))


def test_a_chat_beside_it_changes_no_bit_of_the_sums(model: Model) -> None:
    alone = run(collect(model, samples()))
    stop, answers = threading.Event(), []

    def chat() -> None:
        while not stop.is_set():
            answers.append(answer(model, [{"role": "user", "content": "The river"}], Sampling(most=4)).text)

    thread = threading.Thread(target=chat)
    thread.start()
    try:
        beside = run(collect(model, samples()), lambda step: time.sleep(0.02))
    finally:
        stop.set()
        thread.join()
    assert len(answers) > 2
    assert len(set(answers)) == 1
    assert same(alone, beside)


def digest(model: Model) -> str:
    whole = hashlib.sha256()
    for name, tensor in model.network.state_dict().items():
        whole.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return whole.hexdigest()


def test_collecting_leaves_the_dense_model_as_it_was(model: Model) -> None:
    before, hooks = digest(model), sum(len(module._forward_pre_hooks) for module in model.network.modules())
    run(collect(model, samples(), halves=True))
    cut_short = collect(model, samples())
    next(cut_short)
    next(cut_short)
    cut_short.close()
    assert digest(model) == before
    assert sum(len(module._forward_pre_hooks) for module in model.network.modules()) == hooks
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in model.network.parameters())


def test_norms_are_made_of_the_sums_that_were_kept(model: Model) -> None:
    found = run(collect(model, samples(), keep=("sq", "sum")))
    name = next(iter(found.sums))
    assert torch.equal(found.gradient_norm(name, "l2"), found.sums[name].gradients["sq"].sqrt())
    assert torch.equal(found.gradient_norm(name, "sum"), found.sums[name].gradients["sum"].abs())
    assert "l1" in refused("sum_not_kept", found.gradient_norm, name, "l1")


def test_one_sample_makes_all_three_norms_the_same(model: Model) -> None:
    found = run(collect(model, samples(count=1)))
    name = next(iter(found.sums))
    l1, l2, foil = (found.gradient_norm(name, norm) for norm in ("l1", "l2", "sum"))
    assert torch.equal(l1, foil)
    torch.testing.assert_close(l1, l2, rtol=1e-5, atol=1e-12)


def test_what_lies_beyond_a_samples_length_never_enters(model: Model) -> None:
    short = from_text(tiny_tokenizer(), "A river.\n\nA weight that matters.", name="t", rule="paragraphs", length=16)
    soiled = CalibrationSet(short.tokens.clone(), short.lengths, short.rule, 0, "t", "")
    soiled.tokens[0, int(short.lengths[0]):] = 77
    assert same(run(collect(model, short)), run(collect(model, soiled)))


@pytest.mark.parametrize("name", ["manifest.json", "calibration.safetensors", "samples.safetensors",
                                  "block-0001.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_folder_names_the_file(name: str, damage: str, model: Model, undisturbed: Path,
                                         tmp_path: Path) -> None:
    for file, content in files(undisturbed).items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / name).unlink()
    if damage == "cut":
        (tmp_path / name).write_bytes(files(undisturbed)[name][:40])
    if (name, damage) == ("manifest.json", "gone"):
        refused("no_statistics", statistics.load, tmp_path, model)
    else:
        assert name in refused("torn", statistics.load, tmp_path, model)


def test_a_folder_of_another_format_is_refused(model: Model, undisturbed: Path, tmp_path: Path) -> None:
    for file, content in files(undisturbed).items():
        (tmp_path / file).write_bytes(content)
    manifest = json.loads((tmp_path / "manifest.json").read_text()) | {"format": 99}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    refused("torn", statistics.load, tmp_path, model)


def test_a_folder_that_takes_no_file_is_refused_before_the_work(model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        job = collect(model, samples(), folder=folder)
        refused("cannot_write", next, job)


def test_a_loss_that_is_not_finite_names_the_sample(model: Model) -> None:
    broken = FAMILIES["llama"]()
    wrapped = wrap(broken, tiny_tokenizer(), "tiny")
    with torch.no_grad():
        broken.lm_head.weight.fill_(float("inf"))
    with pytest.raises(ScoreError) as caught:
        run(collect(wrapped, samples()))
    assert caught.value.key == "loss_not_finite"
    assert caught.value.fields["sample"] == 0


def test_an_expert_no_token_visits_is_counted_not_hidden() -> None:
    model = wrap(FAMILIES["mixtral"](), tiny_tokenizer(), "tiny")
    few = CalibrationSet(torch.tensor([[5, 6]]), torch.tensor([2]), "tokens", 0, "two tokens", "")
    found = run(collect(model, few))
    name = next(name for name, sums in found.sums.items() if sums.tokens.dim() and not bool(sums.tokens.all()))
    unseen = found.sums[name].tokens == 0
    assert not found.sums[name].input_sq[unseen].any()
    assert not found.sums[name].gradients["l1"][unseen].any()
