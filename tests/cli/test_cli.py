"""The command line as a person and as a script meet it: results, one JSON object, one line of refusal, exit codes.

Whether core computes the right numbers is tested in tests/core; here, that they arrive.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import gblm_viz.core.sums.collect as collecting
from gblm_viz.cli import terminal
from gblm_viz.cli.main import command_of, main
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune, reading
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model.models import load, open_source
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.streamed import Streamed
from gblm_viz.core.talk import generate
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.core.text import calibration
from gblm_viz.words import words
from tests.families import save_tiny

ROOT = Path(__file__).parents[2]
TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n\n" * 8
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model `tiny`, the text `river.txt` and the statistics `sums`."""
    place = tmp_path_factory.mktemp("cli")
    save_tiny(place / "tiny", "llama")
    (place / "river.txt").write_text(TEXT)
    assert main(["collect", "--model", str(place / "tiny"), "--text", str(place / "river.txt"), "--out",
                 str(place / "sums"), "--samples", "5", "--length", "16", "--halves", "--batch", "1"]) == 0
    return place


@pytest.fixture
def command(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in the place: (exit code, stdout, stderr)."""
    monkeypatch.chdir(place)

    def call(*flags: object) -> tuple[int, str, str]:
        code = main([str(flag) for flag in flags])
        seen = capsys.readouterr()
        return code, seen.out, seen.err
    return call


def flags(line: str) -> list[str]:
    return line.split()


PRUNE = "prune --model tiny --statistics sums"
COMPARE = "compare --model tiny --text river.txt --on river.txt --sparsity 0.5"
KEYED = {
    "collect": "collect --model tiny --text river.txt --out sums --samples 5 --length 16 --halves --batch 1",
    "prune": f"{PRUNE} --method gblm --sparsity 0.5",
    "evaluate": "evaluate --model tiny --text river.txt --length 32",
    "chat": "chat --model tiny --prompt River --max-tokens 3",
    "compare": f"{COMPARE} --methods magnitude,gblm --seeds 2 --samples 4 --length 16",
}


@pytest.mark.parametrize("name", KEYED)
def test_json_is_one_object_with_the_documented_keys_and_nothing_else(name: str, command: Run) -> None:
    code, out, err = command(*flags(KEYED[name]), "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert set(json.loads(out)) == set(command_of(name).keys)


@pytest.mark.parametrize("name", KEYED)
def test_help_tells_every_flag_and_every_key(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for flag in ("--model", "--dtype", "--device", "--json", *flags(KEYED[name])):
        if flag.startswith("--"):
            assert flag in told
    for key, meaning in command_of(name).keys.items():
        assert f"  {key} " in told
        assert meaning in told


def test_collect_says_what_it_took(command: Run, tmp_path: Path) -> None:
    code, out, err = command(*flags("collect --model tiny --text river.txt --samples 3 --length 20 --out"),
                             tmp_path / "sums", "--keep", "sum,l1")
    assert (code, err) == (0, "")
    for told in ("tiny", "3 samples", "60 tokens", "river.txt", "nats"):
        assert told in out
    assert statistics.load(tmp_path / "sums").keep == ("l1", "sum")


def test_the_three_sources_of_samples(command: Run, tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text("\n".join(json.dumps({"text": TEXT[start:]}) for start in range(6)))
    (tmp_path / "tokens.jsonl").write_text("[5, 6, 7]\n[8, 9]\n")
    common = ("--json", "--out")
    found = [json.loads(command("collect", "--model", "tiny", *more, *common, tmp_path / str(index))[1])
             for index, more in enumerate((
                 ("--jsonl", tmp_path / "docs.jsonl", "--samples", 4, "--length", 24, "--seed", 7),
                 ("--tokens", tmp_path / "tokens.jsonl"),
                 ("--text", "river.txt", "--cut", "paragraphs", "--samples", 6)))]
    assert [(one["rule"], one["samples"]) for one in found] == [("jsonl", 4), ("tokens", 2), ("paragraphs", 6)]
    assert [one["text"] for one in found] == ["docs.jsonl", "tokens.jsonl", "river.txt"]
    assert found[0]["seed"] == 7


def test_prune_writes_the_masks_and_the_model_that_core_makes(command: Run, place: Path, tmp_path: Path) -> None:
    code, out, _ = command(*flags(f"{PRUNE} --method gblm --norm l2 --alpha share:0.4 --pattern 2:4 --json --out"),
                           tmp_path / "pruned", "--masks", tmp_path / "masks.safetensors")
    assert code == 0
    told = json.loads(out)
    model = run(load(str(place / "tiny"), "float32", "cpu"))
    found = statistics.load(place / "sums", model)
    settings = Settings("gblm", "l2", parse_alpha("share:0.4"), "row", 0.5, "2:4", "sequential", 0)
    expected = run(prune.masks(model, found, settings))
    written = load_file(tmp_path / "masks.safetensors")
    assert all(torch.equal(written[name].bool(), mask) for name, mask in expected.masks.items())
    again = run(load(str(tmp_path / "pruned"), "float32", "cpu"))
    for matrix in again.layout.matrices:
        weight = matrix.view(dict(again.network.named_parameters())[matrix.name])
        assert not weight[expected.masks[matrix.name]].any()
    assert told["sparsity"] == 0.5
    assert told["gradient_share"] == pytest.approx(0.4, abs=1e-4)
    assert told["alpha_value"] == expected.alpha
    wanda = run(prune.masks(model, found, Settings("wanda", pattern="2:4")))
    same = sum(int((expected.masks[name] == mask).sum()) for name, mask in wanda.masks.items())
    assert told["agreement_wanda"] == same / expected.prunable
    assert told["out"] == str(tmp_path / "pruned")


def test_prune_tells_a_person_what_shaped_the_mask(command: Run) -> None:
    code, out, err = command(*flags(f"{PRUNE} --method gblm --sparsity 0.5"))
    assert (code, err) == (0, "")
    for told in ("sparsity 50.0000\u00a0%", "α = 100", "of the score", "mask of wanda, sequential order",
                 "mask of gradient", "dense order", "5 samples", "river.txt"):
        assert told in out


@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_methods_that_look_at_no_text_need_no_statistics(method: str, command: Run) -> None:
    code, out, _ = command(*flags(f"prune --model tiny --method {method} --sparsity 0.25 --json"))
    told = json.loads(out)
    assert code == 0
    assert told["sparsity"] == 0.25
    for key in ("norm", "alpha", "alpha_value", "gradient_share", "agreement_wanda", "text", "masks", "out"):
        assert told[key] is None


@pytest.mark.parametrize("line", [
    "--method magnitude --group authors --sparsity 0.5", "--method wanda --group global --order dense --sparsity 0.5",
    "--method gradient --norm sum --group matrix --sparsity 0",
    "--method gblm --alpha balance --order dense --pattern 1:4"])
def test_every_group_order_and_norm_is_reached(line: str, command: Run) -> None:
    code, out, err = command(*flags(f"{PRUNE} {line} --json"))
    assert (code, err) == (0, "")
    wanted = 0.25 if "1:4" in line else float(line.rsplit(" ", 1)[1])
    assert json.loads(out)["sparsity"] == pytest.approx(wanted, abs=0.01)


def test_fallbacks_and_equal_rows_are_told(command: Run, place: Path, tmp_path: Path) -> None:
    save_tiny(tmp_path / "experts", "mixtral")
    (tmp_path / "two.jsonl").write_text("[5, 6]")
    common = ("--model", tmp_path / "experts")
    assert command("collect", *common, "--tokens", tmp_path / "two.jsonl", "--out", tmp_path / "sums")[0] == 0
    line = (*flags("prune --method gradient --order dense --sparsity 0.5 --statistics"), tmp_path / "sums", *common)
    told = json.loads(command(*line, "--json")[1])
    assert told["fallbacks"]
    assert set(told["fallbacks"][0]) == {"matrix", "expert", "reason", "rule"}
    said = command(*line)[1]
    for one in told["fallbacks"]:
        where = one["matrix"] if one["expert"] is None else f"{one['matrix']}, expert {one['expert']}"
        assert f"  {where}: {one['rule']}\n" in said
    assert {one["reason"] for one in told["fallbacks"]} >= {"no_token"}
    assert ("all scores are equal" in said) == bool(told["equal_rows"])


def test_evaluate_prints_the_protocol_beside_the_figure(command: Run, place: Path) -> None:
    _, out, _ = command(*flags(KEYED["evaluate"]))
    told = json.loads(command(*flags(KEYED["evaluate"]), "--json")[1])
    model = run(load(str(place / "tiny"), "float32", "cpu"))
    expected = run(evaluate.perplexity(model, evaluate.text_windows(model, TEXT, "river.txt", 32)))
    assert told["perplexity"] == expected.value
    for shown in (f"{expected.value:.4f}", f"{expected.windows} windows", "32 tokens", "float32", "river.txt",
                  expected.text_sha256):
        assert shown in out
    assert json.loads(command(*flags(KEYED["evaluate"]), "--json", "--dtype", "bfloat16")[1])["dtype"] == "bfloat16"


def test_chat_streams_the_answer_that_core_gives(command: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = flags("chat --model tiny --prompt River --seed 3 --temperature 0.9 --top-p 0.8 --max-tokens 6")
    model = run(load(str(place / "tiny"), "float32", "cpu"))
    expected = generate.answer(model, [{"role": "user", "content": "River"}], Sampling(3, 0.9, 0.8, 6))
    assert command(*line) == (0, expected.text + "\n", "")
    told = json.loads(command(*line, "--json")[1])
    assert told["answer"] == expected.text
    assert told["tokens"] == [token.token for token in expected.tokens]
    assert told["ended"] == expected.ended


def test_compare_tells_its_cost_first_and_each_draw_is_a_run_by_itself(command: Run, tmp_path: Path) -> None:
    line = [*flags(COMPARE), "--samples", "5", "--length", "16", "--alpha", "share:0.5"]
    code, out, err = command(*line, "--seeds", "2")
    assert (code, err) == (0, "")
    first, *rest = out.splitlines()
    assert "2 draws of 5" in first and "Estimated:" in first and "4 pruned copies" in first
    assert sum("alone:" in told for told in rest) == 2
    told = json.loads(command(*line, "--seeds", "2", "--json")[1])
    assert (told["seeds"], told["samples"], told["against"]) == ([0, 1], 5, "wanda")
    for seed, own in zip(told["seeds"], told["differences"]["gblm"]["by_draw"], strict=True):
        sums = tmp_path / str(seed)
        losses = {}
        command(*flags("collect --model tiny --text river.txt --samples 5 --length 16 --out"), sums, "--seed", seed)
        for method in ("wanda", "gblm"):
            place = tmp_path / f"{method}{seed}"
            command(*flags(f"prune --model tiny --method {method} --alpha share:0.5 --sparsity 0.5 --order dense"),
                    "--statistics", sums, "--out", place)
            losses[method] = json.loads(command(*flags("evaluate --text river.txt --length 16 --json --model"),
                                                place)[1])["loss"]
        assert own["mean"] == pytest.approx(losses["gblm"] - losses["wanda"], abs=1e-6)
    assert told["differences"]["gblm"]["mean"] == pytest.approx(
        sum(one["mean"] for one in told["differences"]["gblm"]["by_draw"]) / 2)


def test_collect_warns_of_a_text_that_the_model_does_not_understand(command: Run, tmp_path: Path) -> None:
    """Random weights understand nothing; of fewer than 200 tokens nobody can say."""
    for samples, foreign in ((20, True), (2, None)):
        place = tmp_path / str(samples)
        line = [*flags("collect --model tiny --text river.txt --length 16 --samples"), samples, "--out", place]
        out = command(*line)[1]
        assert (words("en")("text.foreign") in out) is bool(foreign)
        assert json.loads(command(*line[:-1], tmp_path / f"{samples}j", "--json")[1])["foreign"] is foreign


def test_with_one_draw_compare_calls_no_difference_shown(command: Run) -> None:
    line = [*flags(COMPARE), "--samples", "5", "--length", "16", "--methods", "gblm,random,magnitude"]
    for found in json.loads(command(*line, "--json")[1])["differences"].values():
        assert found["verdict"] in {"none", "one_draw"}
    assert "one draw only: another may show the opposite" in command(*line)[1]


REFUSED = {
    "": "collect, prune, evaluate, chat",
    "shrink --model tiny": "shrink",
    "prune --model tiny --method gblm --sparsity 0.5": "statistics",
    "prune --model tiny --method wanda --pattern 2:4 --order dense": "statistics",
    f"{PRUNE} --method gblm": "--sparsity --pattern",
    f"{PRUNE} --method gblm --sparsity 0.5 --pattern 2:4": "not allowed with",
    f"{PRUNE} --method gblm --sparsity 1": "outside",
    f"{PRUNE} --method gblm --sparsity -0.1": "outside",
    f"{PRUNE} --method gblm --sparsity half": "not a number",
    f"{PRUNE} --method gblm --pattern 4:4": "4:4",
    f"{PRUNE} --method gblm --pattern two": "two",
    f"{PRUNE} --method gblm --pattern 2:5": "divisible by 5",
    f"{PRUNE} --method gblm --norm sum --sparsity 0.5": "l1, l2",
    f"{PRUNE} --method gblm --alpha much --sparsity 0.5": "much",
    f"{PRUNE} --method gblm --alpha share:1 --sparsity 0.5": "share:1",
    f"{PRUNE} --method wanda --group global --sparsity 0.5": "dense",
    f"{PRUNE} --method wanda --group authors --sparsity 0.5": "authors",
    f"{PRUNE} --method best --sparsity 0.5": "best",
    f"{PRUNE} --method magnitude --sparsity 0.5 --out tiny": "tiny already holds",
    f"{PRUNE} --method magnitude --sparsity 0.5 --masks river.txt/m.safetensors": "could not be written",
    "prune --model tiny --statistics nowhere --method wanda --sparsity 0.5": "no finished statistics",
    "collect --model tiny --out new": "--text --jsonl --tokens",
    "collect --model tiny --text none.txt --out new": "none.txt",
    "collect --model tiny --text tiny --out new": "directory",
    "collect --model tiny --text river.txt --out river.txt": "could not be written",
    "collect --model tiny --text tiny/model.safetensors --out new": "model.safetensors",
    "collect --model tiny --text river.txt --out sums --samples 4 --length 16 --halves": "as it is cut now",
    "collect --model tiny --text river.txt --out new --samples 0": "'0'",
    "collect --model tiny --text river.txt --out new --length 65": "64 or less",
    "collect --model tiny --text river.txt --out new --keep l3": "l3",
    "collect --model tiny --tokens river.txt --out new": "token lists",
    "collect --model tiny --tokens river.txt --out new --length 4": "--length",
    "collect --model tiny --jsonl river.txt --out new --cut windows": "--cut",
    "collect --model tiny --text river.txt --out new --dev cpu": "--dev",
    "evaluate --model river.txt --text river.txt": "is a file",
    "evaluate --model nowhere --text river.txt": "nowhere",
    "evaluate --model tiny --text river.txt --length 1": "'1'",
    "evaluate --model tiny --text river.txt --dtype float16": "float16",
    "chat --model tiny": "--prompt",
    "chat --model tiny --prompt River --temperature -1": "-1",
    "chat --model tiny --prompt River --temperature nan": "nan",
    "chat --model tiny --prompt River --top-p 0": "'0'",
    "chat --model tiny --prompt River --max-tokens 0": "'0'",
    "chat --model tiny --prompt River --seed -1": "-1",
    "chat --model tiny --prompt River --seed x": "'x'",
    f"{COMPARE} --methods gblm": "two methods",
    f"{COMPARE} --methods gblm,best": "best",
    f"{COMPARE} --seeds 0": "'0'",
    "compare --model tiny --text river.txt --sparsity 0.5": "--on",
}


@pytest.mark.parametrize("line", REFUSED)
def test_unusable_input_is_one_line_and_exit_code_2(line: str, command: Run, place: Path) -> None:
    before = sorted(place.iterdir())
    code, out, err = command(*flags(line))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert REFUSED[line] in err
    assert [entry for entry in sorted(place.iterdir()) if entry not in before] in ([], [place / "new"])
    assert not list(place.glob("new/*"))
    if (place / "new").is_dir():
        (place / "new").rmdir()


@pytest.mark.parametrize("prompt", ["", " \n "])
def test_an_empty_prompt_is_refused(prompt: str, command: Run) -> None:
    code, out, err = command("chat", "--model", "tiny", "--prompt", prompt)
    assert (code, out) == (2, "")
    assert "empty" in err


def test_statistics_of_another_model_are_refused_with_both_names(command: Run, tmp_path: Path) -> None:
    save_tiny(tmp_path / "stranger", "gpt2")
    code, _, err = command("prune", "--model", tmp_path / "stranger",
                           *flags("--statistics sums --method wanda --sparsity 0.5"))
    assert code == 2
    assert "tiny" in err
    assert "stranger" in err


def test_an_export_and_masks_of_another_run_are_kept_unless_forced(command: Run, tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    out, masks = tmp_path / "out", tmp_path / "masks.safetensors"
    line = flags("prune --model tiny --method magnitude --sparsity")
    to = ("--out", out, "--masks", masks)
    assert command(*line, 0.5, *to)[0] == 0
    assert command(*line, 0.5, *to)[0] == 0  # the same run may be written again
    before = (out / "pruning.json").read_bytes(), masks.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("gblm_viz.cli.models.load", lambda *given: pytest.fail("refused only after the model was read"))
        for refused in (("--out", out), ("--masks", masks)):
            code, told, err = command(*line, 0.3, *refused)
            assert (code, told) == (2, "") and "sparsity 0.5 ≠ 0.3" in err and "--force" in err
        (tmp_path / "mine.safetensors").write_text("mine")
        assert "mine.safetensors" in command(*line, 0.3, "--masks", tmp_path / "mine.safetensors")[2]
    assert ((out / "pruning.json").read_bytes(), masks.read_bytes()) == before
    assert command(*line, 0.3, *to, "--force")[0] == 0
    assert (out / "pruning.json").read_bytes() != before[0] and masks.read_bytes() != before[1]


def test_fewer_samples_than_asked_for_are_said_before_the_work(command: Run, tmp_path: Path) -> None:
    line = flags("collect --model tiny --text river.txt --length 20")
    code, out, _ = command(*line, "--samples", 64, "--out", tmp_path / "few")
    given = statistics.load(tmp_path / "few").count
    assert code == 0 and f"64 samples were asked for; only {given} could be cut from the text." in out.splitlines()[0]
    assert "asked for" not in command(*line, "--samples", given, "--out", tmp_path / "all")[1]


def test_a_prompt_in_a_broken_encoding_and_a_narrow_terminal_raise_nothing(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gblm_viz", *flags("chat --max-tokens 2 --prompt"), b"caf\xe9", "--model",
         place / "tiny"],
        cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"}, capture_output=True,
        timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_a_library_prints_stays_out_of_the_json(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = generate.answer

    def talkative(*given: Any, **named: Any) -> Any:
        print("look at me")
        return answer(*given, **named)

    monkeypatch.setattr(generate, "answer", talkative)
    _, out, err = command(*flags(KEYED["chat"]), "--json")
    assert json.loads(out)["ended"]
    assert "look at me" in err


def test_an_infinite_perplexity_is_null_in_json() -> None:
    assert terminal.as_json({"perplexity": float("inf"), "rows": [float("nan"), 1.5], "out": Path("a")}) == {
        "perplexity": None, "rows": [None, 1.5], "out": "a"}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT as a terminal has it, whatever the tests were started from."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on(
        sent: signal.Signals, command: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_batch = collecting._one_batch
    calls = iter(range(99))

    def interrupted(*given: Any) -> torch.Tensor:
        if next(calls) == 2:
            signal.raise_signal(sent)
        return one_batch(*given)

    line = [*flags(KEYED["collect"]), "--out", tmp_path / "sums"]
    monkeypatch.setattr(collecting, "_one_batch", interrupted)
    code, out, err = command(*line, "--json")
    assert (code, out) == (130, "")
    assert "3 of 5 samples" in err  # the sample during which it was pressed is finished first
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    monkeypatch.setattr(collecting, "_one_batch", one_batch)
    assert command(*line)[0] == 0
    for file in (place / "sums").iterdir():
        assert (tmp_path / "sums" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_in_the_streamed_plan_leaves_whole_blocks(command: Run, place: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    back = Streamed.backward
    calls = iter(range(99))

    def interrupted(*given: Any) -> Any:
        if next(calls) == 7:  # five samples: in the second block from the end
            signal.raise_signal(signal.SIGINT)
        return back(*given)

    line = [*flags(KEYED["collect"]), "--out", tmp_path / "sums", "--plan", "streamed"]
    with monkeypatch.context() as patched:
        patched.setattr(Streamed, "backward", interrupted)
        code, _, err = command(*line)
    assert code == 130
    assert "1 of" in err and "blocks" in err
    code, out, _ = command(*line, "--json")
    assert code == 0 and json.loads(out)["plan"] == "streamed"
    for file in (place / "sums").glob("block-*"):
        assert (tmp_path / "sums" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_ends_at_once(command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(*given: Any) -> float:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second one did not end it")

    monkeypatch.setattr(collecting, "_one_batch", stubborn)
    code, out, err = command(*flags(KEYED["collect"]), "--out", tmp_path / "sums")
    assert code == 130 and "samples from" not in out
    assert "Interrupted" in err


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_elsewhere_is_130_too(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "perplexity", lambda *given: signal.raise_signal(signal.SIGINT))
    code, out, err = command(*flags(KEYED["evaluate"]))
    assert (code, out) == (130, "")
    assert "Interrupted" in err


def test_long_work_shows_a_bar_with_the_time_left(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gblm_viz.cli.terminal.SHORT_WORK", 0.0)
    assert "left" in command(*flags(KEYED["evaluate"]))[2]
    assert command(*flags(KEYED["evaluate"]), "--json")[2] == ""


def test_the_module_runs_as_a_program(place: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-m", "gblm_viz", *flags("evaluate --length 32 --json --text"),
                           place / "river.txt", "--model", place / "tiny"], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout)) == set(command_of("evaluate").keys)


def test_collect_says_its_plan_before_and_what_it_took_after(command: Run, tmp_path: Path) -> None:
    line = flags("collect --model tiny --text river.txt --samples 5 --length 16 --out")
    _, out, _ = command(*line, tmp_path / "said")
    first, *_, last = out.splitlines()
    assert first.startswith("All blocks at once: it fits") and "On disk" in first
    assert last.startswith("Estimated → actual: time") and last.count("→") == 4
    told = json.loads(command(*line, tmp_path / "keyed", "--json")[1])
    assert (told["plan"], told["why"], told["estimate"]["plan"]) == ("whole", "fits", "whole")
    assert told["estimate"]["memory"] == sum(told["estimate"]["parts"].values())
    assert told["actual"]["disk"] == sum(file.stat().st_size for file in (tmp_path / "keyed").iterdir())
    assert set(told["estimate"]) == {"plan", "seconds", "memory", "disk", "disk_peak", "parts", "inputs_in_memory"}
    again = json.loads(command(*line, tmp_path / "keyed", "--json")[1])
    assert (again["why"], again["estimate"]) == ("finished", None)


def test_a_limit_on_memory_decides_the_plan_and_the_refusal_names_one_that_would_do(
        command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "resident_bytes", lambda: 100_000_000)
    line = flags("collect --model tiny --text river.txt --samples 5 --length 16 --json --out")
    whole, streamed = (json.loads(command(*line, tmp_path / name, "--plan", name)[1])["estimate"]["memory"]
                       for name in ("whole", "streamed"))
    assert streamed < whole
    told = json.loads(command(*line, tmp_path / "between", "--memory", f"{100_000_000 + (streamed + whole) // 2}B")[1])
    assert (told["plan"], told["why"]) == ("streamed", "memory")
    assert statistics.load(tmp_path / "between").plan == "streamed"
    code, out, err = command(*line, tmp_path / "refused", "--memory", "110MB")
    assert (code, out) == (2, "") and err.count("\n") == 1
    enough = re.search(r"Allow (\d+\.\d\d) GB", err)
    assert enough is not None and not list((tmp_path / "refused").iterdir())
    assert command(*line, tmp_path / "refused", "--memory", f"{enough[1]}GB")[0] == 0
    code, _, err = command(*line, tmp_path / "bad", "--memory", "lots")
    assert code == 2 and "'lots'" in err and "6GB" in err


def test_a_folder_goes_on_by_its_own_plan_whatever_is_asked(command: Run, place: Path, tmp_path: Path) -> None:
    model = run(load(str(place / "tiny"), "float32", "cpu"))
    samples = calibration.from_text(model.tokenizer, TEXT, name="river.txt", samples=5, length=16)
    job = collecting.collect(model, samples, folder=tmp_path, plan="whole", batch=1)
    while next(job).done < 2:
        pass
    job.close()
    told = json.loads(command(*flags("collect --model tiny --text river.txt --samples 5 --length 16 --json --plan"),
                              "streamed", "--out", tmp_path)[1])
    assert (told["plan"], told["why"]) == ("whole", "begun")


def test_a_model_that_does_not_fit_whole_is_pruned_block_by_block(command: Run, place: Path, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "resident_bytes", lambda: 100_000_000)
    line = [*flags(f"{PRUNE} --method gblm --sparsity 0.5"), "--masks"]
    plain = json.loads(command(*line, tmp_path / "whole", "--out", tmp_path / "loaded", "--json")[1])
    shape = estimate.shape_of_config(run(open_source(str(place / "tiny"))).config, "float32")
    room = estimate.Room(None)
    whole = reading.choose(shape, Settings(), room, tokens=80, longest=16, exported=True).memory
    limit = f"{100_000_000 + whole - 100_000}B"
    code, out, err = command(*line, tmp_path / "block", "--out", tmp_path / "read", "--memory", limit, "--json")
    told = json.loads(out)
    assert (code, plain["by_block"], told["by_block"]) == (0, False, True), err
    assert {name: value for name, value in plain.items() if name not in ("by_block", "masks", "out")} == {
        name: told[name] for name in plain if name not in ("by_block", "masks", "out")}
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "block").read_bytes()
    first, *_ = command(*line, tmp_path / "said", "--out", tmp_path / "told", "--memory", limit)[1].splitlines()
    assert first.startswith("Pruning the model loaded whole would need")
    code, _, err = command(*line, tmp_path / "refused", "--memory", "101MB")
    enough = re.search(r"Allow (\d+\.\d\d) GB", err)
    assert code == 2 and err.count("\n") == 1 and enough is not None and not (tmp_path / "refused").exists()
    assert command(*line, tmp_path / "refused", "--memory", f"{enough[1]}GB")[0] == 0
