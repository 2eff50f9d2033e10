"""Data and configs that TFMA and Microtome are both given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

ROWS = 60
SLICES = 'slicing_specs {} slicing_specs { feature_keys: "side" }'


@dataclass(frozen=True)
class Case:
    """A frame and the text of a config, without its slices."""

    frame: Callable[[], pd.DataFrame]
    text: str
    # TFMA takes one output of data: the config of each, by the name of the output in `text`
    of_outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> str:
        return f"{self.text}\n{SLICES}"

    @property
    def theirs(self) -> Mapping[str, str]:
        """What TFMA is given, by output."""
        configs = self.of_outputs or {"": self.text}
        return {output: f"{text}\n{SLICES}" for output, text in configs.items()}


def metrics(names: Iterable[str], more: str = "") -> str:
    """Metrics specs of classes; a name may have its settings after a space."""
    each = []
    for name in names:
        class_name, _, settings = name.partition(" ")
        config = f" config: '{settings}'" if settings else ""
        each.append(f'metrics {{ class_name: "{class_name}"{config} }}')
    return f"metrics_specs {{ {' '.join(each)} {more} }}"


def _sides(random: np.random.Generator) -> dict[str, object]:
    return {
        "side": random.choice(["left", "right"], ROWS),
        "weight": np.round(random.random(ROWS) + 0.1, 2),
    }


def _binary() -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame(_sides(random))
    frame["label"] = random.integers(0, 2, ROWS)
    # few distinct scores, so that many are equal, some of them to thresholds
    frame["score"] = np.round(
        np.clip(random.random(ROWS) + 0.3 * frame["label"], 0.1, 1.2) / 1.25, 1
    )
    # a slice of one class, in which many quotients have no denominator
    frame.loc[:2, "side"] = "one"
    frame.loc[:2, "label"] = 0
    frame.loc[:2, "score"] = [0.1, 0.2, 0.3]
    return frame


def _numbers() -> pd.DataFrame:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(_sides(random))
    frame["label"] = np.round(random.gamma(2.0, 1.0, ROWS), 2)
    frame["score"] = np.round(frame["label"] * random.uniform(0.5, 1.5, ROWS), 2)
    frame["area"] = np.round(random.random(ROWS), 2)
    return frame


def _classes() -> pd.DataFrame:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(_sides(random))
    frame["label"] = random.integers(0, 3, ROWS)
    frame["scores"] = list(random.dirichlet([1, 1, 1], ROWS))
    return frame


def _labels() -> pd.DataFrame:
    random = np.random.default_rng(4)
    frame = pd.DataFrame(_sides(random))
    frame["label"] = list(random.integers(0, 2, (ROWS, 3)).astype(float))
    frame["scores"] = list(np.round(random.random((ROWS, 3)), 2))
    return frame


def _outputs() -> pd.DataFrame:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(_sides(random))
    for name in ("buys", "clicks"):
        frame[name] = random.integers(0, 2, ROWS)
        frame[f"p_{name}"] = np.round(random.random(ROWS), 2)
    frame["w_clicks"] = np.round(random.random(ROWS) + 0.1, 2)
    return frame


def _models() -> pd.DataFrame:
    frame = _binary()
    random = np.random.default_rng(6)
    frame["earlier"] = np.round(random.uniform(0.02, 0.98, ROWS), 2)
    return frame


def _queries() -> pd.DataFrame:
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "query": [f"q{number}" for number in random.integers(0, 12, ROWS)],
            "gain": random.integers(0, 3, ROWS).astype(float),
            "label": random.integers(0, 2, ROWS).astype(float),
            "score": random.permutation(ROWS) / ROWS,
        }
    )
    frame["side"] = np.where(frame["query"].isin(["q1", "q2", "q3"]), "left", "right")
    frame["weight"] = frame["query"].map({f"q{i}": 0.5 + i / 10 for i in range(12)})
    return frame


COUNTS = ["ExampleCount", "WeightedExampleCount"]
MEANS = ["MeanLabel", "MeanPrediction", "Calibration"]
CONFUSION = [
    "BinaryAccuracy", "Precision", "Recall", "Specificity", "FallOut", "MissRate",
    "NegativePredictiveValue", "FalseDiscoveryRate", "FalseOmissionRate", "Prevalence",
    "PrevalenceThreshold", "ThreatScore", "BalancedAccuracy", "F1Score",
    "MatthewsCorrelationCoefficient", "FowlkesMallowsIndex", "Informedness", "Markedness",
    "PositiveLikelihoodRatio", "NegativeLikelihoodRatio", "DiagnosticOddsRatio",
    "PredictedPositiveRate", "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives",
]  # fmt: skip
SHORT = ["PPV", "TPR", "TNR", "FPR", "FNR", "NPV", "TP", "TN", "FP", "FN"]
CURVES = ["AUC", "AUCPrecisionRecall"]
AT = [
    'PrecisionAtRecall "recall": 0.7',
    'RecallAtPrecision "precision": 0.6',
    'SensitivityAtSpecificity "specificity": 0.5',
    'SpecificityAtSensitivity "sensitivity": 0.5',
    "MaxRecall",
    'ThresholdAtRecall "recall": 0.7',
]
DISTANCES = [
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
]
ENTROPIES = ["BinaryCrossEntropy", 'BinaryCrossEntropy "label_smoothing": 0.2, "name": "smoothed"']
LISTS = [
    f'{name} "thresholds": [0.8, 0.2, 0.5], "name": "of_three_{number}"'
    for number, name in enumerate(CONFUSION[1:])
]
PLOTS = [
    "CalibrationPlot",
    'CalibrationPlot "num_buckets": 4, "name": "coarse"',
    "ConfusionMatrixPlot",
    'ConfusionMatrixPlot "num_thresholds": 5, "name": "few"',
    "ScoreDistributionPlot",
]
UNWEIGHTED = "example_weights { unweighted: true }"
BOTH = "example_weights { weighted: true unweighted: true }"
ALL_WEIGHTS = " ".join(
    f"class_weights {{ key: {i} value: {w} }}" for i, w in enumerate([1, 3, 0.5])
)
IDS = "class_ids { values: [0, 2] }"
OF_CLASSES = ["AUC", "Precision", "Recall", "MeanLabel", "MeanPrediction", "Calibration"]


def _spec(label: str, prediction: str, more: str = "") -> str:
    return f'model_specs {{ label_key: "{label}" prediction_key: "{prediction}" {more} }}'


OF_OUTPUTS = [*COUNTS, "AUC", "Precision", 'CalibrationPlot "num_buckets": 3']
WEIGHED = 'example_weight_key: "weight"'
CASES: dict[str, Case] = {
    "binary": Case(
        _binary,
        _spec("label", "score", WEIGHED)
        + metrics([*COUNTS, *MEANS, *CONFUSION, *SHORT, *CURVES, *AT, *LISTS], BOTH)
        + metrics(
            [
                'AUC "curve": "PR", "summation_method": "majoring", "name": "over"',
                'AUC "num_thresholds": 50, "summation_method": "minoring", "name": "under"',
                'AUC "thresholds": [0.2, 0.5, 0.7], "name": "of_three"',
                'Precision "num_thresholds": 5, "name": "of_five"',
                'BinaryAccuracy "threshold": 0.3, "name": "of_one"',
                'ConfusionMatrixAtThresholds "thresholds": [0.2, 0.5]',
                'FairnessIndicators "thresholds": [0.2, 0.5]',
                *ENTROPIES,
                "CoefficientOfDiscrimination",
                "RelativeCoefficientOfDiscrimination",
                "SquaredPearsonCorrelation",
                "ExactMatch",
                *PLOTS,
            ]
        )
        + metrics(['Mean "feature_key_path": ["features", "weight"]'], UNWEIGHTED),
    ),
    "unweighted": Case(
        _models,
        _spec("label", "earlier") + metrics([*COUNTS, *MEANS, "AUC", "Precision", *ENTROPIES]),
    ),
    "regression": Case(
        _numbers,
        _spec("label", "score", WEIGHED)
        + metrics(
            [
                *DISTANCES,
                *COUNTS,
                *MEANS,
                "SquaredPearsonCorrelation",
                "ExactMatch",
                'CalibrationPlot "left": 0, "right": 4, "num_buckets": 8',
            ]
        )
        + metrics(['Mean "feature_key_path": ["features", "area"]'], UNWEIGHTED),
    ),
    "classes": Case(
        _classes,
        _spec("label", "scores", WEIGHED)
        + metrics(
            [
                *COUNTS,
                *MEANS,
                "AUC",
                "Precision",
                *DISTANCES[:2],
                'Precision "class_id": 1, "top_k": 2, "name": "own"',
                'Recall "top_k": 2, "name": "own_top"',
                'AUC "class_id": 1, "name": "own_class"',
                'MultiClassConfusionMatrixAtThresholds "thresholds": [0.3, 0.6]',
            ],
            BOTH,
        )
        + metrics(
            [
                *OF_CLASSES,
                "ExampleCount",
                "CalibrationPlot",
                'ConfusionMatrixPlot "num_thresholds": 3',
            ],
            f"binarize {{ {IDS} }}",
        )
        + metrics(
            ["Precision", "Recall", "AUC", "FallOut", "TruePositives"],
            "binarize { top_k_list { values: [1, 2] } }",
        ),
    ),
    "kth": Case(
        _classes,
        _spec("label", "scores", WEIGHED)
        + metrics(["MultiClassConfusionMatrixPlot"])
        + metrics(["Precision", "AUC", "Recall"], "binarize { k_list { values: [1, 3] } }"),
    ),
    "micro": Case(
        _classes,
        _spec("label", "scores", WEIGHED)
        + metrics(['MultiClassConfusionMatrixPlot "num_thresholds": 4'])
        + metrics([*OF_CLASSES, "ExampleCount"], "aggregate { micro_average: true }")
        + metrics(
            ['AUC "name": "weighed_auc"', 'Precision "name": "weighed"'],
            f"aggregate {{ micro_average: true {ALL_WEIGHTS} }}",
        )
        + metrics(
            ["Precision", "Recall", "FalsePositives"],
            "aggregate { micro_average: true top_k_list { values: [1, 2] } }",
        )
        + metrics(
            ['Precision "name": "micro_and_ids"'],
            f"binarize {{ {IDS} }} aggregate {{ micro_average: true }}",
        ),
    ),
    "macro": Case(
        _classes,
        _spec("label", "scores", WEIGHED)
        + metrics(
            [*OF_CLASSES, "ExampleCount"], f"aggregate {{ macro_average: true {ALL_WEIGHTS} }}"
        )
        + metrics(
            [f'{name} "name": "ids_{name}"' for name in OF_CLASSES],
            f"binarize {{ {IDS} }} aggregate {{ macro_average: true {ALL_WEIGHTS} }}",
        ),
    ),
    "weighted macro": Case(
        _classes,
        _spec("label", "scores", WEIGHED)
        + metrics(
            [*OF_CLASSES, "ExampleCount"],
            f"aggregate {{ weighted_macro_average: true {ALL_WEIGHTS} }}",
        ),
    ),
    "labels": Case(
        _labels,
        _spec("label", "scores", WEIGHED)
        + metrics(
            [
                *COUNTS,
                *MEANS,
                "AUC",
                "Precision",
                *DISTANCES[:2],
                'MultiLabelConfusionMatrixPlot "thresholds": [0.3, 0.6]',
            ]
        )
        + metrics(OF_CLASSES, f"binarize {{ {IDS} }}")
        + metrics(["Precision", "Recall"], "binarize { top_k_list { values: [2] } }")
        + metrics(["AUC", "Precision"], "aggregate { micro_average: true }")
        + metrics(["AUC", "Precision"], f"aggregate {{ macro_average: true {ALL_WEIGHTS} }}"),
    ),
    "outputs": Case(
        _outputs,
        """model_specs {
          label_keys { key: "buys" value: "buys" } label_keys { key: "clicks" value: "clicks" }
          prediction_keys { key: "buys" value: "p_buys" }
          prediction_keys { key: "clicks" value: "p_clicks" }
          example_weight_keys { key: "buys" value: "weight" }
          example_weight_keys { key: "clicks" value: "w_clicks" } }"""
        + metrics(OF_OUTPUTS, 'output_names: "buys" output_names: "clicks"')
        + metrics(['Recall "name": "of_clicks"'], f'output_names: "clicks" {BOTH}'),
        {
            "buys": _spec("buys", "p_buys", WEIGHED) + metrics(OF_OUTPUTS),
            "clicks": _spec("clicks", "p_clicks", 'example_weight_key: "w_clicks"')
            + metrics(OF_OUTPUTS)
            + metrics(['Recall "name": "of_clicks"'], BOTH),
        },
    ),
    "models": Case(
        _models,
        """model_specs { name: "new" label_key: "label" prediction_key: "score"
                         example_weight_key: "weight" }
           model_specs { name: "old" label_key: "label" prediction_key: "earlier"
                         example_weight_key: "weight" is_baseline: true }"""
        + metrics([*COUNTS, *MEANS, "AUC", "Precision", "MatthewsCorrelationCoefficient"])
        + metrics(
            [
                'Precision "thresholds": [0.2, 0.8], "name": "of_two"',
                'ConfusionMatrixAtThresholds "thresholds": [0.5]',
                'ConfusionMatrixPlot "num_thresholds": 3',
            ]
        )
        + metrics(
            [
                'BooleanFlipRates "threshold": 0.5',
                "SymmetricPredictionDifference",
            ],
        )
        + metrics(['Recall "name": "of_the_new"'], 'model_names: "new"')
        + metrics(['Recall "name": "of_the_old"'], 'model_names: "old"'),
    ),
    "queries": Case(
        _queries,
        _spec("label", "score", WEIGHED)
        + metrics(
            [
                'NDCG "gain_key": "gain", "top_k_list": [1, 3]',
                "MinLabelPosition",
                "QueryStatistics",
            ],
            'query_key: "query"',
        )
        + metrics(["ExampleCount", "AUC"]),
    ),
}
