"""The grammar of `microtome history`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

Parser: TypeAlias = argparse.ArgumentParser
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

SUMMARY = "answer questions about the evaluations of many runs"
DESCRIPTION = (
    "From ML Metadata, or from\nfolders of results. A RUN is named by its id, or by -1 for the "
    "last one, -2 for the one\nbefore. `microtome history STORE COMMAND --help` describes a "
    "command."
)
EXAMPLES = """
examples:
  microtome history metadata.sqlite runs
  microtome history metadata.sqlite metric auc --slice carrier:UA --last 10
  microtome history metadata.sqlite --pipeline flights regressions --against latest_blessed --fail
  microtome history mysql://reader:secret@host/mlmd lineage --run -2
  microtome history 'runs/*/evaluation' worst auc --csv
"""
AGAINST = ("previous", "latest_blessed", "best")


def add(command: Parser) -> None:
    """Gives `microtome history` its arguments and commands."""
    command.add_argument(
        "store",
        metavar="STORE",
        help="an SQLite file, the URL of a database or of a gRPC server (sqlite://, mysql://, "
        "postgresql://, grpc://), or a folder of results or a pattern of such",
    )
    command.add_argument("--pipeline", metavar="NAME", help="only of this pipeline")
    questions = command.add_subparsers(dest="question", metavar="COMMAND", required=True)
    for name, summary, fill in _QUESTIONS:
        fill(_question(questions, name, summary))


def _question(questions: Commands, name: str, summary: str) -> Parser:
    question = questions.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        allow_abbrev=False,
    )
    # here too, without overriding what stood before the command
    question.add_argument(
        "--pipeline", default=argparse.SUPPRESS, metavar="NAME", help="only of this pipeline"
    )
    question.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="tracebacks"
    )
    return question


def _metric(question: Parser) -> None:
    question.add_argument("metric", metavar="METRIC")
    _add_slice(question)
    question.add_argument(
        "--last", type=_positive, metavar="N", help="the last N runs; by default 20 in the table"
    )
    question.add_argument("--since", metavar="DATE", help="runs since then, in UTC: 2024-06-01")
    _add_node(question)
    _add_form(question)


def _runs(question: Parser) -> None:
    question.add_argument("--last", type=_positive, metavar="N", help="the last N runs")
    question.add_argument("--since", metavar="DATE", help="runs since then, in UTC: 2024-06-01")
    _add_node(question)
    _add_form(question)


def _regressions(question: Parser) -> None:
    _add_run(question)
    question.add_argument(
        "--against", choices=AGAINST, default=AGAINST[0], help="held against which earlier run"
    )
    _add_metrics(question)
    question.add_argument(
        "--lower-is-better",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="metrics of which less is better, besides losses and errors",
    )
    _add_min_examples(question)
    question.add_argument(
        "--min-change", type=_size, default=0.0, metavar="X", help="smaller falls do not count"
    )
    question.add_argument(
        "--all", action="store_true", help="all that was compared, not only what regressed"
    )
    question.add_argument(
        "--fail", action="store_true", help="exit with status 1 if anything regressed"
    )
    _add_node(question)
    _add_form(question)


def _worst(question: Parser) -> None:
    question.add_argument("metric", metavar="METRIC")
    runs = question.add_mutually_exclusive_group()
    _add_run(runs)
    runs.add_argument("--all-runs", action="store_true", help="of every run")
    question.add_argument(
        "--count", type=_positive, default=10, metavar="N", help="so many slices a run (10)"
    )
    _add_min_examples(question)
    question.add_argument("--lower-is-better", action="store_true", help="the highest are worst")
    _add_node(question)
    _add_form(question)


def _of_run(question: Parser) -> None:
    _add_run(question)
    _add_node(question)
    _add_form(question)


def _lineage(question: Parser) -> None:
    _add_run(question)
    _add_node(question)
    question.add_argument("--json", action="store_true", help="with all properties, as JSON")


def _of_model(question: Parser) -> None:
    question.add_argument("model", metavar="MODEL", help="its id, URI or digest")
    _add_selection(question)


def _of_data(question: Parser) -> None:
    question.add_argument("data", metavar="DATA", help="their span, id, URI or digest")
    _add_selection(question)


def _matrix(question: Parser) -> None:
    question.add_argument("metric", metavar="METRIC")
    _add_slice(question)
    _add_node(question)
    _add_form(question)


def _compare(question: Parser) -> None:
    question.add_argument("run", type=run, metavar="RUN")
    question.add_argument("reference", type=run, metavar="REFERENCE")
    _add_node(question)
    question.add_argument("--json", action="store_true", help="as JSON")


_QUESTIONS: tuple[tuple[str, str, Callable[[Parser], None]], ...] = (
    ("metric", "how a metric of a slice went from run to run", _metric),
    ("runs", "the runs, what they evaluated on what, and their verdicts", _runs),
    ("regressions", "what got worse in a run, on which slices, beyond noise", _regressions),
    ("worst", "the slices on which a metric is worst", _worst),
    ("slices", "the slices that are new, vanished or shrunk since the run before", _of_run),
    ("lineage", "what the numbers of a run were made of: model, trainer, data", _lineage),
    ("model", "every evaluation of a model, on whatever data", _of_model),
    ("data", "how every model did on some data", _of_data),
    ("matrix", "a metric of every model on every data", _matrix),
    ("verdict", "whether a run was blessed, and why or why not", _of_run),
    ("compare", "whether the numbers of two runs may be compared", _compare),
)


def run(text: str) -> str | int:
    """A run as `History` takes it: an id, or a negative number that counts from the last one."""
    return int(text) if text.startswith("-") and text[1:].isdecimal() else text


def _add_run(question: argparse._ActionsContainer) -> None:
    question.add_argument(
        "--run", type=run, default="-1", metavar="RUN", help="by default the last one"
    )


def _add_node(question: Parser) -> None:
    question.add_argument("--node", metavar="NODE", help="only of this node of the pipeline")


def _add_slice(question: Parser) -> None:
    question.add_argument(
        "--slice", default="Overall", metavar="SLICE", help="such as carrier:UA; default Overall"
    )


def _add_metrics(question: Parser) -> None:
    question.add_argument(
        "--metrics", nargs="+", action="extend", metavar="NAME", help="only these metrics"
    )


def _add_min_examples(question: Parser) -> None:
    question.add_argument(
        "--min-examples",
        type=_count,
        default=0,
        metavar="N",
        help="leave out slices of fewer examples",
    )


def _add_selection(question: Parser) -> None:
    _add_metrics(question)
    question.add_argument(
        "--slice",
        action="append",
        metavar="SLICE",
        help="such as carrier:UA; may be repeated; default Overall",
    )
    _add_form(question)


def _add_form(question: Parser) -> None:
    form = question.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV, in full precision")
    form.add_argument("--json", action="store_true", help="as JSON, in full precision")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(text)


def _size(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or a number above, not {text!r}")
    return value
