"""Exporters of EvalSavedModels for `tf.estimator.train_and_evaluate`.

Synopsis:

    exporter = FinalExporter("eval", eval_input_receiver_fn)
    eval_spec = tf.estimator.EvalSpec(input_fn, exporters=[exporter])
    tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)
    # the model is in <model_dir>/export/eval/<seconds>
"""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import tensorflow as tf

from microtome.errors import ConfigError
from microtome.export.estimators import estimator_api, has_estimators
from microtome.export.receiver import EvalInputReceiver
from microtome.export.savedmodel import export_eval_savedmodel

logger = logging.getLogger(__name__)

# `EvalSpec` takes none but its own kind; without Estimators the module must still import.
_Exporter: Any = tf.estimator.Exporter if has_estimators() else object

# an export's directory is named by the seconds since 1970: ten digits until 2286
EXPORT_NAME = re.compile(r"[0-9]{10}")


class _EvalSavedModelExporter(_Exporter):
    """Exports whenever it is asked to."""

    def __init__(
        self,
        name: str,
        eval_input_receiver_fn: Callable[[], EvalInputReceiver],
        serving_input_receiver_fn: Callable[[], Any] | None = None,
        assets_extra: Mapping[str, str] | None = None,
    ) -> None:
        estimator_api(type(self).__name__)
        if not name:
            raise ConfigError(
                f"{type(self).__name__} needs a name: it exports to <model_dir>/export/<name>."
            )
        self._name = name
        self._eval_input_receiver_fn = eval_input_receiver_fn
        self._serving_input_receiver_fn = serving_input_receiver_fn
        self._assets_extra = assets_extra

    @property
    def name(self) -> str:
        """Name of the directory, beneath `<model_dir>/export`, that is exported to."""
        return self._name

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str | None,
        eval_result: Mapping[str, Any] | None,
        is_the_final_export: bool,
    ) -> bytes | None:
        """Exports `estimator`; called by `train_and_evaluate`.

        Args:
          estimator: the Estimator in training.
          export_path: directory in which the model's own directory is made.
          checkpoint_path: checkpoint to export.
          eval_result: the evaluation's metrics; not used.
          is_the_final_export: whether training has ended.

        Returns:
          Path of the model's directory, or None where nothing was exported.
        """
        del eval_result, is_the_final_export
        return export_eval_savedmodel(
            estimator=estimator,
            export_dir_base=export_path,
            eval_input_receiver_fn=self._eval_input_receiver_fn,
            serving_input_receiver_fn=self._serving_input_receiver_fn,
            assets_extra=self._assets_extra,
            checkpoint_path=checkpoint_path,
        )


class FinalExporter(_EvalSavedModelExporter):
    """Exports once, when training ends.

    `train_and_evaluate` knows the end only by `TrainSpec(max_steps=...)`: without it nothing is
    exported.

    Args:
      name: name of the directory, beneath `<model_dir>/export`, to export to.
      eval_input_receiver_fn: as in `export_eval_savedmodel`.
      serving_input_receiver_fn: as in `export_eval_savedmodel`.
      assets_extra: as in `export_eval_savedmodel`.

    Raises:
      ConfigError: this TensorFlow has no Estimators, or `name` is empty.
    """

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str | None,
        eval_result: Mapping[str, Any] | None,
        is_the_final_export: bool,
    ) -> bytes | None:
        """Exports `estimator` if training has ended; see the base class."""
        if not is_the_final_export:
            return None
        return super().export(
            estimator, export_path, checkpoint_path, eval_result, is_the_final_export
        )


class LatestExporter(_EvalSavedModelExporter):
    """Exports after every evaluation, and keeps the latest exports only.

    Args:
      name: name of the directory, beneath `<model_dir>/export`, to export to.
      eval_input_receiver_fn: as in `export_eval_savedmodel`.
      serving_input_receiver_fn: as in `export_eval_savedmodel`.
      exports_to_keep: how many exports to keep; older ones are deleted. None keeps all.
      assets_extra: as in `export_eval_savedmodel`.

    Raises:
      ConfigError: this TensorFlow has no Estimators, `name` is empty, or `exports_to_keep` is
        less than 1.
    """

    def __init__(
        self,
        name: str,
        eval_input_receiver_fn: Callable[[], EvalInputReceiver],
        serving_input_receiver_fn: Callable[[], Any] | None = None,
        exports_to_keep: int | None = 5,
        assets_extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, eval_input_receiver_fn, serving_input_receiver_fn, assets_extra)
        if exports_to_keep is not None and exports_to_keep < 1:
            raise ConfigError(
                f"exports_to_keep must be at least 1, or None to keep all; it is {exports_to_keep}."
            )
        self._exports_to_keep = exports_to_keep

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str | None,
        eval_result: Mapping[str, Any] | None,
        is_the_final_export: bool,
    ) -> bytes | None:
        """Exports `estimator`, then deletes the oldest exports; see the base class."""
        path = super().export(
            estimator, export_path, checkpoint_path, eval_result, is_the_final_export
        )
        if self._exports_to_keep is not None:
            _delete_oldest(tf.compat.as_str_any(export_path), self._exports_to_keep)
        return path


def adapt_to_remove_metrics(
    exporter: Any, metrics_to_remove: Collection[str] | Callable[[str], bool]
) -> Any:
    """An exporter like `exporter` whose models lack some of the estimator's metrics.

    Args:
      exporter: any exporter of `train_and_evaluate`.
      metrics_to_remove: names of metrics, or a function that tells by its name whether a metric
        goes.

    Returns:
      The adapted exporter.

    Raises:
      ConfigError: this TensorFlow has no Estimators, or `metrics_to_remove` is one string.
    """
    estimator_api("adapt_to_remove_metrics")
    if isinstance(metrics_to_remove, str):
        raise ConfigError(
            f"metrics_to_remove is a list of names, or a function; write [{metrics_to_remove!r}]."
        )
    return _MetricRemovingExporter(exporter, metrics_to_remove)


class _MetricRemovingExporter(_Exporter):
    def __init__(
        self, exporter: Any, metrics_to_remove: Collection[str] | Callable[[str], bool]
    ) -> None:
        self._exporter = exporter
        self._metrics_to_remove = metrics_to_remove

    @property
    def name(self) -> Any:
        return self._exporter.name

    def export(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        without = _without_metrics(estimator, self._metrics_to_remove)
        return self._exporter.export(without, *args, **kwargs)


def _without_metrics(
    estimator: Any, metrics_to_remove: Collection[str] | Callable[[str], bool]
) -> Any:
    """The same Estimator, but for the eval metrics that are to go."""
    api = estimator_api("adapt_to_remove_metrics")

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        if mode != api.ModeKeys.EVAL:
            return spec
        metrics = spec.eval_metric_ops or {}
        if callable(metrics_to_remove):
            removed = {name for name in metrics if metrics_to_remove(name)}
        else:
            removed = set(metrics_to_remove)
            _warn_of_unknown(removed - set(metrics), metrics)
        kept = {name: metric for name, metric in metrics.items() if name not in removed}
        return spec._replace(eval_metric_ops=kept)

    return api.Estimator(model_fn, model_dir=estimator.model_dir, config=estimator.config)


def _warn_of_unknown(names: Collection[str], metrics: Collection[str]) -> None:
    for name in sorted(names):
        nearest = difflib.get_close_matches(name, metrics, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        logger.warning(
            "adapt_to_remove_metrics: there is no metric %r to remove.%s The model has: %s.",
            name,
            hint,
            ", ".join(sorted(metrics)),
        )


def _delete_oldest(directory: str, keep: int) -> None:
    # some file systems list directories with a slash at the end
    names = (name.rstrip("/") for name in tf.io.gfile.listdir(directory))
    exports = sorted(name for name in names if EXPORT_NAME.fullmatch(name))
    for name in exports[:-keep]:
        path = os.path.join(directory, name)
        try:
            tf.io.gfile.rmtree(path)
        except tf.errors.OpError as error:
            # training must not stop over it
            logger.warning("Could not delete the old export %s: %s", path, error)
