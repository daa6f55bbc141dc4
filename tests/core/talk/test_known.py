"""What a model says that it knows, from its folder; and the rule that tells where a question belongs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gblm_viz.core.talk.known import BUCKETS, RULE, SKILLS, language_of, pieces_of, read_known


def written(folder: Path) -> Path:
    """A folder that knows two skills, by one telling piece each."""
    told = {"skills": [{"id": name, "name": {"en": name}, "line": {"en": ""}, "examples": {"en": ["?"]}}
                       for name in ("sums", "colours")], "declines": ["I do not know."]}
    (folder / SKILLS).write_text(json.dumps(told))
    weights = np.zeros((BUCKETS + 1, 3), np.int8)
    for place, word in enumerate(("plus", "colour")):
        weights[:BUCKETS][pieces_of(word)[:BUCKETS] > 0, place] = 100
    weights[BUCKETS, 2] = 50  # what says nothing belongs to none
    save_file({name: one for language in ("en", "ja") for name, one in
               ((language, weights), (f"{language}.scale", np.array(0.5, np.float32)))}, folder / RULE)
    return folder


@pytest.mark.parametrize(("question", "skill"), [
    ("5 plus 3?", "sums"), ("5 PLUS 3", "sums"), ("which colour", "colours"), ("who is it", None), ("", None)])
def test_a_question_belongs_where_its_pieces_weigh_most_and_otherwise_to_none(
        question: str, skill: str | None, tmp_path: Path) -> None:
    known = read_known(written(tmp_path))
    assert known is not None
    found = known.find(question)
    assert (found.id if found else None) == skill


def test_case_width_and_digits_do_not_count_and_words_do() -> None:
    assert np.array_equal(pieces_of("What is ７ + 8?"), pieces_of("what IS 1 + 2"))
    assert not np.array_equal(pieces_of("what is red"), pieces_of("red is what"))
    assert pieces_of("anything")[BUCKETS] == 1
    assert float(np.square(pieces_of("a longer question of words")[:BUCKETS]).sum()) == pytest.approx(1)


@pytest.mark.parametrize(("question", "language"), [("12 + 3", "en"), ("What?", "en"), ("ﾈｺ", "ja"), ("犬", "ja"),
                                                    ("hello ってなに", "ja")])
def test_one_japanese_letter_makes_a_question_japanese(question: str, language: str) -> None:
    assert language_of(question) == language


@pytest.mark.parametrize("missing", [SKILLS, RULE])
def test_a_folder_without_the_files_says_nothing(missing: str, tmp_path: Path) -> None:
    (written(tmp_path) / missing).unlink()
    assert read_known(tmp_path) is None


def test_what_it_declines_with_is_told(tmp_path: Path) -> None:
    known = read_known(written(tmp_path))
    assert known is not None and known.declines == {"I do not know."}
