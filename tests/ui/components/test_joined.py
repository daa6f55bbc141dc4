"""ES modules become one script: each keeps its own names, and what cannot be joined is refused with its file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gblm_viz.ui.components import own_component
from gblm_viz.ui.components.joined import (
    ScriptError,
    called,
    called_alone,
    joined,
    literal,
    passed_on,
    shared,
    shared_script,
)
from gblm_viz.ui.components.own_component import started

COMPONENTS = Path(own_component.__file__).parent


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "start.js"


def test_a_module_comes_once_and_behind_all_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    entry = write(tmp_path, a='import { b } from "./deep/b.js";\nexport const a = b + 1;\n',
                  start='import { a } from "./a.js";\nimport {\n  b,\n} from "./deep/b.js";\n'
                        'export const c = a + b;\n')
    write(tmp_path / "deep", b="export const b = 1;\n")
    script = joined(entry)
    places = [script.index(line) for line in ("const b = 1;", "const a = b + 1;", "const c = a + b;")]
    assert places == sorted(places) and script.count("const b = 1;") == 1
    assert "import " not in script and "export " not in script


def test_private_names_of_two_modules_may_be_the_same(tmp_path: Path) -> None:
    entry = write(tmp_path, a="const helper = 1;\nexport const a = helper;\n",
                  start='import { a } from "./a.js";\nconst helper = 2;\n'
                        'export function start() { return a + helper; }\n')
    script = joined(entry)
    assert script.count("const helper") == 2 and script.count('(() => { "use strict";') == 2
    assert script.count("return { a };") == 1 and script.endswith("return module_2;\n})()")


def test_only_lines_that_are_comments_are_left_out(tmp_path: Path) -> None:
    entry = write(tmp_path, start='/**\n * Types.\n * @param {string} a\n */\nexport function f(a) {\n'
                  '  // a reason\n  return "/** kept */" + a; // kept\n}\n')
    script = joined(entry)
    assert "@param" not in script and '"/** kept */" + a; // kept\n' in script and "a reason" not in script


@pytest.mark.parametrize(("modules", "said"), [
    ({"start": 'import { a } from "./a.js";\n'}, "no module"),
    ({"start": 'import { a } from "./a.js";\n', "a": "export const b = 1;\n"}, "exports no a"),
    ({"start": 'import { a } from "./a.js";\n', "a": 'import { s } from "./start.js";\nexport const a = 1;\n'},
     "start.js → a.js → start.js"),
    ({"start": 'import { a as b } from "./a.js";\n', "a": "export const a = 1;\n"}, "renamed"),
    ({"start": 'import { a } from "./a.js";\nimport { a } from "./b.js";\n', "a": "export const a = 1;\n",
      "b": "export const a = 1;\n"}, "imported twice"),
    ({"start": "export default function f() {}\n"}, "export default"),
    ({"start": "export let a = 1;\n"}, "export let"),
    ({"start": "const a = 1;\nexport { a };\n"}, "export { a }"),
    ({"start": 'import * as a from "./a.js";\n', "a": "export const a = 1;\n"}, "import * as a"),
    ({"start": 'import "./a.js";\n', "a": "export const a = 1;\n"}, 'import "./a.js"'),
    ({"start": 'import { a } from "somewhere";\n'}, "somewhere"),
])
def test_what_cannot_be_joined_is_refused_by_name(modules: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"\.js") as failure:
        joined(write(tmp_path, **modules))
    assert said in str(failure.value)


def test_a_value_cannot_end_the_script_that_it_stands_in(tmp_path: Path) -> None:
    assert literal({"a": "</script>"}) == '{"a": "\\u003c/script>"}'
    assert called_alone(write(tmp_path, start="export const f = (x) => x;\n"), "f", [1], "b").endswith('.f([1], "b");')


def test_the_page_has_each_module_once_and_its_parts_call_them_by_name(tmp_path: Path) -> None:
    entry = COMPONENTS / "hand_row" / "hand_row.js"
    assert shared(entry) == 'gblmModules["hand_row/hand_row"]'
    assert called(entry, "start", [1], "b") == 'gblmModules["hand_row/hand_row"].start([1], "b");'
    assert passed_on(entry, "start", "tab") == '(...given) => gblmModules["hand_row/hand_row"].start("tab", ...given)'
    script = shared_script()
    modules = {file for file in COMPONENTS.rglob("*.js") if file.name not in {"gradio.js", "types.js"}}
    for file in modules:
        assert script.count(f"// {file.parent.name}/{file.name}\n") == 1, file
        assert f'{literal(file.relative_to(COMPONENTS).with_suffix("").as_posix())}: module_' in script
    assert "</script" not in script.lower()
    with pytest.raises(ScriptError, match="no module below"):
        shared(write(tmp_path, start="export const f = 1;\n"))
    with pytest.raises(ScriptError, match="no module below"):
        shared(COMPONENTS / "nowhere.js")


def test_a_component_s_script_names_the_events_that_its_module_sends() -> None:
    script = started(COMPONENTS / "hand_row" / "hand_row.js", {"a": "</script>"})
    begun = 'gblmModules["hand_row/hand_row"].start({ element, props, trigger, watch, server }, {"a": '
    assert script.startswith(begun)
    assert "</script>" not in script and '"select"' in script.partition(" // sends ")[2] and '"upload"' not in script


def test_every_component_s_modules_can_be_joined_and_every_module_belongs_to_one() -> None:
    files = {file for file in COMPONENTS.rglob("*.js") if file.name not in {"gradio.js", "types.js"}}
    starts = {file for file in files if "\nexport function start(" in file.read_text(encoding="utf-8")}
    entries = starts | {COMPONENTS / "place.js"}
    assert {file.stem for file in entries} >= {folder.parent.name for folder in COMPONENTS.glob("*/__init__.py")}
    scripts = "".join(map(joined, sorted(entries)))
    assert {file for file in files if f"// {file.parent.name}/{file.name}\n" not in scripts} == set()
