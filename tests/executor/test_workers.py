"""What travels to workers, and what becomes of it where a bundle fails and comes again."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.windowed_value import WindowedValue

import microtome
from microtome.errors import DataError, ModelError
from microtome.executor import finishing, queries, sources, summing
from microtome.executor.account import COUNTS_OUTPUT
from microtome.executor.shared_model import WorkerModel, default_eval_shared_model
from microtome.executor.transforms import plan_with
from microtome.model.evaluator import ModelEvaluator
from microtome.model.plan import Path
from microtome.model.planning import make_plan
from microtome.results.blocks import MetricsBlock
from microtome.slicing import SingleSliceSpec
from microtome.slicing.table import SliceTable
from tests.executor.test_independence import WIDTH, metrics
from tests.model import graphs
from tests.model.graphs import v1

pytestmark = pytest.mark.current

# today's Beam comes without dill
LIBRARIES = ["cloudpickle", *(["dill"] if importlib.util.find_spec("dill") else [])]
NOWHERE = "/no/such/model"


@pytest.fixture(scope="module")
def model(committed_model):
    return committed_model("handmade_serve_tf1")


def functions(model_path: str) -> list[Any]:
    """Every function of ours that Beam sends to workers."""
    shared = default_eval_shared_model(model_path)
    worker = WorkerModel(shared, ["country"])
    return [
        sources.ReadFiles("tfrecords", 7),
        sources.BatchRecords(7),
        summing.SumSlices(worker, [SingleSliceSpec(), SingleSliceSpec(columns=["country"])]),
        finishing.MergeTables(),
        finishing.FinishSlices(shared),
        finishing.FinishRows(worker),
        queries.SumQueries(16),
    ]


def test_all_functions_are_here():
    names = ("analysis", "finishing", "queries", "sources", "summing", "transforms")
    modules = [importlib.import_module(f"microtome.executor.{name}") for name in names]
    found = {
        value.__name__
        for module in modules
        for value in vars(module).values()
        if {beam.DoFn, beam.CombineFn} & set(getattr(value, "__mro__", ()))
    }
    assert found == {type(function).__name__ for function in functions(NOWHERE)}


UNPICKLES = """
    import base64, importlib, json, sys

    found = {}
    for library, texts in json.load(sys.stdin).items():
        pickler = importlib.import_module(f"apache_beam.internal.{library}_pickler")
        functions = [pickler.loads(base64.b64decode(text)) for text in texts]
        assert all(pickler.dumps(function) for function in functions)
        found[library] = [type(function).__name__ for function in functions]
    print(json.dumps([found, sorted(sys.modules.keys() & {"tensorflow", "tfx"})]))
"""


def test_functions_travel_without_the_model():
    """Neither they nor whoever unpickles them have loaded anything: there is nothing to load."""
    pickled = {
        library: [base64.b64encode(pickler_of(library).dumps(one)) for one in functions(NOWHERE)]
        for library in LIBRARIES
    }
    assert max(len(text) for texts in pickled.values() for text in texts) < 20_000
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(UNPICKLES)],
        input=json.dumps(pickled, default=bytes.decode),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    types, loaded = json.loads(run.stdout)
    names = [type(one).__name__ for one in functions(NOWHERE)]
    assert types == dict.fromkeys(LIBRARIES, names)
    assert loaded == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_model_is_loaded_by_the_first_batch(library, by_hand):
    plan, _, batches = by_hand
    sums = next(one for one in functions(NOWHERE) if isinstance(one, summing.SumSlices))
    function = pickler_of(library).loads(pickler_of(library).dumps(sums))
    function.setup()
    function.start_bundle()
    with pytest.raises(ModelError, match=NOWHERE):
        list(function.process(batches[0], plan))
    function.teardown()


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_model_is_loaded_before_the_first_bundle_where_the_plan_is_known(library, by_hand):
    plan, _, _ = by_hand
    worker = WorkerModel(default_eval_shared_model(NOWHERE), [])
    sums = summing.SumSlices(worker, graphs.OVERALL_AND_GROUPS, plan=plan)
    function = pickler_of(library).loads(pickler_of(library).dumps(sums))
    with pytest.raises(ModelError, match=NOWHERE):
        function.setup()
    function.teardown()


def pickler_of(library: str) -> Any:
    return importlib.import_module(f"apache_beam.internal.{library}_pickler")


@pytest.mark.parametrize("library", LIBRARIES)
def test_functions_that_have_worked_travel_without_what_they_loaded(library, model):
    """A runner may pickle one again whose evaluator is there, in this process."""
    pickler = pickler_of(library)
    shared = default_eval_shared_model(model.model_path)
    worker = WorkerModel(shared, ["country"])
    before = len(pickler.dumps(worker))
    plan = plan_with(model.records, shared)
    evaluator = worker.get(plan)
    assert worker.get(plan) is evaluator
    assert len(pickler.dumps(worker)) == before
    # what comes out shares the model of this process
    assert pickler.loads(pickler.dumps(worker)).get(plan) is evaluator


def evaluate(model: Any, *options: str) -> dict[Any, dict[str, Any]]:
    scale = 3.0

    def scaled_age(features, predictions, labels):
        return {"scaled_age": v1.metrics.mean(scale * features["age"])}

    result = microtome.run_model_analysis(
        default_eval_shared_model(model.model_path, add_metrics_callbacks=[scaled_age]),
        model.data_path,
        slice_spec=[SingleSliceSpec(), SingleSliceSpec(columns=["country"])],
        desired_batch_size=50,
        pipeline_options=PipelineOptions(list(options)),
    )
    return dict(result.slices())


@pytest.fixture(scope="module")
def expected(model) -> dict[Any, dict[str, Any]]:
    return evaluate(model)


@pytest.mark.parametrize("library", LIBRARIES)
def test_pickled_by_either_library(model, expected, library):
    found = evaluate(model, f"--pickle_library={library}")
    assert found == expected
    assert found[()]["scaled_age"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_pickled_by_either_library_to_other_processes(model, expected, library):
    processes = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert evaluate(model, f"--pickle_library={library}", *processes) == expected


# A bundle that fails is thrown away with all it has put out, and comes again: to the same instance
# of the function, or to another. Nothing of the failed one may be in what comes out then.


@pytest.fixture(scope="module")
def by_hand():
    """A plan, a worker and batches of a model with metrics of every path; the last is poison."""
    numbers = np.random.default_rng(3).integers(-16, 17, size=(60, WIDTH)) / 8
    records = graphs.examples(numbers, np.arange(60) * 7 % 11)
    plan = make_plan(graphs.make_model(WIDTH, metrics), records)
    paths = {Path.CUT, Path.REFERENCE_SUMS, Path.REFERENCE_ROWS}
    assert {metric.path for metric in plan.metrics} == paths
    worker = graphs.Loaded(ModelEvaluator(graphs.make_model(WIDTH, metrics), plan, ["group"]))
    return plan, worker, [batch(records[i : i + 15]) for i in range(0, 60, 15)]


def batch(records: Iterable[bytes]) -> sources.Batch:
    array = np.empty(len(list(records)), object)
    array[:] = list(records)
    return sources.Batch(array)


POISON = batch([b"poison, of no row's length"])


def plain(output: Any) -> Any:
    """An output without its window and its timings; rows as lists."""
    if isinstance(output, dict):
        return {name: value for name, value in output.items() if name != "seconds"}
    if isinstance(output, beam.pvalue.TaggedOutput):
        return output.tag, plain(output.value)
    if isinstance(output, WindowedValue):
        return plain(output.value)
    if isinstance(output, MetricsBlock):
        return output.serialized()
    if isinstance(output, sources.Batch):
        return output.records.tolist(), output.source, output.first
    return output


def bundle(function: beam.DoFn, elements: Iterable[Any], *sides: Any) -> list[Any]:
    function.start_bundle()
    outputs = [out for element in elements for out in function.process(element, *sides) or ()]
    outputs.extend(function.finish_bundle() or ())
    return [plain(output) for output in outputs]


def fails_at_an_element(function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any) -> None:
    with pytest.raises(DataError):
        bundle(function, [*elements[:2], bad, *elements[2:]], *sides)


def fails_at_the_end(function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any) -> None:
    with pytest.raises(DataError):
        bundle(function, [*elements, bad], *sides)


def fails_at_once(function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any) -> None:
    with pytest.raises(DataError):
        bundle(function, [bad], *sides)


def is_stopped(function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any) -> None:
    function.start_bundle()
    for element in elements[:3]:
        list(function.process(element, *sides) or ())


def is_stopped_in_an_element(
    function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any
) -> None:
    """The runner takes the first output and no more."""
    function.start_bundle()
    for element in elements[:3]:
        next(iter(function.process(element, *sides) or ()), None)


def is_stopped_at_the_end(function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any) -> None:
    function.start_bundle()
    for element in elements:
        list(function.process(element, *sides) or ())
    next(iter(function.finish_bundle()), None)


def goes_well(function: beam.DoFn, elements: list[Any], bad: Any, *sides: Any) -> None:
    bundle(function, elements, *sides)


FATES = [
    fails_at_an_element,
    fails_at_the_end,
    fails_at_once,
    is_stopped,
    is_stopped_in_an_element,
    is_stopped_at_the_end,
    goes_well,
]
Fate = Callable[..., None]


@pytest.mark.parametrize("max_state_bytes", [1, summing.MAX_STATE_BYTES])
@pytest.mark.parametrize("fate", FATES)
def test_sums_of_a_bundle_that_comes_again(by_hand, fate: Fate, max_state_bytes):
    plan, worker, batches = by_hand

    def sum_slices() -> summing.SumSlices:
        function = summing.SumSlices(worker, graphs.OVERALL_AND_GROUPS, max_state_bytes)
        function.setup()
        return function

    expected = bundle(sum_slices(), batches, plan)
    assert {out[0] for out in expected} > {summing.ROWS_OUTPUT, COUNTS_OUTPUT}
    function = sum_slices()
    for _ in range(2):
        fate(function, batches, POISON, plan)
        assert bundle(function, batches, plan) == expected
    # of other batches, not of those of before
    assert bundle(function, batches[1:], plan) == bundle(sum_slices(), batches[1:], plan)
    function.teardown()


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("rows", [3, 100])
def test_batches_of_a_bundle_that_comes_again(fate: Fate, rows):
    records = [b"%d" % i for i in range(8)]
    function = sources.BatchRecords(rows)
    expected = bundle(sources.BatchRecords(rows), records)
    assert [record for batch in expected for record in batch[0]] == records
    fate(function, records, "text is no example")
    assert bundle(function, records) == expected


def test_a_file_that_comes_again(model):
    function = sources.ReadFiles("tfrecords", 50)
    expected = [plain(batch) for batch in function.process(model.data_path)]
    assert len(expected) == 3
    next(function.process(model.data_path))
    assert [plain(batch) for batch in function.process(model.data_path)] == expected


def test_finishing_that_comes_again(by_hand):
    plan, worker, batches = by_hand
    tables, rows = graphs.bundle_outputs(worker, plan, [list(b.records) for b in batches])
    by_slice: dict[bytes, list[Any]] = {}
    for key, part in rows:
        by_slice.setdefault(key, []).append(part)
    function = finishing.FinishRows(worker)
    expected = [finished(function, item, plan) for item in by_slice.items()]
    key = next(iter(by_slice))
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(function.process((key, [*by_slice[key], ([b"poison"], [0])]), plan))
    assert [finished(function, item, plan) for item in by_slice.items()] == expected

    table = SliceTable.merge([SliceTable.from_bytes(one) for _, one in tables]).to_bytes()
    finish = finishing.FinishSlices(graphs.weighed_as(plan))
    first = finished(finish, (0, (table, 0.0)), plan)
    with pytest.raises(Exception, match=r"."):
        list(finish.process((0, (table[: len(table) // 2], 0.0)), plan))
    assert finished(finish, (0, (table, 0.0)), plan) == first


def finished(function: beam.DoFn, element: Any, plan: Any) -> list[Any]:
    return [plain(output) for output in function.process(element, plan)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_accumulators_travel_and_are_merged_again(by_hand, library):
    pickler = pickler_of(library)
    plan, worker, batches = by_hand
    tables = [
        table
        for one in batches
        for _, table in graphs.bundle_outputs(worker, plan, [list(one.records)])[0]
    ] * 2
    combine = finishing.MergeTables()

    def accumulated(part: list[bytes]) -> Any:
        accumulator = combine.create_accumulator()
        for table in part:
            accumulator = combine.add_input(accumulator, table)
        return accumulator

    expected, _ = combine.extract_output(accumulated(tables))
    halves = [accumulated(tables[::2]), accumulated(tables[1::2])]
    # the runner of a failed merge has the accumulators still
    for _ in range(2):
        merged = combine.merge_accumulators(halves)
        sent = pickler.loads(pickler.dumps(combine.compact(merged)))
        found = SliceTable.from_bytes(combine.extract_output(sent)[0])
        whole = SliceTable.from_bytes(expected)
        assert sorted(found.keys) == sorted(whole.keys)
        order = [found.keys.index(key) for key in whole.keys]
        np.testing.assert_allclose(found.sums[order], whole.sums, rtol=1e-12)
