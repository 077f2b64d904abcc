"""How many jobs a GPU should run side by side: as many as still train more frames a second in total.

A step of a small network is many small kernels, and one process cannot start them as fast as a GPU ends them. Whether
several can is tried: 1, 2, 4 … processes step for a second at the same time.
"""

import time
from collections.abc import Callable
from multiprocessing import Barrier, get_context
from threading import BrokenBarrierError

from pipeline.planning import steps
from pipeline.planning.steps import Step

SECONDS = 1.0
"""Time in which steps are counted."""
WAIT = 60.0
"""Seconds until a process that does not start, or has no memory, is given up."""
WORTH = 1.1
"""Twice as many jobs must train at least this many times as fast in total."""


def best(step: Step, most: int, rate: Callable[[Step, int], float] | None = None) -> int:
    """The number of jobs, at most `most`, that run `step` fastest. `rate` gives the steps a second of all together."""
    rate, jobs = rate or together, 1
    fastest = rate(step, jobs)
    while 2 * jobs <= most:
        found = rate(step, 2 * jobs)
        if found < WORTH * fastest:
            break
        jobs, fastest = 2 * jobs, found
    return jobs


def together(step: Step, jobs: int) -> float:
    """Steps a second of `jobs` processes that run at the same time; 0 if one of them fails, as without memory."""
    context = get_context("spawn")
    start = context.Barrier(jobs)
    with context.Pool(jobs, _begin, (start,)) as pool:
        counts = [pool.apply_async(_count, (step,)) for _ in range(jobs)]
        try:
            return sum(each.get(2 * WAIT) for each in counts) / SECONDS
        except Exception:  # torch's errors of a full GPU have many types; whatever it is, so many jobs are too many
            return 0.0


_START: Barrier


def _begin(start: Barrier) -> None:
    global _START
    _START = start


def _count(step: Step) -> int:
    """Steps that this process makes while the others do."""
    run = steps.repeated(step)
    run()
    try:
        _START.wait(WAIT)
    except BrokenBarrierError:
        return 0
    end, count = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < end:
        run()
        count += 1
    return count
