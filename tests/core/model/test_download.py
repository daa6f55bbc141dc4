"""Fetching a hub id, against a stand-in hub on this machine: progress, Cancel, and what each refusal says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from safetensors.torch import load, save

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.model import download as downloads
from gblm_viz.core.model.models import load as load_model
from tests.families import save_tiny

COMMIT = "a" * 40
PIECE = 16_384


class Hub:
    """One model at owner/tiny; owner/gated and owner/absent are refused as the hub refuses them."""

    def __init__(self, folder: Path) -> None:
        self.files = {file.name: file.read_bytes() for file in folder.iterdir()}
        self.files |= {"evil.py": b"raise SystemExit", "pytorch_model.bin": b"pickle"}
        self.pause = 0.0
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                """Silent."""

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        path = request.path.split("?")[0]
        if body:
            self.asked.append(path)
        refused = {"owner/gated": (403, "GatedRepo"), "owner/absent": (404, "RepoNotFound")}
        for name, (status, code) in refused.items():
            if name in path:
                return self.send(request, status, b"", {"X-Error-Code": code}, body)
        if "/resolve/" in path:
            content = self.files.get(path.split(f"/{COMMIT}/")[1])
            if content is None:
                return self.send(request, 404, b"", {"X-Error-Code": "EntryNotFound"}, body)
            etag = f'"{len(content):040d}"'
            return self.send(request, 200, content, {"ETag": etag, "X-Repo-Commit": COMMIT}, body)
        if "/tree/" in path:
            tree = [{"type": "file", "path": name, "size": len(content), "oid": f"{len(content):040d}"}
                    for name, content in self.files.items()]
            return self.send(request, 200, json.dumps(tree).encode(), {}, body)
        about = {"id": "owner/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in self.files]}
        return self.send(request, 200, json.dumps(about).encode(), {}, body)

    def send(self, request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str],
             body: bool) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        for start in range(0, len(content) if body else 0, PIECE):
            try:
                request.wfile.write(content[start : start + PIECE])
            except OSError:
                return
            time.sleep(self.pause)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    stand_in = Hub(save_tiny(tmp_path / "model", "llama"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(downloads, "snapshot_download", partial(
        huggingface_hub.snapshot_download, endpoint=stand_in.url, cache_dir=tmp_path / "cache"))
    yield stand_in
    stand_in.server.shutdown()


def test_a_hub_model_is_fetched_and_loads_without_pickles_or_code(hub: Hub):
    steps = []
    model = run(load_model("owner/tiny"), steps.append)
    assert model.name == "owner/tiny"
    assert model.layout.matrices
    assert not any(path.endswith((".py", ".bin")) for path in hub.asked)
    assert [step.what for step in steps][-1] == "load"


def split(hub: Hub) -> list[str]:
    """The hub's model as two shards with an index."""
    whole = load(hub.files.pop("model.safetensors"))
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    placed = {key: names[number % 2] for number, key in enumerate(whole)}
    for name in names:
        hub.files[name] = save({key: one for key, one in whole.items() if placed[key] == name}, {"format": "pt"})
    hub.files["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": placed}).encode()
    return names


OTHERS = ("consolidated.safetensors", "consolidated.00.safetensors", "model.fp16.safetensors", "adapter.safetensors",
          "original/model.safetensors", "original/params.json", "onnx/config.json", "model.fp16.safetensors.index.json")


@pytest.mark.parametrize("shards", [False, True])
def test_nothing_is_fetched_but_what_makes_the_model(hub: Hub, shards: bool):
    makes = {name for name in hub.files if not name.endswith((".py", ".bin"))}
    if shards:
        makes = makes - {"model.safetensors"} | {*split(hub), "model.safetensors.index.json"}
    else:
        hub.files["model-00001-of-00001.safetensors"] = b"1" * 100
        hub.files["model.safetensors.index.json"] = b'{"metadata": {}, "weight_map": {}}'
    hub.files |= dict.fromkeys(OTHERS, b"0" * 1000)
    run(load_model("owner/tiny"))
    fetched = {path.split(f"/{COMMIT}/")[1] for path in hub.asked if "/resolve/" in path}
    assert fetched == makes
    hub.asked.clear()
    run(load_model("owner/tiny"))
    assert hub.asked == []


def test_shards_without_an_index_are_refused_before_a_weight_comes(hub: Hub):
    split(hub)
    del hub.files["model.safetensors.index.json"]
    with pytest.raises(ModelError, match="owner/tiny") as caught:
        run(load_model("owner/tiny"))
    assert caught.value.key == "no_index"
    assert not any(path.endswith(".safetensors") for path in hub.asked)


OTHER_KINDS = {
    "gguf_only": ({"tiny.Q4_K_M.gguf": b"GGUF", "README.md": b""}, "tiny.Q4_K_M.gguf"),
    "adapter": ({"adapter_config.json": b'{"base_model_name_or_path": "owner/base"}',
                 "adapter_model.safetensors": b"0" * 1000}, "owner/base"),
    "pipeline": ({"model_index.json": b"{}", "unet/model.safetensors": b"0" * 1000}, "owner/tiny"),
    "other_format": ({"config.json": b"{}", "tf_model.h5": b"0" * 1000}, "tf_model.h5"),
}


@pytest.mark.parametrize("key", OTHER_KINDS)
def test_a_repository_that_is_something_else_says_what_it_is_before_anything_large_comes(hub: Hub, key: str):
    hub.files, named = OTHER_KINDS[key]
    with pytest.raises(ModelError) as caught:
        run(load_model("owner/tiny"))
    assert caught.value.key == key
    assert named in str(caught.value)
    assert not any(path.endswith((".gguf", ".h5", ".safetensors")) for path in hub.asked)


@pytest.mark.parametrize("key", ["gguf_only", "adapter"])
def test_a_cached_repository_that_is_something_else_says_what_it_is_without_the_hub(hub: Hub, key: str):
    hub.files, named = OTHER_KINDS[key]
    downloads.snapshot_download("owner/tiny")
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(ModelError) as caught:
        run(load_model("owner/tiny"))
    assert caught.value.key == key
    assert named in str(caught.value)


def test_a_shard_that_is_missing_is_fetched_by_the_next_try(hub: Hub, tmp_path: Path):
    first = split(hub)[0]
    run(load_model("owner/tiny"))
    next((tmp_path / "cache").rglob(first)).unlink()
    run(load_model("owner/tiny"))
    hub.server.shutdown()
    hub.server.server_close()
    run(load_model("owner/tiny"))


def test_what_was_fetched_once_needs_no_hub(hub: Hub):
    run(load_model("owner/tiny"))
    hub.asked.clear()
    run(load_model("owner/tiny"))
    assert hub.asked == []


def test_progress_counts_bytes_and_closing_ends_the_transfer(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    hub.files["model.safetensors"] += b"\0" * 4_000_000
    hub.pause = 0.05
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", PIECE)
    job = downloads.download("owner/tiny")
    seen = [next(job) for _ in range(8)]
    assert all(step.what == "byte" for step in seen)
    assert seen[-1].done > seen[0].done
    assert seen[0].total > 4_000_000
    job.close()
    time.sleep(1.0)
    before = threading.active_count()
    time.sleep(1.0)
    assert not any(thread.name.startswith("download ") and thread.is_alive() for thread in threading.enumerate())
    assert threading.active_count() <= before


@pytest.mark.parametrize(("source", "key"), [("owner/gated", "gated"), ("owner/absent", "no_such_repository")])
def test_a_refusal_is_a_sentence_that_names_the_model(hub: Hub, source: str, key: str):
    with pytest.raises(ModelError, match=source) as caught:
        run(load_model(source))
    assert caught.value.key == key


def test_a_model_larger_than_the_disk_is_refused_before_a_byte_comes(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 100})())
    with pytest.raises(ModelError) as caught:
        run(load_model("owner/tiny"))
    assert caught.value.key == "disk_full"
    assert not any("/resolve/" in path and "safetensors" in path for path in hub.asked)


def test_a_hub_out_of_reach_is_a_sentence(hub: Hub):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(ModelError) as caught:
        run(load_model("owner/tiny"))
    assert caught.value.key in {"offline", "hub_failed"}
