"""Serialized tf.Examples as columns.

A tf.Example does not say which features others have, nor of which type a feature without a value
is. Some examples are looked at for that beforehand: `ExampleSchema.infer`. Of SequenceExamples the
context is read: on the wire it stands where an Example's features do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import pyarrow as pa

from microtome.errors import DataError, UnusableExampleError

if TYPE_CHECKING:
    import tensorflow as tf

INT64, FLOAT, BYTES = "int64", "float", "bytes"
_ARROW_TYPES = {INT64: pa.int64(), FLOAT: pa.float32(), BYTES: pa.binary()}
_KINDS = {"int64_list": INT64, "float_list": FLOAT, "bytes_list": BYTES}


@dataclass(frozen=True)
class ExampleSchema:
    """The types of features.

    Attributes:
        kinds: "int64", "float" or "bytes" by the feature's name.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def infer(records: Iterable[bytes]) -> ExampleSchema:
        """The types that features have in some examples; those without values are not seen.

        Raises:
            UnusableExampleError: a record is no tf.Example, or has a feature of another type than
                those before.
        """
        kinds: dict[str, str] = {}
        for number, record in enumerate(records):
            for name, kind in _kinds_of(record, number):
                if kinds.setdefault(name, kind) != kind:
                    raise UnusableExampleError(number, _differs(name, kind, kinds[name]), _ONE_TYPE)
        return ExampleSchema(dict(sorted(kinds.items())))

    def kind(self, name: str) -> str:
        """The type of a feature; one that was never seen counts as bytes."""
        return self.kinds.get(name, BYTES)

    def arrow_schema(self) -> pa.Schema:
        """The columns that examples have."""
        return pa.schema(
            [(name, pa.list_(_ARROW_TYPES[kind])) for name, kind in self.kinds.items()]
        )


class ExampleDecoder:
    """Decodes some features of serialized examples. Safe to use from several threads.

    Args:
        schema: the types of features.
        names: those that are wanted.
    """

    def __init__(self, schema: ExampleSchema, names: Sequence[str]):
        self._schema = schema
        self._names = list(dict.fromkeys(names))
        self._lock = threading.Lock()
        self._session: tf.compat.v1.Session | None = None
        self._parse: Any = None

    def batch(self, records: npt.NDArray[Any]) -> pa.RecordBatch:
        """Decodes a batch.

        Args:
            records: object array `[rows]` of bytes.

        Returns:
            A column of lists a feature; an example without the feature has an empty one.

        Raises:
            UnusableExampleError: a record is no tf.Example, or one's feature is of another type.
        """
        import tensorflow as tf

        with self._lock:
            if self._parse is None:
                self._prepare()
        try:
            parsed = self._parse(records)
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
            # the latter where the message quotes bytes that are no text
            self._refuse(records, error)
        columns = [
            pa.ListArray.from_arrays(
                pa.array(splits, pa.int32()), pa.array(values, _ARROW_TYPES[kind])
            )
            for (values, splits), kind in zip(parsed, self._kinds(), strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, names=self._names)

    def close(self) -> None:
        """Frees what TensorFlow holds."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = self._parse = None

    def _kinds(self) -> list[str]:
        return [self._schema.kind(name) for name in self._names]

    def _prepare(self) -> None:
        import tensorflow as tf

        types = {INT64: tf.int64, FLOAT: tf.float32, BYTES: tf.string}
        spec = {
            name: tf.io.RaggedFeature(types[kind])
            for name, kind in zip(self._names, self._kinds(), strict=True)
        }
        # a graph of its own: programs of TensorFlow 1 turn eager execution off
        with tf.Graph().as_default() as graph:
            records = tf.compat.v1.placeholder(tf.string, [None])
            parsed = tf.io.parse_example(records, spec)
            fetches = [[parsed[name].values, parsed[name].row_splits] for name in self._names]
        self._session = tf.compat.v1.Session(graph=graph)
        self._parse = self._session.make_callable(fetches, [records])

    def _refuse(self, records: npt.NDArray[Any], error: Exception) -> None:
        """Tells the example that cannot be decoded."""
        wanted = set(self._names)
        for number, record in enumerate(records):
            for name, kind in _kinds_of(record, number):
                expected = self._schema.kind(name)
                if name in wanted and kind != expected:
                    reason = _differs(name, kind, expected)
                    if name not in self._schema.kinds:
                        reason += " None of the examples that were looked at beforehand has it."
                    raise UnusableExampleError(number, reason, _ONE_TYPE) from error
        raise DataError(f"The examples cannot be decoded: {error}") from error


_ONE_TYPE = "A feature must have one type in all examples: write them anew."


def _differs(name: str, kind: str, expected: str) -> str:
    return f"its feature {name!r} is {kind}, where {expected} is expected."


def _kinds_of(record: bytes, number: int) -> list[tuple[str, str]]:
    """The features of an example that have values, and their types."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise UnusableExampleError(
            number,
            f"its {len(record)} bytes are no tf.Example; they begin with {bytes(record[:24])!r}.",
            "Without a model to read them, records must be serialized tf.Examples.",
        ) from error
    found = []
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        if kind and getattr(feature, kind).value:
            found.append((name, _KINDS[kind]))
    return found
