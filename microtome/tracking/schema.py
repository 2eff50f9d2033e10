"""How evaluations stand in ML Metadata: names of types, contexts and properties.

`docs/mlmd.md` tells of them at length. Every property's type is one that sqlite, MySQL and Kubeflow
keep as it is: ids are strings (Kubeflow makes floats of integers), and no double is NaN or infinite
(such a publish fails, and leaves its execution running for ever).
"""

from __future__ import annotations

import dataclasses

from microtome.results.verdict import BLESSED as BLESSED
from microtome.results.verdict import NOT_BLESSED as NOT_BLESSED
from microtome.results.verdict import NOT_VALIDATED as NOT_VALIDATED

# artifact types
EVALUATION_TYPE = "ModelEvaluation"
# as Kubeflow v2 names it
KUBEFLOW_EVALUATION_TYPE = "tfx.ModelEvaluation"
SLICED_METRICS_TYPE = "microtome.SlicedMetrics"
MODEL_TYPE = "Model"
EXAMPLES_TYPE = "Examples"

# context types; Airflow's runs are of the third
PIPELINE_CONTEXT = "pipeline"
RUN_CONTEXT = "pipeline_run"
AIRFLOW_RUN_CONTEXT = "run"
NODE_CONTEXT = "node"
# and Kubeflow v2's, which has no contexts of nodes: a property of the execution names the task
KUBEFLOW_PIPELINE_CONTEXT = "system.Pipeline"
KUBEFLOW_RUN_CONTEXT = "system.PipelineRun"
KUBEFLOW_TASK = "task_name"

# properties of a slice's artifact
SLICE_KEY = "slice_key"
SLICE = "slice"
EXAMPLE_COUNT = "example_count"
EXAMPLE_WEIGHT = "example_weight"
METRICS = "metrics"
# the name of a slice's row, where one artifact holds all slices, begins so
SLICE_ROW = "slice "
# in that artifact's file: its slices
SLICES = "slices"

# properties of an evaluation's artifact
SLICE_COUNT = "slice_count"
TRACKED_SLICE_COUNT = "tracked_slice_count"
NOT_TRACKED = "not_tracked"
SUMMARY = "summary"
TRACKED = "tracked"
VERDICT = "verdict"
REASONS = "reasons"
# ISO 8601, in UTC; only where it is not the time of recording
EVALUATED_AT = "evaluated_at"

# ML Metadata stores a double with so many decimals.
DECIMALS = 6


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What was evaluated on what, by whom: each field is a property of its name, if it is known.

    Attributes:
        model_uri: URI of the model artifact.
        model_id: Its id in ML Metadata.
        model_digest: Fingerprint of the EvalSavedModel's files.
        baseline_model_uri: URI of the model that it was compared with.
        baseline_model_id: Its id.
        data_uri: URI of the examples; of several artifacts, separated by commas.
        data_id: Their ids.
        data_digest: Fingerprint of the evaluated files.
        span: Their spans.
        data_version: Their versions within the span.
        split: The evaluated splits.
        config_digest: Fingerprint of the config, without what it says of tracking, and of the
            module file.
        evaluation_uri: Where the result files are.
        component_id: The pipeline's node that evaluated.
        pipeline_name: Its pipeline.
        pipeline_run: Its run; only the local runner and Kubeflow v1 tell it.
        microtome_version: The program's version.
    """

    model_uri: str = ""
    model_id: str = ""
    model_digest: str = ""
    baseline_model_uri: str = ""
    baseline_model_id: str = ""
    data_uri: str = ""
    data_id: str = ""
    data_digest: str = ""
    span: str = ""
    data_version: str = ""
    split: str = ""
    config_digest: str = ""
    evaluation_uri: str = ""
    component_id: str = ""
    pipeline_name: str = ""
    pipeline_run: str = ""
    microtome_version: str = ""


PROVENANCE = tuple(field.name for field in dataclasses.fields(Provenance))

_RESERVED = {
    # TFX's own
    *("name", "state", "producer_component", "is_external", "tfx_version"),
    *(SLICE_KEY, SLICE, EXAMPLE_COUNT, EXAMPLE_WEIGHT, METRICS, SLICES),
    *(SLICE_COUNT, TRACKED_SLICE_COUNT, NOT_TRACKED, SUMMARY, TRACKED, VERDICT, REASONS),
    EVALUATED_AT,
    *PROVENANCE,
}


def property_name(metric: str) -> str:
    """The property that a metric's number stands in: its name, unless that has another meaning."""
    return f"metric/{metric}" if metric in _RESERVED else metric
