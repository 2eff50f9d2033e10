"""What got worse, and whether that is more than noise.

A change is held against the noise of both values:

- of accuracy, recall, specificity and AUC, by the n examples that they are a share of: the
  variance is v (1 - v) / n, of an AUC at most that (see `direction.base_of`); n follows from the
  slice's examples and its `label/mean`. As 0 of n, or all, may be luck, v is taken to be at least
  1 / (n + 2) away from 0 and 1 (Laplace's rule of succession);
- of any other metric, by how it varied from run to run before: 1.4826 times the median size of
  these changes, which is a normal distribution's standard deviation (Rousseeuw and Croux, 1993);
  at least four changes are needed.

Both take the two evaluations to be of different examples. On the same examples they vary less, so
that the judgement is on the safe side: what is called a regression is one. p-values are one-sided
and adjusted for the number of slices and metrics (Benjamini and Hochberg, 1995).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from microtome.errors import ConfigError
from microtome.slicing.keys import stringify_slice_key
from microtome.statistics.multiple import benjamini_hochberg
from microtome.tracking import direction, schema
from microtome.tracking.aligned import align
from microtome.tracking.evaluations import Evaluation

AGAINST = ("previous", "latest_blessed", "best")
COLUMNS = (
    *("run", "node", "slice", "metric", "value", "reference", "change", "relative_change"),
    *("n", "n_reference", "reference_run", "noise", "standard_error", "p_value", "p_adjusted"),
    "regressed",
)
_MIN_CHANGES = 4
_NORMAL = 1.4826
_LABEL_MEAN = "label/mean"

Floats = npt.NDArray[np.float64]


def find_regressions(
    evaluation: Evaluation,
    earlier: Sequence[Evaluation],
    against: str = "previous",
    metrics: Sequence[str] | None = None,
    lower_is_better: Collection[str] = (),
    min_examples: int = 0,
    min_change: float = 0.0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compares an evaluation with earlier ones.

    Args:
        evaluation: The one that is judged.
        earlier: Of the same pipeline and node, in order of time.
        against: "previous", "latest_blessed", or "best": for each slice and metric the best value
            of all earlier ones.
        metrics: By default all but those of which neither way is better, such as `label/mean`.
        lower_is_better: Metrics of which less is better, besides those whose names tell it.
        min_examples: Slices with fewer examples, now or then, are left out.
        min_change: Smaller changes for the worse do not count as regressions.
        confidence: 1 minus the share of false ones that is allowed among the regressions.

    Returns:
        One row a slice and metric that both have, worst first, with the columns COLUMNS.
        `regressed` is missing where the noise is not known. Empty if there is nothing to compare
        with.

    Raises:
        ConfigError: `against` is none of AGAINST, or a metric is not recorded.
    """
    if against not in AGAINST:
        raise ConfigError(f"against is {against!r}; it can be {', '.join(map(repr, AGAINST))}.")
    if against == "latest_blessed":
        references = [one for one in earlier if one.verdict == schema.BLESSED][-1:]
    else:
        references = list(earlier if against == "best" else earlier[-1:])
    block = evaluation.block
    names = _judged_metrics(block.metrics, metrics)
    if not references or not names:
        return pd.DataFrame(columns=list(COLUMNS))
    is_lower = [direction.is_lower_better(name, lower_is_better) for name in names]
    signs = np.where(is_lower, -1.0, 1.0)
    values = block.values[:, [block.metrics.index(name) for name in names]]
    history = align(earlier, block.keys, [*names, _LABEL_MEAN])
    label_means = history.values[:, :, -1]
    history = dataclasses.replace(history, values=history.values[:, :, :-1])
    chosen = _choose(history.values, signs, [earlier.index(one) for one in references])
    reference = np.take_along_axis(history.values, chosen[np.newaxis], axis=0)[0]
    counts, means = (_chosen(of_slices, chosen) for of_slices in (history.counts, label_means))
    counts_now = block.counts[:, np.newaxis].astype(np.float64)
    bases = _bases(names, counts_now, block.column(_LABEL_MEAN)[:, np.newaxis])
    by_examples = np.sqrt(
        _variance(values, bases) + _variance(reference, _bases(names, counts, means))
    )
    errors, kinds = _noise(by_examples, history.values)
    table = _table(evaluation, names, earlier, chosen)
    table = table.assign(
        value=values.reshape(-1),
        reference=reference.reshape(-1),
        change=(values - reference).reshape(-1),
        n=np.repeat(block.counts, len(names)),
        n_reference=counts.reshape(-1).astype(np.int64),
        noise=kinds.reshape(-1),
        standard_error=errors.reshape(-1),
    )
    worse = (signs * (reference - values)).reshape(-1)
    enough = (table["n"] >= min_examples) & (table["n_reference"] >= min_examples)
    return _judged(table, worse, (enough & np.isfinite(worse)).to_numpy(), min_change, confidence)


def _judged_metrics(known: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    if wanted is None:
        return [name for name in known if direction.higher_is_better(name) is not None]
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"There is no metric {name!r} in the evaluation. It has: {', '.join(known)}."
            )
    return list(wanted)


def _choose(history: Floats, signs: Floats, references: Sequence[int]) -> npt.NDArray[np.int64]:
    """The evaluation that each slice and metric is held against, `[slices, metrics]`."""
    signed = history[list(references)] * signs
    best = np.argmax(np.where(np.isnan(signed), -np.inf, signed), axis=0)
    return np.asarray(references, np.int64)[best]


def _chosen(of_slices: Floats, chosen: npt.NDArray[np.int64]) -> Floats:
    """Of `[evaluations, slices]`, what the chosen evaluation has: `[slices, metrics]`."""
    return of_slices[chosen, np.arange(len(chosen))[:, np.newaxis]]


def _bases(names: Sequence[str], counts: Floats, label_means: Floats) -> Floats:
    """The examples that each rate is a share of, `[slices, metrics]`; NaN where unknown."""
    shape = (len(counts), len(names))
    positives = np.broadcast_to(counts * label_means, shape)
    counts = np.broadcast_to(counts, shape)
    known = {
        "all": counts,
        "positives": positives,
        "negatives": counts - positives,
        "rarer label": np.minimum(positives, counts - positives),
    }
    bases = np.full(shape, np.nan)
    for i, name in enumerate(names):
        if base := direction.base_of(name):
            bases[:, i] = known[base][:, i]
    return bases


def _variance(rates: Floats, bases: Floats) -> Floats:
    with np.errstate(all="ignore"):
        least = 1 / (bases + 2)
        inside = np.clip(rates, least, 1 - least)
        is_rate = (rates >= 0) & (rates <= 1) & (bases > 0)
        return np.where(is_rate, inside * (1 - inside) / bases, np.nan)


def _noise(by_examples: Floats, history: Floats) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Standard errors of the changes `[slices, metrics]`, NaN where unknown, and whence."""
    changes = np.abs(np.diff(history, axis=0))
    spread = np.full(by_examples.shape, np.nan)
    enough = np.sum(~np.isnan(changes), axis=0) >= _MIN_CHANGES
    spread[enough] = _NORMAL * np.nanmedian(changes[:, enough], axis=0)
    known = ~np.isnan(by_examples)
    kinds = np.where(known, "examples", np.where(np.isnan(spread), "", "runs"))
    return np.where(known, by_examples, spread), kinds.astype(object)


def _table(
    evaluation: Evaluation,
    names: Sequence[str],
    earlier: Sequence[Evaluation],
    chosen: npt.NDArray[np.int64],
) -> pd.DataFrame:
    slices = [stringify_slice_key(key) for key in evaluation.block.keys]
    runs = np.array([one.run for one in earlier], object)
    return pd.DataFrame(
        {
            "run": evaluation.run,
            "node": evaluation.node,
            "slice": np.repeat(np.array(slices, object), len(names)),
            "metric": np.tile(np.array(names, object), len(slices)),
            "reference_run": runs[chosen].reshape(-1),
        }
    )


def _judged(
    table: pd.DataFrame,
    worse: Floats,
    is_compared: npt.NDArray[np.bool_],
    min_change: float,
    confidence: float,
) -> pd.DataFrame:
    table, worse = table[is_compared].reset_index(drop=True), worse[is_compared]
    error = table["standard_error"].to_numpy()
    with np.errstate(all="ignore"):
        relative = table["change"] / table["reference"].abs()
        p_value = special.ndtr(-worse / error)
    # without any spread, any change at all is one
    p_value = np.where(error == 0, np.where(worse > 0, 0.0, 1.0), p_value)
    known = ~np.isnan(p_value)
    adjusted = benjamini_hochberg(p_value)
    regressed = pd.array(
        (adjusted < 1 - confidence) & (worse > 0) & (worse >= min_change), dtype="boolean"
    )
    regressed[~known] = pd.NA
    table = table.assign(
        relative_change=relative, p_value=p_value, p_adjusted=adjusted, regressed=regressed
    )
    order = np.lexsort((-worse, np.nan_to_num(p_value, nan=2.0)))
    return table.iloc[order].reset_index(drop=True)[list(COLUMNS)]
