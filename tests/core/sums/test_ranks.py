"""Two processes that share the samples of one collection (gloo, CPU), against one process alone.

One test has torchrun start them; to the others they are given as torchrun would.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gblm_viz.cli.main import UNUSABLE, main
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.footprint import free_memory
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.checkpoints import checkpoint_blocks, checkpoint_samples
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.estimate import SUM_FILLS, Pace, Work, estimates, room_of, shape_of, sums_bytes
from gblm_viz.core.sums.ranks import ALONE, Ranks
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import from_text
from tests import warm
from tests.families import save_tiny

ROOT = Path(__file__).parents[3]
TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n" * 8
SAMPLES = 7  # odd: one process has a sample more than the other

DIES = """
import os, signal, sys, time
from pathlib import Path
from gblm_viz.core.text.calibration import from_text
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.core.sums.ranks import Ranks
source, text, out, plan, at = sys.argv[1:]
model = run(load(source, "float32", "cpu"))
cut = from_text(model.tokenizer, Path(text).read_text(), name=Path(text).name, samples=7, length=16)
def dies(step):
    if os.environ["RANK"] == "1" and step.done == int(at):
        time.sleep(1)  # the other one writes its checkpoint meanwhile
        os.kill(os.getpid(), signal.SIGKILL)
with Ranks.of_environment().joined("cpu") as ranks:
    run(collect(model, cut, folder=Path(out), halves=True, plan=plan, checkpoint_seconds=0, ranks=ranks, batch=1), dies)
"""


@dataclass(frozen=True)
class Done:
    """What two processes ended with, and said together."""

    codes: tuple[int | None, ...]
    said: str
    complained: str


def by_torchrun(*command: object) -> Done:
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "gblm_viz",
                           *map(str, command)], cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
                          capture_output=True, text=True, timeout=120, check=False)
    return Done((done.returncode,), done.stdout, done.stderr)


def two(place: Path, code: str, *arguments: object, module: bool = False) -> Done:
    both = warm.begin_two(place, code, *arguments, module=module)
    return Done(tuple(one.code for one in both), "".join(one.said() for one in both),
                "".join(one.complained() for one in both))


def command(place: Path, family: str, out: Path, plan: str, batch: int = 1) -> list[object]:
    return ["collect", "--model", place / family, "--text", place / "river.txt", "--samples", SAMPLES, "--length", 16,
            "--halves", "--plan", plan, "--device", "cpu", "--out", out, "--batch", batch]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    for family in ("llama", "mixtral"):
        save_tiny(folder / family, family)
    (folder / "river.txt").write_text(TEXT, encoding="utf-8")
    return folder


def alone(place: Path, family: str, plan: str, out: Path) -> Statistics:
    """One process's own run into a folder, or what it makes of what it finds there."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as torchrun sets it: each sample's numbers are then the same bits
    try:
        model = run(load(str(place / family), "float32", "cpu"))
        cut = from_text(model.tokenizer, TEXT, name="river.txt", samples=SAMPLES, length=16)
        run(collect(model, cut, folder=out, halves=True, plan=plan, batch=1))
        return statistics.load(out, model)
    finally:
        torch.set_num_threads(threads)


def near(found: Tensor, expected: Tensor, kind: str, absolute: Tensor) -> bool:
    """core/README.md's tolerances. absolute: the ℓ1 that belongs to a signed sum."""
    if kind.startswith(("sum", "gradient_sum")):
        return bool(((found - expected).abs() <= 1e-6 * absolute).all())
    return torch.allclose(found, expected, rtol=1e-5, atol=1e-7 * float(expected.abs().max()))


def differences(found: Path, expected: Path, by_sample: bool = True) -> list[str]:
    """What of one folder is not what it is in the other, within the tolerances. by_sample: one by one in both, so that
    what belongs to one sample has the same bytes."""
    one, other = statistics.load(found), statistics.load(expected)
    wrong = sorted({file.name for file in found.iterdir()} ^ {file.name for file in expected.iterdir()})
    for file in ("manifest.json", "calibration.safetensors", *(("samples.safetensors",) if by_sample else ())):
        if (found / file).read_bytes() != (expected / file).read_bytes():
            wrong.append(file)
    for name, sums in other.sums.items():
        mine = one.sums[name]
        if not torch.equal(mine.tokens, sums.tokens):
            wrong.append(f"{name} tokens")
        kinds = {"input_sq": (mine.input_sq, sums.input_sq, sums.input_sq)}
        kinds |= {kept: (mine.gradients[kept], tensor, sums.gradients["l1"]) for kept, tensor in sums.gradients.items()}
        kinds |= {kind: (one.halves[name][kind], tensor, other.halves[name][kind.replace("_sum_", "_l1_")])
                  for kind, tensor in other.halves[name].items()}
        wrong += [f"{name} {kind}" for kind, given in kinds.items() if not near(given[0], given[1], kind, given[2])]
    return wrong


@pytest.mark.parametrize(("family", "plan"), [("llama", "whole"), ("mixtral", "streamed")])
def test_two_processes_write_one_processs_folder(family: str, plan: str, place: Path, tmp_path: Path) -> None:
    asked = [*command(place, family, tmp_path / "two", plan), "--json"]
    done = by_torchrun(*asked) if plan == "whole" else two(tmp_path / "said", "gblm_viz", *asked, module=True)
    assert set(done.codes) == {0}, done.complained
    assert done.said.count("\n") == 1  # one of them speaks
    assert '"processes": 2' in done.said
    alone(place, family, plan, tmp_path / "one")
    assert differences(tmp_path / "two", tmp_path / "one") == []


@pytest.mark.parametrize("plan", ["whole", "streamed"])
def test_two_processes_share_batches_too(plan: str, place: Path, tmp_path: Path) -> None:
    done = two(tmp_path / "said", "gblm_viz", *command(place, "llama", tmp_path / "two", plan, batch=2), module=True)
    assert done.codes == (0, 0), done.complained
    found, expected = statistics.load(tmp_path / "two"), alone(place, "llama", plan, tmp_path / "one")
    torch.testing.assert_close(found.losses, expected.losses, rtol=1e-5, atol=0)
    for name, values in expected.sample_l1.items():
        torch.testing.assert_close(found.sample_l1[name], values, rtol=1e-5, atol=0)
    assert differences(tmp_path / "two", tmp_path / "one", by_sample=False) == []


# streamed: steps count four samples of the first process, three of the second, which dies in its second block backward
@pytest.mark.parametrize(("family", "plan", "at"), [("llama", "streamed", 3 * (3 + 1 + 3)), ("mixtral", "whole", 4)])
def test_where_one_process_is_killed_both_end_and_one_or_two_go_on(family: str, plan: str, at: int, place: Path,
                                                                  tmp_path: Path) -> None:
    out = tmp_path / "two"
    died = two(tmp_path / "died", DIES, place / family, place / "river.txt", out, plan, at)
    assert died.codes == (1, -signal.SIGKILL), died.complained
    assert "process_ended" in died.complained or "has ended" in died.complained
    left = {"streamed": checkpoint_blocks, "whole": checkpoint_samples}[plan](out)
    assert left == {"streamed": 2, "whole": 4}[plan]  # of three blocks one is done; of seven samples two rounds
    shutil.copytree(out, tmp_path / "one")
    alone(place, family, plan, tmp_path / "one")
    alone(place, family, plan, tmp_path / "undisturbed")
    assert differences(tmp_path / "one", tmp_path / "undisturbed") == []
    done = two(tmp_path / "said", "gblm_viz", *command(place, family, out, plan), module=True)
    assert done.codes == (0, 0), done.complained
    assert "2 processes" in done.said
    assert differences(out, tmp_path / "undisturbed") == []


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_every_sample_belongs_to_one_process_and_rounds_are_in_order(count: int) -> None:
    owned = [Ranks(rank, count).own(7) for rank in range(count)]
    assert sorted(index for own in owned for index in own) == list(range(7))
    for rounds in range(7 // count + 1):
        done = sorted(index for own in owned for index in own[:rounds])
        assert done == list(range(min(7, rounds * count)))


def test_one_process_sends_nothing() -> None:
    tensor = torch.tensor([1.0, 2.0])
    with ALONE.joined("cpu") as ranks:
        assert not torch.distributed.is_initialized()
        ranks.add(tensor)
        ranks.add_small([tensor])
        assert tensor.tolist() == [1.0, 2.0]
        assert (ranks.any(True), ranks.any(False), ranks.of_first(3)) == (True, False, 3)


def test_processes_without_a_gpu_each_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(GblmError) as caught, Ranks(1, 2, 1, 2).joined("cuda"):
        pass
    assert caught.value.key == "fewer_gpus"


def test_only_collect_is_shared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["chat", "--model", "pocket", "--prompt", "River"]) == UNUSABLE
    assert "torchrun" in capsys.readouterr().err


def test_an_estimate_is_of_one_processs_share(place: Path) -> None:
    shape = shape_of(run(load(str(place / "llama"), "float32", "cpu")))
    pace = Pace(1e9, 1e9, 1e-6, 1e9)
    whole, half = (estimates(shape, Work(8, 16, 128, 3, True, processes), pace) for processes in (1, 2))
    own = SUM_FILLS * sum(sums_bytes(block, Work(8, 16, 128, 3, True)) for block in shape.blocks) / pace.fill
    for plan, one in whole.items():  # each has sums of its own to begin with
        assert half[plan].seconds - own == pytest.approx((one.seconds - own) / 2)
        assert half[plan].disk == one.disk
    assert dict(half["streamed"].parts)["inputs"] * 2 == dict(whole["streamed"].parts)["inputs"]
    assert dict(half["whole"].parts) == dict(whole["whole"].parts)  # its sums are as many
    free = free_memory()
    assert free is None or room_of("cpu", processes=4).memory == pytest.approx(free / 4, rel=0.2)
    limited = room_of("cpu", limit=10**13, processes=4).memory
    assert limited is not None
    assert limited > 9 * 10**12  # a person's limit is each one's
