"""Names of what the TFX executor is given: in the component's spec, and in `Do`'s dictionaries.

Where TFX's Evaluator has the same thing it has the same name, so that one can stand in for the
other. TFX's own module of these names is not used, because it imports TensorFlow Model Analysis.
"""

EXAMPLES = "examples"
MODEL = "model"
BASELINE_MODEL = "baseline_model"
SCHEMA = "schema"
# Microtome's own
HISTORY = "history"

EVALUATION = "evaluation"
BLESSING = "blessing"
SLICED_METRICS = "sliced_metrics"

EVAL_CONFIG = "eval_config"
EXAMPLE_SPLITS = "example_splits"
MICROTOME_VERSION = "microtome_version"
MODULE_FILE = "module_file"
MODULE_PATH = "module_path"
# Microtome's own: tells versions of the module file apart
MODULE_DIGEST = "module_digest"
