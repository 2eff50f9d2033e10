"""The lower half of a cut metric graph: a pure function from sums over rows to metric values.

It is a GraphDef of its own (`lower_build` makes it). All slices are finished in one vectorised
call.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

_CHUNK = 4096
# making the vectorised function takes as long as computing some thousand slices one by one
_FEW = 256
# from sums, `[slices, width]`, to outputs, each `[slices, ...]`
_SlicesFunction = Callable[[np.ndarray], list[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class LowerHalf:
    """A function of the sums of one slice, to be applied to many.

    Attributes:
        graph_def: serialized GraphDef.
        inputs: (name of the placeholder, shape, first column, end column) a group of columns of the
            sums. Column 0 of the sums is the number of rows.
        outputs: (metric, name of its tensor).
        looped: metrics that are computed slice by slice, because an op of theirs has no vectorised
            form.
    """

    graph_def: bytes
    inputs: tuple[tuple[str, tuple[int, ...], int, int], ...]
    outputs: tuple[tuple[str, str], ...]
    looped: frozenset[str] = frozenset()

    def finish(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        """Computes the metrics of many slices.

        Args:
            sums: float64 `[slices, width]`.

        Returns:
            For each metric an array `[slices, ...]`.
        """
        if not self.outputs:
            return {}
        run = _compiled(self, 0 < len(sums) <= _FEW)
        chunks = [
            run(sums[start : start + _CHUNK]) for start in range(0, max(len(sums), 1), _CHUNK)
        ]
        return {
            name: np.concatenate([chunk[i] for chunk in chunks])
            for i, (name, _) in enumerate(self.outputs)
        }

    def compile(self) -> _SlicesFunction:
        """A function for any number of slices; it takes seconds to make."""
        with _session() as session:
            feeds, outputs = self._over_slices()
            run = session.make_callable([outputs[name] for name, _ in self.outputs], feeds)
        return lambda sums: run(*self._feed(sums))

    def compile_for_few(self) -> _SlicesFunction:
        """A function that computes one slice after the other."""
        with _session(single_threaded=True) as session:
            # one tensor in and one out: a session takes milliseconds for each of many
            sums = tf.compat.v1.placeholder(tf.float64, [None])
            operands = [tf.reshape(sums[start:end], shape) for _, shape, start, end in self.inputs]
            values = self._one_slice(list(self.outputs))(operands)
            if any(value.dtype == tf.string for value in values):
                return self.compile()
            flat = tf.concat([tf.reshape(tf.cast(v, tf.float64), [-1]) for v in values], axis=0)
            run = session.make_callable([flat, *map(tf.shape, values)], [sums])
            compute = session.make_callable(flat, [sums])
        dtypes = [value.dtype.as_numpy_dtype for value in values]

        def over_slices(table: np.ndarray) -> list[np.ndarray]:
            first, *shapes = run(table[0])
            flat_values = np.stack([first, *(compute(slice_) for slice_ in table[1:])])
            ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
            return [
                part.reshape([len(table), *shape]).astype(dtype)
                for part, shape, dtype in zip(
                    np.split(flat_values, ends, axis=1), shapes, dtypes, strict=True
                )
            ]

        return over_slices

    def _over_slices(self) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
        feeds = [
            tf.compat.v1.placeholder(tf.float64, [None, *shape]) for _, shape, _, _ in self.inputs
        ]
        looped = [item for item in self.outputs if item[0] in self.looped]
        vectorized = [item for item in self.outputs if item[0] not in self.looped]
        values = {}
        if vectorized:
            values.update(
                self._named(vectorized, tf.vectorized_map(self._one_slice(vectorized), feeds))
            )
        if looped:
            one_slice = self._one_slice(looped)
            dtypes = [tensor.dtype for tensor in one_slice([feed[0] for feed in feeds])]
            values.update(
                self._named(looped, tf.map_fn(one_slice, feeds, fn_output_signature=dtypes))
            )
        return feeds, values

    def _one_slice(
        self, outputs: list[tuple[str, str]]
    ) -> Callable[[list[tf.Tensor]], list[tf.Tensor]]:
        graph_def = graph_pb2.GraphDef.FromString(self.graph_def)

        def one_slice(operands: list[tf.Tensor]) -> list[tf.Tensor]:
            named = zip(self.inputs, operands, strict=True)
            return tf.import_graph_def(
                graph_def,
                input_map={f"{name}:0": operand for (name, *_), operand in named},
                return_elements=[tensor for _, tensor in outputs],
                name="slice",
            )

        return one_slice

    def _named(
        self, outputs: list[tuple[str, str]], values: Sequence[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        return {name: value for (name, _), value in zip(outputs, values, strict=True)}

    def _feed(self, sums: np.ndarray) -> list[np.ndarray]:
        return [
            sums[:, start:end].reshape([len(sums), *shape]) for _, shape, start, end in self.inputs
        ]


@contextlib.contextmanager
def _session(single_threaded: bool = False) -> Iterator[tf.compat.v1.Session]:
    """A session of its own graph, which is the default one meanwhile; it stays open."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    if single_threaded:
        # for hundreds of tiny ops, handing them to threads takes longer than they do
        config.inter_op_parallelism_threads = -1
        config.experimental.executor_type = "SINGLE_THREADED_EXECUTOR"
    graph = tf.Graph()
    with graph.as_default():
        yield tf.compat.v1.Session(graph=graph, config=config)


@functools.lru_cache(maxsize=32)  # two a model
def _compiled(lower: LowerHalf, few: bool) -> _SlicesFunction:
    return lower.compile_for_few() if few else lower.compile()
