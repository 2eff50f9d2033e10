"""From the command line to a command, and from its errors to a message and an exit status."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
from collections.abc import Sequence

from microtome.cli import arguments, quiet
from microtome.errors import MicrotomeError

FAILED = 2
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: the arguments after the program's name; by default the process's own.

    Returns:
        The exit status: what the command gives, by default 0, or 2 after an error that the user
        can mend.
    """
    args = arguments.parse(sys.argv[1:] if argv is None else argv)
    quiet.prepare(args.debug)
    status = None
    try:
        status = importlib.import_module(args.module).run(args)
        sys.stdout.flush()
    except MicrotomeError as error:
        if args.debug:
            raise
        print(f"microtome: {textwrap.indent(str(error), '  ').strip()}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("microtome: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # whoever reads the output has seen enough, as in `microtome show result | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status or 0
