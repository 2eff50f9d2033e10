"""Runs Beam's pool of Python workers on loopback alone; Beam's own program listens everywhere.

python pool.py PORT
"""

import sys
import threading
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.utils import thread_pool_executor


class Pool(BeamFnExternalWorkerPoolServicer):
    """A pool that several task managers of one machine share.

    Each numbers its workers from one, so that to stop "4-1" could mean a worker of the other.
    """

    def StopWorker(self, request: Any, context: Any) -> Any:
        """Leaves the worker, which ends when its task manager closes the connection."""
        return beam_fn_api_pb2.StopWorkerResponse()


def main() -> None:
    """Serves until the process is ended."""
    server = grpc.server(thread_pool_executor.shared_unbounded_instance())
    pool = Pool(use_process=True)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
