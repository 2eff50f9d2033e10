"""Finds tensors that always have equal values, so that they are fetched once."""

from __future__ import annotations

import hashlib

import tensorflow as tf

_IGNORED_ATTRIBUTES = ("_class", "_output_shapes", "shared_name")


class Fingerprints:
    """Fingerprints, equal for tensors that the same pure ops compute from the same sources.

    Control inputs do not count: nothing that an evaluation fetches is written during it.
    """

    def __init__(self) -> None:
        self._of_op: dict[tf.Operation, bytes] = {}
        self._first: dict[bytes, str] = {}

    def canonical(self, tensor: tf.Tensor) -> str:
        """The name of the first tensor seen with the same fingerprint."""
        fingerprint = self._op(tensor.op) + str(tensor.value_index).encode()
        return self._first.setdefault(fingerprint, tensor.name)

    def _op(self, root: tf.Operation) -> bytes:
        pending = [root]
        while pending:
            op = pending[-1]
            missing = (
                [t.op for t in op.inputs if t.op not in self._of_op]
                if op not in self._of_op
                else []
            )
            if missing and not _stands_for_itself(op):
                pending.extend(missing)
                continue
            pending.pop()
            if op not in self._of_op:
                self._of_op[op] = self._digest(op)
        return self._of_op[root]

    def _digest(self, op: tf.Operation) -> bytes:
        if _stands_for_itself(op):
            return hashlib.sha1(op.name.encode()).digest()
        digest = hashlib.sha1(op.type.encode())
        attributes = op.node_def.attr
        for name in sorted(attributes):
            if name not in _IGNORED_ATTRIBUTES:
                digest.update(
                    name.encode() + attributes[name].SerializeToString(deterministic=True)
                )
        for tensor in op.inputs:
            digest.update(self._of_op[tensor.op] + str(tensor.value_index).encode())
        return digest.digest()


def _stands_for_itself(op: tf.Operation) -> bool:
    """Sources, variables and ops that may give another value at each call."""
    if op.type == "ReadVariableOp":
        return False
    return (not op.inputs and op.type != "Const") or op.op_def.is_stateful
