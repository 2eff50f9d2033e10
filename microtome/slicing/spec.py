"""Which slices are asked for.

Synopsis:

    SingleSliceSpec()                                                   # Overall
    SingleSliceSpec(columns=["country"])                                # every country
    SingleSliceSpec(columns=["country"], features=[("device", "tv")])   # every country, on TVs
    SingleSliceSpec(buckets={"distance": [0, 500, 1000]})               # four ranges of distance
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from microtome.errors import ConfigError
from microtome.slicing import buckets as buckets_lib
from microtome.slicing.keys import SliceKey, SliceValue, slice_value

if TYPE_CHECKING:
    from microtome.proto import config_pb2


@functools.total_ordering
class SingleSliceSpec:
    """A set of slices: every value of some columns × buckets of others × fixed values of others.

    A row stands in a slice of the spec for every combination of its own values in these columns; a
    row that lacks one of them stands in none. A spec of nothing is the whole data, Overall.

    A fixed value is compared with a string feature as text, just as it was given, and with a
    numeric feature as a number, if it reads as one (a text with a `.` as a float, else as an int).
    The slice's key shows what was given: the number 7 for `"007"` on a numeric feature, the text
    `007` on a string feature. With 32-bit floats it is compared in their precision, so that 0.1 is
    found there. Where keys show bytes escaped, that text finds them.

    Specs are immutable, hashable, and sort (Overall first).
    """

    __slots__ = ("_buckets", "_columns", "_features")

    def __init__(
        self,
        columns: Iterable[str] = (),
        features: Iterable[tuple[str, SliceValue]] | Mapping[str, SliceValue] = (),
        buckets: Mapping[str, Iterable[float]] | None = None,
    ):
        """Initialises the spec.

        Args:
          columns: features whose every value makes a slice.
          features: (feature, value) pairs, or a mapping. A feature may be named twice: then a row
            must have both values.
          buckets: for a numeric feature, ascending edges that part it into ranges: `[-inf, a)`,
            `[a, b)`, …, `[z, inf)`, and `nan`. The feature need not stand in `columns`.

        Raises:
          ConfigError: an argument has another form, or a feature is in `features` and elsewhere.
        """
        self._features = tuple(sorted(set(_feature_texts(features))))
        self._buckets = tuple(
            sorted(
                (_name(c, "buckets"), buckets_lib.checked_edges(c, e))
                for c, e in (buckets or {}).items()
            )
        )
        self._columns = tuple(
            sorted(set(_column_names(columns)) - {column for column, _ in self._buckets})
        )
        fixed = {column for column, _ in self._features}
        for other, names in (
            ("columns", self._columns),
            ("buckets", [column for column, _ in self._buckets]),
        ):
            both = sorted(fixed.intersection(names))
            if both:
                raise ConfigError(
                    f"a slice spec names {', '.join(map(repr, both))} in both `{other}` and "
                    f"`features`: keep it in `features` for the given value only, or in `{other}` "
                    "for all"
                )

    @property
    def columns(self) -> tuple[str, ...]:
        """The features whose every value makes a slice, sorted."""
        return self._columns

    @property
    def features(self) -> tuple[tuple[str, SliceValue], ...]:
        """The fixed (feature, value) pairs, sorted.

        Values that are the plain form of a number are given as numbers, others as text.
        """
        return tuple((column, _plain_number(text)) for column, text in self._features)

    @property
    def feature_texts(self) -> tuple[tuple[str, str], ...]:
        """The fixed (feature, value) pairs, sorted, values as text."""
        return self._features

    @property
    def buckets(self) -> dict[str, tuple[float, ...]]:
        """The edges of each bucketed feature."""
        return dict(self._buckets)

    @property
    def names(self) -> frozenset[str]:
        """All features that the spec reads."""
        pairs = (*self._features, *self._buckets)
        return frozenset(self._columns).union(column for column, _ in pairs)

    def is_overall(self) -> bool:
        """Says whether this is the spec of the whole data."""
        return not self.names

    def is_slice_applicable(self, key: SliceKey) -> bool:
        """Says whether a slice key is one of this spec's."""
        named = [*self._columns, *(column for column, _ in (*self._features, *self._buckets))]
        if sorted(named) != [column for column, _ in key]:
            return False
        items = set(key)
        if any(
            (column, text) not in items and not _holds_number(key, column, text)
            for column, text in self._features
        ):
            return False
        edges = self.buckets
        return all(
            value in buckets_lib.bucket_labels(edges[column])
            for column, value in key
            if column in edges
        )

    @classmethod
    def from_proto(cls, proto: config_pb2.SlicingSpec) -> SingleSliceSpec:
        """Makes a spec of a `microtome.SlicingSpec` message.

        Raises:
          ConfigError: the message is not a valid spec, or asks for `slice_keys_sql`.
        """
        if proto.slice_keys_sql:
            raise ConfigError(
                "slicing_specs: `slice_keys_sql` is not supported; use `feature_keys`, "
                "`feature_values` or `buckets`, or add a derived feature in the "
                "eval_input_receiver_fn"
            )
        edges = {
            column: list(proto.buckets[column].edges) for column in getattr(proto, "buckets", ())
        }
        return cls(proto.feature_keys, dict(proto.feature_values), edges)

    def to_proto(self) -> config_pb2.SlicingSpec:
        """Returns the spec as a `microtome.SlicingSpec` message.

        Raises:
          ConfigError: one feature has two values, which the message cannot say.
        """
        from microtome.proto import config_pb2

        values = dict(self._features)
        if len(values) < len(self._features):
            raise ConfigError(
                f"a SlicingSpec message holds one value a feature, but the spec is {self!r}"
            )
        names = sorted(self.names.difference(values))
        proto = config_pb2.SlicingSpec(feature_keys=names, feature_values=values)
        for column, edges in self._buckets:
            proto.buckets[column].edges.extend(edges)
        return proto

    def _identity(self) -> tuple[Any, ...]:
        return len(self.names), self._columns, self._features, self._buckets

    def __eq__(self, other: object) -> bool:
        return (
            self._identity() == other._identity()
            if isinstance(other, SingleSliceSpec)
            else NotImplemented
        )

    def __lt__(self, other: SingleSliceSpec) -> bool:
        return (
            self._identity() < other._identity()
            if isinstance(other, SingleSliceSpec)
            else NotImplemented
        )

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        named = {
            "columns": list(self.columns),
            "features": list(self.features),
            "buckets": self.buckets,
        }
        return f"SingleSliceSpec({', '.join(f'{k}={v!r}' for k, v in named.items() if v)})"


def spec_number(text: str) -> int | float | None:
    """Returns the number that a spec's text stands for on a numeric feature, if any.

    It is a float if the text has a `.`, else an int.
    """
    try:
        if "." in text or text in ("nan", "inf", "-inf"):
            return float(text)
        return int(text)
    except ValueError:
        return None


def _plain_number(text: str) -> SliceValue:
    number = spec_number(text)
    return text if number is None or not math.isfinite(number) or _text(number) != text else number


def _holds_number(key: SliceKey, column: str, text: str) -> bool:
    number = spec_number(text)
    if number is None:
        return False
    values = [value for name, value in key if name == column and not isinstance(value, str)]
    return any(value == number or (value != value and number != number) for value in values)


def _text(value: object) -> str:
    """The text of a given value, such that `spec_number` gives a number back as it was."""
    known = slice_value(value)
    text = str(known)
    if isinstance(known, float) and "." not in text and "e" in text:
        return text.replace("e", ".0e")
    return text


def _column_names(columns: Iterable[str]) -> list[str]:
    if isinstance(columns, (str, bytes)):
        raise ConfigError(
            "`columns` must be a list of feature names, not one string: write "
            f"columns=[{columns!r}]"
        )
    return [_name(column, "columns") for column in columns]


def _feature_texts(
    features: Iterable[tuple[str, SliceValue]] | Mapping[str, SliceValue],
) -> list[tuple[str, str]]:
    form = (
        '`features` must be a list of (feature, value) pairs, such as features=[("device", "tv")]'
    )
    if isinstance(features, (str, bytes)):
        raise ConfigError(f"{form}, not one string: {features!r}")
    texts = []
    for pair in features.items() if isinstance(features, Mapping) else features:
        if (
            isinstance(pair, (str, bytes))
            or not isinstance(pair, Iterable)
            or len(pair := tuple(pair)) != 2
        ):
            raise ConfigError(f"{form}; it holds {pair!r}")
        column, value = pair
        try:
            texts.append((_name(column, "features"), _text(value)))
        except TypeError:
            raise ConfigError(
                f"{form}; the value of {column!r} is {value!r}, neither text nor a number"
            ) from None
    return texts


def _name(column: object, where: str) -> str:
    if not isinstance(column, str):
        raise ConfigError(f"`{where}` must name features by strings; it holds {column!r}")
    return column
