"""The pipeline: ingest, train, and evaluate on the hold-out and on the month that followed."""

from __future__ import annotations

import hashlib
import importlib.util
import pathlib
from collections.abc import Sequence

from ml_metadata.proto import metadata_store_pb2
from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
from tfx.components.trainer.component import Trainer
from tfx.orchestration import pipeline
from tfx.proto import example_gen_pb2, trainer_pb2

from microtome.component import SlicedEvaluator, last_evaluations
from microtome.pipelines.flights import data
from microtome.proto import config_pb2

# With hyphens: Kubeflow hands the names to Argo, which takes neither dots nor underscores.
HOLD_OUT_EVALUATOR = "SlicedEvaluator-hold-out"
NEXT_MONTH_EVALUATOR = "SlicedEvaluator-next-month"

TRAIN_STEPS = 400

SLICES = (
    (),
    ("carrier",),
    ("origin",),
    ("dest",),
    ("hour",),
    ("month",),
    ("haul",),
    ("origin", "carrier"),
)

# No slice of so many flights may fall more than 2 % below its best of the last five runs.
HISTORY_CHECK = config_pb2.HistoryCheck(
    metric="auc",
    reference=config_pb2.HistoryCheck.BEST,
    max_relative_drop={"value": 0.02},
    min_examples=500,
)
HISTORY_RUNS = 5

_TRAINER = "microtome.pipelines.flights.trainer"


def eval_config(
    publish: config_pb2.Tracking.Publish = config_pb2.Tracking.PER_SLICE,
    history_checks: Sequence[config_pb2.HistoryCheck] = (),
) -> config_pb2.EvalConfig:
    """Every slice of `SLICES`; all of a single feature, and the overall one, are tracked."""
    return config_pb2.EvalConfig(
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=columns) for columns in SLICES],
        tracking=config_pb2.Tracking(publish=publish, history_checks=history_checks),
    )


def input_config() -> example_gen_pb2.Input:
    """The splits of a span, as `data.write_span` writes them."""
    return example_gen_pb2.Input(
        splits=[
            example_gen_pb2.Input.Split(name=split, pattern=f"span-{{SPAN}}/{split}/*")
            for split in data.SPLITS
        ]
    )


def create_pipeline(
    name: str,
    root: str,
    data_root: str,
    *,
    train_steps: int = TRAIN_STEPS,
    publish: config_pb2.Tracking.Publish = config_pb2.Tracking.PER_SLICE,
    history: bool = True,
    metadata_connection_config: metadata_store_pb2.ConnectionConfig | None = None,
    beam_pipeline_args: list[str] | None = None,
) -> pipeline.Pipeline:
    """Builds the pipeline for any orchestrator.

    Args:
        name: The pipeline's name, by which its runs are found in ML Metadata.
        root: Folder for all that the components write.
        data_root: Folder of the spans that `data.write_span` writes; each run takes the newest.
        train_steps: Batches of 512 rows that the model is trained on.
        publish: One artifact a tracked slice, or a single one, as Kubeflow v2 needs.
        history: Whether the evaluation on the next month is held against those of earlier runs;
            Kubeflow v2 cannot.
        metadata_connection_config: Where ML Metadata is; None if the orchestrator knows.
        beam_pipeline_args: Arguments for all Beam pipelines.
    """
    examples = ImportExampleGen(input_base=data_root, input_config=input_config())
    trainer = Trainer(
        examples=examples.outputs["examples"],
        train_args=trainer_pb2.TrainArgs(splits=[data.TRAIN], num_steps=train_steps),
        eval_args=trainer_pb2.EvalArgs(splits=[data.EVAL]),
        # By its name in the installed package, which every orchestrator has: no wheel must be
        # built and installed. Its digest makes a changed trainer a changed input to TFX's cache.
        run_fn=f"{_TRAINER}.run_fn",
        custom_config={"trainer_digest": source_digest(_TRAINER)},
    )
    hold_out = SlicedEvaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        eval_config=eval_config(publish),
        example_splits=[data.EVAL],
    ).with_id(HOLD_OUT_EVALUATOR)
    past = last_evaluations(
        HISTORY_RUNS,
        NEXT_MONTH_EVALUATOR,
        model=trainer.outputs["model"],
        examples=examples.outputs["examples"],
    )
    next_month = SlicedEvaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        eval_config=eval_config(publish, [HISTORY_CHECK] if history else []),
        example_splits=[data.NEXT_MONTH],
        history=past.outputs["history"] if history else None,
    ).with_id(NEXT_MONTH_EVALUATOR)
    return pipeline.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[examples, trainer, hold_out, *([past] if history else []), next_month],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


def source_digest(*modules: str) -> str:
    """A digest of the source of modules that are named to TFX, which does not read them."""
    digest = hashlib.sha256()
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        digest.update(pathlib.Path(spec.origin).read_bytes())
    return digest.hexdigest()
