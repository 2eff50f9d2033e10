"""The contenders: each evaluates a model over files, in a process of its own.

What a contender imports is imported before the clock starts.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import queue
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from microtome_bench import models, slices

BATCH_SIZES = (2048, 8192, 16384)
Run = Callable[[], dict[str, Any]]


def microtome(args: argparse.Namespace, columns: slices.Slices) -> Run:
    import apache_beam  # noqa: F401
    import tensorflow  # noqa: F401
    from apache_beam.options.pipeline_options import PipelineOptions

    import microtome
    import microtome.model.evaluator
    import microtome.model.planning
    from microtome_bench import callbacks

    microtome.run_model_analysis  # noqa: B018  (imports)
    added = [callbacks.SharingAHistogram(args.metrics)] if args.metrics else None

    def run() -> dict[str, Any]:
        result = microtome.run_model_analysis(
            microtome.default_eval_shared_model(args.model, add_metrics_callbacks=added),
            os.path.join(args.data, "*.tfrecord"),
            eval_config={
                "model_specs": [{}],
                "slicing_specs": [{"feature_keys": list(each)} for each in columns],
                "options": options_of(args),
            },
            output_path=tempfile.mkdtemp(),
            pipeline_options=PipelineOptions(args.beam) if args.beam else None,
        )
        told = {"slices": len(result.slicing_metrics), "rows": result.run_info["counts"]["rows"]}
        return {**told, "timings": result.timings}

    return run


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options of an EvalConfig, as JSON."""
    if not args.intervals:
        return {"compute_confidence_intervals": False}
    method = {"method": args.intervals, "closed_forms": args.closed_forms}
    return {"compute_confidence_intervals": True, "confidence_intervals": method}


def tfma(args: argparse.Namespace, columns: slices.Slices) -> Run:
    import tensorflow_model_analysis as tfma

    def run() -> dict[str, Any]:
        result = tfma.run_model_analysis(
            tfma.default_eval_shared_model(args.model, tags=["eval"]),
            data_location=os.path.join(args.data, "*.tfrecord"),
            slice_spec=[tfma.slicer.SingleSliceSpec(columns=each) for each in columns],
            output_path=tempfile.mkdtemp(),
        )
        return {"slices": len(result.slicing_metrics)}

    return run


def limit(args: argparse.Namespace, columns: slices.Slices) -> Run:
    """The model's predictions and nothing else, read and batched in the best of several ways."""
    import tensorflow  # noqa: F401

    files = sorted(glob.glob(os.path.join(args.data, "*.tfrecord")))

    def predictor() -> Callable[[Any], Any]:
        session, signature, examples = models.load(args.model)
        predictions = [
            session.graph.get_tensor_by_name(info.name)
            for key, info in sorted(signature.outputs.items())
            if key in PREDICTIONS
        ]
        return session.make_callable(predictions, [examples])

    def timed(read: Callable[[Sequence[str], int], Iterator[Any]], size: int) -> dict[str, Any]:
        started, cpu = time.perf_counter(), time.process_time()
        predict = predictor()
        rows = sum(len(predict(batch)[0]) for batch in read(files, size))
        return {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - cpu,
            "batch_size": size,
            "reader": read.__name__,
            "rows": rows,
        }

    def run() -> dict[str, Any]:
        tried = [timed(read, size) for read in (by_dataset, by_iterator) for size in BATCH_SIZES]
        return min(tried, key=lambda each: each["seconds"])

    return run


PREDICTIONS = ("predictions/logistic", "predictions/probabilities", "predictions")


def by_dataset(files: Sequence[str], size: int) -> Iterator[Any]:
    """Batches that tf.data reads ahead."""
    import tensorflow as tf

    for file in files:
        dataset = tf.data.TFRecordDataset(file, buffer_size=8 << 20)
        yield from dataset.batch(size).prefetch(2).as_numpy_iterator()


def by_iterator(files: Sequence[str], size: int) -> Iterator[Any]:
    """Batches that a thread reads ahead with TensorFlow's record iterator."""
    import itertools

    import numpy as np
    import tensorflow as tf

    waiting: queue.Queue[Any] = queue.Queue(2)

    def read() -> None:
        for file in files:
            iterator = tf.compat.v1.io.tf_record_iterator(file)
            while batch := list(itertools.islice(iterator, size)):
                array = np.empty(len(batch), object)
                array[:] = batch
                waiting.put(array)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (batch := waiting.get()) is not None:
        yield batch


CONTENDERS = {"microtome": microtome, "tfma": tfma, "limit": limit}


def main() -> None:
    from microtome_bench import native, predictions

    contenders = {**CONTENDERS, **predictions.CONTENDERS, **native.CONTENDERS}
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=contenders)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--slices", default="300")
    parser.add_argument("--metrics", type=int, default=0, help="so many more")
    parser.add_argument("--format", default="tfrecords", help="of the files, where there are two")
    parser.add_argument("--beam", nargs="*", default=[], help="Beam's arguments, without their --")
    parser.add_argument("--intervals", default="", help="the method, as a config has it")
    parser.add_argument("--closed-forms", action="store_true", help="where metrics have one")
    parser.add_argument("--cores", type=int, help="so many of the machine's, no more")
    args = parser.parse_args()
    if args.cores:
        os.sched_setaffinity(0, range(args.cores))
    args.beam = [f"--{argument}" for argument in args.beam]
    columns = slices.slices_of(os.path.basename(args.model), args.slices)
    run = contenders[args.name](args, columns)
    idle, cpu = _peak_mb(), time.process_time()
    started = time.perf_counter()
    told = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": _peak_mb(), "idle_mb": idle}
    print(json.dumps({**figures, **told}), file=sys.stdout)


def _peak_mb() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, largest_child) / 1024


if __name__ == "__main__":
    main()
