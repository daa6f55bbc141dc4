"""HTML from templates: the one Jinja2 environment. Every value is escaped; a missing value is an error.

A template lies beside the code that renders it and is named by its path below `ui`, such as "report/report.html". It
gets plain values, and sentences through `say`. What templates mark as `safe` is listed in their test.
"""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from gblm_viz.escape import escape
from gblm_viz.words import gap_after

UI = Path(__file__).parents[1]
_TAG_OR_LINE_END = re.compile(r"(\{[{%#].*?[}%#]\})|\n[ \t]*", re.DOTALL)


class _JoinedLines(Extension):
    """Removes line ends and indentation from templates, so that both can be chosen for the reader alone.

    Each becomes a comment with a line end in it: comments print nothing, and errors keep their line numbers.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return _TAG_OR_LINE_END.sub(lambda found: found[1] or "{#\n#}", source)


def _escaped(value: object) -> Markup:
    """Return the value escaped, unless a macro has already made it. Jinja2's own escape leaves what is Markup alone."""
    return value if isinstance(value, Markup) else Markup(escape(value))


ENVIRONMENT = Environment(loader=FileSystemLoader(UI), autoescape=True, undefined=StrictUndefined, auto_reload=False,
                          finalize=_escaped, extensions=[_JoinedLines])
ENVIRONMENT.globals["gap_after"] = gap_after


def render(template: str, **values: object) -> str:
    """Return a template's HTML with these values."""
    return ENVIRONMENT.get_template(template).render(values)
