"""Every sentence exists in both languages with the same fields, and every key the code asks for was written.

Keys are read from the source; nothing but the words themselves is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import jinja2
import pytest
from jinja2 import nodes

from gblm_viz import verdict_text
from gblm_viz.core.talk.generate import Token
from gblm_viz.ui.tabs.chat_view import answer_note
from gblm_viz.ui.work.chat import SideAnswer
from gblm_viz.words import LANGUAGES, Words, join_sentences, words

ROOT = Path(__file__).parents[1]
SPEAKERS = ("words", "say")
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")


def fields_of(text: str) -> set[str]:
    """The names in a text's {fields}; an unpaired brace is an error here. Plotly's own %{…} is none of ours."""
    ours = re.sub(r"%\{[^}]*\}", "", text)
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(ours) if name is not None}


@dataclass(frozen=True)
class Use:
    """A key, or the fixed start of one, as a line of the code asks for it. `fields` is None where open."""

    place: str
    key: str
    whole: bool
    fields: frozenset[str] | None


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def error_names(trees: dict[Path, ast.Module]) -> set[str]:
    """GblmError and every class of ours below it."""
    found = {"GblmError"}
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while more := {one.name for one in classes for base in one.bases
                   if isinstance(base, ast.Name) and base.id in found} - found:
        found |= more
    return found


def spoken(node: ast.expr) -> Iterator[tuple[str, bool]]:
    """(text, whole) of each string a first argument may be: a literal, either side of a choice, an f-string's start."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, True
    elif isinstance(node, ast.IfExp):
        yield from spoken(node.body)
        yield from spoken(node.orelse)
    elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        yield str(node.values[0].value), False


def uses(trees: dict[Path, ast.Module]) -> Iterator[Use]:
    errors = error_names(trees)
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = called(node)
            place = f"{file.name}:{node.lineno}"
            names = [keyword.arg for keyword in node.keywords]
            fixed = None if None in names else frozenset(one for one in names if one is not None)
            for text, whole in spoken(node.args[0]):
                if name in errors:
                    yield Use(place, f"errors.{text}", whole, fixed)
                elif name.endswith(SPEAKERS) and ("." in text if whole else KEY.match(text + "x")):
                    yield Use(place, text, whole, fixed)


def template_uses(root: Path) -> Iterator[Use]:
    """What templates ask for: `say("a.key", field=…)` or `say("a.start." ~ rest)`."""
    for file in sorted((root / "gblm_viz").rglob("*.html")):
        for node in jinja2.Environment().parse(file.read_text(encoding="utf-8")).find_all(nodes.Call):
            if not isinstance(node.node, nodes.Name) or node.node.name != "say":
                continue
            first = node.args[0]
            whole = isinstance(first, nodes.Const)
            text = first.value if whole else first.nodes[0].value
            fixed = None if node.dyn_kwargs else frozenset(keyword.key for keyword in node.kwargs)
            yield Use(f"{file.name}:{node.lineno}", text, whole, fixed)


def source(root: Path) -> dict[Path, ast.Module]:
    files = [*sorted((root / "gblm_viz").rglob("*.py")), *root.glob("app.py")]
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return source(ROOT)


@pytest.fixture(scope="module")
def asked(trees: dict[Path, ast.Module]) -> list[Use]:
    return [*uses(trees), *template_uses(ROOT)]


def test_every_language_has_a_folder_with_the_same_files() -> None:
    folders = {language: sorted(file.name for file in (ROOT / "gblm_viz" / "words" / language).glob("*.toml"))
               for language in LANGUAGES}
    assert set(LANGUAGES) == {"en", "ja"}
    assert folders["en"] == folders["ja"] != []


def test_both_languages_have_the_same_keys() -> None:
    english, japanese = words("en").texts, words("ja").texts
    assert sorted(set(english) ^ set(japanese)) == []
    assert [words(language).missing for language in LANGUAGES] == [0, 0]  # what a language lacks reads English


def test_no_text_is_empty_or_merely_copied_into_the_other_language() -> None:
    for language in LANGUAGES:
        assert [key for key, text in words(language).texts.items() if not text.strip()] == []
    english, japanese = words("en").texts, words("ja").texts
    assert [key for key in english if key.startswith("errors.") and english[key] == japanese[key]] == []


def test_both_languages_name_the_same_fields() -> None:
    english, japanese = words("en").texts, words("ja").texts
    assert [key for key in english if fields_of(english[key]) != fields_of(japanese.get(key, ""))] == []


def test_every_key_the_code_asks_for_was_written(asked: list[Use]) -> None:
    texts = words("en").texts
    assert len(asked) > 80
    assert [f"{use.place} {use.key}" for use in asked
            if (use.key not in texts if use.whole else not any(key.startswith(use.key) for key in texts))] == []


def test_every_text_gets_all_its_fields(asked: list[Use]) -> None:
    texts = words("en").texts
    missing = [f"{use.place} {use.key}: {sorted(fields_of(texts[use.key]) - use.fields)}" for use in asked
               if use.whole and use.key in texts and use.fields is not None and fields_of(texts[use.key]) - use.fields]
    assert missing == []


def test_every_error_sentence_is_raised_somewhere(trees: dict[Path, ast.Module]) -> None:
    written = {node.value for tree in trees.values() for node in ast.walk(tree)
               if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [key for key in words("en").table("errors") if key not in written and f"errors.{key}" not in written] == []


def test_error_sentences_end_as_sentences() -> None:
    assert [key for key, text in words("ja").table("errors").items() if not text.endswith("。")] == []
    assert [key for key, text in words("en").table("errors").items() if not text.endswith(".")] == []


def test_japanese_speaks_politely() -> None:
    assert [key for key, text in words("ja").texts.items() if "である" in text] == []


def test_japanese_calls_one_idea_by_one_word() -> None:
    """None of the forms that readers stumbled over or that have another settled one."""
    old = re.compile("ナット|枝刈り前の順序|枝刈り前のモデルの順序|引く力|切り方|境目|取り分けたテキスト|メモリ(?!ー)"
                     "|もっとも|わかり|ほど枝刈りに耐えません|[一二三]つ(?!目)")
    assert [key for key, text in words("ja").texts.items() if old.search(text) and not key.startswith("skills.")] == []


def test_japanese_has_no_half_width_brackets_colons_or_stops_beside_its_own_letters() -> None:
    """Except where a key tells what to type."""
    own = "[ぁ-んァ-ヶー一-龠]"
    half = re.compile(rf"{own} ?[(),:;!?]|[(),:;!?]{own}|{own}[A-Za-z0-9]|[A-Za-z0-9]{own}")
    literal = {"matrix.goto", "matrix.goto_short", "matrix.goto_outside", "lost.probes.paste_hint", "overview.prompt_3",
               "serve.flags.host"}
    assert {key for key, text in words("ja").texts.items() if half.search(text)} - literal == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_share_is_written_with_a_gap_before_its_sign(language: str) -> None:
    told = words(language)("cli.say.sparsity", model="m", removed=1, prunable=2, sparsity=0.5)
    assert "50.0000\u00a0%" in told


def test_sentences_are_joined_by_a_space_but_not_after_a_japanese_full_stop() -> None:
    assert join_sentences(["One.", "Two."]) == "One. Two."
    assert join_sentences(["一。", "二。"]) == "一。二。"
    assert join_sentences([]) == ""


def test_no_space_follows_a_full_stop_in_what_is_put_together_in_japanese() -> None:
    say = words("ja")
    said = SideAnswer(tuple(Token(number, "x", 0.5, ()) for number in (1, 2, 3)), "end", 1.0)
    for told in (verdict_text.scope(say, None, 3, 2), verdict_text.scope(say, None, 3, 1), answer_note(say, said)):
        plain = re.sub("<[^>]*>", "", told)
        assert plain.count("。") >= 2 and "。 " not in plain, plain
    assert " " in re.sub("<[^>]*>", "", answer_note(words("en"), said)).split("answer.")[1]


def test_an_unknown_language_reads_english_and_an_unknown_key_is_an_error() -> None:
    assert words("fr").language == "en"
    with pytest.raises(KeyError):
        Words("en")("errors.nobody_wrote_this")


def test_a_planted_key_is_found(tmp_path: Path) -> None:
    (tmp_path / "gblm_viz").mkdir()
    (tmp_path / "gblm_viz" / "planted.py").write_text(
        "class OurError(GblmError): pass\n"
        "def f(say, page, name):\n"
        "    say('frame.absent')\n"
        "    page.words(f'absent.{name}')\n"
        "    raise OurError('absent' if name else 'gone_too', matrix=1)\n", encoding="utf-8")
    (tmp_path / "gblm_viz" / "planted.html").write_text(
        "<p>{{ say('frame.gone', name=1) }}{{ say('gone.' ~ name) }}</p>", encoding="utf-8")
    assert [(use.place, use.key, use.whole, use.fields) for use in template_uses(tmp_path)] == [
        ("planted.html:1", "frame.gone", True, frozenset({"name"})), ("planted.html:1", "gone.", False, frozenset())]
    found = {(use.key, use.whole, use.fields) for use in uses(source(tmp_path))}
    assert found == {("frame.absent", True, frozenset()), ("absent.", False, frozenset()),
                     ("errors.absent", True, frozenset({"matrix"})), ("errors.gone_too", True, frozenset({"matrix"}))}
