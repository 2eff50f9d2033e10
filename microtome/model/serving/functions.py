"""The functions of a loaded model, each with what it takes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from microtome.errors import ConfigError, ModelError
from microtome.model.loading import without_deprecation_warnings
from microtome.model.op_errors import op_error_text
from microtome.model.serving import inputs
from microtome.model.serving.declared import (
    CALL,
    Declared,
    graph_parses_examples,
    names_examples,
)
from microtome.model.serving.outputs import named
from microtome.model.width import row_bytes

_TYPES = tf.TensorSpec | tf.RaggedTensorSpec | tf.SparseTensorSpec


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of a model.

    Attributes:
        inputs: what it takes, `tf.TypeSpec` by name.
        takes_examples: whether its one input is the serialized examples.
        outputs: names of what it returns.
        call: from tensors by the inputs' names to what it returns, by name.
        row_bytes: of the widest tensor that it is known to compute.
    """

    name: str
    inputs: Mapping[str, Any]
    takes_examples: bool
    outputs: tuple[str, ...]
    call: Callable[[Mapping[str, Any]], dict[str, Any]]
    row_bytes: int = 1

    def __post_init__(self) -> None:
        if not self.takes_examples:
            for name, spec in self.inputs.items():
                inputs.check_spec(self.name, name, spec)

    def feeds(self, records: Any, frame: pa.RecordBatch | None) -> dict[str, Any]:
        """The tensors for a batch of records.

        Raises:
            ConfigError: the data are not of the form, or lack what the function takes.
            DataError: the values do not fit.
        """
        if self.takes_examples:
            if records is None:
                raise ConfigError(
                    f"The model's function {self.name!r} takes serialized tf.Examples, but the "
                    "data are columns. Give files of tf.Examples, or name a signature that takes "
                    "the features themselves in model_specs.signature_name."
                )
            (name,) = self.inputs
            return {name: tf.constant(np.asarray(records, dtype=object), tf.string)}
        if frame is None:
            raise ConfigError(
                f"The model's function {self.name!r} takes the features "
                f"{', '.join(sorted(self.inputs))}, but the data give no columns, only serialized "
                "records. Decode these columns, or name a signature that takes serialized "
                "tf.Examples in model_specs.signature_name."
            )
        return inputs.feature_tensors(self.inputs, frame)


def load_saved_model(declared: Declared) -> Any:
    """The model's objects, as `tf.saved_model.load` makes them.

    Raises:
        ModelError: they cannot be restored.
    """
    with without_deprecation_warnings():
        try:
            return tf.saved_model.load(declared.path, tags=list(declared.tags))
        except (tf.errors.OpError, ValueError, OSError) as error:
            raise ModelError(
                f"The SavedModel {declared.path!r} cannot be restored: {op_error_text(error)} Its "
                "directory must hold saved_model.pb, variables/ and assets/ as they were exported."
            ) from error


def function_of(loaded: Any, declared: Declared, name: str) -> Function:
    """A signature of a loaded model, or the function or callable object of a name on it.

    Raises:
        ConfigError: it takes what cannot be fed, or was not saved as a function.
    """
    if name in declared.signatures:
        return _of_signature(loaded.signatures[name], declared, name)
    target = loaded if name == CALL else getattr(loaded, name)
    if not hasattr(target, "concrete_functions"):
        target = getattr(target, CALL, None)
    traces = [_Trace.of(each) for each in getattr(target, "concrete_functions", ())]
    usable = [trace for trace in traces if trace is not None]
    if not usable:
        raise ConfigError(
            f"The model {declared.path!r} has {name!r}, but it was saved without a function of "
            "named tensors that can be called. Call it once before the export, or export it as a "
            f"signature. {declared.listing()}"
        )
    trace = min(usable, key=lambda each: each.is_training)
    takes_examples = trace.takes_examples()
    specs = trace.inputs
    return Function(
        name=name,
        inputs=specs,
        takes_examples=takes_examples,
        outputs=tuple(named(trace.outputs, trace.output_names)),
        call=lambda feeds: named(trace.call(target, feeds), trace.output_names),
        row_bytes=max(declared.row_bytes(), _widest(specs.values())),
    )


def _of_signature(function: Any, declared: Declared, name: str) -> Function:
    specs = dict(function.structured_input_signature[1])
    return Function(
        name=name,
        inputs=specs,
        takes_examples=declared.takes_examples(name),
        outputs=tuple(sorted(function.structured_outputs)),
        call=lambda feeds: dict(function(**feeds)),
        row_bytes=max(declared.row_bytes(), _widest(specs.values())),
    )


@dataclasses.dataclass(frozen=True)
class _Trace:
    """One trace of a restored function.

    Attributes:
        arguments, keywords: as it takes them; types stand for tensors.
        inputs: these types by name.
        outputs: types in the structure that it returns.
    """

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    inputs: Mapping[str, Any]
    outputs: Any
    graph_def: Any

    @classmethod
    def of(cls, concrete: Any) -> _Trace | None:
        """None where it takes a tensor without a name, or two of one name."""
        arguments, keywords = concrete.structured_input_signature
        specs: dict[str, Any] = {}
        for name, value in [*(("", each) for each in arguments), *keywords.items()]:
            group = value if isinstance(value, Mapping) else {_name(name, value): value}
            for key, spec in group.items():
                if isinstance(spec, _TYPES):
                    if not key or key in specs:
                        return None
                    specs[key] = spec
                elif isinstance(value, Mapping) or isinstance(spec, list | tuple):
                    return None
        graph_def = concrete.graph.as_graph_def()
        outputs = concrete.structured_outputs
        return cls(arguments, keywords, specs, outputs, graph_def) if specs else None

    @property
    def is_training(self) -> bool:
        return any(value is True for value in [*self.arguments, *self.keywords.values()])

    @property
    def output_names(self) -> tuple[str, ...]:
        """Of the items of a list, or of one alone, as their types have them."""
        is_list = isinstance(self.outputs, list | tuple)
        items = list(self.outputs) if is_list else [self.outputs]
        names = tuple(getattr(item, "name", None) or "" for item in items)
        return names if all(names) and len(set(names)) == len(names) else ()

    def takes_examples(self) -> bool:
        if len(self.inputs) != 1:
            return False
        ((name, spec),) = self.inputs.items()
        return takes_text(spec) and (names_examples(name) or graph_parses_examples(self.graph_def))

    def call(self, function: Callable[..., Any], feeds: Mapping[str, Any]) -> Any:
        def filled(name: str, value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: feeds[key] for key in value}
            return feeds[_name(name, value)] if isinstance(value, _TYPES) else value

        return function(
            *(filled("", value) for value in self.arguments),
            **{name: filled(name, value) for name, value in self.keywords.items()},
        )


def _name(keyword: str, value: Any) -> str:
    return keyword or getattr(value, "name", None) or ""


def takes_text(spec: Any) -> bool:
    """Whether an input takes one string a row."""
    is_dense = isinstance(spec, tf.TensorSpec) and spec.dtype == tf.string
    return is_dense and spec.shape.rank in (1, None)


def load_keras_file(path: str) -> Function:
    """A model that Keras saved as one file, called with `training=False`.

    Raises:
        ModelError: it cannot be loaded, or does not tell its inputs.
    """
    if not tf.io.gfile.exists(path):
        raise ModelError(f"No model of Keras in {path!r}: there is no such file.")
    try:
        model = tf.keras.models.load_model(path, compile=False)
    except Exception as error:
        raise ModelError(
            f"The model of Keras {path!r} cannot be loaded: {op_error_text(error)} Classes and "
            "functions of your own must be registered by "
            "tf.keras.utils.register_keras_serializable, in a module that is imported before. A "
            "SavedModel, as model.export(path) writes it, needs none of this."
        ) from error
    try:
        structure = model.input
    except (AttributeError, ValueError) as error:
        raise ModelError(
            f"The model of Keras {path!r} does not tell its inputs, as functional and sequential "
            "models do. Export it as a SavedModel with a signature."
        ) from error
    return _of_keras(model, structure, path)


def _of_keras(model: Any, structure: Any, path: str) -> Function:
    specs = {
        _keras_name(name): _keras_spec(tensor) for name, tensor in named_inputs(structure).items()
    }

    @tf.function(autograph=False, reduce_retracing=True)
    def call(feeds: Mapping[str, Any]) -> Any:
        if isinstance(structure, Mapping):
            given: Any = {key: feeds[key] for key in structure}
        elif isinstance(structure, list | tuple):
            given = [feeds[name] for name in specs]
        else:
            (given,) = feeds.values()
        return model(given, training=False)

    try:
        concrete = call.get_concrete_function(specs)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"The model of Keras {path!r} cannot be called with its own inputs "
            f"({', '.join(specs)}): {op_error_text(error)}"
        ) from error
    names = tuple(getattr(model, "output_names", ()))
    tensors = tf.nest.flatten(concrete.structured_outputs, expand_composites=True)
    ((name, spec),) = specs.items() if len(specs) == 1 else (("", None),)
    return Function(
        name=path,
        inputs=specs,
        takes_examples=takes_text(spec)
        and (names_examples(name) or graph_parses_examples(concrete.graph.as_graph_def())),
        outputs=tuple(named(concrete.structured_outputs, names)),
        call=lambda feeds: named(call(dict(feeds)), names),
        row_bytes=max(_widest(specs.values()), _widest(tensors)),
    )


def named_inputs(structure: Any) -> dict[str, Any]:
    """The tensors that a model of Keras takes, by their keys in a dict or their own names."""
    if isinstance(structure, Mapping):
        return dict(structure)
    tensors = structure if isinstance(structure, list | tuple) else [structure]
    return {tensor.name: tensor for tensor in tensors}


def _keras_name(name: str) -> str:
    return name.partition(":")[0]


def _keras_spec(tensor: Any) -> Any:
    spec = getattr(tensor, "type_spec", None)
    if spec is not None:
        return spec
    shape, dtype = list(tensor.shape), tf.as_dtype(tensor.dtype)
    if getattr(tensor, "sparse", False):
        return tf.SparseTensorSpec(shape, dtype)
    if getattr(tensor, "ragged", False):
        return tf.RaggedTensorSpec(shape, dtype)
    return tf.TensorSpec(shape, dtype)


def _widest(specs: Any) -> int:
    known = (spec for spec in specs if spec.shape.rank is not None)
    return max((row_bytes(spec.shape.as_list(), spec.dtype.size) for spec in known), default=1)


def union_of_inputs(functions: Sequence[Function]) -> tuple[str, ...]:
    """The features that functions take, each once."""
    names = itertools.chain.from_iterable(
        function.inputs for function in functions if not function.takes_examples
    )
    return tuple(dict.fromkeys(names))
