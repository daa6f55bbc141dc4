"""The command line: collect, prune, evaluate, chat, compare. Passes flags to core and prints its results or JSON.

Computes nothing itself and does not use the app. Exit codes: 0 done, 2 unusable input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.model.models import DTYPES
from gblm_viz.core.sums.ranks import Ranks

from .flags import Parser, UsageError, flag_help, whole
from .terminal import WORDS, InterruptionError, Result, Terminal, say, show

DONE, UNUSABLE, INTERRUPTED = 0, 2, 130
PROGRAM = "python -m gblm_viz"


@dataclass(frozen=True)
class Command:
    """One command: the keys that --json prints; its flags beyond the shared ones; and the function that runs it."""

    keys: Mapping[str, str]
    flags: Callable[[argparse.ArgumentParser], None]
    act: Callable[[argparse.Namespace, Terminal], Result]


COMMANDS = ("collect", "prune", "evaluate", "chat", "compare")
"""The names of the commands, which are also those of their files beside this one."""


def command_of(name: str) -> Command:
    """Return a command, importing what it needs: the help of one must not wait for all the others."""
    one = import_module(f".{name}", __package__)
    return Command(one.KEYS, one.flags, one.act)


def make_parser(asked: Collection[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, with the flags of the commands in `asked`.

    Each command's help ends with the keys of its JSON.
    """
    parser = Parser(prog=PROGRAM, description=flag_help("program"), allow_abbrev=False)
    chosen = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in COMMANDS:
        if name not in asked:
            chosen.add_parser(name, help=flag_help(name))
            continue
        command = command_of(name)
        width = max(len(key) for key in command.keys)
        keys = "\n".join(f"  {key:<{width}}  {meaning}" for key, meaning in command.keys.items())
        own = chosen.add_parser(name, help=flag_help(name), description=flag_help(name), allow_abbrev=False,
                                epilog=f"{flag_help('json_keys')}\n{keys}",
                                formatter_class=argparse.RawDescriptionHelpFormatter)
        own.add_argument("--model", required=True, metavar="SRC", help=flag_help("model"))
        command.flags(own)
        own.add_argument("--dtype", choices=DTYPES, default="float32", help=flag_help("dtype"))
        own.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=flag_help("device"))
        own.add_argument("--threads", type=whole(1), metavar="N", help=flag_help("threads"))
        own.add_argument("--json", action="store_true", help=flag_help("json"))
    return parser


def _parsed(argv: list[str] | None) -> argparse.Namespace:
    """Return the parsed flags. Raises UsageError, also for combinations of flags of which one would be ignored."""
    given = sys.argv[1:] if argv is None else argv
    parser = make_parser(given)
    args = parser.parse_args(given)
    if args.command is None:
        parser.error(WORDS("cli.refuse.no_command", commands=", ".join(COMMANDS)))
    if args.command == "collect" and args.text is None and args.cut is not None:
        parser.error(WORDS("cli.refuse.only_text", flag="--cut"))
    if args.command == "collect" and args.tokens is not None and args.length is not None:
        parser.error(WORDS("cli.refuse.not_tokens", flag="--length"))
    if args.command != "collect" and Ranks.of_environment().count > 1:
        parser.error(WORDS("cli.refuse.only_collect", command=args.command))
    return args


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code. `--help` exits by itself, as argparse does."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot encode Greek letters still shows the rest
    try:
        args = _parsed(argv)
        # with several processes all but the first print nothing, except errors
        ours = (sys.stdout, sys.stderr) if Ranks.of_environment().first else (io.StringIO(), io.StringIO())
        terminal = Terminal(*ours, args.json)
        with redirect_stdout(sys.stderr):  # keeps what libraries print out of the result
            result = command_of(args.command).act(args, terminal)
        show(result, terminal)
    except (UsageError, GblmError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return UNUSABLE
    except InterruptionError as interrupted:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        print(say("interrupted"), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
