"""The page that a run leaves beside its results, `report.html`.

Its cost is bounded: of more slices than `MAX_SLICES` only the largest are in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from microtome.config import shown_model
from microtome.proto import config_pb2
from microtome.results import stencil
from microtome.results.eval_result import EvalResult, count_of
from microtome.results.verdict import Verdict
from microtome.slicing.keys import OVERALL
from microtome.tracking.evaluations import Evaluation
from microtome.view import contract, page

MAX_SLICES = 10_000
# earlier evaluations, for the history
_MAX_EARLIER = 50


class RunReport:
    """Gathers the largest slices of a run while they are written, and makes the page of them.

    See `microtome.results.writer.Reporter`.
    """

    def __init__(self, output_path: str, max_slices: int = MAX_SLICES):
        """Starts a report.

        Args:
            output_path: Where the results will be.
            max_slices: The most that are kept.
        """
        self._output_path = output_path
        self._max_slices = max_slices
        # by size; of equal ones, the first stays
        self._largest: list[tuple[float, int, bytes]] = []
        self._slices = 0

    def add(self, data: bytes, size: float) -> None:
        """Takes note of a slice.

        Args:
            data: Its record, serialized.
            size: By how much it matters.
        """
        item = size, -self._slices, data
        self._slices += 1
        if len(self._largest) < self._max_slices:
            heapq.heappush(self._largest, item)
        else:
            heapq.heappushpop(self._largest, item)

    def page(
        self,
        eval_run: config_pb2.EvalRun,
        run_info: dict[str, Any],
        verdict: Verdict | None = None,
    ) -> str:
        """The page.

        Args:
            eval_run: What was evaluated.
            run_info: What else is told of the run.
            verdict: On it.

        Raises:
            OutputError: The views' scripts are missing.
        """
        kept = sorted(self._largest, reverse=True)
        shown = shown_model(eval_run.eval_config)
        locations = eval_run.model_locations
        found = stencil.read_metrics((data for _, _, data in kept), shown)
        result = EvalResult(
            slicing_metrics=[(key, metrics or {}) for key, metrics in found],
            config=eval_run.eval_config,
            data_location=eval_run.data_location,
            file_format=eval_run.file_format,
            model_location=locations.get(shown or "", next(iter(locations.values()), "")),
            run_info=run_info,
            verdict=verdict,
        )
        report = contract.report_at(result, self._output_path)
        return page.to_page(_told(report, self._slices - len(kept)))


def page_of_evaluation(
    result: EvalResult, evaluation: Evaluation, earlier: Sequence[Evaluation] = ()
) -> str:
    """The page of a tracked evaluation: with its verdict, and the history before it.

    Args:
        result: Its result.
        evaluation: What is tracked of it.
        earlier: Evaluations before it, in order of time.

    Raises:
        OutputError: The views' scripts are missing.
    """
    sizes = [
        (float("inf") if key == OVERALL else count_of(metrics) or 0.0, -number)
        for number, (key, metrics) in enumerate(result.slicing_metrics)
    ]
    kept = [result.slicing_metrics[-number] for _, number in heapq.nlargest(MAX_SLICES, sizes)]
    report = contract.report_of_evaluation(
        result.with_slicing_metrics(kept), evaluation, earlier[-_MAX_EARLIER:]
    )
    return page.to_page(_told(report, len(result.slicing_metrics) - len(kept)))


def _told(report: contract.Report, left_out: int) -> contract.Report:
    if not left_out:
        return report
    why = f"The smallest {left_out:,} slices are left out. The result files have them all."
    runs = report["runs"]
    return {
        **report,
        "runs": [*runs[:-1], {**runs[-1], "complete": False}],
        "omitted": [*report.get("omitted", []), {"slice": "", "why": why}],
    }
