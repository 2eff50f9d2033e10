"""Metrics of data in which labels stand, and predictions, or of models that add predictions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from microtome.errors import ConfigError, DataError, ModelError
from microtome.frames.columns import class_ids, numbers, slicing_column
from microtome.frames.examples import ExampleDecoder, ExampleSchema
from microtome.messages import nearest
from microtome.metrics.collection import Collection
from microtome.metrics.views import FEATURES, LABELS, PREDICTIONS, Examples, Source
from microtome.slicing.contributions import Contributions

Floats = npt.NDArray[np.float64]
# a batch: columns, or an object array of serialized tf.Examples
Records: TypeAlias = "pa.RecordBatch | npt.NDArray[Any]"

_PURPOSES = {LABELS: "use as labels", PREDICTIONS: "use as predictions", FEATURES: "compute with"}
_KEYS = {LABELS: "label_key", PREDICTIONS: "prediction_key"}
# examples that are looked at for the types of their features
_INFERRED = 1000


class Predictor(Protocol):
    """A model at work. Used by several threads at once.

    Attributes:
        needed_columns: what it needs of the data's columns.
    """

    @property
    def needed_columns(self) -> Sequence[str]:
        """Names of columns."""

    def preprocess(self, records: Records, frame: pa.RecordBatch | None) -> Mapping[str, Any]:
        """Columns that the model makes of a batch, in place of the data's of the same names.

        Args:
            records, frame: as of `predict`.

        Returns:
            Arrays `[rows]`, `[rows, k]` or of pyarrow; nothing where it transforms nothing.
        """

    def predict(self, records: Records, frame: pa.RecordBatch | None) -> Mapping[str, Floats]:
        """What the model says of a batch.

        Args:
            records: the batch as it was read.
            frame: the columns that are decoded of it; None where none are.

        Returns:
            float64 `[rows]` or `[rows, k]` by the output's name.
        """


class FrameEvaluator:
    """Computes what the rows of batches contribute to metrics that are outside of graphs.

    Safe to use from several threads.

    Args:
        collection: the metrics.
        features: names of the columns to slice by.
        weight_key: the column of weights, whose sum is wanted; None for none.
        predictors: models by name. Predictions of other models are columns of the data.
        vocabularies: by the name of a column of strings, the classes in the order of their numbers.
        schema: the types of features, where records are serialized tf.Examples. None: as they are
            in the first batch.
    """

    def __init__(
        self,
        collection: Collection,
        features: Sequence[str],
        weight_key: str | None,
        predictors: Mapping[str, Predictor] | None = None,
        *,
        vocabularies: Mapping[str, Sequence[str | bytes]] | None = None,
        schema: ExampleSchema | None = None,
    ):
        self._collection = collection
        self._features = tuple(features)
        self._weight_key = weight_key
        self._predictors = dict(predictors or {})
        self._vocabularies = dict(vocabularies or {})
        self._schema = schema
        self._decoder: ExampleDecoder | None = None
        self._lock = threading.Lock()
        for source in collection.all_sources:
            if not source.name and not self._is_predicted(source):
                key = _KEYS.get(source.group, "feature_keys")
                raise ConfigError(
                    f"Which column of the data to {_PURPOSES[source.group]} is not said. Name it "
                    f"in {key} of model_specs."
                )

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the data that are looked at, sorted."""
        read = {
            source.name for source in self._collection.all_sources if not self._is_predicted(source)
        }
        weight = {self._weight_key} if self._weight_key else set()
        needed = {name for model in self._predictors.values() for name in model.needed_columns}
        return sorted(read | weight | needed | set(self._features))

    def contributions(self, records: Records) -> Contributions:
        """What each row of a batch contributes.

        Its `dense` has 1, the weight if there is a weight_key, and what `Collection.added` gives.

        Raises:
            ConfigError: a column is not there.
            UnusableExampleError: a row lacks what is needed of it.
            DataError: the rows cannot be evaluated.
            ModelError: a model does not give what is looked for.
        """
        return self._collection.contribute(self._seen(records))

    def fitted(self, records: Records) -> Collection:
        """The metrics for data of the kind of a batch, of which all is checked.

        Raises:
            MicrotomeError: as of `contributions`.
        """
        seen = self._seen(records)
        return self._collection.fitted(Examples(seen.num_rows, seen.seen))

    def _seen(self, records: Records) -> Contributions:
        """What each row of a batch contributes without the metrics, and what they look at."""
        frame = self._decoded(records)
        known: dict[str, Floats] = {}
        weights = self._weights(frame, known)
        examples = self._examples(records, frame, known)
        rows = examples.num_rows
        return Contributions(
            num_rows=rows,
            dense=np.column_stack([np.ones(rows), *weights]),
            scattered=[],
            columns={name: slicing_column(frame, name) for name in self._features},
            examples=None,
            seen=examples.columns,
        )

    def _examples(
        self, records: Records, frame: pa.RecordBatch, known: dict[str, Floats]
    ) -> Examples:
        predicted = self._predicted(records, frame)
        columns = {
            source: predicted[source]
            if source in predicted
            else self._numbers(frame, source.name, _PURPOSES[source.group], known)
            for source in self._collection.all_sources
        }
        return Examples(len(records), columns)

    def close(self) -> None:
        """Frees what decoding holds. Predictors are their makers' to close."""
        with self._lock:
            if self._decoder is not None:
                self._decoder.close()
                self._decoder = None

    def _decoded(self, records: Records) -> pa.RecordBatch:
        frame = self._data(records)
        given = frame if frame.num_columns else None
        for model in self._predictors.values():
            frame = with_columns(frame, model.preprocess(records, given))
        return frame

    def _data(self, records: Records) -> pa.RecordBatch:
        if isinstance(records, pa.RecordBatch):
            return records
        if not self.columns:
            return pa.RecordBatch.from_arrays([], names=[])
        with self._lock:
            if self._decoder is None:
                schema = self._schema or ExampleSchema.infer(records[:_INFERRED])
                self._decoder = ExampleDecoder(schema, self.columns)
            decoder = self._decoder
        return decoder.batch(records)

    def _is_predicted(self, source: Source) -> bool:
        return source.group == PREDICTIONS and source.model in self._predictors

    def _weights(self, frame: pa.RecordBatch, known: dict[str, Floats]) -> list[Floats]:
        if not self._weight_key:
            return []
        weights = self._numbers(frame, self._weight_key, "weigh examples by", known)
        if weights.ndim == 2:
            raise DataError(
                f"The column {self._weight_key!r}, to weigh examples by, has {weights.shape[1]} "
                "values a row; a weight is one number."
            )
        return [weights]

    def _numbers(
        self, frame: pa.RecordBatch, name: str, purpose: str, known: dict[str, Floats]
    ) -> Floats:
        if name not in known:
            vocabulary = self._vocabularies.get(name)
            known[name] = (
                numbers(frame, name, purpose)
                if vocabulary is None
                else class_ids(frame, name, purpose, vocabulary)
            )
        return known[name]

    def _predicted(self, records: Records, frame: pa.RecordBatch) -> dict[Source, Floats]:
        wanted = [source for source in self._collection.all_sources if self._is_predicted(source)]
        given = {
            model: self._predictors[model].predict(records, frame if frame.num_columns else None)
            for model in dict.fromkeys(source.model for source in wanted)
        }
        return {source: _output(source, given[source.model], len(records)) for source in wanted}


def with_columns(frame: pa.RecordBatch, columns: Mapping[str, Any]) -> pa.RecordBatch:
    """A frame with further columns, in place of those of the same names.

    Args:
        columns: arrays `[rows]` or `[rows, k]`, or of pyarrow.
    """
    if not columns:
        return frame
    kept = {name: frame.column(name) for name in frame.schema.names if name not in columns}
    added = {name: _arrow(column) for name, column in columns.items()}
    frame_of_both = pa.RecordBatch.from_pydict({**kept, **added})
    return frame_of_both.replace_schema_metadata(frame.schema.metadata)


def _arrow(column: Any) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    array = np.asarray(column)
    if array.ndim == 1:
        return pa.array(array)
    flat = array.reshape(len(array), -1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), flat.shape[1])


def _output(source: Source, given: Mapping[str, Floats], rows: int) -> Floats:
    """One of a model's outputs; "" is the only one."""
    name = next(iter(given)) if not source.name and len(given) == 1 else source.name
    model = f"The model {source.model!r}" if source.model else "The model"
    if name not in given:
        raise ModelError(
            f"{model} has no output {name!r}{nearest(name, given)}. It has: "
            f"{', '.join(map(repr, given)) or 'none'}."
        )
    output = np.asarray(given[name], dtype=np.float64)
    if output.ndim not in (1, 2) or len(output) != rows:
        raise ModelError(
            f"{model} gives {name!r} of the shape {list(output.shape)} for {rows} examples; a row "
            "of numbers, or one number, is needed for each."
        )
    return output
