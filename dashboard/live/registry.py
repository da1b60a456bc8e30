"""All runs and their workers: made in the server's lifespan, and touched by its event loop only."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections import OrderedDict, deque
from typing import Any

import numpy as np

from core.catalogue import Catalogue
from core.experiment import Experiment, InvalidExperiment, can_change_live
from dashboard.live import pipe, words
from dashboard.live.bounds import held_problems, window_problems, work_problems
from dashboard.live.checkpoints import Checkpoints
from dashboard.live.run import NO_WORKER, Run
from dashboard.live.settings import Settings
from dashboard.live.workers import LiveError, Worker, WorkerDied

log = logging.getLogger(__name__)

DESCRIPTIONS = 256
"""Described experiments that are remembered: pages ask for the same one at every rerun."""
LONGEST_WAIT = 30.0
"""Seconds between two attempts to start a worker that does not start."""
UNKNOWN = "This run no longer exists; start a new one."


class Registry:
    """Runs by key, each on one of the workers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue: Catalogue | None = None
        self._workers: list[Worker] = []
        self._runs: dict[int, Run] = {}
        self._keys: dict[str, Run] = {}
        self._homeless: deque[Run] = deque()
        self._numbers = itertools.count(1)
        self._started = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._described: OrderedDict[Experiment, dict[str, Any]] = OrderedDict()

    # Life

    async def start(self) -> None:
        """Begin to start the workers; `create` waits for the first one."""
        for _ in range(self.settings.workers or os.cpu_count() or 1):
            self._spawn(self._start_worker())
        self._spawn(self._keep_house())

    async def stop(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task of the live server failed", exc_info=error)

    async def _start_worker(self) -> Worker:
        """Start a worker, as often as it takes."""
        pause = 0.5
        while True:
            worker = Worker(self.settings, self._tell, self._lost)
            self._workers.append(worker)
            try:
                await worker.start()
                catalogue = await asyncio.wait_for(asyncio.shield(worker.ready), self.settings.start_timeout)
            except (OSError, TimeoutError, WorkerDied):
                log.exception("a worker could not be started; the next attempt is in %g s", pause)
                await worker.stop()
                self._workers.remove(worker)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_WAIT)
                continue
            self.catalogue = self.catalogue or Catalogue.from_dict(catalogue)
            self._started.set()
            return worker

    def _tell(self, message: pipe.Message, block: bytes) -> None:
        if run := self._runs.get(message["run"]):
            run.take(message, block)

    def _lost(self, worker: Worker) -> None:
        self._workers.remove(worker)
        if not any(other.usable for other in self._workers):
            self._started.clear()
        for run in self._runs.values():
            if run.worker is worker:
                run.orphan()
                self._homeless.append(run)
        self._spawn(self._replace())

    async def _replace(self) -> None:
        """Start another worker, and give it the runs that have none."""
        worker = await self._start_worker()
        while self._homeless and worker.usable:
            run = self._homeless.popleft()
            if run.number in self._runs:
                await self._bring_back(run, worker)

    async def _bring_back(self, run: Run, worker: Worker) -> None:
        """Restart a run from its checkpoint, or from its first iteration where there is none."""
        run.rewind()
        try:
            await self._build(run, worker, run.checkpoints.latest)
        except WorkerDied:
            self._homeless.append(run)  # its successor will take it
        except (InvalidExperiment, LiveError) as error:
            run.state, run.words = words.STOPPED, f"stopped · it could not be brought back: {error}"
            run.tell_status()
        else:
            run.settle(worker)

    async def _build(self, run: Run, worker: Worker, checkpoint: bytes = b"") -> None:
        experiment = run.experiment
        order = {"do": "create", "run": run.number, "experiment": experiment.to_dict(), "speed": run.speed, **run.counters()}
        await worker.request(order, checkpoint)
        if run.experiment != experiment:  # the checkpoint is older than the last change
            await worker.request({"do": "change", "run": run.number, "experiment": experiment.to_dict()})

    # Housekeeping

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self.settings.tick)
            for worker in list(self._workers):
                worker.look_after(self.settings.tick)
            for run in list(self._runs.values()):
                self._look_after(run)

    def _look_after(self, run: Run) -> None:
        if run.state == words.RESTARTING:  # its time begins again with its next worker
            return
        now = time.monotonic()
        alone = now - run.left_at
        if alone >= self.settings.discard_after:
            self._discard(run)
            return
        if run.worker is None:
            return
        if run.worker.unanswered >= self.settings.hang_told:
            run.tell_hang(run.worker.unanswered, self.settings.hang_timeout)
        if alone >= self.settings.pause_after and run.state == words.TRAINING and not run.resume:
            run.resume = True
            run.order("pause")
        if run.wants_checkpoint(now):
            run.checkpoint_at, run.checkpoint_changes = now, run.changes
            self._spawn(self._save(run, run.worker))

    async def _save(self, run: Run, worker: Worker) -> None:
        checkpoints = run.checkpoints  # it may begin anew before the worker answers
        with contextlib.suppress(LiveError):
            answer, checkpoint = await worker.request({"do": "checkpoint", "run": run.number})
            checkpoints.add(answer["iteration"], checkpoint)

    def _discard(self, run: Run) -> None:
        run.end()
        for key in (run.control, run.watch):
            self._keys.pop(key, None)
        self._runs.pop(run.number, None)

    def _make_room(self, visitor: str) -> None:
        """For one more run of this visitor: where there is no place, the one that was left longest ago is given up."""
        most, of_one = self.settings.max_runs, self.settings.max_runs_of_one
        own = [run for run in self._runs.values() if visitor and run.visitor == visitor]
        if len(own) >= of_one:
            self._give_up(own, f"You have {of_one} runs open, and more are not allowed: close one of your other pages.")
        elif len(self._runs) >= most:
            self._give_up(list(self._runs.values()), f"All {most} places for runs are taken; try again in a few minutes.")

    def _give_up(self, some: list[Run], refusal: str) -> None:
        """Discard one of these runs; LiveError with the refusal when all are watched."""
        alone = [run for run in some if not run.viewers]
        if not alone:
            raise LiveError(refusal)
        self._discard(min(alone, key=lambda run: run.left_at))

    # What pages and sockets ask for

    def find(self, key: str) -> Run | None:
        """The run that this key controls or watches."""
        return self._keys.get(key)

    def _seen(self, key: str) -> Run:
        run = self._keys.get(key)
        if run is None:
            raise LiveError(UNKNOWN)
        return run

    def _owned(self, key: str) -> Run:
        run = self._seen(key)
        if run.control != key:
            raise LiveError("This link can only watch.")
        return run

    def _controlled(self, key: str) -> tuple[Run, Worker]:
        run = self._owned(key)
        return run, self._worker_of(run)

    def _worker_of(self, run: Run) -> Worker:
        if run.worker is None:
            raise LiveError(NO_WORKER)
        run.touch()
        return run.worker

    def _least_busy(self) -> Worker:
        usable = [worker for worker in self._workers if worker.usable]
        load = {worker: 0 for worker in usable if worker.unanswered < self.settings.hang_told} or dict.fromkeys(usable, 0)
        if not load:
            raise LiveError("The trainers are being restarted; try again in a moment.")
        for run in self._runs.values():
            if run.worker in load:
                load[run.worker] += 1
        return min(load, key=lambda worker: load[worker])

    async def started(self) -> Catalogue:
        """The catalogue, once the first worker is warm."""
        await self._started.wait()
        if self.catalogue is None:
            raise LiveError("The trainers have not started.")
        return self.catalogue

    async def describe(self, experiment: Experiment) -> dict[str, Any]:
        """What its task says of itself, with the problems that only the task can know."""
        catalogue = await self.started()
        catalogue.check(experiment)
        described = self._described.get(experiment)
        if described is None:
            answer, _ = await self._least_busy().request({"do": "describe", "experiment": experiment.to_dict()})
            described = answer["task"]
            described["problems"] = (
                window_problems(experiment, described["steps"], catalogue)
                | held_problems(answer["held"], self.settings.max_held)
                | work_problems(answer["work"], self.settings.max_work)
            )
            self._described[experiment] = described
            if len(self._described) > DESCRIPTIONS:
                self._described.popitem(last=False)
        return described

    async def check(self, experiment: Experiment) -> None:
        """Raise InvalidExperiment where this experiment cannot be run."""
        if problems := (await self.describe(experiment))["problems"]:
            raise InvalidExperiment(problems)

    async def create(self, experiment: Experiment, visitor: str = "") -> Run:
        """A new run, ready to be played.  visitor: whose it is, "" when that is not known."""
        await self.check(experiment)
        worker = self._least_busy()
        self._make_room(visitor)
        run = Run(next(self._numbers), experiment, worker, self.settings, visitor)
        self._runs[run.number] = run
        try:
            await self._build(run, worker)
        except BaseException:
            self._discard(run)
            raise
        self._keys[run.control] = self._keys[run.watch] = run
        return run

    async def change(self, key: str, experiment: Experiment) -> Run:
        """Go on with this experiment, with the weights where that can be, otherwise from iteration 0; refusals leave the run untouched."""
        run, worker = self._controlled(key)
        await self.check(experiment)
        changes = run.experiment.changes(experiment)
        if changes:
            run.live()
            await worker.request({"do": "change", "run": run.number, "experiment": experiment.to_dict()})
            if run.untouched or not can_change_live(changes):
                run.began(experiment)
        return run

    async def command(self, key: str, do: str, value: Any = None) -> None:
        """Play, pause, step, restart, speed, seek."""
        run = self._owned(key)
        try:
            run.command(do, value)
        except ValueError as error:
            raise LiveError(str(error)) from None

    async def trace(self, key: str) -> tuple[int, dict[str, Any], bytes]:
        """Which state of the run this is (equal numbers, equal Traces), the snapshot's scalars and its Trace in bytes."""
        run = self._seen(key)
        worker, changes = self._worker_of(run), run.changes
        answer, block = await worker.request({"do": "trace", "run": run.number})
        return changes, answer["scalars"], block

    async def forecast(self, key: str) -> tuple[dict[str, Any], bytes]:
        """The network's forecast: name, origins and shape, and its values in bytes."""
        run = self._seen(key)
        return await self._worker_of(run).request({"do": "forecast", "run": run.number})

    async def history(self, key: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """The loss points of a run, (points, 6)."""
        return self._seen(key).history.points()

    async def ask(self, key: str, do: str, block: bytes = b"", **more: Any) -> tuple[dict[str, Any], bytes]:
        """A request about a run, for its own worker."""
        run, worker = self._controlled(key)
        return await worker.request({"do": do, "run": run.number, **more}, block)

    async def checkpoints(self, key: str) -> Checkpoints:
        """The checkpoints of a run that are kept."""
        return self._controlled(key)[0].checkpoints

    async def restore(self, key: str, checkpoint: bytes) -> Run:
        """Go on from a checkpoint, with its experiment."""
        run, worker = self._controlled(key)
        answer, _ = await worker.request({"do": "restore", "run": run.number}, checkpoint)
        run.began(Experiment.from_dict(answer["experiment"]))
        run.taken += 1
        return run

    async def weights(self, key: str, block: bytes, nonlinearity: str) -> tuple[Run, dict[str, Any]]:
        """Begin again with weights from a file, and what was found in it."""
        run, worker = self._controlled(key)
        answer, _ = await worker.request({"do": "weights", "run": run.number, "nonlinearity": nonlinearity}, block)
        run.began(Experiment.from_dict(answer["experiment"]))
        run.taken += 1
        return run, answer["found"]

    async def close(self, key: str) -> None:
        """Discard a run."""
        self._discard(self._owned(key))
