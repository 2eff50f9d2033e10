"""TensorFlow Serving's gRPC service over pushed models, where its own server is not to be had.

No registry that this project installs from has the binary `tensorflow_model_server`. Its messages
and its service's stubs are `tensorflow-serving-api`'s; the model is run by TensorFlow; what is done
here is what the server does between them.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from concurrent import futures
from typing import Any, NoReturn

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tests.processes import HOST

DEFAULT_SIGNATURE = "serving_default"
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@contextlib.contextmanager
def serving(
    name: str, base_path: pathlib.Path
) -> Iterator[prediction_service_pb2_grpc.PredictionServiceStub]:
    """Serves the newest version under `base_path` as the model `name`; gives a client of it."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = PredictionService(name, base_path)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    try:
        with grpc.insecure_channel(f"{HOST}:{port}") as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
    finally:
        server.stop(grace=None).wait()


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """One version of one model."""

    def __init__(self, name: str, base_path: pathlib.Path):
        # as the server does by default: the version of the highest number, and no other folder
        self.version = max(int(one.name) for one in base_path.iterdir() if one.name.isdigit())
        path = base_path / str(self.version)
        self._name = name
        self._model = tf.saved_model.load(str(path), tags=["serve"])
        message = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        (meta_graph,) = (one for one in message.meta_graphs if "serve" in one.meta_info_def.tags)
        self._signatures = meta_graph.signature_def

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        response = predict_pb2.PredictResponse()
        signature = self._signature(request, response, context)
        if set(request.inputs) != set(signature.inputs):
            _refuse(context, f"the inputs must be {sorted(signature.inputs)}")
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        for key, value in self._run(response, context, inputs).items():
            if not request.output_filter or key in request.output_filter:
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response

    def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        response = classification_pb2.ClassificationResponse()
        outputs = self._run_examples(CLASSIFY, request, response, context)
        for labels, scores in zip(outputs["classes"], outputs["scores"], strict=True):
            row = response.result.classifications.add()
            for label, score in zip(labels, scores, strict=True):
                row.classes.add(label=label.decode(), score=score)
        return response

    def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        response = regression_pb2.RegressionResponse()
        outputs = self._run_examples(REGRESS, request, response, context)
        for value in outputs["outputs"].reshape(-1):
            response.result.regressions.add(value=value)
        return response

    def _signature(self, request: Any, response: Any, context: grpc.ServicerContext) -> Any:
        asked = request.model_spec
        version = asked.version.value if asked.HasField("version") else self.version
        if (asked.name, version) != (self._name, self.version):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {asked}")
        name = asked.signature_name or DEFAULT_SIGNATURE
        if name not in self._signatures:
            _refuse(context, f"there is no signature {name!r}, but {sorted(self._signatures)}")
        response.model_spec.name = self._name
        response.model_spec.version.value = self.version
        response.model_spec.signature_name = name
        return self._signatures[name]

    def _run_examples(
        self, method: str, request: Any, response: Any, context: grpc.ServicerContext
    ) -> dict[str, np.ndarray]:
        signature = self._signature(request, response, context)
        if signature.method_name != method:
            _refuse(context, f"{method} was expected; the signature has {signature.method_name}")
        examples = request.input.example_list.examples
        serialized = np.array([example.SerializeToString() for example in examples], object)
        return self._run(response, context, {"inputs": serialized})

    def _run(
        self, response: Any, context: grpc.ServicerContext, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        function = self._model.signatures[response.model_spec.signature_name]
        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        try:
            return {key: value.numpy() for key, value in function(**tensors).items()}
        except tf.errors.InvalidArgumentError as error:
            _refuse(context, error.message)


def _refuse(context: grpc.ServicerContext, why: str) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
    raise AssertionError("abort raises")
