"""What the demo tells at its end, as text tables of what `readback` found in ML Metadata."""

from __future__ import annotations

import pandas as pd

METRICS = ("accuracy", "auc", "average_loss", "label/mean", "prediction/mean")
RANKED_BY = "auc"  # higher is better


def overall(table: pd.DataFrame, names: dict[str, str]) -> str:
    """Overall of every run on every kind of data.

    Args:
        table: As `readback.read_sqlite` gives it.
        names: What to call the evaluating nodes.
    """
    rows = table[table["slice_key"] == "Overall"]
    shown = pd.DataFrame(
        {
            f"run {run}, {names[str(node)]}": group.iloc[0][["example_count", *METRICS]]
            for (run, node), group in rows.groupby(["run", "node"], sort=True)
        }
    )
    shown = shown.T.rename(columns={"example_count": "examples"})
    return _text(shown.astype({"examples": int}))


def worst(table: pd.DataFrame, min_examples: int, count: int = 5) -> str:
    """The slices of the last run's latest data on which the model ranks flights worst.

    Args:
        table: Rows of one node.
        min_examples: Smaller slices are left out: their metrics are mostly chance.
        count: How many.
    """
    rows = _of_run(table, table["run"].max(), min_examples).nsmallest(count, RANKED_BY)
    return _text(rows[["example_count", *METRICS]].rename(columns={"example_count": "examples"}))


def changed(table: pd.DataFrame, min_examples: int, count: int = 5) -> str:
    """What changed from the first run to the last: the slices that fell and rose most.

    Args:
        table: Rows of one node.
        min_examples: The fewest examples that a slice must have in both runs.
        count: How many of each.
    """
    first = _of_run(table, table["run"].min(), min_examples)
    last = _of_run(table, table["run"].max(), min_examples)
    both = first.join(last, how="inner", lsuffix=" first", rsuffix=" last")
    change = both[f"{RANKED_BY} last"] - both[f"{RANKED_BY} first"]
    shown = pd.DataFrame(
        {
            "examples": both["example_count first"].astype(str)
            + " → "
            + both["example_count last"].astype(str),
            **{
                name: [
                    f"{a:.3f} → {b:.3f}"
                    for a, b in zip(both[f"{name} first"], both[f"{name} last"], strict=True)
                ]
                for name in (RANKED_BY, "label/mean", "prediction/mean")
            },
            "change": change,
        }
    ).sort_values("change")
    if len(shown) > 2 * count:
        shown = pd.concat([shown.head(count), shown.tail(count)])
    shown["change"] = [f"{value:+.3f}" for value in shown["change"]]
    return _text(shown.rename(columns={"change": f"change of {RANKED_BY}"}))


def _of_run(table: pd.DataFrame, run: int, min_examples: int) -> pd.DataFrame:
    kept = (table["run"] == run) & (table["example_count"] >= min_examples)
    return table[kept & (table["slice_key"] != "Overall")].set_index("slice_key")


def _text(table: pd.DataFrame) -> str:
    text = table.rename_axis(None).to_string(float_format=lambda value: f"{value:.4f}")
    return "\n".join("  " + line for line in text.split("\n"))
