"""One evaluation, as the history knows it, wherever it was recorded."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
from collections.abc import Mapping
from typing import Any

from microtome.slicing.keys import SliceKey
from microtome.tracking import schema
from microtome.tracking.block import Block, unpack
from microtome.tracking.schema import Provenance


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One evaluation of one model on one set of data.

    Attributes:
        id: Of its artifact in ML Metadata; of a folder, its path.
        execution_id: Of the execution that made it; empty for a folder.
        time: When it was recorded, in UTC.
        run: The pipeline's run.
        provenance: What was evaluated on what.
        verdict: One of the schema's verdicts.
        reasons: What led to it.
        not_tracked: What of the slices is not recorded, for people; empty if all is.
        packed: All its tracked numbers, as `block.pack` gives them.
    """

    id: str
    execution_id: str
    time: datetime.datetime
    run: str
    provenance: Provenance
    verdict: str = schema.NOT_VALIDATED
    reasons: tuple[Mapping[str, Any], ...] = ()
    not_tracked: str = ""
    packed: str = dataclasses.field(default="", repr=False)

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self.provenance.pipeline_name

    @property
    def node(self) -> str:
        """The pipeline's node that evaluated."""
        return self.provenance.component_id

    @functools.cached_property
    def block(self) -> Block:
        """Its tracked slices.

        Raises:
            DataError: They cannot be read.
        """
        return unpack(self.packed)

    def number(self, key: SliceKey, metric: str) -> float:
        """A metric of a slice; NaN where it is not recorded."""
        position = self.block.position(key)
        return float("nan") if position is None else float(self.block.column(metric)[position])


def parse_reasons(text: str) -> tuple[Mapping[str, Any], ...]:
    """The reasons that stand in a property; none where it is empty."""
    return tuple(json.loads(text)) if text else ()
