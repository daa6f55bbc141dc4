"""The page of all terms: without Gradio, complete without a script, to print and to link to (…/glossary#mask).

The app's own page takes from it what it shows at a word.
"""

from __future__ import annotations

from pathlib import Path

from starlette.responses import HTMLResponse

from gblm_viz.figures import colours, sizes
from gblm_viz.glossary import Glossary, read_glossary
from gblm_viz.words import LANGUAGES, Words

from ..components import glossary
from ..components.joined import called_alone
from .plain_page import plain_page

_HERE = Path(__file__).parent
_STYLE = colours.fill_variables(sizes.fill_variables(
    glossary.CSS + (_HERE / "glossary_page.css").read_text(encoding="utf-8")))


def glossary_page(say: Words) -> HTMLResponse:
    """Return the page in the language of these words."""
    found = read_glossary(say.language)
    return plain_page(say, 200, template="door/glossary_page.html", title=say("glossary.frame.title"), style=_STYLE,
                      script=called_alone(_HERE / "glossary_search.js", "start"), glossary=found, see=_related(found),
                      pictures=glossary.PICTURES, languages=LANGUAGES)


def _related(found: Glossary) -> dict[str, list[tuple[str, str]]]:
    """Return for each term the ids and names of those it refers to."""
    return {term.id: [(other, found.terms[other].name) for other in term.see if other in found.terms]
            for term in found.terms.values()}
