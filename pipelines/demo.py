"""Two runs of the flights pipeline on successive months, then what ML Metadata tells of them.

    python -m microtome.pipelines.demo

Run 1 knows January and February, and is judged by a hold-out of these and by March; run 2 knows
March too, and is judged by April. Everything goes to `demo_output`; a second call starts afresh.
"""

from __future__ import annotations

import argparse
import calendar
import os
import shutil
from typing import TYPE_CHECKING

from microtome.errors import MicrotomeError
from microtome.pipelines.progress import Progress

if TYPE_CHECKING:
    from microtome.tracking import History

MONTHS = (3, 4)  # the month that each run is judged by
MIN_EXAMPLES = 500


def run_demo(output: str) -> None:
    """Runs the pipeline for each of `MONTHS` and prints the summary.

    Args:
        output: Folder to write to; what an earlier demo left there is deleted.
    """
    output = os.path.abspath(output)
    data_root, root = os.path.join(output, "data"), os.path.join(output, "pipeline")
    for folder in (data_root, root):
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(output, exist_ok=True)
    log_file = os.path.join(output, "demo.log")
    open(log_file, "w").close()
    with Progress(log_file) as progress:
        try:
            _run(progress, data_root, root)
        except MicrotomeError as error:
            progress.say(f"\n{error}\nMore in {log_file}")
            raise SystemExit(1) from error
        except BaseException:
            progress.say(f"\nThe demo failed; what was said on the way is in {log_file}")
            raise


def _run(progress: Progress, data_root: str, root: str) -> None:
    progress.say("Will a flight from New York arrive more than 15 minutes late?")
    with progress.step("importing TFX"):
        from microtome.pipelines import local
        from microtome.pipelines.flights import data
        from microtome.tracking import History
    with progress.step("reading the flights of 2013"):
        flights = data.load_flights()
    for number, month in enumerate(MONTHS, start=1):
        progress.say(f"Run {number}: {_span(month)}, judged by {calendar.month_name[month]}")
        with progress.step(f"writing span {month}"):
            data.write_span(flights, data_root, month)
        local.run(root, data_root)
    database = os.path.join(root, local.METADATA_FILE)
    with progress.step("reading ML Metadata"):
        history = History.open(database, pipeline=local.PIPELINE_NAME)
    progress.say(f"Both runs took {progress.seconds:.0f} s.\n")
    _tell(progress, history, database)


def _tell(progress: Progress, history: History, database: str) -> None:
    from microtome.pipelines import summary
    from microtome.pipelines.flights import pipeline

    node = pipeline.NEXT_MONTH_EVALUATOR
    names = {pipeline.HOLD_OUT_EVALUATOR: "hold-out", node: "next month"}
    last = history.select(run=-1)
    tracked = sum(len(one.block.slices) for one in history.evaluations)
    at_least = f"of at least {MIN_EXAMPLES} flights"
    for line in (
        "Overall, read back from ML Metadata",
        summary.overall(history, names),
        f"\nThe worst slices by {summary.RANKED_BY} {at_least}, run 2, next month",
        summary.worst(history, node, MIN_EXAMPLES),
        f"\nWhat changed by slice {at_least}, next month of run 1 → of run 2",
        summary.changed(history, node, MIN_EXAMPLES),
        "\nWhere everything lies",
        f"  ML Metadata (SQLite)  {database}",
        f"  its artifacts         {tracked} of type microtome.SlicedMetrics",
        f"  model of run 2        {last[0].provenance.model_uri}",
        *(f"  results, {names[one.node]:<13}{one.provenance.evaluation_uri}" for one in last),
        "\nAsk it more, for instance",
        f"  microtome history {database} metric auc --slice carrier:UA --node {node}",
        "\nLook at it in a browser",
        f"  microtome serve {database}",
    ):
        progress.say(line)


def _span(month: int) -> str:
    names = [calendar.month_name[m] for m in range(1, month)]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", default="demo_output", help="folder to write to")
    run_demo(parser.parse_args().output)


if __name__ == "__main__":
    main()
