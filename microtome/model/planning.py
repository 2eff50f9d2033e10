"""Plans how each metric of a model is computed, from its graph and a few examples."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from microtome.errors import DataError, ModelError, RefusedExampleError
from microtome.metrics.collection import NO_METRICS, Collection
from microtome.metrics.views import Examples
from microtome.model import check, parsing
from microtome.model.contributions import (
    ContributionFetcher,
    fetcher_for,
)
from microtome.model.feeding import BatchRunner, Records, RowFeeder
from microtome.model.fingerprint import Fingerprints
from microtome.model.leaves import DenseLeaf, Leaf, ScatteredLeaf, share_fetches, with_layout
from microtome.model.loading import LoadedModel
from microtome.model.locality import check_leaves
from microtome.model.lower import LowerHalf
from microtome.model.lower_build import build_lower_half
from microtome.model.measure import Candidate, NotALeaf, Unusable
from microtome.model.op_errors import op_error_text
from microtome.model.plan import MetricPlan, Path, Plan
from microtome.model.reference import ReferenceGraph, RowsFeed
from microtome.model.structure import Structure, analyze
from microtome.slicing.contributions import Contributions, concatenate

_LOG = logging.getLogger(__name__)

# numbers of examples on which shapes are measured; the smaller for models that refuse larger
# batches
_PROBE_SIZES = ((17, 48), (6, 11), (2, 3), (1, 2))
MAX_EXAMPLES = _PROBE_SIZES[0][1]


def make_plan(
    model: LoadedModel,
    examples: Records,
    weight_keys: Sequence[str] = (),
    features: Sequence[str] = (),
    collection: Collection = NO_METRICS,
) -> Plan:
    """Plans the computation of all metrics of a loaded model.

    Args:
        model: ops are added to its graph.
        examples: some serialized examples of the data; no more than MAX_EXAMPLES are used.
        weight_keys: features that weigh examples.
        features: the slicing features that the model's evaluator will be asked for.
        collection: the metrics outside the graph.

    Raises:
        RefusedExampleError: the model refuses one of the examples, or all.
        DataError: there are no examples.
        ConfigError: a weight is no feature of the model.
    """
    if len(examples) == 0:
        raise DataError("There are no examples, so there is nothing to evaluate.")
    examples = [bytes(example) for example in examples[:MAX_EXAMPLES]]
    _check_features_found(model, examples)
    try:
        with model.graph.as_default():
            structure, leaves, batch_size = _find_leaves(model, examples)
            probe = examples[:batch_size]
            reference = _reference(model, structure)
            fetched, owners = share_fetches(leaves, _canonical_names(model.graph))
            checked, refused = check_leaves(
                model, fetched, probe, features, weight_keys, collection.all_sources
            )
            usable = {}
            for name, leaf in leaves.items():
                if owners[name] in refused:
                    structure.refuse_leaf(name, refused[owners[name]])
                else:
                    usable[name] = with_layout(leaf, checked[owners[name]])
            planner = _Planner(
                model,
                structure,
                usable,
                owners,
                tuple(checked.values()),
                tuple(weight_keys),
                probe,
                collection,
            )
            plan = planner.plan(features, reference)
    except tf.errors.OpError as error:
        find_refused_example(model, examples)
        raise ModelError(
            f"The metrics of the EvalSavedModel {model.signature.path!r} cannot be run: "
            f"{op_error_text(error)}"
        ) from error
    _report(plan)
    return plan


def _reference(model: LoadedModel, structure: Structure) -> ReferenceGraph:
    everything = list(structure.reads)
    available = [name for name in everything if name not in structure.unavailable]
    return ReferenceGraph(model, available, everything, structure.written_by(everything))


def _canonical_names(graph: tf.Graph) -> Callable[[str], str]:
    fingerprints = Fingerprints()
    return lambda name: fingerprints.canonical(graph.get_tensor_by_name(name))


def _find_leaves(
    model: LoadedModel, examples: list[bytes]
) -> tuple[Structure, dict[str, Leaf], int]:
    """Analyzes the graph and measures the shapes of what may reduce rows, until both agree.

    Returns:
        The structure, the leaves by output, and a number of examples that the model takes in one
        batch.
    """
    no_leaves: frozenset[str] = frozenset()
    while True:
        structure = analyze(model, no_leaves)
        candidates = [
            Candidate(name, _leaf_op(model.graph, name)) for name in structure.leaf_names()
        ]
        leaves, wrong, batch_size = _measure(model, structure, candidates, examples)
        if not wrong:
            return structure, leaves, batch_size
        no_leaves |= wrong


def _leaf_op(graph: tf.Graph, name: str) -> tf.Operation:
    return graph.get_operation_by_name(name.partition(":")[0])


def _measure(
    model: LoadedModel, structure: Structure, candidates: list[Candidate], examples: list[bytes]
) -> tuple[dict[str, Leaf], frozenset[str], int]:
    leaves, wrong = {}, set()
    fetches = {(c.output, key): tensor for c in candidates for key, tensor in c.probes.items()}
    try:
        small, large, rows, batch_size = _two_batches(model, fetches, examples)
    except _OneAtATime as reason:
        for candidate in candidates:
            structure.refuse_leaf(candidate.output, str(reason))
        return {}, frozenset(), 1
    for candidate in candidates:
        of_small, of_large = (
            {key: values[candidate.output, key] for key in candidate.probes}
            for values in (small, large)
        )
        try:
            leaves[candidate.output] = candidate.leaf(of_small, of_large, rows)
        except NotALeaf:
            wrong.add(candidate.output)
        except Unusable as reason:
            structure.refuse_leaf(
                candidate.output, f"{candidate.op.type} {candidate.op.name!r}: {reason}"
            )
    return leaves, frozenset(wrong), batch_size


class _OneAtATime(Exception):
    """The model takes no batch of several examples."""


def _two_batches(
    model: LoadedModel, fetches: dict[tuple[str, str], tf.Tensor], examples: list[bytes]
) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str], Any], tuple[int, int], int]:
    """Evaluates tensors on two batches: both values, their rows, the larger batch size."""
    runner = BatchRunner(model, [model.num_rows, *fetches.values()])
    error: Exception | None = None
    for sizes in _PROBE_SIZES:
        try:
            steps = [runner([examples[i % len(examples)] for i in range(size)]) for size in sizes]
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError) as refusal:
            if error is None:
                find_refused_example(model, examples)
            error = refusal
            continue
        if any(len(step) != 1 for step in steps):
            # the model's own iterator makes smaller batches
            continue
        (small,), (large,) = steps
        if small[0] != large[0]:
            values = [dict(zip(fetches, batch[1:], strict=True)) for batch in (small, large)]
            return values[0], values[1], (int(small[0]), int(large[0])), sizes[1]
    if error is None:
        raise _OneAtATime("the number of rows does not grow with the number of examples")
    raise _OneAtATime("the model refuses batches of more than one example") from error


def find_refused_example(model: LoadedModel, examples: Sequence[bytes]) -> None:
    """Runs the model on each example alone.

    Raises:
        RefusedExampleError: it refuses one, or all.
    """
    runner = BatchRunner(model, [update for _, update in model.metrics.values()])
    refusals: dict[int, tf.errors.OpError] = {}
    for number, example in enumerate(examples):
        try:
            runner([example])
        except tf.errors.OpError as error:
            refusals[number] = error
    if not refusals:
        return
    number, refusal = next(iter(refusals.items()))
    remedy = ""
    if 1 < len(refusals) == len(examples):
        remedy = _not_its_data(model, examples)
    raise RefusedExampleError(number, op_error_text(refusal), remedy) from refusal


def _check_features_found(model: LoadedModel, examples: Sequence[bytes]) -> None:
    """Refuses examples of which the model, without an error, would parse nothing."""
    if parsing.are_of_other_features(model.signature.parsed, examples):
        raise RefusedExampleError(
            0,
            "it has none of the features that are parsed, so that all would count as missing.",
            _not_its_data(model, examples),
        )


def _not_its_data(model: LoadedModel, examples: Sequence[bytes]) -> str:
    parsed = model.signature.parsed
    if parsed:
        wanted = parsing.compared(parsed, examples[0])
    else:
        names = ", ".join(sorted(model.features)) or "(none)"
        wanted = f"The model has the features {names}."
    others = f"So are all {len(examples)} examples that were tried. " if len(examples) > 1 else ""
    return f"{others}{wanted} {parsing.HOW_TO_GIVE}"


class _Planner:
    """Chooses each metric's path and lays out the sums."""

    def __init__(
        self,
        model: LoadedModel,
        structure: Structure,
        leaves: dict[str, Leaf],
        owners: dict[str, str],
        fetched: Sequence[Leaf],
        weight_keys: tuple[str, ...],
        examples: list[bytes],
        collection: Collection,
    ):
        self._model = model
        self._collection = collection
        self._structure = structure
        self._weight_keys = weight_keys
        self._examples = examples
        self._leaves = leaves
        self._owners = owners
        self._dense = tuple(leaf for leaf in fetched if isinstance(leaf, DenseLeaf))
        self._scattered = tuple(leaf for leaf in fetched if isinstance(leaf, ScatteredLeaf))
        # making a lower half anew costs seconds in `LowerHalf.finish`
        self._built: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[list[str], LowerHalf]] = {}
        self._paths: dict[str, MetricPlan] = {
            name: MetricPlan(name, Path.UNAVAILABLE, reason)
            for name, reason in structure.unavailable.items()
        }

    def plan(self, features: Sequence[str], reference: ReferenceGraph) -> Plan:
        cut = [name for name in self._undecided() if not self._structure.refusal(name)]
        to_check, lower = self._lower(cut, [])
        fetcher = fetcher_for(
            self._model,
            self._dense,
            self._scattered,
            features,
            self._weight_keys,
            self._collection.all_sources,
        )
        feeder = RowFeeder(self._model)
        contributions = self._contributions(fetcher)
        self._collection = self._collection.fitted(
            Examples(contributions.num_rows, contributions.seen)
        )
        feed = feeder.load(self._examples)
        self._check(to_check, lower, contributions, reference, feed)
        self._choose_reference(reference, feed, contributions.num_rows)
        # who uses the model next finds it as it was loaded
        reference.reset()
        return self._assemble()

    def _undecided(self) -> list[str]:
        return [name for name in self._structure.reads if name not in self._paths]

    def _contributions(self, fetcher: ContributionFetcher) -> Contributions:
        try:
            return fetcher(self._examples)
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError):
            find_refused_example(self._model, self._examples)
            singles = [fetcher([example]) for example in self._examples]
            return concatenate(singles, [1] * len(singles))

    def _check(
        self,
        names: list[str],
        lower: LowerHalf,
        contributions: Contributions,
        reference: ReferenceGraph,
        feed: RowsFeed,
    ) -> None:
        bins = [leaf.bins for leaf in self._scattered]
        differences = check.find_differences(
            lower,
            lambda rows: check.group_sums(contributions, rows, bins),
            reference,
            feed,
            check.row_groups(contributions.num_rows),
        )
        for name in names:
            if name in differences:
                self._structure.refused[f"self-check of {name}"] = differences[name]
                self._structure.reads[name].add(f"self-check of {name}")
            else:
                self._paths[name] = self._structure.cut_plan(name)

    def _choose_reference(self, reference: ReferenceGraph, feed: RowsFeed, num_rows: int) -> None:
        names = self._undecided()
        if not names:
            return
        batch_bound = check.not_additive(reference, feed, num_rows)
        for name in names:
            why = self._why_not_summed(name, batch_bound)
            path = Path.REFERENCE_ROWS if why else Path.REFERENCE_SUMS
            self._paths[name] = MetricPlan(
                name, path, "; ".join(filter(None, [self._structure.refusal(name), why]))
            )

    def _why_not_summed(self, metric: str, batch_bound: set[str]) -> str:
        """Why what batches add to the metric's variables cannot be summed; empty where it can."""
        for name in sorted(self._structure.reads[metric]):
            variable = self._structure.variables.get(name)
            if variable is None:
                continue
            if not variable.may_be_summed or self._structure.cutter.reads_variables(variable):
                return f"the update of {name!r} depends on what came before"
            if name in batch_bound:
                return f"what a batch adds to {name!r} is not the sum of what its parts add"
        return ""

    def _assemble(self) -> Plan:
        cut = sorted(name for name, plan in self._paths.items() if plan.path.is_cut)
        summed = sorted(
            name for name, plan in self._paths.items() if plan.path is Path.REFERENCE_SUMS
        )
        _, lower = self._lower(cut, summed)
        summed = [name for name in summed if self._paths[name].path is Path.REFERENCE_SUMS]
        variables = self._summed_variables(summed)
        width = sum(
            int(np.prod(self._structure.variables[name].initial.shape)) for name in variables
        )
        return Plan(
            weight_keys=self._weight_keys,
            dense=self._dense,
            scattered=self._scattered,
            summed=tuple(variables),
            summed_width=width,
            lower=lower,
            metrics=tuple(self._paths[name] for name in sorted(self._paths)),
            collection=self._collection,
        )

    def _summed_variables(self, summed: list[str]) -> list[str]:
        known = self._structure.variables
        return sorted(
            {name for metric in summed for name in self._structure.reads[metric] if name in known}
        )

    def _lower(self, cut: list[str], summed: list[str]) -> tuple[list[str], LowerHalf]:
        """Builds the lower half; metrics without a pure form go to REFERENCE_ROWS."""
        if (known := self._built.get((tuple(cut), tuple(summed)))) is not None:
            return known
        columns = self._columns(self._summed_variables(summed))
        lower, failures = build_lower_half(
            self._model,
            self._structure,
            cut=cut,
            summed=summed,
            leaves=self._leaves,
            columns=columns,
        )
        for name, reason in failures.items():
            self._paths[name] = MetricPlan(name, Path.REFERENCE_ROWS, reason)
        cut, summed = ([name for name in names if name not in failures] for names in (cut, summed))
        self._built[tuple(cut), tuple(summed)] = [*cut, *summed], lower
        return [*cut, *summed], lower

    def _columns(self, summed: list[str]) -> dict[str, int]:
        """First column of each leaf and of each summed variable."""
        columns, column = {}, 1 + len(self._weight_keys)
        for leaf in (*self._dense, *self._scattered):
            columns[leaf.output] = column
            column += leaf.width
        for name in self._leaves:
            columns[name] = columns.get(self._owners[name], 0)
        for name in summed:
            columns[f"sum of {name}"] = column
            column += int(np.prod(self._structure.variables[name].initial.shape))
        return columns


def _report(plan: Plan) -> None:
    for metric in plan.metrics:
        if metric.path is not Path.CUT:
            _LOG.warning("Metric %s: %s (%s)", metric.name, metric.path.value, metric.reason)
