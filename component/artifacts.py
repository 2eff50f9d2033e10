"""The artifact type under which sliced metrics stand in ML Metadata."""

from tfx.types import artifact, system_artifacts


class SlicedMetrics(artifact.Artifact):
    """The metrics of one slice (or of all tracked slices) of one evaluation.

    Everything stands in custom properties, because Kubeflow v2 knows no typed properties of
    custom types; their names are constants of `microtome.executor.publish`, where their meaning
    is told. The same, at full precision, stands as JSON in `metrics.json` under the artifact's
    URI.

    Example:
        ```python
        for artifact in store.get_artifacts_by_type(SlicedMetrics.TYPE_NAME):
            properties = artifact.custom_properties
            print(properties["slice_key"].string_value, properties["accuracy"].double_value)
        ```
    """

    # <package>.<class>: Kubeflow's container imports the type by this very name.
    TYPE_NAME = "microtome.SlicedMetrics"
    TYPE_ANNOTATION = system_artifacts.Metrics
