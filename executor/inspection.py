"""An account of a model, with examples from files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from microtome.executor import sources
from microtome.executor.shared_model import EvalSharedModel

if TYPE_CHECKING:
    from microtome.model.inspection import ModelAccount


def inspect_shared_model(
    model: EvalSharedModel,
    file_patterns: Sequence[str] | None = None,
    file_format: str = "tfrecords",
) -> ModelAccount:
    """Gives an account of a model: what it declares, and how its metrics are computed.

    Args:
        model: the model, from `default_eval_shared_model`.
        file_patterns: patterns of files, whose first examples settle how metrics are computed.
        file_format: "tfrecords" or "text".

    Raises:
        ModelError: the directory holds no EvalSavedModel.
        ConfigError: the model has no such feature to weigh by.
        DataError: the data cannot be read, or does not fit the model.
    """
    from microtome.model.inspection import inspect_model
    from microtome.model.planning import MAX_EXAMPLES

    model.check([])
    batches = None
    if file_patterns is not None:
        files = list(sources.expand_patterns(file_patterns))
        batches = sources.first_batches(files, file_format, MAX_EXAMPLES)
    loaded = model.load()
    try:
        if batches is None:
            return inspect_model(loaded)
        examples = [record for batch in batches for record in batch.records]
        with sources.placing_refusals(batches):
            return inspect_model(loaded, examples, list(model.weight_features().values()))
    finally:
        loaded.close()
