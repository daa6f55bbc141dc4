"""`python app.py` and `python -m gblm_viz` on machines as people have them: proxies, locales, homes, ports, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from gblm_viz import proxies
from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.model.download import download
from gblm_viz.core.model.models import POCKET

ROOT = Path(__file__).parents[2]
START_SECONDS, END_SECONDS = 180, 20
HARD = {"ALL_PROXY": "socks5://127.0.0.1:1", "https_proxy": "http://[::1", "LC_ALL": "POSIX", "PYTHONUTF8": "0"}
"""What a machine with a VPN and without a locale sets."""


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"}}
    return {**kept, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), **more}


def ended(*flags: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`python app.py` with flags that it cannot use."""
    return subprocess.run([sys.executable, str(ROOT / "app.py"), *flags], env=environment(**more), capture_output=True,
                          text=True, timeout=START_SECONDS)


@pytest.mark.parametrize("flags", [
    ("--port", "99999"), ("--port", "-1"), ("--port", "abc"), ("--port", "8.5"), ("--port=" + "9" * 400,),
    ("--allow-host", "a b"), ("--threads", "0"), ("--threads", "two"), ("--password", "")],
    ids=lambda flags: " ".join(flags)[:20])
def test_a_flag_that_makes_no_sense_is_one_sentence_and_code_2(flags: tuple[str, ...]) -> None:
    found = ended(*flags)
    assert found.returncode == 2 and found.stdout == ""
    assert found.stderr.count("\n") == 1 and "Traceback" not in found.stderr
    assert flags[0].partition("=")[0] in found.stderr or "password" in found.stderr


def test_a_taken_port_is_a_sentence_and_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = ended("--port", port)
    assert (found.returncode, found.stdout) == (2, "")
    assert port in found.stderr and "Traceback" not in found.stderr


@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_a_torch_that_cannot_be_imported_ends_the_app_with_its_reason(tmp_path: Path, error: str) -> None:
    (tmp_path / "torch.py").write_text(f"raise {error}('its library is broken')\n")
    found = ended("--port", "0", PYTHONPATH=os.pathsep.join((str(tmp_path), str(ROOT))))
    assert found.returncode == 1
    assert "its library is broken" in found.stderr.splitlines()[-1]


def test_with_a_vpns_proxy_no_locale_no_home_and_a_folder_in_japanese_the_app_starts_and_ends(tmp_path: Path) -> None:
    """One start for all of it: by IPv6 where there is one, from a folder that takes no file, ended by Ctrl-C."""
    model = tmp_path / "日本語" / "モデル"
    shutil.copytree(POCKET, model)
    nowhere = tmp_path / "read-only"
    nowhere.mkdir()
    nowhere.chmod(0o555)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    host = "::1" if _has_ipv6() else "127.0.0.1"
    link = f"http://{'[::1]' if host == '::1' else host}:{port}/"
    log = tmp_path / "log.txt"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "--host", host, "--port", str(port), "--model", str(model)],
            env=environment(**HARD, HOME=str(nowhere)), cwd=nowhere, stdout=stream, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + START_SECONDS
        while "is running on" not in log.read_text(encoding="utf-8") and time.monotonic() < until:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        assert f"is running on {link} " in log.read_text(encoding="utf-8")
        ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with ask.open(f"{link}en/", timeout=60) as answer:
            assert answer.status == 200
        many = "&".join(f"x{number}=1" for number in range(150))
        for place in ("", "en/"):
            with ask.open(f"{link}{place}?{many}&long={'y' * 80_000}", timeout=60) as answer:
                assert answer.status == 200
        with ask.open(f"{link}en/gradio_api/heartbeat/abc", timeout=60):  # a page that is open
            process.send_signal(signal.SIGINT)
            assert process.wait(END_SECONDS) == 130
    finally:
        process.kill()
    told = log.read_text(encoding="utf-8")
    assert "Traceback" not in told and "terminate called" not in told


@pytest.mark.skipif(os.name != "posix", reason="these locales are of POSIX")
def test_the_command_line_works_there_too(tmp_path: Path) -> None:
    model = tmp_path / "日本語" / "モデル"
    shutil.copytree(POCKET, model)
    found = subprocess.run([sys.executable, "-m", "gblm_viz", "chat", "--model", str(model), "--max-tokens", "3",
                            "--prompt", "日本の首都は？", "--json"], env=environment(**HARD), cwd=tmp_path,
                           capture_output=True, timeout=START_SECONDS)
    assert found.returncode == 0, found.stderr.decode("utf-8", "replace")
    told = json.loads(found.stdout)
    assert (told["model"], told["prompt"]) == ("モデル", "日本の首都は？")


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


# Proxies

@pytest.fixture
def nothing_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower() in proxies.NAMES]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(proxies, "_aside", [])


@pytest.mark.usefixtures("nothing_aside")
@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize(("value", "kept"), [
    ("http://127.0.0.1:8080", True), ("https://user:pass@127.0.0.1", True), ("127.0.0.1:8080", True), ("", True),
    ("http://[::1", False), ("ftp://127.0.0.1", False), ("http://a:port", False), ("://", False)])
def test_a_proxy_that_can_be_used_stays_and_another_is_set_aside(name: str, value: str, kept: bool,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    proxies.set_aside()
    assert (os.environ.get(name) == value, proxies.unusable()) == (kept, () if kept else (name,))


@pytest.mark.usefixtures("nothing_aside")
def test_exceptions_that_cannot_be_read_are_set_aside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "http://[::")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:8080")
    proxies.set_aside()
    assert "NO_PROXY" in proxies.unusable()


@pytest.mark.usefixtures("nothing_aside")
@pytest.mark.parametrize("value", ["socks5://user:secret@127.0.0.1:1", "socks5h://127.0.0.1:1"])
def test_nothing_is_fetched_past_a_proxy_that_cannot_be_used(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as where it is not installed
    monkeypatch.setenv("ALL_PROXY", value)
    monkeypatch.setattr("gblm_viz.core.model.download._wanted", lambda *_: pytest.fail("asked the hub"))
    with pytest.raises(ModelError) as refused:
        run(download("owner/name-that-is-not-here"))
    assert refused.value.key == "proxy_unusable"
    assert re.search(r"\bALL_PROXY\b", str(refused.value)) and "secret" not in str(refused.value)
