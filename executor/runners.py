"""Beam's runners: making a pipeline of the one that is asked for, and which are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam

from microtome.errors import ConfigError

_DASK = (
    "Apache Beam's DaskRunner is refused: it silently loses data (seen in Beam 2.65: what a bundle "
    "hands on at its end, side outputs, and all branches of a pipeline but the last), so that "
    "metrics would be wrong without a word. Use the DirectRunner (with "
    "--direct_running_mode=multi_processing on one machine), Flink or Spark; see docs/engines.md."
)


def make_pipeline(factory: Callable[[], beam.Pipeline]) -> beam.Pipeline:
    """The pipeline that the factory makes.

    Raises:
        ConfigError: Beam does not know the runner, or needs other options for it, or it is one
            that would give wrong results.
    """
    try:
        pipeline = factory()
    except (ValueError, ImportError) as error:
        if "dask" in str(error).lower():
            raise ConfigError(_DASK) from error
        raise ConfigError(
            f"Apache Beam cannot make a pipeline of these options: {error}\nThey stand after `--` "
            "on the command line, in `pipeline_options` of run_model_analysis, or in "
            "`beam_pipeline_args` of a TFX pipeline; see docs/engines.md."
        ) from error
    check_runner(pipeline.runner)
    return pipeline


def check_runner(runner: Any) -> None:
    """Checks the runner of a pipeline.

    Raises:
        ConfigError: it is one that would give wrong results.
    """
    if any(cls.__module__.startswith("apache_beam.runners.dask") for cls in type(runner).__mro__):
        raise ConfigError(_DASK)
