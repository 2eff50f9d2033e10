"""Records evaluations that no TFX pipeline made: of a notebook, a cron job, the command line.

Synopsis:

    result = microtome.run_model_analysis(model, "/data/2024-06-02-*", output_path="/results/2")
    microtome.tracking.record(result, "metadata.sqlite", pipeline="flights", run="2024-06-02")

They stand in ML Metadata in the shape of the pipeline's own, and join the same history.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib.util
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from microtome import config as config_lib
from microtome import version
from microtome.errors import ConfigError, DataError, OutputError
from microtome.messages import nearest
from microtome.proto import config_pb2
from microtome.results import files, names
from microtome.results.eval_result import EvalResult
from microtome.results.loader import load_eval_result
from microtome.results.records import EXAMPLE_COUNTS
from microtome.tracking import digests, evaluated, schema, stores
from microtome.tracking.block import make_block, pack, unpack
from microtome.tracking.locations import parse_location
from microtome.tracking.schema import Provenance
from microtome.tracking.selection import Selection, counted_slices, select_slices

DEFAULT_NODE = "microtome.record"

_VERDICTS = (schema.BLESSED, schema.NOT_BLESSED, schema.NOT_VALIDATED)
# The columns of ML Metadata's tables are so wide.
_MAX_NAME = 255

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Where an evaluation stands in ML Metadata.

    Attributes:
        evaluation_id: Of its `ModelEvaluation` artifact.
        execution_id: Of the execution that made it.
        run: Its run.
        slice_count: How many slices are recorded.
        is_new: False if it was recorded before.
    """

    evaluation_id: int
    execution_id: int
    run: str
    slice_count: int
    is_new: bool


def record(
    result: EvalResult | str | os.PathLike[str],
    where: Any,
    *,
    pipeline: str,
    run: str | None = None,
    node: str = DEFAULT_NODE,
    model_uri: str | None = None,
    data_uri: str | Sequence[str] | None = None,
    span: str | int = "",
    data_version: str | int = "",
    split: str = "",
    tracking: config_pb2.Tracking | Mapping[str, Any] | None = None,
    verdict: str | None = None,
    reasons: Sequence[Mapping[str, Any]] = (),
    time: datetime.datetime | None = None,
) -> Recorded:
    """Records an evaluation in ML Metadata, as `SlicedEvaluator` does in a pipeline.

    Written are a `ModelEvaluation`, a `microtome.SlicedMetrics` for each tracked slice, a complete
    execution of type `microtome.record`, and its contexts and events. The model and the examples
    are those artifacts of the store that have their URIs, so that lineage reaches the Trainer and
    ExampleGen; where there are none, they are made.

    All of it is one transaction: a store has a whole evaluation or nothing of it. Whoever was
    stopped, or does not know whether he was, calls this again with the same arguments: what is
    recorded already (the same result directory for the same run of the pipeline, by this or by
    TFX) is not recorded again. Writers at the same time wait for each other.

    Args:
        result: The result, or its directory. The files are not copied: the record points at them.
        where: The store: whatever `microtome.tracking.stores.open_store` takes. A missing SQLite
            file is made.
        pipeline: Name of the pipeline whose history it joins.
        run: The run's id; one of the pipeline's runs, or any other. By default made of the time
            and a digest of the result, the same whenever the same result is recorded.
        node: What evaluated; in place of the pipeline's node.
        model_uri: URI of the model artifact. By default the result's model, and if that is the
            folder `Format-TFMA` of an artifact, the artifact.
        data_uri: URI of the examples, or several. By default the result's data, and if that lies
            in a folder `Split-…` of an artifact, the artifact.
        span: Of the examples; by default what their artifacts say.
        data_version: Likewise.
        split: The evaluated split; by default that of the folder `Split-…`. Several are separated
            by commas.
        tracking: Which slices and metrics are recorded, as a config's `tracking`; by default the
            result's config says it.
        verdict: `BLESSED`, `NOT_BLESSED` or `NOT_VALIDATED`. By default the result's own, with its
            reasons.
        reasons: What led to the verdict; each can be JSON.
        time: When it was evaluated, for records of older results; without a time zone, local time.
            By default the time of recording counts.

    Raises:
        ConfigError: An argument is wrong, the store cannot be opened, or the run has recorded
            other numbers for the same directory.
        DataError: The result has no slice to record.
        OutputError: The result cannot be read, or the store refuses the record.
    """
    check_arguments(pipeline, run, node)
    if verdict is not None or reasons:
        verdict = verdict or schema.NOT_VALIDATED
        _check_verdict(verdict, reasons)
    evaluated_at = _utc(time)
    loaded = _load(result)
    if verdict is None:
        own = loaded.verdict
        verdict, reasons = own.told() if own else (schema.NOT_VALIDATED, [])
    eval_config = _with_tracking(loaded.config, tracking)
    selection = _select(loaded, eval_config)
    model = model_uri or loaded.model_location
    data = _listed(data_uri or loaded.data_location)
    provenance = Provenance(
        model_digest=evaluated.model_digest(_listed([loaded.model_location, model])),
        data_digest=evaluated.data_digest(_listed(loaded.data_location) or data),
        span=str(span),
        data_version=str(data_version),
        split=split,
        config_digest=digests.digest_config(loaded.config) if loaded.config else "",
        evaluation_uri=evaluated.absolute(loaded.output_path),
        component_id=node,
        pipeline_name=pipeline,
        pipeline_run=run or _default_run(loaded, selection, evaluated_at),
        microtome_version=version.__version__,
    )
    store = stores.open_store(where, writable=True)
    # after open_store, which tells where ml_metadata is not installed
    from microtome.tracking import mlmd_writer

    entry = mlmd_writer.Entry(
        model=evaluated.model_place(model) if model else None,
        examples=evaluated.examples_places(data),
        selection=selection,
        provenance=provenance,
        eval_config=eval_config,
        verdict=verdict,
        reasons=reasons,
        evaluated_at=evaluated_at,
    )
    try:
        found, is_new = mlmd_writer.write(store, entry)
    except mlmd_writer.StatusError as error:
        # a server that went away may have written all of it before
        outcome = "nothing of it is" if mlmd_writer.is_refusal(error) else "all of it may be"
        raise OutputError(
            f"The evaluation {provenance.evaluation_uri} cannot be recorded in "
            f"{stores.describe_store(where)}, and {outcome}. "
            f"{stores.what_happened(error, store)} Its files stay as they are. Call "
            "microtome.record again with the same arguments: what is recorded is not recorded "
            "twice."
        ) from error
    if not is_new:
        _check_same(found.packed, selection, provenance)
    recorded = Recorded(
        evaluation_id=found.evaluation_id,
        execution_id=found.execution_id,
        run=provenance.pipeline_run,
        slice_count=found.slice_count,
        is_new=is_new,
    )
    _tell(recorded, selection, stores.describe_store(where), pipeline)
    return recorded


def check_arguments(pipeline: str, run: str | None = None, node: str = DEFAULT_NODE) -> None:
    """Checks names that `record` takes.

    Raises:
        ConfigError: One is no text, is empty, or is too long for ML Metadata.
    """
    named = {"pipeline": pipeline, "node": node, **({} if run is None else {"run": run})}
    for what, name in named.items():
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"{what} must be a name, is {name!r}.")
        # two of them make one name of a context
        most = (_MAX_NAME - 1) // 2
        if len(name) > most or not name.isprintable():
            raise ConfigError(
                f"{what} must be of at most {most} printable characters, as ML Metadata stores it "
                f"as a name; {name[:50]!r}{'...' if len(name) > 50 else ''} has {len(name)}."
            )


def check_store(where: Any) -> None:
    """Checks that a store can be written to, without making one, before a long evaluation.

    Args:
        where: As `record` takes it.

    Raises:
        ConfigError: It cannot be opened.
    """
    if isinstance(where, (str, os.PathLike)):
        location = parse_location(where)
        missing = location.scheme == "sqlite" and not os.path.exists(location.path)
        if missing and importlib.util.find_spec("ml_metadata"):
            _check_can_be_made(location.path)
            return
    stores.open_store(where, writable=True)


def _check_can_be_made(path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"The store {path} cannot be made: {folder} is no folder to write to.")


def _check_verdict(verdict: str, reasons: Sequence[Mapping[str, Any]]) -> None:
    if verdict not in _VERDICTS:
        hint = nearest(str(verdict), _VERDICTS)
        raise ConfigError(f"verdict must be one of {', '.join(_VERDICTS)}; is {verdict!r}{hint}.")
    if isinstance(reasons, (str, Mapping)) or not all(isinstance(r, Mapping) for r in reasons):
        raise ConfigError(f"reasons must be a list of mappings, is {reasons!r}.")
    try:
        json.dumps(list(map(dict, reasons)), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"reasons cannot be told as JSON: {error}.") from error


def _utc(time: datetime.datetime | None) -> datetime.datetime | None:
    if time is None:
        return None
    if not isinstance(time, datetime.datetime):
        raise ConfigError(f"time must be a datetime.datetime, is {time!r}.")
    return time.astimezone(datetime.timezone.utc)


def _load(result: Any) -> EvalResult:
    if isinstance(result, (str, os.PathLike)):
        return load_eval_result(result)
    if not isinstance(result, EvalResult):
        raise ConfigError(
            "The result to record must be an EvalResult or the path of a result directory; it is "
            f"a {type(result).__name__}."
        )
    if not result.output_path or files.list_names(result.output_path) is None:
        place = f"that {result.output_path} is not there" if result.output_path else "it has none"
        raise ConfigError(
            "The record points at the result's directory (output_path), and this result says "
            f"{place}. Evaluate with an output_path that stays, or load the result from one."
        )
    return result


def _with_tracking(
    config: config_pb2.EvalConfig | None, tracking: config_pb2.Tracking | Mapping[str, Any] | None
) -> config_pb2.EvalConfig:
    """The config that says what to record, checked as far as that goes."""
    merged = config_pb2.EvalConfig()
    if config is not None:
        merged.CopyFrom(config)
    if tracking is not None:
        if isinstance(tracking, config_pb2.Tracking):
            given = config_pb2.EvalConfig(tracking=tracking)
        else:
            given = config_lib.parse_eval_config({"tracking": tracking})
        merged.tracking.CopyFrom(given.tracking)
        # the rest is done: it need not be supported, as TFMA's may not
        config_lib.check_supported(
            config_pb2.EvalConfig(tracking=merged.tracking, slicing_specs=merged.slicing_specs)
        )
    return merged


def _select(result: EvalResult, config: config_pb2.EvalConfig) -> Selection:
    selection = select_slices(counted_slices(result), config)
    if not selection.records:
        raise DataError(
            f"{result.output_path} has no slice to record: of its {selection.computed} slices, "
            "the config's tracking names none, or they lack the metric "
            f"{' or '.join(EXAMPLE_COUNTS)}, without which the history cannot tell noise."
        )
    return selection


def _listed(locations: str | Iterable[str]) -> list[str]:
    """Paths, none of them empty; in results, several are one text with commas."""
    texts = locations.split(",") if isinstance(locations, str) else locations
    return [os.fspath(text) for text in texts if text]


def _default_run(
    result: EvalResult, selection: Selection, evaluated_at: datetime.datetime | None
) -> str:
    """A run id that is the same whenever the same result is recorded, and no other's."""
    path = files.join(result.output_path, names.EVAL_CONFIG)
    time = evaluated_at
    if time is None and names.EVAL_CONFIG in (files.list_names(result.output_path) or ()):
        time = datetime.datetime.fromtimestamp(files.modified(path), datetime.timezone.utc)
    content = [evaluated.absolute(result.output_path), pack(make_block(selection.records))]
    digest = digests.digest_text(json.dumps(content))[:8]
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}-{digest}" if time else digest


def _check_same(packed: str, selection: Selection, provenance: Provenance) -> None:
    """Refuses to take other numbers for those that are recorded."""
    if not packed:
        return
    before, now = unpack(packed), make_block(selection.records)
    places = {key: place for place, key in enumerate(before.slice_keys)}
    for place, key in enumerate(now.slice_keys):
        if key not in places:
            continue
        old = dict(zip(before.metrics, before.values[places[key]], strict=True))
        new = dict(zip(now.metrics, now.values[place], strict=True))
        changed = [
            f"{name} {old[name]:g}, now {new[name]:g}"
            for name in sorted(old.keys() & new.keys())
            if not np.array_equal(old[name], new[name], equal_nan=True)
        ]
        if changed:
            raise ConfigError(
                f"Run {provenance.pipeline_run!r} of pipeline {provenance.pipeline_name!r} has "
                f"recorded {provenance.evaluation_uri} before, with other numbers ({key}: "
                f"{'; '.join(changed[:3])}). The directory was written anew since. Give another "
                "run to record these."
            )


def _tell(recorded: Recorded, selection: Selection, where: str, pipeline: str) -> None:
    place = f"run {recorded.run} of pipeline {pipeline} in {where}"
    if not recorded.is_new:
        _LOG.info("Recorded already: %s, evaluation %d", place, recorded.evaluation_id)
        return
    _LOG.info("Recorded: %d of %d slices as %s", recorded.slice_count, selection.computed, place)
