"""The contenders: each evaluates a model over files, in a process of its own.

What a contender imports is imported before the clock starts.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable

SLICES = (
    (),
    ("carrier",),
    ("origin",),
    ("dest",),
    ("hour",),
    ("month",),
    ("haul",),
    ("weekday",),
    ("origin", "carrier"),
    ("origin", "haul"),
    ("month", "weekday"),
)
BATCH_SIZES = (2048, 8192, 16384)


def microtome(model: str, pattern: str) -> Callable[[], dict]:
    import apache_beam  # noqa: F401
    import tensorflow  # noqa: F401

    import microtome
    import microtome.model.evaluator
    import microtome.model.planning

    microtome.run_model_analysis  # noqa: B018  (imports)

    def run() -> dict:
        result = microtome.run_model_analysis(
            microtome.default_eval_shared_model(model),
            pattern,
            slice_spec=[microtome.SingleSliceSpec(columns=columns) for columns in SLICES],
            output_path=tempfile.mkdtemp(),
        )
        return {"slices": len(result.slicing_metrics), "rows": result.run_info["counts"]["rows"]}

    return run


def tfma(model: str, pattern: str) -> Callable[[], dict]:
    import tensorflow_model_analysis as tfma

    def run() -> dict:
        result = tfma.run_model_analysis(
            tfma.default_eval_shared_model(model, tags=["eval"]),
            data_location=pattern,
            slice_spec=[tfma.slicer.SingleSliceSpec(columns=columns) for columns in SLICES],
            output_path=tempfile.mkdtemp(),
        )
        return {"slices": len(result.slicing_metrics)}

    return run


def limit(model: str, pattern: str) -> Callable[[], dict]:
    import tensorflow as tf

    files = sorted(glob.glob(pattern))

    def predictor() -> Callable:
        graph = tf.Graph()
        session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.load(session, ["eval"], model)
        signature = loaded.signature_def["eval"]
        examples = graph.get_tensor_by_name(signature.inputs["inputs/examples"].name)
        predictions = [
            graph.get_tensor_by_name(signature.outputs[key].name)
            for key in ("predictions/logistic", "predictions/probabilities")
        ]
        return session.make_callable(predictions, [examples])

    def run_with(batch_size: int) -> int:
        predict, rows = predictor(), 0
        for file in files:
            dataset = tf.data.TFRecordDataset(file, buffer_size=8 << 20)
            for records in dataset.batch(batch_size).prefetch(2).as_numpy_iterator():
                rows += len(predict(records)[0])
        return rows

    def run() -> dict:
        best: dict = {}
        for size in BATCH_SIZES:
            started, cpu = time.perf_counter(), time.process_time()
            rows = run_with(size)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            if not best or seconds < best["seconds"]:
                best = {"seconds": seconds, "cpu_seconds": cpu, "batch_size": size, "rows": rows}
        return best

    return run


CONTENDERS = {"microtome": microtome, "tfma": tfma, "limit": limit}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    run = CONTENDERS[args.name](args.model, os.path.join(args.data, "*.tfrecord"))
    idle, cpu = _peak_mb(), time.process_time()
    started = time.perf_counter()
    told = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": _peak_mb(), "idle_mb": idle}
    print(json.dumps({**figures, **told}), file=sys.stdout)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
