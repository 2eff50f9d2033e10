"""The result of an evaluation: written, loaded, shown.

Synopsis:

    check_output_path(path)  # before the work starts
    with ResultsWriter(path) as writer:
        writer.add_metrics(metrics_for_slice(key, metrics) for key, metrics in slices)
        writer.finish(EvalRun(eval_config=config))

    result = load_eval_result(path)
    print(result)  # a table of the largest slices
    result.to_dataframe()
"""

from microtome.results.eval_result import (
    DATA_CENTRIC_MODE,
    MODEL_CENTRIC_MODE,
    EvalResult,
    EvalResults,
    make_eval_results,
)
from microtome.results.loader import (
    load_attributions,
    load_description,
    load_eval_result,
    load_eval_results,
    load_metrics,
    load_plots,
    load_run_info,
    load_validation_result,
)
from microtome.results.output import check_output_path
from microtome.results.values import metrics_for_slice, plain_value, to_metric_value
from microtome.results.writer import ResultsWriter

__all__ = [
    "DATA_CENTRIC_MODE",
    "MODEL_CENTRIC_MODE",
    "EvalResult",
    "EvalResults",
    "ResultsWriter",
    "check_output_path",
    "load_attributions",
    "load_description",
    "load_eval_result",
    "load_eval_results",
    "load_metrics",
    "load_plots",
    "load_run_info",
    "load_validation_result",
    "make_eval_results",
    "metrics_for_slice",
    "plain_value",
    "to_metric_value",
]
