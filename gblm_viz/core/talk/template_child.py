"""Separate process that renders chat templates: started by chat_template.py, never imported, uses only Jinja.

It reads one JSON line per template from its input and answers each with one line, until its input is closed. The
environment is that of transformers (utils/chat_template_utils.py, _cached_compile_jinja_template), whose module is not
imported because that takes a second and 100 MB; a test compares the two.
"""

import sys

sys.path[:] = sys.argv[1:]  # started without `site`, so the parent passes its import path

import json  # noqa: E402
import signal  # noqa: E402
from collections.abc import Callable  # noqa: E402
from datetime import datetime  # noqa: E402
from functools import lru_cache  # noqa: E402
from typing import Any, TypedDict  # noqa: E402

import jinja2  # noqa: E402
from jinja2.ext import Extension, loopcontrols  # noqa: E402
from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: E402


class Generation(Extension):
    """`{% generation %}` marks the assistant's text; for a prompt its body is rendered unchanged."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja declares it

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
        """Replace the tag by a call of `_inside` with its body."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_inside"), [], [], body).set_lineno(line)

    def _inside(self, caller: Callable[[], str]) -> str:
        return str(caller())


class Dict:
    """`dict` without the attributes of the class itself."""

    def __call__(self, *given: Any, **named: Any) -> dict[Any, Any]:
        """Return a dict of the arguments."""
        return dict(*given, **named)

    def fromkeys(self, *given: Any) -> dict[Any, Any]:
        """Return dict.fromkeys of the arguments."""
        return dict.fromkeys(*given)


class Namespace(jinja2.utils.Namespace):
    """`namespace` that refuses names beginning with an underscore."""

    def __init__(*given: Any, **named: Any) -> None:  # `namespace(self=…)` is allowed
        self, *rest = given
        values = dict(*rest, **named)
        for name in values:
            _refuse_private(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: object) -> None:
        _refuse_private(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)


def _refuse_private(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace takes no name such as {name!r}")


def raise_exception(message: object) -> None:
    """Raise Jinja's TemplateError with the template's own message."""
    raise jinja2.exceptions.TemplateError(str(message))


def tojson(value: object, ensure_ascii: bool = False, indent: int | str | None = None,
           separators: tuple[str, str] | None = None, sort_keys: bool = False) -> str:
    """Return the value as JSON without HTML escapes, which Jinja's own filter adds."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@lru_cache(maxsize=8)
def compile_template(template: str) -> jinja2.Template:
    """Return the compiled template, in the same environment as transformers' one."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=[Generation, loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals |= {"raise_exception": raise_exception, "dict": Dict(), "namespace": Namespace,
                            "strftime_now": lambda form: datetime.now().strftime(form)}
    return environment.from_string(template)


class Question(TypedDict):
    """One line of the input: a template with its values, and the limits of its rendering."""

    template: str
    values: dict[str, object]
    most: int
    seconds: float
    memory: int


class Answer(TypedDict, total=False):
    """One line of the output, with one of these fields."""

    text: str
    long: bool
    why: str


def render(asked: Question) -> Answer:
    """Return {"text": …}, {"long": True} beyond `most` characters or memory, or {"why": the template's own message}."""
    pieces, size = [], 0
    try:
        for piece in compile_template(asked["template"]).generate(**asked["values"]):
            pieces.append(piece)
            size += len(piece)
            if size > asked["most"]:
                return {"long": True}
        return {"text": "".join(pieces)}
    except MemoryError:
        return {"long": True}
    except Exception as error:  # a template can raise whatever Python can
        return {"why": (str(error) or type(error).__name__)[:asked["most"]]}


def bound_memory(most: int) -> None:
    """Limit the bytes of this process's address space; if the system cannot, only the time limit applies."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, ValueError, OSError):
        pass


def serve() -> None:
    """Answer every line of the input with one line of the output."""
    alarm = getattr(signal, "setitimer", None)  # not on Windows; there only the parent watches the time
    for line in sys.stdin.buffer:
        asked: Question = json.loads(line)
        bound_memory(asked["memory"])
        if alarm is not None:
            alarm(signal.ITIMER_PROF, asked["seconds"])  # not caught: the system ends the process, even inside C code
        answer = json.dumps(render(asked)).encode()
        if alarm is not None:
            alarm(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


serve()
