"""The glossary's data: short texts, related terms that exist, no spelling of two terms, the same in every language."""

from __future__ import annotations

import ast
from dataclasses import FrozenInstanceError

import pytest

from gblm_viz.glossary import MOST_LETTERS, MOST_WORDS, Term, faults, make_glossary, read_glossary
from gblm_viz.ui.components.glossary import HERE, PICTURES
from gblm_viz.words import LANGUAGES, Words, words

pytestmark = pytest.mark.fast


def changed(language: str = "en", **texts: str) -> Words:
    """The words of a language, some of them replaced; __ in a name stands for a dot."""
    say = Words(language)
    say.texts = {**say.texts, **{f"glossary.{key.replace('__', '.')}": text for key, text in texts.items()}}
    return say


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_glossary_has_no_fault(language: str) -> None:
    assert list(faults(read_glossary(language))) == []


def test_the_limits_are_thirty_words_and_seventy_five_japanese_characters() -> None:
    assert (MOST_WORDS, MOST_LETTERS) == (30, 75)
    assert max(len(term.text.split()) for term in read_glossary("en").terms.values()) <= 30
    assert max(len(term.text) for term in read_glossary("ja").terms.values()) <= 75


@pytest.mark.parametrize(("language", "key", "text", "told"), [
    ("en", "mask__text", "word " * 31, "mask: 31 words, at most 30"),
    ("ja", "mask__text", "字" * 76, "mask: 76 characters, at most 75"),
    ("en", "mask__see", "removed|gone", "mask: there is no other term 'gone'"),
    ("en", "mask__see", "mask", "mask: there is no other term 'mask'"),
    ("en", "mask__also", "masks|weights", "'weights' is weight and mask")])
def test_a_planted_fault_is_found(language: str, key: str, text: str, told: str) -> None:
    assert list(faults(make_glossary(changed(language, **{key: text})))) == [told]


def test_every_language_has_the_same_terms_in_the_same_parts_with_the_same_relations() -> None:
    english, *others = (read_glossary(language) for language in LANGUAGES)
    assert len(english.terms) > 130
    for other in others:
        assert [[term.id for term in part.terms] for part in other.parts] == [
            [term.id for term in part.terms] for part in english.parts]
        assert {term.id: term.see for term in other.terms.values()} == {
            term.id: term.see for term in english.terms.values()}


def test_parts_hold_every_term_once_and_each_part_begins_with_the_term_that_names_it() -> None:
    for language in LANGUAGES:
        found = read_glossary(language)
        assert [term.id for part in found.parts for term in part.terms] == list(found.terms)
        titles = words(language).table("glossary.frame.parts")
        assert {part.terms[0].id: part.title for part in found.parts} == titles


def test_an_entry_is_frozen() -> None:
    term = read_glossary("en").terms["mask"]
    with pytest.raises(FrozenInstanceError):
        term.text = ""  # type: ignore[misc]
    with pytest.raises(TypeError):
        read_glossary("en").terms["mask"] = term  # type: ignore[index]


def test_a_language_without_a_glossary_reads_the_english_one_and_one_with_a_part_of_it_mixes() -> None:
    assert read_glossary("xx").terms == read_glossary("en").terms
    mixed = make_glossary(changed(mask__name="masque", mask__also="masques", mask__text="Un pochoir."))
    assert mixed.terms["mask"] == Term("mask", "masque", "Un pochoir.", ("masque", "masques"),
                                       read_glossary("en").terms["mask"].see)
    assert mixed.terms["weight"] == read_glossary("en").terms["weight"]


def test_the_terms_that_a_reader_of_the_page_asks_for_are_there() -> None:
    asked = ("gradient", "gradient_norm", "l1", "l2", "alpha", "share", "calibration_text", "probe", "perplexity",
             "nats", "dense_order", "n_m", "block", "query", "key", "value", "output", "gate", "up", "down", "sparsity",
             "mask", "agreement_by_chance")
    assert set(asked) <= read_glossary("en").terms.keys()
    assert set(PICTURES) <= read_glossary("en").terms.keys()


def test_the_one_label_that_gradio_writes_anew_by_itself_is_never_marked() -> None:
    """It would find its text in pieces. A second such label has to be added to NEVER in marking.js as well."""
    updates = [(file.name, ast.unparse(node)) for file in (HERE.parents[1] / "tabs").glob("*.py")
               for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
               if isinstance(node, ast.Call) and ast.unparse(node.func) == "gr.update"
               and any(keyword.arg in {"label", "info"} and ast.unparse(keyword.value) != "None"
                       for keyword in node.keywords)]
    assert [file for file, _ in updates] == ["lost_tokens.py"]
    assert "#lost-window" in (HERE / "marking.js").read_text(encoding="utf-8")
