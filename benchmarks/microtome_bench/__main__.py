"""Measures suites of contests, and prints them as Markdown."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from microtome_bench import contest, startup, suites

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    names = [*suites.SUITES, "startup"]
    parser.add_argument("--suites", nargs="+", choices=names, default=names)
    parser.add_argument("--only", default="", help="contests whose title has this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=os.path.join(_HOME, "data"), help="for models and data")
    parser.add_argument("--output", help="a file for the figures, as JSON")
    args = parser.parse_args()
    folder = os.path.abspath(args.folder)
    figures: dict[str, Any] = {}
    for name in args.suites:
        print(f"\n## {name}", flush=True)
        if name == "startup":
            figures[name] = startup.measure(folder, args.rounds)
            print(startup.described(figures[name]), flush=True)
            _keep(figures, args.output)
            continue
        for each in suites.SUITES[name]():
            if args.only in each.title:
                figures[f"{name}: {each.title}"] = runs = each.run(folder, args.rounds)
                print(f"\n{contest.described(each, runs)}", flush=True)
                _keep(figures, args.output)


def _keep(figures: dict[str, Any], path: str | None) -> None:
    """Writes what there is so far: all of it takes an hour."""
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
