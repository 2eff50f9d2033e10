"""What the demo tells at its end, as text tables of what the history in ML Metadata knows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from microtome.tracking import History

METRICS = ("accuracy", "auc", "average_loss", "label/mean", "prediction/mean")
RANKED_BY = "auc"


def overall(history: History, names: Mapping[str, str]) -> str:
    """Overall of every run on every kind of data.

    Args:
        names: What to call the evaluating nodes.
    """
    table = history.table(slices=["Overall"], metrics=METRICS)
    numbers = {run: number for number, run in enumerate(history.runs, start=1)}
    rows = {}
    for (run, node), group in table.groupby(["run", "node"], sort=False):
        values = group.set_index("metric")["value"]
        label = f"run {numbers[run]}, {names[str(node)]}"
        rows[label] = {"examples": group["n"].iloc[0], **values[list(METRICS)]}
    shown = pd.DataFrame.from_dict(rows, orient="index")
    return _text(shown.astype({"examples": int}))


def worst(history: History, node: str, min_examples: int, count: int = 5) -> str:
    """The slices of the last run on which the model ranks flights worst.

    Args:
        node: The evaluating node.
        min_examples: Smaller slices are left out: their metrics are mostly chance.
        count: How many.
    """
    found = history.worst(RANKED_BY, -1, node, count, min_examples).set_index("slice")
    shown = found[["n", "value", "to_overall"]]
    names = {"n": "examples", "value": RANKED_BY, "to_overall": "below Overall by"}
    return _text(shown.assign(to_overall=-shown["to_overall"]).rename(columns=names))


def changed(history: History, node: str, min_examples: int, count: int = 5) -> str:
    """What changed since the run before: the slices that fell and rose most.

    Args:
        node: The evaluating node.
        min_examples: The fewest examples that a slice must have in both runs.
        count: How many of each.
    """
    options = {"metrics": [RANKED_BY], "min_examples": min_examples}
    found = history.regressions(-1, "previous", node, **options).sort_values("change")
    if len(found) > 2 * count:
        found = pd.concat([found.head(count), found.tail(count)])
    regressed = found["regressed"].fillna(False)
    shown = pd.DataFrame(
        {
            "examples": _arrow(found["n_reference"], found["n"], "d"),
            RANKED_BY: _arrow(found["reference"], found["value"], ".3f"),
            "change": [f"{value:+.3f}" for value in found["change"]],
            "worse beyond noise": ["yes" if one else "" for one in regressed],
        }
    )
    return _text(shown.set_index(found["slice"].to_numpy()))


def _arrow(before: pd.Series, after: pd.Series, form: str) -> list[str]:
    return [f"{a:{form}} → {b:{form}}" for a, b in zip(before, after, strict=True)]


def _text(table: pd.DataFrame) -> str:
    text = table.rename_axis(None).to_string(float_format=lambda value: f"{value:.4f}")
    return "\n".join("  " + line for line in text.split("\n"))
