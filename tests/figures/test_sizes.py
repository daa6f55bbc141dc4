"""Sizes are written in one file, those of letters and corners without exception; everything else names them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import pytest

from gblm_viz.figures import sizes
from gblm_viz.ui.theme import CSS, THEME

ROOT = Path(__file__).parents[2]
SIZE = re.compile(r"(?<![\w.#-])(\d*\.?\d+)(?:px|pt|r?em|%|vw|vh)?(?![\w.])")
FONT = re.compile(r"font(_size)?$")
STYLE = re.compile(r"(?<![\w-])(?:font-size|font|border-radius) *[:=] *([^;{}<>]*)")


def _sizes_in(text: str) -> list[str]:
    """The numbers that can only be sizes: neither a share below 1 nor the weight of a font."""
    found = (one for one in SIZE.finditer(text) if float(one[1]) >= 1 or one[0] != one[1])
    return [one[0] for one in found if one[0] not in {"0px", "100", "400", "600", "700"}]


def _typed_in_style(text: str) -> Iterator[str]:
    for found in STYLE.finditer(text):
        size = re.sub(r"/\S+", "", found[1])  # what follows the slash is the height of a line
        yield from (found[0] for one in _sizes_in(size) if one != "1px")


def _typed_in_script(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("*", "//", "/*"))]
    fonts = [line for line in lines if re.search("font", line, re.I)]
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join(fonts)))
    for line in lines:
        if line in fonts or used & set(re.findall(r"\b(\w+) = ", line)):
            yield from (line.strip() for _ in _sizes_in(line))


def _typed_in_python(text: str) -> Iterator[str]:
    def numbers(node: ast.AST) -> list[str]:
        return [str(one.value) for one in ast.walk(node)
                if isinstance(one, ast.Constant) and type(one.value) in (int, float)]

    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.keyword(arg=str(name), value=value) if FONT.search(name):
                yield from numbers(value)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and FONT.search(str(key.value)):
                        yield from numbers(value)
            case ast.Call(func=ast.Name(id="_text"), args=positional, keywords=named):
                for value in [*positional[6:], *(one.value for one in named if one.arg == "size")]:
                    yield from numbers(value)
            case ast.FunctionDef(name="_text", args=ast.arguments(defaults=defaults)):
                yield from (one for value in defaults for one in numbers(value))
            case ast.Constant(value=str(written)) if "font-size" in written:
                yield from _typed_in_style(written.replace('"', ""))


TYPED = {".css": _typed_in_style, ".html": lambda text: _typed_in_style(text.replace('"', "")),
         ".js": _typed_in_script, ".py": _typed_in_python}


def test_no_other_file_types_a_letter_size() -> None:
    places = [*(file for kind in TYPED for file in (ROOT / "gblm_viz").rglob("*" + kind)), ROOT / "assets" / "app.css"]
    found = {str(place.relative_to(ROOT)): typed for place in places if place.name != "sizes.py"
             and (typed := list(TYPED[place.suffix](place.read_text(encoding="utf-8"))))}
    assert len(places) > 150 and found == {}


@pytest.mark.parametrize(("kind", "text"), [
    (".css", ".tag { color: red; font-size: .82rem; }"), (".css", "p { font: 600 10px/16px sans-serif }"),
    (".css", "p { font-size: var(--button-small-text-size, 13px); }"), (".css", "h1 { font-size: 1.5em; }"),
    (".css", "@media print { body { font-size: 10.5pt; } }"), (".css", "p { border-radius: 6px; }"),
    (".html", '<p style="font-size: 12px">'), (".html", '<text font-size="8">'),
    (".js", 'paint.font = "12px " + family;'), (".js", 'one.style.fontSize = "12px";'),
    (".js", 'const size = Math.min(13 * ratio, cell * 0.3);\nbrush.font = size + "px sans-serif";'),
    (".js", 'return weight + " " + 13 * ratio + "px sans-serif"; // the font'),
    (".py", 'figure.update_layout(font={"color": INK, "size": 12})'), (".py", 'axis = {"title_font": {"size": 11.5}}'),
    (".py", "figure.update_layout(font_size=12)"), (".py", '_text(x, y, name, "end", size=10)'),
    (".py", '_text(x, y, name, "end", 0, colour, 10)'), (".py", "def _text(x, y, words, size=11): ..."),
    (".py", """raised = '<tspan dy="-4" font-size="8">'"""),
    (".py", 'gr.HTML(f"<p style=\'font-size: {x}; font-size: 9pt\'>")'),
])
def test_a_letter_size_that_is_typed_is_found(kind: str, text: str) -> None:
    assert list(TYPED[kind](text))


@pytest.mark.parametrize(("kind", "text"), [
    (".css", "p { font: 600 var(--letters-mark)/1.6 sans-serif; font-size: 0; border-radius: 0 var(--radius-box); }"),
    (".js", 'const wide = cell > 52;\nbrush.font = "700 " + Math.min(cell * 0.5, letters.head * ratio) + "px";'),
    (".py", 'figure.update_layout(font={"size": LETTERS.fine}, marker={"size": 8}, margin={"l": 56})'),
    (".py", """_text(x + 4, 15, name, "end", size=min(DRAWN.text, tall)); f'<text font-size="{size:g}">'"""),
])
def test_a_size_from_the_table_and_other_numbers_are_left_alone(kind: str, text: str) -> None:
    assert list(TYPED[kind](text)) == []


def test_every_size_that_a_style_sheet_names_is_in_the_table_and_every_one_in_the_table_is_used() -> None:
    files = {file: file.read_text(encoding="utf-8") for kind in TYPED for file in (ROOT / "gblm_viz").rglob("*" + kind)}
    styles = CSS + "".join(text for file, text in files.items() if file.suffix == ".css")
    styles += "".join(map(str, vars(THEME).values()))
    prefixes = "|".join(sorted({name.split("-")[0] for name in sizes.NAMED}))
    own = {one for one in re.findall(rf"var\(--((?:{prefixes})-[\w-]+)", styles)
           if not re.fullmatch(r"radius-(?:x*s|md|x*l)", one)}  # Gradio's own
    assert own <= set(sizes.NAMED) and len(own) > 25
    code = "".join(text for file, text in files.items() if file.suffix == ".py")
    tables = {"LETTERS": "letters", "DRAWN": "", "PRINTED": "printed", "SPACES": "space", "HEIGHTS": "height",
              "PADDINGS": "padding", "RADII": "radius", "STROKES": "stroke", "MARKS": ""}
    unused = [f"{table}.{name}" for table, prefix in tables.items() for name in asdict(getattr(sizes, table))
              if f"{table}.{name}" not in code and f"{prefix}-{name.replace('_', '-')}" not in own]
    assert unused == []


def test_the_page_defines_the_sizes_and_one_number_enlarges_letters_and_controls() -> None:
    rule = sizes.css_variables()
    assert rule in CSS and "--enlarged: 1;" in rule
    assert "--letters-small: calc(0.875rem * var(--enlarged));" in rule and "--radius-box: 8px;" in rule
    assert "--height-button: calc(clamp(36px, 2.25rem, 40px) * var(--enlarged));" in rule
    names = set(re.findall(r"--([\w-]+): ", rule))
    assert names == {name for name in sizes.NAMED if not name.startswith("printed-")} | {"enlarged", "root"}
    assert all("* var(--enlarged));" in line for line in re.findall(r"--(?:letters|height)-[\w-]+: [^;]*;", rule))


def test_gradios_own_letters_are_from_the_table() -> None:
    steps = {step: getattr(THEME, f"text_{step}") for step in ("xxs", "xs", "sm", "md", "lg", "xl", "xxl")}
    values = {step: sizes.NAMED[name[len("var(--"):-1]] for step, name in steps.items()}
    assert [float(values[step].removesuffix("rem")) * sizes.ROOT for step in steps] == [13, 13, 13, 14, 16, 20, 28]


def test_a_style_sheet_without_the_rule_has_its_sizes_written_out() -> None:
    style = "a { font-size: var(--letters-small); color: var(--removed); font-size: var(--printed-title); }"
    assert sizes.fill_variables(style) == "a { font-size: 0.875rem; color: var(--removed); font-size: 1.5em; }"
    assert sizes.add_fallbacks("a { border-radius: var(--radius-box); color: var(--quiet); }") == \
        "a { border-radius: var(--radius-box, 8px); color: var(--quiet); }"


def test_the_tables_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        sizes.LETTERS.small = 20  # type: ignore[misc]
