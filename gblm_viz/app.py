"""Start the app: flags → the Library → the page on this machine's own address."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.model.model_source import strip_pasted
from gblm_viz.encoding import insist_on_utf8
from gblm_viz.ui.door.addresses import FIRST_PORT, LARGEST_PORT, host_name, is_loopback, link, listen
from gblm_viz.ui.door.origins import embedding_origin
from gblm_viz.words import words

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
PASSWORD = "GBLM_PASSWORD"
"""The environment variable that holds the password, where the flag does not."""
ENDING_SECONDS = 3.0
"""What running work gets to put itself in order."""
SAY = words("en")


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong flag is one line instead of a page."""

    def error(self, message: str) -> NoReturn:
        """Print the fault in one line and end with exit code 2."""
        self.exit(2, SAY("cli.refuse.usage", program=self.prog, message=message) + "\n")


class Ended(BaseException):
    """A signal asks the process to end. `code`: its exit code, 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The flags; ends the process with code 2 and a sentence where they make no sense."""
    parser = Parser(description=SAY("serve.flags.program"), allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1", help=SAY("serve.flags.host"))
    parser.add_argument("--port", type=_port, help=SAY("serve.flags.port", first=FIRST_PORT))
    parser.add_argument("--root-path", default="", metavar="PATH", help=SAY("serve.flags.root_path"))
    parser.add_argument("--allow-host", type=_host_name, action="append", default=[], metavar="NAME",
                        help=SAY("serve.flags.allow_host"))
    parser.add_argument("--share", action="store_true", help=SAY("serve.flags.share"))
    parser.add_argument("--model", type=_model, default="pocket", help=SAY("serve.flags.model"))
    parser.add_argument("--allow-model", type=_model, action="append", default=[], metavar="SRC",
                        help=SAY("serve.flags.allow_model"))
    parser.add_argument("--embed", type=_embedding, action="append", default=[], metavar="ORIGIN",
                        help=SAY("serve.flags.embed"))
    parser.add_argument("--password", default=None, help=SAY("serve.flags.password", variable=PASSWORD))
    parser.add_argument("--statistics", type=Path, metavar="DIR", help=SAY("serve.flags.statistics"))
    parser.add_argument("--threads", type=_threads, metavar="N", help=SAY("serve.flags.threads"))
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    given = parser.parse_args(argv)
    if given.password == "":
        parser.error(SAY("serve.refuse.password"))
    given.password = given.password or os.environ.pop(PASSWORD, "")
    return given


def _model(given: str) -> str:
    """A path or hub id as it is meant, however it was pasted."""
    try:
        return strip_pasted(given)
    except ModelError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(given: str) -> int:
    number = int(given) if given.isdecimal() and len(given) < 10 else -1
    if not 0 <= number <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(SAY("serve.refuse.port", given=given, largest=LARGEST_PORT))
    return number


def _threads(given: str) -> int:
    number = int(given) if given.isdecimal() and len(given) < 10 else 0
    if number < 1:
        raise argparse.ArgumentTypeError(SAY("serve.refuse.threads", given=given))
    return number


def _host_name(given: str) -> str:
    try:
        return host_name(given)
    except ValueError:
        raise argparse.ArgumentTypeError(SAY("serve.refuse.host", given=given)) from None


def _embedding(given: str) -> str:
    try:
        return embedding_origin(given)
    except ValueError:
        raise argparse.ArgumentTypeError(SAY("serve.refuse.embed", given=given)) from None


def print_address(given: argparse.Namespace, local: bool, prefix: str, port: int) -> None:
    """Where the app is to be found, and what those who find it can do where nothing keeps them out."""
    print(SAY("serve.running", link=link(given.host, port)), flush=True)
    if given.host.strip("[]") in {"0.0.0.0", "::"}:
        print(SAY("serve.running_everywhere", port=port), flush=True)
    if prefix:
        print(SAY("serve.running_below", prefix=prefix), flush=True)
    if not local and not given.password:
        known = ", ".join(dict.fromkeys(("pocket", given.model, *given.allow_model)))
        print(SAY("serve.open_to_all", known=known, variable=PASSWORD), file=sys.stderr, flush=True)


def main() -> int:
    """Start the app and serve until a signal or Ctrl-C; return the exit code."""
    given = arguments()
    gc.disable()  # importing and building make objects that all stay: collecting among them cost a fifth of the start
    from gblm_viz.core.base.errors import GblmError
    from gblm_viz.core.base.lazy import import_now
    from gblm_viz.core.base.threads import Threads
    from gblm_viz.ui import server
    from gblm_viz.ui.door import prefix
    from gblm_viz.ui.door.access import Access
    from gblm_viz.ui.visit.library import Library
    from gblm_viz.ui.work import start

    library = Library(device=given.device, dtype=given.dtype, threads=Threads(given.threads))
    try:
        access = Access(prefix.of_flag(given.root_path), tuple(given.allow_host), given.password,
                        tuple(given.embed))
        # a name or a path of a proxy: others reach the app through it, wherever it listens itself
        library.local = (is_loopback(given.host) and all(map(is_loopback, given.allow_host))
                         and not access.prefix and not given.share)
        library.open_models = (given.model, *given.allow_model)
        listening = listen(given.host, given.port)
        shipped = given.model == "pocket" and given.statistics is None
        if not shipped:
            gc.enable()
            import_now()
            start.prepare(library, given.model, given.statistics)
            library.ready.set()
    except (GblmError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    library.keep_tidy()
    app = server.make_app(library, access)
    gc.freeze()
    gc.enable()
    port = listening.getsockname()[1]
    print_address(given, library.local, access.prefix, port)
    if given.share:
        print(SAY("serve.running_shared", link=server.share(port)), flush=True)
    try:
        # the first screen needs nothing that computes: it is served before torch is imported
        server.serve(app, listening, partial(start.in_background, library) if shipped else lambda fail: None)
    finally:
        library.end(ENDING_SECONDS)
    return 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, lambda again, _: os._exit(128 + again))  # asked twice: at once
    raise Ended(number)


def run() -> NoReturn:
    """`main`, and the process's end: Ctrl-C gives 130, SIGTERM 143, unusable flags 2.

    Threads that compute cannot be ended from outside, and the interpreter's own end would pull their libraries from
    under them ("terminate called…"). So what is registered for the end is done, and then the process is over.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        code = main()
    except Ended as ended:
        code = ended.code
    late = threading.Timer(ENDING_SECONDS, os._exit, [code])
    late.daemon = True
    late.start()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def program() -> NoReturn:
    """What `python app.py` and `gblm-viz` run."""
    insist_on_utf8()
    run()
