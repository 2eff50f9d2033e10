"""`microtome inspect`: what an EvalSavedModel declares, and how it will be evaluated."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from microtome.cli import quiet

if TYPE_CHECKING:
    from microtome.model.describe import TensorForm
    from microtome.model.inspection import MetricAccount, ModelAccount

_ERAS = {
    "signature": "of TFMA 0.12 and later",
    "collections": "of TFMA 0.9 to 0.11",
    "serve": "of TFMA 0.6",
}


def run(args: argparse.Namespace) -> None:
    """Loads the model and prints the account.

    Raises:
        ModelError: the directory holds no EvalSavedModel.
        DataError: the data cannot be read, or does not fit the model.
    """
    with quiet.silent_imports(args.debug):
        from microtome.executor.inspection import inspect_shared_model
        from microtome.executor.shared_model import default_eval_shared_model
        from microtome.model import planning  # noqa: F401
    model = default_eval_shared_model(args.model, example_weight_key=args.weight)
    account = inspect_shared_model(model, args.data, args.format)
    if args.json:
        print(json.dumps(account.to_json(), indent=2))
    else:
        print("\n".join(_lines(account)))


def _lines(account: ModelAccount) -> Iterator[str]:
    version = f", version {account.version}" if account.version else ""
    yield f"EvalSavedModel: {account.path}"
    yield f"format: {account.era} ({_ERAS[account.era]}){version}; tags: {', '.join(account.tags)}"
    rows = "one row an example" if account.one_row_an_example else "rows by input_refs"
    yield from _tensors(f"inputs ({rows})", account.inputs)
    yield from _tensors("features", account.features)
    yield from _tensors("labels", account.labels)
    yield from _tensors("predictions", account.predictions)
    yield ""
    if account.settled:
        yield f"metrics ({len(account.metrics)}), as settled and checked with examples:"
    else:
        yield (
            f"metrics ({len(account.metrics)}), provisional, from the graph alone; --data settles "
            "and checks them:"
        )
    for metric in account.metrics:
        yield from _metric(metric)
    if account.settled:
        yield ""
        yield (
            f"{account.bytes_per_row} bytes are fetched a row. A slice's sums are "
            f"{account.columns} numbers and {sum(account.bins or ())} bins of "
            f"{len(account.bins or ())} histograms."
        )


def _tensors(heading: str, forms: Mapping[str, TensorForm]) -> Iterator[str]:
    yield ""
    yield f"{heading}:" if forms else f"{heading}: none"
    names = {name: name.removeprefix("__") for name in forms}
    width = max(map(len, names.values()), default=0)
    for name, form in forms.items():
        shape = "?" if form.shape is None else ", ".join(map(_dimension, form.shape))
        kind = "" if form.kind == "dense" else f"  {form.kind}"
        yield f"  {names[name]:<{width}}  {form.dtype or '?':<7} [{shape}]{kind}"


def _dimension(size: int | None) -> str:
    return "?" if size is None else str(size)


def _metric(metric: MetricAccount) -> Iterator[str]:
    yield f"  {metric.name}: {metric.path}"
    if metric.reason:
        yield f"    because {metric.reason}"
    for variable in metric.variables:
        shape = f"[{', '.join(map(str, variable.shape))}]"
        if variable.refused:
            yield f"    {variable.name} {shape}: not from sums over rows"
        else:
            yield f"    {variable.name} {shape} += {', '.join(variable.sums) or 'a constant'}"
