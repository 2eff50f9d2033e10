"""`microtome evaluate`: a model, data and slices to a result."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from microtome.cli import quiet, tables
from microtome.errors import ConfigError, MicrotomeError, OutputError
from microtome.slicing.spec import SingleSliceSpec

if TYPE_CHECKING:
    from microtome.executor.subjects import Models
    from microtome.proto import config_pb2
    from microtome.results import EvalResult


NOT_BLESSED = 1


def run(args: argparse.Namespace) -> int:
    """Evaluates, prints the result with its verdict and says where it lies.

    Returns:
        0; with --fail-on-not-blessed 1, unless the verdict is BLESSED.

    Raises:
        MicrotomeError: as `microtome.run_model_analysis`.
    """
    slices = list(dict.fromkeys([SingleSliceSpec(), *map(parse_slice, args.slice)]))
    config = None if args.config is None else read_config(args.config, slices)
    if args.record is not None:
        _check_recording(args)
    with quiet.silent_imports(args.debug):
        from apache_beam.options.pipeline_options import PipelineOptions

        from microtome.executor import analysis, baselines, subjects
        from microtome.model import planning  # noqa: F401
    given = given_models(args)
    if args.record is not None and config is not None:
        _check_tracking(config, subjects.metric_names(*baselines.with_baseline(given, config)))
    result = analysis.run_model_analysis(
        given,
        data_location=args.data,
        file_format=args.format,
        slice_spec=slices if config is None else None,
        output_path=args.output,
        eval_config=config,
        pipeline_options=PipelineOptions(_beam_args(args)),
        desired_batch_size=args.batch_size,
    )
    print(tables.to_text(result, args.slices))
    print(f"\n{how_computed(result)}")
    if args.record is not None:
        sys.stdout.flush()
        _record(result, args)
    is_blessed = result.verdict is not None and result.verdict.is_blessed
    return NOT_BLESSED if args.fail_on_not_blessed and not is_blessed else 0


def given_models(args: argparse.Namespace) -> Models:
    """The models that arguments name: one, with its baseline as a list, or none."""
    from microtome.executor.shared_model import default_eval_shared_model

    models = [
        default_eval_shared_model(path, example_weight_key=args.weight, is_baseline=is_baseline)
        for path, is_baseline in ((args.model, False), (args.baseline, True))
        if path is not None
    ]
    return models[0] if len(models) == 1 else models or None


def _beam_args(args: argparse.Namespace) -> list[str]:
    runner = [] if args.runner is None else [f"--runner={args.runner}"]
    return [*runner, *args.beam_args]


def _check_recording(args: argparse.Namespace) -> None:
    """Finds before the evaluation what would hinder its recording."""
    with quiet.silent_imports(args.debug):
        from microtome.tracking import recording

        recording.check_arguments(args.pipeline, args.run)
        recording.check_store(args.record)


def _check_tracking(config: config_pb2.EvalConfig, metrics: list[str]) -> None:
    from microtome.tracking import selection

    selection.check_metrics(config, metrics)


def _record(result: EvalResult, args: argparse.Namespace) -> None:
    from microtome.tracking import recording

    try:
        recording.record(
            result,
            args.record,
            pipeline=args.pipeline,
            run=args.run or None,
            span=args.span or "",
            split=args.split or "",
        )
    except MicrotomeError as error:
        raise OutputError(
            f"{error}\nThe evaluation itself is complete, in {result.output_path}. Record it with "
            "microtome.record(directory, store, pipeline=...)."
        ) from error


def parse_slice(text: str) -> SingleSliceSpec:
    """The slices that one --slice names.

    Args:
        text: names of features, each perhaps with `=` and a value, with commas between.

    Raises:
        ConfigError: a name is missing, or there twice.
    """
    columns, features = [], []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not name:
            raise ConfigError(
                f"--slice {text!r} names no feature {'before =' if equals else 'at some place'}. "
                "Write --slice country, --slice country,device or --slice country=de,device; names "
                "with a comma or an = can be given in a --config."
            )
        if equals:
            features.append((name, value))
        else:
            columns.append(name)
    return SingleSliceSpec(columns, features)


def read_config(path: str, slices: list[SingleSliceSpec]) -> config_pb2.EvalConfig:
    """The config of a file, with these slices too."""
    from microtome import config as config_lib

    config = config_lib.parse_eval_config(_content(path))
    known = config_lib.slice_specs(config) if config.slicing_specs else []
    config.slicing_specs.extend(spec.to_proto() for spec in slices if spec not in known)
    return config


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"The config {path!r} cannot be read: {error.strerror}.") from error


def how_computed(result: EvalResult) -> str:
    """Which metrics were not simply cut, and why."""
    paths = result.metric_paths
    others = {name: how for name, how in paths.items() if how["path"] != "cut"}
    if not others:
        return "All metrics were computed from sums over rows (cut)."
    lines = [f"{len(paths) - len(others)} of {len(paths)} metrics were simply cut; the others:"]
    for name, how in sorted(others.items()):
        reason = f" ({how['reason']})" if how.get("reason") else ""
        lines.append(f"  {name}: {how['path']}{reason}")
    return "\n".join(lines)
