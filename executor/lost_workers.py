"""Workers of Beam's local runner that end before their work does.

With `--direct_running_mode=multi_processing` the runner starts processes and waits for what they
answer. Of a process that is killed while it starts, or between two answers, it waits for ever. Here
the waiting ends when the process does.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from apache_beam.portability import python_urns
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from microtome.errors import WorkerError

_REPEAT_SECONDS = 0.5
# threads of the runner that end with an error where a worker is lost, which is told once
_THREADS = ("beam_control_read", "read_grpc_client_inputs")

_patching = threading.Lock()

_Handler: Any = worker_handlers.SubprocessSdkWorkerHandler


class Lost:
    """What was noticed.

    Attributes:
        error: What to tell of the first worker that was lost; None as long as none was.
        handlers: Of all workers: without one of them, what the others do is in vain.
    """

    def __init__(self) -> None:
        self.error: WorkerError | None = None
        self.handlers: list[Any] = []

    def give_up(self) -> None:
        """Ends the waiting for answers and for data of all workers."""
        for handler in list(self.handlers):
            # the dictionary of what waits may change meanwhile
            with contextlib.suppress(RuntimeError):
                handler.control_conn.abort(self.error)
            handler.data_conn.close()


@contextlib.contextmanager
def noticed() -> Iterator[Lost]:
    """Ends the waiting for a worker process that was lost.

    The pipeline fails then with whatever error its runner makes of it; nothing is tried again.
    """
    lost = Lost()
    if not _patching.acquire(blocking=False):
        # another thread's evaluation is watched; Beam has one place for all
        yield lost
        return
    environments = worker_handlers.WorkerHandler._registered_environments
    known = environments.get(python_urns.SUBPROCESS_SDK)
    hook = threading.excepthook

    def without_ends_of_connections(args: threading.ExceptHookArgs) -> None:
        is_runner_s = args.thread is not None and args.thread.name in _THREADS
        if not (is_runner_s and isinstance(args.exc_value, grpc.RpcError)):
            hook(args)

    if known is not None:
        environments[python_urns.SUBPROCESS_SDK] = (_watching(lost), known[1])
    threading.excepthook = without_ends_of_connections
    try:
        yield lost
    finally:
        threading.excepthook = hook
        if known is not None:
            environments[python_urns.SUBPROCESS_SDK] = known
        _patching.release()


def _watching(lost: Lost) -> type:
    class Watched(_Handler):
        """Runs a worker process, and gives up what waits for it where it ends too early."""

        def start_worker(self) -> None:
            self._is_closing = threading.Event()
            lost.handlers.append(self)
            self.worker = local_job_service.SubprocessSdkWorker(
                self._worker_command_line, self.control_address, self.provision_info, self.worker_id
            )
            self.worker_thread = threading.Thread(target=self._run, name="run_worker")
            self.worker_thread.start()

        def close(self) -> None:
            self._is_closing.set()
            # for a worker that connects from now on; the runner tells only those who have
            self.control_conn.push(worker_handlers.BeamFnControlServicer._DONE_MARKER)
            super().close()

        def _run(self) -> None:
            reason = "it ended by itself"
            try:
                self.worker.run()
            except Exception as error:
                reason = _reason(str(error))
            else:
                if self._is_closing.is_set():
                    return
            lost.error = lost.error or _described(reason)
            # again and again: it may be asked for more
            lost.give_up()
            while not self._is_closing.wait(_REPEAT_SECONDS):
                lost.give_up()

    return Watched


def _reason(said: str) -> str:
    """How a process ended, from its exit status: its own, or of the shell around it."""
    found = re.search(r"return code (-?\d+)", said)
    if found is None:
        return said
    code = int(found[1])
    number = -code if code < 0 else code - 128
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(number).name}"
    return f"it ended with exit status {code}"


def _described(reason: str) -> WorkerError:
    killed = (
        " The system ends processes so where memory runs out: take fewer workers "
        "(--direct_num_workers) or smaller batches."
    )
    return WorkerError(
        f"A worker process was lost before its work was done: {reason}."
        f"{killed if 'SIGKILL' in reason else ''} Beam's local runner does not try again. Nothing "
        "was written; start the evaluation anew."
    )
