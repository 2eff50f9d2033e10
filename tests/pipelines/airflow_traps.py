"""DAGs of a single evaluation each, for what goes wrong on Airflow; tests link it as a DAG file."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.common import importer
from tfx.orchestration import data_types, pipeline
from tfx.types import standard_artifacts

from microtome.component import SlicedEvaluator, last_evaluations
from microtome.component.airflow_dag import make_dag
from microtome.tracking.stores import connection_config

HOME = pathlib.Path(os.environ["MICROTOME_TRAPS"])
NODE = "SlicedEvaluator"
SLICES = [{}, {"feature_keys": ["country"]}]
# what Airflow would render to 2, and drop
TEMPLATES = ["{{ 1 + 1 }}", "{% if no %}dropped{% endif %}"]
MARKED = [*SLICES, *({"feature_values": {"country": text}} for text in TEMPLATES)]

# what ML Metadata cannot take to PostgreSQL as it is: in JSON it has backslashes, and it is long
_LONG = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(100)]
ODD = [{"feature_values": {"country": text}} for text in ("Zürich", 'say "ja"', *_LONG)]


def evaluation_dag(
    name: str,
    config: Any,
    *,
    examples: str = "examples",
    of_pipeline: Sequence[str] = (),
    of_node: Sequence[Any] = (),
    metadata: str | None = os.environ["MICROTOME_METADATA"],
    **arguments: Any,
) -> Any:
    """A DAG of one evaluation and its history; its data and model are imported."""
    imported = {
        key: importer.Importer(
            source_uri=str(HOME / folder), artifact_type=of_type, properties=properties
        ).with_id(key)
        for key, folder, of_type, properties in (
            ("model", "model", standard_artifacts.Model, {}),
            ("examples", examples, standard_artifacts.Examples, {"split_names": '["eval"]'}),
        )
    }
    inputs = {key: node.outputs["result"] for key, node in imported.items()}
    history = last_evaluations(2, NODE, **inputs)
    evaluator = SlicedEvaluator(
        **inputs, eval_config=config, history=history.outputs["history"]
    ).with_beam_pipeline_args(of_node)
    return make_dag(
        pipeline.Pipeline(
            pipeline_name=name,
            pipeline_root=str(HOME / "root" / name),
            components=[*imported.values(), history, evaluator],
            enable_cache=True,
            metadata_connection_config=None if metadata is None else connection_config(metadata),
            beam_pipeline_args=list(of_pipeline),
        ),
        schedule=None,
        start_date=datetime.datetime(2024, 1, 1),
        catchup=False,
        **arguments,
    )


def _bring_examples(context: Any) -> None:
    os.replace(HOME / "late" / "Split-eval", HOME / "missing" / "Split-eval")


templates = evaluation_dag("templates", {"slicing_specs": MARKED})
parameter = evaluation_dag(
    "parameter",
    data_types.RuntimeParameter(
        name="eval_config", ptype=str, default=json.dumps({"slicing_specs": MARKED})
    ),
    default_args={"retries": 3, "retry_delay": datetime.timedelta(0)},
)
runner = evaluation_dag(
    "runner",
    {"slicing_specs": SLICES},
    of_pipeline=["--runner=DirectRunner"],
    of_node=["--runner=NoSuchRunner"],
)
retried = evaluation_dag(
    "retried",
    {"slicing_specs": SLICES},
    examples="missing",
    default_args={
        "retries": 1,
        "retry_delay": datetime.timedelta(0),
        "on_retry_callback": _bring_examples,
    },
)
odd = evaluation_dag("odd", {"slicing_specs": [*SLICES, *ODD]})
