"""What runs on the engines: a model over many files, compared with the DirectRunner."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pandas as pd
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

import microtome
from microtome.results import EvalResult
from microtome.results.loader import load_eval_result

FILES = 16
SLICES = ([], ["country"], ["level"], ["country", "level"])


@dataclasses.dataclass(frozen=True)
class Case:
    """An evaluation.

    Attributes:
        model_path: its model.
        folder: of the data, `FILES` files.
        expected: what the DirectRunner makes of it.
    """

    model_path: str
    folder: pathlib.Path
    expected: EvalResult

    @property
    def pattern(self) -> str:
        return str(self.folder / "*")

    def evaluate(self, output: pathlib.Path, beam_args: list[str]) -> EvalResult:
        return evaluate(self.model_path, self.pattern, output, beam_args)

    def check(self, result: EvalResult, rtol: float = 1e-12) -> None:
        """Compares with the DirectRunner: the same slices and metrics."""
        pd.testing.assert_frame_equal(
            numbers(result), numbers(self.expected), check_exact=False, rtol=rtol, atol=0
        )
        assert result.run_info["counts"]["examples"] == self.expected.run_info["counts"]["examples"]


def evaluate(
    model_path: str, data: str | Sequence[str], output: pathlib.Path, beam_args: list[str]
) -> EvalResult:
    """Evaluates over slices of `SLICES`."""
    return microtome.run_model_analysis(
        microtome.default_eval_shared_model(model_path),
        data,
        slice_spec=[microtome.SingleSliceSpec(columns) for columns in SLICES],
        output_path=str(output),
        pipeline_options=PipelineOptions(beam_args),
    )


def check_command(
    case: Case, runner: str, beam_args: list[str], output: pathlib.Path, workers: int
) -> None:
    """Runs `microtome evaluate --runner`, and compares what it writes."""
    slices = [f"--slice={','.join(columns)}" for columns in SLICES if columns]
    command = [sys.executable, "-m", "microtome", "evaluate", "--model", case.model_path, *slices]
    command += ["--data", case.pattern, "--output", str(output), "--runner", runner, "--"]
    process = subprocess.Popen(
        [*command, *beam_args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, told = process.communicate()
    finally:
        # the job server that it started, where it was not given the time to stop it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, told
    assert "Overall" in printed
    result = load_eval_result(str(output))
    case.check(result)
    assert len(result.run_info["workers"]) == workers


def numbers(result: EvalResult) -> pd.DataFrame:
    """A row a slice and metric, in an order that does not depend on who finished first."""
    table = result.to_dataframe().sort_index(axis="columns")
    keys = [name for name in table.columns if name != "value"]
    return table.sort_values(keys).reset_index(drop=True)


def told(engine: str, version: str, result: EvalResult, seconds: float) -> None:
    """Prints what a closing note tells of a run."""
    workers = result.run_info["workers"]
    shares = ", ".join(str(each["examples"]) for each in workers.values())
    print(
        f"\n[{engine} {version}] {seconds:.1f} s, {len(workers)} workers with {shares} examples, "
        f"{len(result.slicing_metrics)} slices; equal to the DirectRunner's"
    )


@contextlib.contextmanager
def timed() -> Iterator[list[float]]:
    """Yields a list that holds the seconds of the block when it is done."""
    seconds: list[float] = []
    start = time.monotonic()
    yield seconds
    seconds.append(time.monotonic() - start)


def write(folder: pathlib.Path, records: list[bytes], times: int) -> None:
    """Writes the records into `FILES` files, each all of them so many times, in turned order."""
    folder.mkdir(parents=True)
    for number in range(FILES):
        turned = records[number:] + records[:number]
        name = f"data_tfrecord-{number:05d}-of-{FILES:05d}.gz"
        with tf.io.TFRecordWriter(str(folder / name), "GZIP") as writer:
            for _ in range(times):
                for record in turned:
                    writer.write(record)
