"""How a text becomes samples, against cuts written out by hand.

Knows no network: the tokenizer here makes one token of each character.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gblm_viz.core.base.errors import SettingError, TextError
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import (
    CalibrationSet,
    auto_length,
    checked_text,
    from_jsonl,
    from_text,
    from_tokens,
    hold_out,
    read_given,
)

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def letters(text: str, verbose: bool = True) -> dict[str, Any]:
    """One token a character; like a real tokenizer it cannot take a lone surrogate."""
    text.encode("utf-8")
    return {"input_ids": [ord(character) for character in text]}


def rows(cut: CalibrationSet) -> list[str]:
    """Each sample as the text it came from."""
    return ["".join(map(chr, cut.sample(index).tolist())) for index in range(cut.count)]


def refused(key: str, act: Any, *args: Any, **kwargs: Any) -> TextError:
    with pytest.raises(TextError) as caught:
        act(*args, **kwargs)
    assert caught.value.key == key
    return caught.value


def test_windows_run_from_the_start_without_overlap_and_the_tail_is_counted() -> None:
    cut = from_text(letters, ALPHABET, name="t", length=6)
    assert rows(cut) == ["abcdef", "ghijkl", "mnopqr", "stuvwx"]
    assert cut.left_out == (("tail_tokens", 2),)
    assert cut.token_count == 24


def test_a_text_shorter_than_a_window_is_one_shorter_window() -> None:
    cut = from_text(letters, "abcd", name="t", length=100)
    assert rows(cut) == ["abcd"]
    assert cut.tokens.shape == (1, 4)


def test_more_windows_than_asked_give_a_seeded_choice_in_text_order() -> None:
    text = "".join(chr(200 + index) for index in range(208))
    first, again, other = (from_text(letters, text, name="t", length=5, samples=7, seed=seed) for seed in (1, 1, 2))
    windows = [text[start : start + 5] for start in range(0, 204, 5)]
    places = [windows.index(row) for row in rows(first)]
    assert len(places) == 7
    assert places == sorted(set(places))
    assert first.key == again.key != other.key


def test_paragraphs_are_tokenised_by_themselves_and_what_is_dropped_is_counted() -> None:
    text = "one line\nand more\n\n  \n\nx\n\nabcdefghijklmnopqrstuvwxyz\n"
    cut = from_text(letters, text, name="t", rule="paragraphs", length=20)
    assert rows(cut) == ["one line\nand more", "abcdefghijklmnopqrst"]
    assert cut.lengths.tolist() == [17, 20]
    assert cut.left_out == (("beyond_length", 6), ("under_two_tokens", 1))
    assert int(cut.tokens[0, 17:].abs().sum()) == 0  # padding is zero


@pytest.mark.parametrize(("tokens", "longest", "expected"), [
    (100, None, 16), (1600, None, 100), (10**6, None, 2048), (10**6, 512, 512), (0, 64, 16)])
def test_auto_length_is_a_sixteenth_between_its_bounds(tokens: int, longest: int | None, expected: int) -> None:
    assert auto_length(tokens, longest) == expected


def test_three_sentences_by_auto_are_more_than_one_sample() -> None:
    cut = from_text(letters, "A river runs. It carries sand. The sea takes all of it, and gives it back.", name="t",
                    rule="auto", longest=2048)
    assert cut.count == 4
    assert cut.length == 16


@pytest.mark.parametrize(("raw", "key"), [
    (b"", "empty_text"), (b" \n\t ", "empty_text"), (b"\xff\xfe\x00a", "not_text"), (b"ab\x00cd", "null_bytes"),
    ("\x00", "null_bytes")])
def test_what_is_no_text_is_a_sentence(raw: bytes | str, key: str) -> None:
    error = refused(key, checked_text, raw, "some.txt")
    assert "some.txt" in str(error)


def test_a_byte_order_mark_and_lone_surrogates_never_reach_the_tokenizer() -> None:
    assert checked_text(b"\xef\xbb\xbfabc", "t") == "abc"
    assert checked_text("a\ud800b", "t") == "a?b"


@pytest.mark.parametrize(("length", "key"), [
    (1, "length_too_small"), (0, "length_too_small"), (65, "length_too_large")])
def test_a_length_the_model_cannot_take_is_refused_with_the_number(length: int, key: str) -> None:
    error = refused(key, from_text, letters, ALPHABET, name="t", length=length, longest=64)
    assert str(length) in str(error)


def test_a_text_of_one_token_gives_no_sample() -> None:
    refused("too_short", from_text, letters, "a", name="t")
    refused("too_short", from_text, letters, "a\n\nb", name="t", rule="paragraphs")


def test_a_text_beyond_the_limit_is_refused_before_tokenising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "LARGEST_TEXT", 20)
    refused("text_too_long", from_text, letters, ALPHABET, name="t")


@pytest.mark.parametrize("count", [0, -1])
def test_no_samples_are_refused_by_every_source(count: int, tmp_path: Path) -> None:
    refused("no_samples", from_text, letters, ALPHABET, name="t", samples=count)
    refused("no_samples", from_jsonl, letters, json.dumps(ALPHABET), name="t", samples=count, length=4)
    refused("no_samples", from_tokens, tmp_path / "t.jsonl", vocabulary=9, samples=count)


def test_jsonl_takes_one_window_from_each_of_n_long_documents() -> None:
    documents = [chr(97 + index) * 3 + ALPHABET * 2 for index in range(9)] + ["short"]
    lines = "\n".join(json.dumps({"text": one} if index % 2 else one) for index, one in enumerate(documents))
    cut, again, other = (from_jsonl(letters, lines, name="t", samples=5, length=12, seed=seed) for seed in (3, 3, 4))
    assert cut.count == 5
    assert cut.length == 12
    sources = [next(index for index, one in enumerate(documents) if row in one) for row in rows(cut)]
    assert sources == sorted(sources)
    assert cut.key == again.key != other.key
    everything = from_jsonl(letters, lines, name="t", samples=50, length=12)
    assert everything.count == 9
    assert everything.left_out == (("short_documents", 1),)


def test_a_json_string_may_hold_line_separators_and_surrogate_escapes() -> None:
    lines = json.dumps("abcdef\u2028ghij\x85k", ensure_ascii=False) + '\r\n\r\n"mnopqr\\ud800stuvwx"\n'
    assert rows(from_jsonl(letters, lines, name="t", length=13)) == ["abcdef\u2028ghij\x85k", "mnopqr?stuvwx"]


@pytest.mark.parametrize("line", ["{", "3", "null", '{"body": "x"}', '{"text": 3}', "[" * 100_000])
def test_a_line_that_is_no_document_is_named(line: str) -> None:
    error = refused("bad_json_line", from_jsonl, letters, '"fine"\n' + line, name="docs.jsonl", length=2)
    assert "2" in str(error)
    assert "docs.jsonl" in str(error)


def test_documents_that_are_all_too_short_are_refused() -> None:
    refused("no_long_document", from_jsonl, letters, '"abc"\n"de"', name="t", length=4)


def test_ready_made_tokens_read_alike_from_both_kinds_of_file(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("[1, 2, 3]\n\n[4, 5]\n[6]\n")
    padded = torch.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0]])
    save_file({"tokens": padded, "lengths": torch.tensor([3, 2, 1])}, tmp_path / "t.safetensors")
    lists, tensors = (from_tokens(tmp_path / name, vocabulary=9) for name in ("t.jsonl", "t.safetensors"))
    assert lists.key == tensors.key
    assert lists.tokens.tolist() == [[1, 2, 3], [4, 5, 0]]
    assert lists.lengths.tolist() == [3, 2]
    assert lists.left_out == (("under_two_tokens", 1),)
    assert from_tokens(tmp_path / "t.jsonl", vocabulary=9, samples=1).count == 1


@pytest.mark.parametrize(("content", "key", "named"), [
    ("[1, 2]\n[3, 9]", "tokens_outside", "9"), ("[1, -4]", "tokens_outside", "-4"),
    ("[1, 2.5]", "bad_tokens", "t.jsonl"),
    ('{"tokens": [1]}', "bad_tokens", "t.jsonl"), ("no json", "bad_tokens", "t.jsonl"),
    ("[1, 2, 3, 4, 5, 6]", "length_too_large", "6"), ("", "too_short", "t.jsonl"), ("[1]", "too_short", "t.jsonl")])
def test_tokens_that_do_not_fit_are_refused_with_what_is_wrong(content: str, key: str, named: str,
                                                               tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(content)
    error = refused(key, from_tokens, tmp_path / "t.jsonl", vocabulary=9, longest=5)
    assert named in str(error)


def test_a_missing_or_broken_token_file_is_a_sentence(tmp_path: Path) -> None:
    refused("no_such_file", from_tokens, tmp_path / "none.jsonl", vocabulary=9)
    (tmp_path / "t.safetensors").write_bytes(b"\x10\x00")
    refused("bad_tokens", from_tokens, tmp_path / "t.safetensors", vocabulary=9)
    save_file({"other": torch.zeros(2)}, tmp_path / "o.safetensors")
    refused("bad_tokens", from_tokens, tmp_path / "o.safetensors", vocabulary=9)


@pytest.mark.parametrize("count", [5, 6, 23])
def test_held_out_samples_are_a_seeded_fifth_that_is_not_calibrated_on(count: int) -> None:
    cut = from_text(letters, "".join(chr(200 + index) * 3 for index in range(count)), name="t", length=3)
    kept, held = hold_out(cut, seed=5)
    assert held is not None
    assert held.count == max(2, count // 5)
    assert sorted(rows(kept) + rows(held)) == sorted(rows(cut))
    assert rows(held) == rows(hold_out(cut, seed=5)[1])  # type: ignore[arg-type]


def test_too_few_samples_hold_nothing_out() -> None:
    cut = from_text(letters, "abcdefghijkl", name="t", length=3)
    assert hold_out(cut, seed=0) == (cut, None)


def test_the_key_is_that_of_the_tokens_alone() -> None:
    one = from_text(letters, ALPHABET, name="one", length=6)
    other = from_text(letters, ALPHABET, name="other", length=6, seed=9)
    assert one.key == other.key != from_text(letters, ALPHABET, name="one", length=5).key
    assert one.first(2).key == one.pick([0, 1]).key != one.key


def test_a_token_file_of_other_numbers_or_absurd_lengths_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.safetensors"
    rows_ = torch.tensor([[1, 2, 3], [4, 5, 6]])
    for stored in ({"tokens": rows_.float()}, {"tokens": rows_.bool()}, {"tokens": rows_[0]}, {"tokens": rows_[None]},
                   {"tokens": torch.tensor(3)}, {"tokens": rows_, "lengths": torch.tensor([3, -1])},
                   {"tokens": rows_, "lengths": torch.tensor([3, 2**40])},
                   {"tokens": rows_, "lengths": torch.tensor([3])},
                   {"tokens": rows_, "lengths": torch.tensor([3.0, float("nan")])}):
        save_file(stored, file)
        refused("bad_tokens", from_tokens, file, vocabulary=9)
    save_file({"tokens": rows_.int(), "lengths": torch.tensor([3, 2], dtype=torch.int32)}, file)
    assert from_tokens(file, vocabulary=9).lengths.tolist() == [3, 2]
    (tmp_path / "t.jsonl").write_text("[true, 2]")
    refused("bad_tokens", from_tokens, tmp_path / "t.jsonl", vocabulary=9)


def test_what_is_no_file_is_a_sentence_and_a_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_given(tmp_path / "pipe") == b"", "nobody writes to it, so it has an end"
    for path in (tmp_path, Path("/dev/zero"), tmp_path / ("x" * 5000), tmp_path / "a\0b"):
        refused("cannot_read", read_given, path)
    refused("no_such_file", read_given, tmp_path / "none")
    refused("cannot_read", read_given, tmp_path / "pipe" / "below")
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    assert read_given(Path(f"/dev/fd/{reading}")) == b"from a pipe"
    os.close(reading)
    (tmp_path / "file").write_bytes(b"12345")
    assert read_given(tmp_path / "file", 5) == b"12345"
    refused("text_file_too_large", read_given, tmp_path / "file", 4)


@pytest.mark.parametrize("seed", [2**63, -1, 2**64, 1e308, float("nan"), "0", [0], None, True])
def test_a_seed_that_no_generator_takes_is_refused_where_it_enters(seed: object) -> None:
    with pytest.raises(SettingError) as caught:
        from_text(letters, ALPHABET, name="t", length=3, samples=2, seed=seed)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 300


def test_a_seed_that_python_refuses_to_write_out_is_a_sentence_all_the_same() -> None:
    with pytest.raises(SettingError) as caught:
        calibration.checked_seed(10**5000)
    assert "2^16609" in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), 1e308, "5", [5], True, None])
def test_a_count_or_a_length_that_is_no_whole_number_is_refused(number: object) -> None:
    refused("not_whole", from_text, letters, ALPHABET, name="t", samples=number)
    if number is not None:
        refused("not_whole", from_text, letters, ALPHABET, name="t", length=number)
