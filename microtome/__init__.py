"""Microtome: sliced model evaluation for TFX, tracked in ML Metadata.

Synopsis:

    import microtome

    model = microtome.default_eval_shared_model("/models/flights/eval")
    result = microtome.run_model_analysis(
        eval_shared_model=model,
        data_location="/data/eval-*.tfrecord.gz",
        slice_spec=[microtome.SingleSliceSpec(), microtome.SingleSliceSpec(columns=["carrier"])],
    )
    print(result)

Names have their own modules, which are imported when a name is first used: `import microtome`
itself imports neither TensorFlow nor Beam.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from microtome.version import __version__ as __version__

# In a checkout the rooms lie beside this folder. `proto` has no __init__.py there, or it would hide
# the package of that name that Google's clients import.
_checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if os.path.isfile(os.path.join(_checkout, "proto", "config.proto")):
    __path__.append(_checkout)

_ANALYSIS = "microtome.executor.analysis"
_EXPORT = "microtome.export"
_RESULTS = "microtome.results"
_TRACKING = "microtome.tracking"

_HOME = {
    "BASELINE_KEY": "microtome.config",
    "CANDIDATE_KEY": "microtome.config",
    "DATA_CENTRIC_MODE": _RESULTS,
    "EvalConfig": "microtome.proto.config_pb2",
    "EvalInputReceiver": _EXPORT,
    "EvalResult": _RESULTS,
    "EvalResults": _RESULTS,
    "EvalSharedModel": "microtome.executor.shared_model",
    "ExtractEvaluateAndWriteResults": _ANALYSIS,
    "History": _TRACKING,
    "LastEvaluationsStrategy": "microtome.component",
    "MODEL_CENTRIC_MODE": _RESULTS,
    "ModelSpec": "microtome.proto.config_pb2",
    "SingleSliceSpec": "microtome.slicing.spec",
    "SlicedEvaluator": "microtome.component",
    "SlicedMetrics": "microtome.component",
    "SlicingSpec": "microtome.proto.config_pb2",
    "analyze_raw_data": _ANALYSIS,
    "auto_pivot": "microtome.results.dataframes",
    "default_eval_shared_model": "microtome.executor.shared_model",
    "last_evaluations": "microtome.component",
    "load_attributions": _RESULTS,
    "load_eval_result": _RESULTS,
    "load_eval_results": _RESULTS,
    "load_metrics": _RESULTS,
    "load_plots": _RESULTS,
    "load_validation_result": _RESULTS,
    "make_eval_results": _RESULTS,
    "metrics_as_dataframes": "microtome.results.dataframes",
    "parse_eval_config": "microtome.config",
    "plots_as_dataframes": "microtome.results.dataframes",
    "record": _TRACKING,
    "register_metric": "microtome.metrics.functions",
    "run_model_analysis": _ANALYSIS,
}
_MODULES = (
    "experimental",
    "export",
    "exporter",
    "metrics",
    "post_export_metrics",
    "slicer",
    "tracking",
    "view",
)

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"microtome.{name}")
    raise AttributeError(f"module 'microtome' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, *_MODULES])
