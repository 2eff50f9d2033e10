"""The Trainer's side: writes EvalSavedModels."""

from microtome.export.receiver import EvalInputReceiver, build_parsing_eval_input_receiver_fn
from microtome.export.savedmodel import export_eval_savedmodel

__all__ = ["EvalInputReceiver", "build_parsing_eval_input_receiver_fn", "export_eval_savedmodel"]
