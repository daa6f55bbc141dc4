"""The web server: the page in each language, and routes for what Gradio does not do.

Each language is a Gradio app of its own under /en and /ja, all with one Library, so that text is never exchanged at run
time. The browser's language is set before Gradio starts, so that Gradio's own labels follow the choice.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import unquote

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse
from gradio.routes import App
from starlette.requests import ClientDisconnect
from starlette.routing import Mount

from gblm_viz.shipped import ASSETS
from gblm_viz.words import LANGUAGES, Words, words

from .build import build
from .components.joined import called, shared_script
from .door.access import OPEN_ACCESS, Access
from .door.gate import Gate, Route
from .door.glossary_page import glossary_page
from .door.kept import Kept, kinds
from .door.languages import preferred
from .door.own_address import use_browser_address
from .door.prefix import LONGEST_QUERY, own_path, quoted
from .door.teacher_page import teacher_page
from .theme import CSS, THEME, head
from .visit import address, downloads, uploads
from .visit.lean import keep_little
from .visit.library import Library
from .visit.presence import Streams

LONGEST_REQUEST_LINE = 256_000
"""Most bytes of a link: one of 80 kB still opens, and the page says how much was left out. Uvicorn's default: 64 kB."""
Begin = Callable[[Callable[[Exception], None]], None]
_UPLOAD = Route(("POST",), re.compile(uploads.ADDRESS))
"""Its body is the file itself; uploads.py limits its size as it arrives."""
_FIRST_OF_HEAD = (
    "<link rel='icon' type='image/svg+xml' href='../favicon.ico'>"  # else it is requested at the root of the host
    "<script>for (const [name, value] of [['language', '{code}'], ['languages', ['{code}']]])"
    "Object.defineProperty(navigator, name, {{get: () => value}});</script>"
)

_DESCRIPTION = Path(__file__).parent / "components" / "description.js"


def make_app(library: Library, access: Access = OPEN_ACCESS) -> FastAPI:
    """Return the whole site as an ASGI app. access: how people reach it."""
    own_folder()
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.add_middleware(Streams, presence=library.presence)
    _add_entrances(site)
    _add_plain_pages(site)
    _add_downloads(site, library)
    _add_uploads(site, library)
    pages = {language: build(language, library) for language in LANGUAGES}
    for language, blocks in pages.items():
        blocks.has_launched = True  # without it Gradio does not check paths in values (the gate refuses them anyway)
        gr.mount_gradio_app(site, blocks, f"/{language}", footer_links=[], run_history=False,
                            ssr_mode=False, theme=THEME, css=CSS, head=head(words(language)), show_error=False,
                            max_file_size="0b")
        mounted = site.routes[-1]
        assert isinstance(mounted, Mount) and isinstance(mounted.app, App)
        keep_little(mounted.app, blocks)
    site.add_middleware(Kept, kinds=kinds(_finish_page))
    site.add_middleware(Gate, pages=pages, presence=library.presence, beside=(_UPLOAD,))
    access.guard(site, library.local)
    return site


def _add_entrances(site: FastAPI) -> None:
    """Add the ways to a language's page, and the icon."""
    @site.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        return _to_page(request, _language_of(request))

    async def page(request: Request) -> Response:
        return _to_page(request, own_path(request.scope).strip("/"))

    for code in LANGUAGES:  # without the final slash; Starlette's own redirect would contain the requested host
        site.add_route(f"/{code}", page, include_in_schema=False)

    @site.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return FileResponse(ASSETS / "logo.svg", media_type="image/svg+xml")


def _add_plain_pages(site: FastAPI) -> None:
    """Add the page of all terms and the one for teachers in each language, and ways to them that need no language."""
    for name, make in {"glossary": glossary_page, "teacher": teacher_page}.items():
        _add_plain_page(site, name, make)


def _add_plain_page(site: FastAPI, name: str, make: Callable[[Words], Response]) -> None:
    async def root(request: Request) -> Response:
        return RedirectResponse(f"{quoted(request.scope)}/{_language_of(request)}/{name}", 307,
                                headers={"Cache-Control": "no-store"})

    async def page(request: Request) -> Response:
        return make(words(own_path(request.scope).split("/")[1]))

    site.add_route(f"/{name}", root, include_in_schema=False)
    for code in LANGUAGES:
        site.add_route(f"/{code}/{name}", page, include_in_schema=False)


def _add_downloads(site: FastAPI, library: Library) -> None:
    @site.get(downloads.ADDRESS + "{token}", include_in_schema=False)
    async def fetch(token: str, request: Request) -> Response:
        found = downloads.fetch(library, token)
        if found is None:
            say = words(preferred(request.headers.get("accept-language", "")))
            return PlainTextResponse(say("report.gone"), 404)
        return Response(found.content, media_type=found.media, headers={
            "Content-Disposition": f'attachment; filename="{found.name}"', "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"})


def _add_uploads(site: FastAPI, library: Library) -> None:
    @site.post(uploads.ADDRESS, include_in_schema=False)
    async def receive(request: Request) -> Response:
        """Receive one file, the whole body, from a known visitor; the answer is the token under which it waits."""
        visitor = request.headers.get("x-visit", "")
        if visitor not in library.sessions:
            return JSONResponse({"detail": "no such visit"}, 403)
        if int(request.headers.get("content-length") or 0) > uploads.LARGEST_FILE:
            return JSONResponse({"detail": "the file is too large"}, 413)
        try:
            token = await library.uploads.receive(visitor, unquote(request.headers.get("x-name", "")), request.stream(),
                                                  request.client.host if request.client else "")
        except uploads.UploadRefused as refused:
            return JSONResponse({"detail": "not taken"}, refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"token": token})


def _finish_page(page: bytes, language: str) -> bytes:
    """Return a page with our modules and the browser's language before Gradio's scripts, and the address it sees."""
    scripts = f"<script>{shared_script()}\n{called(_DESCRIPTION, 'start')}</script>"
    first = (_FIRST_OF_HEAD.format(code=language) + scripts).encode()
    page = page.replace(b"<head>", b"<head>" + first, 1).replace(b'lang="en"', f'lang="{language}"'.encode(), 1)
    return use_browser_address(page)


def _language_of(request: Request) -> str:
    """Return the language that the address names, else the one that the browser asks for."""
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def _to_page(request: Request, language: str) -> Response:
    """Redirect to a language's page, below this request's prefix, with the link's query, shortened if too long."""
    said = request.url.query
    query = f"?{said if len(said) <= LONGEST_QUERY else address.shorten_link(said)}" if said else ""
    return RedirectResponse(f"{quoted(request.scope)}/{language}/{query}", headers={"Cache-Control": "no-store"})


def own_folder() -> Path:
    """Create Gradio's folder for files, used by this process only and deleted at its end; nothing is written there.

    By default all users of a machine share one folder that belongs to the first of them: the second got HTTP 500.
    """
    folder = tempfile.mkdtemp(prefix="gblm-viz-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def share(port: int) -> str:
    """Open Gradio's tunnel and return its public address; only for --share."""
    return gr.networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)


def log_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what no task awaited, except for Gradio's stream of answers, which yields once more while Python closes it.

    That stream's page has gone; nothing is lost, and the log would fill when a class closes its tabs.
    """
    error = context.get("exception")
    if isinstance(error, RuntimeError) and str(error) == "async generator ignored GeneratorExit":
        return
    loop.default_exception_handler(context)


class _Server(uvicorn.Server):
    """Uvicorn that logs neither errors after the end signal, since streams cut off then are not errors, nor the end of
    a stream whose page has gone."""

    begin: Begin
    failure: Exception | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(log_failure)
        await super().startup(sockets)
        self.begin(self.fail)

    def fail(self, error: Exception) -> None:
        """End serving, since the app cannot work."""
        self.failure, self.should_exit = error, True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def serve(app: FastAPI, listening: socket.socket, begin: Begin = lambda fail: None) -> None:
    """Serve on a socket until a signal; then the signal's original handler is called.

    begin: called once pages are served, with a function that takes an error; it ends serving, and is raised here.
    """
    serving = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2,
                                     h11_max_incomplete_event_size=LONGEST_REQUEST_LINE))
    serving.begin = begin
    serving.run([listening])
    if serving.failure is not None:
        raise serving.failure
