"""Predictors: SavedModels of TensorFlow 2 and Keras, and what Estimators export for serving.

Synopsis:

    kind = check_serving_model(path, spec, columns)    # before anything is loaded
    model = ServingModel.load(path, spec)              # once a process
    columns = decode(records, model.needed_columns)
    predictions = model.predict(records, columns)      # {output: float64 [rows, ...]}
    transformed = model.preprocess(records, columns)   # {feature or label: [rows, ...]}

What a model takes and gives is read in `declared` from its protocol buffer and in `functions` from
the loaded model; `inputs` makes tensors of columns, `outputs` arrays of tensors.
"""

from microtome.model.serving.check import check_serving_model
from microtome.model.serving.kinds import is_eval_saved_model, model_kind
from microtome.model.serving.predictor import ServingModel

__all__ = ["ServingModel", "check_serving_model", "is_eval_saved_model", "model_kind"]
