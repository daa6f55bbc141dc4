"""A hostile text stays text in every template, and HTML is made in one way only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from traceback import extract_tb
from typing import Any

import pytest
from jinja2 import Environment, Template, Undefined, UndefinedError, nodes
from jinja2.runtime import Macro

from gblm_viz.escape import escape
from gblm_viz.ui.components import templates
from gblm_viz.ui.components.templates import ENVIRONMENT, UI, render
from tests.hostile import HOSTILE

PACKAGE = UI.parent
TEMPLATES = sorted(file.relative_to(UI).as_posix() for file in UI.rglob("*.html"))
SAFE = {("tabs/story_handout.html", "style"), ("report/report.html", "part.picture"), ("report/report.html", "style"),
        ("door/plain_page.html", "style"),
        ("door/plain_page.html", "script")}
"""Everything that a template inserts without escaping: (template, expression)."""


def stand_in(text: str, true: bool) -> type[Undefined]:
    """Return a class whose values have every attribute, can be called and gone through, and print as the text."""
    class Anything(Undefined):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return self

        def __getitem__(self, key: Any) -> Any:
            return self

        def __call__(self, *_: Any, **__: Any) -> Any:
            return self

        def __iter__(self) -> Iterator[Any]:
            return iter((self, self))

        def __bool__(self) -> bool:
            return true

        def __str__(self) -> str:
            return text

    return Anything


def rendered(name: str, text: str, true: bool) -> str:
    """The template, and each macro in it, with a value that prints as the text wherever it asks for one."""
    anything = stand_in(text, true)
    environment: Environment = ENVIRONMENT.overlay(undefined=anything)
    environment.filters = {**environment.filters, "safe": str}  # what is safe is listed above; here all is hostile
    template: Template = environment.get_template(name)
    macros = [one for one in vars(template.make_module()).values() if isinstance(one, Macro)]
    return template.render() + "".join(macro(*(anything() for _ in macro.arguments)) for macro in macros)


class Structure(HTMLParser):
    """The tags of a page with their attributes' names, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))
        self.texts += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("true", [True, False])
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_hostile_text_is_text_in_every_place_of_every_template(name: str, true: bool) -> None:
    text = " ".join(HOSTILE)
    hostile, harmless = rendered(name, text, true), rendered(name, "x", true)
    assert hostile.replace(escape(text), "x") == harmless  # nothing of it stands there unescaped
    assert Structure(hostile).tags == Structure(harmless).tags  # and no attribute lacks its quotation marks
    assert not any(mark in hostile for mark in ("${", "{{", "`"))  # nor would Gradio evaluate any of it


def test_the_check_sees_a_value_that_is_not_escaped_and_an_attribute_without_quotation_marks() -> None:
    assert rendered("components/table.html", "<b>", True) != rendered("components/table.html", "x", True)
    for source in ("{{ x | safe }}", "{% autoescape false %}{{ x }}{% endautoescape %}"):
        assert list(unsafe("planted.html", source)) != []
    bare = ENVIRONMENT.from_string("<p class={{ x }}></p>")
    assert Structure(bare.render(x="a onclick=b")).tags != Structure(bare.render(x="a")).tags


def unsafe(name: str, source: str) -> Iterator[tuple[str, str]]:
    """(template, expression) of what is inserted without escaping, and of filters, which may escape in another way."""
    tree = ENVIRONMENT.parse(source)
    for node in tree.find_all(nodes.Filter):
        inside = node.node
        plain = f"{inside.node.name}.{inside.attr}" if isinstance(inside, nodes.Getattr) else getattr(
            inside, "name", "?")
        yield name, plain if node.name == "safe" else f"{plain} | {node.name}"
    for _ in tree.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)):
        yield name, "autoescape"


def test_what_templates_insert_without_escaping_is_listed() -> None:
    assert len(TEMPLATES) > 2
    assert {found for name in TEMPLATES for found in unsafe(name, (UI / name).read_text(encoding="utf-8"))} == SAFE


def test_a_missing_value_is_an_error_that_names_its_line() -> None:
    with pytest.raises(UndefinedError, match="'table' is undefined"):
        render("components/table.html")
    with pytest.raises(UndefinedError, match="'absent' is undefined") as raised:
        ENVIRONMENT.from_string("<p>\n  <b>\n    {{ absent }}\n  </b>\n</p>").render()
    assert [one.lineno for one in extract_tb(raised.tb) if one.filename == "<template>"][-1] == 3


def test_ends_and_indentation_of_lines_are_for_the_reader_alone() -> None:
    made = ENVIRONMENT.from_string("<p>\n  {% for one in (\n 1, 2) %}\n    <b>{{ one }}</b>\n  {% endfor %}\n</p>\n")
    assert made.render() == "<p><b>1</b><b>2</b></p>"


def escapes_and_markup(file: Path) -> Iterator[str]:
    """Every import of another escape, definition of one, and string that is called HTML without being a literal."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in {"html", "markupsafe", "xml.sax.saxutils"})
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names
                        if node.module in {"html", "markupsafe", "xml.sax.saxutils"} and alias.name != "Markup")
        elif isinstance(node, ast.FunctionDef) and node.name.strip("_") in {"escape", "escaped"}:
            yield f"def {node.name}"
        elif (isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Markup"
              and not (len(node.args) == 1 and isinstance(node.args[0], ast.Constant))):
            yield "Markup(…)"


def test_there_is_one_escape_and_one_place_that_calls_a_string_html() -> None:
    found = {file.relative_to(PACKAGE).as_posix(): list(escapes_and_markup(file))
             for layer in ("ui", "figures") for file in (PACKAGE / layer).rglob("*.py")}
    found["escape.py"] = list(escapes_and_markup(PACKAGE / "escape.py"))
    assert found.pop("escape.py") == ["html", "def escape"]
    assert found.pop(Path(templates.__file__).relative_to(PACKAGE).as_posix()) == ["def _escaped", "Markup(…)"]
    assert {name: those for name, those in found.items() if those} == {}


@pytest.mark.parametrize("line", ["import html", "from html import escape", "from markupsafe import escape",
                                  "def escape(text): ...", "made = Markup(f'<b>{x}</b>')", "made = m.Markup(x)"])
def test_a_planted_escape_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(f"from a import escape\nmade = Markup('<b>')\n{line}\n", encoding="utf-8")
    assert len(list(escapes_and_markup(tmp_path / "planted.py"))) == 1
