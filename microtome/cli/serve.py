"""`microtome serve`: the views of many runs, in a browser."""

from __future__ import annotations

import argparse
import sys
import webbrowser

from microtome.errors import ConfigError
from microtome.tracking.stores import describe_store
from microtome.view.server_guard import is_loopback
from microtome.view.sources import Source


def run(args: argparse.Namespace) -> None:
    """Serves until it is interrupted.

    Raises:
        ConfigError: There is no such store or pipeline; the port is in use; or tornado is not
            installed.
        DataError: There are no results in the folder.
    """
    # before what is served is read, which may take a while
    try:
        from microtome.view.server import Server
    except ImportError as error:
        raise ConfigError(
            f"The server needs the package tornado, which cannot be imported ({error}). Install "
            "it with: pip install 'microtome[serve]'."
        ) from error
    server = Server(Source.open(args.where, args.pipeline), args.host, args.port, args.token)
    if not is_loopback(args.host):
        print(
            f"microtome: {args.host} can be reached from other machines: whoever has the address "
            "below sees these runs, and it goes over the network unencrypted.",
            file=sys.stderr,
        )
    print(f"Microtome serves {describe_store(args.where)} at {server.address}", flush=True)
    if args.open:
        webbrowser.open(server.address)
    server.run()
