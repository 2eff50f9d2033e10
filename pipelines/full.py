"""The whole way of a model, once, here: from examples to a pushed model that serves.

    python -m microtome.pipelines.full --data data --root pipeline

reads the newest span of `data` (see `microtome.pipelines.flights.data`); transforms it with
TensorFlow Transform, trains an Estimator on what came of it, evaluates that with `SlicedEvaluator`
and, if it is blessed, pushes it to `pipeline/serving`, from where TensorFlow Serving takes it.
"""

from __future__ import annotations

import argparse
import os

from ml_metadata.proto import metadata_store_pb2
from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local import local_dag_runner
from tfx.proto import pusher_pb2, trainer_pb2, transform_pb2

from microtome.component import SlicedEvaluator
from microtome.pipelines import local
from microtome.pipelines.flights import data, transform
from microtome.pipelines.flights import pipeline as flights_pipeline
from microtome.proto import config_pb2

PIPELINE_NAME = "flights-full"
SERVING_FOLDER = "serving"
# some four of five flights are not late
MIN_ACCURACY = 0.6

# the columns of each slicing: raw features, transformed ones, the label, and crosses of these
SLICES = (
    (),
    ("carrier",),
    ("origin",),
    ("month",),
    (transform.bucket_name("distance"),),
    (transform.transformed_name(transform.LABEL),),
    ("origin", transform.bucket_name("departure")),
)

_TRANSFORM = "microtome.pipelines.flights.transform"
_TRAINER = "microtome.pipelines.flights.transformed_trainer"
_SHARED = "microtome.pipelines.flights.trainer"


def eval_config(
    publish: config_pb2.Tracking.Publish = config_pb2.Tracking.PER_SLICE,
) -> config_pb2.EvalConfig:
    """Every slice of `SLICES`; the model is good if it is right about most flights."""
    overall = config_pb2.PerSliceMetricThresholds(
        thresholds=[
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[config_pb2.SlicingSpec()],
                threshold=config_pb2.MetricThreshold(
                    value_threshold=config_pb2.GenericValueThreshold(
                        lower_bound={"value": MIN_ACCURACY}
                    )
                ),
            )
        ]
    )
    return config_pb2.EvalConfig(
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=columns) for columns in SLICES],
        metrics_specs=[config_pb2.MetricsSpec(per_slice_thresholds={"accuracy": overall})],
        tracking=config_pb2.Tracking(publish=publish),
    )


def create_pipeline(
    name: str,
    root: str,
    data_root: str,
    serving_root: str,
    *,
    train_steps: int = flights_pipeline.TRAIN_STEPS,
    publish: config_pb2.Tracking.Publish = config_pb2.Tracking.PER_SLICE,
    metadata_connection_config: metadata_store_pb2.ConnectionConfig | None = None,
    beam_pipeline_args: list[str] | None = None,
) -> pipeline.Pipeline:
    """Builds the pipeline for any orchestrator.

    Args:
        name: The pipeline's name, by which its runs are found in ML Metadata.
        root: Folder for all that the components write.
        data_root: Folder of the spans that `data.write_span` writes; each run takes the newest.
        serving_root: Folder for the pushed models, each in a folder named by its version.
        train_steps: Batches of 512 rows that the model is trained on.
        publish: One artifact a tracked slice, or a single one, as Kubeflow v2 needs.
        metadata_connection_config: Where ML Metadata is; None if the orchestrator knows.
        beam_pipeline_args: Arguments for all Beam pipelines.
    """
    examples = ImportExampleGen(input_base=data_root, input_config=flights_pipeline.input_config())
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(
        statistics=statistics.outputs["statistics"],
        exclude_splits=[data.EVAL, data.NEXT_MONTH],
    )
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transformation = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=f"{_TRANSFORM}.preprocessing_fn",
        # the evaluator reads raw examples: no others are transformed but those to train on
        splits_config=transform_pb2.SplitsConfig(analyze=[data.TRAIN], transform=[data.TRAIN]),
        disable_statistics=True,
        disable_analyzer_cache=True,
        custom_config={"digest": flights_pipeline.source_digest(_TRANSFORM)},
    )
    trainer = Trainer(
        examples=transformation.outputs["transformed_examples"],
        transform_graph=transformation.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(splits=[data.TRAIN], num_steps=train_steps),
        eval_args=trainer_pb2.EvalArgs(splits=[data.TRAIN]),
        run_fn=f"{_TRAINER}.run_fn",
        custom_config={"digest": flights_pipeline.source_digest(_TRAINER, _SHARED)},
    )
    evaluator = SlicedEvaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        eval_config=eval_config(publish),
        example_splits=[data.NEXT_MONTH],
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving_root)
        ),
    )
    return pipeline.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[
            examples,
            statistics,
            schema,
            validator,
            transformation,
            trainer,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


def run(root: str, data_root: str, *, train_steps: int = flights_pipeline.TRAIN_STEPS) -> None:
    """Runs the pipeline on the newest span of `data_root`; everything is written under `root`."""
    root = os.path.abspath(root)
    local_dag_runner.LocalDagRunner().run(
        create_pipeline(
            PIPELINE_NAME,
            root,
            os.path.abspath(data_root),
            os.path.join(root, SERVING_FOLDER),
            train_steps=train_steps,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                os.path.join(root, local.METADATA_FILE)
            ),
        )
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run the flights pipeline, all of it, once.")
    parser.add_argument("--data", required=True, help="folder of the spans")
    parser.add_argument("--root", required=True, help="folder to write to")
    parser.add_argument("--train-steps", type=int, default=flights_pipeline.TRAIN_STEPS)
    arguments = parser.parse_args()
    run(arguments.root, arguments.data, train_steps=arguments.train_steps)


if __name__ == "__main__":
    main()
