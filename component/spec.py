"""What `SlicedEvaluator` takes and gives."""

from typing import ClassVar

from tfx.types import component_spec, standard_artifacts, system_executions

from microtome.component import artifacts
from microtome.executor import keys
from microtome.proto import config_pb2


class SlicedEvaluatorSpec(component_spec.ComponentSpec):
    """The component's parameters, inputs and outputs.

    Parameters arrive in the executor as strings: the config as JSON with sorted keys (so that
    equal configs are equal to TFX's cache), the splits as a JSON list. Microtome's version is a
    parameter because TFX's cache key holds no code: results of another version are not taken for
    results of this one. So is, for the same reason, the digest of what stands in the module file.
    """

    PARAMETERS: ClassVar = {
        keys.EVAL_CONFIG: component_spec.ExecutionParameter(type=config_pb2.EvalConfig),
        keys.EXAMPLE_SPLITS: component_spec.ExecutionParameter(type=str),
        keys.MICROTOME_VERSION: component_spec.ExecutionParameter(type=str),
        keys.MODULE_FILE: component_spec.ExecutionParameter(type=str, optional=True),
        keys.MODULE_PATH: component_spec.ExecutionParameter(type=str, optional=True),
        keys.MODULE_DIGEST: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS: ClassVar = {
        keys.EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        keys.MODEL: component_spec.ChannelParameter(type=standard_artifacts.Model),
        keys.BASELINE_MODEL: component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        keys.SCHEMA: component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
        keys.HISTORY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelEvaluation, optional=True
        ),
    }
    OUTPUTS: ClassVar = {
        keys.EVALUATION: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        keys.BLESSING: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        keys.SLICED_METRICS: component_spec.ChannelParameter(type=artifacts.SlicedMetrics),
    }
    TYPE_ANNOTATION = system_executions.Evaluate
