"""Metric graphs made by hand, and the whole way from their rows to metrics, without Beam.

A row is a few numbers; its example is their bytes. The last number names the slice that the row
stands in, besides Overall.

Synopsis:

    plan, found = evaluate(2, lambda x: {"total": summed(tf.reduce_sum(x))}, examples(rows))
    found[()]["total"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.utils.windowed_value import WindowedValue
from tensorflow.core.protobuf import meta_graph_pb2

from microtome.executor import finishing, sources, summing
from microtome.executor.shared_model import EvalSharedModel
from microtome.model.evaluator import ModelEvaluator
from microtome.model.loading import LoadedModel
from microtome.model.plan import Plan
from microtome.model.planning import make_plan
from microtome.model.signature import Era, ModelSignature
from microtome.proto import result_pb2
from microtome.results.blocks import MetricsBlock
from microtome.results.slice_keys import slice_key_from_proto
from microtome.results.values import plain_value, to_json
from microtome.slicing import SingleSliceSpec
from microtome.slicing.table import SliceTable

v1 = tf.compat.v1
Metric = tuple[tf.Tensor, tf.Tensor]
Metrics = Callable[[tf.Tensor], Mapping[str, Metric]]
OVERALL_AND_GROUPS = (SingleSliceSpec(), SingleSliceSpec(columns=["group"]))


def evaluate(
    width: int, metrics: Metrics, records: Sequence[bytes], batch_size: int = 1 << 30
) -> tuple[Plan, dict[Any, dict[str, Any]]]:
    """Plans with one copy of a model and evaluates with another, as workers do.

    Returns:
        The plan, and the metrics of all slices: plain values by name, by slice key.
    """
    plan = make_plan(make_model(width, metrics), records)
    evaluator = ModelEvaluator(make_model(width, metrics), plan, ["group"])
    return plan, metrics_by_slice(evaluator, plan, records, batch_size)


def make_model(width: int, metrics: Metrics) -> LoadedModel:
    """A model of rows of `width` numbers.

    Args:
        metrics: gets the numbers, float32 `[rows, width]`.
    """
    graph = tf.Graph()
    with graph.as_default():
        inputs = v1.placeholder(tf.string, [None], name="examples")
        numbers = tf.ensure_shape(tf.io.decode_raw(inputs, tf.float32), [None, width + 1])
        features = {"x": numbers[:, :width], "group": tf.cast(numbers[:, width], tf.int64)}
        made = dict(metrics(features["x"]))
        initializers = [v1.global_variables_initializer(), v1.local_variables_initializer()]
    session = v1.Session(graph=graph)
    session.run(initializers)
    signature = ModelSignature(
        path="made by hand",
        era=Era.SIGNATURE,
        tags=("eval",),
        version="",
        inputs={},
        input_refs=None,
        features=dict.fromkeys(features, meta_graph_pb2.TensorInfo()),
        labels={},
        predictions={},
        metrics={},
        iterator_initializer=None,
        additional={},
    )
    return LoadedModel(
        signature=signature,
        graph=graph,
        session=session,
        inputs=[inputs],
        input_refs=None,
        features=features,
        labels={},
        predictions={},
        additional={},
        metrics=made,
        iterator_initializer=None,
    )


def variable(
    shape: Sequence[int] = (),
    dtype: tf.DType = tf.float32,
    initial: float = 0,
    name: str = "state",
    resource: bool = True,
) -> Any:
    """A metric variable with a name of its own."""
    with v1.variable_scope(None, default_name=name):
        return v1.get_variable(
            "variable",
            tuple(shape),
            dtype,
            v1.constant_initializer(initial),
            trainable=False,
            collections=[v1.GraphKeys.LOCAL_VARIABLES, v1.GraphKeys.METRIC_VARIABLES],
            use_resource=resource,
        )


def summed(amount: tf.Tensor, initial: float = 0, resource: bool = True) -> Metric:
    """A metric that adds up `amount`."""
    state = variable(amount.shape.as_list(), amount.dtype, initial, resource=resource)
    return tf.identity(state.read_value()), tf.convert_to_tensor(state.assign_add(amount))


def examples(numbers: Any, groups: Any = None) -> list[bytes]:
    """Serialises rows of numbers, all in group 0 unless said otherwise."""
    numbers = np.asarray(numbers, np.float32)
    numbers = numbers.reshape(len(numbers), -1)
    last = np.zeros(len(numbers)) if groups is None else np.asarray(groups)
    return [row.tobytes() for row in np.column_stack([numbers, last]).astype(np.float32)]


class Loaded:
    """An evaluator that is there already, where Beam's functions expect to load one."""

    def __init__(self, evaluator: ModelEvaluator):
        self._evaluator = evaluator

    def get(self, plan: Plan) -> ModelEvaluator:
        return self._evaluator


def bundle_outputs(
    worker: Any,
    plan: Plan,
    batches: Sequence[Sequence[bytes]],
    specs: Sequence[SingleSliceSpec] = OVERALL_AND_GROUPS,
    max_state_bytes: int = summing.MAX_STATE_BYTES,
    max_state_slices: int = summing.MAX_STATE_SLICES,
) -> tuple[list[tuple[int, bytes]], list[Any]]:
    """What the function that sums slices hands on of one bundle: tables by shard, and rows."""
    function = summing.SumSlices(worker, specs, max_state_bytes, max_state_slices)
    function.setup()
    function.start_bundle()
    outputs: list[Any] = []
    for batch in batches:
        array = np.empty(len(batch), object)
        array[:] = list(batch)
        outputs.extend(function.process(sources.Batch(array), plan))
    outputs.extend(function.finish_bundle())
    function.teardown()
    by_tag: dict[str | None, list[Any]] = {None: [], summing.ROWS_OUTPUT: []}
    for output in outputs:
        tag, value = getattr(output, "tag", None), output
        while isinstance(value, beam.pvalue.TaggedOutput | WindowedValue):
            value = value.value
        by_tag.setdefault(tag, []).append(value)
    return by_tag[None], by_tag[summing.ROWS_OUTPUT]


def metrics_by_slice(
    evaluator: ModelEvaluator,
    plan: Plan,
    records: Sequence[bytes],
    batch_size: int = 1 << 30,
    specs: Sequence[SingleSliceSpec] = OVERALL_AND_GROUPS,
) -> dict[Any, dict[str, Any]]:
    """The metrics of all slices, in one bundle: plain values by name, by slice key."""
    starts = range(0, len(records), batch_size)
    batches = [records[start : start + batch_size] for start in starts]
    worker = Loaded(evaluator)
    tables, rows = bundle_outputs(worker, plan, batches, specs)
    listed = finish_rows(worker, plan, rows)
    merged = SliceTable.merge([SliceTable.from_bytes(table) for _, table in tables])
    return finish(plan, merged.to_bytes(), listed)


def finish_rows(worker: Any, plan: Plan, rows: Sequence[tuple[bytes, Any]]) -> dict[Any, Any]:
    by_slice: dict[bytes, list[Any]] = {}
    for key, batch in rows:
        by_slice.setdefault(key, []).append(batch)
    function = finishing.FinishRows(worker)
    outputs = [out for item in by_slice.items() for out in function.process(item, plan)]
    return dict(out for out in outputs if not isinstance(out, beam.pvalue.TaggedOutput))


def weighed_as(plan: Plan) -> EvalSharedModel:
    """A model that weighs examples as a plan does."""
    return EvalSharedModel("", example_weight_key="".join(plan.weight_keys) or None)


def finish(plan: Plan, table: bytes, listed: Mapping[Any, Any] | None = None) -> dict[Any, Any]:
    """The metrics of a table of sums."""
    found = {}
    function = finishing.FinishSlices(weighed_as(plan))
    for block in function.process((0, (table, 0.0)), plan, listed):
        for serialized in block.serialized() if isinstance(block, MetricsBlock) else ():
            record = result_pb2.MetricsForSlice.FromString(serialized)
            values = {name: plain_value(to_json(v)) for name, v in record.metrics.items()}
            found[slice_key_from_proto(record.slice_key)] = values
    return found
