"""A model that serves, at work: from batches of data to its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy.typing as npt
import pyarrow as pa

from microtome.errors import ConfigError, ModelError
from microtome.model.op_errors import decodable_errors
from microtome.model.parts import MAX_TENSOR_BYTES, run_in_parts
from microtome.model.serving import functions, outputs
from microtome.model.serving.declared import checked_name, chosen_function, read_declared
from microtome.model.serving.functions import Function
from microtome.model.serving.kinds import is_keras_file
from microtome.proto.config_pb2 import ModelSpec

Records = Sequence[bytes] | npt.NDArray[Any]


class _Batch(NamedTuple):
    records: Records | None
    frame: pa.RecordBatch | None


class _Rows:
    """The rows of a batch in all its forms, to be taken apart."""

    def __init__(self, records: Records | pa.RecordBatch | None, frame: pa.RecordBatch | None):
        if isinstance(records, pa.RecordBatch):
            records, frame = None, records if frame is None else frame
        if records is None and frame is None:
            raise ConfigError("A model predicts of records or of a frame; neither was given.")
        self.batch = _Batch(records, frame)

    def __len__(self) -> int:
        records, frame = self.batch
        if records is not None:
            return len(records)
        return 0 if frame is None else frame.num_rows

    def __getitem__(self, rows: slice) -> _Rows:
        records, frame = self.batch
        start, stop, _ = rows.indices(len(self))
        return _Rows(
            None if records is None else records[start:stop],
            None if frame is None else frame.slice(start, stop - start),
        )


class ServingModel:
    """A SavedModel or a model of Keras with the function that predicts, and those that transform.

    Make one with `load`. Safe to use from several threads.

    Attributes:
        output_names: what `predict` gives: the outputs' own names or those of `prediction_keys`; ""
            is the only output, or the one of `prediction_key`.
        takes_examples: whether `predict` needs the serialized examples.
        needed_columns: the features that `predict` and `preprocess` need in their frame.
    """

    def __init__(
        self,
        predicting: Function,
        transforming: Sequence[Function],
        spec: ModelSpec,
        max_tensor_bytes: int,
        loaded: Any = None,
    ):
        self._predicting: Function | None = predicting
        self._transforming = tuple(transforming)
        self._keys = outputs.chosen_keys(predicting.outputs, spec)
        self._max_tensor_bytes = max_tensor_bytes
        # functions do not keep the variables that they read
        self._loaded = loaded
        self.output_names = tuple(self._keys)
        self.takes_examples = predicting.takes_examples
        self.needed_columns = functions.union_of_inputs([predicting, *transforming])

    @classmethod
    def load(
        cls, path: str, spec: ModelSpec | None = None, max_tensor_bytes: int = MAX_TENSOR_BYTES
    ) -> ServingModel:
        """Loads a model.

        Args:
            path: directory of a SavedModel, or a file of Keras (`.keras`, `.h5`).
            spec: what to use of the model; `declared.chosen_function` says what by default.
            max_tensor_bytes: bounds the rows that go through the model at once, as far as it tells
                the shapes of what it computes.

        Raises:
            ModelError: there is no such model, or it cannot be restored.
            ConfigError: the model has not what `spec` names, or takes what cannot be fed.
        """
        spec = ModelSpec() if spec is None else spec
        names = list(spec.preprocessing_function_names)
        if is_keras_file(path):
            _refuse_names_of_keras_file(path, spec)
            return cls(functions.load_keras_file(path), (), spec, max_tensor_bytes)
        declared = read_declared(path)
        predicting = chosen_function(declared, spec)
        for name in names:
            checked_name(declared, name, "preprocessing_function_names")
        loaded = functions.load_saved_model(declared)
        return cls(
            functions.function_of(loaded, declared, predicting),
            [functions.function_of(loaded, declared, name) for name in names],
            spec,
            max_tensor_bytes,
            loaded,
        )

    def predict(
        self, records: Records | pa.RecordBatch | None, frame: pa.RecordBatch | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """The model's outputs for a batch, by `output_names`.

        A batch whose tensors would take too much memory goes through the model in parts. One that
        the model refuses is halved until the refused example stands alone.

        Args:
            records: serialized tf.Examples; or the columns of the data.
            frame: the columns of the data, a row a record.

        Returns:
            float64 `[rows]` or `[rows, classes]` (or of more dimensions, as the model gives them);
            of text, objects of bytes.

        Raises:
            RefusedExampleError: the model refuses an example, or it lacks a value.
            ConfigError: the data are not what the model takes.
            ModelError: an output has not one entry a row.
        """
        if self._predicting is None:
            raise ModelError("The model is closed.")
        function, keys = self._predicting, self._keys

        def run(rows: _Rows) -> dict[str, Any]:
            found = _called(function, rows)
            return {
                name: outputs.prediction(key, found[key], len(rows)) for name, key in keys.items()
            }

        return self._in_parts(function, run, _Rows(records, frame))

    def preprocess(
        self, records: Records | pa.RecordBatch | None, frame: pa.RecordBatch | None = None
    ) -> dict[str, npt.NDArray[Any] | pa.Array]:
        """What the model's preprocessing functions make of a batch: features, and maybe labels.

        Args:
            records, frame: as of `predict`.

        Returns:
            By name, and in the model's own types: dense features as arrays, `[rows]` where a row
            has one value; sparse and ragged ones as pyarrow lists. Of a name that several functions
            give, the last one's stands. Nothing where the config names no function.

        Raises:
            RefusedExampleError, ConfigError, ModelError: as of `predict`.
        """
        if self._predicting is None:
            raise ModelError("The model is closed.")
        transformed: dict[str, Any] = {}
        batch = _Rows(records, frame)
        for function in self._transforming:

            def run(rows: _Rows, function: Function = function) -> dict[str, Any]:
                return {
                    name or function.name: outputs.feature(name, output, len(rows))
                    for name, output in _called(function, rows).items()
                }

            transformed.update(self._in_parts(function, run, batch))
        return transformed

    def close(self) -> None:
        """Lets go of the model's memory."""
        self._predicting, self._transforming, self._loaded = None, (), None

    def _in_parts(self, function: Function, run: Any, batch: _Rows) -> dict[str, Any]:
        rows_at_once = max(1, self._max_tensor_bytes // function.row_bytes)
        return run_in_parts(run, lambda parts, sizes: outputs.joined(parts), batch, rows_at_once)


def _called(function: Function, rows: _Rows) -> dict[str, Any]:
    feeds = function.feeds(*rows.batch)
    with decodable_errors():
        return function.call(feeds)


def _refuse_names_of_keras_file(path: str, spec: ModelSpec) -> None:
    field = (
        "signature_name"
        if spec.signature_name
        else "preprocessing_function_names"
        if spec.preprocessing_function_names
        else ""
    )
    if field:
        raise ConfigError(
            f"model_specs.{field} is set, but {path!r} is a file of Keras, which has no "
            "signatures: the model itself is called. Export a SavedModel with signatures, or leave "
            "the field empty."
        )
