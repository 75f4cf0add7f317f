"""A task in a process of its own, which a test can stop, kill, freeze and wake."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from types import TracebackType

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from tests.faults import tap
from tests.faults.points import Stop

# Forked from a server that has everything imported but no connection and no thread of the tests.
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["tests.faults.preload"])
PATIENCE_SECONDS = 120
# Starting a process asks after all others, and how one ended can be read only once: two threads
# that did so at once would leave one of them without the answer.
_TURN = threading.Lock()


class Task:
    """A job at work; leaving the block ends its process whatever state it is in."""

    def __init__(self, job: tap.Job, url: str, variables: dict[str, str], *stops: Stop) -> None:
        self._control, theirs = _FORKED.Pipe()
        self._process = _FORKED.Process(target=tap.run, args=(theirs, job, url, variables, stops))
        with _TURN:
            self._process.start()
        theirs.close()

    def __enter__(self) -> Task:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._join()
        self._control.close()

    def reached(self) -> str:
        """Wait until the task stands at its next stop; return the point's label."""
        message = self._received()
        assert isinstance(message, tap.Reached), f"the task was not stopped: {message}"
        return message.label

    def is_stopped(self) -> bool:
        """Wait for the next stop or the end; tell which it is. The end must be a success."""
        message = self._received()
        assert isinstance(message, tap.Reached) or message.error is None, message
        return isinstance(message, tap.Reached)

    def go_on(self) -> None:
        """Let the task go on from where it stands."""
        self._control.send(None)

    def ended(self) -> tap.Ended:
        """Wait for the task's end and return how it ended."""
        message = self._received()
        assert isinstance(message, tap.Ended), f"the task stands at a point: {message}"
        self._join()
        return message

    def kill(self) -> None:
        """Kill the task's process group with SIGKILL, and see that this is what it died of."""
        os.killpg(self._pid, signal.SIGKILL)
        self._join()
        assert self._process.exitcode == -signal.SIGKILL

    def freeze(self) -> None:
        """Take the processor from the task, as a paused machine does, and see that it stands."""
        os.killpg(self._pid, signal.SIGSTOP)
        self._wait_for(psutil.STATUS_STOPPED)

    def wake(self) -> None:
        """Let a frozen task run on."""
        assert psutil.Process(self._pid).status() == psutil.STATUS_STOPPED
        os.killpg(self._pid, signal.SIGCONT)

    def _join(self) -> None:
        """Wait for a process that is about to end."""
        with _TURN:
            self._process.join()

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def _received(self) -> object:
        assert self._control.poll(PATIENCE_SECONDS), "nothing was heard of the task"
        return self._control.recv()

    def _wait_for(self, status: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while psutil.Process(self._pid).status() != status:
            assert time.monotonic() < deadline, f"the task did not become {status}"
            time.sleep(0.005)
