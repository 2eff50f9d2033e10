"""Reads results, of Microtome and of TFMA.

Synopsis:

    result = load_eval_result(path)
    print(result)                     # a table
    frame = result.to_dataframe()
"""

from __future__ import annotations

import difflib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import pyarrow.parquet as pq
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from microtome.config import shown_model
from microtome.errors import ConfigError, OutputError
from microtome.messages import nearest
from microtome.proto import config_pb2, result_pb2
from microtome.results import files, names, records, stencil, tfrecord
from microtome.results.eval_result import MODEL_CENTRIC_MODE, EvalResult, EvalResults
from microtome.results.slice_keys import record_slice_key
from microtome.results.verdict import Verdict, from_text

M = TypeVar("M", bound=Message)
R = TypeVar("R")
FORMATS = ("tfrecord", "parquet")


def load_eval_result(
    output_path: str | os.PathLike[str],
    output_file_format: str | None = None,
    model_name: str | None = None,
) -> EvalResult:
    """Loads the result of one evaluation.

    Args:
        output_path: The directory that it was written to, by Microtome or by TFMA.
        output_file_format: "tfrecord" or "parquet" (of TFMA's); by default whichever is there.
        model_name: Which model's metrics, where several were evaluated together. By default the
            first in the config that is no baseline.

    Raises:
        OutputError: The path is no result directory, the result is unfinished, or a file is
            damaged.
        ConfigError: There is no such model or format.
    """
    result = _Directory(output_path, output_file_format)
    loaded, chosen = _described(result, model_name)
    loaded.slicing_metrics = result.slicing_metrics(chosen)
    loaded.plots = result.sliced(names.PLOTS, result_pb2.PlotsForSlice, records.plots_of, chosen)
    loaded.attributions = result.sliced(
        names.ATTRIBUTIONS, result_pb2.AttributionsForSlice, records.attributions_of, chosen
    )
    return loaded


def load_description(
    output_path: str | os.PathLike[str], model_name: str | None = None
) -> EvalResult:
    """Loads what a result says of what was evaluated: all but the slices, however many there are.

    Args:
        output_path: As in `load_eval_result`.
        model_name: As in `load_eval_result`.

    Raises:
        OutputError: The path is no result directory, the result is unfinished, or a file is
            damaged.
        ConfigError: There is no such model.
    """
    return _described(_Directory(output_path, None), model_name)[0]


def load_eval_results(
    output_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output_file_format: str | None = None,
    mode: str = MODEL_CENTRIC_MODE,
    model_name: str | None = None,
) -> EvalResults:
    """Loads several results to be looked at together, such as a series over time.

    Args:
        output_paths: Their directories.
        output_file_format: As in `load_eval_result`.
        mode: `MODEL_CENTRIC_MODE` where the models differ, `DATA_CENTRIC_MODE` where the data does.
        model_name: As in `load_eval_result`.

    Raises:
        OutputError: As in `load_eval_result`.
        ConfigError: There is no such mode, model or format.
    """
    paths = [output_paths] if isinstance(output_paths, str | os.PathLike) else output_paths
    results = [load_eval_result(path, output_file_format, model_name) for path in paths]
    return EvalResults(results, mode)


def load_metrics(
    output_path: str | os.PathLike[str], output_file_format: str | None = None
) -> Iterator[result_pb2.MetricsForSlice]:
    """Yields the metrics of every slice, one record each, without holding all in memory.

    Raises:
        OutputError: The path is no result directory, the result is unfinished, or a file is
            damaged.
        ConfigError: There is no such format.
    """
    result = _Directory(output_path, output_file_format)
    return result.messages(names.METRICS, result_pb2.MetricsForSlice)


def load_plots(
    output_path: str | os.PathLike[str], output_file_format: str | None = None
) -> Iterator[result_pb2.PlotsForSlice]:
    """Yields the plots of every slice. See `load_metrics`."""
    result = _Directory(output_path, output_file_format)
    return result.messages(names.PLOTS, result_pb2.PlotsForSlice)


def load_attributions(
    output_path: str | os.PathLike[str], output_file_format: str | None = None
) -> Iterator[result_pb2.AttributionsForSlice]:
    """Yields the attributions of every slice. See `load_metrics`."""
    result = _Directory(output_path, output_file_format)
    return result.messages(names.ATTRIBUTIONS, result_pb2.AttributionsForSlice)


def load_validation_result(
    output_path: str | os.PathLike[str], output_file_format: str | None = None
) -> result_pb2.ValidationResult:
    """Loads the verdict on the model.

    Raises:
        OutputError: As in `load_metrics`, or there is no verdict, or more than one.
    """
    found = find_validation_result(output_path, output_file_format)
    if found is None:
        raise OutputError(f"{output_path} has 0 validation results. The model was not validated.")
    return found


def find_validation_result(
    output_path: str | os.PathLike[str], output_file_format: str | None = None
) -> result_pb2.ValidationResult | None:
    """As `load_validation_result`, but None where there is no verdict."""
    return _Directory(output_path, output_file_format).validation_result()


def load_run_info(output_path: str | os.PathLike[str]) -> dict[str, Any]:
    """Loads what Microtome says of its own run; empty for a result of TFMA's.

    Raises:
        OutputError: The path is no result directory, the result is unfinished, or a file is
            damaged.
    """
    return _Directory(output_path, None).run_info()


class _Directory:
    """A result directory that is there and finished."""

    def __init__(self, path: str | os.PathLike[str], file_format: str | None):
        if file_format and file_format not in FORMATS:
            there = ", ".join(FORMATS)
            raise ConfigError(f"output_file_format must be {there} or None, is {file_format!r}.")
        self.path = files.normalized(path)
        self._names = _result_names(self.path)
        self._format = file_format or self._present_format()

    def messages(self, kind: str, message_class: type[M]) -> Iterator[M]:
        return self._read(
            kind, message_class, lambda records: map(message_class.FromString, records)
        )

    def slicing_metrics(self, model_name: str | None) -> list[tuple[Any, Any]]:
        """(slice key, metrics) of every record that has metrics of the model."""
        pairs = self._read(
            names.METRICS,
            result_pb2.MetricsForSlice,
            lambda records: stencil.read_metrics(records, model_name),
        )
        return [pair for pair in pairs if pair[1] is not None]

    def _read(
        self,
        kind: str,
        message_class: type[Message],
        read: Callable[[Iterable[bytes]], Iterator[R]],
    ) -> Iterator[R]:
        """What `read` makes of the records of a kind, one each.

        Raises:
            OutputError: a record is no such message.
        """
        for name in names.record_files(self._names, kind, self._format):
            path = files.join(self.path, name)
            number = 0
            try:
                for item in read(self._records(path)):
                    yield item
                    number += 1
            except DecodeError as error:
                what = message_class.DESCRIPTOR.name
                raise OutputError(f"{path}: record {number} is no {what}: {error}") from error

    def sliced(
        self,
        kind: str,
        message_class: type[M],
        content: Callable[[M, str | None], Any],
        model_name: str | None,
    ) -> list[tuple[Any, Any]]:
        """(slice key, content) of every record that has content of the model."""
        pairs = (
            (record_slice_key(record), content(record, model_name))
            for record in self.messages(kind, message_class)
        )
        return [pair for pair in pairs if pair[1] is not None]

    def run_info(self) -> dict[str, Any]:
        if names.RUN_INFO not in self._names:
            return {}
        return dict(self._json(names.RUN_INFO))

    def verdict(self) -> Verdict | None:
        """The verdict; None where no file says one, as in results of TFMA's."""
        if names.VERDICT not in self._names:
            return None
        path = files.join(self.path, names.VERDICT)
        try:
            return from_text(files.read_file(path))
        except (ValueError, TypeError, KeyError) as error:
            raise OutputError(f"{path} is no verdict, or is cut off: {error}") from error

    def validation_result(self) -> result_pb2.ValidationResult | None:
        """The verdict in TFMA's form; None where there is none.

        Raises:
            OutputError: There is more than one.
        """
        found = list(self.messages(names.VALIDATIONS, result_pb2.ValidationResult))
        if len(found) > 1:
            raise OutputError(
                f"{self.path} has {len(found)} validation results. A verdict is one record."
            )
        return found[0] if found else None

    def eval_run(self) -> config_pb2.EvalRun | None:
        """What was evaluated; None if no file says it."""
        if names.EVAL_CONFIG not in self._names:
            if names.PICKLED_EVAL_CONFIG in self._names:
                warnings.warn(
                    f"{files.join(self.path, names.PICKLED_EVAL_CONFIG)} is a pickle, as TFMA up "
                    "to 0.14 wrote it. Pickles can run any code and are not read: the result has "
                    "no config.",
                    stacklevel=4,
                )
            return None
        parsed = self._json(names.EVAL_CONFIG)
        eval_run = self._lenient(config_pb2.EvalRun(), parsed)
        _fill_locations(eval_run, parsed)
        own = self.run_info().get("eval_config")
        if own is not None:
            # eval_config.json lacks the fields that TFMA does not know
            eval_run.eval_config.Clear()
            self._lenient(eval_run.eval_config, own)
        return eval_run

    def _lenient(self, message: M, parsed: Any) -> M:
        """Fills a message without fields of other versions: what is known must stay readable."""
        name = message.DESCRIPTOR.name
        try:
            json_format.ParseDict(parsed, type(message)())
        except json_format.ParseError as error:
            warnings.warn(f"{self.path}: {name} of another version: {error}", stacklevel=5)
        try:
            return json_format.ParseDict(parsed, message, ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise OutputError(f"{self.path} has no readable {name}: {error}") from error

    def _json(self, name: str) -> Any:
        path = files.join(self.path, name)
        try:
            parsed = json.loads(files.read_file(path))
        except ValueError as error:
            raise OutputError(f"{path} is not JSON, or is cut off: {error}") from error
        if not isinstance(parsed, dict):
            raise OutputError(f"{path}: a JSON object was expected.")
        return parsed

    def _records(self, path: str) -> Iterator[bytes]:
        with files.open_file(path) as file:
            if self._format == "parquet":
                yield from _parquet_records(file, path)
            else:
                yield from tfrecord.read_records(file, path)

    def _present_format(self) -> str:
        for file_format in FORMATS:
            if names.record_files(self._names, names.METRICS, file_format):
                return file_format
        return FORMATS[0]


def _fill_locations(eval_run: config_pb2.EvalRun, parsed: dict[str, Any]) -> None:
    """Fills in where model and data were read: TFMA 0.15 says it in specs that later lost it."""
    config = parsed.get("evalConfig")
    config = config if isinstance(config, dict) else {}
    data = _first(config.get("inputDataSpecs"))
    model = _first(config.get("modelSpecs"))
    if not eval_run.data_location:
        eval_run.data_location = str(data.get("location", ""))
    if not eval_run.file_format:
        eval_run.file_format = str(data.get("fileFormat", ""))
    if not eval_run.model_locations and "location" in model:
        eval_run.model_locations[str(model.get("name", ""))] = str(model["location"])


def _first(specs: Any) -> dict[str, Any]:
    first = specs[0] if isinstance(specs, list) and specs else {}
    return first if isinstance(first, dict) else {}


def _parquet_records(file: Any, path: str) -> Iterator[bytes]:
    """TFMA's Parquet files hold the same records as its TFRecord files, in one column."""
    try:
        parquet = pq.ParquetFile(file)
        for batch in parquet.iter_batches(columns=["serialized_value"]):
            yield from batch.column(0).to_pylist()
    except (ValueError, OSError, KeyError, IndexError) as error:
        raise OutputError(f"{path} is no Parquet file of TFMA's, or is damaged: {error}") from error


def _result_names(path: str) -> list[str]:
    """The names in a directory that is a finished result.

    Raises:
        OutputError: It is not; says what is there instead.
    """
    found = files.list_names(path)
    if found is None:
        raise OutputError(_missing(path))
    if not names.is_result(found):
        there = ", ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")
        inner = _results_below(path, found)
        hint = f" Results are in: {', '.join(inner)}." if inner else ""
        raise OutputError(
            f"{path} is not the result of an evaluation: {names.EVAL_CONFIG} and "
            f"{names.METRICS}* were looked for, there is {there or 'nothing'}.{hint}"
        )
    if names.is_unfinished(found):
        raise OutputError(
            f"{path} holds an unfinished result: {names.EVAL_CONFIG}, which is written last, is "
            "missing. Its evaluation is still writing, or was broken off."
        )
    return found


def _missing(path: str) -> str:
    if files.is_remote(path):
        return f"{path}: no such directory, or it is empty."
    if os.path.exists(path):
        directory = os.path.dirname(path) or "."
        return f"{path} is a file; the directory of a result was looked for, perhaps {directory}."
    parent = path
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent) or "."
    # the part that is missing in the directory that is there
    first = os.path.relpath(path, parent).split(os.sep)[0]
    near = difflib.get_close_matches(first, os.listdir(parent), n=1)
    hint = f" Did you mean {os.path.join(parent, near[0])}?" if near else ""
    return f"{path}: no such directory. {parent} has no {first!r}.{hint}"


def _results_below(path: str, found: Iterable[str]) -> list[str]:
    if files.is_remote(path):
        return []
    below = (os.path.join(path, name) for name in sorted(found)[-100:])
    return [inner for inner in below if names.is_result(files.list_names(inner) or ())][-3:]


def _described(result: _Directory, model_name: str | None) -> tuple[EvalResult, str | None]:
    """A result without its slices, and the model whose metrics are wanted."""
    eval_run = result.eval_run()
    chosen = _choose_model(result, eval_run, model_name)
    run = eval_run or config_pb2.EvalRun()
    described = EvalResult(
        slicing_metrics=[],
        config=eval_run.eval_config if eval_run else None,
        data_location=run.data_location,
        file_format=run.file_format,
        model_location=_model_location(run, chosen),
        run_info=result.run_info(),
        output_path=result.path,
        verdict=result.verdict(),
    )
    return described, chosen


def _choose_model(
    result: _Directory, eval_run: config_pb2.EvalRun | None, model_name: str | None
) -> str | None:
    """The model whose metrics are wanted; None where all are of one."""
    specs = list(eval_run.eval_config.model_specs) if eval_run else []
    if model_name is None:
        shown = shown_model(eval_run.eval_config) if eval_run else None
        if shown is not None:
            return shown
        return specs[0].name if len(specs) == 1 else _first_model(result)
    known = {spec.name for spec in specs} | set(eval_run.model_locations if eval_run else ())
    if model_name not in known:
        known |= set(_models_in(result))
    if model_name not in known:
        there = ", ".join(map(repr, sorted(known))) or "none with a name"
        raise ConfigError(
            f"{result.path} has no metrics of a model {model_name!r}{nearest(model_name, known)}; "
            f"its models: {there}."
        )
    return model_name


def _models_in(result: _Directory) -> Iterator[str]:
    for record in result.messages(names.METRICS, result_pb2.MetricsForSlice):
        for item in record.metric_keys_and_values:
            yield item.key.model_name


def _first_model(result: _Directory) -> str | None:
    """The model that the first slice's metrics name, if they name one."""
    first = next(result.messages(names.METRICS, result_pb2.MetricsForSlice), None)
    items = first.metric_keys_and_values if first is not None else ()
    return next((item.key.model_name for item in items), None)


def _model_location(run: config_pb2.EvalRun, model_name: str | None) -> str:
    locations = run.model_locations
    if model_name is not None and model_name in locations:
        return str(locations[model_name])
    return str(next(iter(locations.values()))) if len(locations) == 1 else ""
