"""Whether two evaluations may be compared."""

from __future__ import annotations

import dataclasses

from microtome.tracking.evaluations import Evaluation


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What of two evaluations differs that a comparison takes for equal.

    Attributes:
        same_data: Whether both were made on the same data; None if that is not recorded.
        same_config: Whether the same was computed; None if that is not recorded.
        same_model: Whether the same model was evaluated; None if that is not recorded.
        differences: For people, one line each.
    """

    same_data: bool | None
    same_config: bool | None
    same_model: bool | None
    differences: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether a difference of the numbers is one of the models alone."""
        return not self.differences

    def __str__(self) -> str:
        if self.is_valid:
            return "The comparison is valid: same data, same config, same version of the metrics."
        return "Not like with like:\n" + "\n".join(f"  - {line}" for line in self.differences)


def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """Compares what two evaluations were made of."""
    differences = []
    same_data = _same(a.provenance.data_digest, b.provenance.data_digest)
    if same_data is False:
        differences.append(f"the data differ: {_data(a)} and {_data(b)}")
    elif same_data is None:
        differences.append("whether the data are the same is not recorded")
    if a.provenance.split != b.provenance.split:
        differences.append(f"the splits: {a.provenance.split!r} and {b.provenance.split!r}")
    same_config = _same(a.provenance.config_digest, b.provenance.config_digest)
    if same_config is False:
        differences.append("the configs (slices, weights or options) differ")
    elif same_config is None:
        differences.append("whether the configs are the same is not recorded")
    versions = a.provenance.microtome_version, b.provenance.microtome_version
    if _series(versions[0]) != _series(versions[1]):
        differences.append(f"metrics may be defined otherwise: Microtome {' and '.join(versions)}")
    only = set(a.block.metrics) ^ set(b.block.metrics)
    if only:
        differences.append(f"only one of both has the metrics {', '.join(sorted(only))}")
    same_model = _same(a.provenance.model_digest, b.provenance.model_digest)
    return Comparison(same_data, same_config, same_model, tuple(differences))


def _same(a: str, b: str) -> bool | None:
    return a == b if a and b else None


def _series(version: str) -> str:
    """Until 1.0 a minor version may define a metric otherwise, later a major one."""
    parts = version.split(".")
    return ".".join(parts[:2]) if parts[0] == "0" else parts[0]


def _data(evaluation: Evaluation) -> str:
    known = evaluation.provenance
    return f"span {known.span}" if known.span else known.data_uri or "(unknown)"
