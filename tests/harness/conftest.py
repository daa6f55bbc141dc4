"""The environment of the tests that need more than the app does: lm-eval and accelerate."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with lm-eval. Only what it imports is installed; the rest is this environment's."""
    home = tmp_path_factory.mktemp("harness")
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-compile", "-r",
               str(HERE / "requirements.txt")]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=60)
        own, = home.glob("lib/python*/site-packages")
        (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        subprocess.run(install, check=True, capture_output=True, text=True, timeout=600)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        message = f"lm-eval could not be installed, which needs a package index: {getattr(error, 'stderr', error)}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return python
