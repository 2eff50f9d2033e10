"""Which slices are worst, and which came, went or shrank."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from microtome.slicing.keys import OVERALL, SliceKey, stringify_slice_key
from microtome.tracking import direction
from microtome.tracking.evaluations import Evaluation


def worst_slices(
    evaluation: Evaluation,
    metric: str,
    count: int = 10,
    min_examples: int = 0,
    lower_is_better: Collection[str] = (),
) -> pd.DataFrame:
    """The slices on which a metric is worst.

    Returns:
        Columns `run`, `node`, `slice`, `n`, `value`, and `to_overall`, the difference to the whole
        data; worst first. Overall itself is left out, as are slices without the metric.
    """
    block = evaluation.block
    values = block.column(metric)
    is_slice = np.array([key != OVERALL for key in block.keys], bool)
    kept = np.flatnonzero(is_slice & ~np.isnan(values) & (block.counts >= min_examples))
    is_lower = direction.is_lower_better(metric, lower_is_better)
    ranked = kept[np.argsort(-values[kept] if is_lower else values[kept], kind="stable")][:count]
    return pd.DataFrame(
        {
            "run": evaluation.run,
            "node": evaluation.node,
            "slice": [stringify_slice_key(block.keys[i]) for i in ranked],
            "n": block.counts[ranked],
            "value": values[ranked],
            "to_overall": values[ranked] - evaluation.number(OVERALL, metric),
        }
    )


def changed_slices(
    evaluation: Evaluation, reference: Evaluation, shrunk_by: float = 0.5
) -> pd.DataFrame:
    """The slices that are new, have vanished, or hold a much smaller share of the data than before.

    Args:
        evaluation: The later one.
        reference: The earlier one.
        shrunk_by: The share of its part of the data that a slice must have lost.

    Returns:
        Columns `run`, `node`, `slice`, `change` ("new", "vanished" or "shrunk"), `n`,
        `n_reference`, `share`, `share_reference`; the largest first. Shares are of Overall's
        examples, or of the largest slice's where Overall is not recorded.
    """
    now, then = _counts(evaluation), _counts(reference)
    keys = list(dict.fromkeys([*now, *then]))
    table = pd.DataFrame(
        {
            "run": evaluation.run,
            "node": evaluation.node,
            "slice": [stringify_slice_key(key) for key in keys],
            "change": "",
            "n": [now.get(key, 0) for key in keys],
            "n_reference": [then.get(key, 0) for key in keys],
        }
    )
    table["share"] = table["n"] / max(now.values(), default=1)
    table["share_reference"] = table["n_reference"] / max(then.values(), default=1)
    shrunk = table["share"] <= (1 - shrunk_by) * table["share_reference"]
    table.loc[shrunk, "change"] = "shrunk"
    table.loc[[key not in then for key in keys], "change"] = "new"
    table.loc[[key not in now for key in keys], "change"] = "vanished"
    size = table[["n", "n_reference"]].max(axis=1)
    table = table.assign(size=size).sort_values("size", ascending=False, kind="stable")
    return table[table["change"] != ""].drop(columns="size").reset_index(drop=True)


def no_changes() -> pd.DataFrame:
    """The table of `changed_slices` where there is nothing to compare with."""
    columns = ("run", "node", "slice", "change", "n", "n_reference", "share", "share_reference")
    return pd.DataFrame(columns=list(columns))


def _counts(evaluation: Evaluation) -> dict[SliceKey, int]:
    block = evaluation.block
    return dict(zip(block.keys, block.counts.tolist(), strict=True))
