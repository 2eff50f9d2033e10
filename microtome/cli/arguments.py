"""The command line's grammar. Nothing heavy is imported here, so that `--help` comes at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TypeAlias

from microtome.cli import history_arguments
from microtome.version import __version__

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_EVALUATE_EXAMPLES = """
examples:
  microtome evaluate --model export/eval --data 'eval-*.tfrecord.gz' --slice carrier
  microtome evaluate --model export/eval --data eval-* --slice carrier,origin --slice month=7 \\
      --output evaluation -- --direct_running_mode=multi_processing --direct_num_workers=4
  microtome evaluate --model export/eval --data day-2/* --slice carrier --output results/day-2 \\
      --record metadata.sqlite --pipeline flights --run day-2 --span 2
  microtome evaluate --model export/2/eval --baseline export/1/eval --data eval-* --slice carrier
  microtome evaluate --model gs://b/eval --data 'gs://b/data-*' --output gs://b/out \\
      --runner FlinkRunner -- --flink_master=cluster:8081 --environment_type=EXTERNAL \\
      --environment_config=localhost:50000
  microtome evaluate --data scored.parquet --format parquet --config metrics.textproto
"""
_CHECK_EXAMPLES = """
examples:
  microtome check config.json --model export/eval --data eval-00000.tfrecord
  microtome check metrics.textproto --data scored.parquet --format parquet
"""
_SHOW_EXAMPLES = """
examples:
  microtome show evaluation --sort auc --reverse --slices 10
  microtome show evaluation --slice 'carrier:*' --metric auc accuracy --csv
"""
_SLICES_EXAMPLES = """
examples:
  microtome slices evaluation --metric auc
  microtome slices evaluation --metric accuracy --baseline carrier:AA --fdr 0.05 --csv
"""
_INSPECT_EXAMPLES = """
examples:
  microtome inspect export/eval
  microtome inspect export/eval --data eval-00000.tfrecord
"""
_SERVE_EXAMPLES = """
examples:
  microtome serve evaluation
  microtome serve 'runs/*/evaluation' --port 8080
  microtome serve metadata.sqlite --pipeline flights --open
  microtome serve mysql://reader:secret@host/mlmd
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parses the arguments; what stands after `--` is for Beam.

    Returns:
        The options; `module` names the module whose `run` takes them, `beam_args` is a list.

    Raises:
        SystemExit: after --help, --version or an error, which is printed.
    """
    argv = list(argv)
    own = argv[: argv.index("--")] if "--" in argv else argv
    parser = _parser()
    args = parser.parse_args(own)
    args.beam_args = argv[len(own) + 1 :]
    if args.beam_args and args.command != "evaluate":
        parser.error(f"arguments after `--` are for Beam; {args.command} does not run it")
    if args.command == "evaluate":
        _check_recording(parser, args)
        if args.model is None and args.config is None:
            parser.error("--model is missing; or, for predictions that are in the data, --config")
    if args.command in ("check", "evaluate") and args.baseline and args.model is None:
        parser.error("--baseline is compared with --model, which is missing")
    return args


def _check_recording(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    given = [name for name in ("pipeline", "run", "span", "split") if getattr(args, name)]
    if args.record is None:
        if given:
            parser.error(f"--{given[0]} says where an evaluation is recorded: it needs --record")
        return
    missing = [name for name in ("pipeline", "output") if not getattr(args, name)]
    if missing:
        parser.error(f"--record needs --{' and --'.join(missing)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="microtome",
        description="Evaluates models over slices of data.",
        epilog="`microtome COMMAND --help` describes a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"microtome {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_evaluate(commands)
    _add_check(commands)
    _add_show(commands)
    _add_slices(commands)
    _add_inspect(commands)
    _add_history(commands)
    _add_serve(commands)
    return parser


def _command(
    commands: Commands, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {description}",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(module=f"microtome.cli.{name}")
    return command


def _add_evaluate(commands: Commands) -> None:
    command = _command(
        commands,
        "evaluate",
        "compute a model's metrics over data and slices of it",
        "Arguments after `--` go to Beam,\nwhich by default runs in this process.",
        _EVALUATE_EXAMPLES,
    )
    _add_model_options(command)
    command.add_argument(
        "--baseline",
        metavar="DIR",
        help="directory of the model to compare with, evaluated in the same pass; the table shows "
        "by how much --model is above it",
    )
    command.add_argument(
        "--data", required=True, nargs="+", action="extend", metavar="PATTERN", help="data files"
    )
    command.add_argument(
        "--slice",
        action="append",
        default=[],
        metavar="COLUMN[=VALUE][,...]",
        help="slice by a feature, by several crossed, or by given values of them; may be repeated. "
        "The whole data is always among the slices",
    )
    command.add_argument(
        "--config", metavar="FILE", help="an EvalConfig, as JSON or in the protobuf text format"
    )
    command.add_argument(
        "--output",
        metavar="DIR",
        help="directory for the result; a new temporary one if not given. An older result in it is "
        "replaced",
    )
    _add_recording(command)
    command.add_argument("--batch-size", type=int, metavar="N", help="most examples a batch")
    command.add_argument(
        "--runner",
        metavar="NAME",
        help="what runs the Beam pipeline, such as FlinkRunner; by default the DirectRunner, in "
        "this process. Its own arguments stand after `--`",
    )
    command.add_argument(
        "--slices", type=_count, default=20, metavar="N", help="print at most N slices (20)"
    )
    command.add_argument(
        "--fail-on-not-blessed",
        action="store_true",
        help="exit with status 1 unless the verdict of the config's thresholds is BLESSED",
    )
    _add_debug(command)


def _add_check(commands: Commands) -> None:
    command = _command(
        commands,
        "check",
        "check a config, and tell what would be computed",
        "Against the model, and\nagainst the first examples of the data where it is given. "
        "Nothing is evaluated or written.",
        _CHECK_EXAMPLES,
    )
    command.add_argument(
        "config", metavar="CONFIG", help="an EvalConfig, as JSON or in the protobuf text format"
    )
    _add_model_options(command)
    command.add_argument("--baseline", metavar="DIR", help="directory of the model to compare with")
    command.add_argument("--data", nargs="+", action="extend", metavar="PATTERN", help="data files")
    _add_debug(command)


def _add_recording(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "recording", "Into the history of a pipeline, in ML Metadata; it points at --output."
    )
    group.add_argument(
        "--record",
        metavar="STORE",
        help="an SQLite file, or the URL of a store: mysql://..., postgresql://..., grpc://...",
    )
    group.add_argument("--pipeline", metavar="NAME", help="the pipeline whose history it joins")
    group.add_argument(
        "--run", metavar="ID", help="the run's id; by default made of time and content"
    )
    group.add_argument(
        "--span", metavar="N", type=_count_text, help="the data's span, such as the day"
    )
    group.add_argument("--split", metavar="NAME", help="the data's split")


def _add_show(commands: Commands) -> None:
    command = _command(
        commands, "show", "show a result as a table", "Microtome's, or TFMA's.", _SHOW_EXAMPLES
    )
    command.add_argument("result", metavar="DIR", help="directory of the result")
    command.add_argument(
        "--slices", type=_count, metavar="N", help="at most N slices; by default 20 in the table"
    )
    command.add_argument(
        "--sort",
        metavar="METRIC",
        help="order by a metric, highest first; by default by the number of examples",
    )
    command.add_argument("--reverse", action="store_true", help="lowest first")
    command.add_argument(
        "--metric", nargs="+", action="extend", metavar="NAME", help="only these metrics"
    )
    command.add_argument(
        "--slice",
        action="append",
        metavar="PATTERN",
        help="only slices with such a name, such as 'carrier:*', or of exactly these "
        "features, such as carrier or carrier,origin; may be repeated",
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a line a slice, in full precision")
    form.add_argument("--json", action="store_true", help="everything, in full precision")
    _add_debug(command)


def _add_slices(commands: Commands) -> None:
    command = _command(
        commands,
        "slices",
        "tell which slices differ beyond noise",
        "Of a result with confidence\nintervals; those that surely differ most come first.",
        _SLICES_EXAMPLES,
    )
    command.add_argument("result", metavar="DIR", help="directory of the result")
    command.add_argument("--metric", required=True, metavar="NAME", help="the metric to compare")
    command.add_argument(
        "--baseline",
        default="Overall",
        metavar="SLICE",
        help="the slice that others are compared with, such as carrier:AA; Overall by default",
    )
    command.add_argument(
        "--level", type=float, default=0.95, help="share of intervals that cover (0.95)"
    )
    command.add_argument(
        "--fdr", type=float, default=0.1, help="share of false discoveries that is allowed (0.1)"
    )
    command.add_argument("--model-name", metavar="NAME", help="the model, where there are several")
    command.add_argument(
        "--slices", type=_count, metavar="N", help="at most N slices; by default 20 in the table"
    )
    command.add_argument("--csv", action="store_true", help="a line a slice, in full precision")
    _add_debug(command)


def _add_inspect(commands: Commands) -> None:
    command = _command(
        commands,
        "inspect",
        "describe an EvalSavedModel",
        "Its format, inputs, features, labels and\npredictions, and how each of its metrics will "
        "be computed: from sums over rows (cut),\nor by the model's own graph (reference), and "
        "why.",
        _INSPECT_EXAMPLES,
    )
    command.add_argument("model", metavar="DIR", help="directory of the EvalSavedModel")
    command.add_argument(
        "--data",
        nargs="+",
        action="extend",
        metavar="PATTERN",
        help="data files: the first examples settle how metrics are computed, and check it",
    )
    command.add_argument("--json", action="store_true", help="as JSON")
    _add_format(command)
    _add_weight(command)
    _add_debug(command)


def _add_history(commands: Commands) -> None:
    command = _command(
        commands,
        "history",
        history_arguments.SUMMARY,
        history_arguments.DESCRIPTION,
        history_arguments.EXAMPLES,
    )
    history_arguments.add(command)
    _add_debug(command)


def _add_serve(commands: Commands) -> None:
    command = _command(
        commands,
        "serve",
        "show runs in a browser",
        "Prints the address, with a\ntoken in it, and answers this machine only until it is "
        "interrupted.",
        _SERVE_EXAMPLES,
    )
    command.add_argument(
        "where",
        metavar="WHERE",
        help="directory of a result, a folder with such below or a pattern of such, or a store of "
        "ML Metadata: an SQLite file or a URL (sqlite://, mysql://, postgresql://, grpc://)",
    )
    command.add_argument("--pipeline", metavar="NAME", help="only of this pipeline")
    command.add_argument(
        "--port", type=_count, default=0, metavar="N", help="by default one that is free"
    )
    command.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="HOST",
        help="name or address to listen at; with another than 127.0.0.1, other machines can ask",
    )
    command.add_argument(
        "--token", metavar="T", help="what requests must bear; by default a new one each time"
    )
    browser = command.add_mutually_exclusive_group()
    browser.add_argument("--open", action="store_true", help="open the address in a browser")
    browser.add_argument(
        "--no-browser", dest="open", action="store_false", help="do not (the default)"
    )
    _add_debug(command)


def _add_model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        metavar="DIR",
        help="directory of the EvalSavedModel, or of a model that serves; without it predictions "
        "are columns of the data, which --config names",
    )
    _add_format(command)
    _add_weight(command)


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format",
        default="tfrecords",
        choices=("tfrecords", "text", "parquet", "arrow", "csv"),
        help="of the data: TFRecord files (the default), a line an example, or files of columns",
    )


def _add_weight(command: argparse.ArgumentParser) -> None:
    command.add_argument("--weight", metavar="KEY", help="feature that weighs the examples")


def _add_debug(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--debug", action="store_true", help="show tracebacks and what other libraries log"
    )


def _count_text(text: str) -> str:
    return str(_count(text))


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)
