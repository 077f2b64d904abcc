"""Several processes that train one network on one machine, one GPU each or all on its CPUs, by torch's DDP.

Each process takes an equal share of every step's frames. Their gradients are averaged, so all hold the same weights.
"""

import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.utils.errors import BadInput

START = "spawn"
"""How processes are started. A process that has used CUDA must not be forked."""
POLL = 0.2
"""Seconds between two looks at the processes."""

Row = dict[str, float]


class Group(NamedTuple):
    """The place of this process, `rank`, among `count` processes that train one network."""

    rank: int = 0
    count: int = 1

    def sum(self, *tensors: Tensor) -> None:
        """Replace each tensor by its sum over all processes."""
        for tensor in tensors if self.count > 1 else ():
            dist.all_reduce(tensor)

    def share(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Return `model` with gradients averaged over the processes, and batch norms over the frames of all of them."""
        if self.count == 1:
            return model
        gpus = [torch.cuda.current_device()] if device.type == "cuda" else None
        if gpus:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        else:
            for module in model.modules():
                if type(module) is nn.BatchNorm2d:
                    module.__class__ = SynchronisedNorm
        # Looking for unused parameters also keeps DDP from regrouping gradients after the first step. A resumed run
        # would otherwise add them in another order than an undisturbed one.
        with warnings.catch_warnings():
            # From torch 2.13 on, `broadcast_buffers` has another name, which torch 2.11 does not know.
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(model, gpus, broadcast_buffers=False, find_unused_parameters=True)


ALONE = Group()


class SynchronisedNorm(nn.BatchNorm2d):
    """Batch norm over the frames of all processes, which have equally many, where torch has none: on a CPU."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise features NxCxHxW by the mean and variance of all processes' features."""
        if not self.training:
            return super().forward(features)
        mean = _mean(features.float())
        centred = features.float() - mean[:, None, None]
        variance = _mean(centred.square())
        with torch.no_grad():
            count = dist.get_world_size() * features[:, 0].numel()
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(features.dtype)


def _mean(features: Tensor) -> Tensor:
    return _Sum.apply(features.mean((0, 2, 3))) / dist.get_world_size()


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes. Each process's loss depends on it, so its gradients are summed too."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def rows(train: Callable[..., Iterator[Row]], count: int, arguments: tuple[Any, ...]) -> Iterator[Row]:
    """Run `train(group, *arguments)` in `count` processes; yield what it yields in the first, as it comes.

    An error of one process ends all of them and is raised here. Raises `BadInput` if there are fewer GPUs than
    processes, or if a process was killed.
    """
    if torch.cuda.is_available():
        if torch.cuda.device_count() < count:
            raise BadInput(
                f"the recipe's processes is {count}, but there are only {torch.cuda.device_count()} GPUs; "
                "lower it, and raise accumulate if the memory is too small"
            )
        torch.cuda.empty_cache()  # The first process shares a GPU with this one.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns of every network without unused parameters.
    with tempfile.TemporaryDirectory() as folder:
        queue = mp.get_context(START).SimpleQueue()
        context = mp.start_processes(
            _run, (train, count, f"file://{folder}/store", queue, arguments), count, join=False, start_method=START
        )
        try:
            yield from _listen(context, queue, count)
        finally:
            for process in context.processes:
                process.kill()
                process.join()


def _listen(context: mp.ProcessContext, queue: Any, count: int) -> Iterator[Row]:
    """Yield the rows in the queue until the first process says that it is done."""
    ended = False
    while not ended:
        try:
            ended = context.join(POLL)
        except (mp.ProcessExitedException, mp.ProcessRaisedException) as error:
            yield from _said(queue)
            _explain(context, count)
            raise RuntimeError(f"process {error.error_index} of {count} failed: {error.msg}") from None
        for row in _said(queue):
            if row is None:
                return
            yield row
    raise BadInput(f"the {count} processes of the training were interrupted; the same command continues where it was")


def _said(queue: Any) -> Iterator[Row | None]:
    while not queue.empty():
        said = queue.get()
        if isinstance(said, Exception):
            raise said
        yield said


def _explain(context: mp.ProcessContext, count: int) -> None:
    """Raise `BadInput` if a process was killed by another one than this; the others then fail because of it."""
    for rank, process in enumerate(context.processes):
        if (process.exitcode or 0) < 0 and process.exitcode != -signal.SIGTERM:  # which `join` ends the others by
            name = signal.Signals(-process.exitcode).name
            raise BadInput(
                f"process {rank} of the {count} that train was ended by {name}, which too little memory can cause; "
                "the same command continues from the last checkpoint"
            )


def _run(
    rank: int, train: Callable[..., Iterator[Row]], count: int, store: str, queue: Any, arguments: tuple[Any, ...]
) -> None:
    """Train as one process of several. The first one sends its rows, and None at the end; each one sends its error."""
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(rank)
    dist.init_process_group("nccl" if on_gpu else "gloo", store, rank=rank, world_size=count)
    try:
        for row in train(Group(rank, count), *arguments):
            if rank == 0:
                queue.put(row)
    except (BadInput, torch.OutOfMemoryError) as error:
        queue.put(error)
        raise
    if rank == 0:
        queue.put(None)
    dist.destroy_process_group()
