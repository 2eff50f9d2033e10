"""Makes the model and the data that are measured."""

from __future__ import annotations

import os
import sys
import types

FILES = 8


def prepare(folder: str, sizes: list[int]) -> None:
    """Makes what is missing: `<folder>/model`, and `<folder>/<rows>` for each number of rows."""
    os.makedirs(folder, exist_ok=True)
    wanted = [_model(folder), *(data_folder(folder, rows) for rows in sizes)]
    if all(os.path.exists(path) for path in wanted):
        return
    from microtome.pipelines.flights import data

    flights = data.load_flights().sample(frac=1.0, random_state=2013)
    records = data.encode_examples(flights)
    for rows in sizes:
        if not os.path.exists(data_folder(folder, rows)):
            _write(records, rows, data_folder(folder, rows))
    if not os.path.exists(_model(folder)):
        _train(records, folder)


def data_folder(folder: str, rows: int) -> str:
    return os.path.join(folder, f"rows-{rows}")


def _model(folder: str) -> str:
    return os.path.join(folder, "model")


def _write(records: list[bytes], rows: int, target: str) -> None:
    import tensorflow as tf

    unfinished = target + ".unfinished"
    os.makedirs(unfinished, exist_ok=True)
    for number in range(FILES):
        with tf.io.TFRecordWriter(os.path.join(unfinished, f"{number:02d}.tfrecord")) as writer:
            for i in range(number, rows, FILES):
                writer.write(records[i % len(records)])
    os.rename(unfinished, target)


def _train(records: list[bytes], folder: str) -> None:
    import tensorflow as tf

    from microtome.pipelines.flights import trainer

    training = os.path.join(folder, "train.gz")
    with tf.io.TFRecordWriter(training, "GZIP") as writer:
        for record in records[:50_000]:
            writer.write(record)
    trainer.run_fn(
        types.SimpleNamespace(
            train_files=[training],
            train_steps=300,
            model_run_dir=os.path.join(folder, "run"),
            serving_model_dir=os.path.join(folder, "serving"),
            eval_model_dir=_model(folder),
        )
    )


if __name__ == "__main__":
    prepare(sys.argv[1], [int(rows) for rows in sys.argv[2:]])
