"""What common metrics mean, in a sentence, and the values that they can take.

Definitions are those of the field's textbooks; TensorFlow's and TFMA's metrics of these names
follow them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_UNIT = (0.0, 1.0)


class Definition(NamedTuple):
    """What is known of a metric.

    Attributes:
        text: Its definition, one sentence.
        range: The least and the largest value that it can take; None where there is no such.
    """

    text: str
    range: tuple[float, float] | None = None


def definition_of(metric: str) -> Definition | None:
    """The definition of a metric, told by its name; None for one that is not known.

    Args:
        metric: Its name; prefixes up to the last slash and a threshold after `@` do not matter.
    """
    name = metric if metric in _DEFINITIONS else metric.rpartition("/")[2]
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.partition("@")[0]).lower()
    return _DEFINITIONS.get(_ALIASES.get(name, name))


_ALIASES = {
    "sensitivity": "recall",
    "true_positive_rate": "recall",
    "tpr": "recall",
    "specificity": "true_negative_rate",
    "tnr": "true_negative_rate",
    "fpr": "false_positive_rate",
    "fall_out": "false_positive_rate",
    "fnr": "false_negative_rate",
    "miss_rate": "false_negative_rate",
    "prauc": "auc_precision_recall",
    "auc_pr": "auc_precision_recall",
    "aucpr": "auc_precision_recall",
    "positive_predictive_value": "precision",
    "ppv": "precision",
    "npv": "negative_predictive_value",
    "f1_score": "f1",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "logloss": "log_loss",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "binary_accuracy": "accuracy",
    "mean_label": "label/mean",
    "mean_prediction": "prediction/mean",
    "weighted_example_count": "example_weight",
    "average_loss": "loss",
    "mcc": "matthews_correlation_coefficient",
    "r2": "squared_pearson_correlation",
    "ece": "expected_calibration_error",
}

_DEFINITIONS = {
    "example_count": Definition("Number of examples in the slice."),
    "example_weight": Definition("Sum of the weights of the slice's examples."),
    "accuracy": Definition("Share of examples whose predicted class is their label.", _UNIT),
    "balanced_accuracy": Definition("Mean of the recall of each class.", _UNIT),
    "accuracy_baseline": Definition(
        "Accuracy of always predicting the class that is most frequent.", _UNIT
    ),
    "auc": Definition(
        "Area under the ROC curve: the chance that a positive example is scored above a negative.",
        _UNIT,
    ),
    "auc_precision_recall": Definition("Area under the curve of precision by recall.", _UNIT),
    "precision": Definition("Share of positive predictions that are right.", _UNIT),
    "recall": Definition("Share of positive examples that are predicted positive.", _UNIT),
    "f1": Definition("Harmonic mean of precision and recall.", _UNIT),
    "true_negative_rate": Definition(
        "Share of negative examples that are predicted negative.", _UNIT
    ),
    "false_positive_rate": Definition(
        "Share of negative examples that are predicted positive.", _UNIT
    ),
    "false_negative_rate": Definition(
        "Share of positive examples that are predicted negative.", _UNIT
    ),
    "false_discovery_rate": Definition("Share of positive predictions that are wrong.", _UNIT),
    "false_omission_rate": Definition("Share of negative predictions that are wrong.", _UNIT),
    "negative_predictive_value": Definition("Share of negative predictions that are right.", _UNIT),
    "positive_rate": Definition("Share of examples that are predicted positive.", _UNIT),
    "negative_rate": Definition("Share of examples that are predicted negative.", _UNIT),
    "true_positives": Definition("Number of positive examples that are predicted positive."),
    "true_negatives": Definition("Number of negative examples that are predicted negative."),
    "false_positives": Definition("Number of negative examples that are predicted positive."),
    "false_negatives": Definition("Number of positive examples that are predicted negative."),
    "matthews_correlation_coefficient": Definition(
        "Correlation between labels and predictions of two classes.", (-1.0, 1.0)
    ),
    "loss": Definition("Mean of what training minimises, over the examples."),
    "log_loss": Definition("Mean of the negative logarithm of the label's predicted probability."),
    "binary_crossentropy": Definition(
        "Mean of the negative logarithm of the label's predicted probability, of two classes."
    ),
    "categorical_crossentropy": Definition(
        "Mean of the negative logarithm of the label's predicted probability."
    ),
    "brier_score": Definition("Mean square of predicted probability minus label.", _UNIT),
    "calibration": Definition("Mean prediction divided by mean label; 1 is best."),
    "expected_calibration_error": Definition(
        "Mean distance between predicted probability and the share of positives.", _UNIT
    ),
    "label/mean": Definition("Mean of the labels."),
    "prediction/mean": Definition("Mean of the predictions."),
    "mean_squared_error": Definition("Mean square of prediction minus label."),
    "root_mean_squared_error": Definition("Square root of the mean square of the errors."),
    "mean_absolute_error": Definition("Mean of the absolute errors."),
    "mean_absolute_percentage_error": Definition(
        "Mean of the absolute errors, as a percentage of the label."
    ),
    "mean_squared_logarithmic_error": Definition(
        "Mean square of the difference of logarithms of prediction and label."
    ),
    "squared_pearson_correlation": Definition(
        "Square of the correlation between labels and predictions.", _UNIT
    ),
    "ndcg": Definition(
        "Gain of the ranking, discounted by rank, as a share of the best possible.", _UNIT
    ),
    "min_label_position": Definition("Rank of the first positive example, counted from 0."),
    "query_statistics": Definition("Number of queries, and of documents a query."),
}
