"""`microtome check`: a config against a model and some data, without an evaluation."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from google.protobuf import json_format

from microtome.cli import quiet
from microtome.cli.evaluate import given_models, read_config
from microtome.proto import config_pb2
from microtome.validation.validator import rule_text, spec_text

if TYPE_CHECKING:
    from microtome.executor.dry_run import DryRun
    from microtome.validation.rules import Rule


def run(args: argparse.Namespace) -> None:
    """Checks, and prints what would be computed.

    Raises:
        MicrotomeError: as `microtome.run_model_analysis`.
    """
    config = read_config(args.config, [])
    with quiet.silent_imports(args.debug):
        from microtome.executor import analysis
        from microtome.model import planning  # noqa: F401
    found = analysis.dry_run(given_models(args), config, args.data or (), args.format)
    print("\n".join(_lines(found)))


def _lines(found: DryRun) -> Iterator[str]:
    for name, path in found.model_locations.items():
        yield f"model{f' {name!r}' if name else ''}: {path}"
    if not found.model_locations:
        yield "model: none; predictions are in the data"
    if found.rows is None:
        yield "data: none; --data checks the config with examples, and settles paths"
    else:
        files = "1 file" if len(found.files) == 1 else f"{len(found.files)} files"
        yield f"data: {files}, of which the first {found.rows} examples were looked at"
    yield from _listed("slices", [spec_text(spec) for spec in found.slices])
    yield from _listed("compared slices", [spec_text(spec) for spec in found.cross_slices])
    yield from _listed("metrics", [_metric(*metric) for metric in _metrics(found)])
    rules = [*found.rules.rules, *found.rules.unapplied]
    yield from _listed("thresholds", [_rule(found, rule) for rule in rules])
    yield ""
    yield f"confidence intervals: {_intervals(found.config.options)}"
    yield ""
    yield "config:"
    yield json_format.MessageToJson(found.config, preserving_proto_field_name=True)


def _listed(heading: str, lines: list[str]) -> Iterator[str]:
    yield ""
    yield f"{heading} ({len(lines)}):" if lines else f"{heading}: none"
    yield from (f"  {line}" for line in lines)


def _metrics(found: DryRun) -> Iterator[tuple[str, str, str]]:
    return ((metric.name, metric.path, metric.reason) for metric in found.metrics)


def _metric(name: str, path: str, reason: str) -> str:
    return f"{name}: {path} (because {reason})" if reason else f"{name}: {path}"


def _rule(found: DryRun, rule: Rule) -> str:
    where = "all slices" if rule.spec is None else spec_text(rule.spec)
    text = f"{rule.metric} {' and '.join(rule_text(rule))} in {where}"
    if rule not in found.rules.unapplied:
        return text
    what = config_pb2.Validation.OnMissingBaseline.Name(found.rules.on_missing_baseline)
    return f"{text}: without a baseline, {what}"


def _intervals(options: config_pb2.Options) -> str:
    if not options.compute_confidence_intervals.value:
        return "none"
    kinds = config_pb2.ConfidenceIntervalOptions.ConfidenceIntervalMethod
    method = options.confidence_intervals.method or kinds.Value("JACKKNIFE")
    return f"{kinds.Name(method)}, level {options.confidence_intervals.level or 0.95:g}"
