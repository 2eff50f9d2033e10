"""Metrics of TFMA that Microtome does not compute, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TEXT = "it compares texts; only numbers are evaluated"
_BOXES = "it compares boxes in images; only labels and predictions of examples are evaluated"
_PIXELS = "it compares images pixel by pixel; only labels and predictions of examples are evaluated"
_SETS = "it compares sets of words; give multi-label predictions as numbers, one a class, instead"
_ATTRIBUTIONS = "it needs feature attributions beside the predictions; models do not export them"
_COUNTERFACTUAL = "it needs predictions of counterfactual examples, which TFMA has an extractor for"

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "Bleu": _TEXT,
        "Rouge": _TEXT,
        "COCOAveragePrecision": _BOXES,
        "COCOAverageRecall": _BOXES,
        "COCOMeanAveragePrecision": _BOXES,
        "COCOMeanAverageRecall": _BOXES,
        "ObjectDetectionConfusionMatrixPlot": _BOXES,
        "ObjectDetectionMaxRecall": _BOXES,
        "ObjectDetectionPrecision": _BOXES,
        "ObjectDetectionPrecisionAtRecall": _BOXES,
        "ObjectDetectionRecall": _BOXES,
        "ObjectDetectionThresholdAtRecall": _BOXES,
        "SemanticSegmentationConfusionMatrix": _PIXELS,
        "SemanticSegmentationFalsePositive": _PIXELS,
        "SemanticSegmentationTruePositive": _PIXELS,
        "SetMatchPrecision": _SETS,
        "SetMatchRecall": _SETS,
        "FixedSizeSample": "it is a sample of rows, not a value that sums give",
        "FlipCount": _COUNTERFACTUAL,
        "FlipRate": _COUNTERFACTUAL,
        "Lift": "it compares each slice with others; use cross_slicing_specs instead",
        "MeanAttributions": _ATTRIBUTIONS,
        "MeanAbsoluteAttributions": _ATTRIBUTIONS,
        "TotalAttributions": _ATTRIBUTIONS,
        "TotalAbsoluteAttributions": _ATTRIBUTIONS,
    }
)
