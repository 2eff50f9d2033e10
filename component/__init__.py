"""What the author of a TFX pipeline imports: the component, its artifact type, its history."""

try:
    import tfx as _tfx  # noqa: F401
except ImportError as error:
    raise ImportError(
        "microtome.component needs TFX, which is not installed: pip install 'microtome[tfx]'. "
        "Without TFX, microtome.run_model_analysis writes the same result files."
    ) from error

from microtome.component.artifacts import SlicedMetrics
from microtome.component.component import SlicedEvaluator
from microtome.component.history import LastEvaluationsStrategy, last_evaluations
from microtome.component.spec import SlicedEvaluatorSpec
from microtome.component.visualization import register

register()

__all__ = [
    "LastEvaluationsStrategy",
    "SlicedEvaluator",
    "SlicedEvaluatorSpec",
    "SlicedMetrics",
    "last_evaluations",
]
