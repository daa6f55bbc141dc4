"""What checking a statistics folder costs when it is loaded: seconds a GB, and the memory it holds beside the file.

    python -m tests.benchmarks.check_folder [--megabytes 1000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from gblm_viz.core.base.checked_files import Kind, check_tensors, read_header


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    columns = parser.parse_args().megabytes * 250_000 // 1024 // 8
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "block-0000.safetensors"
        save_file({f"{number}.gradient_l1": torch.rand(1024, columns) for number in range(8)}, file)
        wanted = {f"{number}.gradient_l1": Kind("F32", (1024, columns), 0) for number in range(8)}
        for turn in ("first", "second", "third"):
            before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
            check_tensors(read_header(file.parent, file.name), wanted)
            seconds, more = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(f"{turn}: {seconds / file.stat().st_size * 1e9:.2f} s a GB, peak memory +{more / 1024:.1f} MB")


if __name__ == "__main__":
    main()
