"""What the Your text tab does with a text: its name, ends of lines, uploads, and which samples are held out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from gblm_viz.amounts import format_bytes
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.measure import tolerance
from gblm_viz.core.model.models import Model
from gblm_viz.core.text.calibration import CalibrationSet, from_text, held_out_indices, hold_out
from gblm_viz.core.text.tokens import trim_cut_characters
from gblm_viz.ui.tabs import text
from gblm_viz.ui.visit.keys import ModelKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.visit.uploads import Upload
from gblm_viz.ui.work import work
from gblm_viz.words import Words, words

MODEL = ModelKey("pocket", "float32", "cpu")
CONTROLS = ("auto", 64, None, 0)


def numbered(count: int) -> CalibrationSet:
    return CalibrationSet(torch.arange(count)[:, None].repeat(1, 3), torch.full((count,), 3), "windows", 0, "", "")


@pytest.mark.parametrize("count", [5, 6, 16, 40])
def test_the_held_out_numbers_are_those_of_the_samples_held_out(count: int) -> None:
    kept, held = hold_out(numbered(count), 3)
    assert held is not None
    assert held.tokens[:, 0].tolist() == held_out_indices(count, 3)
    assert sorted(kept.tokens[:, 0].tolist() + held_out_indices(count, 3)) == list(range(count))


def test_held_out_numbers_count_in_the_whole_list_where_samples_are_left_out() -> None:
    choice = TextChoice("x", dropped=frozenset({0, 4, 7}))
    _, held_out, held = work.split_samples(numbered(20), choice)
    assert held_out is not None
    assert sorted(held) == held_out.tokens[:, 0].tolist()
    assert not held & choice.dropped


def test_leaving_out_every_sample_is_a_sentence() -> None:
    with pytest.raises(GblmError, match="left out"):
        work.split_samples(numbered(3), TextChoice("x", "a.txt", dropped=frozenset(range(3))))


def test_a_text_keeps_its_name_until_it_is_edited() -> None:
    before = TextChoice("one\r\ntwo", "file.txt", dropped=frozenset({1}))
    assert text.read_choice(before, 0, "one\ntwo", *CONTROLS) == before
    assert text.read_choice(before, 0, "one\ntwo!", *CONTROLS) == TextChoice("one\ntwo!")


def test_a_box_that_was_sent_before_its_text_was_replaced_does_not_bring_that_back() -> None:
    first = TextChoice("one\r\ntwo", "file.txt")
    second = TextChoice("three", "other.txt").after(first)
    late = text.read_choice(second, 0, "one\ntwo", "windows", 64, None, 0)
    assert (late.text, late.name, late.rule) == ("three", "other.txt", "windows")
    third = TextChoice("four").after(late)
    assert text.read_choice(third, 0, "one\ntwo", *CONTROLS).text == "four"
    assert text.read_choice(third, 1, "three", *CONTROLS).text == "four"
    # what is typed once the replacing text is on the page, or typed meanwhile, counts
    assert text.read_choice(third, 2, "one\ntwo", *CONTROLS) == TextChoice("one\ntwo")
    assert text.read_choice(third, 0, "one\ntwo!", *CONTROLS) == TextChoice("one\ntwo!")


def test_the_beginning_of_a_long_text_does_not_bring_it_back_either() -> None:
    long = TextChoice("word\r\n" * text.EDITABLE, "long.txt")
    after = TextChoice("short", "other.txt").after(long)
    assert text.read_choice(after, 0, long.box, *CONTROLS) == after


def test_another_cutting_takes_all_samples_back() -> None:
    before = TextChoice("one", "file.txt", dropped=frozenset({1}))
    assert text.read_choice(before, 0, "one", "windows", 64, 32, 0) == TextChoice("one", "file.txt", "windows", 64, 32)


def test_blank_numbers_mean_the_default_and_half_characters_do_no_harm() -> None:
    assert text.read_choice(TextChoice(), 0, "a\ud83db", "auto", None, None, None) == TextChoice("a?b")


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_outside_its_range_is_a_sentence(seed: int) -> None:
    with pytest.raises(GblmError, match="seed"):
        text.read_choice(TextChoice(), 0, "a", "auto", 64, None, seed)


def test_a_text_too_long_to_edit_stays_whole_behind_its_excerpt() -> None:
    before = TextChoice("word " * text.EDITABLE, "long.txt")
    after = text.read_choice(before, 0, before.text[:text.EXCERPT], "windows", 64, None, 0)
    assert (after.text, after.name) == (before.text, "long.txt")


@pytest.mark.parametrize(("content", "key"), [
    (b"", "empty_text"), (b" \n\t", "empty_text"), (b"\xff\xfe\x81binary", "not_text"), (b"a\x00b", "null_bytes"),
])
def test_an_upload_that_is_no_text_is_a_sentence(content: bytes, key: str) -> None:
    with pytest.raises(GblmError) as caught:
        text.read_upload(Upload("upload.txt", content))
    assert caught.value.key == key
    assert "upload.txt" in caught.value.say(words("ja"))


@pytest.mark.parametrize("content", ["שלום עולם", "👩‍👩‍👧‍👦 ok 🏳️‍🌈", "\ufeffone"])
def test_right_to_left_and_emoji_texts_arrive_whole(content: str) -> None:
    assert text.read_upload(Upload("t.txt", content.encode())) == ("t.txt", content.removeprefix("\ufeff"))


def test_bytes_are_written_for_a_person() -> None:
    say = words("en")
    written = [format_bytes(say, count) for count in (14_200_000, 1.3e9, 500, 250e6)]
    assert written == ["14.2 MB", "1.3 GB", "0.5 kB", "250 MB"]


def test_a_bundled_text_is_called_by_its_title() -> None:
    names = [work.text_name(words("ja"), name) for name in ("prose_en.txt", "mine.txt", "")]
    assert names == ["英語の文章", "mine.txt", "入力したテキスト"]



def test_the_list_shows_no_half_of_a_character_that_a_window_cuts(pocket: Model) -> None:
    cut = from_text(pocket.tokenizer, "鬱蒼とした森で🦉が鳴く。驟雨が轟く。" * 40, name="", samples=100, length=16)
    decoded = [pocket.tokenizer.decode(cut.sample(index)) for index in range(cut.count)]
    assert any(one.startswith("\ufffd") for one in decoded) and any(one.endswith("\ufffd") for one in decoded)
    rows = text.list_value(words("ja"), pocket, cut, frozenset(), TextChoice())["rows"]
    assert [row["text"] for row in rows] == [one.strip("\ufffd") for one in decoded]


def test_replacement_characters_of_the_text_itself_stay() -> None:
    assert trim_cut_characters("a\ufffdb") == "a\ufffdb"
    assert trim_cut_characters("\ufffd\ufffd\ufffd\ufffda\ufffd") == "\ufffda"


def test_the_list_stays_when_every_sample_is_left_out_so_that_one_can_be_ticked_again(pocket: Model) -> None:
    library = Library(budget=10**9)
    library.put(MODEL, pocket, 0)
    library.first = Session(model=MODEL)
    visit = library.visit("")
    visit.update(text=TextChoice("One sentence stands here. " * 20, samples=4, dropped=frozenset(range(4))))
    views = SimpleNamespace(summary="summary", estimate="estimate", listed="listed", result="result")
    shown = text._Handlers.preview(SimpleNamespace(  # type: ignore[arg-type]
        say=words("en"), views=views, signals=SimpleNamespace(text="signal")), visit, 0)
    assert "Tick at least one" in shown["summary"]
    assert [row["state"] for row in shown["listed"]["rows"]] == ["dropped"] * 4


def test_a_text_that_the_model_does_not_understand_is_warned_of_where_it_was_collected(
        visit: Visit, say: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' model has random weights: it does no better than guessing."""
    samples = visit.statistics().calibration
    monkeypatch.setattr(tolerance, "FEWEST_TOKENS", samples.token_count)
    assert say("text.foreign") in text.result_html(say, visit, False)
    monkeypatch.setattr(text, "is_text_foreign", lambda visit: False)
    assert say("text.foreign") not in text.result_html(say, visit, False)
