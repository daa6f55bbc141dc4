"""kill -9 at every operation on the disk: what was there before stays whole, and the next run ends in the same bytes.

The kills run in a process of their own (this file as a program), which forks a child for each: see tests/killing.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gblm_viz.core.base.errors import StatisticsError
from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.mask_file import mask_file_bytes, save_masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.models import load, open_source
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.text.calibration import from_text
from gblm_viz.words import words
from tests.families import save_tiny
from tests.killing import contents, killed

ROOT = Path(__file__).parents[2]
TEXT = "The river carries sand to the sea, and the sea carries it back to the shore.\n" * 6


def export_kills(place: Path, by_block: bool) -> list[str]:
    """An export over an earlier one, killed at each operation: whole old or whole new, and the next run gives the new.
    """
    source = save_tiny(place / "tiny", "llama")
    model = run(load(str(source), "float32", "cpu", run(open_source(str(source))), by_block))
    masks = [run(prune.masks(model, None, Settings("magnitude", sparsity=share, order="dense")))
             for share in (0.25, 0.5)]
    old, new = (place / name for name in ("old", "new"))
    for folder, applied in zip((old, new), masks, strict=True):
        run(export.save(prune.pruned(model, applied), applied, folder))
    work = place / "work"
    out = work / "out"

    def before() -> None:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(old, out)

    def act() -> None:
        run(export.save(prune.pruned(model, masks[1]), masks[1], out, force=True))

    wholes, found, seen = [contents(old), contents(new)], [], set()
    for where in killed(act, work, before, sizes=(0, 1000, 40_000)):
        seen.add(wholes.index(contents(out)))  # ValueError: it is neither
        found.append(where)
        if len(found) % 5 == 1:
            act()
            assert contents(out) == wholes[1] and [entry.name for entry in work.iterdir()] == ["out"], where
    assert seen == {0, 1}, "no kill came after the new one was in place"
    return found


def masks_kills(place: Path) -> list[str]:
    """A mask file over an earlier one."""
    model = run(load(str(save_tiny(place / "tiny", "llama")), "float32", "cpu"))
    masks = [run(prune.masks(model, None, Settings("magnitude", sparsity=share, order="dense")))
             for share in (0.25, 0.5)]
    work = place / "work"
    out = work / "m.safetensors"
    wholes = [mask_file_bytes(one) for one in masks]

    def before() -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        out.write_bytes(wholes[0])

    def act() -> None:
        save_masks(masks[1], out)

    found, seen = [], set()
    for where in killed(act, work, before, sizes=(0, 7, 100, 5000, len(wholes[1]) - 1)):
        seen.add(wholes.index(out.read_bytes()))  # ValueError: it is neither
        act()
        assert contents(work) == {"m.safetensors": wholes[1]}, where
        found.append(where)
    assert seen == {0, 1}, "no kill came after the new one was in place"
    return found


def collect_kills(place: Path, plan: str, step: int = 1) -> list[str]:
    """A statistics folder, its checkpoints and the last saving."""
    model = run(load(str(save_tiny(place / "tiny", "llama")), "float32", "cpu"))
    samples = from_text(model.tokenizer, TEXT, name="river.txt", samples=2, length=16)
    out = place / "work"

    def act() -> None:
        run(collect(model, samples, folder=out, plan=plan, checkpoint_seconds=0, batch=1))

    def before() -> None:
        shutil.rmtree(out, ignore_errors=True)

    before()
    act()
    expected, found = contents(out), []
    for where in killed(act, out, before, step, sizes=(0, 100, 5000)):
        act()
        assert contents(out) == expected, where
        found.append(where)
    return found


def smaller_kills(place: Path) -> list[str]:
    """A folder of fewer samples, that a run of more by the streamed plan overwrites, never looks whole half-way."""
    model = run(load(str(save_tiny(place / "tiny", "llama")), "float32", "cpu"))
    samples = from_text(model.tokenizer, TEXT, name="river.txt", samples=3, length=16)
    small, out = place / "small", place / "work"
    first = run(collect(model, samples.first(1)))
    statistics.save(replace(first, asked=samples.count), small)

    def act() -> None:
        run(collect(model, samples, folder=out, plan="streamed"))

    def before() -> None:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(small, out)

    before()
    act()
    expected, found = contents(out), []
    for where in killed(act, out, before, step=5):
        try:
            statistics.load(out, model)
        except StatisticsError:
            assert not (out / "manifest.json").exists(), where
        else:
            assert any(whole.items() <= contents(out).items() for whole in (contents(small), expected)), where
        act()
        assert contents(out) == expected, where
        found.append(where)
    return found


KILLS: dict[str, Callable[[Path], list[str]]] = {
    "export": lambda place: export_kills(place, False), "export by block": lambda place: export_kills(place, True),
    "masks": masks_kills, "collect": lambda place: collect_kills(place, "whole"),
    "collect streamed": lambda place: collect_kills(place, "streamed", 2), "collect over fewer": smaller_kills,
}
FEWEST = {"export": 10, "export by block": 10, "masks": 8, "collect": 20, "collect streamed": 30,
          "collect over fewer": 10}


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What was killed → where; a kill that left harm ends the program with an error."""
    done = subprocess.run([sys.executable, "-m", "tests.core.test_kill", str(tmp_path_factory.mktemp("kills"))],
                          capture_output=True, text=True, check=False, cwd=ROOT, timeout=600,
                          env=os.environ | {"OMP_NUM_THREADS": "1"})
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return found | {"stderr": [done.stderr]}


@pytest.mark.parametrize("what", KILLS)
def test_killed_at_every_operation_it_leaves_whole_files_and_the_next_run_the_same_bytes(
        what: str, kills: dict[str, list[str]]) -> None:
    assert what in kills, kills["stderr"]
    assert kills[what][-1] == "whole", kills[what]
    assert len(kills[what]) > FEWEST[what], kills[what]


def _all(place: Path) -> dict[str, list[str]]:
    """Each ends with `whole`, or with what was not."""
    found = {}
    for number, (what, kill) in enumerate(KILLS.items()):
        (place / str(number)).mkdir()
        try:
            found[what] = [*kill(place / str(number)), "whole"]
        except (AssertionError, ValueError) as error:
            found[what] = [repr(error)]
        print(what, os.times(), file=sys.stderr)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    words("en"), words("ja")
    print(json.dumps(_all(Path(sys.argv[1]))))
