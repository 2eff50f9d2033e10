from google.protobuf import wrappers_pb2 as _wrappers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
HIGHER_IS_BETTER: MetricDirection
LOWER_IS_BETTER: MetricDirection
UNKNOWN: MetricDirection

class AggregationOptions(_message.Message):
    __slots__ = ["class_weights", "macro_average", "micro_average", "top_k_list", "weighted_macro_average"]
    class ClassWeightsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: float
        def __init__(self, key: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...
    CLASS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    MACRO_AVERAGE_FIELD_NUMBER: _ClassVar[int]
    MICRO_AVERAGE_FIELD_NUMBER: _ClassVar[int]
    TOP_K_LIST_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_MACRO_AVERAGE_FIELD_NUMBER: _ClassVar[int]
    class_weights: _containers.ScalarMap[int, float]
    macro_average: bool
    micro_average: bool
    top_k_list: RepeatedInt32Value
    weighted_macro_average: bool
    def __init__(self, micro_average: bool = ..., macro_average: bool = ..., weighted_macro_average: bool = ..., class_weights: _Optional[_Mapping[int, float]] = ..., top_k_list: _Optional[_Union[RepeatedInt32Value, _Mapping]] = ...) -> None: ...

class BinarizationOptions(_message.Message):
    __slots__ = ["class_ids", "k_list", "top_k_list"]
    CLASS_IDS_FIELD_NUMBER: _ClassVar[int]
    K_LIST_FIELD_NUMBER: _ClassVar[int]
    TOP_K_LIST_FIELD_NUMBER: _ClassVar[int]
    class_ids: RepeatedInt32Value
    k_list: RepeatedInt32Value
    top_k_list: RepeatedInt32Value
    def __init__(self, class_ids: _Optional[_Union[RepeatedInt32Value, _Mapping]] = ..., k_list: _Optional[_Union[RepeatedInt32Value, _Mapping]] = ..., top_k_list: _Optional[_Union[RepeatedInt32Value, _Mapping]] = ...) -> None: ...

class BucketEdges(_message.Message):
    __slots__ = ["edges"]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    edges: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, edges: _Optional[_Iterable[float]] = ...) -> None: ...

class ConfidenceIntervalOptions(_message.Message):
    __slots__ = ["closed_forms", "level", "method", "num_replicates", "seed"]
    class ConfidenceIntervalMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    CLOSED_FORMS_FIELD_NUMBER: _ClassVar[int]
    JACKKNIFE: ConfidenceIntervalOptions.ConfidenceIntervalMethod
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    NUM_REPLICATES_FIELD_NUMBER: _ClassVar[int]
    POISSON_BOOTSTRAP: ConfidenceIntervalOptions.ConfidenceIntervalMethod
    SEED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_CONFIDENCE_INTERVAL_METHOD: ConfidenceIntervalOptions.ConfidenceIntervalMethod
    closed_forms: _wrappers_pb2.BoolValue
    level: float
    method: ConfidenceIntervalOptions.ConfidenceIntervalMethod
    num_replicates: int
    seed: int
    def __init__(self, method: _Optional[_Union[ConfidenceIntervalOptions.ConfidenceIntervalMethod, str]] = ..., level: _Optional[float] = ..., num_replicates: _Optional[int] = ..., seed: _Optional[int] = ..., closed_forms: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ...) -> None: ...

class CrossSliceMetricThreshold(_message.Message):
    __slots__ = ["cross_slicing_specs", "threshold"]
    CROSS_SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    cross_slicing_specs: _containers.RepeatedCompositeFieldContainer[CrossSlicingSpec]
    threshold: MetricThreshold
    def __init__(self, cross_slicing_specs: _Optional[_Iterable[_Union[CrossSlicingSpec, _Mapping]]] = ..., threshold: _Optional[_Union[MetricThreshold, _Mapping]] = ...) -> None: ...

class CrossSliceMetricThresholds(_message.Message):
    __slots__ = ["thresholds"]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    thresholds: _containers.RepeatedCompositeFieldContainer[CrossSliceMetricThreshold]
    def __init__(self, thresholds: _Optional[_Iterable[_Union[CrossSliceMetricThreshold, _Mapping]]] = ...) -> None: ...

class CrossSlicingSpec(_message.Message):
    __slots__ = ["baseline_spec", "slicing_specs"]
    BASELINE_SPEC_FIELD_NUMBER: _ClassVar[int]
    SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    baseline_spec: SlicingSpec
    slicing_specs: _containers.RepeatedCompositeFieldContainer[SlicingSpec]
    def __init__(self, baseline_spec: _Optional[_Union[SlicingSpec, _Mapping]] = ..., slicing_specs: _Optional[_Iterable[_Union[SlicingSpec, _Mapping]]] = ...) -> None: ...

class EvalConfig(_message.Message):
    __slots__ = ["cross_slicing_specs", "metrics_specs", "model_specs", "options", "slicing_specs", "tracking", "validation"]
    CROSS_SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    METRICS_SPECS_FIELD_NUMBER: _ClassVar[int]
    MODEL_SPECS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    TRACKING_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    cross_slicing_specs: _containers.RepeatedCompositeFieldContainer[CrossSlicingSpec]
    metrics_specs: _containers.RepeatedCompositeFieldContainer[MetricsSpec]
    model_specs: _containers.RepeatedCompositeFieldContainer[ModelSpec]
    options: Options
    slicing_specs: _containers.RepeatedCompositeFieldContainer[SlicingSpec]
    tracking: Tracking
    validation: Validation
    def __init__(self, model_specs: _Optional[_Iterable[_Union[ModelSpec, _Mapping]]] = ..., slicing_specs: _Optional[_Iterable[_Union[SlicingSpec, _Mapping]]] = ..., cross_slicing_specs: _Optional[_Iterable[_Union[CrossSlicingSpec, _Mapping]]] = ..., metrics_specs: _Optional[_Iterable[_Union[MetricsSpec, _Mapping]]] = ..., options: _Optional[_Union[Options, _Mapping]] = ..., tracking: _Optional[_Union[Tracking, _Mapping]] = ..., validation: _Optional[_Union[Validation, _Mapping]] = ...) -> None: ...

class EvalRun(_message.Message):
    __slots__ = ["data_location", "eval_config", "file_format", "model_locations", "version"]
    class ModelLocationsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DATA_LOCATION_FIELD_NUMBER: _ClassVar[int]
    EVAL_CONFIG_FIELD_NUMBER: _ClassVar[int]
    FILE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    MODEL_LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    data_location: str
    eval_config: EvalConfig
    file_format: str
    model_locations: _containers.ScalarMap[str, str]
    version: str
    def __init__(self, eval_config: _Optional[_Union[EvalConfig, _Mapping]] = ..., version: _Optional[str] = ..., data_location: _Optional[str] = ..., file_format: _Optional[str] = ..., model_locations: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ExampleWeightOptions(_message.Message):
    __slots__ = ["unweighted", "weighted"]
    UNWEIGHTED_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_FIELD_NUMBER: _ClassVar[int]
    unweighted: bool
    weighted: bool
    def __init__(self, weighted: bool = ..., unweighted: bool = ...) -> None: ...

class GenericChangeThreshold(_message.Message):
    __slots__ = ["absolute", "direction", "relative"]
    ABSOLUTE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_FIELD_NUMBER: _ClassVar[int]
    absolute: _wrappers_pb2.DoubleValue
    direction: MetricDirection
    relative: _wrappers_pb2.DoubleValue
    def __init__(self, absolute: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., relative: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., direction: _Optional[_Union[MetricDirection, str]] = ...) -> None: ...

class GenericValueThreshold(_message.Message):
    __slots__ = ["lower_bound", "upper_bound"]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    UPPER_BOUND_FIELD_NUMBER: _ClassVar[int]
    lower_bound: _wrappers_pb2.DoubleValue
    upper_bound: _wrappers_pb2.DoubleValue
    def __init__(self, lower_bound: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., upper_bound: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ...) -> None: ...

class HistoryCheck(_message.Message):
    __slots__ = ["higher_is_better", "last_runs", "max_absolute_drop", "max_relative_drop", "metric", "min_examples", "reference", "slicing_specs"]
    class Reference(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BEST: HistoryCheck.Reference
    HIGHER_IS_BETTER_FIELD_NUMBER: _ClassVar[int]
    LAST_RUNS_FIELD_NUMBER: _ClassVar[int]
    LATEST_BLESSED: HistoryCheck.Reference
    MAX_ABSOLUTE_DROP_FIELD_NUMBER: _ClassVar[int]
    MAX_RELATIVE_DROP_FIELD_NUMBER: _ClassVar[int]
    MEAN: HistoryCheck.Reference
    METRIC_FIELD_NUMBER: _ClassVar[int]
    MIN_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS: HistoryCheck.Reference
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    higher_is_better: _wrappers_pb2.BoolValue
    last_runs: int
    max_absolute_drop: _wrappers_pb2.DoubleValue
    max_relative_drop: _wrappers_pb2.DoubleValue
    metric: str
    min_examples: int
    reference: HistoryCheck.Reference
    slicing_specs: _containers.RepeatedCompositeFieldContainer[SlicingSpec]
    def __init__(self, metric: _Optional[str] = ..., reference: _Optional[_Union[HistoryCheck.Reference, str]] = ..., last_runs: _Optional[int] = ..., max_relative_drop: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., max_absolute_drop: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., higher_is_better: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ..., slicing_specs: _Optional[_Iterable[_Union[SlicingSpec, _Mapping]]] = ..., min_examples: _Optional[int] = ...) -> None: ...

class MetricConfig(_message.Message):
    __slots__ = ["class_name", "config", "cross_slice_thresholds", "module", "per_slice_thresholds", "threshold"]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CROSS_SLICE_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    PER_SLICE_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    class_name: str
    config: str
    cross_slice_thresholds: _containers.RepeatedCompositeFieldContainer[CrossSliceMetricThreshold]
    module: str
    per_slice_thresholds: _containers.RepeatedCompositeFieldContainer[PerSliceMetricThreshold]
    threshold: MetricThreshold
    def __init__(self, class_name: _Optional[str] = ..., module: _Optional[str] = ..., config: _Optional[str] = ..., threshold: _Optional[_Union[MetricThreshold, _Mapping]] = ..., per_slice_thresholds: _Optional[_Iterable[_Union[PerSliceMetricThreshold, _Mapping]]] = ..., cross_slice_thresholds: _Optional[_Iterable[_Union[CrossSliceMetricThreshold, _Mapping]]] = ...) -> None: ...

class MetricThreshold(_message.Message):
    __slots__ = ["change_threshold", "value_threshold", "whole_interval"]
    CHANGE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    VALUE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    WHOLE_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    change_threshold: GenericChangeThreshold
    value_threshold: GenericValueThreshold
    whole_interval: bool
    def __init__(self, value_threshold: _Optional[_Union[GenericValueThreshold, _Mapping]] = ..., change_threshold: _Optional[_Union[GenericChangeThreshold, _Mapping]] = ..., whole_interval: bool = ...) -> None: ...

class MetricsSpec(_message.Message):
    __slots__ = ["aggregate", "binarize", "cross_slice_thresholds", "example_weights", "metrics", "model_names", "output_names", "output_weights", "per_slice_thresholds", "query_key", "thresholds"]
    class CrossSliceThresholdsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: CrossSliceMetricThresholds
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[CrossSliceMetricThresholds, _Mapping]] = ...) -> None: ...
    class OutputWeightsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class PerSliceThresholdsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: PerSliceMetricThresholds
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[PerSliceMetricThresholds, _Mapping]] = ...) -> None: ...
    class ThresholdsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: MetricThreshold
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[MetricThreshold, _Mapping]] = ...) -> None: ...
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    BINARIZE_FIELD_NUMBER: _ClassVar[int]
    CROSS_SLICE_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NAMES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    PER_SLICE_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    QUERY_KEY_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    aggregate: AggregationOptions
    binarize: BinarizationOptions
    cross_slice_thresholds: _containers.MessageMap[str, CrossSliceMetricThresholds]
    example_weights: ExampleWeightOptions
    metrics: _containers.RepeatedCompositeFieldContainer[MetricConfig]
    model_names: _containers.RepeatedScalarFieldContainer[str]
    output_names: _containers.RepeatedScalarFieldContainer[str]
    output_weights: _containers.ScalarMap[str, float]
    per_slice_thresholds: _containers.MessageMap[str, PerSliceMetricThresholds]
    query_key: str
    thresholds: _containers.MessageMap[str, MetricThreshold]
    def __init__(self, metrics: _Optional[_Iterable[_Union[MetricConfig, _Mapping]]] = ..., model_names: _Optional[_Iterable[str]] = ..., output_names: _Optional[_Iterable[str]] = ..., output_weights: _Optional[_Mapping[str, float]] = ..., binarize: _Optional[_Union[BinarizationOptions, _Mapping]] = ..., aggregate: _Optional[_Union[AggregationOptions, _Mapping]] = ..., example_weights: _Optional[_Union[ExampleWeightOptions, _Mapping]] = ..., query_key: _Optional[str] = ..., thresholds: _Optional[_Mapping[str, MetricThreshold]] = ..., per_slice_thresholds: _Optional[_Mapping[str, PerSliceMetricThresholds]] = ..., cross_slice_thresholds: _Optional[_Mapping[str, CrossSliceMetricThresholds]] = ...) -> None: ...

class ModelSpec(_message.Message):
    __slots__ = ["example_weight_key", "example_weight_keys", "inference_batch_size", "is_baseline", "label_key", "label_keys", "model_type", "name", "padding_options", "prediction_key", "prediction_keys", "preprocessing_function_names", "signature_name"]
    class ExampleWeightKeysEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class LabelKeysEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class PredictionKeysEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXAMPLE_WEIGHT_KEYS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_WEIGHT_KEY_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    IS_BASELINE_FIELD_NUMBER: _ClassVar[int]
    LABEL_KEYS_FIELD_NUMBER: _ClassVar[int]
    LABEL_KEY_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PADDING_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_KEYS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_KEY_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FUNCTION_NAMES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_NAME_FIELD_NUMBER: _ClassVar[int]
    example_weight_key: str
    example_weight_keys: _containers.ScalarMap[str, str]
    inference_batch_size: int
    is_baseline: bool
    label_key: str
    label_keys: _containers.ScalarMap[str, str]
    model_type: str
    name: str
    padding_options: PaddingOptions
    prediction_key: str
    prediction_keys: _containers.ScalarMap[str, str]
    preprocessing_function_names: _containers.RepeatedScalarFieldContainer[str]
    signature_name: str
    def __init__(self, name: _Optional[str] = ..., model_type: _Optional[str] = ..., signature_name: _Optional[str] = ..., preprocessing_function_names: _Optional[_Iterable[str]] = ..., label_key: _Optional[str] = ..., label_keys: _Optional[_Mapping[str, str]] = ..., prediction_key: _Optional[str] = ..., prediction_keys: _Optional[_Mapping[str, str]] = ..., example_weight_key: _Optional[str] = ..., example_weight_keys: _Optional[_Mapping[str, str]] = ..., is_baseline: bool = ..., padding_options: _Optional[_Union[PaddingOptions, _Mapping]] = ..., inference_batch_size: _Optional[int] = ...) -> None: ...

class Options(_message.Message):
    __slots__ = ["batch_size", "compute_confidence_intervals", "confidence_intervals", "disabled_outputs", "include_default_metrics", "min_slice_size"]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_CONFIDENCE_INTERVALS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_INTERVALS_FIELD_NUMBER: _ClassVar[int]
    DISABLED_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DEFAULT_METRICS_FIELD_NUMBER: _ClassVar[int]
    MIN_SLICE_SIZE_FIELD_NUMBER: _ClassVar[int]
    batch_size: int
    compute_confidence_intervals: _wrappers_pb2.BoolValue
    confidence_intervals: ConfidenceIntervalOptions
    disabled_outputs: RepeatedStringValue
    include_default_metrics: _wrappers_pb2.BoolValue
    min_slice_size: _wrappers_pb2.Int32Value
    def __init__(self, include_default_metrics: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ..., compute_confidence_intervals: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ..., confidence_intervals: _Optional[_Union[ConfidenceIntervalOptions, _Mapping]] = ..., min_slice_size: _Optional[_Union[_wrappers_pb2.Int32Value, _Mapping]] = ..., disabled_outputs: _Optional[_Union[RepeatedStringValue, _Mapping]] = ..., batch_size: _Optional[int] = ...) -> None: ...

class PaddingOptions(_message.Message):
    __slots__ = ["label_float_padding", "label_int_padding", "prediction_float_padding", "prediction_int_padding"]
    LABEL_FLOAT_PADDING_FIELD_NUMBER: _ClassVar[int]
    LABEL_INT_PADDING_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FLOAT_PADDING_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_INT_PADDING_FIELD_NUMBER: _ClassVar[int]
    label_float_padding: float
    label_int_padding: int
    prediction_float_padding: float
    prediction_int_padding: int
    def __init__(self, label_int_padding: _Optional[int] = ..., label_float_padding: _Optional[float] = ..., prediction_int_padding: _Optional[int] = ..., prediction_float_padding: _Optional[float] = ...) -> None: ...

class PerSliceMetricThreshold(_message.Message):
    __slots__ = ["slicing_specs", "threshold"]
    SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    slicing_specs: _containers.RepeatedCompositeFieldContainer[SlicingSpec]
    threshold: MetricThreshold
    def __init__(self, slicing_specs: _Optional[_Iterable[_Union[SlicingSpec, _Mapping]]] = ..., threshold: _Optional[_Union[MetricThreshold, _Mapping]] = ...) -> None: ...

class PerSliceMetricThresholds(_message.Message):
    __slots__ = ["thresholds"]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    thresholds: _containers.RepeatedCompositeFieldContainer[PerSliceMetricThreshold]
    def __init__(self, thresholds: _Optional[_Iterable[_Union[PerSliceMetricThreshold, _Mapping]]] = ...) -> None: ...

class RepeatedInt32Value(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class RepeatedStringValue(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class SlicingSpec(_message.Message):
    __slots__ = ["buckets", "feature_keys", "feature_values", "slice_keys_sql"]
    class BucketsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: BucketEdges
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[BucketEdges, _Mapping]] = ...) -> None: ...
    class FeatureValuesEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_KEYS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_VALUES_FIELD_NUMBER: _ClassVar[int]
    SLICE_KEYS_SQL_FIELD_NUMBER: _ClassVar[int]
    buckets: _containers.MessageMap[str, BucketEdges]
    feature_keys: _containers.RepeatedScalarFieldContainer[str]
    feature_values: _containers.ScalarMap[str, str]
    slice_keys_sql: str
    def __init__(self, feature_keys: _Optional[_Iterable[str]] = ..., feature_values: _Optional[_Mapping[str, str]] = ..., slice_keys_sql: _Optional[str] = ..., buckets: _Optional[_Mapping[str, BucketEdges]] = ...) -> None: ...

class Tracking(_message.Message):
    __slots__ = ["history_checks", "max_slices", "metrics", "on_history_failure", "publish", "slicing_specs"]
    class OnHistoryFailure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class Publish(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    FAIL: Tracking.OnHistoryFailure
    HISTORY_CHECKS_FIELD_NUMBER: _ClassVar[int]
    MAX_SLICES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ON_HISTORY_FAILURE_FIELD_NUMBER: _ClassVar[int]
    PER_SLICE: Tracking.Publish
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    REPORT: Tracking.OnHistoryFailure
    SINGLE: Tracking.Publish
    SLICING_SPECS_FIELD_NUMBER: _ClassVar[int]
    history_checks: _containers.RepeatedCompositeFieldContainer[HistoryCheck]
    max_slices: int
    metrics: _containers.RepeatedScalarFieldContainer[str]
    on_history_failure: Tracking.OnHistoryFailure
    publish: Tracking.Publish
    slicing_specs: _containers.RepeatedCompositeFieldContainer[SlicingSpec]
    def __init__(self, slicing_specs: _Optional[_Iterable[_Union[SlicingSpec, _Mapping]]] = ..., max_slices: _Optional[int] = ..., metrics: _Optional[_Iterable[str]] = ..., publish: _Optional[_Union[Tracking.Publish, str]] = ..., history_checks: _Optional[_Iterable[_Union[HistoryCheck, _Mapping]]] = ..., on_history_failure: _Optional[_Union[Tracking.OnHistoryFailure, str]] = ...) -> None: ...

class Validation(_message.Message):
    __slots__ = ["on_missing_baseline"]
    class OnMissingBaseline(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BLESS: Validation.OnMissingBaseline
    BLOCK: Validation.OnMissingBaseline
    ON_MISSING_BASELINE_FIELD_NUMBER: _ClassVar[int]
    VALUE_THRESHOLDS_ONLY: Validation.OnMissingBaseline
    on_missing_baseline: Validation.OnMissingBaseline
    def __init__(self, on_missing_baseline: _Optional[_Union[Validation.OnMissingBaseline, str]] = ...) -> None: ...

class MetricDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
