"""The run of a training in MLflow while it trains. MLflow may fail and return meanwhile."""

import logging
import time

from pipeline.config.params import Params
from pipeline.graph.graph import Job
from pipeline.tracking import tracked
from pipeline.tracking.experiment import Experiment, Metric, patiently, reason, shown

PAUSE = 20
"""A failed attempt is followed by a pause of so many times its length, so a server that hangs costs 5 % of the time."""


class LiveRun:
    """The run of a train job, begun or resumed, that is updated during training.

    It never raises. If MLflow fails, the values are kept, and the first later epoch that reaches it logs them too.
    """

    def __init__(self, job: Job, params: Params):
        self._job, self._params = job, params
        self._waiting: list[Metric] = []
        self._id = ""  # empty until MLflow answers
        self._failed, self._again = False, 0.0
        self._attempt()

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """Log the values of one epoch, unless they were logged before an interrupted training was resumed."""
        now = round(1000 * time.time())
        self._waiting += [Metric(f"training/{name}", value, now, epoch) for name, value in metrics.items()]
        if time.monotonic() >= self._again:
            self._attempt()

    def finish(self, status: str = "FINISHED") -> None:
        """End the run with one of MLflow's statuses: FINISHED, FAILED or KILLED."""
        self._attempt(status)

    def _attempt(self, status: str | None = None) -> None:
        """Log what is waiting and, with a `status`, end the run. Say when MLflow fails and when it answers again."""
        started, logger = time.monotonic(), logging.getLogger(__name__)
        try:
            patiently(lambda: self._log(status))
        except Exception as error:  # no tracking error may end hours of training
            self._id = ""  # it is looked up again, because the run may be lost, or hold more than was confirmed
            self._again = time.monotonic() + PAUSE * (time.monotonic() - started)
            if not self._failed:
                logger.warning(
                    "MLflow at %s failed (%s); training goes on and tries it again, and `python -m pipeline track %s` "
                    "adds what is missing afterwards", shown(), reason(error), self._params.study.name,
                )  # fmt: skip
            self._failed = True
        else:
            if self._failed:
                logger.warning("MLflow at %s answers again; what it missed is logged", shown())
            self._failed = False

    def _log(self, status: str | None) -> None:
        if not self._id:
            self._open()
        if self._logged and self._waiting and self._waiting[0].step <= min(step for _, step in self._logged):
            # Training restarted instead of resuming.
            self._experiment.delete(self._id)
            self._logged, self._id = set(), self._experiment.begin(self._identity)
        new = [metric for metric in self._waiting if (metric.key, metric.step) not in self._logged]
        self._experiment.log(self._id, new)
        self._waiting = []
        if status:
            self._experiment.client.set_terminated(self._id, status)

    def _open(self) -> None:
        """Find the run and what it holds, or begin it. A finished one is replaced, because training runs again."""
        among = tracked.known_studies(self._params)
        self._identity = tracked.identify(self._job, self._params, among, finished=False)
        self._experiment = Experiment(self._job.wildcards["data"])
        run = self._experiment.find(self._identity)
        if run and run.info.status == "FINISHED":
            self._experiment.delete(run.info.run_id)
            run = None
        self._logged = set(self._experiment.history(run, run.data.metrics)) if run else set()
        self._id = self._experiment.begin(self._identity, run)
