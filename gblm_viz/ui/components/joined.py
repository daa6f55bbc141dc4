"""ES modules → one script. Gradio runs a component's script as the body of a function, where `import` is not allowed,
and a page that starts with one text needs no further request that a proxy or a cache could spoil.

The page has every module once, in its head (`shared_script`), and its components and events call them by name
(`called`, `passed_on`). Each module becomes a function of its own, called once, so that its private names stay
private, as in a browser. Only what the modules here need is understood: `import { a, b } from "./x.js";` at the start
of a line, and `export` before a function, a class or a const. Anything else that begins with `import` or `export` is
refused. Lines that are comments are left out: the types are a third of the text.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parent
"""The folder whose modules a page has."""
NAME = "gblmModules"
"""The page's constant that has them."""
_IMPORT = re.compile(r'^import \{([^{}]*)\} from "(\.{1,2}/[^"\n]+\.js)";\n?', re.M)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function|class|const) (\w+)\b)", re.M)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.M)
_COMMENT = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/)[\s\S])*\*/[ \t]*|//.*)\n", re.M)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")


class ScriptError(Exception):
    """Modules cannot be joined; the sentence names the file."""


def called(entry: Path, name: str, *values: Any) -> str:
    """Return a statement that calls a shared module's export `name` with JSON values."""
    return f"{shared(entry)}.{name}({', '.join(map(literal, values))});"


def called_alone(entry: Path, name: str, *values: Any) -> str:
    """Return the same for a page that has no shared modules: the statement has all that it needs."""
    return f"{joined(entry)}.{name}({', '.join(map(literal, values))});"


def passed_on(entry: Path, name: str, *values: Any) -> str:
    """Return a JavaScript function that calls a shared export with the values and then its own arguments."""
    return f"(...given) => {shared(entry)}.{name}({''.join(f'{literal(value)}, ' for value in values)}...given)"


def shared(entry: Path) -> str:
    """Return an expression for the exports of a shared module. Raises ScriptError for one that is not shared."""
    if not (entry.is_file() and entry.resolve().is_relative_to(SHARED)):
        raise ScriptError(f"{entry}: no module below {SHARED}")
    return f"{NAME}[{literal(_name(entry.resolve()))}]"


@cache
def shared_script() -> str:
    """Return the script that `shared` needs: every module below the folder of the components, each once.

    Raises ScriptError as `joined` does.
    """
    written: dict[Path, _Module] = {}
    for entry in sorted(SHARED.rglob("*.js")):
        if _EXPORT.search(entry.read_text(encoding="utf-8")):  # else it has types alone
            _write(entry, (), written)
    exports = ", ".join(f"{literal(_name(file))}: {module.variable}" for file, module in written.items())
    return f"const {NAME} = (() => {{\n{''.join(one.text for one in written.values())}return {{ {exports} }};\n}})();"


def _name(file: Path) -> str:
    return file.relative_to(SHARED).with_suffix("").as_posix()


def literal(value: Any) -> str:
    """Return the value as a JavaScript expression that may also stand inside an HTML script element."""
    return json.dumps(value).replace("<", "\\u003c")


@cache
def joined(entry: Path) -> str:
    """Return an expression whose value is an object with the exports of the entry module.

    Raises ScriptError for a missing file or name, a circle of imports, a name imported twice, and any other form of
    import or export.
    """
    written: dict[Path, _Module] = {}
    _write(entry.resolve(), (), written)
    parts = [module.text for module in written.values()]
    return "(() => {\n" + "".join(parts) + f"return {written[entry.resolve()].variable};\n}})()"


class _Module:
    """One module as JavaScript that assigns an object with its exports to `variable`."""

    def __init__(self, file: Path, number: int, source: str, imports: list[tuple[list[str], _Module]]) -> None:
        self.variable = f"module_{number}"
        self.exports = _EXPORT.findall(source)
        if other := _OTHER.search(_EXPORT.sub("", _IMPORT.sub("", source))):
            raise ScriptError(f"{file}: this form cannot be joined: {other[0]}")
        lines = [f"const {{ {', '.join(names)} }} = {module.variable};\n" for names, module in imports]
        body = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", source)))
        self.text = (f'const {self.variable} = (() => {{ "use strict"; // {file.parent.name}/{file.name}\n'
                     f"{''.join(lines)}{body}\nreturn {{ {', '.join(self.exports)} }};\n}})();\n")


def _write(file: Path, above: tuple[Path, ...], written: dict[Path, _Module]) -> _Module:
    """Write the file behind all that it imports. above: the files whose imports led here."""
    if file in above:
        raise ScriptError("modules import each other: " + " → ".join(one.name for one in (*above, file)))
    if file in written:
        return written[file]
    if not file.is_file():
        raise ScriptError(f"{above[-1] if above else file}: there is no module {file}")
    source = file.read_text(encoding="utf-8")
    imports, known = list[tuple[list[str], _Module]](), set[str]()
    for inside, place in _IMPORT.findall(source):
        names = [name.strip() for name in inside.split(",") if name.strip()]
        module = _write((file.parent / place).resolve(), (*above, file), written)
        for name in names:
            if not _NAME.fullmatch(name) or name in known:
                raise ScriptError(f"{file}: {name!r} is renamed or imported twice")
            if name not in module.exports:
                raise ScriptError(f"{file}: {place} exports no {name}")
            known.add(name)
        imports.append((names, module))
    written[file] = _Module(file, len(written) + 1, source, imports)
    return written[file]
