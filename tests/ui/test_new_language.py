"""A language is a folder of words: a made-up one is added to a copy of the package, and no line of code is touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASK = """
import json
from fastapi.testclient import TestClient
from gblm_viz.ui import server
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work import work
from gblm_viz.words import LANGUAGES, words
client = TestClient(server.make_app(Library()), base_url="http://127.0.0.1")
glossary = client.get("/xx/glossary")
page, config = client.get("/xx/"), client.get("/xx/config")
print(json.dumps({"languages": LANGUAGES, "status": page.status_code, "html": page.text[:400], "config": config.text,
                  "missing": words("xx").missing, "held_out": work.held_out_text("xx"),
                  "glossary": glossary.text.count("<article")}))
"""


def test_a_folder_of_words_is_a_language_and_what_it_lacks_reads_english_and_is_told(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "gblm_viz", tmp_path / "gblm_viz", ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    new = tmp_path / "gblm_viz" / "words" / "xx"
    new.mkdir()
    (new / "language.toml").write_text('name = "Xish"\n')
    (new / "frame.toml").write_text('load = "Xload"\n[tabs]\nprune = "Xprune"\n')
    done = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(tmp_path), "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["languages"] == {"en": "English", "ja": "日本語", "xx": "Xish"}
    assert told["status"] == 200 and 'lang="xx"' in told["html"]
    assert "Xprune" in told["config"] and "Xload" in told["config"] and "Gradients" in told["config"]
    assert f"{told['missing']:,} sentences are not translated yet" in told["config"]
    assert told["held_out"] == "held_out_en.txt"
    assert told["glossary"] > 130
