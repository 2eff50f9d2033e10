"""Records as DataFrames, under the name that TFMA gave their module."""

from microtome.results.dataframes import (
    MetricsDataFrames,
    PlotsDataFrames,
    auto_pivot,
    metrics_as_dataframes,
    plots_as_dataframes,
)

__all__ = [
    "MetricsDataFrames",
    "PlotsDataFrames",
    "auto_pivot",
    "metrics_as_dataframes",
    "plots_as_dataframes",
]
